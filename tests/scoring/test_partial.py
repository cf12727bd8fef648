"""Evaluations that were stopped go on: rows, sums and figures are those of one that nobody disturbed."""

from __future__ import annotations

import json
import math
import os
import re
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest
import torch

from project import train
from project.build.assemble import Recognizer, build_recognizer, settle
from project.build.compose import compose
from project.build.fingerprint import hash_weights
from project.contract import Assessment, Hypothesis, Interrupted, Track, WorkError
from project.data.manifest import Manifest
from project.diagnosis.emission import EmissionSums
from project.run import Run
from project.scoring import partial, reports
from project.scoring.partial import Kept, PartialFile, packed, unpacked
from project.scoring.predictions import Job, Outcome
from project.system.base import Scored, System

pytestmark = pytest.mark.long


WINDOW, HISTORY = 105, 128
Stop = Callable[[int, BaseException], None]


@pytest.fixture(autouse=True)
def _kept_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A line for each batch, from the first on."""
    monkeypatch.setattr(partial, "PATIENCE", 0.0)
    monkeypatch.setattr(partial, "INTERVAL", 0.0)


@pytest.fixture
def stop(monkeypatch: pytest.MonkeyPatch) -> Stop:
    """Has scoring stop while it is at a batch, the first being 1; 0 lets it run."""
    step = System.validation_step

    def stopping(number: int, error: BaseException) -> None:
        seen = 0

        def one(self: System, batch: Any, batch_idx: int) -> Any:
            nonlocal seen
            seen += 1
            found = step(self, batch, batch_idx)
            if seen == number and isinstance(error, ProcessLookupError):
                os._exit(9)  # nothing of it can do anything any more
            if seen == number:
                raise error
            return found

        monkeypatch.setattr(System, "validation_step", one)

    return stopping


@pytest.fixture(scope="module")
def windows(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A manifest of windows of bars, each with a span."""
    folder, count = tmp_path_factory.mktemp("bars"), 11
    rng = np.random.default_rng(5)
    close = 100 * np.exp(np.cumsum(rng.normal(0, 0.002, count * WINDOW + HISTORY)))
    columns = [np.arange(len(close)) * 3600.0, close, close * 1.001, close * 0.999, close, np.zeros(len(close))]
    np.save(folder / "series.npy", np.stack(columns, axis=1))
    lines = [
        {
            "id": f"w{number}",
            "media": f"series.npy#{HISTORY + number * WINDOW}:{HISTORY + (number + 1) * WINDOW}",
            "length": WINDOW,
            "labels": {"spans": [{"kind": "retracement", "start": 10 + number, "end": 20 + number}]},
        }
        for number in range(count)
    ]
    (folder / "bars.jsonl").write_bytes(b"".join(orjson.dumps(line) + b"\n" for line in lines))
    return str(folder / "bars.jsonl")


def letters(tiny: list[str], folder: Path, *words: str) -> tuple[Job, Recognizer]:
    """Morse by an untrained CTC net that says much, in four batches of which the last is smaller."""
    config = compose("train", [*tiny, "data.batching.max_batch_size=2", *words])
    settle(config)
    recognizer = build_recognizer(config, training=False)
    head: Any = recognizer.system.model.head
    with torch.no_grad():
        generator = torch.Generator().manual_seed(0)
        head.weight.copy_(torch.randn(head.weight.shape, generator=generator))
    manifest = recognizer.data.manifest("test")
    return Job(Run(folder), config, "best", manifest, "cpu", partial=folder / "partial" / "0123"), recognizer


def spans(windows: str, folder: Path) -> tuple[Job, Recognizer]:
    """Spans in bars: several heads, and answers that have a track."""
    words = ["experiment=bars/baseline", "model=bar_spans_tiny", "data.workers=0", "data.batching.max_batch_size=3"]
    config = compose("train", [*words, "data.fresh=null", f"data.manifest.train={windows}"])
    settle(config)
    recognizer = build_recognizer(config, training=False)
    recognizer.system.threshold.fill_(0.0)  # type: ignore[operator]
    manifest = Manifest.open(windows)
    return Job(Run(folder), config, "best", manifest, "cpu", partial=folder / "partial" / "0123"), recognizer


