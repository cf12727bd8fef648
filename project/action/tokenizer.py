"""Makes a tokenizer of the texts of manifests: the pieces of words that a model of text=subwords writes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.table import Table
from rich.text import Text

from project.action.output import console, require_free, require_manifests, say
from project.contract import InputError
from project.data.manifest import Manifest
from project.text.subwords import Case, settled_case
from project.text.vocabulary import Vocabulary, trained


class MakeTokenizer:
    """Writes a tokenizer.json, and says how many tokens a word comes to with it.

    Training texts alone are fair: pieces chosen by texts that are scored later flatter a little.
    """

    def __init__(
        self,
        manifest: str | Sequence[str],
        out: str | None = None,
        size: int = 256,
        case: Case = "auto",
        overwrite: bool = False,
    ) -> None:
        self.patterns = require_manifests(manifest, "tokenizer")
        if out is None or not out.endswith(".json"):
            raise InputError(f"prepare tokenizer: out={out} names no JSON file: add out=data/tokenizer.json")
        if size < 2:
            raise InputError(f"size={size}: give as many pieces of words as the tokenizer should have, 2 or more")
        if case not in ("auto", "keep", "lower"):
            raise InputError(f"case={case}: choose from auto, keep, lower")
        self.out, self.size, self.case, self.overwrite = Path(out), size, case, overwrite

    def run(self) -> int:
        """0 when it is written."""
        require_free([self.out], self.overwrite)
        manifest = Manifest.open(self.patterns)
        texts = [example.text for example in manifest if example.text]
        if not texts:
            raise InputError(f"{manifest.files[0]}: no example has a text: name a manifest with references")
        if self.case == "auto":
            self.case, part = settled_case(texts)
            say(f"{part:.0%} of the letters are capitals: case={self.case}")
        if self.case == "lower":
            texts = [text.lower() for text in texts]
        vocabulary = trained(texts, self.size)
        self.out.parent.mkdir(parents=True, exist_ok=True)
        vocabulary.save(self.out)
        console().print(self._table(vocabulary, texts))
        return 0

    def _table(self, vocabulary: Vocabulary, texts: Sequence[str]) -> Table:
        words = sum(len(text.split()) for text in texts)
        tokens = sum(len(vocabulary.encode(text)) for text in texts)
        table = Table(header_style="bold")
        for heading in ("tokenizer", "tokens", "texts", "words", "tokens a word", "an example"):
            table.add_column(heading, justify="left" if heading in ("tokenizer", "an example") else "right")
        shown = " ".join(vocabulary.symbols[number] for number in vocabulary.encode(texts[0])[:12])
        table.add_row(
            Text(str(self.out)), f"{len(vocabulary):,}", f"{len(texts):,}", f"{words:,}",
            f"{tokens / max(1, words):.2f}", Text(shown),
        )  # fmt: skip
        return table
