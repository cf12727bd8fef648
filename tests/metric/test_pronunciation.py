"""Metrics of pronunciation against computations over all phones of all utterances at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import yaml
from scipy import stats

from project.build.bind import make
from project.build.compose import CONF, options
from project.contract import Assessment, Hypothesis, InputError, Undefined
from project.metric.association import Array, auc
from project.metric.edit import edit_counts
from project.metric.pronunciation import Figure, LowRanking, UtteranceCorrelation
from project.metric.pronunciation_phone import PhoneCorrelation, PhoneDetection, PhoneError, PhoneHeard
from project.metric.pronunciation_source import SourceErrorRate, SourceFigure
from project.metric.pronunciation_threshold import best_cut, best_line
from project.text.alphabet import Alphabet
from project.text.phoneme import PHONES, to_ipa

Example = tuple[str, Hypothesis]
Check = Callable[[Any, Sequence[Example]], None]
LINE, CUTS = (1.9, 0.12), {"free<1": -2.0, "free<0.5": -2.5, "aligned<1": 0.0}
PARTS = ("per_good", "accuracy_per", "accuracy_gop", "accuracy_log_prob", "low_per", "low_gop", "low_log_prob")
WHOLE = (*PARTS, "phone_poor", "phone_wrong", "phone_score", "phone_mse", "phone_heard")


def draw(count: int = 40, judged: float = 0.8) -> list[Example]:
    """Utterances of which people judged most; goodness, and what is recognized, go with their scores to some degree."""
    rng = np.random.default_rng(7)
    found = []
    for n in range(count):
        size = int(rng.integers(4, 12))
        phones = rng.choice(PHONES, size).tolist()
        skill = rng.uniform(0, 1)
        scores = np.where(rng.random(size) < 0.4 * (1 - skill), rng.choice([0.0, 0.4, 0.8], size), 2.0)
        free = -np.logaddexp(0, -(2.5 * scores - 1 + 2 * rng.normal(size=size)))
        said = [str(rng.choice(PHONES)) if score < 1.9 and rng.random() < 0.6 else phone
                for phone, score in zip(phones, scores, strict=True)]  # fmt: skip
        said = [phone for phone in said if rng.random() > 0.1] if n % 9 else []
        is_judged = rng.random() < judged
        assessment = Assessment(
            tuple(phones), tuple((free + rng.normal(size=size) + 2).tolist()), tuple(free.tolist()),
            float(free.mean() - 3 + rng.normal()), tuple(scores.tolist()) if is_judged else (),
            {"accuracy": float(np.round(4 + 6 * skill))} if is_judged else {}, CUTS, LINE,
        )  # fmt: skip
        found.append((" ".join(phones), Hypothesis((), " ".join(said), 0.0, assessment=assessment)))
    return found


def nodes(name: str) -> Any:
    """A metric's YAML, read without Hydra, which takes its time."""
    return yaml.safe_load((CONF / "metric" / f"{name}.yaml").read_text(encoding="utf-8"))


def built(name: str) -> Any:
    return make(nodes(name), "metric", alphabet=Alphabet(PHONES, " "))[name]


def columns_of(metric: Any, examples: Sequence[Example]) -> dict[str, list[float]]:
    rows = [metric.score(*example) for example in examples]
    return {name: [row[name] for row in rows] for name in rows[0]}


def figures_of(metric: Any, examples: Sequence[Example]) -> Mapping[str, float]:
    figures: Mapping[str, float] = metric.summarize(columns_of(metric, examples))
    return figures


def judged(examples: Sequence[Example]) -> list[tuple[str, Hypothesis, Assessment]]:
    return [(wanted, one, one.assessment) for wanted, one in examples if one.assessment and one.assessment.scores]


def all_phones(examples: Sequence[Example], kind: str = "free") -> tuple[Array, Array]:
    """Goodness and score of each phone that people judged."""
    found = [one for *_, one in judged(examples)]
    return np.concatenate([getattr(one, kind) for one in found]), np.concatenate([one.phone_scores for one in found])


def without_scores(example: Example) -> Example:
    wanted, found = example
    assert found.assessment is not None
    return wanted, replace(found, assessment=replace(found.assessment, phone_scores=(), scores={}))