def undisturbed(job: Job, recognizer: Recognizer) -> Outcome:
    return replace(job, partial=None).score(recognizer)


def same(found: Outcome, wanted: Outcome) -> None:
    """Not nearly: the same."""
    assert list(found.scored) == list(wanted.scored)
    assert dict(found.scored) == dict(wanted.scored)
    assert dict(found.figures) == dict(wanted.figures)
    assert found.precision == wanted.precision


@pytest.mark.parametrize("family", ["letters", "beams", "spans"])
@pytest.mark.parametrize("number", [2, 4])
def test_a_killed_evaluation_goes_on_and_finds_the_same(
    family: str, number: int, tiny: list[str], windows: str, tmp_path: Path, stop: Stop, capsys: Any
) -> None:
    beams = ["decode=beam", "decode.nbest=2"] if family == "beams" else []
    job, recognizer = spans(windows, tmp_path) if family == "spans" else letters(tiny, tmp_path, *beams)
    wanted = undisturbed(job, recognizer)
    assert "mates/changed" in wanted.figures
    assert any(row.hypothesis.text for row in wanted.scored.values())
    if family == "spans":
        assert all(row.hypothesis.track for row in wanted.scored.values())
    if family == "beams":
        assert any(row.hypothesis.alternatives for row in wanted.scored.values())
    stop(number, RuntimeError("killed"))
    with pytest.raises(RuntimeError, match="killed"):
        job.score(recognizer)
    (file,) = (tmp_path / "partial" / "0123").iterdir()
    assert len(file.read_bytes().splitlines()) == number - 1
    batches = list(recognizer.data.scoring_batches(job.manifest))
    done = sum(map(len, batches[: number - 1]))
    stop(0, RuntimeError())
    capsys.readouterr()
    found = job.score(recognizer)
    assert f"going on after {done} of {len(job.manifest)} examples" in capsys.readouterr().err
    same(found, wanted)
    assert found.earlier > 0
    assert sum(found.spent.values()) > 0
    assert file.exists(), "until its Report is written"
    job.forget()
    assert not (tmp_path / "partial").exists()


def test_stopped_twice(tiny: list[str], tmp_path: Path, stop: Stop) -> None:
    job, recognizer = letters(tiny, tmp_path)
    wanted = undisturbed(job, recognizer)
    for _ in range(2):
        stop(2, RuntimeError("killed"))
        with pytest.raises(RuntimeError):
            job.score(recognizer)
    stop(2, RuntimeError("only the last two batches are left"))
    with pytest.raises(RuntimeError):
        job.score(recognizer)
    stop(0, RuntimeError())
    same(job.score(recognizer), wanted)


