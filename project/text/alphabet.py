"""An alphabet: the symbols a recognizer can write, and their numbers."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import ClassVar

from project import atomic
from project.contract import InputError


@dataclass(frozen=True)
class Alphabet:
    """The symbols a recognizer can write, numbered from 1; number 0 is CTC's blank, which writes nothing.

    It does not know how text is normalized before it is spelled: that is a Spelling.

    >>> alphabet = Alphabet(("A", "R", " ", "<AR>"))
    >>> alphabet.encode("A R<AR>"), len(alphabet)
    ([1, 3, 2, 4], 5)
    >>> alphabet.decode([1, 4])
    'A<AR>'
    """

    symbols: tuple[str, ...]
    separator: str = ""  # between symbols in text: nothing (characters) or one space (phones, glosses, bars' kinds)

    blank: ClassVar[int] = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "symbols", tuple(self.symbols))
        problem = _problem(self.symbols, self.separator)
        if problem:
            raise InputError(f"alphabet: {problem}")

    def __len__(self) -> int:
        """How many ids there are, the blank included: the width of a recognizer's output."""
        return len(self.symbols) + 1

    @cached_property
    def _ids(self) -> dict[str, int]:
        return {symbol: number for number, symbol in enumerate(self.symbols, start=1)}

    @cached_property
    def space(self) -> int | None:
        """The id of a space, of which a decoder writes one where it hears several in a row."""
        return self._ids.get(" ")

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        longest_first = sorted(self.symbols, key=len, reverse=True)
        return re.compile("|".join([*map(re.escape, longest_first), "."]), re.DOTALL)

    def split(self, text: str) -> list[str]:
        """The text cut into symbols, longest first; a character that no symbol covers stands as itself."""
        return text.split() if self.separator else self._pattern.findall(text)

    def encode(self, text: str) -> list[int]:
        """The ids of a text's symbols; what the alphabet does not cover is an error, never dropped."""
        try:
            return [self._ids[symbol] for symbol in self.split(text)]
        except KeyError:
            raise InputError(
                f"not in the alphabet: {', '.join(map(repr, self.uncovered(text)))} in {text!r}: "
                "add them to the text's symbols, or name a normalizer that maps or removes them"
            ) from None

    def decode(self, ids: Iterable[int]) -> str:
        """The text of ids; the blank is none."""
        ids = list(ids)
        wrong = [number for number in ids if not 0 < number < len(self)]
        if wrong:
            raise ValueError(f"ids {wrong} are no symbols: they go from 1 to {len(self) - 1}")
        return self.separator.join(self.symbols[number - 1] for number in ids)

    def uncovered(self, text: str) -> list[str]:
        """What in a text the alphabet does not cover, each once, in order of appearance."""
        return list(dict.fromkeys(symbol for symbol in self.split(text) if symbol not in self._ids))

    @cached_property
    def hash(self) -> str:
        """Sixteen hex digits that are equal only for equal alphabets."""
        return hashlib.sha256(self.to_json().encode()).hexdigest()[:16]

    def to_json(self) -> str:
        return json.dumps({"separator": self.separator, "symbols": list(self.symbols)}, ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> Alphabet:
        """The alphabet that `to_json` wrote."""
        try:
            content = json.loads(text)
            symbols, separator = content["symbols"], content["separator"]
        except (ValueError, TypeError, KeyError) as error:
            raise InputError(
                f'alphabet: not of the form {{"separator": "", "symbols": ["A", ...]}}: {error!r}'
            ) from None
        if not isinstance(symbols, list):
            raise InputError("alphabet: symbols must be a list of strings")
        return cls(tuple(symbols), separator)

    def save(self, path: str | Path) -> None:
        """Writes alphabet.json, whole or not at all."""
        atomic.write(Path(path), self.to_json() + "\n")

    @classmethod
    def load(cls, path: str | Path) -> Alphabet:
        """The alphabet of a file."""
        try:
            text = Path(path).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(
                f"{path}: the alphabet cannot be read: {error}: give the path of an alphabet.json"
            ) from None
        try:
            return cls.from_json(text)
        except InputError as error:
            raise InputError(f"{path}: {error}") from None


def _problem(symbols: tuple[str, ...], separator: str) -> str:
    """Why these symbols make no alphabet; empty if they do."""
    if separator not in ("", " "):
        return f"separator {separator!r} is not known: give '' (symbols stand side by side) or ' ' (a space between)"
    if not symbols:
        return "it has no symbols: give at least one"
    wrong = [symbol for symbol in symbols if not isinstance(symbol, str) or not symbol]
    if wrong:
        return f"symbol {wrong[0]!r} is not a text of at least one character: quote it, or remove it"
    if len(set(symbols)) < len(symbols):
        twice = sorted({symbol for symbol in symbols if symbols.count(symbol) > 1})
        return f"symbols {twice} stand twice: remove the second ones"
    if separator:
        spaced = [symbol for symbol in symbols if symbol.split() != [symbol]]
        return f"symbols {spaced} hold white space, which separates symbols here: rename them" if spaced else ""
    return _ambiguity(symbols)


def _ambiguity(symbols: tuple[str, ...]) -> str:
    """Where cutting text at the longest symbol would not give back the symbols it was written with; empty if nowhere.

    That is so exactly if a symbol is another one, plus a rest that can begin some text.

    >>> _ambiguity(("A", "R", "<AR>")), _ambiguity(("t", "ts"))
    ('', '')
    >>> _ambiguity(("A", "R", "AR"))
    "'AR' can also be read as 'A' followed by 'R': write it in brackets, or set separator to ' '"
    """
    known = set(symbols)
    longest = max(map(len, symbols))
    beginnings = {symbol[:end] for symbol in symbols for end in range(1, len(symbol) + 1)}

    def begins_text(rest: str) -> bool:
        cuts = range(1, min(longest, len(rest) - 1) + 1)
        return rest in beginnings or any(rest[:cut] in known and begins_text(rest[cut:]) for cut in cuts)

    for symbol in symbols:
        for cut in range(1, len(symbol)):
            if symbol[:cut] in known and begins_text(symbol[cut:]):
                return (
                    f"{symbol!r} can also be read as {symbol[:cut]!r} followed by {symbol[cut:]!r}: "
                    "write it in brackets, or set separator to ' '"
                )
    return ""
