"""What stations say: calls, exchanges, conversations and sentences, made from templates and lists of words.

Everything is written with all symbols that Morse code has; `texts` takes out what an alphabet lacks.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from project.corpus.keyer import words
from project.corpus.keyer.dice import Dice
from project.corpus.keyer.figures import CUT, date, frequency, report, serial, time
from project.text.morse import DIGITS, LETTERS, PROSIGNS, PUNCTUATION

_LETTERS, _DIGITS, _SIGNS = tuple(LETTERS), tuple(DIGITS), (*PUNCTUATION, *PROSIGNS)
_PLAIN = (*_LETTERS, *_DIGITS)
_FIELD = re.compile(r"\{(\w+)\}")

Draw = Callable[[Dice], str]


def group(dice: Dice) -> str:
    """A group at random: mostly five characters; letters, digits or both, now and then with other symbols."""
    length = 5 if dice.chance(0.6) else dice.between(1, 8)
    kind = dice.number()
    symbols = _LETTERS if kind < 0.2 else _DIGITS if kind < 0.25 else _PLAIN
    signs = 0.3 if dice.chance(0.4) else 0.0
    return "".join([dice.pick(_SIGNS if signs and dice.chance(signs) else symbols) for _ in range(length)])


def call_sign(dice: Dice) -> str:
    """A call sign of some country, sometimes on the move."""
    suffix = "".join([dice.pick(_LETTERS) for _ in range(1 + dice.weigh((0.1, 0.4, 0.5)))])
    number = dice.pick(_DIGITS) if dice.chance(0.99) else str(dice.between(10, 2030))
    call = f"{dice.pick_early(words.PREFIXES)}{number}{suffix}"
    if dice.chance(0.85):
        return call
    if dice.chance(0.25):
        return f"{dice.pick_early(words.PREFIXES)}/{call}"
    return f"{call}/{dice.pick_early(('P', 'M', 'QRP', 'MM', 'A', dice.pick(_DIGITS)))}"


def calls(dice: Dice) -> str:
    """Call signs as they are heard: alone, twice, or with what is around them."""
    call = call_sign(dice)
    form = dice.weigh((0.5, 0.1, 0.1, 0.1, 0.1, 0.1))
    if form == 1:
        return f"{call} {call}"
    if form == 2:
        return f"CQ CQ DE {call} {call} K"
    if form == 3:
        return f"{call_sign(dice)} DE {call}"
    if form == 4:
        return f"DE {call} {dice.pick_early(('K', '(', '+', '?', '<BK>', 'UP'))}"
    return call if form == 0 else f"QRZ? {call}"


def _exchange(dice: Dice) -> str:
    """What is told in a contest beside the report: serial number, zone, section, power, age or district."""
    form = dice.weigh((0.45, 0.25, 0.15, 0.05, 0.05, 0.05))
    if form == 0:
        return serial(dice)
    if form == 1:
        zone = str(dice.between(1, 40)).zfill(dice.between(1, 2))
        return zone.translate(CUT) if dice.chance(0.3) else zone
    if form == 2:
        return dice.pick(words.SECTIONS)
    if form == 3:
        return dice.pick(("KW", "K", "100", "1TT", "5", "5W", "500", "LP", "HP"))
    return str(dice.between(12, 92)) if form == 4 else f"{dice.pick(_LETTERS)}{dice.between(1, 50):02d}"


def _misspelt(dice: Dice) -> str:
    """A word begun wrongly, the error sign, and the word again."""
    word = dice.pick_early(words.NOUNS)
    return f"{word[: dice.between(1, len(word) - 1)]} <HH> {word}"


def _template(text: str) -> Draw:
    """What fills a template: each {FIELD} is drawn anew."""
    pieces = _FIELD.split(text)
    literals, names = pieces[::2], pieces[1::2]

    def fill(dice: Dice) -> str:
        filled = [literal + _FIELDS[name](dice) for literal, name in zip(literals, names, strict=False)]
        return "".join(filled) + literals[-1]

    return fill


def _templates(text: str) -> tuple[Draw, ...]:
    return tuple(_template(line.strip()) for line in text.strip().splitlines())


def contest(dice: Dice) -> str:
    """One turn of a contest: a call, an exchange, a confirmation, a question."""
    return dice.pick_early(_CONTEST)(dice)


def conversation(dice: Dice) -> str:
    """One turn of a conversation: a few phrases with something between them, and the signs that end it."""
    between = dice.pick((" = ", " = ", " ", ". ", ", "))
    phrases = [dice.pick_early(_CONVERSATION)(dice) for _ in range(dice.between(1, 4))]
    if dice.chance(0.4):
        phrases[-1] = f"{phrases[-1]} {dice.pick(_ENDS)(dice)}"
    return between.join(phrases)


def sentence(dice: Dice) -> str:
    """A sentence of English words: grammar without sense."""
    text = dice.pick_early(_SENTENCES)(dice)
    if dice.chance(0.3):
        text = f"{text}{dice.pick_early((', ', ' ', '; ', ' - ', ': '))}{_joined(dice)}"
    return text + dice.pick_early((".", "", ".", " =", "?", "!", " +", ".", "..."))


def _joined(dice: Dice) -> str:
    return f"{dice.pick_early(words.CONJUNCTIONS)} {dice.pick_early(_SENTENCES)(dice)}"


def _list_of(items: tuple[str, ...]) -> Draw:
    return lambda dice: dice.pick_early(items)


_FIELDS: dict[str, Draw] = {
    "CALL": call_sign,
    "RST": report,
    "EXCHANGE": _exchange,
    "SERIAL": serial,
    "TIME": time,
    "DATE": date,
    "FREQUENCY": frequency,
    "MISSPELT": _misspelt,
    "N": lambda dice: str(dice.between(1, 99)),
    "WATTS": lambda dice: dice.pick(("5", "10", "100", "50", "1", "400", "500", "1000", "200", "80", "2.5", "0.5")),
    "BAND": lambda dice: dice.pick(("160", "80", "60", "40", "30", "20", "17", "15", "12", "10", "6")),
    "YEAR": lambda dice: str(dice.between(1950, 2030)),
    "NAME": _list_of(words.NAMES),
    "PLACE": _list_of(words.PLACES),
    "RIG": _list_of(words.RIGS),
    "ANTENNA": _list_of(words.ANTENNAS),
    "WEATHER": _list_of(words.WEATHERS),
    "TELEGRAM": _list_of(words.TELEGRAMS),
    "the": _list_of(words.DETERMINERS),
    "he": _list_of(words.SUBJECTS),
    "him": _list_of(words.OBJECTS),
    "can": _list_of(words.MODALS),
    "cannot": _list_of(words.CONTRACTIONS),
    "is": _list_of(words.BEINGS),
    "on": _list_of(words.PREPOSITIONS),
    "well": _list_of(words.ADVERBS),
    "good": _list_of(words.ADJECTIVES),
    "man": _list_of(words.NOUNS),
    "men": _list_of(words.PLURALS),
    "two": _list_of(words.COUNTS),
    "see": _list_of(words.VERBS),
    "saw": _list_of(words.PASTS),
    "today": _list_of(words.TIMES),
}
_CONTEST = _templates("""
    CQ TEST DE {CALL} {CALL} TEST
    5NN {EXCHANGE}
    {CALL} 5NN {EXCHANGE}
    TU {CALL} TEST
    R 5NN {EXCHANGE}
    TU 5NN {EXCHANGE}
    CQ TEST {CALL} {CALL}
    TU DE {CALL}
    {CALL} {RST} {EXCHANGE} {EXCHANGE}
    {CALL} TU {CALL} 5NN {EXCHANGE}
    TEST {CALL}
    DE {CALL} 5NN {EXCHANGE} K
    {CALL} DE {CALL} UR {RST} NR {SERIAL} {SERIAL} <BK>
    NR {SERIAL}
    NR? AGN
    CQ SS {CALL} {CALL} SS
    NR {SERIAL} A {CALL} {N} {EXCHANGE}
    {CALL}?
    QRZ? {CALL} TEST
    R TU 73 DE {CALL}
    QSY {FREQUENCY} ?
    QSO B4 TU
    PSE UR NR ?
    ZONE? ZONE?
