"""The verb evaluate: what may differ from training, that each example counts once, and that nothing is told wrongly."""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch import Trainer
from omegaconf import OmegaConf

from project import cli, evaluate, train
from project.build.compose import CONF, compose, groups, unknown_keys
from project.build.restore import changed, hash_checkpoint, restore
from project.contract import Config, Hypothesis, InputError
from project.data.manifest import Manifest, write_manifest
from project.evaluation.comparison import compare
from project.evaluation.result import Report, load
from project.evaluation.table import terminal
from project.metric.text import ErrorRate
from project.model.envelope import EnvelopeEncoder
from project.reporting.known_run import KnownRun, outdated
from project.run import Run, flatten
from project.scoring.predictions import predict
from project.scoring.reports import score
from project.scoring.request import check_request
from project.system.base import Scored

SOUND = {"sample_rate": 4000, "level": "relative to the noise and to the tone's peak"}
AUGMENT = [{"_target_": f"project.data.augment.{name}"} for name in ("Gain", "Noise", "TimeMask")]
Ask = Callable[..., tuple[int, str, list[str]]]


def talkative(recognizer: Any) -> Any:
    """The recognizer with a head that says much from the start: so little training leaves others silent."""
    generator = torch.Generator().manual_seed(0)
    head = recognizer.system.model.head
    with torch.no_grad():
        head.weight.copy_(torch.randn(head.weight.shape, generator=generator))
        head.bias.zero_()
    return recognizer


def trained(tiny: list[str], folder: Path, *words: str) -> tuple[Run, list[Scored]]:
    """A run with dropout and augmentation, and what its last validation saw."""
    config = compose("train", [*tiny, "trainer.max_epochs=1", "data.batching.max_batch_size=2", *words])
    config["data"]["augment"] = AUGMENT
    config["model"]["dropout"] = 0.5
    run = Run(folder / "trial" / "run-00000000")
    recognizer = talkative(train.build(config))
    train.fit(run, config, recognizer)
    return run, recognizer.system.scored


@pytest.fixture(scope="module")
def taught(tiny: list[str], tmp_path_factory: pytest.TempPathFactory) -> tuple[Run, list[Scored]]:
    return trained(tiny, tmp_path_factory.mktemp("taught"), "decode=beam", "decode.pruning.blank=2")


@pytest.fixture
def run(taught: tuple[Run, list[Scored]], tmp_path: Path) -> Run:
    """A copy of a run that has trained."""
    folder = tmp_path / "trial" / "run-00000000"
    shutil.copytree(taught[0].folder, folder)
    return Run(folder)


