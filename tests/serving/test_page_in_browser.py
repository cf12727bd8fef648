"""The page that hears, in a real browser: it writes what `transcribe` writes, whatever comes, and refuses the rest."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from project.benchmark.chromium import Browser
from project.run import Run

pytestmark = pytest.mark.long

Transcribe = Callable[..., tuple[int, str, list[str]]]
READY = "'ready' in document.body.dataset"
DONE = "byId('status').textContent === 'Ready.'"


@pytest.fixture
def opened(browser: Browser, paged: Callable[[str], Path]) -> Callable[..., Browser]:
    """The page, open and ready."""

    def show(decode: str = "greedy", **how: Any) -> Browser:
        browser.open(paged(decode), **how)
        browser.wait(READY)
        return browser

    return show


def heard(browser: Browser, files: list[Path]) -> list[dict[str, Any]]:
    """What the page writes of files, as it would be saved."""
    browser.give("#files", files)
    browser.wait(f"results.length + byId('problems').children.length >= {len(files)} && {DONE}")
    assert browser.run("byId('problems').textContent") == ""
    lines: list[str] = browser.run("results.map((one) => jsonLine(one, separator))")
    return [json.loads(line) for line in lines]


def written(transcribing: Transcribe, run: Run, files: list[Path], decode: str) -> list[dict[str, Any]]:
    code, out, _ = transcribing(run.folder, *files, "output=json", f"decode={decode}")
    assert code == 0
    return [json.loads(line) for line in out.splitlines()]


def assert_same(found: list[dict[str, Any]], wanted: list[dict[str, Any]]) -> None:
    """The same texts, in the same places, as sure."""
    assert [one["text"] for one in found] == [one["text"] for one in wanted]
    for one, other in zip(found, wanted, strict=True):
        assert one["seconds"] == pytest.approx(other["seconds"], abs=1e-3)
        assert one["confidence"] == pytest.approx(other["confidence"], abs=2e-3)
        for kind in ("word", "symbol"):
            assert [mark[kind] for mark in one[f"{kind}s"]] == [mark[kind] for mark in other[f"{kind}s"]]
            for key in ("start", "end"):
                times = ([mark[key] for mark in side[f"{kind}s"]] for side in (one, other))
                np.testing.assert_allclose(*times, atol=1e-3)


def recordings(folder: Path, morse: Path) -> list[Path]:
    """The same sounds in other files: rates, channels, numbers of other kinds."""
    files = []
    kinds = [
        ("PCM_16", 8000, 1, "wav"), ("PCM_24", 44100, 2, "wav"), ("FLOAT", 16000, 1, "wav"),
        ("DOUBLE", 11025, 3, "wav"), ("PCM_U8", 8000, 1, "wav"), ("PCM_32", 48000, 1, "wav"),
        ("PCM_16", 22050, 2, "flac"), ("PCM_24", 4000, 1, "flac"),
    ]  # fmt: skip
    sounds = sorted((morse / "audio" / "test").glob("*.flac"))
    for number, (subtype, rate, channels, suffix) in enumerate(kinds):
        wave_N, _ = soundfile.read(sounds[number % len(sounds)])
        wave_NC = np.stack([wave_N * (0.9 - 0.3 * channel) for channel in range(channels)], axis=1)
        files.append(folder / f"{number}-{subtype}-{rate}.{suffix}")
        soundfile.write(files[-1], wave_NC, rate, subtype=subtype)
    return [*files, *sounds]


@pytest.mark.parametrize("decode", ["greedy", "beam"])
def test_it_writes_what_transcribe_writes(
    decode: str,
    opened: Callable[..., Browser],
    made: Callable[[str], Run],
    morse: Path,
    transcribing: Transcribe,
    tmp_path: Path,
) -> None:
    files = recordings(tmp_path, morse)
    browser = opened(decode)
    found = heard(browser, files)
    assert len(found) == 15
    assert sum(len(one["symbols"]) for one in found) > 100
    assert_same(found, written(transcribing, made("morse"), files, decode))
    assert browser.complaints == []


def test_recordings_longer_than_a_window(
    opened: Callable[..., Browser], made: Callable[[str], Run], morse: Path, transcribing: Transcribe, tmp_path: Path
) -> None:
    sound = soundfile.read(sorted((morse / "audio" / "test").glob("*.flac"))[0])[0]  # one pitch, so that nothing jumps
    file, whole_N = tmp_path / "long.flac", np.tile(sound, 1 + 250 * 8000 // len(sound))
    whole_N += np.random.default_rng(0).normal(0, 0.02, len(whole_N))  # else one place is as good to cut as another
    soundfile.write(file, whole_N, 8000)
    assert len(whole_N) / 8000 > 240
    found = heard(opened(), [file])
    assert_same(found, written(transcribing, made("morse"), [file], "greedy"))


def test_compressed_sound_is_heard(
    opened: Callable[..., Browser], made: Callable[[str], Run], morse: Path, transcribing: Transcribe, tmp_path: Path
) -> None:
    """Other decoders make other samples of it: nearly the same is enough."""
    wave_N, rate = soundfile.read(sorted((morse / "audio" / "test").glob("*.flac"))[0])
    files = [tmp_path / "a.ogg", tmp_path / "b.mp3"]
    for file in files:
        soundfile.write(file, np.repeat(wave_N, 2), 2 * rate)
    wanted = written(transcribing, made("morse"), files, "greedy")
    found = heard(opened(), files)
    for one, other in zip(found, wanted, strict=True):
        assert one["seconds"] == pytest.approx(other["seconds"], abs=0.1)
        assert one["symbols"]


def test_what_is_no_recording_is_refused_in_one_line(opened: Callable[..., Browser], tmp_path: Path) -> None:
    browser = opened()
    browser.run("about.limits.megabytes = 1; about.limits.minutes = 0.1")
    whole_N = np.random.default_rng(0).normal(0, 0.1, 40_000)
    bad: dict[str, str] = {}

    def one(name: str, content: bytes | None, told: str) -> None:
        if content is not None:
            (tmp_path / name).write_bytes(content)
        bad[name] = told

    one("text.wav", b"dear diary" * 40, "no readable audio: choose a WAV, FLAC, MP3 or Ogg file")
    one("empty.wav", b"", "it is empty: choose another file")
    soundfile.write(tmp_path / "none.wav", whole_N[:0], 8000)
    one("none.wav", None, "it holds no samples: choose another file")
    soundfile.write(tmp_path / "nan.wav", np.where(np.arange(40_000) == 7, np.nan, whole_N), 8000, subtype="FLOAT")
    one("nan.wav", None, "it holds samples that are not finite: choose another file")
    soundfile.write(tmp_path / "torn.flac", whole_N, 8000)
    one("torn.flac", (tmp_path / "torn.flac").read_bytes()[:200], "no readable audio")
    one("large.wav", bytes(1_200_000), "it has 2 MB, and this page takes 1: cut it, or use scansion transcribe")
    soundfile.write(tmp_path / "long.flac", np.tile(whole_N, 2), 8000)
    one("long.flac", None, "it lasts 1 minutes, and this page takes 0.1")
    soundfile.write(tmp_path / "long.wav", np.tile(whole_N, 2), 8000)
    one("long.wav", None, "it lasts 1 minutes, and this page takes 0.1")
    soundfile.write(tmp_path / "long.mp3", np.tile(whole_N, 2), 8000)
    one("long.mp3", None, "it lasts 1 minutes, and this page takes 0.1")
    soundfile.write(tmp_path / "good.wav", whole_N, 8000)
    browser.give("#files", [*(tmp_path / name for name in bad), tmp_path / "good.wav"])
    browser.wait(f"results.length + byId('problems').children.length > {len(bad)} && {DONE}")
    lines = browser.run("[...byId('problems').children].map((line) => line.textContent)")
    assert [line.partition(": ")[0] for line in lines] == list(bad)
    for line in lines:
        assert bad[line.partition(": ")[0]] in line
    assert browser.run("results.map((one) => one.name)") == ["good.wav"]
    assert browser.complaints == []


def test_a_key_is_heard(
    opened: Callable[..., Browser], made: Callable[[str], Run], transcribing: Transcribe, tmp_path: Path
) -> None:
    """The tone is on while the space bar is down, and what is written is what `transcribe` writes of that sound."""
    browser = opened()
    browser.run("byId('key').click()")
    browser.wait("!byId('pad').hidden && source instanceof Key")
    for _ in range(3):
        browser.call("Input.dispatchKeyEvent", type="keyDown", key=" ", code="Space", windowsVirtualKeyCode=32)
        time.sleep(0.3)
        browser.call("Input.dispatchKeyEvent", type="keyUp", key=" ", code="Space", windowsVirtualKeyCode=32)
        time.sleep(0.2)
    changes = browser.run("source.changes.map(({ at, isDown }) => [at - source.began, isDown])")
    browser.press("Escape", 27)
    browser.wait(f"results.length === 1 && {DONE}")
    wave_N = saved(browser, tmp_path / "keyed.wav")
    assert [isDown for _, isDown in changes] == [True, False] * 3
    times_N = np.arange(len(wave_N)) / 4000
    on_N = np.zeros(len(wave_N), bool)
    for (down, _), (up, _) in zip(changes[::2], changes[1::2], strict=True):
        on_N |= (times_N > down + 0.01) & (times_N < up)
    loud_N = np.convolve(np.abs(wave_N), np.ones(20) / 20, "same")
    assert (loud_N[on_N] > 0.05).mean() > 0.98
    off_N = np.convolve(on_N, np.ones(200), "same") == 0
    assert loud_N[off_N].max() < 0.01
    assert browser.run("source") is None
    text = browser.run("textOf(results[0].marks, separator)")
    (wanted,) = written(transcribing, made("morse"), [tmp_path / "keyed.wav"], "greedy")
    assert text == wanted["text"]
    assert browser.complaints == []


def saved(browser: Browser, file: Path) -> Any:
    """The sound of the last recording as the page plays it."""
    script = """results.at(-1).blob.arrayBuffer().then((bytes) =>
      btoa([...new Uint8Array(bytes)].map((one) => String.fromCharCode(one)).join("")))"""
    file.write_bytes(base64.b64decode(browser.run(script)))
    return soundfile.read(file)[0]


def test_a_key_comes_up_where_nobody_sees_it(opened: Callable[..., Browser]) -> None:
    """In another window, or as a touch that the browser takes for itself."""
    browser = opened()
    browser.run("byId('key').click()")
    browser.wait("!byId('pad').hidden && source instanceof Key")
    for event in ("new Event('blur')", "new PointerEvent('pointercancel')"):
        browser.call("Input.dispatchKeyEvent", type="keyDown", key=" ", code="Space", windowsVirtualKeyCode=32)
        assert browser.run("source.isDown")
        browser.run(f"dispatchEvent({event})")
        assert not browser.run("source.isDown")
        browser.call("Input.dispatchKeyEvent", type="keyUp", key=" ", code="Space", windowsVirtualKeyCode=32)
    browser.run("byId('pad').dispatchEvent(new PointerEvent('pointerdown', { button: 2, bubbles: true }))")
    assert not browser.run("source.isDown")
    browser.press("Escape", 27)
    browser.wait(f"results.length === 1 && {DONE}")
    assert browser.run("document.activeElement.id") == "key"
    assert browser.complaints == []


def test_one_thing_at_a_time(opened: Callable[..., Browser]) -> None:
    """A microphone asked for twice is opened once; a long recording is not disturbed; Escape may come too early."""
    browser = opened()
    browser.run(
        "window.opened = []; window.listen = Microphone.prototype.listen;"
        "Microphone.prototype.listen = function (take) { opened.push(this); return listen.call(this, take); };"
        "byId('listen').click(); stop(); byId('listen').click(); byId('key').click(); 0"
    )
    browser.wait("byId('live').textContent.trim() !== ''")
    browser.run("stop()")
    browser.wait(f"results.length === 1 && {DONE}")
    assert browser.run("opened.map((one) => one.stream.getTracks()[0].readyState)") == ["ended"]
    assert browser.run("opened[0].context.state") == "closed"
    long = "wavFile(new Float32Array(600 * rate), rate)"
    browser.run(f"take([new File([{long}], 'a.wav'), new File([{long}], 'b.wav')]); take([exampleFile()]); 0")
    assert browser.run("[byId('listen').disabled, byId('key').disabled, byId('choose').disabled]") == [
        True,
        True,
        False,
    ]
    browser.wait(f"results.length === 4 && {DONE}")
    assert browser.run("results.map((one) => one.name).slice(1, 3)") == ["a.wav", "b.wav"]
    assert not browser.run("WAYS.some((id) => byId(id).disabled)")
    assert browser.complaints == []


def test_a_microphone_that_cannot_be_tapped_is_closed(opened: Callable[..., Browser]) -> None:
    browser = opened()
    browser.run(
        "AudioWorklet.prototype.addModule = () => Promise.reject(new Error('no worklets'));"
        "window.shut = Microphone.prototype.close;"
        "Microphone.prototype.close = function () { window.tried = this; return shut.call(this); };"
        "byId('listen').click()"
    )
    browser.wait("byId('problems').textContent === 'microphone: no worklets' && !byId('listen').disabled")
    assert browser.run("[tried.stream.getTracks()[0].readyState, tried.context.state]") == ["ended", "closed"]
    assert browser.complaints == []


def test_several_recordings(opened: Callable[..., Browser], tmp_path: Path) -> None:
    """Each can be listened to, whatever numbers it is made of, and chosen by keys; what is no sound is named."""
    browser, whole_N = opened(), np.random.default_rng(0).normal(0, 0.1, 16_000)
    files = [tmp_path / "wide.wav", tmp_path / "plain.wav", tmp_path / "list.txt"]
    soundfile.write(files[0], whole_N, 8000, subtype="DOUBLE")
    soundfile.write(files[1], whole_N, 8000)
    files[2].write_text("wide.wav\n")
    browser.give("#files", files)
    browser.wait(f"results.length === 2 && {DONE}")
    told = "list.txt: no sound, by the name: give it by itself if it is"
    assert browser.run("byId('problems').textContent") == told
    browser.run("byId('list').querySelector('button').focus(); document.activeElement.click()")
    pressed = "[...byId('list').querySelectorAll('button')].map((one) => one.getAttribute('aria-pressed'))"
    assert browser.run(pressed) == ["true", "false"]
    assert browser.run("document.activeElement === byId('list').querySelector('button')")
    browser.wait("Math.abs(byId('player').duration - 2) < 0.01")
    browser.run("byId('player').loop = true; byId('player').play()")
    browser.give("#files", files[1:2])
    browser.wait(f"results.length === 3 && {DONE}")
    assert browser.run("[current === results[0], byId('player').paused]") == [True, False]
    browser.run("byId('player').pause(); show(results[1])")
    assert browser.run("lanes.at") == 0


def test_a_microphone_is_heard(
    opened: Callable[..., Browser], made: Callable[[str], Run], transcribing: Transcribe, tmp_path: Path
) -> None:
    """The browser's stand-in for a microphone beeps; what was heard is recognized as a whole when it is stopped."""
    browser = opened()
    browser.run("byId('listen').click()")
    browser.wait("source instanceof Microphone && WAYS.every((id) => byId(id).disabled)")
    browser.wait("byId('live').textContent.trim() !== ''")
    time.sleep(1.5)
    browser.run("byId('stop').click()")
    browser.wait(f"results.length === 1 && {DONE}")
    wave_N = saved(browser, tmp_path / "heard.wav")
    assert len(wave_N) / soundfile.info(tmp_path / "heard.wav").samplerate > 1.5
    assert np.abs(wave_N).max() > 0.05
    assert browser.run("results[0].seconds") == pytest.approx(
        len(wave_N) / soundfile.info(tmp_path / "heard.wav").samplerate
    )
    assert browser.run("source === null && !WAYS.some((id) => byId(id).disabled)")
    assert browser.complaints == []


