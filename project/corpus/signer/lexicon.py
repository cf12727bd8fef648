"""The sixty signs: for each gloss the shape and turn of the hand, its places and path, the speed and the face.

The signs are made up, the words only name them. Each differs from the others in some part of what signs are made of;
two pairs differ in one that pictures of hands do not show: `FACE_PAIR` in the face alone, `VELOCITY_PAIR` in speed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, cast, get_args

from project.corpus.signer.face import EXPRESSION

Hands = Literal["one", "both", "turns", "base"]  # turns: one after the other; base: the other hand lies below
Speed = Literal["even", "sharp"]  # sharp: there at once, and stays

FACE_PAIR: Final = ("TRUE", "REALLY")  # a statement, a question
VELOCITY_PAIR: Final = ("SLOW", "FAST")  # the same way at an even pace, or with one stroke

# Words of the last column: part of the expression, how much.
_FACES: Final = {
    "up": ("brows", 1.0),
    "down": ("brows", -0.9),
    "open": ("open", 1.0),
    "wide": ("wide", 1.0),
    "round": ("wide", -1.0),
    "puff": ("puff", 1.0),
    "stare": ("eyes", 1.0),
    "squint": ("eyes", -0.8),
}

# gloss hands shape turn place movement seconds speed face. A shape, turn or place changes where two are given. A turn
# says where fingers and palm point: up, down, forward, back (to the signer), across (to the other hand), side.
_TABLE: Final = """
HOUSE    both  flat         ua      high>side         line   0.46 even  -
RAIN     both  claw         fd      high>chest        tap    0.52 even  -
SUN      one   ring>spread  df      up                hold   0.42 even  -
SNOW     turns spread       fd      high>centre       zigzag 0.56 even  round
WIND     both  flat         ua      side>centre       sweep  0.54 even  puff
RIVER    one   flat         fd      centre>far        wave   0.56 even  -
TREE     base  spread       ua>ub   high              twist  0.48 even  -
FLOWER   one   ring         ub      cheek>nose        arc    0.42 even  -
MOUNTAIN both  fist         ab      belly>high        arc    0.50 even  puff
ROAD     both  flat         fa      centre>front      snake  0.48 even  -
MOTHER   one   spread       ua      chin              tap    0.44 even  -
FATHER   one   spread       ua      forehead          tap    0.44 even  -
CHILD    one   flat         fd      low               tap    0.42 even  -
FRIEND   both  hook         ad>au   chest             twist  0.46 even  -
WOMAN    one   thumb        ua      chin>chest        line   0.42 even  -
MAN      one   thumb        ua      forehead>chest    line   0.44 even  -
TEACHER  both  ring         ub>uf   temple>high       line   0.46 even  -
DOCTOR   base  bent         ad      palm              tap    0.42 even  -
NAME     base  pair         ad      palm              shake  0.42 even  -
PERSON   both  flat         fa      shoulder>belly    line   0.40 even  -
EAT      one   ring         ub      centre>mouth      tap    0.46 even  -
DRINK    one   cee          ua>ub   chest>mouth       line   0.44 even  -
SLEEP    one   spread>ring  ub      forehead>chin     line   0.46 even  squint
WORK     base  fist         ad      palm              beat   0.44 even  -
PLAY     both  wye          ub>ua   side              twist  0.46 even  -
WALK     turns flat         fd      chest             tap    0.52 even  -
DRIVE    turns fist         ua      chest             circle 0.50 even  -
FLY      one   horns        fd      shoulder>highside line   0.46 even  -
READ     base  vee          fd      chest>belly       zigzag 0.50 even  -
WRITE    base  pinch        fd      palm              zigzag 0.48 even  -
LOOK     one   vee          ub>uf   eye>front         line   0.40 even  stare
HEAR     one   cee          uf      ear               hold   0.36 even  -
SPEAK    one   point        ua      mouth             wheel  0.46 even  open
THINK    one   point        ub      temple            circle 0.44 even  -
KNOW     one   bent         ub      temple            tap    0.40 even  -
WANT     both  spread>claw  fu      front>chest       line   0.42 even  -
NEED     one   hook         uf>df   chest             line   0.38 sharp -
LIKE     one   spread>pinch ub      chest>front       line   0.44 even  -
LOVE     both  fist         ab      heart             hold   0.46 even  -
HELP     base  thumb        ua      palm>chest        line   0.44 even  -
GIVE     one   ring         bu>fu   chest>front       arc    0.42 even  -
TAKE     one   claw>fist    fd      front>chest       line   0.40 sharp -
COME     both  point        fu      front>chest       wheel  0.46 even  -
GO       one   point        ub>fd   chest>front       arc    0.38 sharp -
STOP     base  flat         fa      high>palm         line   0.34 sharp -
OPEN     both  flat         uf>ua   centre>side       arc    0.44 even  -
BUY      base  ring         fu      palm>front        line   0.42 even  -
MONEY    base  ring         fu      palm              tap    0.42 even  -
TIME     base  hook         fd      palm              beat   0.38 even  -
TODAY    both  wye          fu      centre            tap    0.40 even  -
TOMORROW one   thumb        ua      cheek>high        arc    0.44 even  -
NIGHT    base  bent         fd      high>palm         arc    0.44 even  -
WATER    one   three        ua      chin              tap    0.40 even  -
COLD     both  fist         ua      shoulder          shake  0.48 even  wide
TRUE     one   point        ua      mouth>front       arc    0.46 even  down,wide
REALLY   one   point        ua      mouth>front       arc    0.46 even  up,open
SLOW     one   pair         ad      far>wide          line   0.66 even  -
FAST     one   pair         ad      far>wide          line   0.34 sharp -
GOOD     one   flat         ub>fu   chin>front        line   0.40 even  -
BAD      one   flat         ub>fd   chin>low          line   0.38 sharp down
"""


@dataclass(frozen=True, slots=True)
class Sign:
    """One row of the table; of pairs, the first is where the sign begins and the second where it ends."""

    gloss: str
    hands: Hands
    shapes: tuple[str, str]
    turns: tuple[str, str]
    places: tuple[str, str]
    movement: str
    seconds: float  # at an ordinary tempo, without the way to it
    speed: Speed
    face: tuple[float, ...]  # in the order of EXPRESSION


def _sign(row: str) -> Sign:
    gloss, hands, shape, turn, place, movement, seconds, speed, face = row.split()
    assert hands in get_args(Hands), row
    assert speed in get_args(Speed), row
    parts = dict(_FACES[word] for word in face.split(",") if word != "-")
    return Sign(
        gloss,
        cast("Hands", hands),
        _pair(shape),
        _pair(turn),
        _pair(place),
        movement,
        float(seconds),
        cast("Speed", speed),
        tuple(parts.get(part, 0.0) for part in EXPRESSION),
    )


def _pair(words: str) -> tuple[str, str]:
    """What is first and last.

    >>> _pair("ring>spread"), _pair("flat")
    (('ring', 'spread'), ('flat', 'flat'))
    """
    first, _, last = words.partition(">")
    return first, last or first


SIGNS: Final = {sign.gloss: sign for sign in map(_sign, _TABLE.strip().splitlines())}
GLOSSES: Final = tuple(SIGNS)
