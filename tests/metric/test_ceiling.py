"""Ceilings against scipy and brute force, on resamples written out utterance by utterance."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence

import numpy as np
import pytest
from scipy import stats

from project.contract import InputError
from project.metric.association import Array
from project.metric.ceiling import Ceiling, Judged, phone_ceilings, read_judged, utterance_ceilings

RATERS = 5


def slow_auc(said: Sequence[float], wanted: Sequence[bool]) -> float:
    high, low = (
        [-one for one, is_wanted in zip(said, wanted, strict=True) if is_wanted is side] for side in (True, False)
    )
    return float(np.mean([0.5 if one == other else float(one > other) for one, other in itertools.product(high, low)]))


def draw(number: int = 30) -> list[Judged]:
    """Utterances of 4 to 9 phones; every fifth without marks of its phones."""
    rng = np.random.default_rng(3)
    judged = []
    for place in range(number):
        skill = rng.uniform(0.3, 1)
        marks = rng.binomial(2, skill, (RATERS, rng.integers(4, 10)))
        accuracy = np.clip(np.round(10 * skill + rng.normal(0, 1, RATERS)), 0, 10)
        lists = () if place % 5 == 0 else tuple(tuple(map(float, row)) for row in marks)
        judged.append(Judged(float(np.median(accuracy)), tuple(marks.mean(axis=0)), tuple(accuracy), lists))
    return judged


def repeated(judged: Sequence[Judged], counts: Array) -> list[Judged]:
    return [one for one, count in zip(judged, counts.astype(int), strict=True) for _ in range(count)]


def figure(ceiling: Ceiling, name: str, counts_NR: Array) -> Array:
    return ceiling.figures[name](counts_NR)


def others(rows: Array, rater: int) -> Array:
    return np.array([np.mean([row for number, row in enumerate(column) if number != rater]) for column in rows.T])


def test_judges_of_utterances() -> None:
    judged = draw()
    counts = np.random.default_rng(1).multinomial(30, np.full(30, 1 / 30), size=6).T.astype(float)
    ceilings = {one.judge: one for one in utterance_ceilings(judged, 6.0, [0.5, 1.0])}
    said: dict[str, Callable[[Judged], float]] = {
        "1 - PER of a perfect recognizer (wrong: below 0.5)": lambda one: (
            1 - sum(score < 0.5 for score in one.phone_scores) / len(one.phone_scores)
        ),
        "1 - PER of a perfect recognizer (wrong: below 1)": lambda one: (
            1 - sum(score < 1 for score in one.phone_scores) / len(one.phone_scores)
        ),
        "people's mean phone score": lambda one: sum(one.phone_scores) / len(one.phone_scores),
    }
    assert list(ceilings) == [*said, *(f"rater {n} against the others" for n in range(1, 6)), "one rater, mean"]
    for judge, score in said.items():
        for row, column in enumerate(counts.T):
            drawn = repeated(judged, column)
            mine, true = [score(one) for one in drawn], [one.accuracy for one in drawn]
            expected = {
                "Pearson": stats.pearsonr(mine, true)[0],
                "Spearman": stats.spearmanr(mine, true)[0],
                "AUC": slow_auc(mine, [one <= 6 for one in true]),
            }
            for name, value in expected.items():
                assert figure(ceilings[judge], name, counts)[row] == pytest.approx(value, abs=1e-9)


def test_one_rater_against_the_others() -> None:
    judged = draw()
    counts = np.random.default_rng(2).multinomial(30, np.full(30, 1 / 30), size=4).T.astype(float)
    utterances = utterance_ceilings(judged, 6.0, [0.5])[2:]
    phones = phone_ceilings(judged, [0.5, 1.0])
    assert [one.num for one in utterances] == [30] * 6
    assert {one.num for one in phones} == {sum(len(one.phone_scores) for one in judged if one.rater_phone_scores)}
    for row, column in enumerate(counts.T):
        drawn = repeated(judged, column)
        scores = np.array([one.rater_accuracy for one in drawn]).T
        marks = np.concatenate([np.array(one.rater_phone_scores) for one in drawn if one.rater_phone_scores], axis=1)
        pearsons, pccs = [], []
        for rater in range(RATERS):
            true = others(scores, rater)
            pearsons.append(stats.pearsonr(scores[rater], true)[0])
            found = [figure(utterances[rater], name, counts)[row] for name in ("Pearson", "AUC")]
            assert found == pytest.approx([pearsons[-1], slow_auc(scores[rater], list(map(bool, true <= 6)))], abs=1e-9)
            true = others(marks, rater)
            pccs.append(stats.pearsonr(marks[rater], true)[0])
            expected = {
                "PCC": pccs[-1],
                "AUC, below 0.5": slow_auc(marks[rater], list(map(bool, true < 0.5))),
                "AUC, below 1": slow_auc(marks[rater], list(map(bool, true < 1))),
                "MSE": float(np.mean((marks[rater] - true) ** 2)),
            }
            assert {name: figure(phones[rater], name, counts)[row] for name in expected} == pytest.approx(expected)
        assert figure(utterances[-1], "Pearson", counts)[row] == pytest.approx(np.mean(pearsons))
        assert figure(phones[-1], "PCC", counts)[row] == pytest.approx(np.mean(pccs))


def test_who_is_not_there_is_no_judge() -> None:
    bare = [Judged(8.0, (2.0, 1.0)), Judged(5.0, (1.0, 0.2))]
    assert len(utterance_ceilings(bare, 6.0, [0.5])) == 2
    assert phone_ceilings(bare, [0.5]) == []
    alone = [Judged(8.0, (2.0,), (8.0,), ((2.0,),)), Judged(5.0, (1.0,), (5.0,), ((1.0,),))]
    assert len(utterance_ceilings(alone, 6.0, [0.5])) == 2
    assert phone_ceilings(alone, [0.5]) == []


def test_labels() -> None:
    assert read_judged(None) is None
    assert read_judged({"accuracy": 8}) is None
    assert read_judged({"phone_scores": [2]}) is None
    with pytest.raises(InputError, match="no numbers"):
        read_judged({"accuracy": "good", "phone_scores": [2]})
    with pytest.raises(InputError, match="another number of phones"):
        read_judged({"accuracy": 8, "phone_scores": [2], "rater_phone_scores": [[2, 2]]})
