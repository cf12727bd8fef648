"""A microphone: what PortAudio's package is asked, and what becomes of what it answers."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from contextlib import closing
from itertools import islice
from typing import Any, ClassVar

import numpy as np
import pytest

from project.contract import InputError
from project.feature import waveform


class PortAudioError(Exception):
    """What the package raises."""


class InputStream:
    """A stand-in with the interface of sounddevice 0.5: a device that plays a rising line, right louder than left."""

    made: ClassVar[list[InputStream]] = []
    overflows: ClassVar[Mapping[int, bool]] = {}
    torn_after: ClassVar[int | None] = None

    def __init__(
        self, samplerate: float, device: int | str | None, channels: int, dtype: str, blocksize: int | None = None
    ) -> None:
        if device == 7:
            raise PortAudioError("Error opening InputStream: Invalid number of channels [PaErrorCode -9998]")
        self.asked = (samplerate, device, channels, dtype)
        self.state, self._at, self._reads = "new", 0, 0
        InputStream.made.append(self)

    def start(self) -> None:
        self.state = "on"

    def read(self, frames: int) -> tuple[np.ndarray[Any, np.dtype[np.float32]], bool]:
        assert self.state == "on"
        if self._reads == self.torn_after:
            raise PortAudioError("Unanticipated host error")
        self._reads += 1
        line = np.arange(self._at, self._at + frames, dtype=np.float32) / 100_000
        self._at += frames
        overflowed = self.overflows.get(self._reads, False)
        return np.stack([line, line + 1], axis=1)[:, : self.asked[2]], overflowed

    def close(self) -> None:
        self.state = "closed"


def query_devices(device: int | str | None = None, kind: str | None = None) -> dict[str, Any]:
    assert kind == "input"
    known = {None: ("Built-in", 1), 2: ("Interface", 8), "USB": ("USB Audio", 2), 7: ("Odd", 2)}
    if device not in known:
        raise ValueError(f"No input device matching {device!r}")
    name, channels = known[device]
    return {"name": name, "index": 2, "max_input_channels": channels, "default_samplerate": 8000.0}


@pytest.fixture(autouse=True)
def package(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The package sounddevice, as far as it is used."""
    fake = type(sys)("sounddevice")
    fake.__dict__.update(InputStream=InputStream, query_devices=query_devices, PortAudioError=PortAudioError)
    monkeypatch.setitem(sys.modules, "sounddevice", fake)
    monkeypatch.setattr(InputStream, "made", [])
    return fake


@pytest.mark.parametrize(("media", "device", "channels"), [("mic", None, 1), ("mic:2", 2, 2), ("mic:USB", "USB", 2)])
def test_sound_comes_at_the_rate_of_the_device_and_leaves_at_ours(
    media: str, device: int | str | None, channels: int, capsys: pytest.CaptureFixture[str]
) -> None:
    with closing(waveform.blocks(media, 4000, 10.0)) as pieces:  # type: ignore[type-var]
        heard = np.concatenate(list(islice(pieces, 8)))
    (stream,) = InputStream.made
    assert stream.asked == (8000, device, channels, "float32")
    line = np.arange(2 * len(heard) + 100, dtype=np.float32) / 100_000 + (channels - 1) / 2
    np.testing.assert_allclose(heard, waveform.resample(line, 8000, 4000)[: len(heard)], atol=1e-6)
    assert 1.5 * 4000 < len(heard) <= 8 * 1000, "pieces of a quarter of a second, whatever is asked for"
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.startswith(f"{media}: ")
    assert "8,000 Hz: listening until Ctrl-C" in told.err


def test_sound_that_is_lost_is_told_once(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(InputStream, "overflows", {2: True, 3: True, 5: True})
    with closing(waveform.blocks("mic", 8000)) as pieces:  # type: ignore[type-var]
        assert len(list(islice(pieces, 20))) == 20
    assert capsys.readouterr().err.count("sound is lost") == 1


@pytest.mark.parametrize(
    ("media", "words"), [("mic:9", "No input device matching 9"), ("mic:7", "Invalid number of channels")]
)
def test_a_device_that_does_not_work_is_told(media: str, words: str) -> None:
    with pytest.raises(InputError, match=words) as caught:
        list(waveform.blocks(media, 8000))
    assert str(caught.value).startswith(f"{media}: ")
    assert str(caught.value).endswith("write mic:<number> or mic:<part of a name>")


def test_a_device_that_is_pulled_out_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(InputStream, "torn_after", 3)
    pieces = waveform.blocks("mic", 8000)
    assert len(list(islice(pieces, 3))) == 3
    with pytest.raises(InputError, match="Unanticipated host error"):
        next(pieces)
    assert InputStream.made[0].state == "closed"


def test_what_must_be_installed_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sounddevice", None)
    with pytest.raises(InputError, match="pip install sounddevice, on Debian also apt install libportaudio2"):
        list(waveform.blocks("mic", 8000))

    def missing(name: str) -> Any:
        raise OSError("PortAudio library not found")

    monkeypatch.setattr("importlib.import_module", missing)
    with pytest.raises(InputError, match=r"mic: PortAudio library not found: .* apt install libportaudio2"):
        list(waveform.blocks("mic", 8000))


def test_what_is_still_to_come_is_known() -> None:
    assert waveform.is_incoming("mic")
    assert waveform.is_incoming("mic:USB")
    assert not waveform.is_incoming("./mic")
    assert not waveform.is_incoming("mic.wav")
