"""Filters manifests: keeps the examples of which every condition given is true."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from project.action.output import progress, require_free, require_manifests
from project.contract import Example, InputError
from project.data.audit import Checks, target_flaws
from project.data.manifest import Manifest, write_manifest
from project.text.spelling import Spelling


class Rule:
    """Which examples are kept. A condition that is not given is met by all."""

    def __init__(
        self,
        min_length: float = 0.0,
        max_length: float | None = None,
        groups: Sequence[str | int] | None = None,
        not_groups: Sequence[str | int] = (),
        id_matches: str | None = None,
        text_matches: str | None = None,
        covered: bool = False,
        spelling: Spelling | None = None,
    ) -> None:
        if covered and spelling is None:
            raise InputError(
                "covered=true: there is no alphabet to cover targets: say text=..., for instance text=morse"
            )
        self.min_length = min_length
        self.max_length = math.inf if max_length is None else max_length
        self.groups = None if groups is None else set(map(str, groups))
        self.not_groups = set(map(str, not_groups))
        self.id_pattern = _pattern("id_matches", id_matches)
        self.text_pattern = _pattern("text_matches", text_matches)
        self.covering = spelling if covered else None

    def objection(self, example: Example) -> str | None:
        """The first condition that an example does not meet; None for one that is kept."""
        text = " ".join(example.symbols or ()) if example.text is None else example.text
        conditions = (
            ("min_length", example.length >= self.min_length),
            ("max_length", example.length <= self.max_length),
            ("groups", self.groups is None or example.group in self.groups),
            ("not_groups", example.group not in self.not_groups),
            ("id_matches", self.id_pattern is None or self.id_pattern.search(example.id)),
            ("text_matches", self.text_pattern is None or self.text_pattern.search(text)),
            ("covered", self.covering is None or not target_flaws(example, Checks(self.covering))),
        )
        return next((name for name, met in conditions if not met), None)


class Filter:
    """Writes the examples that a rule keeps to a manifest, and says how many each condition left out."""

    def __init__(
        self, manifest: str | Sequence[str], out: str | None = None, rule: Rule | None = None, overwrite: bool = False
    ) -> None:
        self.patterns = require_manifests(manifest, "filter")
        self.out = None if out is None else Path(out)
        self.rule = rule or Rule()
        self.overwrite = overwrite

    def run(self) -> int:
        """0 when the manifest is written."""
        manifest = Manifest.open(self.patterns)
        out = self.out or _beside(manifest.require_here())
        if out.absolute() in {file.absolute() for file in manifest.files}:
            raise InputError(f"{out}: it is what is filtered: name another file with out=...")
        require_free([out], self.overwrite)
        objections: Counter[str] = Counter()
        kept = []
        with progress("filtering", len(manifest)) as advance:
            for row, example in enumerate(manifest):
                objection = self.rule.objection(example)
                if objection is None:
                    kept.append(row)
                else:
                    objections[objection] += 1
                advance()
        left_out = ", ".join(f"{name} {count:,}" for name, count in objections.most_common()) or "none"
        if not kept:
            raise InputError(f"no example is left, nothing is written (left out by {left_out}): loosen the conditions")
        out.parent.mkdir(parents=True, exist_ok=True)
        write_manifest(out, manifest.select(kept), manifest.unit)
        print(f"{out}: {len(kept):,} of {len(manifest):,} examples; left out: {left_out}")
        return 0


def _pattern(key: str, pattern: str | None) -> re.Pattern[str] | None:
    if pattern is None:
        return None
    try:
        return re.compile(pattern)
    except re.error as error:
        raise InputError(f"{key}={pattern}: no regular expression: {error}: quote what is meant literally") from None


def _beside(files: Sequence[Path]) -> Path:
    if len(files) > 1:
        raise InputError(f"out: {len(files)} files are filtered into one: say out=..., the manifest to write")
    return files[0].with_name(f"{files[0].stem}.filtered.jsonl")
