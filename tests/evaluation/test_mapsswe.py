"""MAPSSWE against NIST's program where it is installed, against plain loops, and where an effect varies by speaker."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from statistics import fmean, stdev

import numpy as np
import pytest
from scipy import stats

from project.evaluation.comparison import compare
from project.evaluation.interval import difference_interval
from project.evaluation.mapsswe import mapsswe, matched_pairs, segment_gaps
from project.evaluation.power import ALPHA
from project.evaluation.result import Report
from project.evaluation.significance import exchange_test
from project.evaluation.sureness import sureness_grid
from project.metric.edit import align, error_places

Make = Callable[..., Report]
Words = list[str]
VOCABULARY = [f"w{n}" for n in range(60)]


def corrupt(words: Words, rate: float, rng: np.random.Generator) -> Words:
    heard: Words = []
    for word in words:
        draw, other = rng.random() / rate, VOCABULARY[rng.integers(60)]
        heard += [other] if draw < 0.5 else [] if draw < 0.75 else [word, other] if draw < 1 else [word]
    return heard


def invented(seed: int, num_texts: int = 60) -> list[tuple[Words, Words, Words]]:
    """References, and what two systems made of them."""
    rng = np.random.default_rng(seed)
    texts = [[VOCABULARY[n] for n in rng.integers(0, 60, rng.integers(6, 25))] for _ in range(num_texts)]
    return [(text, corrupt(text, 0.1, rng), corrupt(text, 0.16, rng)) for text in texts]


def gaps_of(texts: list[tuple[Words, Words, Words]]) -> list[int]:
    gaps: list[int] = []
    for reference, mine, theirs in texts:
        gaps += segment_gaps(*(error_places(reference=reference, hypothesis=one) for one in (mine, theirs)))
    return gaps


def places_of(aligned: bytes) -> list[list[tuple[int, int]]]:
    """Where the errors lie in each text, as sclite aligned them."""
    found = []
    for line in aligned.decode().splitlines():
        if line[:2] in {"C,", "S,", "D,", "I,"}:
            places, word = [], 0
            for step in line.split(":"):
                if step[0] != "C":
                    places.append((word, word + (step[0] != "I")))
                word += step[0] != "I"
            found.append(places)
    return found


@pytest.mark.skipif(shutil.which("sctk") is None, reason="sctk is not installed: apt install sctk")
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_against_sctk(seed: int, tmp_path: Path) -> None:
    texts = invented(seed)
    for place, name in enumerate(("reference", "mine", "theirs")):
        lines = [f"{' '.join(text[place])} (s_{n:03d})\n" for n, text in enumerate(texts)]
        (tmp_path / name).write_text("".join(lines))
    aligned = [
        subprocess.run(
            ["sctk", "sclite", "-r", "reference", "trn", "-h", name, "trn", "-i", "spu_id", "-o", "sgml", "stdout"],
            cwd=tmp_path, capture_output=True, check=True,
        ).stdout
        for name in ("mine", "theirs")
    ]  # fmt: skip
    for words in (["-v", "-n", "long"], ["-u", "-n", "short"]):
        command = ["sctk", "sc_stats", "-p", "-t", "mapsswe", *words]
        subprocess.run(command, input=b"".join(aligned), cwd=tmp_path, capture_output=True, check=True)
    gaps = [gap for pair in zip(*map(places_of, aligned), strict=True) for gap in segment_gaps(*pair)]
    segments = re.search(r"Number of Segments (\d+)", (tmp_path / "long.stats.mapsswe").read_text())
    p_value = re.search(r"\|\s+[~\w]+\s+(<?[\d.]+)", (tmp_path / "short.stats.unified").read_text())
    assert segments
    assert p_value
    assert int(segments[1]) == len(gaps)
    assert mapsswe(gaps) == pytest.approx(float(p_value[1].replace("<", "")), abs=1e-3)
    ours = gaps_of(texts)  # from alignments of our own, which may place an error elsewhere
    assert len(ours) == pytest.approx(len(gaps), abs=3)
    assert mapsswe(ours) == pytest.approx(mapsswe(gaps), abs=0.01)


def plain_gaps(reference: Words, mine: Words, theirs: Words) -> list[int]:
    """The same along a line of marks: slots between words at even places, words at odd ones."""
    marks = np.zeros((2, 2 * len(reference) + 1), dtype=int)
    for row, heard in enumerate((mine, theirs)):
        word = 0
        for kind, *_ in align(reference=reference, hypothesis=heard):
            marks[row, 2 * word + (0 if kind == "insert" else 1)] += kind != "equal"
            word += kind != "insert"
    found, open_, right = [], False, 0
    for place, (one, other) in enumerate(marks.T.tolist()):
        if one or other:
            found, open_, right = (found if open_ else [*found, 0]), True, 0
            found[-1] += one - other
        elif place % 2:
            right += 1
            open_ = open_ and right < 2
    return found


@pytest.mark.parametrize("seed", [4, 5, 6])
def test_against_plain_loops(seed: int) -> None:
    texts = invented(seed)
    for text in texts:
        assert list(segment_gaps(*(error_places(reference=text[0], hypothesis=one) for one in text[1:]))) == plain_gaps(
            *text
        )
    gaps = gaps_of(texts)
    score = fmean(gaps) / (stdev(gaps) / len(gaps) ** 0.5)
    assert mapsswe(gaps) == pytest.approx(2 * stats.norm.sf(abs(score)))


def test_too_little_to_say() -> None:
    assert mapsswe([]) is None
    assert mapsswe([1]) is None
    assert mapsswe([0, 0, 0]) == 1.0


def test_of_reports(make: Make) -> None:
    """Errors along the texts are those that the metric counted; what the two have wrong together is no discordance."""
    base, other = make("a"), make("b", 0.1)
    for name, split in (("cer", list), ("wer", str.split)):
        led = [replace(one, metrics={name: one.metrics[name], **one.metrics}) for one in (base, other)]
        found = compare(led, led[0]).deltas[1][name].matched
        assert found is not None
        gaps, apart, length = [], 0, 0
        for mine, theirs in zip(other.rows, base.rows, strict=True):
            text = [split(one) for one in (theirs.reference, mine.hypothesis, theirs.hypothesis)]
            gaps += plain_gaps(*text)
            places = [error_places(reference=text[0], hypothesis=one) for one in text[1:]]
            apart += sum(abs(places[0].count(one) - places[1].count(one)) for one in {*places[0], *places[1]})
            length += len(text[0])
        assert (found.num_segments, found.p_value) == (len(gaps), pytest.approx(mapsswe(gaps)))
        assert found.discordance == pytest.approx(apart / length)
        assert abs(base.metrics[name] - other.metrics[name]) <= found.discordance
    assert compare([base, replace(base, run="same")], base).deltas[1]["cer"].matched.discordance == 0


def test_where_the_texts_do_not_show_the_errors(make: Make) -> None:
    """Counts that are means over seeds, and a figure that is no error rate."""
    base = make("a", num_examples=20)
    rows = [replace(row, columns={name: value / 2 for name, value in row.columns.items()}) for row in base.rows]
    assert matched_pairs(replace(base, rows=tuple(rows)), base) is None
    better = replace(base, measures={"cer": replace(base.measures["cer"], better="higher")})
    assert matched_pairs(better, better) is None


def test_the_small_table(make: Make) -> None:
    base, other = make("base"), make("wide", 0.02)
    comparison = compare([base, other], base)
    grid, delta = sureness_grid(comparison), comparison.deltas[1]["cer"]
    assert grid is not None
    assert grid.headings == ("run", "p over groups", "p by MAPSSWE", "differ in", "seen from")
    assert grid.rows[0][0] == "wide"
    assert grid.rows[0][3] == f"{100 * delta.matched.discordance:.2f} %"
    assert grid.rows[0][4] == f"{100 * delta.sensitivity.detectable:.2f}"
    assert "found with 80 % power, in points" in grid.notes[0]
    assert "decides nothing" in " ".join(grid.notes)
    assert sureness_grid(compare([base, other])) is None
    assert sureness_grid(compare([base], base)) is None
    plain = [
        replace(one, measures={"cer": replace(one.measures["cer"], better="one")}, metrics={"cer": 0.9}, intervals={})
        for one in (base, other)
    ]
    unaligned = sureness_grid(compare(plain, plain[0]))
    assert unaligned is not None
    assert unaligned.headings == ("run", "p over groups", "seen from")
    assert unaligned.rows[0][2] == "-"


Places = list[tuple[int, int]]


def wrong_words(lengths: np.ndarray, rates: np.ndarray, rng: np.random.Generator) -> list[Places]:
    found = [np.flatnonzero(rng.random(length) < rate) for length, rate in zip(lengths, rates, strict=True)]
    return [[(int(place), int(place) + 1) for place in places] for places in found]


@pytest.mark.parametrize(("spread", "noise"), [(0.0, (0.02, 0.08)), (0.025, (0.12, 0.22))])
def test_only_the_test_over_speakers_holds_where_an_effect_varies_by_speaker(
    spread: float, noise: tuple[float, float]
) -> None:
    """Two systems with 12 % of words wrong, one of them better for some of 20 speakers and worse for as many others."""
    rng, trials = np.random.default_rng(7), 400
    found = np.zeros((trials, 3), dtype=bool)
    speakers = np.repeat(np.arange(20), 10)
    for trial in range(trials):
        lengths = rng.integers(5, 36, len(speakers))
        effects = (0.12 + rng.normal(0, spread, 20)).clip(0, 1)
        mine, theirs = wrong_words(lengths, effects[speakers], rng), wrong_words(lengths, np.full(200, 0.12), rng)
        pair = [([len(places) for places in side], lengths) for side in (mine, theirs)]
        names = [str(speaker) for speaker in speakers]
        by_segment = mapsswe([gap for one, other in zip(mine, theirs, strict=True) for gap in segment_gaps(one, other)])
        low, high = difference_interval(pair[0], pair[1], names, num_resamples=500, seed=trial)
        by_speaker = exchange_test(pair[0], pair[1], names) <= ALPHA and not low <= 0 <= high
        by_utterance = exchange_test(pair[0], pair[1]) <= ALPHA
        found[trial] = by_segment is not None and by_segment <= ALPHA, by_utterance, by_speaker
    segment, utterance, speaker = found.mean(axis=0)
    assert noise[0] < segment < noise[1]
    assert noise[0] < utterance < noise[1]
    assert speaker < 0.05 + 2 * np.sqrt(0.05 * 0.95 / trials)