""")
_CONVERSATION = _templates("""
    UR RST {RST} {RST}
    NAME {NAME} {NAME}
    QTH {PLACE} {PLACE}
    TNX FER CALL
    RIG {RIG}
    ANT {ANTENNA}
    PWR {WATTS}W
    WX {WEATHER} TEMP {N}C
    HW CPY?
    GM {NAME}
    73
    CQ CQ CQ DE {CALL} {CALL} {CALL} K
    {CALL} DE {CALL}
    R R TNX {NAME} FER RPRT
    GE DR OM TNX FER CALL UR {RST} {RST}
    NAME HR IS {NAME}, QTH NR {PLACE}
    RIG HR {RIG} PWR {WATTS} WATTS ES ANT {ANTENNA} UP {N}M
    WX HR {WEATHER} ABT {N} F
    SO HW?
    FB {NAME} TNX FER NICE QSO
    73 ES HPE CUAGN {NAME}
    QSL VIA BURO
    PSE QSL TO P.O. BOX {SERIAL}
    {NAME} DE {NAME}
    GA {NAME} ES TNX FER INFO
    AGE {N} ES HAM SINCE {YEAR}
    VY 73 GL ES DX
    RST IS {RST}/{RST} QSB
    QRM ON {FREQUENCY}, QSY UP {N}
    QRL? QRL? DE {CALL}
    PSE AGN UR NAME?
    OP {NAME} ({PLACE})
    QRP {WATTS}W TO A {ANTENNA} ON {BAND}M
    {MISSPELT}
    SRI QSB ES QRN HR
    SKED {DATE} AT {TIME} ON {FREQUENCY}
    GUD DX ES 73
    WKG {BAND} - {BAND} METERS
    KEY IS A BUG
    LOC: JO{N} DIST {SERIAL} KM
    QSL VIA {CALL} OK?
    EMAIL {NAME}_{N}@{PLACE}.NET
    UR SIGS {RST} WID QRM; PSE RPT "{NAME}"
    WATTS? {WATTS} ES {BAND}M
    & QRX {N} MIN
    <CT> MSG NR {SERIAL} DE {CALL} CK {N} = {TELEGRAM} +
    <VE> QRU 73
    DR {NAME} <AA> MNI TNX
    MSG: {TELEGRAM} = {TELEGRAM} = {NAME}
    {TIME} <SOS> DE {CALL} POS {N} N {N} W
    RIG COST ${SERIAL} HI HI!
