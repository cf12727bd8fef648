"""What settings of a sweep do: against the textbook's sums of squares, another library, and dice."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy import stats

from project.evaluation.sensitivity import Trial, cells, is_tie, ranked, sensitivity

RATES, MASKS, SEEDS = ("1e-4", "1e-3", "1e-2"), ("0.0", "0.5"), ("1", "2", "3", "4")
AXES = ("lr", "mask", "seed")


def trials(seed: int, rate: float = 0.0, mask: float = 0.0, noise: float = 1.0) -> list[Trial]:
    """A grid of points whose figure depends on the settings by so much."""
    rng = np.random.default_rng(seed)
    return [
        Trial(
            f"{n}",
            {"lr": one, "mask": other, "seed": third},
            rate * RATES.index(one) + mask * MASKS.index(other) + noise * rng.normal(),
        )
        for n, (one, other, third) in enumerate(itertools.product(RATES, MASKS, SEEDS))
    ]


def test_a_whole_grid_against_the_textbook() -> None:
    """Between-group sums of squares, and the F test of one-way groups of cells."""
    found = trials(1, rate=1.0, mask=0.3)
    result = sensitivity(found, AXES)
    values = np.array([one.value for one in found])
    total = ((values - values.mean()) ** 2).sum()
    assert [axis.name for axis in result.axes] == ["lr", "mask"]
    for axis in result.axes:
        between = 0.0
        for level in axis.levels:
            own = np.array([one.value for one in found if one.settings[axis.name] == level.name])
            assert level.values == tuple(own)
            assert level.mean == pytest.approx(own.mean())
            assert level.spread == pytest.approx(own.std(ddof=1))
            between += len(own) * (own.mean() - values.mean()) ** 2
        assert axis.share == pytest.approx(between / total)
        means = [level.mean for level in axis.levels]
        assert axis.range == pytest.approx(max(means) - min(means))
    groups = [[one.value for one in cell.trials] for cell in cells(found)]
    within = sum(((np.array(own) - np.mean(own)) ** 2).sum() for own in groups)
    assert result.seeds == pytest.approx(within / total)
    assert result.noise == pytest.approx(np.sqrt(within / (len(found) - len(groups))))
    shares = [axis.share for axis in result.axes] + [result.seeds or 0.0, result.rest]
    assert sum(shares) == pytest.approx(1)
    assert (result.is_balanced, result.is_tangled) == (True, False)


def test_one_axis_against_scipy() -> None:
    found = [one for one in trials(2, rate=0.8) if one.settings["mask"] == "0.0"]
    (axis,) = sensitivity(found, AXES).axes
    known = stats.f_oneway(*(level.values for level in axis.levels))
    assert axis.p_value == pytest.approx(known.pvalue)


def test_what_is_missing_does_not_speak_for_another_setting() -> None:
    """The high rate is bad, and most of its points with a mask are missing: the mask must not look good for that."""
    whole = trials(3, rate=5.0, noise=0.1)
    part = [one for one in whole if not (one.settings["lr"] == "1e-2" and one.settings["mask"] == "0.5")]
    result = sensitivity(part, AXES)
    rate, mask = result.axes
    assert mask.range > 2, "raw means are led astray"
    assert mask.share < 0.001
    assert rate.share > 0.3
    assert not result.is_balanced
    assert sensitivity(whole, AXES).is_balanced


def test_settings_that_move_together_are_told() -> None:
    found = [one for one in trials(4) if (one.settings["lr"] == "1e-4") == (one.settings["mask"] == "0.0")]
    found = [one for one in found if one.settings["lr"] != "1e-2"]
    result = sensitivity(found, AXES)
    assert result.is_tangled
    assert [axis.share for axis in result.axes] == pytest.approx([0, 0], abs=1e-12)


def test_an_axis_that_does_nothing_is_rarely_believed() -> None:
    """Of many sweeps in which nothing matters, about one in twenty says that the learning rate does."""
    said = [sensitivity(trials(seed), AXES).axes[0].verdict for seed in range(300)]
    assert 0.01 < said.count("matters") / len(said) < 0.09
    assert said.count("small") > 100
    strong = [sensitivity(trials(seed, rate=1.5), AXES).axes[0].verdict for seed in range(50)]
    assert strong.count("matters") == 50


def test_without_seeds_nothing_is_said_of_chance() -> None:
    found = [one for one in trials(5) if one.settings["seed"] == "1"]
    result = sensitivity(found, AXES)
    assert (result.seeds, result.noise) == (None, None)
    assert {axis.verdict for axis in result.axes} == {"unknown"}


def test_many_numbers_are_put_together() -> None:
    """As a search draws them: each value once."""
    rng = np.random.default_rng(6)
    drawn = 10 ** rng.uniform(-5, -1, 40)
    found = [Trial(f"{n}", {"lr": f"{lr:.6g}"}, abs(np.log10(lr) + 3)) for n, lr in enumerate(drawn)]
    (axis,) = sensitivity(found, ["lr"]).axes
    assert [len(level.values) for level in axis.levels] == [10] * 4
    starts = [float(level.name.split(" to ")[0]) for level in axis.levels]
    assert starts == sorted(starts)
    assert axis.best("lower").name == min(axis.levels, key=lambda level: level.mean).name
    assert axis.best("higher").name != axis.best("lower").name


def test_ties_of_settings_against_scipy() -> None:
    """Of two settings alone the pooled spread is that of the t test."""
    for gap in (0.2, 0.9, 1.2, 3.0):
        found = [one for one in trials(8, rate=gap) if one.settings["mask"] == "0.0" and one.settings["lr"] != "1e-2"]
        best, other = ranked(cells(found), "lower")
        known = stats.ttest_ind(best.values, other.values).pvalue
        assert is_tie(other, best, sensitivity(found, AXES)) == (known > 0.05)
        assert ranked(cells(found), "higher") == [other, best]
    assert is_tie(other, best, sensitivity(found[::4], AXES)) is None


def test_edges() -> None:
    alike = [Trial(name, {"lr": lr, "seed": seed}, 0.5) for name, lr, seed in (("a", "1", "1"), ("b", "2", "1"))]
    result = sensitivity([*alike, Trial("c", {"lr": "1", "seed": "2"}, 0.5)], ["lr", "seed"])
    assert (result.axes[0].share, result.axes[0].range, result.axes[0].p_value) == (0, 0, 1)
    assert sensitivity(alike[:1], ["lr"]).axes == ()
    exact = [Trial(f"{lr}{seed}", {"lr": lr, "seed": seed}, float(lr)) for lr in "12" for seed in "12"]
    assert sensitivity(exact, ["lr", "seed"]).axes[0].p_value == 0
    assert sensitivity(exact, ["lr", "seed"]).axes[0].verdict == "matters"
