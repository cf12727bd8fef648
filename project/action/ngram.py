"""Counts the texts of manifests, of plain files, or of what is made while training, into a model for decode=beam_lm."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from rich.table import Table
from rich.text import Text

from project.action.output import console, progress, require_free, require_manifests
from project.contract import InputError
from project.data.manifest import Manifest
from project.data.profile import symbols_of
from project.part import Source
from project.text.ngram import Ngrams, count
from project.text.spelling import Spelling


class CountNgrams:
    """Writes a model of the references' symbols, and says how well it foretells other texts.

    `source` makes texts, too: those of its first epoch.

    Counting a recognizer's own training texts is fair; counting texts that it will be scored on is not.
    """

    def __init__(
        self,
        manifest: str | Sequence[str] = (),
        out: str | None = None,
        spelling: Spelling | None = None,
        order: int = 5,
        min_count: int = 1,
        held_out: str | Sequence[str] = (),
        overwrite: bool = False,
        source: Source | None = None,
    ) -> None:
        self.patterns = require_manifests(manifest, "ngram") if manifest or source is None else []
        if source is not None and not isinstance(source, Source):
            raise InputError("source: it makes nothing while training: choose one that does: corpus@source=morse_fresh")
        if out is None:
            raise InputError("prepare ngram: no file is named: add out=lm.json")
        if min_count < 1:
            raise InputError(f"min_count: {min_count}: give 1 or more")
        self.out = Path(out)
        self.spelling = spelling
        self.order = order
        self.min_count = min_count
        self.held_out = [held_out] if isinstance(held_out, str) else list(held_out)
        self.overwrite = overwrite
        self.source = source

    def run(self) -> int:
        """0 when the model is written."""
        require_free([self.out], self.overwrite)
        counted = self._symbols(self.patterns) if self.patterns else []
        held_out = self._symbols(self.held_out) if self.held_out else []
        counted += self._drawn()
        symbols = sorted({one for text in counted for one in text})
        if self.spelling is not None:
            symbols = list(self.spelling.alphabet.symbols)
        numbers = {symbol: number for number, symbol in enumerate(symbols)}
        if unknown := sorted({one for text in counted for one in text if one not in numbers}):
            raise InputError(
                f"{unknown[0]!r} is not in the alphabet of text=...: name a text that has it or normalizes it"
            )
        model = count(([numbers[one] for one in text] for text in counted), symbols, self.order, self.min_count)
        if unknown := sorted({one for text in held_out for one in text if one not in numbers}):
            raise InputError(f"held_out: {unknown[0]!r} is in none of the texts counted: name text=... as well")
        self.out.parent.mkdir(parents=True, exist_ok=True)
        model.save(self.out)
        console().print(self._table(model, numbers, counted, held_out))
        return 0

    def _symbols(self, patterns: Sequence[str]) -> list[list[str]]:
        plain = [pattern for pattern in patterns if pattern.endswith(".txt")]
        kept = [text for file in plain for text in self._lines(Path(file))]
        if manifests := [pattern for pattern in patterns if pattern not in plain]:
            texts = [symbols_of(example, self.spelling) for example in Manifest.open(manifests)]
            kept += [list(text) for text in texts if text is not None]
        if not kept:
            raise InputError(f"{patterns[0]}: there is no text in it: name a manifest with references, or a text file")
        return kept

    def _drawn(self) -> list[list[str]]:
        """The texts that the source makes."""
        if self.source is None:
            return []
        texts: list[list[str]] = []
        with progress("making texts", len(self.source.lengths)) as advance:
            for number in range(len(self.source.lengths)):
                texts.append(list(symbols_of(self.source.draw(number, 0)[0], self.spelling) or ()))
                advance()
        if not any(texts):
            raise InputError(
                "source: what it makes has no texts: choose another one, such as corpus@source=morse_fresh"
            )
        return [text for text in texts if text]

    def _lines(self, file: Path) -> Iterator[list[str]]:
        """A text a line."""
        try:
            lines = file.read_text(encoding="utf-8-sig").split("\n")
        except FileNotFoundError:
            raise InputError(f"{file}: no such file") from None
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(f"{file}: cannot be read as text: {error}") from None
        for number, line in enumerate(map(str.strip, lines), start=1):
            if self.spelling is None:
                text = list(line)
            elif unknown := self.spelling.uncovered(line):
                raise InputError(f"{file}:{number}: {unknown[0]!r} is not in the alphabet of text=...: take it out")
            else:
                text = list(self.spelling.alphabet.split(self.spelling.normalize(line)))
            if text:
                yield text

    def _table(
        self,
        model: Ngrams,
        numbers: dict[str, int],
        counted: Iterable[Sequence[str]],
        held_out: Sequence[Sequence[str]],
    ) -> Table:
        table = Table(header_style="bold")
        for heading in ("model", "order", "symbols", "sequences", "contexts", "texts", "bits a symbol", "held out"):
            table.add_column(heading, justify="left" if heading == "model" else "right")
        texts = list(counted)
        table.add_row(
            Text(str(self.out)), str(model.order), str(len(model.symbols)), f"{sum(map(len, model.keys)):,}",
            f"{model.num_states:,}", f"{len(texts):,}", f"{bits(model, numbers, texts[:1000]):.2f}",
            f"{bits(model, numbers, held_out):.2f}" if held_out else "-",
        )  # fmt: skip
        return table


def bits(model: Ngrams, numbers: dict[str, int], texts: Sequence[Sequence[str]]) -> float:
    """How many yes-or-no questions a symbol is worth to who knows the model; ends count as symbols."""
    total = sum(model.log_prob([numbers[one] for one in text]) for text in texts)
    return -total / math.log(2) / sum(len(text) + 1 for text in texts)
