"""Completion: what may come next is what conf/ says now, at once; and Bash, really asked, puts it in place."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from project import cli
from project.build import compose
from project.build.compose import CONF, groups, options
from project.completion import answer as module
from project.completion.answer import answer, completion
from project.completion.candidates import candidates
from project.completion.line import for_bash, parse
from project.contract import InputError

VERBS = cli.VERBS | {"list": ("what", "match*"), "doctor": ("need*",)}
SCRIPTS = Path(module.__file__).parent
HEAVY = "{'torch', 'hydra', 'omegaconf', 'lightning', 'numpy', 'rich'}"


def words(line: str) -> list[str]:
    """All that is offered at the end of a line."""
    return [word for word, _ in candidates(parse(f"scansion {line}").words, VERBS)]


def test_verbs() -> None:
    assert set(VERBS) | {"completion", "--help", "--version"} == set(words(""))
    assert words("tra") == ["train", "transcribe"]
    assert words("nosuchverb ") == []


@pytest.mark.parametrize("verb", VERBS)
def test_every_group_of_a_verb_is_offered_with_all_its_choices(verb: str) -> None:
    for group in groups(verb):
        if (CONF / group).is_dir() and (verb, group) != ("report", "action"):
            assert f"{group}=" in words(f"{verb} x y {group[:2]}") or group in {k.rstrip("*") for k in VERBS[verb]}
            assert words(f"{verb} {group}=") == [f"{group}={name}" for name in options(group)]


@pytest.mark.parametrize("name", ["morse/quick", "morse/finetune", "bars/option1", "phoneme/tuned", "stt/lora"])
def test_keys_of_an_experiments_parts_are_those_that_are_composed(name: str) -> None:
    """Against Hydra itself: what is offered below model, data and optimizer is there in the composed configuration."""
    config = compose.compose("train", [f"experiment={name}"])
    for group in ("model", "data", "optimizer"):
        offered = {word.split(".")[1].rstrip("=") for word in words(f"train {name} {group}.")}
        assert offered
        assert offered <= {key for key in config[group] if not key.startswith("_")}


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("train morse/qu", ["morse/quick"]),
        ("train experiment=morse/qu", ["experiment=morse/quick"]),
        ("train x metric=[cer,w", ["metric=[cer,wer"]),
        ("train -m model=envelope,envelope_t", ["model=envelope,envelope_tiny"]),
        ("train morse/quick model.ch", ["model.channels="]),
        ("train model=envelope_base model.channels=", ["model.channels=96"]),
        ("train +experiment=morse/quick data.manifest.tr", ["data.manifest.train="]),
        ("train callbacks.checkpoint.mon", ["callbacks.checkpoint.monitor="]),
        ("train compile=", ["compile=true", "compile=false"]),
        ("train action=", ["action=fit", "action=calibrate"]),
        ("train --cfg ", ["job", "hydra", "all"]),
        ("train --c", ["--cfg"]),
        ("evaluate x device=", ["device=auto", "device=cpu", "device=gpu"]),
        ("report action=sta", ["action=status"]),
        ("report x fusion.le", ["fusion.levels="]),
        ("prepare val", ["validate"]),
        ("list swe", ["sweeps"]),
        ("list runs sort=na", ["sort=name"]),
        ("completion f", ["fish"]),
        ("train nosuch.", []),
        ("train model=nosuch model.", []),
    ],
)
def test_what_may_come_next(line: str, offered: list[str]) -> None:
    assert words(line) == offered


def test_runs_manifests_and_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run where a run is wanted, without what is no run; manifests where manifests are; files where files are."""
    monkeypatch.chdir(tmp_path)
    for name in ("runs/morse/quick-1a2b3c4d", "runs/morse/notes", "runs/.sweeps/x"):
        Path(name).mkdir(parents=True)
    Path("runs/morse/quick-1a2b3c4d/config.yaml").touch()
    Path("data").mkdir()
    for name in ("data/train.jsonl", "data/corpus.json", "data/a b.wav"):
        Path(name).touch()
    assert words("evaluate ") == ["runs/morse/"]
    assert words("evaluate runs/morse/q") == ["runs/morse/quick-1a2b3c4d"]
    assert words("train resume=runs/morse/") == ["resume=runs/morse/notes/", "resume=runs/morse/quick-1a2b3c4d"]
    assert words("report runs/a baseline=runs/m") == ["baseline=runs/morse/"]
    assert words("prepare describe data/") == ["data/train.jsonl"]
    assert words("evaluate runs/a data.manifest=[data/train.jsonl,data/t") == [
        "data.manifest=[data/train.jsonl,data/train.jsonl"
    ]
    assert words("transcribe runs/morse/quick-1a2b3c4d data/a") == ["data/a b.wav"]
    assert words("evaluate nowhere/") == []