def test_without_a_microphone_it_says_so(opened: Callable[..., Browser]) -> None:
    browser = opened()
    browser.run("navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException('', 'NotFoundError'))")
    browser.run("byId('listen').click()")
    browser.wait("byId('problems').textContent")
    told = browser.run("byId('problems').textContent")
    assert told == "microphone: no microphone: there is none: plug one in, allow it for this page, or drop a file"
    assert not browser.run("byId('listen').disabled")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1200, 390])
def test_it_is_read_by_everybody(
    opened: Callable[..., Browser], faint: Callable[[], list[str]], scheme: str, width: int
) -> None:
    browser = opened(scheme=scheme, width=width)
    browser.run("byId('example').click()")
    browser.wait(f"results.length === 1 && {DONE}")
    browser.run("document.querySelector('details').open = true")
    assert browser.run("document.documentElement.scrollWidth <= innerWidth")
    assert faint() == []
    unnamed = browser.run(
        "[...document.querySelectorAll('button, input, audio, [role=img]')].filter((one) =>"
        " !one.textContent.trim() && !one.ariaLabel).map((one) => one.id)"
    )
    assert unnamed == []
    assert browser.picture().startswith(b"\x89PNG")
    assert browser.complaints == []


def test_what_is_shown_can_be_moved(opened: Callable[..., Browser]) -> None:
    browser = opened()
    browser.run("byId('example').click()")
    browser.wait(f"results.length === 1 && {DONE}")
    picture = "lanes.canvases.map((canvas) => canvas.toDataURL().length).join()"
    stretch = "[lanes.stretch.from, lanes.stretch.to]"
    seconds = browser.run("current.seconds")
    whole = browser.run(picture)
    assert browser.run(stretch) == [0, pytest.approx(seconds)]
    browser.run("byId('closer').click(); byId('closer').click(); byId('later').click()")
    low, high = browser.run(stretch)
    assert high - low == pytest.approx(seconds / 4)
    assert low == pytest.approx(3 / 8 * seconds + seconds / 8)
    assert browser.run(picture) != whole
    browser.run("lanes.move(9)")
    assert browser.run("lanes.stretch.to") == pytest.approx(seconds)
    browser.run("lanes.zoom(99)")
    assert browser.run(stretch) == [0, pytest.approx(seconds)]
    assert browser.run(picture) == whole
    browser.run("lanes.point({ clientX: byId('lanes').getBoundingClientRect().right - 1 })")
    assert browser.run("byId('under').textContent").startswith(f"{seconds:.1f}"[:3])
    assert browser.complaints == []
