"""Bad input of more than fifty kinds: each one clear line that names the place and the remedy, exit code 2."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch
import yaml

from project import cli, train
from project.build.compose import compose
from project.feature import landmark_file
from project.run import Run

GOOD = {"id": "a", "media": "a.wav", "duration": 1.0, "text": "E"}


@pytest.fixture(scope="module")
def finished(tiny: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that has trained."""
    folder = tmp_path_factory.mktemp("runs") / "trial" / "run-00000000"
    config = compose("train", [*tiny, "trainer.max_epochs=1"])
    train.fit(Run(folder), config, train.build(config))
    return folder


@pytest.fixture
def ask(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Ask the command line something wrong in an empty folder; the one line it answers."""
    monkeypatch.chdir(tmp_path)

    def answer(*words: str) -> str:
        capsys.readouterr()
        with pytest.raises(SystemExit) as stop:
            cli.main(list(words))
        lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("scansion: ")]
        assert stop.value.code == 2, lines
        assert len(lines) == 1, lines
        assert not list(tmp_path.rglob("*.part")), "something half-written is left"
        return lines[0].removeprefix("scansion: ")

    return answer


WORDS = [
    # the command line itself
    (["trian"], "trian: no such verb: did you mean train?"),
    (["sing"], "sing: no such verb: choose from"),
    (["evaluate", "runs/a", "runs/b"], "runs/b: scansion evaluate takes no such word"),
    (["train", "seed=[1,"], "seed=[1,: cannot be read as key=value"),
    (["train", "--epochs", "3"], "--epochs: no such flag: write epochs=3"),
    (["train", "--epochs=3"], "--epochs=3: no such flag: write epochs=3"),
    (["train", "--dry-run"], "--dry-run: no such flag: write dry_run=..."),
    (["train", "-m", "seed=1,2", "--cfg", "job"], "--cfg: it shows one run: leave out -m"),
    (["train", "--multirun", "seed=1,2", "-c=job"], "-c=job: it shows one run: leave out -m"),
    # names of keys, groups and choices
    (
        ["train", "optimizer.learning_rate=1"],
        "optimizer.learning_rate: no such key or group: did you mean optimizer.lr?",
    ),
    (["train", "optimizer.rate=1"], "optimizer.rate: no such key or group: did you mean optimizer.lr?"),
    (["train", "lr=1"], "lr: no such key or group: did you mean optimizer.lr?"),
    (["train", "channels=1"], "channels: no such key or group: did you mean model.channels?"),
    (["train", "batch_size=1"], "batch_size: no such key or group: did you mean data.batching.max_batch_size?"),
    (["train", "trainer.num_epochs=1"], "trainer.num_epochs: no such key or group: did you mean epochs?"),
    (["train", "xyzzy=1"], "xyzzy: no such key or group: --help and --cfg job show what there is"),
    (
        ["transcribe", "-", "batch_second=1", "--cfg", "job"],
        "batch_second: no such key or group: did you mean batch_seconds?",
    ),
    (["train", "sede=1"], "sede: no such key or group: did you mean seed?"),
    (["train", "modle=envelope"], "modle: no such key or group: did you mean model?"),
    (["train", "data.wrokers=1"], "data.wrokers: no such key or group: did you mean data.workers?"),
    (["train", "model=envelop"], "model=envelop: no such model: did you mean envelope?"),
    (["train", "morse/quik"], "experiment=morse/quik: no such experiment: did you mean morse/quick?"),
    (["train", "+colour=red"], "colour: no such key in an experiment of scansion train"),
    (["train", "+data.colour=red"], "data.colour: project.data.module.data_module takes no such key"),
    (["prepare", "validat", "a.jsonl"], "action=validat: no such action: did you mean validate?"),
    (["prepare", "corpus=mose", "out=x"], "corpus=mose: no such corpus: did you mean morse?"),
    (["train", "+data.manifest.valid=a.jsonl"], "data.manifest.valid: no such part: choose from train, dev, test"),
    # values
    (["train", "optimizer.lr=abc"], "optimizer.lr: 'abc' is not a number"),
    (["train", "model.channels=3.5"], "model.channels: 3.5 is not a whole number"),
    (["train", "model.blocks=true"], "model.blocks: True is not a whole number"),
    (["train", "system.on_nonfinite=ignore"], "system.on_nonfinite: 'ignore' is not stop or skip"),
    (["train", "metric.cer.unit=letter"], "metric.cer.unit: 'letter' is not"),
    (["train", "callbacks.checkpoint.mode=lowest"], "callbacks.checkpoint.mode: 'lowest' is not min or max"),
    (["train", "trainer.precision=33"], "trainer.precision: 33 is not"),
    (["train", "data.workers=-1"], "data.workers: -1 is negative"),
    (["train", "seed=${nope}"], "${nope} in the configuration points at nothing"),
    (["train", "text.normalize=[uper]"], "uper"),
    (["train", "text.symbols=AAB"], "A"),
    (["train", "scheduler.warmup_steps=100000"], "is not above warmup_steps 100000"),
    (["train", "~weighting.ctc"], "no weight for ctc"),
    (["train", "+weighting.mask=0.5"], "mask is no term of this loss"),
    (["train", "~logger.csv"], "metrics.csv is always written"),
    (["train", "trainer=gpu"], "trainer: "),
    # targets
    (["train", "model._target_=os.system"], "model._target_: os.system is refused"),
    (["train", "model._target_=torch.hub.load"], "model._target_: torch.hub.load is refused"),
    (["train", "model._target_=project.model.envelope.EnvelopeEncodr"], "did you mean Env"),
    (["train", "model._target_=project.model.nothing.Net"], "project.model.nothing.Net does not exist"),
    # manifests that are not there
    (["train", "data.manifest.train=???"], "data.manifest.train is missing: set data.manifest.train=<manifest.jsonl>"),
    (["train", "data.manifest.train=nowhere/train.jsonl"], "there is no folder nowhere either: check the path"),
    (
        ["train", "data.manifest.train=data/morse/train.jsonl"],
        "data/morse/train.jsonl: no such manifest: there is no folder data/morse either: make it: scansion prepare "
        "corpus=morse out=data/morse",
    ),
    (["prepare", "validate", "data/gloss/dev.jsonl"], "make it: scansion prepare corpus=gloss out=data/gloss"),
    (
        ["prepare", "validate", "data/bars_made/dev.jsonl"],
        "make it: scansion prepare corpus=bars_made out=data/bars_made",
    ),
    (["train", "data.batching.min_length=1000"], "holds no example"),
    (["train", "data.batching.batch_length=0.5"], "batch_length"),
    (["prepare", "validate"], "manifest"),
    (["prepare", "validate", "nowhere.jsonl"], "nowhere.jsonl: no such manifest"),
    (["prepare", "out=x"], "no corpus is named: add corpus=morse"),
    (["prepare", "corpus=morse"], "no folder is named: add out="),
    # run folders
    (["train", "resume=nowhere"], "nowhere: no such run folder"),
    (["train", "resume=."], "not a run folder, it holds no config.yaml"),
    (["train", "init_from=nowhere"], "nowhere: no such run folder"),
    (["evaluate", "nowhere"], "nowhere: no such run folder"),
    (["evaluate", "morse/nowhere"], "morse/nowhere: no such run folder: runs are made by scansion train"),
    (["evaluate"], "run is missing: scansion evaluate RUN: name a run (there is none in runs/: scansion train makes"),
    (["transcribe"], "run is missing: scansion transcribe RUN FILES...: name a run"),
    (["report"], "no run is named"),
    (["report", "nowhere"], "nowhere: no such run folder"),
]


@pytest.mark.parametrize(("words", "line"), WORDS, ids=[" ".join(words) for words, _ in WORDS])
def test_words(ask: Callable[..., str], tiny: list[str], tmp_path: Path, words: list[str], line: str) -> None:
    mine = {word.partition("=")[0].lstrip("+~") for word in words}
    rest = [word for word in tiny if word.partition("=")[0] not in mine] if words[0] == "train" else []
    assert line in ask(*words, *rest)
    config_is_wrong = words[0] != "train" or "weighting" not in " ".join(words)
    if config_is_wrong:  # the weighting meets the terms in the first step, in a run that then is marked as failed
        assert not (tmp_path / "runs").exists(), "a run folder was made for nothing"


def line_of(**changes: Any) -> str:
    return json.dumps({key: value for key, value in (GOOD | changes).items() if value is not None})


LINES = [
    ('{"id": "a"', "train.jsonl:2: "),
    ("[1, 2]", "train.jsonl:2: "),
    (line_of(id=None), "train.jsonl:2: "),
    (line_of(media=None), "train.jsonl:2: a: "),
    (line_of(duration=None), "train.jsonl:2: a: "),
    (line_of(duration=-1.0), "train.jsonl:2: a: "),
    (line_of(duration="long"), "train.jsonl:2: a: "),
    (line_of(length=7), "train.jsonl:2: a: "),
    (line_of(media="../a.wav"), "train.jsonl:2: a: "),
    (line_of(media="/etc/hostname"), "train.jsonl:2: a: "),
    (line_of(text=7), "train.jsonl:2: a: "),
    (line_of(text=None), "train.jsonl:2: a: "),
    (line_of(text="É"), "train.jsonl:2: a: "),
    (line_of(media="absent.wav"), "train.jsonl:2: a: "),
    (line_of(media="empty.wav"), "train.jsonl:2: a: "),
    (line_of(media="torn.wav"), "train.jsonl:2: a: "),
    (line_of(text="EE" * 40), "too few"),
]


@pytest.mark.parametrize(("line", "place"), LINES, ids=[line[:60] for line, _ in LINES])
@pytest.mark.parametrize("workers", [0, 1])
def test_lines(ask: Callable[..., str], tiny: list[str], tmp_path: Path, line: str, place: str, workers: int) -> None:
    """A bad line of a manifest: found at the latest when the example is drawn, also by a loader process."""
    samples = np.sin(np.arange(8000) * 0.5)
    for name in ("a.wav", "b.wav"):
        soundfile.write(tmp_path / name, samples, 8000)
    (tmp_path / "empty.wav").touch()
    (tmp_path / "torn.wav").write_bytes((tmp_path / "a.wav").read_bytes()[:30])
    manifest = tmp_path / "train.jsonl"
    manifest.write_text(f"{line_of(id='b', media='b.wav')}\n{line}\n")
    rest = [word for word in tiny if not word.startswith(("data.manifest.train", "data.workers", "model."))]
    small = ["model.channels=4", "model.blocks=1", f"data.workers={workers}", "scheduler.warmup_steps=1"]
    answer = ask("train", *rest, *small, f"data.manifest.train={manifest}")
    assert place in answer
    assert answer.count(": ") >= 2, "what and remedy"


# What a file of landmarks holds instead of the good one's arrays, and what is said of it.
LANDMARKS: list[tuple[str, dict[str, Any] | None, str]] = [
    ("absent", None, "there is no such file"),
    ("torn", {}, "no readable landmarks"),
    ("no rate", {"xyz": np.ones((20, 543, 3))}, "no readable landmarks"),
    ("rate of nothing", {"xyz": np.ones((20, 543, 3)), "fps": 0}, "`fps` is 0"),
    ("other points", {"xyz": np.ones((20, 33, 3)), "fps": 25}, "has the shape (20, 33, 3)"),
    ("nobody", {"xyz": np.zeros((20, 543, 3)), "fps": 25}, "no frame shows both shoulders"),
]


@pytest.mark.parametrize(("arrays", "said"), [case[1:] for case in LANDMARKS], ids=[case[0] for case in LANDMARKS])
def test_landmarks(
    ask: Callable[..., str], tiny: list[str], tmp_path: Path, arrays: dict[str, Any] | None, said: str
) -> None:
    points_TPX = np.random.default_rng(0).normal(size=(20, 543, 3))
    landmark_file.write(tmp_path / "b.npz", points_TPX, 25.0)
    if arrays:
        np.savez(tmp_path / "a.npz", **arrays)
    elif arrays is not None:
        (tmp_path / "a.npz").write_bytes((tmp_path / "b.npz").read_bytes()[:1000])
    lines = [line_of(id=name, media=f"{name}.npz", duration=0.8) for name in ("b", "a")]
    for part, some in (("train", lines), ("dev", lines[:1])):
        (tmp_path / f"{part}.jsonl").write_text("".join(f"{line}\n" for line in some))
    rest = [word for word in tiny if not word.startswith(("data.manifest", "data.batching", "model.", "scheduler."))]
    kind = ["feature=landmarks", "model=mobilenet_lstm", "model.size=tiny", "data.batching.max_batch_size=1"]
    parts = [f"data.manifest.{part}={tmp_path}/{part}.jsonl" for part in ("train", "dev")]
    answer = ask("train", *rest, *kind, *parts, "scheduler.warmup_steps=1")
    assert "train.jsonl:2: a: " in answer
    assert said in answer
    assert answer.count(": ") >= 3, "what and remedy"


RUNS: list[tuple[str, Callable[[Path], Any], list[str], str]] = [
    ("another model", lambda run: None, ["train", "resume=RUN", "model.channels=8"], "a resumed run stays the same"),
    ("no checkpoint", lambda run: (run / "checkpoints/last.ckpt").unlink(), ["train", "resume=RUN"], "no checkpoint"),
    ("torn checkpoint", lambda run: tear(run / "checkpoints/best.ckpt"), ["evaluate", "RUN"], "not a readable checkp"),
    ("torn last", lambda run: tear(run / "checkpoints/last.ckpt"), ["train", "resume=RUN"], "not a readable checkp"),
    ("pickled code", lambda run: torch.save({"state_dict": Path("x")}, run / "checkpoints/best.ckpt"),
     ["evaluate", "RUN"], "not a readable checkpoint"),
    ("no weights", lambda run: torch.save({"a": 1}, run / "checkpoints/best.ckpt"), ["evaluate", "RUN"], "state_dict"),
    ("a third checkpoint", lambda run: None, ["evaluate", "RUN", "checkpoint=third"], "choose best or last"),
    ("torn config", lambda run: (run / "config.yaml").write_text("a: [1"), ["evaluate", "RUN"], "not readable"),
    ("hostile config", lambda run: change(run, "model", {"_target_": "os.system", "command": "touch owned"}),
     ["evaluate", "RUN"], "os.system is refused"),
    ("other model in config", lambda run: change(run, "model.channels", 8), ["evaluate", "RUN"], "does not fit"),
    ("other alphabet", lambda run: change(run, "text.symbols", "ABC"), ["evaluate", "RUN"], "differs from the alp"),
    ("no report", lambda run: None, ["report", "RUN"], "no report"),
    ("no such manifest", lambda run: None, ["evaluate", "RUN", "data.manifest=no.jsonl"], "no.jsonl: no such manifest"),
    ("no such decoder", lambda run: None, ["evaluate", "RUN", "decode=gredy"], "did you mean greedy?"),
    ("model on evaluate", lambda run: None, ["evaluate", "RUN", "model.channels=8"], "model"),
]  # fmt: skip


def tear(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:1000])


def change(run: Path, dotted: str, value: object) -> None:
    config = yaml.safe_load((run / "config.yaml").read_text())
    *parents, last = dotted.split(".")
    node = config
    for parent in parents:
        node = node[parent]
    node[last] = value
    (run / "config.yaml").write_text(yaml.safe_dump(config))


@pytest.mark.parametrize(("damage", "words", "line"), [case[1:] for case in RUNS], ids=[case[0] for case in RUNS])
def test_run_folders(
    ask: Callable[..., str], finished: Path, tmp_path: Path, damage: Callable[[Path], Any], words: list[str], line: str
) -> None:
    run = tmp_path / "copied-run"
    shutil.copytree(finished, run)
    damage(run)
    assert line in ask(*(word.replace("RUN", str(run)) for word in words))
    assert not (tmp_path / "owned").exists()


def test_an_id_that_stands_twice_is_not_scored_twice(ask: Callable[..., str], tiny: list[str], morse: Path) -> None:
    twice = morse / "twice.jsonl"
    twice.write_text((morse / "dev.jsonl").read_text() * 2)
    rest = [word for word in tiny if not word.startswith("data.manifest.dev")]
    assert "dev-000000 " in ask("train", *rest, f"data.manifest.dev={twice}")


def test_there_are_more_than_fifty() -> None:
    assert len(WORDS) + len(LINES) + len(LANDMARKS) + len(RUNS) + 1 >= 50
