"""Scores from GOP: against another library's arithmetic, and where people's scores are known to hang on GOP."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import pearsonr

from project.contract import Assessment, InputError
from project.evaluation.estimate import make_report
from project.evaluation.protocol import Protocol, hash_ids
from project.evaluation.regression import PENALTIES, Ridge, RidgeScorer, folds_of, held_out, judge
from project.evaluation.regression_table import csv_rows, grid, sentences
from project.evaluation.result import Report, Row
from project.evaluation.score_transformer import TransformerScorer
from project.evaluation.utterance import Utterance, heard_right, phone_features, utterances
from project.evaluation.words import Word
from project.metric.text import ErrorRate

METRIC = ErrorRate("per", "word")
PHONES = ("AA", "B", "TH", "S", "IY", "K")
HARD = {"TH": 0.8, "S": 0.3}  # points that people take off a phone, whatever GOP says


def spoken(seed: int, examples: int = 120, speakers: int = 12) -> Report:
    """People's score of a phone hangs on GOP, on which phone it is, and a little on its neighbour."""
    rng = np.random.default_rng(seed)
    rows = []
    for n in range(examples):
        phones = tuple(str(phone) for phone in rng.choice(PHONES, rng.integers(4, 12)))
        free = -rng.exponential(1.5, len(phones)) - 0.01
        raw = 2 + 0.25 * free - np.array([HARD.get(phone, 0.0) for phone in phones]) + 0.1 * np.roll(free, 1)
        scores = np.clip(raw + rng.normal(0, 0.15, len(phones)), 0, 2)
        heard = " ".join(phone if gop > -2 else "B" for phone, gop in zip(phones, free, strict=True))
        whole = {
            "accuracy": float(np.clip(5 * scores.mean() + rng.normal(0, 0.3), 0, 10)),
            "fluency": float(rng.uniform(0, 10)),
        }
        said = Assessment(phones, tuple(2 * free + 1), tuple(free), float(free.mean()), tuple(scores), whole)
        reference = " ".join(phones)
        row = Row(f"{seed}-{n}", reference, heard, f"s{n % speakers}", 2.0, -1.0, {}, assessment=said)
        columns = dict(zip(METRIC.ratios["per"][0], (1.0, 0.0, 0.0), strict=True)) | {"per_length": float(len(phones))}
        rows.append(replace(row, columns=columns))
    protocol = Protocol(
        f"m{seed}", hash_ids(row.id for row in rows), examples, "full", {}, {}, "a", {}, "none", "32", "0.1"
    )
    return make_report(protocol, "a", [METRIC], rows, "2026-02-03", num_resamples=50)


def read(seed: int) -> list[Utterance]:
    """With two words each: the first three phones, and the rest."""
    report = spoken(seed)
    words = {}
    for row in report.rows:
        assert row.assessment is not None
        scores = np.array(row.assessment.phone_scores)
        parts = (scores[:3].mean(), scores[3:].mean())
        ends = ((0, 3), (3, len(scores)))
        words[row.id] = [Word("W", *end, {"accuracy": 5 * float(part)}) for end, part in zip(ends, parts, strict=True)]
    return utterances(report, words)


def test_ridge_is_the_solution_of_its_equations() -> None:
    """The same as ordinary least squares with rows added for the penalty."""
    rng = np.random.default_rng(0)
    x_NF, y_NK = rng.normal(3, 2, (50, 4)), rng.normal(size=(50, 2))
    line = Ridge.of(x_NF, y_NK, 7.0)
    standard_NF = (x_NF - x_NF.mean(axis=0)) / x_NF.std(axis=0)
    more_NF, more_NK = (
        np.vstack([standard_NF, np.sqrt(7) * np.eye(4)]),
        np.vstack([y_NK - y_NK.mean(axis=0), np.zeros((4, 2))]),
    )
    weights_FK, *_ = np.linalg.lstsq(more_NF, more_NK, rcond=None)
    np.testing.assert_allclose(line.weights_FK, weights_FK, atol=1e-10)
    np.testing.assert_allclose(
        line(x_NF), np.clip(standard_NF @ weights_FK + y_NK.mean(axis=0), y_NK.min(0), y_NK.max(0))
    )


def test_what_is_said_of_each_fold_was_learned_from_the_others() -> None:
    rng = np.random.default_rng(1)
    x_NF, y_NK = rng.normal(size=(40, 3)), rng.normal(size=(40, 1))
    folds_N = np.arange(40) % 5
    penalty, said_NK = held_out(x_NF, y_NK, folds_N)
    for fold in range(5):
        line = Ridge.of(x_NF[folds_N != fold], y_NK[folds_N != fold], penalty)
        np.testing.assert_allclose(said_NK[folds_N == fold], line(x_NF[folds_N == fold]))
    errors = []
    for other in PENALTIES:
        _, said = held_out(x_NF, y_NK, folds_N, [other])
        errors.append(float(((said - y_NK) ** 2).mean()))
    assert penalty == PENALTIES[int(np.argmin(errors))]


