"""A Report: what an evaluation found, under which Protocol, with one row for each example.

On disk it is a folder named by the hash of its Protocol, with two files. `report.json` holds figures, intervals and
Protocol. `predictions.csv` holds a line for each example, for people who plot; its header:

    id, reference, hypothesis    as scored, after text normalization
    group, length, location      who, how long (as the manifest counts), and where the signal is
    meta.<name> ...              what else the manifest says of an example, such as meta.snr_db; empty where it does not
    <metric>_<column> ...        what each metric counted, such as cer_substitutions, cer_deletions, cer_length
    score                        the decoder's log-probability (natural logarithm)

Further columns of single families, see row_cells.py: `inside` and `threshold` of spans, and `phones` to
`gop_calibration` of how well phones were said.

What `info` holds, for people and for checks; `evaluate` fills it:

    manifest, checkpoint, weights, code    which examples (as named), and which weights (hash of the file) and code
    decode, metric, batching, adapter      from the run's configuration; adapters with the norm of what they change
    references                             what normalizing changed and the alphabet lacks, see references.py
    seconds, time, devices                 in all, by what it was spent on, and on how many processes
    length_unit, real_time_factor          where lengths are seconds
    statistics, findings, not_measured     what diagnosis measured and found, and what it had nothing to look at for
    interval                               how intervals were drawn: unit, units, resamples, confidence, seed
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from project import atomic
from project.contract import Assessment, InputError, Track
from project.evaluation import row_cells
from project.evaluation.interval import Interval
from project.evaluation.protocol import Protocol, hash_ids

csv.field_size_limit(1 << 30)  # references may be as long as books
HEAD = ("id", "reference", "hypothesis", "group", "length", "location")
TAIL = ("score",)
META = "meta."
FORMAT = 1  # of report.json
KEYS = {"run", "created", "metrics", "intervals", "measures", "protocol", "info", "predictions_sha256"}
Kinds = Mapping[str, Literal["number", "text"]]  # of meta, by name


@dataclass(frozen=True, slots=True)
class Row:
    """One example: what was wanted, what was recognized, and what the metrics counted."""

    id: str
    reference: str
    hypothesis: str
    group: str | None
    length: float  # as the manifest counts it: seconds, frames or bars
    score: float
    columns: Mapping[str, float]  # of all metrics
    location: str = ""  # the medium, to look at or listen to
    meta: Mapping[str, float | str] = field(default_factory=dict)  # the conditions it was recorded or made under
    track: Track | None = None  # what was said of each frame; of families of spans
    assessment: Assessment | None = None  # how well each phone was said; of the family of phones


@dataclass(frozen=True, slots=True)
class Measure:
    """How a figure comes about: the sum of some columns over the sum of others, and which direction is better.

    Nothing below the line makes it a mean over examples. A figure that is no such ratio (a correlation) has nothing
    above it either; it is shown, but not resampled from rows alone.
    """

    above: tuple[str, ...] = ()
    below: tuple[str, ...] = ()
    better: Literal["lower", "higher", "one"] = "lower"  # "one": the nearer to 1 the better
    unit: str = "%"  # what a ratio is shown in: percent, or what it counts, such as frames

    @property
    def is_ratio(self) -> bool:
        return bool(self.above)

    def counts(self, rows: Sequence[Row]) -> tuple[list[float], list[float]]:
        """What stands above and below the line, example by example."""
        above = [_total(row, self.above) for row in rows]
        return above, [_total(row, self.below) for row in rows] if self.below else [1.0] * len(rows)


@dataclass(frozen=True, slots=True)
class Report:
    """The outcome of one evaluation; made only if every example is there once and every figure is a number."""

    protocol: Protocol
    run: str
    metrics: Mapping[str, float]  # the first is the primary one
    intervals: Mapping[str, Interval]
    rows: tuple[Row, ...]  # in the manifest's order
    created: str  # ISO 8601
    measures: Mapping[str, Measure] = field(default_factory=dict)
    info: Mapping[str, Any] = field(default_factory=dict)  # plain data: seconds, real-time factor, resampling unit, ...

    def __post_init__(self) -> None:
        for problem in _problems(self):
            raise InputError(f"report of {self.run}: {problem}")

    @property
    def primary(self) -> str:
        """The name of the figure that decides."""
        return next(iter(self.metrics))

    def save(self, folder: Path | str) -> Path:
        """Writes `<folder>/<hash of the Protocol>/`, and returns that path.

        `report.json` comes last and vouches for `predictions.csv`, so an interrupted save is never taken for a Report.
        """
        target = Path(folder) / self.protocol.hash
        table = _table(self.rows)
        content = {
            "format": FORMAT,
            "run": self.run,
            "created": self.created,
            "metrics": dict(self.metrics),
            "intervals": {name: list(interval) for name, interval in self.intervals.items()},
            "measures": {name: asdict(measure) for name, measure in self.measures.items()},
            "protocol": self.protocol.to_mapping(),
            "info": dict(self.info),
            "meta": dict(_meta_kinds(self.rows)),
            "predictions_sha256": hashlib.sha256(table).hexdigest(),
        }
        text = json.dumps(content, ensure_ascii=False, indent=2, allow_nan=False)
        target.mkdir(parents=True, exist_ok=True)
        atomic.write(target / "predictions.csv", table)
        atomic.write(target / "report.json", text.encode() + b"\n")
        return target


def load(path: Path | str) -> Report:
    """The Report in that folder (or of that report.json), refused if its rows are no longer those it was made from."""
    file = Path(path) / "report.json" if Path(path).is_dir() else Path(path)
    if not file.is_file():
        raise InputError(f"{path}: no report.json here: evaluate the run first")
    content, table = _read(file)
    return Report(
        protocol=Protocol.from_mapping(content["protocol"]),
        run=content["run"],
        metrics=content["metrics"],
        intervals={name: (low, high) for name, (low, high) in content["intervals"].items()},
        rows=tuple(_rows(table, content.get("meta", {}))),  # older reports have no meta
        created=content["created"],
        measures={
            name: Measure(tuple(found["above"]), tuple(found["below"]), found["better"], found.get("unit", "%"))
            for name, found in content["measures"].items()
        },
        info=content["info"],
    )


def plain_meta(meta: Mapping[str, Any]) -> dict[str, float | str]:
    """What of a manifest line's further keys can be a condition: numbers and texts; not lists, objects or nothing.

    >>> plain_meta({"wpm": 25, "qsb": True, "hand": "bug", "notes": "", "places": [1, 2], "tone_hz": None})
    {'wpm': 25, 'qsb': 'yes', 'hand': 'bug'}
    """
    found: dict[str, float | str] = {}
    for name, value in meta.items():
        if isinstance(value, bool):
            found[name] = "yes" if value else "no"
        elif (isinstance(value, int | float) and math.isfinite(value)) or (isinstance(value, str) and value):
            found[name] = value
    return found


def _read(file: Path) -> tuple[dict[str, Any], bytes]:
    try:
        content = json.loads(file.read_bytes())
        table = (file.parent / "predictions.csv").read_bytes()
    except (ValueError, OSError) as error:
        raise InputError(f"{file}: not a readable report ({error}): evaluate the run again") from error
    if not isinstance(content, dict) or content.get("format") != FORMAT or KEYS - content.keys():
        raise InputError(f"{file}: not a report of the format that this version reads: evaluate the run again")
    if hashlib.sha256(table).hexdigest() != content["predictions_sha256"]:
        raise InputError(
            f"{file.parent / 'predictions.csv'}: changed since the report was made: evaluate the run again"
        )
    return content, table


def _problems(report: Report) -> Iterator[str]:
    rows, num_examples = report.rows, report.protocol.num_examples
    ids = [row.id for row in rows]
    if len(set(ids)) != len(ids):
        yield f"{Counter(ids).most_common(1)[0][0]} is there twice: gather predictions by id"
    if len(rows) != num_examples or not rows:
        yield f"{len(rows)} rows, and its Protocol speaks of {num_examples}: every example counts once"
    if hash_ids(ids) != report.protocol.manifest_ids_hash:
        yield "its rows are not the examples its Protocol speaks of, or not in the manifest's order: sort them by it"
    names = rows[0].columns.keys()
    for row in rows:
        yield from _row_problems(row, names)
    if not report.metrics:
        yield "no figure at all: give evaluate a metric"
    for name, figure in report.metrics.items():
        if not math.isfinite(figure):
            yield f"{name} is {figure}: it could not be computed, look for empty references or lengths"
    for name, interval in report.intervals.items():
        if not all(map(math.isfinite, interval)):
            yield f"the interval of {name} is {list(interval)}: it could not be computed"
    for name in {*report.intervals, *report.measures} - report.metrics.keys():
        yield f"{name} has an interval or a measure, and no figure"
    for measure in report.measures.values():
        for name in {*measure.above, *measure.below} - names:
            yield f"no column {name}, of which a figure is made"


def check_rows(rows: Sequence[Row]) -> None:
    """Refuse rows of which no figure can be made, and name the example."""
    for row in rows:
        for problem in _row_problems(row, rows[0].columns.keys()):
            raise InputError(problem)


def _row_problems(row: Row, names: Any) -> Iterator[str]:
    if row.columns.keys() != names:
        yield f"{row.id}: has other columns than the first example: {', '.join(sorted(row.columns.keys() ^ names))}"
    yield from row_cells.problems(row.id, row.track, row.assessment)
    for name, value in row.columns.items():
        if not math.isfinite(value):
            yield f"{row.id}: {name} is {value}: a metric that cannot be computed is an error, not a figure"
        if not row.hypothesis and name.endswith("_deletions"):
            length = row.columns.get(f"{name.removesuffix('_deletions')}_length", value)
            if value != length:
                yield f"{row.id}: nothing was recognized, and {name} is {value:g} of {length:g}: count all as deleted"


def _total(row: Row, names: tuple[str, ...]) -> float:
    return math.fsum(row.columns[name] for name in names)


def _meta_kinds(rows: Sequence[Row]) -> Kinds:
    kinds: dict[str, Literal["number", "text"]] = {}
    for row in rows:
        for name, value in row.meta.items():
            if isinstance(value, str) or name not in kinds:
                kinds[name] = "text" if isinstance(value, str) else "number"
    return kinds


def _table(rows: Sequence[Row]) -> bytes:
    names, known = list(rows[0].columns), list(_meta_kinds(rows))
    parts = row_cells.parts_of((row.track, row.assessment) for row in rows)
    stream = io.StringIO(newline="")
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow([*HEAD, *(f"{META}{name}" for name in known), *names, *TAIL, *row_cells.head(parts)])
    for row in rows:
        fixed = [row.id, row.reference, row.hypothesis, row.group or "", _number(row.length), row.location]
        meta = [row.meta.get(name, "") for name in known]
        texts = [value if isinstance(value, str) else _number(value) for value in meta]
        counts = (_number(row.columns[name]) for name in names)
        more = row_cells.cells(parts, row.track, row.assessment)
        writer.writerow([*fixed, *texts, *counts, _number(row.score), *more])
    return stream.getvalue().encode()


def _rows(table: bytes, kinds: Kinds) -> Iterator[Row]:
    lines = csv.reader(io.StringIO(table.decode(), newline=""))
    head = next(lines)
    parts = row_cells.parts_in(head)
    size = len(row_cells.head(parts))  # any head without further columns ends with the score
    names = head[len(HEAD) + len(kinds) : len(head) - len(TAIL) - size]
    for line in lines:
        example_id, reference, hypothesis, group, length, location, *others, score = line[: len(line) - size]
        columns = dict(zip(names, map(float, others[len(kinds) :]), strict=True))
        meta: dict[str, float | str] = {
            name: text if kind == "text" else float(text)
            for (name, kind), text in zip(kinds.items(), others[: len(kinds)], strict=True)
            if text
        }
        place = group or None, float(length), float(score)
        more = row_cells.read(parts, line[len(line) - size :])
        yield Row(example_id, reference, hypothesis, *place, columns, location, meta, *more)


def _number(value: float) -> str:
    return str(int(value)) if math.isfinite(value) and value == int(value) else repr(float(value))
