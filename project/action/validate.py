"""Validates manifests: every problem on a line of its own, and if wished a copy without the examples that have one.

Files are what training, tuning and testing are given apart: excerpts of one file must not share rows with another's.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from operator import attrgetter
from pathlib import Path

import numpy as np
import orjson

from project.action.output import progress, require_free, require_manifests, say, write_json, write_lines
from project.contract import InputError
from project.data.audit import Checks, Problem, audit
from project.data.line import parse_line
from project.data.manifest import Manifest
from project.data.overlap import NONE, REMEDY, line_up, same_files, seen_by
from project.part import Feature, Notation


class Validate:
    """Prints `file:line: id: what: remedy` for all that is wrong with manifests, and repairs nothing.

    It reads the heads of media, not all of them, and does not know whether a text is what is heard.
    """

    def __init__(
        self,
        manifest: str | Sequence[str],
        spelling: Notation | None = None,
        feature: Feature | None = None,
        reduction: int = 1,
        media: bool = True,
        skip_bad: bool = False,
        json: str | None = None,
        overwrite: bool = False,
    ) -> None:
        if reduction < 1:
            raise InputError(f"reduction={reduction}: give the frames that the model makes one of, 1 or more")
        self.patterns = require_manifests(manifest, "validate")
        self.checks = Checks(spelling, feature, reduction, media)
        self.skip_bad = skip_bad
        self.json = None if json is None else Path(json)
        self.overwrite = overwrite

    def run(self) -> int:
        """0 if all is well, or what is not was left out; 2 if there are problems."""
        manifest = Manifest.open(self.patterns)
        if not len(manifest):
            raise InputError(f"{self.patterns[0]}: it has no examples: write one a line")
        require_free([self.json] if self.json else [], self.overwrite)
        if self.skip_bad:
            require_free([path for file in manifest.require_here() for path in _copies(file)], self.overwrite)
        with progress("validating", len(manifest)) as advance:
            problems = list(audit(manifest, self.checks, advance))
        problems += overlap_problems(manifest, self.checks.media)
        problems.sort(key=attrgetter("row"))
        for problem in problems:
            print(problem)
        if self.json:
            content = [problem.to_json() for problem in problems]
            write_json(self.json, {"examples": len(manifest), "hash": manifest.hash, "problems": content})
        if self.skip_bad:
            return _leave_out(manifest, problems)
        return _conclude(manifest, problems)


def _conclude(manifest: Manifest, problems: Sequence[Problem]) -> int:
    examples = f"{len(manifest):,} examples"
    if not problems:
        say(f"{examples}, no problems")
        return 0
    bad = len({problem.row for problem in problems})
    say(f"{len(problems):,} problems in {bad:,} of {examples}: mend them, or skip_bad=true writes a copy without them")
    return 2


def overlap_problems(manifest: Manifest, by_content: bool) -> Iterator[Problem]:
    """The windows that share rows with one of a file named before theirs.

    With `by_content` series that hold the same bytes are one, whatever they are called.
    """
    if len(manifest.files) == 1:
        return
    folders = manifest.folders
    owners = np.repeat(np.arange(len(folders)), [len(Manifest([file])) for file in manifest.files])
    lines = [_name_and_medium(manifest.raw(row), folders[owner]) for row, owner in enumerate(owners.tolist())]
    media = [medium for _, medium in lines]
    windows = line_up(media, same_files(media) if by_content else None)
    for number in range(1, len(folders)):
        own = windows.where(owners == number)
        seen_N = seen_by(own, windows.where(owners < number))
        for row, other in zip(own.examples_N[seen_N != NONE].tolist(), seen_N[seen_N != NONE].tolist(), strict=True):
            file, _, line = manifest.location(row).rpartition(":")
            stretch = media[row].rpartition("#")[2]
            what = f"its rows {stretch} overlap those of {manifest.location(other)} ({lines[other][0]})"
            yield Problem(row, file, int(line), lines[row][0], what, REMEDY)


def _name_and_medium(raw: bytes, folder: str) -> tuple[str, str]:
    """Of a line; nothing of one that the audit finds unsound, or whose medium is no excerpt."""
    if b"#" not in raw:
        return "", ""
    try:
        example = parse_line(raw, folder)
    except ValueError:
        return "", ""
    return example.id, example.media


def _copies(file: Path) -> tuple[Path, Path]:
    """Beside a manifest: its clean copy, and the list of what was left out of it."""
    return file.with_name(f"{file.stem}.clean.jsonl"), file.with_name(f"{file.stem}.left_out.jsonl")


def _leave_out(manifest: Manifest, problems: Sequence[Problem]) -> int:
    """Write the clean copies and the lists, for each file, whether something is wrong with it or not."""
    flaws: defaultdict[int, list[Problem]] = defaultdict(list)
    for problem in problems:
        flaws[problem.row].append(problem)
    if len(flaws) == len(manifest):
        raise InputError(f"{manifest.files[0]}: no example is without a problem, nothing is written: mend the manifest")
    rows: defaultdict[str, list[int]] = defaultdict(list)
    for row in range(len(manifest)):
        rows[manifest.location(row).rpartition(":")[0]].append(row)
    contents: dict[Path, list[bytes]] = {}
    for file in manifest.files:
        clean, left_out = _copies(file)
        contents[clean] = [manifest.raw(row) for row in rows[str(file)] if row not in flaws]
        contents[left_out] = [_record(manifest, row, flaws[row]) for row in rows[str(file)] if row in flaws]
    write_lines(contents)
    for path, lines in contents.items():
        say(f"{path}: {len(lines):,} examples")
    return 0


def _record(manifest: Manifest, row: int, problems: Sequence[Problem]) -> bytes:
    """What was left out, why, and the line itself."""
    record = {
        "id": problems[0].id,
        "line": problems[0].line,
        "problems": [f"{problem.what}: {problem.remedy}" for problem in problems],
        "raw": manifest.raw(row).decode(errors="replace").strip(),
    }
    return orjson.dumps(record)
