"""Phones as a system: assessments beside hypotheses, what dev chooses and the checkpoint keeps, whole evaluations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest
import soundfile
import torch

from project import evaluate, train
from project.build.assemble import Recognizer
from project.build.compose import compose
from project.build.restore import restore
from project.contract import Assessment, Batch, Config, InputError
from project.decode.gop import assess
from project.evaluation.result import Report, load
from project.metric.pronunciation_threshold import best_cut, best_line
from project.run import Run
from project.scoring.reports import score
from project.system.base import System
from project.system.phoneme import PhonemeSystem, judged

pytestmark = pytest.mark.long


PITCH = {"AA": 400, "IY": 900, "S": 2500, "T": 5000}  # Hz: what a phone sounds like here
METRICS = "[per,per_good,accuracy_gop,low_gop,phone_poor,phone_wrong,phone_score,phone_mse,phone_heard]"


def recording(said: Sequence[str], rng: np.random.Generator) -> np.ndarray[Any, np.dtype[np.float32]]:
    """A tone for each phone, with pauses, in some noise."""
    parts = [np.zeros(800)]
    for phone in said:
        length = int(rng.integers(1100, 1500))
        parts += [np.sin(2 * np.pi * PITCH[phone] / 16000 * np.arange(length)) * np.hanning(length), np.zeros(500)]
    sound = np.concatenate(parts)
    return (0.3 * sound + 0.003 * rng.normal(size=len(sound))).astype(np.float32)


@pytest.fixture(scope="module")
def spoken(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of train, dev and test manifests; in `unjudged` nobody judged anybody."""
    folder = tmp_path_factory.mktemp("spoken")
    rng = np.random.default_rng(3)
    for part, count in (("train", 24), ("dev", 12), ("test", 12)):
        lines = []
        for n in range(count):
            phones = rng.choice(list(PITCH), int(rng.integers(3, 6))).tolist()
            wrong = rng.random(len(phones)) < (0.1 if part == "train" else 0.5 * (n % 2))
            said = [str(rng.choice(list(PITCH))) if bad else phone for phone, bad in zip(phones, wrong, strict=True)]
            scores = [[0.4, 0.8][k % 2] if phone != heard else 2.0
                      for k, (phone, heard) in enumerate(zip(phones, said, strict=True))]  # fmt: skip
            soundfile.write(folder / f"{part}-{n}.flac", sound := recording(said, rng), 16000)
            accuracy = 10.0 - 2 * scores.count(0.4) - 2 * scores.count(0.8)
            lines.append(
                {"id": f"{part}-{n}", "media": f"{part}-{n}.flac", "duration": len(sound) / 16000, "symbols": phones,
                 "labels": {"phone_scores": scores, "accuracy": accuracy, "fluency": 7.5}}
            )  # fmt: skip
        folder.joinpath(f"{part}.jsonl").write_bytes(b"".join(orjson.dumps(line) + b"\n" for line in lines))
        bare = [{key: value for key, value in line.items() if key != "labels"} for line in lines]
        folder.joinpath(f"{part}-unjudged.jsonl").write_bytes(b"".join(orjson.dumps(line) + b"\n" for line in bare))
    return folder


def config_of(spoken: Path, folder: Path, *words: str, dev: str = "dev") -> Config:
    named = {"train": "train", "dev": dev, "test": "test"}
    parts = [f"data.manifest.{part}={spoken}/{name}.jsonl" for part, name in named.items()]
    what = ["text=phones", "feature=fbank", "system=phoneme", f"metric={METRICS}", "model=envelope", "data.workers=0"]
    small = ["model.channels=32", "model.blocks=2", "epochs=40", "data.batching.max_batch_size=4", "optimizer.lr=0.01"]
    rare = [
        "trainer.check_val_every_n_epoch=20",
        "scheduler.warmup_steps=5",
        f"runs={folder}",
        "name=tones",
        "callbacks.checkpoint.monitor=dev/per",
    ]
    return compose("train", [*parts, *what, *small, *rare, *words])


def trained(config: Config) -> Run:
    train.train(config, [])
    (folder,) = (Path(config["runs"]) / "trial").iterdir()
    return Run.open(folder)


