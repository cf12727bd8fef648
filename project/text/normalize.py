"""Normalizers: named, numbered ways to rewrite a reference before it is spelled or scored."""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from project.contract import InputError
from project.text.glosses import drop_gloss_marks, rwth_glosses
from project.text.phoneme import drop_stress


@dataclass(frozen=True, slots=True)
class Normalizer:
    """One named rewriting of text; its version grows whenever its result changes, so that scores stay comparable."""

    name: str
    version: int
    apply: Callable[[str], str]

    def __str__(self) -> str:
        return f"{self.name}@{self.version}"


def unchanged(text: str) -> str:
    """The text as it is."""
    return text


def compose_accents(text: str) -> str:
    """Letters and accents as one character each where Unicode has one (NFC)."""
    return unicodedata.normalize("NFC", text)


def squeeze_spaces(text: str) -> str:
    r"""One space for any run of white space, none at the ends.

    >>> squeeze_spaces("  CQ\tCQ  DE ")
    'CQ CQ DE'
    """
    return " ".join(text.split())


def remove_spaces(text: str) -> str:
    """No white space at all: for figures that do not count word breaks."""
    return "".join(text.split())


def strip_punctuation(text: str) -> str:
    """Letters, digits, spaces and the apostrophes inside words; dashes and slashes become spaces.

    >>> strip_punctuation("Don’t — 'well-known', he said: 3 %!")
    "Don't   well known he said 3 "
    """
    text = re.sub("[’ʼ]", "'", text)  # typographic apostrophes
    text = re.sub(r"[-‐-―/]", " ", text)
    kept = [
        character
        for place, character in enumerate(text)
        if unicodedata.category(character)[0] not in "PS" or (character == "'" and _inside_word(text, place))
    ]
    return "".join(kept)


def ascii_punctuation(text: str) -> str:
    """Typographic quotes, dashes, dots and slashes as the plain ones of a keyboard.

    >>> ascii_punctuation("“No” – well…")
    '"No" - well...'
    """
    return text.translate(_ASCII)


def fold_accents(text: str) -> str:
    """Letters without their accents: é as e, ø as o, æ as ae; the letters of other scripts stay.

    >>> fold_accents("Ærø, Łódź, Müller")
    'AEro, Lodz, Muller'
    """
    parts = unicodedata.normalize("NFD", text)
    bare = "".join(part for part in parts if unicodedata.category(part) != "Mn")
    return unicodedata.normalize("NFC", bare).translate(_FOLDED)


def morse_prosigns(text: str) -> str:
    """Prosigns, however they are marked, as Morse texts write them: + = ( & where they sound like these, else <SK>.

    Known marks are <AR>, [AR], ^AR^ and letters with lines above them; a name that is no prosign stays as it is.

    >>> morse_prosigns("<BT> ur rst 599 [ar] ^VA^ <XY>")
    '= ur rst 599 + <SK> <XY>'
    """
    return _MARKED.sub(_prosign, text)


def _prosign(match: re.Match[str]) -> str:
    name = re.sub("[^A-Z]", "", match[0].upper())
    return _PROSIGNS.get(name, match[0])


def spell_prosigns(text: str) -> str:
    """Prosigns in brackets as their letters: for alphabets that have none.

    >>> spell_prosigns("73 <SK>")
    '73 SK'
    """
    return _IN_BRACKETS.sub(r"\1", text)


def _inside_word(text: str, place: int) -> bool:
    return 0 < place < len(text) - 1 and text[place - 1].isalnum() and text[place + 1].isalnum()


_ASCII = str.maketrans(
    dict.fromkeys("‘’‛ʼ", "'") | dict.fromkeys("“”„‟«»", '"') | dict.fromkeys("‐‑‒–—―−", "-") | {"…": "...", "⁄": "/"}
)
_FOLDED = str.maketrans(  # letters that have no accent in Unicode's eyes
    {"Æ": "AE", "æ": "ae", "Œ": "OE", "œ": "oe", "Ø": "O", "ø": "o", "Ł": "L", "ł": "l"}
    | {"Đ": "D", "đ": "d", "Ð": "D", "ð": "d", "Þ": "TH", "þ": "th", "ı": "i"}
)
# What each prosign is written as; some have two names.
_PROSIGNS = {"AR": "+", "BT": "=", "KN": "(", "AS": "&", "VA": "<SK>", "KA": "<CT>", "SN": "<VE>"} | {
    name: f"<{name}>" for name in ("SK", "BK", "HH", "CT", "VE", "AA", "SOS")
}
_MARKED = re.compile(r"<[A-Za-z]+>|\[[A-Za-z]+\]|\^[A-Za-z]+\^|(?:[A-Za-z]\u0305)+")
_IN_BRACKETS = re.compile(rf"<+({'|'.join(_PROSIGNS)})>+")

NORMALIZERS = {
    normalizer.name: normalizer
    for normalizer in (
        Normalizer("none", 1, unchanged),
        Normalizer("nfc", 1, compose_accents),
        Normalizer("upper", 1, str.upper),
        Normalizer("lower", 1, str.lower),
        Normalizer("squeeze_spaces", 1, squeeze_spaces),
        Normalizer("remove_spaces", 1, remove_spaces),
        Normalizer("strip_punctuation", 1, strip_punctuation),
        Normalizer("ascii_punctuation", 1, ascii_punctuation),
        Normalizer("fold_accents", 1, fold_accents),
        Normalizer("morse_prosigns", 1, morse_prosigns),
        Normalizer("spell_prosigns", 1, spell_prosigns),
        Normalizer("rwth_glosses", 1, rwth_glosses),
        Normalizer("drop_gloss_marks", 1, drop_gloss_marks),
        Normalizer("drop_stress", 1, drop_stress),
    )
}


def find_normalizers(names: Iterable[str]) -> tuple[Normalizer, ...]:
    """The normalizers of these names, to be applied in this order."""
    if isinstance(names, str):
        raise InputError(f"normalize: {names!r} is one name where a list is wanted: write [{names}]")
    return tuple(_find(name) for name in names)


def _find(name: str) -> Normalizer:
    if name in NORMALIZERS:
        return NORMALIZERS[name]
    near = difflib.get_close_matches(str(name), NORMALIZERS, n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(NORMALIZERS)}"
    raise InputError(f"normalize: there is no normalizer {name!r}: {hint}")


def changing(text: str, normalizers: Iterable[Normalizer]) -> list[str]:
    """Those that change this text when they are applied in turn, with their versions.

    >>> changing("A  cab", find_normalizers(["upper", "squeeze_spaces", "nfc"]))
    ['upper@1', 'squeeze_spaces@1']
    """
    found = []
    for step in normalizers:
        before, text = text, step.apply(text)
        if text != before:
            found.append(str(step))
    return found


def normalize(text: str, normalizers: Iterable[Normalizer]) -> str:
    """The text after each normalizer in turn.

    >>> normalize(" cq  de ", find_normalizers(["upper", "squeeze_spaces"]))
    'CQ DE'
    """
    for normalizer in normalizers:
        text = normalizer.apply(text)
    return text
