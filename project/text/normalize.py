"""Normalizers: named, numbered ways to rewrite a reference before it is spelled or scored."""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from project.contract import InputError


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


def _inside_word(text: str, place: int) -> bool:
    return 0 < place < len(text) - 1 and text[place - 1].isalnum() and text[place + 1].isalnum()


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


def normalize(text: str, normalizers: Iterable[Normalizer]) -> str:
    """The text after each normalizer in turn.

    >>> normalize(" cq  de ", find_normalizers(["upper", "squeeze_spaces"]))
    'CQ DE'
    """
    for normalizer in normalizers:
        text = normalizer.apply(text)
    return text