@pytest.fixture
def ask(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Ask:
    """Runs `scansion evaluate`: exit code, standard output, and the lines that say what is wrong."""
    monkeypatch.chdir(tmp_path)

    def answer(*words: Any) -> tuple[int, str, list[str]]:
        with pytest.raises(SystemExit) as stop:
            cli.main(["evaluate", *map(str, words)])
        told = capsys.readouterr()
        return int(str(stop.value.code)), told.out, [line for line in told.err.splitlines() if "scansion:" in line]

    return answer


def asked(run: Run, *words: str, **values: Any) -> Config:
    config = compose("evaluate", [f"run={run.folder}", "device=cpu", "resamples=50", *words])
    config["data"]["manifest"] = values.pop("manifest", None)
    return config | values


def said(report: Report) -> list[tuple[str, str]]:
    return [(row.id, row.hypothesis) for row in report.rows]


def rewritten(morse: Path, name: str, texts: Mapping[int, str]) -> str:
    """The test manifest with other texts."""
    whole = Manifest.open(str(morse / "test.jsonl"))
    write_manifest(
        morse / name, [replace(example, text=texts.get(row, example.text)) for row, example in enumerate(whole)]
    )
    return str(morse / name)


# The same road as validation


def test_validation_in_training_and_evaluate_say_the_same(taught: tuple[Run, list[Scored]], morse: Path) -> None:
    """Beam search, dropout, augmentation: what the last validation recognized, `evaluate` recognizes."""
    run, validated = taught
    report = score(run, asked(run, "checkpoint=last", manifest=f"{morse}/dev.jsonl"))
    assert sum(bool(row.hypothesis) for row in report.rows) > 3, "hypotheses to compare"
    assert {row.id: (row.hypothesis, row.score, dict(row.columns)) for row in report.rows} == {
        row.id: (row.hypothesis.text, row.hypothesis.score, dict(row.columns)) for row in validated
    }
    assert report.metrics["cer"] == pytest.approx(run.state()["dev/cer"], abs=1e-12)


def test_greedy_and_masked_validation_say_the_same(tiny: list[str], morse: Path, tmp_path: Path) -> None:
    rest = [word for word in tiny if not word.startswith(("data.manifest.test", "data.manifest.dev"))]
    run, validated = trained(rest, tmp_path, f"data.manifest.dev={morse}/dev.jsonl", "feature=envelope")
    report = score(run, asked(run, "checkpoint=last"))  # of its own dev manifest: it has no test manifest
    assert sum(bool(row.hypothesis) for row in report.rows) > 3
    assert said(report) == sorted((row.id, row.hypothesis.text) for row in validated)
    assert report.info["manifest"] == f"{morse}/dev.jsonl"


# What may differ


def test_what_differs_stands_in_the_protocol(run: Run, morse: Path) -> None:
    own = score(run, asked(run)).protocol
    assert (own.audio, own.adapter, own.precision) == (SOUND, "none", "32-true on cpu")
    assert own.feature["feature"] == "tone_envelope@3"
    assert own.text == {"normalize": ["nfc@1", "upper@1", "squeeze_spaces@1"]}
    changes: dict[str, tuple[Config, set[str]]] = {
        "manifest": (
            asked(run, manifest=f"{morse}/dev.jsonl"),
            {"manifest_hash", "manifest_ids_hash", "num_examples"},
        ),
        "decode": (asked(run, "decode=greedy"), {"decode"}),
        "one setting": (asked(run, "decode=beam", "decode.pruning.blank=2", "decode.bonus=0.5"), {"decode"}),
        "precision": (asked(run, "precision=bf16-mixed"), {"precision"}),
        "the run's own": (asked(run, "decode=beam", "decode.pruning.blank=2", "precision=32-true"), set()),
    }
    for what, (config, fields) in changes.items():
        other = score(run, config).protocol
        assert {name.split(".")[0] for name, _, _ in own.differences(other)} == fields, what


MINE = {"data.manifest", "threads"}  # keys that a run and `evaluate` share; and all of `decode`
SHARED = {"data", "decode", "threads"}
THEIRS = [
    key for key, _ in flatten(compose("train", ["experiment=morse/baseline"])) if key.partition(".")[0] != "decode"
]
CHOICES = [entry.name for entry in CONF.iterdir() if entry.is_dir() and entry.name in {*groups("train"), "trainer"}]


@pytest.mark.parametrize("sign", ["", "+", "++", "~"])
def test_no_other_key_of_a_run_can_be_changed(sign: str) -> None:
    """Every key of a training configuration, each group of choices, and whole experiments."""
    assert len(THEIRS) > 60
    for key in [*THEIRS, *CHOICES, "experiment", "corpus@data.fresh"]:
        if key in MINE or key == "decode":
            assert evaluate.check_words([f"{sign}{key}=other"]) == 0
            continue
        with pytest.raises(InputError) as caught:
            evaluate.check_words(["decode=beam", f"{sign}{key}=other"])
        assert str(caught.value).startswith(f"{key}: a run is evaluated as it was trained: only data.manifest, decode")


@pytest.mark.parametrize("key", [key for key in compose("train") if key not in SHARED])
def test_nor_by_other_ways(key: str) -> None:
    config = OmegaConf.create(compose("evaluate") | {key: "other"})
    with pytest.raises(InputError, match=f"{key}: no such key"):
        unknown_keys(config, "evaluate")


@pytest.mark.parametrize("word", ["model.channels=8", "+model.channels=8", "text=english", "+experiment=morse/quick"])
def test_what_belongs_to_the_run_is_told_in_one_line(ask: Ask, run: Run, word: str) -> None:
    code, out, lines = ask(run.folder, word)
    assert (code, out) == (2, "")
    key = word.lstrip("+").partition("=")[0]
    (line,) = lines
    assert line == f"scansion: {key}: {evaluate.CHANGEABLE}: leave it out"


@pytest.mark.parametrize("key", [key for key in compose("train")["data"] if key != "manifest"])
def test_no_other_part_of_the_data_can_be_changed(key: str) -> None:
    config = compose("evaluate")
    config["data"] |= {key: "other"}
    with pytest.raises(InputError, match=rf"data\.{key}: a run is evaluated as it was trained"):
        check_request(config)


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["presicion=bf16-mixed"], "presicion: no such key or group: did you mean precision?"),
        (["+colour=red"], "colour: no such key"),
        (["data.manifest.test=a.jsonl"], "may differ: write data.manifest=<manifest.jsonl>"),
        (["decode.size=3"], "decode.size: of which decoder? Name it, too: decode=beam decode.size=10"),
        (["decode=beam", "decode.breadth=3"], "decode.breadth"),
        (["device=tpu"], "device=tpu: choose from auto, cpu, gpu"),
        (["max_samples=0"], "max_samples: 0 is no whole number from 1 on"),
        (["resamples=many"], "resamples: 'many' is no whole number from 1 on"),
        (["devices=0"], "devices: 0 is no whole number from 1 on"),
        (["uncovered=ignore"], "uncovered=ignore: choose from refuse, count"),
        (["data.manifest=[]"], "names no manifest"),
        (["data.manifest=[a,a]"], "named twice"),
        (["precision=33"], "trainer.precision: 33 is not"),
    ],
    ids=lambda words: " ".join(words) if isinstance(words, list) else "",
)
def test_what_is_wrong_is_told_in_one_line(ask: Ask, run: Run, words: list[str], line: str) -> None:
    code, out, lines = ask(run.folder, *words)
    assert (code, out, len(lines)) == (2, "", 1)
    assert line in lines[0]
    assert not run.reports.exists()