def test_speakers_are_never_divided() -> None:
    found = read(0)
    folds = folds_of(found)
    assert {
        len({folds[n] for n, one in enumerate(found) if one.group == group}) for group in {one.group for one in found}
    } == {1}
    assert set(folds_of([replace(one, group=None) for one in found])) == set(range(5))


def test_features_hold_a_phone_and_its_neighbours() -> None:
    one = read(0)[0]
    features_PF = phone_features(one, PHONES)
    width = one.gop_PF.shape[1]
    np.testing.assert_array_equal(features_PF[1:, width : 2 * width], one.gop_PF[:-1])
    np.testing.assert_array_equal(features_PF[:-1, 2 * width : 3 * width], one.gop_PF[1:])
    assert [PHONES[int(row.argmax())] for row in features_PF[:, -len(PHONES) :]] == list(one.phones)
    assert heard_right(["K", "AA"], []) == [False, False]


@pytest.mark.parametrize(
    ("scorer", "least"), [(RidgeScorer(), 0.8), (TransformerScorer(epochs=25), 0.65)], ids=["ridge", "transformer"]
)
def test_more_is_told_than_by_gop_alone(scorer: RidgeScorer | TransformerScorer, least: float) -> None:
    """On other utterances: phones beyond GOP alone; of a score that hangs on nothing, nothing."""
    scorer.fit(read(0))
    found = read(1)
    scores = {(one.level, one.aspect): one for one in judge(scorer, found, num_resamples=200)}
    assert set(scores) == {
        ("phone", "phone"),
        ("word", "accuracy"),
        ("utterance", "accuracy"),
        ("utterance", "fluency"),
    }
    phones = scores["phone", "phone"]
    assert phones.delta.verdict == "better"
    assert phones.pcc > 0.85
    assert phones.alone < 0.75
    assert scores["word", "accuracy"].pcc > least
    assert scores["utterance", "accuracy"].pcc > least - 0.1
    fluency = scores["utterance", "fluency"].pcc_interval
    assert fluency is not None
    assert fluency[0] < 0.1
    said = np.concatenate([one.phones for one in scorer.predict(found)])
    truth = np.concatenate([one.phone_scores for one in found if one.phone_scores is not None])
    assert phones.pcc == pytest.approx(pearsonr(said, truth).statistic)
    assert phones.mse == pytest.approx(float(((said - truth) ** 2).mean()))
    assert phones.pcc_interval is not None
    assert phones.pcc_interval[0] < phones.pcc < phones.pcc_interval[1]


def test_the_same_seed_gives_the_same_scores() -> None:
    found = read(0)[:40]
    said = []
    for seed in (1, 1, 2):
        scorer = TransformerScorer(seed, epochs=2)
        scorer.fit(found)
        said.append(np.concatenate([one.phones for one in scorer.predict(found)]))
    np.testing.assert_array_equal(said[0], said[1])
    assert not np.array_equal(said[0], said[2])


def test_what_people_did_not_score_is_left_out() -> None:
    """Utterances without scores of phones or without words; phones that were never learned from."""
    scorer = RidgeScorer()
    scorer.fit(read(0))
    found = [replace(one, phone_scores=None, words=()) for one in read(1)[:20]]
    strange = replace(found[0], phones=("ZH",) * len(found[0].phones))
    assert np.isfinite(scorer.predict([strange])[0].phones).all()
    assert {one.level for one in judge(scorer, found, num_resamples=50)} == {"utterance"}
    with pytest.raises(InputError, match="only 0 utterances have phone scores"):
        RidgeScorer().fit(found)
    with pytest.raises(InputError, match="only 0 utterances have phone scores"):
        TransformerScorer().fit(found)
    bare = tuple(replace(row, assessment=None) for row in spoken(0).rows)
    with pytest.raises(InputError, match="a: 0-0: its report has no GOP"):
        utterances(replace(spoken(0), rows=bare), {})


def test_tables() -> None:
    scorer = RidgeScorer()
    scorer.fit(read(0))
    scores = {"a": judge(scorer, read(1), num_resamples=50)}
    assert sentences(scores)[0].text.startswith("a: phones, correlation 0.")
    assert "better than GOP alone" in sentences(scores)[0].evidence
    assert [row[0] for row in grid(scores, "ridge").rows] == [
        "phones",
        "word: accuracy",
        "utterance: accuracy",
        "utterance: fluency",
    ]
    rows = csv_rows(scores)
    assert len(rows) == 5
    assert {len(row) for row in rows} == {len(rows[0])}