def test_every_metric_of_phones_is_tested() -> None:
    folder = "project.metric.pronunciation"
    targets = {name: nodes(name)[name]["_target_"] for name in options("metric")}
    assert {name for name, target in targets.items() if target.startswith(folder)} == set(WHOLE)


@pytest.mark.parametrize("name", WHOLE)
def test_every_resample_written_out(name: str, check_resamples: Check) -> None:
    check_resamples(built(name), draw())


@pytest.mark.parametrize("figure", ["pearson", "auc", "f1"])
def test_every_resample_of_the_sources_figures(figure: Any, check_resamples: Check) -> None:
    check_resamples(SourceFigure("x", figure), draw())
    check_resamples(SourceErrorRate("x"), draw())


def test_errors_of_the_well_said() -> None:
    examples = draw()
    found = figures_of(built("per_good"), examples)
    good = [(wanted, one) for wanted, one, its in judged(examples) if its.scores["accuracy"] >= 8]
    assert any(not one.text for _, one in good), "one with nothing recognized, all of it deleted"
    counts = [edit_counts(reference=wanted.split(), hypothesis=one.text.split()) for wanted, one in good]
    length = sum(one.length for one in counts)
    assert found["per_good"] == pytest.approx(sum(one.errors for one in counts) / length)
    assert found["per_good_deletions"] == pytest.approx(sum(one.deletions for one in counts) / length)


def per(wanted: str, one: Hypothesis, its: Assessment) -> float:
    return 1 - edit_counts(reference=wanted.split(), hypothesis=one.text.split()).errors / len(wanted.split())


def gop(wanted: str, one: Hypothesis, its: Assessment) -> float:
    return float(np.mean(its.free))


def log_prob(wanted: str, one: Hypothesis, its: Assessment) -> float:
    return its.log_prob


@pytest.mark.parametrize(("figure", "reckon"), [("per", per), ("gop", gop), ("log_prob", log_prob)])
def test_figures_of_utterances(figure: Figure, reckon: Callable[..., float]) -> None:
    examples = draw()
    said = [reckon(*one) for one in judged(examples)]
    scores = np.array([its.scores["accuracy"] for *_, its in judged(examples)])
    found = figures_of(built(f"accuracy_{figure}"), examples)
    assert found[f"accuracy_{figure}"] == pytest.approx(stats.pearsonr(said, scores)[0])
    assert found[f"accuracy_{figure}_spearman"] == pytest.approx(stats.spearmanr(said, scores)[0])
    found = figures_of(built(f"low_{figure}"), examples)
    slow = stats.mannwhitneyu(np.array(said)[scores > 6], np.array(said)[scores <= 6]).statistic
    assert found[f"low_{figure}"] == pytest.approx(slow / (scores > 6).sum() / (scores <= 6).sum())
    assert found[f"low_{figure}_base"] == pytest.approx((scores <= 6).mean())


@pytest.mark.parametrize(("name", "below"), [("phone_poor", 1.0), ("phone_wrong", 0.5)])
def test_bad_phones_by_goodness(name: str, below: float) -> None:
    examples = draw(count=300)
    goodness_N, scores_N = all_phones(examples)
    bad_N, said_N = scores_N < below, goodness_N < CUTS[f"free<{below:g}"]
    found = figures_of(built(name), examples)
    exact = float(auc(-goodness_N, bad_N.astype(float))(np.ones((len(bad_N), 1)))[0])
    assert found[name] == pytest.approx(exact, abs=0.002)
    hits_N = bad_N[np.argsort(goodness_N)].cumsum()
    precision_N = hits_N / np.arange(1, len(hits_N) + 1)
    assert found[f"{name}_ap"] == pytest.approx(precision_N[np.diff(hits_N, prepend=0) > 0].mean(), abs=0.005)
    assert found[f"{name}_base"] == pytest.approx(bad_N.mean())
    hits = (bad_N & said_N).sum()
    assert found[f"{name}_precision"] == pytest.approx(hits / said_N.sum())
    assert found[f"{name}_recall"] == pytest.approx(hits / bad_N.sum())
    assert found[f"{name}_f1"] == pytest.approx(2 * hits / (said_N.sum() + bad_N.sum()))
    assert found[f"{name}_f1_all"] == pytest.approx(2 * bad_N.mean() / (1 + bad_N.mean()))


