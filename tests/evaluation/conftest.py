"""Invented evaluations: texts with errors put in at a known rate, so that every figure can be reckoned another way."""

from __future__ import annotations

import random
import re
import xml.etree.ElementTree as ET
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest

from project.contract import Hypothesis, Track
from project.evaluation.estimate import make_report
from project.evaluation.page.drawing import VARIABLES
from project.evaluation.protocol import Protocol, coverage, hash_ids
from project.evaluation.result import Report, Row
from project.metric.edit import edit_counts
from project.metric.span_frames import FrameF1, FrameSeparation
from project.metric.span_segments import SegmentF1
from project.text.span_notation import SpanMark, write_spans

WORDS = ("CQ", "DE", "PARIS", "K1ABC", "TEST", "599", "RST", "NAME", "QTH", "SUNNY", "ANT", "DIPOLE", "73", "ES", "SK")
HANDS = ("machine", "straight", "bug")
LETTERS = "ETIANMSURWDKGOHVFLPJBXCYZQ0123456789"


class Errors:
    """An error rate as the metrics of the project count it, with its ratios declared."""

    ratios: Mapping[str, tuple[Sequence[str], Sequence[str]]]

    def __init__(self, name: str, by_word: bool) -> None:
        self.name, self.by_word = name, by_word
        parts = [f"{name}_{kind}" for kind in ("substitutions", "deletions", "insertions")]
        self.ratios = {name: (parts, [f"{name}_length"])} | {part: ([part], [f"{name}_length"]) for part in parts}

    def score(self, reference: str, hypothesis: Hypothesis) -> Mapping[str, float]:
        left, right = (text.split() if self.by_word else text for text in (reference, hypothesis.text))
        counts = edit_counts(reference=left, hypothesis=right)
        values = (counts.substitutions, counts.deletions, counts.insertions, counts.length)
        return dict(zip([*self.ratios[self.name][0], f"{self.name}_length"], map(float, values), strict=True))

    def summarize(self, columns: Mapping[str, Sequence[float]]) -> Mapping[str, float]:
        length = sum(columns[f"{self.name}_length"])
        parts = {name: sum(columns[name]) / length for name in self.ratios if name != self.name}
        return {self.name: sum(parts.values()), **parts}


METRICS = (Errors("cer", by_word=False), Errors("wer", by_word=True))


def make_protocol(ids: Sequence[str], **changes: object) -> Protocol:
    """A Protocol of these examples."""
    fields: dict[str, object] = {
        "manifest_hash": "5d41402abc4b2a76",
        "manifest_ids_hash": hash_ids(ids),
        "num_examples": len(ids),
        "coverage": coverage(len(ids), len(ids)),
        "audio": {"kind": "envelope", "rate_hz": 8000, "band_hz": [400, 1000], "level": {"kind": "rms", "target": 0.1}},
        "text": {"upper": 1, "collapse_spaces": 2},
        "alphabet_hash": "9b74c9897bac770f",
        "decode": {"kind": "beam", "size": 10, "logit_bias": {}},
        "adapter": "none",
        "precision": "32-true",
        "code_version": "0.1.0",
    }
    return Protocol(**{**fields, **changes})  # type: ignore[arg-type]


def corrupt(text: str, rate: float, rng: random.Random) -> str:
    """The text with symbols replaced, left out and put in."""
    heard = []
    for symbol in text:
        draw = rng.random() / rate
        if draw < 0.5:
            heard.append(rng.choice(LETTERS))
        elif 0.8 <= draw < 1:
            heard.append(symbol + rng.choice(LETTERS))
        elif not 0.5 <= draw < 0.8:
            heard.append(symbol)
    return "".join(heard)


def invent(run: str, rate: float = 0.05, num_examples: int = 120, num_groups: int = 12, **changes: object) -> Report:
    """The same references for every run, errors of its own."""
    references, errors, conditions = random.Random(1), random.Random(run), random.Random(2)
    rows = []
    for n in range(num_examples):
        reference = " ".join(references.choice(WORDS) for _ in range(references.randint(3, 14)))
        station = n % num_groups
        hardness = 0.4 + 1.2 * station / num_groups + len(reference) / 90
        hypothesis = corrupt(reference, rate * hardness, errors)
        columns: dict[str, float] = {}
        for metric in METRICS:
            columns |= metric.score(reference, Hypothesis((), hypothesis, 0.0))
        rows.append(
            Row(
                id=f"clip-{n:04d}",
                reference=reference,
                hypothesis=hypothesis,
                group=f"station {station:02d}",
                length=len(reference) * 0.42,
                score=-errors.random() * 20,
                columns=columns,
                location=f"media/clip-{n:04d}.wav",
                meta={"snr_db": round(conditions.uniform(-10, 25), 2), "hand": conditions.choice(HANDS), "wpm": 25},
            )
        )
    protocol = make_protocol([row.id for row in rows], **changes)
    return make_report(protocol, run, METRICS, rows, "2026-02-03", info={"seconds": 12.5, "length_unit": "s"})