""")
_ENDS = _templates("""
    + {CALL} DE {CALL} K
    + {CALL} DE {CALL} (
    <SK> {CALL} DE {CALL} E E
    <BK>
    +
    K
    <SK> EE
    73 <SK>
    + DE {CALL} <SK>
""")
_SENTENCES = _templates("""
    {he} {saw} {the} {man}
    {the} {man} {is} {good}
    {he} {can} {see} {him}
    {the} {good} {man} {saw} {on} {the} {man}
    {the} {men} OF {the} {man} {saw} {well}
    {he} {saw} {him} {today}
    {he} {can} {see} {the} {good} {man} {on} {the} {man}
    {two} {men} {saw} {on} {the} {man} {today}
    {he} {saw} THAT {the} {man} {is} {well} {good}
    IT {is} {good} TO {see} {the} {man}
    {the} {man} {on} {the} {man} {is} {good}
    IF {he} {can} {see}, {he} {can} {see} {him}
    {today} {he} {saw} {the} {man}
    THERE {is} NO {good} {man} {on} {PLACE}
    {NAME} {saw} {the} {man} {on} {PLACE}
    WHY DID {the} {man} {see} {him}
    {he} {cannot} {see} {the} {man}
    {he} {saw}, {saw} AND {saw}
    {good}, {good} {men} {saw} {two} {men}
    {the} {man}'S {man} {is} {good}
    "{see} {the} {man}" {NAME} SAID
    {the} {man} ({good} {men}) {saw} {well}
    WHAT {is} {the} {man} OF {PLACE}
    IN {YEAR} {the} {man} {saw} {N} {men}
    {man} AND {man}, {man} OR {man}
    {the} {good}-{good} {man} {saw} AT {TIME}
    {he} {saw} {MISSPELT}
""")
