"""What every feature, text, decoder, metric, schedule and corpus of conf/ must hold."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, cast, get_type_hints

import numpy as np
import pytest
import soundfile
import torch

from project.build.bind import make, resolve
from project.build.compose import compose, options
from project.contract import Assessment, Emissions, Example, Hypothesis, TokenOutput, Track
from project.evaluation.estimate import measures_of
from project.feature import landmark_file
from project.feature.bar_window import BarWindow
from project.feature.landmark_layout import NUM_POINTS
from project.part import Decoder, Feature, Metric
from project.text.alphabet import Alphabet
from project.text.span_notation import read_spans
from project.text.spelling import Spelling

ABC = Alphabet(("A", "B", "C", " "))


SPANS = Alphabet(("A", "B", "C"), " ")


def built(group: str, name: str, **offers: Any) -> Any:
    return make(compose("train", [f"{group}={name}"])[group], group, **offers)


def medium_of(feature: Feature, folder: Path) -> str:
    """A file such as this feature reads: a sound, a window of bars, or a signing body."""
    if hasattr(feature, "sample_rate"):
        path = folder / "tone.flac"
        soundfile.write(path, (0.5 * np.sin(np.arange(12000) * 0.4)).astype(np.float32), 8000)
    elif hasattr(feature, "swing_bars"):
        np.save(folder / "series.npy", bars(200))
        return f"{folder}/series.npy#120:180"
    else:
        path = folder / "body.npz"
        landmark_file.write(path, np.random.default_rng(0).normal(size=(40, NUM_POINTS, 3)), 30.0)
    return str(path)


def bars(rows: int) -> np.ndarray[Any, np.dtype[np.float64]]:
    """A walk of open, high, low and close."""
    walk = 100 + np.random.default_rng(0).normal(size=(rows, 4)).cumsum(axis=0).cumsum(axis=1)
    prices = np.stack([walk[:, 0], walk.max(axis=1), walk.min(axis=1), walk[:, 3]], axis=1)
    return np.concatenate([np.arange(rows)[:, None], prices, np.zeros((rows, 1))], axis=1)


def signal_of(feature: Any, seconds: float) -> Any:
    """A raw signal of that length, as the feature's `read` would give it."""
    if hasattr(feature, "swing_bars"):
        return BarWindow(bars(50), max(1, round(seconds)))
    if hasattr(feature, "sample_rate"):
        return np.sin(np.arange(round(seconds * feature.sample_rate)) * 0.4).astype(np.float32)
    frames = max(1, round(seconds * feature.frame_rate))
    return np.random.default_rng(0).normal(size=(frames, NUM_POINTS, 3)).astype(np.float32)


