"""The command line: what it answers without heavy imports, and how words become overrides."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from hydra.core.override_parser.overrides_parser import OverridesParser

from project import cli
from project.build.compose import CONF, groups, options

# Runs the command line in a fresh interpreter, then says which heavy packages were imported.
PROBE = """
import atexit, sys
atexit.register(lambda: print("HEAVY", *sorted({"torch", "lightning", "transformers", "scipy"} & set(sys.modules))))
from project.cli import main
main(sys.argv[1:])
"""


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ([], "scansion train"),
        (["--help"], "First steps"),
        (["train", "--help"], "morse/quick"),
        (["prepare", "--help"], "validate"),
        (["train", "--cfg", "job"], "_target_: project.model.envelope.EnvelopeEncoder"),
        (["train", "morse/quick", "--cfg", "job"], "name: quick"),
        (["prepare", "corpus=morse", "out=x", "--cfg", "job"], "out: x"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_answers_without_torch(words: list[str], told: str) -> None:
    result = subprocess.run([sys.executable, "-c", PROBE, *words], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    assert told in result.stdout
    assert result.stdout.splitlines()[-1].strip() == "HEAVY", "a heavy package was imported"


@pytest.mark.parametrize(
    "words",
    [["evaluate", "nowhere"], ["transcribe", "nowhere", "a.wav"], ["export", "nowhere"], ["serve", "run=nowhere"],
     ["report", "nowhere"], ["prepare", "validate", "nowhere.jsonl"], ["prepare", "describe", "manifest=nowhere"],
     ["train", "morse/quick", "data.manifest.train=nowhere.jsonl"]],
    ids=" ".join,
)  # fmt: skip
def test_what_is_not_there_is_told_without_torch(words: list[str]) -> None:
    result = subprocess.run([sys.executable, "-c", PROBE, *words], capture_output=True, text=True, check=False)
    assert (result.returncode, len(result.stderr.splitlines())) == (2, 1), result.stderr
    assert "nowhere" in result.stderr
    assert result.stdout.splitlines()[-1].strip() == "HEAVY", "a heavy package was imported"


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What `runs/morse/*` becomes where there are three; the second was written to last."""
    monkeypatch.chdir(tmp_path)
    names = [f"runs/morse/quick-{number}" for number in range(3)]
    for written, name in zip((1000, 3000, 2000), names, strict=True):
        (Path(name) / "checkpoints").mkdir(parents=True)
        (Path(name) / "config.yaml").touch()
        os.utime(Path(name) / "config.yaml", (written, written))
    return names


def refused(words: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    with pytest.raises(SystemExit) as stop:
        cli.main(words)
    (line,) = capsys.readouterr().err.splitlines()
    assert stop.value.code == 2
    return line


def test_of_several_runs_one_is_to_be_named(runs: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    several = "scansion: 3 runs are named: name one (the latest: runs/morse/quick-1)"
    for verb in ("evaluate", "export", "serve"):
        assert refused([verb, *runs], capsys) == several
    assert refused(["transcribe", *runs, "mine.wav"], capsys) == several
    assert refused(["evaluate"], capsys).endswith("scansion evaluate RUN: name a run (the latest: runs/morse/quick-1)")
    stray = f"scansion: {runs[0]}: a run's folder, not a recording: name one run, and it first"
    assert refused(["transcribe", "model.onnx", runs[0]], capsys) == stray
    assert refused(["transcribe", f"run={runs[1]}", runs[0]], capsys) == stray


def test_what_is_there_is_not_refused(runs: list[str]) -> None:
    Path("a.jsonl").touch()
    Path("x.scansion").touch()
    for words in (
        ["evaluate", runs[0]],
        ["evaluate", "morse/quick-2", "decode=beam"],
        ["evaluate", f"run={runs[0]}"],
        ["evaluate", "x.scansion"],
        ["transcribe", "hf://a/b", "a.wav"],
        ["transcribe", "model.onnx", "a.wav"],
        ["report", *runs],
        ["report", "action=status", "anything"],
        ["prepare", "validate", "a.jsonl", "b*.jsonl", "s3://c/d.jsonl"],
        ["prepare", "convert", "nowhere.json"],
        ["evaluate", "-m", f"run={runs[0]},{runs[1]}"],
        ["train", "morse/quick", "--multirun", "seed=1,2"],
        ["evaluate", "--cfg", "job"],
    ):
        assert cli.look(words[0], words[1:]) == 0


def test_help_names_every_choice_and_key() -> None:
    for verb in cli.VERBS:
        text = cli.verb_help(verb)
        body = yaml.safe_load((CONF / f"{verb}.yaml").read_text())
        for group in groups(verb):
            for option in options(group):
                assert option in text, f"{verb}: {group}={option}"
        for key in body:
            if key not in {"defaults", "hydra"}:
                assert f"  {key} " in text or key in groups(verb), f"{verb}: {key}"


def test_every_verb_says_what_it_is_in_one_line() -> None:
    for verb in cli.VERBS:
        line = cli.first_comment(CONF / f"{verb}.yaml")
        assert 20 < len(line) < 130


@pytest.mark.parametrize(
    "name",
    ["a.wav", "with space.wav", "comma,name.wav", "brace{x}.wav", 'quote".wav', "o'clock.wav", "back\\slash.wav",
     "dollar${x}.wav", "[list].wav", "equals=.wav", "end\\", "ünïcode.wav", "(1).wav", "a:b.wav"],
)  # fmt: skip
def test_no_file_name_needs_escaping(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path(name).touch()
    overrides = cli.to_overrides("report", [name, "runs/b"])
    (parsed,) = OverridesParser.create().parse_overrides(overrides)
    values = [str(getattr(value, "text", value)) for value in parsed.value()]
    assert [value.replace("\\${", "${") for value in values] == [name, "runs/b"]


def test_flags_come_first_and_keep_their_values() -> None:
    assert cli.to_overrides("train", ["morse/quick", "seed=2", "--cfg", "job"]) == [
        "--cfg",
        "job",
        "seed=2",
        "experiment=morse/quick",
    ]
    assert cli.to_overrides("prepare", ["describe", "manifest=a.jsonl"]) == ['manifest=["a.jsonl"]', "action=describe"]
