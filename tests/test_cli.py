"""The command line: what it answers without heavy imports, and how words become overrides."""

from __future__ import annotations

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