def test_goodness_at_its_ends_has_a_place() -> None:
    """All but certain, certain, and the worst there is: 0 has infinite odds."""
    its = Assessment(("AA",) * 4, (90.0, -100, 0, 1), (-1e-300, 0.0, -100.0, -1.0), 0.0, (2.0, 2.0, 0.0, 2.0))
    for gop in ("free", "aligned"):
        metric = PhoneDetection("x", gop)  # type: ignore[arg-type]
        figures = figures_of(metric, [("", Hypothesis((), "", 0.0, assessment=its))])
        assert figures["x"] == pytest.approx(1.0 if gop == "free" else 2 / 3)


def test_without_a_threshold_there_is_no_f1() -> None:
    metric = PhoneDetection("x", "aligned", 0.5)
    assert set(figures_of(metric, draw())) == {"x", "x_ap", "x_base", "x_f1_all"}


def test_scores_by_goodness() -> None:
    examples = draw()
    goodness_N, scores_N = all_phones(examples)
    assert figures_of(PhoneCorrelation("x"), examples)["x"] == pytest.approx(stats.pearsonr(goodness_N, scores_N)[0])
    aligned_N, _ = all_phones(examples, "aligned")
    found = figures_of(PhoneCorrelation("x", "aligned"), examples)["x"]
    assert found == pytest.approx(stats.pearsonr(aligned_N, scores_N)[0])
    errors = figures_of(PhoneError("x"), examples)
    assert errors["x"] == pytest.approx(np.mean((LINE[0] + LINE[1] * goodness_N - scores_N) ** 2))
    assert errors["x_mean"] == pytest.approx(scores_N.var())


def test_bad_phones_by_recognition() -> None:
    phones, scores = ("AA", "B", "S", "T"), (2.0, 0.0, 0.0, 2.0)
    said = Hypothesis((), "AA P T", 0.0, assessment=Assessment(phones, phone_scores=scores))
    found = figures_of(PhoneHeard("x"), [("AA B S T", said)])
    assert found == pytest.approx({"x": 1.0, "x_precision": 1.0, "x_recall": 1.0, "x_all": 2 / 3})
    silent = replace(said, text="")
    assert figures_of(PhoneHeard("x"), [("AA B S T", silent)])["x_precision"] == 0.5
    right = replace(said, text="AA B S T")
    assert figures_of(PhoneHeard("x"), [("AA B S T", right)]) == pytest.approx({"x": 0, "x_recall": 0, "x_all": 2 / 3})


def test_the_sources_definitions() -> None:
    """Characters of IPA, nothing recognized is left out, the threshold is the best for the test itself."""
    examples = draw()
    heard = [(wanted, one, its) for wanted, one, its in judged(examples) if one.text]
    counts = [edit_counts(reference=to_ipa(wanted), hypothesis=to_ipa(one.text)) for wanted, one, _ in heard]
    rates = np.array([one.errors / one.length for one in counts])
    scores = np.array([its.scores["accuracy"] for *_, its in heard])
    good = [one for one, score in zip(counts, scores, strict=True) if score >= 8]
    num_good = sum(its.scores["accuracy"] >= 8 for *_, its in judged(examples))
    found = figures_of(SourceErrorRate("x"), examples)
    assert found["x"] == pytest.approx(sum(one.errors for one in good) / sum(one.length for one in good))
    assert found["x_left_out"] == pytest.approx(1 - len(good) / num_good)
    assert 0 < found["x_left_out"] < 1
    assert figures_of(SourceFigure("x", "pearson"), examples)["x"] == pytest.approx(
        stats.pearsonr(1 - rates, scores)[0]
    )
    low = scores <= 6
    area = stats.mannwhitneyu(rates[low], rates[~low]).statistic / low.sum() / (~low).sum()
    assert figures_of(SourceFigure("x", "auc"), examples)["x"] == pytest.approx(area)
    best = max(2 * (low & (rates >= cut)).sum() / (low.sum() + (rates >= cut).sum()) for cut in rates)
    assert figures_of(SourceFigure("x", "f1"), examples)["x"] == pytest.approx(best)