@pytest.mark.parametrize(
    ("line", "word", "put"),
    [
        ("scansion x=", "x=a b", r"a\ b"),
        ("scansion 'x=a", "x=a b", "x=a b"),
        ('scansion x="a', "x=a b", "a b"),
        ("scansion a", "a(1)$'.wav", r"a\(1\)\$\'.wav"),
        (r"scansion a\ b/c", "a b/cd", r"a\ b/cd"),
        ("scansion m=[a,", "m=[a,b", "[a,b"),
    ],
)
def test_quoting_for_bash(line: str, word: str, put: str) -> None:
    assert for_bash(word, parse(line)) == put


def test_what_is_in_conf_now_is_offered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is frozen in the script: a new file is a new choice."""
    from project.completion import candidates as asked

    conf = tmp_path / "conf"
    shutil.copytree(CONF, conf)
    (conf / "model" / "newcomer.yaml").write_text("# Somebody's new model.\nwidth: 12\n")
    monkeypatch.setattr(compose, "CONF", conf)
    monkeypatch.setattr(asked, "CONF", conf)
    assert words("train model=newc") == ["model=newcomer"]


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_zsh_and_fish_are_told_what_it_is(shell: str) -> None:
    (line,) = answer([shell, "scansion train experiment=morse/quick"], VERBS)
    word, _, told = line.partition("\t")
    assert word == "experiment=morse/quick"
    assert told.startswith("A small Morse recognizer")


def test_the_script_of_each_shell(capsys: pytest.CaptureFixture[str]) -> None:
    for shell in ("bash", "zsh", "fish"):
        assert completion([shell]) == 0
        assert capsys.readouterr().out == (SCRIPTS / f"scansion.{shell}").read_text()
    assert completion([]) == 0
    told = capsys.readouterr().out
    assert all(f"scansion completion {shell}" in told for shell in ("bash", "zsh", "fish"))
    with pytest.raises(InputError, match="choose from bash, zsh, fish"):
        completion(["tcsh"])


ASK = """
import sys, time
started = time.perf_counter()
from project.completion.answer import answer
print(*answer(sys.argv[2:], {"train": ("experiment",), "prepare": ("action", "manifest*")}), sep="\\n")
if heavy := HEAVY & set(sys.modules):
    print("heavy", *heavy)
"""


@pytest.fixture
def shell(tmp_path: Path) -> Path:
    """A folder with a `scansion` that answers what a shell asks, and with odd names."""
    program = tmp_path / "bin" / "scansion"
    program.parent.mkdir()
    program.write_text(f"#!{sys.executable}\n{ASK.replace('HEAVY', HEAVY)}")
    program.chmod(0o755)
    (tmp_path / "odd dir").mkdir()
    (tmp_path / "odd dir" / "a b(1).jsonl").touch()
    return tmp_path


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash")
def test_bash_itself(shell: Path) -> None:
    """Bash reads the script, splits the line as it does, calls the function; nothing heavy is imported for it."""
    script = rf"""
    source {SCRIPTS / "scansion.bash"}
    complete -p scansion
    ask() {{
        COMP_LINE=$1 COMP_POINT=${{#1}} COMP_WORDS=(scansion) COMP_CWORD=1
        _scansion
        printf "<%s>" "${{COMPREPLY[@]}}"; echo
    }}
    ask "scansion train experiment=morse/qui"
    ask "scansion train morse/quick model.ch"
    ask "scansion prepare describe odd"
    ask "scansion prepare describe odd\ dir/"
    """
    environment = {**os.environ, "PATH": f"{shell / 'bin'}:{os.environ['PATH']}", "PYTHONPATH": str(CONF.parent)}
    done = subprocess.run(
        ["bash", "--norc", "-c", script], cwd=shell, env=environment, capture_output=True, text=True, check=True
    )
    assert done.stderr == ""
    assert done.stdout.splitlines() == [
        "complete -F _scansion scansion",
        "<morse/quick>",
        "<model.channels=>",
        r"<odd\ dir/>",
        r"<odd\ dir/a\ b\(1\).jsonl>",
    ]


def test_an_answer_is_quick() -> None:
    """In this process, where all is imported: of the tenth of a second that one notices, this takes a part."""
    started = time.process_time()
    for _ in range(5):
        words("train morse/quick callbacks.")
    assert (time.process_time() - started) / 5 < 0.1
