"""How text is written piece by piece of words: learned as a corpus has it, or in lower case, and scored normalized."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, TypeAlias

from project.contract import Example, InputError
from project.text.normalize import changing, find_normalizers, normalize
from project.text.vocabulary import Vocabulary

Case: TypeAlias = Literal["auto", "keep", "lower"]

CAPITALS = 0.9  # of a corpus's letters; with more it is no corpus of names, but one that has no other letters
_LEARNED = ("nfc", "squeeze_spaces")


class Subwords:
    """A tokenizer's pieces, of a manifest's `text`.

    What is learned has capitals and punctuation if the corpus has them: a tokenizer that knows both cuts words in
    capitals into letters. What is scored, reference and answer alike, goes through `normalize` first.

    `case` is settled before anything is built: `auto` asks the training texts, see `settled_case`. `saved` is the file
    that a run's folder keeps: with it, the tokenizer that it was made from may be gone.
    """

    reads: Literal["text", "labels"] = "text"

    def __init__(
        self,
        tokenizer: str | None,
        normalize: Sequence[str] = (),
        case: Case = "auto",
        saved: str | None = None,
    ) -> None:
        if saved is None and not tokenizer:
            raise InputError(
                "text.tokenizer names nothing: make one with scansion prepare tokenizer <manifests> "
                "out=data/tokenizer.json, or name a published model's; in stt/lora it is that of the run that "
                "model.source names"
            )
        if case not in ("auto", "keep", "lower"):
            raise InputError(f"text.case={case}: choose from auto, keep, lower")
        self.alphabet = Vocabulary.load(saved or str(tokenizer))
        self._scored = find_normalizers(normalize)
        self._learned = find_normalizers([*_LEARNED, "lower"] if case == "lower" else _LEARNED)
        self.settings: Mapping[str, Any] = {
            "alphabet": self.alphabet.hash,
            "normalize": [str(step) for step in self._scored],
        }

    def normalize(self, text: str) -> str:
        """The text as it is scored: an answer as well as a reference."""
        return normalize(text, self._scored)

    def written(self, example: Example) -> str | None:
        """What a line of a manifest says it should be, if it does."""
        return example.text

    def reference(self, example: Example) -> str:
        """What an example is scored against."""
        if example.text is None:
            raise InputError("no target: give the line `text`")
        return self.normalize(example.text)

    def targets(self, reference: str, example: Example, frames: int) -> tuple[dict[str, list[int]], dict[str, Any]]:
        """The tokens of the text as it is learned, and the end."""
        return {"symbols": [*self.encode(example.text or ""), self.alphabet.end]}, {}

    def encode(self, text: str) -> list[int]:
        """The tokens of a text, as it is learned."""
        return self.alphabet.encode(normalize(text, self._learned))

    def decode(self, ids: Iterable[int]) -> str:
        """The text of tokens."""
        return self.alphabet.decode(ids)

    def for_validation(self) -> Subwords:
        """The same: nothing is outside of bytes."""
        return self

    def lenient(self) -> Subwords:
        """The same, for the same reason; a copy."""
        return copy.copy(self)

    def changes(self, text: str) -> list[str]:
        """The normalizers, with their versions, that change this text before it is scored."""
        return changing(text, self._scored)

    def uncovered(self, text: str) -> list[str]:
        """Nothing: what is no piece of a word is bytes."""
        return []


def settled_case(texts: Iterable[str]) -> tuple[Case, float]:
    """What `case=auto` comes to, and the part of letters that are capitals.

    >>> settled_case(["HELLO WORLD", "AND ALL"]), settled_case(["Hello world"])[0]
    (('lower', 1.0), 'keep')
    """
    capitals = letters = 0
    for text in texts:
        capitals += sum(one.isupper() for one in text)
        letters += sum(one.isalpha() for one in text)
    part = capitals / max(1, letters)
    return ("lower" if part > CAPITALS else "keep"), part
