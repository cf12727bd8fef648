"""A vocabulary: the pieces of words that a recognizer writes, and their numbers, as a tokenizer cuts text into them.

The tokenizer is the `tokenizers` library's, out of one of its files. It does not know how text is normalized before it
is cut: that is for the notation.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

from project import atomic
from project.contract import InputError

if TYPE_CHECKING:
    from tokenizers import Tokenizer

START, END, UNKNOWN = "<s>", "</s>", "<unk>"
FILES: Final = ("alphabet.json", "tokenizer.json")  # in a run's folder, and in those of published models


class Vocabulary:
    """Tokens, numbered from 0. Nothing that can be written in Unicode is outside of it: bytes are tokens, too."""

    blank: Final = 0  # of a CTC head on the side: a number that no text has
    separator: Final = ""  # between tokens in text

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer
        tokenizer.encode_special_tokens = True  # a text that spells </s> does not end there
        self.start, self.end = (_number(tokenizer, name) for name in (START, END))

    def __len__(self) -> int:
        """How many there are, those added to the tokenizer included: the width of a recognizer's output."""
        return int(self._tokenizer.get_vocab_size(with_added_tokens=True))

    @cached_property
    def symbols(self) -> tuple[str, ...]:
        """The tokens in the order of their numbers."""
        numbers: dict[str, int] = self._tokenizer.get_vocab(with_added_tokens=True)
        return tuple(sorted(numbers, key=numbers.__getitem__))

    def encode(self, text: str) -> list[int]:
        """The tokens of a text, without start and end."""
        ids: list[int] = self._tokenizer.encode(text, add_special_tokens=False).ids
        unknown = self._tokenizer.token_to_id(UNKNOWN)
        if unknown is not None and unknown in ids:
            raise InputError(
                f"the tokenizer cannot write {text!r:.80}: name one with byte fallback, such as scansion prepare "
                "tokenizer makes"
            )
        return ids

    def split(self, text: str) -> list[str]:
        """The tokens of a text as they are written in the tokenizer: a space is the beginning of one."""
        return [self.symbols[number] for number in self.encode(text)]

    def uncovered(self, text: str) -> list[str]:
        """Nothing: what is no piece of a word is bytes."""
        return []

    def decode(self, ids: Iterable[int]) -> str:
        """The text of tokens; start, end and padding are none."""
        return str(self._tokenizer.decode(list(ids), skip_special_tokens=True)).strip()

    @cached_property
    def hash(self) -> str:
        """Sixteen hex digits that are equal only for equal tokenizers."""
        return hashlib.sha256(self.to_json().encode()).hexdigest()[:16]

    def to_json(self) -> str:
        """All of it: what a run's folder keeps."""
        return json.dumps(json.loads(self._tokenizer.to_str()), ensure_ascii=False, sort_keys=True)

    def save(self, path: str | Path) -> None:
        """Writes tokenizer.json, whole or not at all."""
        atomic.write(Path(path), self.to_json() + "\n")

    @classmethod
    def from_json(cls, text: str) -> Self:
        """The vocabulary that `to_json` wrote."""
        from tokenizers import Tokenizer

        try:
            tokenizer = Tokenizer.from_str(text)
        except Exception as error:  # the library raises nothing more special
            reason = " ".join(str(error).split())[:200]
            raise InputError(f"no tokenizer.json of the tokenizers library: {reason}: name another file") from None
        tokenizer.no_padding()
        tokenizer.no_truncation()
        return cls(tokenizer)

    @classmethod
    def load(cls, source: str | Path) -> Self:
        """That of a tokenizer.json, of a folder that holds one, or of a run's folder."""
        place = Path(source)
        if place.is_dir():
            held = [place / name for name in FILES if (place / name).is_file()]
            if not held:
                raise InputError(f"{source}: it holds no tokenizer.json: name the file, or a folder that has one")
            place = held[0]
        try:
            text = place.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(
                f"text.tokenizer={source}: it cannot be read ({error}): make one with scansion prepare tokenizer, or "
                "name a published model's tokenizer.json"
            ) from None
        try:
            return cls.from_json(text)
        except InputError as error:
            raise InputError(f"{place}: {error}") from None


def _number(tokenizer: Tokenizer, name: str) -> int:
    number = tokenizer.token_to_id(name)
    if number is None:
        raise InputError(f"the tokenizer has no {name}: name one that marks where text starts and ends")
    return int(number)


def numbered(size: int) -> Vocabulary:
    """As many tokens, which stand for nothing: to build models of that size without their tokenizer.

    >>> len(numbered(512)), numbered(512).end
    (512, 2)
    """
    from tokenizers import Tokenizer, models

    tokens = [UNKNOWN, START, END, *(f"<{number}>" for number in range(3, size))]
    numbers = {token: number for number, token in enumerate(tokens)}
    return Vocabulary(Tokenizer(models.WordLevel(vocab=numbers, unk_token=UNKNOWN)))


def trained(texts: Iterable[str], size: int) -> Vocabulary:
    """Byte-pair encoding of these texts: pieces of words that are frequent in them, and all bytes.

    Numbers 0, 1 and 2 are unknown, start and end, as in Moonshine's own; a space is the beginning of a piece. `size`
    counts pieces of words, characters among them; specials and bytes come on top.
    """
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers

    learner = Tokenizer(models.BPE(unk_token=UNKNOWN))
    learner.pre_tokenizer = pre_tokenizers.Metaspace()
    learner.train_from_iterator(texts, trainers.BpeTrainer(vocab_size=size, show_progress=False, special_tokens=[]))
    learned = json.loads(learner.to_str())["model"]
    pieces = sorted(learned["vocab"], key=learned["vocab"].__getitem__)
    if not pieces:
        raise InputError("the texts hold nothing to make a tokenizer of: name manifests whose lines have texts")
    tokens = [UNKNOWN, START, END, *(f"<0x{byte:02X}>" for byte in range(256)), *pieces]
    merges = [tuple(pair) if isinstance(pair, list) else tuple(pair.split(" ")) for pair in learned["merges"]]
    numbers = {token: number for number, token in enumerate(dict.fromkeys(tokens))}
    model = models.BPE(vocab=numbers, merges=merges, unk_token=UNKNOWN, byte_fallback=True, fuse_unk=True)
    tokenizer = Tokenizer(model)
    tokenizer.add_special_tokens([UNKNOWN, START, END])
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    space = decoders.Replace("▁", " ")
    tokenizer.decoder = decoders.Sequence([space, decoders.ByteFallback(), decoders.Fuse()])
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{START} $0", special_tokens=[(START, numbers[START])]
    )
    return Vocabulary(tokenizer)