# Where there is nothing to reckon


@pytest.mark.parametrize("name", WHOLE)
def test_without_judgements_there_is_no_figure(name: str) -> None:
    examples = [without_scores(example) for example in draw(5)]
    with pytest.raises(Undefined, match=rf"metric.{name}: .*score a manifest that has"):
        figures_of(built(name), examples)


@pytest.mark.parametrize("name", [*WHOLE, "phone_poor"])
def test_without_an_assessment_the_system_is_wrong(name: str) -> None:
    with pytest.raises(
        InputError, match=f"metric.{name}: nothing was said of how the phones .*: choose system=phoneme"
    ):
        built(name).score("AA", Hypothesis((), "AA", 0.0))


def test_nothing_to_tell_apart() -> None:
    (wanted, one), *_ = [(wanted, one) for wanted, one, _ in judged(draw())]
    assert one.assessment is not None
    same = replace(one, assessment=replace(one.assessment, phone_scores=(2.0,) * len(one.assessment.phones)))
    metrics = [
        LowRanking("x", "gop"), UtteranceCorrelation("x", "gop"), PhoneDetection("x"), PhoneCorrelation("x"),
        PhoneHeard("x"), *(SourceFigure("x", figure) for figure in ("pearson", "auc", "f1")),  # type: ignore[arg-type]
    ]  # fmt: skip
    for metric in metrics:
        with pytest.raises(Undefined, match=r"metric.x: .*: score"):
            figures_of(metric, [(wanted, same)] * 3)
    unlearned = replace(one, assessment=replace(one.assessment, calibration=(0.0, 0.0)))
    with pytest.raises(Undefined, match="no line leads from goodness to scores"):
        figures_of(PhoneError("x"), [(wanted, unlearned)])


@pytest.mark.parametrize(
    ("metric", "key"),
    [
        (lambda: PhoneDetection("x", "both"), "gop"),  # type: ignore[arg-type]
        (lambda: PhoneDetection("x", step=0.0), "step"),
        (lambda: PhoneCorrelation("x", "best"), "gop"),  # type: ignore[arg-type]
        (lambda: LowRanking("x", "cer"), "figure"),  # type: ignore[arg-type]
        (lambda: SourceFigure("x", "mse"), "figure"),  # type: ignore[arg-type]
    ],
)
def test_wrong_keys_are_told(metric: Callable[[], Any], key: str) -> None:
    with pytest.raises(InputError, match=rf"metric.x.{key}: "):
        metric()


# What is chosen on dev


def test_the_cut_with_the_best_f1_of_all() -> None:
    rng = np.random.default_rng(1)
    for _ in range(50):
        goodness_N, wanted_N = np.round(rng.normal(size=30), 1), rng.random(30) < 0.3
        found = best_cut(goodness_N, wanted_N)
        assert found is not None
        assert not (goodness_N == found).any()

        def f1(cut: float, goodness: Array = goodness_N, wanted: Any = wanted_N) -> float:
            return float(2 * (wanted & (goodness < cut)).sum() / (wanted.sum() + (goodness < cut).sum()))

        assert f1(found) == pytest.approx(max(f1(cut) for cut in [*goodness_N + 0.05, -9.0]))
    assert best_cut(np.array([-1.0, -2.0]), np.array([1, 1])) == -0.5  # above all of them: 0
    assert best_cut(np.array([-1.0]), np.array([0])) is None
    assert best_cut(np.array([]), np.array([])) is None


def test_the_line_is_that_of_least_squares() -> None:
    rng = np.random.default_rng(1)
    goodness_N = rng.normal(size=50) - 30
    scores_N = 2 + 0.1 * goodness_N + rng.normal(size=50)
    slope, intercept = np.polyfit(goodness_N, scores_N, 1)
    assert best_line(goodness_N, scores_N) == pytest.approx((intercept, slope))
    assert best_line(np.full(4, -0.3), np.array([0.0, 1, 2, 1])) == (1.0, 0.0)
    assert best_line(np.array([]), np.array([])) is None