@pytest.fixture(scope="module")
def run(spoken: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    return trained(config_of(spoken, tmp_path_factory.mktemp("runs")))


@pytest.fixture(scope="module")
def recognizer(run: Run) -> Recognizer:
    return restore(run, run.config())


def asked(run: Run, *words: str) -> Config:
    return compose("evaluate", [f"run={run.folder}", "device=cpu", "resamples=50", *words])


def batches(recognizer: Recognizer, part: str = "dev") -> list[Batch]:
    return list(recognizer.data.scoring_loader(recognizer.data.manifest(part)))


def assessments(recognizer: Recognizer, part: str = "dev") -> list[Assessment]:
    with torch.no_grad():
        found = [one for batch in batches(recognizer, part) for one in recognizer.system.predict(batch)[1]]
    return [one.assessment for one in found if one.assessment is not None]


def test_hypotheses_say_how_well_phones_were_said(recognizer: Recognizer) -> None:
    manifest = {example.id: example for example in recognizer.data.manifest("dev")}
    for batch in batches(recognizer):
        with torch.no_grad():
            output, hypotheses = recognizer.system.predict(batch)
        expected = assess(output, [row[: int(n)].tolist() for row, n in zip(  # type: ignore[arg-type]
            batch.targets["symbols"], batch.targets["symbol_lengths"], strict=True)])  # fmt: skip
        for name, found, goodness in zip(batch.ids, hypotheses, expected, strict=True):
            its, labels = found.assessment, manifest[name].labels
            assert its is not None
            assert labels is not None
            assert its.phones == manifest[name].symbols
            assert (its.free, its.aligned, its.log_prob) == (goodness.free, goodness.aligned, goodness.log_prob)
            assert list(its.phone_scores) == labels["phone_scores"]
            assert its.scores == {"accuracy": labels["accuracy"], "fluency": 7.5}


def test_what_dev_chose_stands_in_the_checkpoint(recognizer: Recognizer) -> None:
    system = recognizer.system
    assert isinstance(system, PhonemeSystem)
    found = assessments(recognizer)
    scores_N = np.concatenate([one.phone_scores for one in found])
    for kind in ("free", "aligned"):
        goodness_N = np.concatenate([getattr(one, kind) for one in found])
        for bound in (0.5, 1.0):
            value = best_cut(goodness_N, scores_N < bound)
            assert found[0].thresholds[f"{kind}<{bound:g}"] == pytest.approx(value, rel=1e-3, abs=1e-3)
    free_N = np.concatenate([one.free for one in found])
    assert found[0].calibration == pytest.approx(best_line(free_N, scores_N), rel=1e-3, abs=1e-3)


def test_figures_of_training_are_those_of_the_chosen(run: Run) -> None:
    """The last validation's F1 is what evaluating dev gives."""
    report = score(run, asked(run, "checkpoint=last", f"data.manifest={run.config()['data']['manifest']['dev']}"))
    curves = run.curves()
    for name in ("per", "per_good", "accuracy_gop", "phone_poor", "phone_poor_f1", "phone_mse", "phone_heard"):
        assert curves[f"dev/{name}"][-1][1] == pytest.approx(report.metrics[name], abs=1e-6), name
    assert curves["dev/threshold_free_1"][-1][1] == pytest.approx(report.rows[0].assessment.thresholds["free<1"])  # type: ignore[union-attr]
    assert report.metrics["phone_poor"] > 0.8, "another tone is heard"
    assert report.metrics["phone_score"] > 0.4


def test_rows_keep_what_was_said(run: Run, tmp_path: Path) -> None:
    report = score(run, asked(run))
    again = load(report.save(tmp_path))
    for row, other in zip(report.rows, again.rows, strict=True):
        mine, theirs = row.assessment, other.assessment
        assert mine is not None
        assert theirs is not None
        assert (theirs.phones, theirs.phone_scores, theirs.scores) == (mine.phones, mine.phone_scores, mine.scores)
        assert theirs.free == pytest.approx(mine.free, rel=1e-5)
        assert theirs.aligned == pytest.approx(mine.aligned, rel=1e-5)
        assert theirs.thresholds == pytest.approx(mine.thresholds, rel=1e-5)
        assert theirs.calibration == pytest.approx(mine.calibration, rel=1e-5)
    assert set(report.intervals) == set(report.metrics)


def test_the_sources_figures_take_no_reports_place(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    def told(*words: str) -> Report:
        assert evaluate.evaluate(asked(run, "print_samples=0", *words), []) == 0
        (line,) = capsys.readouterr().out.splitlines()
        assert Path(line).parent == run.reports / ("phoneme_source" if words else "")
        return load(line)

    own, source = told(), told("evaluation=phoneme/source")
    assert set(source.metrics) == {"source_cer", "source_cer_left_out", "source_pearson", "source_auc", "source_f1"}
    assert source.info["metric"] == compose("evaluate", ["evaluation=phoneme/source"])["evaluation"]["metric"]
    assert own.protocol == source.protocol
    assert load(run.reports / own.protocol.hash) == own
    with pytest.raises(InputError, match="it names no metrics: choose from phoneme/source"):
        score(run, asked(run, "evaluation=hypotheses/morse/beam"))


def test_training_goes_on_where_nobody_judged_and_an_evaluation_says_so(spoken: Path, tmp_path: Path) -> None:
    run = trained(config_of(spoken, tmp_path, "epochs=1", "trainer.check_val_every_n_epoch=1", dev="dev-unjudged"))
    assert {"dev/per", "dev/per_substitutions"} <= run.curves().keys()
    assert not [name for name in run.curves() if "good" in name or "phone" in name or "threshold" in name]
    found = assessments(restore(run, run.config()))
    assert {len(one.phone_scores) + len(one.scores) + len(one.thresholds) for one in found} == {0}
    assert {one.calibration for one in found} == {(0.0, 0.0)}
    report = score(run, asked(run, f"data.manifest={spoken}/dev-unjudged.jsonl"))
    assert report.primary == "per"
    assert not [name for name in report.metrics if "good" in name or "phone" in name]
    said = "metric.per_good: no utterance has labels.accuracy of 8 or more: score a"
    assert any(reason.startswith(said) for reason in report.info["not_measured"])


def test_weights_of_a_system_without_thresholds_will_do(spoken: Path, tmp_path: Path) -> None:
    first = trained(config_of(spoken, tmp_path / "a", "system=ctc", "metric=per", "epochs=1"))
    second = trained(config_of(spoken, tmp_path / "b", "epochs=1", f"init_from={first.folder}"))
    assert {"dev/per", "dev/threshold_free_1"} <= second.curves().keys()


def test_it_is_chosen_by_the_phones_of_all_ranks(recognizer: Recognizer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two ranks that saw different utterances choose alike, whichever of the two they are."""
    system = recognizer.system
    assert isinstance(system, PhonemeSystem)
    before = {name: value.clone() for name, value in system.state_dict().items()}
    rng = np.random.default_rng(5)
    shares = [np.stack([*rng.normal(size=(2, 40)), rng.choice([0.2, 0.8, 2.0], 40)]) for _ in range(2)]
    monkeypatch.setattr(System, "on_validation_epoch_end", lambda _self: None)
    monkeypatch.setattr(PhonemeSystem, "trainer", _Fitting)
    chosen = []
    for _ in range(2):
        monkeypatch.setattr(PhonemeSystem, "_gathered", lambda _self, _mine: shares)
        system.scored = []
        system.on_validation_epoch_end()
        chosen.append((system.thresholds.tolist(), system.calibration.tolist()))
        shares.reverse()
    assert chosen[0] == chosen[1]
    both = np.concatenate(shares, axis=1)
    assert chosen[0][0][1][0] == pytest.approx(best_cut(both[1], both[2] < 0.5), rel=1e-6)
    system.load_state_dict(before)
    assert judged([]).shape == (3, 0)


class _Fitting:
    class state:  # noqa: N801
        fn = "fit"


def test_what_does_not_fit_is_told_with_its_id(recognizer: Recognizer) -> None:
    system, batch = recognizer.system, batches(recognizer)[0]
    short = replace(batch, targets=batch.targets | {"phone_score_lengths": batch.targets["phone_score_lengths"] - 1})
    with pytest.raises(InputError, match=rf"{batch.ids[0]}: labels.phone_scores are \d, and there are \d phones"):
        system.predict(short)
    foreign = replace(batch, references=("AA", *batch.references[1:]))
    with pytest.raises(InputError, match=rf"{batch.ids[0]}: 1 phones are written, and \d of them are in the alphabet"):
        system.predict(foreign)
    none = replace(batch, targets={})
    with torch.no_grad():
        assert {one.assessment for one in system.predict(none)[1]} == {None}
