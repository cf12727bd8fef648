"""The Morse code itself: which marks each symbol has, and how long everything lasts in units.

A dit lasts 1 unit, a dah 3, the gap inside a symbol 1, between symbols 3, between words 7. By the PARIS rule the word
"PARIS " lasts 50 units, so that at a speed of `wpm` words a minute a unit is 1.2 / wpm seconds.
"""

from __future__ import annotations

import re

from project.contract import InputError

_LETTERS = """
A .-    B -...  C -.-.  D -..   E .     F ..-.  G --.   H ....  I ..    J .---  K -.-   L .-..  M --
N -.    O ---   P .--.  Q --.-  R .-.   S ...   T -     U ..-   V ...-  W .--   X -..-  Y -.--  Z --..
"""
_DIGITS = "0 -----  1 .----  2 ..---  3 ...--  4 ....-  5 .....  6 -....  7 --...  8 ---..  9 ----."
_PUNCTUATION = """
.  .-.-.-   ,  --..--   ?  ..--..   '  .----.   !  -.-.--   /  -..-.   (  -.--.   )  -.--.-   :  ---...
;  -.-.-.   =  -...-    +  .-.-.    -  -....-   _  ..--.-   "  .-..-.   $  ...-..-   @  .--.-.   &  .-...
"""
# Prosigns that no character stands for; <AR> is sent like +, <BT> like =, <KN> like (, <AS> like &.
_PROSIGNS = "<SK> ...-.-  <BK> -...-.-  <HH> ........  <CT> -.-.-  <VE> ...-.  <AA> .-.-  <SOS> ...---..."


def _table(text: str) -> dict[str, str]:
    words = text.split()
    return dict(zip(words[::2], words[1::2], strict=True))


LETTERS, DIGITS, PUNCTUATION, PROSIGNS = (_table(text) for text in (_LETTERS, _DIGITS, _PUNCTUATION, _PROSIGNS))
CODE = {**LETTERS, **DIGITS, **PUNCTUATION, **PROSIGNS}
DIT, DAH, ELEMENT_GAP, LETTER_GAP, WORD_GAP = 1, 3, 1, 3, 7  # units
_SYMBOL = re.compile(r"<[A-Z]+>|.", re.DOTALL)


def _length(marks: str) -> int:
    return sum(DIT if mark == "." else DAH for mark in marks) + (len(marks) - 1) * ELEMENT_GAP + LETTER_GAP


# How long each symbol lasts with the gap after it; a space is what a word gap adds to a symbol's gap.
UNITS = {symbol: _length(marks) for symbol, marks in CODE.items()} | {" ": WORD_GAP - LETTER_GAP}


def symbols_of(text: str) -> list[str]:
    """The symbols of a text, spaces included; what has no code is an error that names it.

    >>> symbols_of("TU <SK>")
    ['T', 'U', ' ', '<SK>']
    """
    symbols = _SYMBOL.findall(text)
    unknown = sorted({symbol for symbol in symbols if symbol not in CODE and symbol != " "})
    if unknown:
        raise InputError(
            f"no Morse code for {' '.join(map(repr, unknown))}: leave it out, or write it in other symbols"
        )
    return symbols


def num_units(symbol: str) -> int:
    """How long a symbol or a space lasts with the gap after it.

    >>> num_units("E"), num_units("Q"), sum(map(num_units, "PARIS "))
    (4, 16, 50)
    """
    return UNITS[symbol]