@pytest.mark.parametrize("name", options("feature"))
class TestFeature:
    def test_it_knows_its_frames_beforehand(self, name: str) -> None:
        """To within one frame, or the sampler's caps and CTC's feasibility are reckoned wrong."""
        feature: Feature = built("feature", name)
        for seconds in (0.05, 0.3141, 1.0, 2.7):
            frames_TF = feature(signal_of(feature, seconds))
            assert frames_TF.dtype == torch.float32
            assert frames_TF.shape[1] == feature.num_features
            assert abs(len(frames_TF) - feature.num_frames(seconds)) <= 1

    def test_it_gives_the_same_twice_and_finite_numbers(self, name: str, tmp_path: Path) -> None:
        feature: Feature = built("feature", name)
        signal = feature.read(medium_of(feature, tmp_path))
        assert torch.equal(feature(signal), feature(signal))
        if isinstance(signal, BarWindow):
            flat = np.full_like(signal.bars_N6, 5.0)
            for rows in (signal.bars_N6[-1:], signal.bars_N6[-7:], flat, 0.01 * signal.bars_N6):
                assert torch.isfinite(feature(replace(signal, bars_N6=rows, length=min(60, len(rows))))).all()
            return
        holes = np.array(signal)
        holes[len(holes) // 2 :] = np.nan if holes.ndim == 3 else 0.0
        flat = (np.zeros(4000, np.float32), np.full(4000, 0.5, np.float32)) if holes.ndim == 1 else ()
        for odd in (signal[:1], signal[:7], holes, 0.01 * signal, *flat):
            assert torch.isfinite(feature(odd)).all()

    def test_its_settings_are_plain_data(self, name: str) -> None:
        settings = built("feature", name).settings
        assert json.loads(json.dumps(dict(settings))) == dict(settings)


@pytest.mark.parametrize("name", options("text"))
def test_text_is_inverted(name: str, tones: Any, tmp_path: Path) -> None:
    node = compose("train", [f"text={name}"])["text"]
    if "tokenizer" in node:
        tones.vocabulary.save(tmp_path / "tokenizer.json")
        assert_cut_and_joined(make(node | {"tokenizer": str(tmp_path)}, "text"))
        return
    spelling = make(node, "text")
    if not isinstance(spelling, Spelling):
        pytest.skip("reads labels: tests/text has a test of its own")
    symbols = spelling.alphabet.symbols
    for start in range(len(symbols)):
        text = spelling.normalize(spelling.alphabet.separator.join(symbols[start:] + symbols[:start]))
        assert spelling.decode(spelling.encode(text)) == text
        assert spelling.normalize(text) == text
    assert Alphabet.from_json(spelling.alphabet.to_json()) == spelling.alphabet


def assert_cut_and_joined(spelling: Any) -> None:
    """Of a tokenizer, which can write anything: text comes back, and is learned with its end."""
    for text in ("one two", "ten", "zwölf — 漢字!", ""):
        assert spelling.decode(spelling.encode(text)) == text
        scored = spelling.normalize(text)
        assert spelling.normalize(scored) == scored
        line = Example("a", "a.wav", 1.0, text)
        learned, _ = spelling.targets(spelling.reference(line), line, 50)
        assert learned["symbols"] == [*spelling.encode(text), spelling.alphabet.end]
    alphabet = spelling.alphabet
    assert type(alphabet).from_json(alphabet.to_json()).hash == alphabet.hash == spelling.settings["alphabet"]
    assert json.loads(json.dumps(dict(spelling.settings))) == dict(spelling.settings)


def emissions(*rows: list[int], peak: float = 5.0) -> Emissions:
    """Frames that say these ids in turn, some more clearly than others, padded with frames that shout C."""
    longest = max(map(len, rows)) + 2
    scores_BTV = torch.zeros(len(rows), longest, len(ABC))
    scores_BTV[:, :, 3] = 9.0
    for scores_TV, row in zip(scores_BTV, rows, strict=True):
        scores_TV[: len(row)] = 0
        for frame, symbol in enumerate(row):
            scores_TV[frame, symbol] = peak + 0.1 * frame
    return Emissions(scores_BTV.log_softmax(dim=2), torch.tensor([len(row) for row in rows]))


def reads(name: str) -> Any:
    """What kind of output a decoder reads; those of spans have tests of their own in tests/decode."""
    target = resolve(compose("train", [f"decode={name}"])["decode"]["_target_"], "decode")
    return get_type_hints(cast(Any, target).__call__)["output"]


@pytest.mark.parametrize("name", [name for name in options("decode") if reads(name) is Emissions])
class TestDecoder:
    def test_it_reads_what_is_plain(self, name: str) -> None:
        decoder: Decoder = built("decode", name, alphabet=ABC)
        found = decoder(emissions([1, 1, 0, 1, 2], [0, 0, 0], [3, 0, 4, 1, 1, 0, 2]))
        first = "AB" if name == "collapse" else "AAB"  # the one decoder that is there to write it so
        assert [hypothesis.text for hypothesis in found] == [first, "", "C AB"]
        for hypothesis in found:
            assert ABC.decode(hypothesis.tokens) == hypothesis.text
            assert hypothesis.score <= 0
            assert len(hypothesis.spans) in {0, len(hypothesis.tokens)}
            assert all(a < b for a, b in hypothesis.spans)
            assert list(hypothesis.spans) == sorted(hypothesis.spans)

    def test_padding_and_neighbours_do_not_matter(self, name: str) -> None:
        decoder: Decoder = built("decode", name, alphabet=ABC)
        rows = [[1, 0, 2, 2, 0, 1], [2, 1], [0]]
        together = decoder(emissions(*rows, peak=1.0))
        for row, expected in zip(rows, together, strict=True):
            (alone,) = decoder(emissions(row, peak=1.0))
            assert alone.tokens == expected.tokens
            assert alone.score == pytest.approx(expected.score, rel=1e-5)

    def test_its_settings_are_plain_data(self, name: str) -> None:
        settings = built("decode", name, alphabet=ABC).settings
        assert json.loads(json.dumps(dict(settings))) == dict(settings)


@pytest.mark.parametrize("name", [name for name in options("decode") if reads(name) is TokenOutput])
class TestTokenDecoder:
    def test_what_a_model_writes_is_text(self, name: str, tones: Any) -> None:
        """Alone as in a batch, and never longer than it may be."""
        decoder: Any = built("decode", name, alphabet=tones.vocabulary)
        model = tones.model(padding="exact").eval()
        texts = ["one two ten six", "ten", "six two"]
        with torch.no_grad():
            together = decoder(model(tones.batch(texts)))
            alone = [decoder(model(tones.batch([text])))[0] for text in texts]
        for text, one, other in zip(texts, together, alone, strict=True):
            assert one.text == tones.vocabulary.decode(one.tokens)
            assert one.score <= 0
            assert len(one.confidences) == len(one.tokens) <= decoder.limit(0.1 * len(text.split()))
            assert (one.text, one.tokens) == (other.text, other.tokens)
            assert one.score == pytest.approx(other.score, rel=1e-4)

    def test_its_settings_are_plain_data(self, name: str, tones: Any) -> None:
        settings = built("decode", name, alphabet=tones.vocabulary).settings
        assert json.loads(json.dumps(dict(settings))) == dict(settings)


def scores_spans(name: str) -> bool:
    return ".span_" in str(compose("train", [f"metric={name}"])["metric"][name]["_target_"])


def scores_pronunciation(name: str) -> bool:
    return ".pronunciation" in str(compose("train", [f"metric={name}"])["metric"][name]["_target_"])


def answer(text: str) -> Hypothesis:
    """Spans of A as they are written, and frames that say the same."""
    marks = read_spans(text)
    frames = tuple(float(any(mark.start <= frame < mark.end for mark in marks)) for frame in range(20))
    spans = tuple((mark.start, mark.end) for mark in marks)
    return Hypothesis((1,) * len(spans), text, 0.0, spans, (0.9,) * len(spans), track=Track(frames, 0.5))


@pytest.mark.parametrize("name", [name for name in options("metric") if scores_spans(name)])
class TestSpanMetric:
    def test_the_perfect_is_better_than_the_mixed_and_that_than_the_wrong(self, name: str) -> None:
        perfect, middle, worst = (
            self.figures(name, [("A 2-6", "A 2-6"), ("A 9-12", text)])[name]
            for text in ("A 9-12", "A 10-14", "A 15-19")
        )
        better = built("metric", name, alphabet=SPANS)[name].better
        assert perfect == (0 if better == "lower" else 1)
        assert perfect <= middle <= worst if better == "lower" else perfect >= middle >= worst

    def test_all_its_figures_can_be_resampled_fast(self, name: str) -> None:
        """Ratios of sums, or offered for many resamples at once."""
        pairs = [("A 2-6", "A 2-7"), ("", "A 1-4"), ("A 9-12", "")]
        metric = built("metric", name, alphabet=SPANS)[name]
        columns = {column: np.array(values) for column, values in self.columns(metric, pairs).items()}
        assert_resampled_fast(metric, columns)

    @staticmethod
    def columns(metric: Metric, pairs: list[tuple[str, str]]) -> dict[str, list[float]]:
        rows = [metric.score(reference, answer(text)) for reference, text in pairs]
        return {column: [row[column] for row in rows] for column in rows[0]}

    def figures(self, name: str, pairs: list[tuple[str, str]]) -> Mapping[str, float]:
        metric: Metric = built("metric", name, alphabet=SPANS)[name]
        return metric.summarize(self.columns(metric, pairs))


def assert_resampled_fast(metric: Any, columns: Mapping[str, Any]) -> None:
    """All figures are ratios of columns, or `weigh` offers them, and both say what `summarize` says."""
    offered = metric.weigh(columns) if hasattr(metric, "weigh") else {}
    figures = metric.summarize(columns)
    assert metric.ratios.keys() | offered.keys() == figures.keys()
    for figure, (above, below) in metric.ratios.items():
        total, size = (sum(columns[column].sum() for column in part) for part in (above, below))
        assert figures[figure] == pytest.approx(total / size)
    for figure, weighed in offered.items():
        ones = np.ones((len(next(iter(columns.values()))), 1))
        assert figures[figure] == pytest.approx(float(weighed(ones)[0]))


def judged(is_right: bool, is_heard: bool) -> Hypothesis:
    """Four phones of which people say that all or half are right; and a recognizer that hears it, or the opposite."""
    scores = (2.0,) * 4 if is_right else (2.0, 0.0, 2.0, 0.0)
    bad = [(score < 1) == is_heard for score in scores]
    free, text = tuple(-5.0 if one else 0.0 for one in bad), " ".join("C" if one else "A" for one in bad)
    cuts = {"free<1": -2.5, "free<0.5": -2.5}
    accuracy = {"accuracy": 10.0 if is_right else 4.0}
    its = Assessment(("A",) * 4, free, free, sum(free) / 4, scores, accuracy, cuts, (2.0, 0.4))
    return Hypothesis((), text, 0.0, assessment=its)


@pytest.mark.parametrize("name", [name for name in options("metric") if scores_pronunciation(name)])
class TestPronunciationMetric:
    def test_the_perfect_is_better_than_the_mixed_and_that_than_the_wrong(self, name: str) -> None:
        metric: Metric = built("metric", name, alphabet=SPANS)[name]
        perfect, middle, worst = (
            metric.summarize(self.columns(metric, heard))[metric.name]
            for heard in ((True,) * 4, (True, False, True, True), (False,) * 4)
        )
        assert metric.name == name
        assert perfect == pytest.approx(0 if metric.better == "lower" else 1)
        assert perfect < middle < worst if metric.better == "lower" else perfect > middle > worst

    def test_all_its_figures_can_be_resampled_fast(self, name: str) -> None:
        metric = built("metric", name, alphabet=SPANS)[name]
        assert_resampled_fast(metric, self.columns(metric, (True, False, True, True)))

    @staticmethod
    def columns(metric: Metric, heard: tuple[bool, ...]) -> dict[str, Any]:
        """Of utterances that are right and wrong in turn."""
        rows = [metric.score("A A A A", judged(n % 2 > 0, is_heard)) for n, is_heard in enumerate(heard)]
        return {column: np.array([row[column] for row in rows]) for column in rows[0]}


OF_TEXTS = [name for name in options("metric") if not scores_spans(name) and not scores_pronunciation(name)]


@pytest.mark.parametrize("name", OF_TEXTS)
class TestMetric:
    def test_the_perfect_the_empty_and_the_mixed(self, name: str) -> None:
        metric: Metric = built("metric", name, alphabet=ABC)[name]
        assert metric.name == name
        best, worst = (0.0, 1.0) if metric.better == "lower" else (1.0, 0.0)
        assert self.figure(metric, [("AB C", "AB C"), ("B", "B")]) == best
        assert self.figure(metric, [("AB C", ""), ("B", "")]) == worst, "what is not recognized is all deleted"
        assert min(best, worst) < self.figure(metric, [("AB C", "AB C"), ("B", "")]) < max(best, worst)

    def test_its_ratios_give_its_figures(self, name: str) -> None:
        """Intervals are made from the columns alone: they must be those of the figures."""
        metric: Metric = built("metric", name, alphabet=ABC)[name]
        pairs = [("AB C", "AB"), ("B", "C"), ("A A", "A A"), ("C", "CAB")]
        columns = self.columns(metric, pairs)
        figures = metric.summarize(columns)
        assert set(metric.ratios) == set(measures_of(metric, list(figures)))
        for figure, (above, below) in metric.ratios.items():
            total = sum(sum(columns[column]) for column in above)
            size = sum(sum(columns[column]) for column in below) if below else len(pairs)
            assert figures[figure] == pytest.approx(total / size)

    @staticmethod
    def columns(metric: Metric, pairs: list[tuple[str, str]]) -> dict[str, list[float]]:
        rows = [metric.score(reference, Hypothesis((), text, 0.0)) for reference, text in pairs]
        return {column: [row[column] for row in rows] for column in rows[0]}

    def figure(self, metric: Metric, pairs: list[tuple[str, str]]) -> float:
        return metric.summarize(self.columns(metric, pairs))[metric.name]


@pytest.mark.parametrize("name", options("scheduler"))
def test_a_schedule_is_a_pure_function_of_the_step(name: str) -> None:
    schedule = built("scheduler", name, total_steps=1000)
    forwards = [schedule(step) for step in range(1200)]
    backwards = [schedule(step) for step in reversed(range(1200))]
    assert forwards == backwards[::-1]
    assert all(0 <= factor <= 1 for factor in forwards)
    assert max(forwards) == pytest.approx(1.0, abs=1e-3)
