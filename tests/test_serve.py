"""`scansion serve` as on a command line: a page until Ctrl-C; what cannot be served is told in one line."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest

from project import cli
from project.build.compose import compose
from project.run import Run
from project.serve import serve


def refused(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    capsys.readouterr()
    with pytest.raises(SystemExit) as stop:
        cli.main(["serve", *words])
    told = capsys.readouterr()
    assert stop.value.code == 2
    assert not told.out
    return told.err.removeprefix("scansion: ")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["none"], "none: "),
        (["none.onnx"], "none.onnx: "),
        (["tests", "port=99999"], "port=99999: give a number from 0 to 65535"),
        (["tests", "port=http"], "port=http: give a number from 0 to 65535"),
        (["tests", "host=null"], "host=None: give 127.0.0.1, or another address of this machine"),
        (["tests", "max_samples=0"], "max_samples: 0 is no whole number from 1 on: give one, or null"),
        (["tests", "open=perhaps"], "open=perhaps: give true, false or null"),
        (["tests", "examples=-1"], "examples=-1: give a number of recordings from 0 on"),
        (["none.onnx", "decode=greedy"], "decode: none.onnx is decoded as it was exported: leave it out"),
    ],
)
def test_bad_words(words: list[str], told: str, capsys: pytest.CaptureFixture[str]) -> None:
    line = refused(capsys, *words)
    assert line.startswith(told)
    assert line.count("\n") == 1


def test_a_browser_of_the_terminal_finds_the_page(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """One that stays until it has the page must not keep the page from being given."""
    found: list[bytes] = []

    def browse(url: str) -> None:
        with urllib.request.urlopen(url, timeout=10) as answer:  # noqa: S310
            found.append(answer.read())
        os.kill(os.getpid(), signal.SIGINT)

    before = signal.getsignal(signal.SIGINT)
    monkeypatch.setattr("project.serve.page_for", lambda config: "a page")
    monkeypatch.setattr("webbrowser.open", browse)
    try:
        assert serve(compose("serve", ["run=none", "port=0", "open=true"]), []) == 0
    finally:
        signal.signal(signal.SIGINT, before)
    assert found == [b"a page"]
    assert capsys.readouterr().out.startswith("http://localhost:")


@pytest.mark.long
@pytest.mark.parametrize("family", ["sign", "bars", "stt"])
def test_only_what_hears_frame_by_frame_can_be_served(
    family: str, made: Callable[[str], Run], capsys: pytest.CaptureFixture[str]
) -> None:
    line = refused(capsys, str(made(family).folder), "max_samples=1").splitlines()[-1]
    assert "it takes no sound" in line or "writes token by token" in line


@pytest.mark.long
def test_it_serves_until_it_is_interrupted(made: Callable[[str], Run], tmp_path: Path) -> None:
    command = [sys.executable, "-m", "project", "serve", str(made("morse").folder), "port=0", "open=false"]
    environment = os.environ | {"PYTHONPATH": str(Path.cwd())}
    errors = tmp_path / "errors.txt"
    with (
        errors.open("w") as stream,
        subprocess.Popen(
            [*command, "max_samples=2", "decode=greedy"],
            stdout=subprocess.PIPE,
            stderr=stream,
            text=True,
            env=environment,
        ) as process,
    ):
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        assert url.startswith("http://localhost:"), errors.read_text()
        with urllib.request.urlopen(url, timeout=20) as answer:  # noqa: S310
            page = answer.read().decode()
        assert "morse/tiny" in page
        assert page.rstrip().endswith("</html>")
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0
    assert "Ctrl-C ends it" in errors.read_text()
    assert "Traceback" not in errors.read_text()