@pytest.mark.skipif(torch.cuda.is_available(), reason="it has the device")
def test_a_device_that_is_not_there(run: Run) -> None:
    with pytest.raises(InputError, match=r"device=gpu precision=32-true: .*: set device=cpu"):
        score(run, asked(run, device="gpu"))


def test_adapters_stand_in_the_protocol(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def state(norm: float, *, active: bool = True) -> Report:
        found = {"lora": {"active": active, "norm": norm}}
        monkeypatch.setattr(EnvelopeEncoder, "adapter_state", lambda self: found, raising=False)
        return score(run, asked(run, "decode=greedy"))

    report = state(0.5)
    assert report.protocol.adapter == {"lora": {"active": True, "changes": True}}
    assert report.info["adapter"] == {"lora": {"active": True, "norm": 0.5}}
    active, changes = "adapter.lora.active", "adapter.lora.changes"
    off = state(0.5, active=False)
    for other, fields in ((off, [active, changes]), (state(0.0), [changes])):
        assert [name for name, _, _ in report.protocol.differences(other.protocol)] == fields
    assert state(0.0, active=False).protocol == off.protocol, "one that is off changes nothing, whatever it learned"
    assert state(0.7).protocol == report.protocol, "two seeds are evaluated alike"


def test_a_report_tells_its_weights(run: Run) -> None:
    report = score(run, asked(run, "decode=greedy"))
    assert report.info["weights"] == hash_checkpoint(run)
    content = torch.load(run.best, weights_only=True)
    content["state_dict"]["model.head.bias"] += 1
    torch.save(content, run.best)
    assert report.info["weights"] != hash_checkpoint(run), "the report is stale"
    assert score(run, asked(run, "decode=greedy")).protocol == report.protocol


# Every example counts once


def test_two_processes_find_what_one_finds(run: Run) -> None:
    """Seven examples in four batches, shared by two: the same rows, scores and figures, and the same Protocol."""
    config = asked(run, "threads=1")
    alone, together = score(run, config), score(run, config | {"devices": 2})
    assert len(alone.rows) == 7
    assert sum(bool(row.hypothesis) for row in alone.rows) > 3
    assert together.rows == alone.rows
    assert (together.metrics, together.intervals) == (alone.metrics, alone.intervals)
    assert together.protocol == alone.protocol
    assert (alone.info["devices"], together.info["devices"]) == (1, 2)
    measured, again = (
        {k: v for k, v in one.info["statistics"].items() if "mates" not in k} for one in (alone, together)
    )
    assert {"probability/blank", "text/length_ratio", "skill/ctc", "feature/dev/mean"} < measured.keys()
    assert again == pytest.approx(measured, rel=1e-9)


def test_nothing_recognized_is_all_deleted(run: Run) -> None:
    content = torch.load(run.best, weights_only=True)
    content["state_dict"]["model.head.bias"][0] = 1e4
    torch.save(content, run.best)
    report = score(run, asked(run))
    assert {row.hypothesis for row in report.rows} == {""}
    assert "blank_collapse" in {one["check"] for one in report.info["findings"]}
    assert "It says blank in 100.0% of the frames" in evaluate.told(report)
    for name in ("cer", "wer"):
        assert report.metrics[name] == report.metrics[f"{name}_deletions"] == 1
        assert all(row.columns[f"{name}_deletions"] == row.columns[f"{name}_length"] > 0 for row in report.rows)


def test_an_empty_reference_counts_what_is_put_in(run: Run, morse: Path) -> None:
    whole = score(run, asked(run))
    name = rewritten(morse, "one-empty.jsonl", {2: "  "})
    report = score(run, asked(run, manifest=name))
    row, before = report.rows[2], whole.rows[2]
    assert (row.reference, row.hypothesis) == ("", before.hypothesis)
    assert row.hypothesis
    assert row.columns["cer_insertions"] == len(row.hypothesis)
    assert report.info["references"]["empty"] == 1
    assert "1 empty: all that is recognized there counts as inserted" in report.info["references"]["text"]
    for words in ({}, {"device": "cpu"}):
        nothing = rewritten(morse, "all-empty.jsonl", dict.fromkeys(range(7), " "))
        with pytest.raises(InputError, match="all 7 references are empty after normalizing"):
            score(run, asked(run, manifest=nothing, **words))


def test_a_metric_that_cannot_be_computed_is_an_error(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    reckon = ErrorRate.score
    fourth = score(run, asked(run, "decode=greedy")).rows[3]

    def fail(self: ErrorRate, reference: str, hypothesis: Hypothesis) -> Mapping[str, float]:
        columns = dict(reckon(self, reference, hypothesis))
        return columns | ({f"{self.name}_length": math.nan} if reference == fourth.reference else {})

    monkeypatch.setattr(ErrorRate, "score", fail)
    with pytest.raises(InputError, match=rf"{fourth.id}: \w+_length is nan: a metric that cannot be computed"):
        score(run, asked(run, "decode=greedy"))


# References


def test_references_are_never_filtered_in_silence(run: Run, morse: Path, ask: Ask) -> None:
    whole = Manifest.open(str(morse / "test.jsonl"))
    texts = {0: str(whole[0].text).lower(), 1: f" {whole[1].text}", 4: f"{whole[4].text}??", 5: f"É {whole[5].text}!?"}
    name = rewritten(morse, "foreign.jsonl", texts)
    code, _, lines = ask(run.folder, f"data.manifest={name}")
    assert code == 2
    assert f"{name}:5: {whole[4].id}: not in the alphabet: '?' 3 times, 'É' 1 times, '!' 1 times; 2 of 7" in lines[0]
    assert "add uncovered=count" in lines[0]

    report = score(run, asked(run, "uncovered=count", manifest=name))
    plain = score(run, asked(run))
    assert said(report) == said(plain), "references do not touch hypotheses"
    assert [row.reference for row in report.rows][4:6] == [f"{whole[4].text}??", f"É {whole[5].text}!?"]
    for metric in ("cer_length", "cer_substitutions", "cer_deletions"):
        assert report.rows[0].columns[metric] == plain.rows[0].columns[metric]
    errors = [sum(row.columns[f"cer_{kind}"] for kind in ("substitutions", "deletions")) for row in report.rows]
    assert errors[4] >= 2, "nobody can write them"
    assert errors[5] >= 3
    told = dict(report.info["references"])
    assert told.pop("text") == (
        "2 of 7 references changed by normalizing (upper@1 1, squeeze_spaces@1 1); "
        "2 with symbols outside the alphabet, kept as errors: '?' 3 times, 'É' 1 times, '!' 1 times"
    )
    assert told == {
        "total": 7,
        "changed": 2,
        "by_normalizer": {"nfc@1": 0, "upper@1": 1, "squeeze_spaces@1": 1},
        "empty": 0,
        "uncovered": {"references": 2, "symbols": 5, "most_frequent": {"?": 3, "É": 1, "!": 1}},
    }
    assert plain.info["references"]["text"] == "0 of 7 references changed by normalizing"


# What is written, and when


def test_one_report_for_each_manifest(run: Run, morse: Path, ask: Ask) -> None:
    names = [f"{morse}/test.jsonl", f"{morse}/dev.jsonl"]
    code, out, lines = ask(run.folder, f"data.manifest=[{','.join(names)}]", "print_samples=0")
    assert (code, lines) == (0, [])
    found = [load(folder) for folder in out.splitlines()]
    assert [report.info["manifest"] for report in found] == names
    assert [len(report.rows) for report in found] == [7, 6]
    assert found[0].protocol == score(run, asked(run)).protocol
    code, out, lines = ask(run.folder, f"data.manifest=[{names[0]},nowhere.jsonl]")
    assert (code, out) == (2, ""), "wrong manifests show before any is scored"
    assert "nowhere.jsonl: no such manifest" in lines[0]


def test_part_of_a_manifest_is_not_for_decisions(run: Run) -> None:
    report = score(run, asked(run, "max_samples=3"))
    assert (len(report.rows), report.protocol.coverage) == (3, "3 of 7, not for decisions")
    assert compare([report]).head == ["Coverage 3 of 7, not for decisions"]
    assert str(terminal(compare([report])).caption) == "Coverage 3 of 7, not for decisions"
    assert score(run, asked(run, "max_samples=7")).protocol.is_complete


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (KeyboardInterrupt(), 130, "interrupted"),
        (SystemExit(1), 130, "interrupted"),  # what the trainer makes of Ctrl-C
        (SystemExit(), 143, "stopped while scoring: nothing was written"),  # and of SIGTERM
    ],
    ids=repr,
)
def test_stopped_while_scoring_leaves_nothing(
    run: Run, ask: Ask, monkeypatch: pytest.MonkeyPatch, error: BaseException, code: int, line: str
) -> None:
    def stop(*_: Any, **__: Any) -> None:
        raise error

    monkeypatch.setattr(Trainer, "validate", stop)
    assert ask(run.folder) == (code, "", [f"scansion: {line}"])
    assert not run.reports.exists()