@pytest.fixture
def make() -> Callable[..., Report]:
    """A Report of an invented run: `make("wide", rate=0.03)`; further keywords change fields of its Protocol."""
    return invent


@pytest.fixture
def metrics() -> tuple[Errors, ...]:
    """The metrics that these Reports were made with."""
    return METRICS


WINDOW, KINDS, THRESHOLD = 105, ("consolidation", "retracement"), 0.3
SPAN_METRICS = (SegmentF1("segment_f1", [0.5, 0.3]), FrameF1("bar_f1"), FrameSeparation("bar_separation"))


def walk(path: Path, bars: int = 3_000) -> Path:
    """A series of hourly bars: prices walk at random, and a bar opens where the last one closed."""
    rng = np.random.default_rng(0)
    close_N = 300 * np.exp(np.cumsum(rng.normal(0, 0.004, bars)))
    open_N = np.concatenate([[300.0], close_N[:-1]])
    edges_2N = np.sort([open_N, close_N], axis=0) * (1 + np.array([[-1], [1]]) * rng.exponential(0.002, (2, bars)))
    times_N = 1.6e9 // 3600 * 3600 + 3600 * np.arange(bars)
    np.save(path, np.stack([times_N, open_N, edges_2N[1], edges_2N[0], close_N, np.zeros(bars)], axis=1))
    return path


def invent_spans(run: str, skill: float = 2.0, num_examples: int = 40, series: str = "series/walk.npy") -> Report:
    """Windows with a span each but for every eighth, and answers whose log odds know where it lies by `skill`."""
    wanted, said, rows = random.Random(1), np.random.default_rng([*run.encode()]), []
    for n in range(num_examples):
        start, kind = wanted.randint(15, 85), wanted.choice(KINDS)
        marks = [SpanMark(kind, start, start + wanted.randint(4, 10))] if n % 8 else []
        inside_T = np.zeros(WINDOW)
        for mark in marks:
            inside_T[mark.start : mark.end] = 1
        odds_T = -2.5 + skill * np.convolve(inside_T, [0.2, 0.6, 0.2], "same") + said.normal(0, 0.6, WINDOW)
        said_T = np.round(1 / (1 + np.exp(-odds_T)), 3)
        edges = np.flatnonzero(np.diff(said_T >= THRESHOLD, prepend=False, append=False)).reshape(-1, 2).tolist()
        answers = [SpanMark(kind if n % 5 else KINDS[0], *ends) for ends in edges]
        track = Track(tuple(said_T.tolist()), THRESHOLD)
        spans = tuple((mark.start, mark.end) for mark in answers)
        answer = Hypothesis((1,) * len(spans), write_spans(answers), -1.0, spans, (0.5,) * len(spans), track=track)
        columns: dict[str, float] = {}
        for metric in SPAN_METRICS:
            columns |= metric.score(write_spans(marks), answer)
        place = f"{series}#{60 * n}:{60 * n + WINDOW}"
        meta: dict[str, float | str] = {"instrument": "walk", "from": f"2020-09-{n % 28 + 1:02d}"}
        rows.append(
            Row(
                f"walk-{n:04d}", write_spans(marks), answer.text, f"walk {n // 4}", WINDOW, -1.0, columns, place, meta,
                track,
            )
        )  # fmt: skip
    return make_report(make_protocol([row.id for row in rows]), run, SPAN_METRICS, rows, "2026-02-03")


@pytest.fixture
def make_spans() -> Callable[..., Report]:
    """A Report of spans: `make_spans("wide", skill=3.0)`; `series` is where its bars are, as far as they are."""
    return invent_spans


@pytest.fixture
def bars(tmp_path: Path) -> str:
    """A series of bars that is there."""
    return str(walk(tmp_path / "walk.npy"))


def check_svg(svg: str) -> str:
    """An SVG that parses, names no stand-in colour and has no id twice."""
    ET.fromstring(svg)  # noqa: S314
    assert not [colour for colour in VARIABLES if colour in svg]
    ids = re.findall(r'\bid="([^"]+)"', svg)
    assert len(ids) == len(set(ids))
    assert "http" not in svg
    return svg


@pytest.fixture
def sound() -> Callable[[str], str]:
    """Checks a picture and gives it back."""
    return check_svg
