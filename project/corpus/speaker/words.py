"""The built-in words with how they are said: common ones, chosen so that every phone occurs in several of them."""

from __future__ import annotations

from typing import Final

# word PHONES; word PHONES. A 1 stands behind the vowel with the main stress; words without one have no stress.
WORDS: Final = """
a AH; and AH N D; the DH AH; of AH V; to T AH; in IH N; that DH AE1 T; this DH IH1 S; these DH IY1 Z; those DH OW1 Z
they DH EY1; them DH EH1 M; there DH EH1 R; then DH EH1 N; with W IH1 DH; we W IY; you Y UW1; he HH IY1; she SH IY1
it IH T; is IH Z; was W AH1 Z; were W ER1; are AA1 R; be B IY1; have HH AE1 V; has HH AE1 Z; had HH AE1 D; do D UW1
does D AH1 Z; did D IH1 D; not N AA1 T; what W AH1 T; who HH UW1; why W AY1; how HH AW1; when W EH1 N; where W EH1 R
which W IH1 CH; can K AE1 N; could K UH1 D; would W UH1 D; should SH UH1 D; will W IH1 L; must M AH1 S T; may M EY1
my M AY1; your Y AO1 R; his HH IH1 Z; her HH ER1; our AW1 ER; their DH EH1 R; for F AO R; from F R AH1 M; on AA1 N
at AE1 T; by B AY1; as AE1 Z; or AO1 R; if IH1 F; but B AH1 T; up AH1 P; out AW1 T; off AO1 F; over OW1 V ER
under AH1 N D ER; about AH B AW1 T; after AE1 F T ER; before B IH F AO1 R; again AH G EH1 N; very V EH1 R IY
more M AO1 R; most M OW1 S T; some S AH1 M; many M EH1 N IY; much M AH1 CH; all AO1 L; both B OW1 TH; other AH1 DH ER
another AH N AH1 DH ER; every EH1 V R IY; each IY1 CH; such S AH1 CH; same S EY1 M; own OW1 N; now N AW1
here HH IH1 R; one W AH1 N; two T UW1; three TH R IY1; four F AO1 R; five F AY1 V; six S IH1 K S; seven S EH1 V AH N
eight EY1 T; nine N AY1 N; ten T EH1 N; eleven IH L EH1 V AH N; twelve T W EH1 L V; twenty T W EH1 N T IY
thirty TH ER1 T IY; hundred HH AH1 N D R AH D; thousand TH AW1 Z AH N D; first F ER1 S T; second S EH1 K AH N D
third TH ER1 D; fifth F IH1 F TH; sixth S IH1 K S TH; half HH AE1 F; zero Z IH1 R OW; once W AH1 N S; twice T W AY1 S
monday M AH1 N D EY; tuesday T UW1 Z D EY; wednesday W EH1 N Z D EY; thursday TH ER1 Z D EY; friday F R AY1 D EY
weekend W IY1 K EH N D; morning M AO1 R N IH NG; evening IY1 V N IH NG; night N AY1 T; today T AH D EY1
tomorrow T AH M AA1 R OW; yesterday Y EH1 S T ER D EY; month M AH1 N TH; year Y IH1 R; week W IY1 K; hour AW1 ER
minute M IH1 N AH T; time T AY1 M; winter W IH1 N T ER; summer S AH1 M ER; january JH AE1 N Y UW EH R IY
june JH UW1 N; july JH UH L AY1; march M AA1 R CH; mother M AH1 DH ER; father F AA1 DH ER; brother B R AH1 DH ER
sister S IH1 S T ER; child CH AY1 L D; children CH IH1 L D R AH N; baby B EY1 B IY; boy B OY1; girl G ER1 L
man M AE1 N; woman W UH1 M AH N; women W IH1 M AH N; friend F R EH1 N D; teacher T IY1 CH ER; student S T UW1 D AH N T
doctor D AA1 K T ER; people P IY1 P AH L; person P ER1 S AH N; king K IH1 NG; judge JH AH1 JH; nurse N ER1 S
soldier S OW1 L JH ER; driver D R AY1 V ER; house HH AW1 S; home HH OW1 M; room R UW1 M; kitchen K IH1 CH AH N
garage G ER AA1 ZH; garden G AA1 R D AH N; door D AO1 R; window W IH1 N D OW; table T EY1 B AH L; chair CH EH1 R
bed B EH1 D; book B UH1 K; paper P EY1 P ER; pencil P EH1 N S AH L; picture P IH1 K CH ER
television T EH1 L AH V IH ZH AH N; computer K AH M P Y UW1 T ER; telephone T EH1 L AH F OW N; number N AH1 M B ER
letter L EH1 T ER; word W ER1 D; question K W EH1 S CH AH N; answer AE1 N S ER; story S T AO1 R IY; school S K UW1 L
college K AA1 L IH JH; office AO1 F AH S; shop SH AA1 P; market M AA1 R K AH T; hospital HH AA1 S P IH T AH L
city S IH1 T IY; village V IH1 L AH JH; country K AH1 N T R IY; world W ER1 L D; street S T R IY1 T; road R OW1 D
bridge B R IH1 JH; river R IH1 V ER; mountain M AW1 N T AH N; beach B IY1 CH; ocean OW1 SH AH N; island AY1 L AH N D
earth ER1 TH; north N AO1 R TH; south S AW1 TH; east IY1 S T; west W EH1 S T; weather W EH1 DH ER; cloud K L AW1 D
rain R EY1 N; snow S N OW1; wind W IH1 N D; sun S AH1 N; moon M UW1 N; star S T AA1 R; sky S K AY1; fire F AY1 ER
water W AO1 T ER; milk M IH1 L K; coffee K AO1 F IY; tea T IY1; juice JH UW1 S; bread B R EH1 D; cheese CH IY1 Z
rice R AY1 S; fish F IH1 SH; chicken CH IH1 K AH N; egg EH1 G; apple AE1 P AH L; orange AO1 R AH N JH
banana B AH N AE1 N AH; tomato T AH M EY1 T OW; potato P AH T EY1 T OW; sugar SH UH1 G ER; salt S AO1 L T; oil OY1 L
breakfast B R EH1 K F AH S T; lunch L AH1 N CH; dinner D IH1 N ER; vegetable V EH1 JH T AH B AH L
chocolate CH AO1 K L AH T; dog D AO1 G; cat K AE1 T; bird B ER1 D; horse HH AO1 R S; sheep SH IY1 P; ship SH IH1 P
mouse M AW1 S; tiger T AY1 G ER; lion L AY1 AH N; elephant EH1 L AH F AH N T; zebra Z IY1 B R AH; flower F L AW1 ER
tree T R IY1; leaf L IY1 F; grass G R AE1 S; ring R IH1 NG; watch W AA1 CH; clothes K L OW1 Z; shirt SH ER1 T
shoes SH UW1 Z; hat HH AE1 T; glove G L AH1 V; leather L EH1 DH ER; mouth M AW1 TH; teeth T IY1 TH; tooth T UW1 TH
tongue T AH1 NG; nose N OW1 Z; eye AY1; ear IH1 R; hand HH AE1 N D; foot F UH1 T; finger F IH1 NG G ER; thumb TH AH1 M
voice V OY1 S; health HH EH1 L TH; breath B R EH1 TH; birth B ER1 TH; money M AH1 N IY; price P R AY1 S; job JH AA1 B
company K AH1 M P AH N IY; machine M AH SH IY1 N; engine EH1 N JH AH N; train T R EY1 N; plane P L EY1 N; bus B AH1 S
car K AA1 R; ticket T IH1 K AH T; journey JH ER1 N IY; garbage G AA1 R B IH JH; good G UH1 D; bad B AE1 D
better B EH1 T ER; best B EH1 S T; big B IH1 G; small S M AO1 L; large L AA1 R JH; long L AO1 NG; short SH AO1 R T
young Y AH1 NG; old OW1 L D; new N UW1; early ER1 L IY; late L EY1 T; fast F AE1 S T; slow S L OW1; hot HH AA1 T
cold K OW1 L D; warm W AO1 R M; cool K UW1 L; happy HH AE1 P IY; sad S AE1 D; angry AE1 NG G R IY
beautiful B Y UW1 T AH F AH L; strange S T R EY1 N JH; easy IY1 Z IY; difficult D IH1 F AH K AH L T
strong S T R AO1 NG; heavy HH EH1 V IY; full F UH1 L; empty EH1 M P T IY; quiet K W AY1 AH T; loud L AW1 D
usual Y UW1 ZH UW AH L; thick TH IH1 K; thin TH IH1 N; smooth S M UW1 DH; rough R AH1 F; white W AY1 T
black B L AE1 K; red R EH1 D; blue B L UW1; green G R IY1 N; yellow Y EH1 L OW; brown B R AW1 N; purple P ER1 P AH L
right R AY1 T; wrong R AO1 NG; left L EH1 F T; true T R UW1; go G OW1; going G OW1 IH NG; come K AH1 M; give G IH1 V
take T EY1 K; make M EY1 K; get G EH1 T; put P UH1 T; see S IY1; look L UH1 K; hear HH IH1 R; listen L IH1 S AH N
say S EY1; said S EH1 D; tell T EH1 L; talk T AO1 K; speak S P IY1 K; think TH IH1 NG K; thought TH AO1 T; know N OW1
learn L ER1 N; teach T IY1 CH; read R IY1 D; write R AY1 T; sing S IH1 NG; play P L EY1; work W ER1 K; live L IH1 V
leave L IY1 V; love L AH1 V; like L AY1 K; want W AA1 N T; need N IY1 D; help HH EH1 L P; try T R AY1; find F AY1 N D
keep K IY1 P; hold HH OW1 L D; bring B R IH1 NG; buy B AY1; sell S EH1 L; choose CH UW1 Z; change CH EY1 N JH
enjoy EH N JH OY1; join JH OY1 N; wash W AA1 SH; brush B R AH1 SH; push P UH1 SH; pull P UH1 L; open OW1 P AH N
close K L OW1 Z; start S T AA1 R T; stop S T AA1 P; finish F IH1 N IH SH; begin B IH G IH1 N; run R AH1 N
walk W AO1 K; jump JH AH1 M P; swim S W IH1 M; fly F L AY1; drive D R AY1 V; ride R AY1 D; sit S IH1 T; seat S IY1 T
stand S T AE1 N D; sleep S L IY1 P; wake W EY1 K; eat IY1 T; drink D R IH1 NG K; cook K UH1 K; laugh L AE1 F
cry K R AY1; smile S M AY1 L; ask AE1 S K; use Y UW1 Z; wear W EH1 R; show SH OW1; visit V IH1 Z AH T
travel T R AE1 V AH L; arrive ER AY1 V; believe B IH L IY1 V; remember R IH M EH1 M B ER; forget F ER G EH1 T
measure M EH1 ZH ER; pleasure P L EH1 ZH ER; treasure T R EH1 ZH ER; decision D IH S IH1 ZH AH N; vision V IH1 ZH AH N
leisure L IY1 ZH ER; usually Y UW1 ZH AH L IY; noise N OY1 Z; point P OY1 N T; coin K OY1 N; toy T OY1
thing TH IH1 NG; nothing N AH1 TH IH NG; music M Y UW1 Z IH K; language L AE1 NG G W AH JH; english IH1 NG G L IH SH
chinese CH AY N IY1 Z; china CH AY1 N AH; america AH M EH1 R IH K AH
"""