def test_where_the_time_went(run: Run) -> None:
    report = score(run, asked(run))
    spent = report.info["time"]
    assert list(spent) == ["feature", "model", "decode", "diagnosis"]
    assert all(seconds > 0 for seconds in spent.values())
    assert sum(spent.values()) <= report.info["seconds"] + 0.01
    assert "time        " in evaluate.told(report)


def test_what_a_report_tells_beside_its_protocol(run: Run) -> None:
    own = run.config()
    report = score(run, asked(run))
    assert report.info["manifest"] == own["data"]["manifest"]["test"]
    assert report.info["metric"] == own["metric"]
    assert report.info["decode"] == own["decode"]
    assert report.info["batching"] == {"batch_length": 200, "max_batch_size": 2, "round_frames": 1, "budgets": None}
    assert load(report.save(run.reports)) == report


def test_the_decoder_is_the_systems_own_again(run: Run) -> None:
    recognizer = restore(run, changed(run.config()))
    decoder = recognizer.system.decoder
    predict(recognizer, recognizer.data.manifest("test"), "32-true", "cpu")
    assert recognizer.system.decoder is decoder


def test_weights_that_changed_since_make_a_report_outdated(run: Run) -> None:
    report = score(run, asked(run))
    known = KnownRun.open(run.folder)
    assert outdated(known, report) == []
    content = torch.load(run.best, weights_only=True)
    content["state_dict"]["model.head.bias"][0] += 1
    torch.save(content, run.best)
    assert [finding.check for finding in outdated(known, report)] == ["outdated"]


