"""The decoders of others: what they are given, what is read from what they print, and why they are left out."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from project.benchmark.morse import fldigi
from project.benchmark.morse.conditions import Condition, Recording, make_recordings
from project.benchmark.morse.fldigi import Fldigi
from project.benchmark.morse.peers import ONE_BY_ONE, Decoder, MorseAudioDecoder, Multimon, Program, run_program
from project.benchmark.morse.side_by_side import tidy
from project.contract import InputError, WorkError


@pytest.fixture(scope="module")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> list[Recording]:
    return make_recordings([Condition("machine", 16, None)], 2, seed=4, folder=tmp_path_factory.mktemp("sound"))


@pytest.mark.parametrize(
    "decoder", [Multimon(), Program("morse2ascii", "morse2ascii {file}")], ids=lambda one: one.name
)
def test_they_read_clean_morse(decoder: Decoder, recordings: list[Recording]) -> None:
    """Letters only: morse2ascii is not sure of spaces."""
    if reason := decoder.why_absent():
        pytest.skip(reason)
    decoded = decoder.decode(recordings)
    assert [tidy(text).replace(" ", "") for text in decoded.texts] == [one.text.replace(" ", "") for one in recordings]
    assert 0 < decoded.seconds[ONE_BY_ONE] < 5


def test_any_program_that_prints_text(recordings: list[Recording]) -> None:
    decoded = Program("echo", "echo 'cq  de' {file}").decode(recordings)
    assert decoded.texts == [f"cq  de {one.path}\n" for one in recordings]


def test_a_program_needs_a_place_for_the_file() -> None:
    with pytest.raises(InputError, match=r"programs\.odd.*write \{file\}"):
        Program("odd", "echo")


def test_a_program_that_fails_is_named() -> None:
    with pytest.raises(WorkError, match=r"sh failed with 3 .no such tone.*run it by hand"):
        run_program(["sh", "-c", "echo no such tone >&2; exit 3"])


def test_seconds_are_those_of_the_child() -> None:
    _, idle = run_program(["sleep", "0.3"])
    _, busy = run_program([sys.executable, "-S", "-c", "import time\nwhile time.process_time() < 0.3: pass"])
    assert idle < 0.1
    assert 0.3 <= busy < 2


def test_morse_audio_decoder_in_its_own_environment(
    recordings: list[Recording], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stand-in of the package: it names the file it was given, and fails on one."""
    assert "run .ci/apt-morse" in str(MorseAudioDecoder(str(tmp_path / "python")).why_absent())
    decoder = MorseAudioDecoder(sys.executable)
    if decoder.why_absent() is None:
        pytest.skip("the package is installed here: a stand-in would not be found")
    package = tmp_path / "morse_audio_decoder"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "morse.py").write_text(
        "class MorseCode:\n"
        "    def __init__(self, name): self.name = name\n"
        "    from_wavfile = classmethod(lambda cls, name: cls(name))\n"
        "    def decode(self):\n"
        "        if self.name.endswith('001.wav'): raise ValueError('no marks')\n"
        "        return 'noise on stdout'\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    assert decoder.why_absent() is None
    assert decoder.decode(recordings).texts == ["noise on stdout", ""]


def test_absent_ones_say_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    for decoder in (Multimon(), Program("ggmorse", "ggmorse-from-file {file}")):
        assert "not installed" in str(decoder.why_absent())
    assert Fldigi(5).why_absent() == "fldigi and Xvfb and pulseaudio and pacat not installed: run .ci/apt-morse"


def test_fldigi_is_left_out_unless_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fldigi.shutil, "which", lambda _: "/usr/bin/it")
    assert "live_files=5" in str(Fldigi(0).why_absent())
    assert Fldigi(5).why_absent() is None


def test_fldigi_instances_share_the_recordings_and_order_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    class Quiet:
        def __init__(self, count: int, config: str) -> None:
            self.count = count

        def __enter__(self) -> Quiet:
            return self

        def __exit__(self, *_: object) -> None: ...

        def listen(self, number: int, share: Sequence[Any]) -> list[str]:
            return [f"{one.text} by {number}" for one in share]

    monkeypatch.setattr(fldigi, "Studio", Quiet)
    some: Any = [SimpleNamespace(text=str(number), seconds=2.0) for number in range(5)]
    decoded = Fldigi(5, instances=3).decode(some)
    assert decoded.texts == ["0 by 0", "1 by 1", "2 by 2", "3 by 0", "4 by 1"]
    assert decoded.seconds == {ONE_BY_ONE: 10.0}


def test_what_fldigi_does_not_answer_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fldigi, "START_SECONDS", 0)
    with pytest.raises(WorkError, match="fldigi 2 does not answer"):
        fldigi.wait_for(lambda: False, "fldigi 2")
    assert len(set(fldigi.free_ports(8))) == 8
    assert fldigi.text_of(fldigi.xmlrpc.client.Binary(b"CQ \xe2")) == "CQ \N{REPLACEMENT CHARACTER}"
    assert fldigi.text_of("CQ") == "CQ"


def test_what_was_started_is_ended() -> None:
    process = subprocess.Popen(["sleep", "60"])
    fldigi.end(process)
    assert process.returncode == -15