def test_a_torn_line_is_dropped(tiny: list[str], tmp_path: Path, stop: Stop, capsys: Any) -> None:
    job, recognizer = letters(tiny, tmp_path)
    wanted = undisturbed(job, recognizer)
    stop(4, RuntimeError("killed"))
    with pytest.raises(RuntimeError):
        job.score(recognizer)
    (file,) = (tmp_path / "partial" / "0123").iterdir()
    whole = file.read_bytes()
    stop(0, RuntimeError())
    for cut, done in ((1, 4), (len(whole.splitlines()[-1]) // 2, 4), (len(whole) - 5, 0)):
        file.write_bytes(whole[:-cut])
        capsys.readouterr()
        same(job.score(recognizer), wanted)
        told = capsys.readouterr().err
        assert (f"after {done} of 7" in told) if done else ("going on" not in told)


def test_other_weights_or_settings_are_not_mixed(tiny: list[str], tmp_path: Path, stop: Stop, capsys: Any) -> None:
    job, recognizer = letters(tiny, tmp_path)
    stop(3, RuntimeError("killed"))
    with pytest.raises(RuntimeError):
        job.score(recognizer)
    stop(0, RuntimeError())
    with torch.no_grad():
        recognizer.system.model.head.bias[1] += 1e-3  # type: ignore[index, union-attr, operator]
    wanted = undisturbed(job, recognizer)
    same(job.score(recognizer), wanted)
    other = replace(job, manifest=job.manifest.select([3, 1, 0, 4, 5, 6]))
    same(other.score(recognizer), undisturbed(other, recognizer))
    assert "going on" not in capsys.readouterr().err


def test_a_file_that_does_not_fit_the_batches_is_left(tiny: list[str], tmp_path: Path, stop: Stop) -> None:
    job, recognizer = letters(tiny, tmp_path)
    wanted = undisturbed(job, recognizer)
    stop(3, RuntimeError("killed"))
    with pytest.raises(RuntimeError):
        job.score(recognizer)
    (file,) = (tmp_path / "partial" / "0123").iterdir()
    file.write_bytes(file.read_bytes().splitlines(keepends=True)[1])
    stop(0, RuntimeError())
    found = job.score(recognizer)
    same(found, wanted)
    assert found.earlier == 0


@pytest.mark.parametrize(
    ("error", "raised"), [(SystemExit(1), KeyboardInterrupt), (SystemExit(), Interrupted)], ids=["Ctrl-C", "SIGTERM"]
)
def test_who_stops_it_is_told_what_is_kept(
    error: BaseException, raised: type[BaseException], tiny: list[str], tmp_path: Path, stop: Stop, capsys: Any
) -> None:
    job, recognizer = letters(tiny, tmp_path)
    stop(3, error)
    with pytest.raises(raised):
        job.score(recognizer)
    assert "4 examples are scored, and kept: the same command goes on after them" in capsys.readouterr().err
    stop(1, error)
    with pytest.raises(raised):
        replace(job, partial=tmp_path / "other", keeps=True).score(recognizer)
    assert "with emissions=cache nothing is kept of it" in capsys.readouterr().err
    assert not (tmp_path / "other").exists()
    stop(0, error)
    assert list(job.score(recognizer).scored) == [example.id for example in job.manifest]


def test_short_evaluations_write_nothing(
    tiny: list[str], tmp_path: Path, stop: Stop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(partial, "PATIENCE", 60.0)
    job, recognizer = letters(tiny, tmp_path)
    stop(4, RuntimeError("killed"))
    with pytest.raises(RuntimeError):
        job.score(recognizer)
    assert not (tmp_path / "partial").exists()
    job.forget()


def test_processes_keep_each_their_own(tiny: list[str], tmp_path: Path, stop: Stop, capfd: Any) -> None:
    if torch.cuda.is_available():
        pytest.skip("processes are spawned there, which this test's stops do not follow")
    words = ["data.batching.max_batch_size=1", "trainer.max_epochs=1"]
    config = compose("train", [*tiny, *words, f"runs={tmp_path}"])
    run = Run(tmp_path / "trial" / "run-00000000")
    train.fit(run, config, train.build(config))
    manifest = Manifest.open(next(word for word in tiny if word.startswith("data.manifest.test=")).partition("=")[2])
    job = Job(run, run.config(), "best", manifest, "cpu", devices=2, partial=tmp_path / "partial" / "0123")
    wanted = replace(job, partial=None).score()
    stop(3, ProcessLookupError())
    with pytest.raises(WorkError, match="died with exit code 9"):
        job.score()
    kept = [file.name[-10:] for file in (tmp_path / "partial" / "0123").iterdir()]
    assert kept
    assert set(kept) <= {"1of2.jsonl", "2of2.jsonl"}
    stop(0, RuntimeError())
    capfd.readouterr()
    same(job.score(), wanted)
    assert re.search(r"going on after [12] of [34] examples", capfd.readouterr().err)


def test_one_process_alone_keeps(tmp_path: Path) -> None:
    rows = [Scored("a", "A", Hypothesis((1,), "A", -1.5), {"cer": 0.0})]
    first, second = (PartialFile(tmp_path / "p", lambda: {"weights": "x"}) for _ in range(2))
    first.write(rows, {}, {}, 1.0)
    second.write(rows, {}, {}, 1.0)
    assert (first.is_written, second.is_written, second.is_due) == (True, False, False)
    partial.forget(tmp_path / "p")
    assert first.path.exists(), "it is being written"
    first.close()
    with closing(PartialFile(tmp_path / "p", lambda: {"weights": "x"})) as third:
        assert third.read().rows == tuple(rows)
    with closing(PartialFile(tmp_path / "p", lambda: {"weights": "y"})) as other:
        assert other.read() == Kept()
    partial.forget(tmp_path / "p")
    assert not (tmp_path / "p").exists()


def test_all_that_rows_hold_comes_back() -> None:
    """To the last bit: numbers that decimal fractions cannot write, infinities, and mappings by number."""
    rng = np.random.default_rng(1)
    odd = [0.1 + 0.2, 1e-310, -math.inf, *rng.standard_normal(50).tolist()]
    judged = Assessment(("AA", "B"), tuple(odd[:2]), (), -0.5, (2.0, 0.4), {"accuracy": 8.0}, {"free<1": -2.5}, (1, 2))
    second = Hypothesis((3, 4), "cé", odd[0], ((0, 2), (3, 4)), tuple(odd))
    first = Hypothesis((), "", odd[2], alternatives=(second,), track=Track(tuple(odd), 0.5), assessment=judged)
    rows = [Scored("a \n b", 'x "y"', first, {"cer": odd[0], "length": 3, "other": np.float64(0.3)})]
    back = unpacked(packed({"rows": rows}))["rows"]
    assert back == rows
    assert repr(back[0].hypothesis) == repr(rows[0].hypothesis)
    assert math.isnan(unpacked(packed({"sums": {"x": math.nan}}))["sums"]["x"])
    sums = EmissionSums()
    sums._said.update([7, 7, 3])
    state = unpacked(packed({"rows": [], "sums": sums.state()}))["sums"]
    other = EmissionSums()
    other.merge(state)
    assert list(other._said.items()) == [(7, 2), (3, 1)]
    assert json.loads(packed({"rows": []})) == {"rows": []}


def test_weights_are_told_apart() -> None:
    state = {"a": torch.arange(4.0), "b": torch.zeros((), dtype=torch.bfloat16), "c": torch.zeros(0), "d": {"x": 1}}
    known = hash_weights(state)
    assert known == hash_weights(dict(state))
    for name, value in (("a", torch.arange(4.0) + 1e-7), ("b", torch.ones(())), ("d", {"x": 2}), ("e", torch.ones(1))):
        assert hash_weights(state | {name: value}) != known


def test_what_is_not_plain_is_refused() -> None:
    with pytest.raises(TypeError, match="PosixPath in what is scored"):
        packed({"rows": [Scored("a", "A", Hypothesis((), "", 0.0), {"x": Path("x")})]})  # type: ignore[dict-item]


def test_a_report_is_the_same(tiny: list[str], tmp_path: Path, stop: Stop, capsys: Any) -> None:
    """What `scansion evaluate` does: when its Report is written, nothing is kept beside it."""
    config = compose("train", [*tiny, "data.batching.max_batch_size=2", "trainer.max_epochs=1", f"runs={tmp_path}"])
    run = Run(tmp_path / "trial" / "run-00000000")
    train.fit(run, config, train.build(config))
    asked = compose("evaluate", [f"run={run.folder}", "device=cpu", "resamples=50"])
    (wanted,) = reports.reports(run, asked)
    assert not (run.folder / "partial").exists()
    stop(3, RuntimeError("killed"))
    with pytest.raises(RuntimeError):
        reports.score(run, asked)
    assert (run.folder / "partial").exists()
    stop(0, RuntimeError())
    (found,) = reports.reports(run, asked)
    assert "going on after 4 of 7 examples" in capsys.readouterr().err
    assert not (run.folder / "partial").exists()
    assert found.rows == wanted.rows
    assert (found.metrics, found.intervals, found.protocol) == (wanted.metrics, wanted.intervals, wanted.protocol)
    differing = {name for name in wanted.info if found.info[name] != wanted.info[name]}
    assert differing <= {"seconds", "time", "real_time_factor"}
    stop(3, RuntimeError("killed"))
    with pytest.raises(RuntimeError):
        reports.score(run, asked)
    stop(0, RuntimeError())
    other = compose("evaluate", [f"run={run.folder}", "device=cpu", "resamples=50", "decode=beam"])
    capsys.readouterr()
    assert reports.score(run, other).protocol != wanted.protocol
    assert "going on" not in capsys.readouterr().err