def test_the_last_checkpoint_is_another_protocol(run: Run) -> None:
    best, last = (score(run, asked(run, f"checkpoint={name}")) for name in ("best", "last"))
    with pytest.raises(InputError, match=r"checkpoint \(best against last\)"):
        compare([best, replace(last, run="other")])


def test_what_could_not_be_looked_at_is_told(run: Run, tmp_path: Path) -> None:
    """Features are compared with those of training, which the run keeps; without them nobody says to have looked."""
    kept = run.folder / "features.json"
    assert json.loads(kept.read_text())["examples"] < 6, "a short run knows its first batch"
    kept.write_text(json.dumps({**json.loads(kept.read_text()), "examples": 40}))
    looked = score(run, asked(run))
    assert looked.info["not_measured"] == []
    assert "feature/shift" in looked.info["statistics"]
    kept.unlink()
    blind = score(run, asked(run))
    assert blind.info["not_measured"] == [
        "feature_drift: of too few examples is it known what features are like in training"
    ]
    assert "not looked  feature_drift" in evaluate.told(blind)


def test_weights_that_are_no_numbers_are_a_finding_and_the_report_is_written(run: Run, tmp_path: Path) -> None:
    content = torch.load(run.best, weights_only=True)
    content["state_dict"]["model.norm.weight"][:] = float("nan")
    torch.save(content, run.best)
    report = score(run, asked(run))
    assert "not_finite" in [one["check"] for one in report.info["findings"]]
    assert load(report.save(tmp_path)).info["findings"] == report.info["findings"]
