"""Recordings of others: imported whole, with all that is wrong named, or not at all."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from project.contract import InputError
from project.corpus.folder import remove
from project.corpus.morse_files import MorseFiles
from project.corpus.transcripts import Columns
from project.data.manifest import Manifest

FORMATS = {
    "clean.wav": (8000, 1, "WAV", "PCM_16"),
    "club/stereo.flac": (48000, 2, "FLAC", "PCM_24"),
    "club/phone.mp3": (44100, 1, "MP3", "MPEG_LAYER_III"),
    "web/sdr.ogg": (12000, 1, "OGG", "VORBIS"),
    "web/voice.opus": (48000, 1, "OGG", "OPUS"),
}


def record(path: Path, seconds: float = 1.0, rate: int = 8000, channels: int = 1, **how: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    sound = 0.3 * np.sin(2 * np.pi * 600 * np.arange(round(seconds * rate)) / rate)
    soundfile.write(path, np.repeat(sound[:, None], channels, axis=1), rate, **how)


@pytest.fixture
def recordings(tmp_path: Path) -> Path:
    """Five recordings of as many formats, each with its text beside it."""
    folder = tmp_path / "recordings"
    for number, (name, (rate, channels, kind, subtype)) in enumerate(FORMATS.items(), start=1):
        record(folder / name, number, rate, channels, format=kind, subtype=subtype)
        (folder / name).with_suffix(".txt").write_text(f"cq de ok{number}abc  <AR>\n", encoding="utf-8")
    return folder


@pytest.fixture
def one(tmp_path: Path) -> Path:
    """One recording of four seconds: each sample is the number of its second."""
    folder = tmp_path / "recordings"
    folder.mkdir()
    soundfile.write(folder / "long.wav", np.repeat(np.arange(1, 5) / 10, 8000), 8000, subtype="PCM_16")
    return folder


def lines(path: str | Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in Path(path).read_text(encoding="utf-8").splitlines()]


def made(folder: Path, out: Path, **given: Any) -> list[dict[str, Any]]:
    (path,) = MorseFiles(str(folder), **given).make(str(out))
    return lines(path)


def problems(capsys: pytest.CaptureFixture[str], folder: Path, out: Path, **given: Any) -> list[str]:
    """What is said to be wrong; nothing is written."""
    with pytest.raises(InputError, match=r"\d problems, nothing is imported: mend them, or corpus.skip_bad=true"):
        MorseFiles(str(folder), **given).make(str(out))
    assert not out.exists()
    return [line.replace(f"{folder.parent}/", "") for line in capsys.readouterr().err.splitlines()]


def test_texts_beside_recordings_of_many_formats(recordings: Path, tmp_path: Path) -> None:
    found = made(recordings, tmp_path / "out", group_by="folder")
    assert [line["id"] for line in found] == ["clean", "club/phone", "club/stereo", "web/sdr", "web/voice"]
    assert [line.get("group") for line in found] == [None, "club", "club", "web", "web"]
    numbers = {name: number for number, name in enumerate(FORMATS, start=1)}
    for line, example in zip(found, Manifest.open(str(tmp_path / "out/all.jsonl")), strict=True):
        name = line["media"].removeprefix("audio/")
        assert line["text"] == f"cq de ok{numbers[name]}abc  <AR>"
        assert line["duration"] == pytest.approx(numbers[name], abs=0.1)
        assert Path(example.media).read_bytes() == (recordings / name).read_bytes()


def test_links_save_room(recordings: Path, tmp_path: Path) -> None:
    for line in made(recordings, tmp_path / "out", media="link"):
        assert (tmp_path / "out" / line["media"]).resolve() == recordings / line["media"].removeprefix("audio/")


@pytest.mark.parametrize("name", ["metadata.csv", "metadata.tsv", "metadata.jsonl", "given.csv"])
def test_a_table_of_all(name: str, recordings: Path, tmp_path: Path) -> None:
    rows = [
        {"file_name": media, "transcript": f"R, {number}", "operator": f"ok{number}", "wpm": "20.5", "serial": "007"}
        for number, media in enumerate(FORMATS)
    ]
    delimiter = {"tsv": "\t", "csv": ";"}.get(name[-3:], "")
    table = [delimiter.join(rows[0]), *(delimiter.join(row.values()) for row in rows)]
    content = "\n".join(map(json.dumps, rows)) if name.endswith("jsonl") else "\ufeff" + "\r\n".join(table)
    (recordings / name).write_text(content, encoding="utf-8", newline="")
    found = made(recordings, tmp_path / "out", transcripts=name if name == "given.csv" else None, name="test")
    assert (tmp_path / "out/test.jsonl").exists()
    assert [line["text"] for line in found] == [f"R, {number}" for number in range(5)]
    assert [line["group"] for line in found] == [f"ok{number}" for number in range(5)]
    assert {(line["wpm"], line["serial"]) for line in found} == {(20.5, "007")}


@pytest.mark.parametrize("beside", [True, False], ids=["beside", "table"])
def test_segments_are_cut_out(beside: bool, one: Path, tmp_path: Path) -> None:
    rows = [("1", "2.5", '"A, B"'), ("0", "1", "CD"), ("3", "", "E"), ("", "", "ALL")]
    if beside:
        table = ["start,end,text", *(",".join(row) for row in rows)]
    else:
        table = ["start,end,text,file", *(",".join((*row, "long.wav")) for row in rows)]
    (one / ("long.csv" if beside else "metadata.csv")).write_text("\n".join(table), encoding="utf-8")
    found = made(one, tmp_path / "out")
    assert [line["id"] for line in found] == ["long@1-2.5", "long@0-1", "long@3-", "long"]
    assert [(line["text"], line["duration"]) for line in found] == [("A, B", 1.5), ("CD", 1), ("E", 1), ("ALL", 4)]
    whole = soundfile.read(one / "long.wav")[0]
    for line, (start, end) in zip(found, [(1, 2.5), (0, 1), (3, 4), (0, 4)], strict=True):
        sound, rate = soundfile.read(tmp_path / "out" / line["media"])
        np.testing.assert_array_equal(sound, whole[round(start * rate) : round(end * rate)])
    assert [Path(line["media"]).suffix for line in found] == [".flac", ".flac", ".flac", ".wav"]


def test_all_problems_beside_recordings_are_named(
    recordings: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (recordings / "clean.txt").unlink()
    (recordings / "club/stereo.txt").write_text(" \n")
    (recordings / "club/phone.txt").write_text("100 % é")
    (recordings / "web/sdr.txt").write_bytes(b"caf\xe9")
    (recordings / "web/voice.opus").write_bytes(b"no sound")
    (recordings / "notes.txt").write_text("to do")
    record(recordings / "twice.wav")
    record(recordings / "twice.flac")
    (recordings / "twice.txt").write_text("EE")
    found = problems(capsys, recordings, tmp_path / "out")
    for expected in (
        "recordings/clean.wav: no transcript: write clean.txt beside it",
        "recordings/club/stereo.txt: the text is empty: write what is sent",
        "recordings/club/phone.txt: no Morse code for '%' 'É': correct the text",
        "recordings/web/sdr.txt: it cannot be read as UTF-8 text",
        "recordings/web/voice.txt: web/voice: media recordings/web/voice.opus is corrupt",
        "recordings/notes.txt: no recording of this name is beside it: add it",
        "recordings/twice.txt: id twice is already that of recordings/twice.flac",
    ):
        assert sum(line.startswith(expected) for line in found) == 1, (expected, found)
    assert len(found) == 7
    (left,) = made(recordings, tmp_path / "out", skip_bad=True)
    assert left["id"] == "twice"
    assert len(lines(tmp_path / "out/left_out.jsonl")) == 7
    assert "7 left out, see" in capsys.readouterr().err
    remove(str(tmp_path / "out"))
    assert not list((tmp_path / "out").iterdir())


def test_all_problems_of_a_table_are_named(one: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    record(one / "other.wav")
    rows = [
        "file,start,end,text,id",
        "long.wav,0,1,A,a",
        "none.wav,,,A,b",
        ",,,A,c",
        "long.wav,x,,A,d",
        "long.wav,2,1,A,e",
        "long.wav,3,9,A,f",
        "long.wav,1,2,A,a",
        "long.wav,1,2,A,g,too many",
        "long.wav,1,2,,h",
    ]
    (one / "metadata.csv").write_text("\n".join(rows))
    found = problems(capsys, one, tmp_path / "out")
    for expected in (
        "metadata.csv:3: there is no recording recordings/none.wav: correct the name",
        "metadata.csv:4: no name of a recording: fill a column called file or",
        "metadata.csv:5: start is 'x': give seconds from the beginning",
        "metadata.csv:6: it starts at 2 s and ends at 1 s",
        "metadata.csv:7: f: from 3 to 9 s in a medium of 4.000 s",
        "metadata.csv:8: id a is already that of recordings/long.wav",
        "metadata.csv:9: more cells than the header has: put quotes",
        "metadata.csv:10: the text is empty",
        "other.wav: metadata.csv has no line for it",
    ):
        assert sum(line.startswith(f"recordings/{expected}") for line in found) == 1, (expected, found)
    assert len(found) == 9


def test_one_wrong_column_is_one_problem(one: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (one / "metadata.csv").write_text("name,text\nlong.wav,A\nlong.wav,B")
    (found,) = problems(capsys, one, tmp_path / "out")
    assert found.startswith("recordings/metadata.csv: no column called file or file_name")
    assert len(made(one, tmp_path / "out", columns=Columns(file=["name"], id=["text"]), skip_bad=True)) == 2


def test_lines_of_json_have_problems_too(one: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (one / "metadata.jsonl").write_text('{"file": "long.wav"\n[1]\n{"file": "long.wav"}\n\n')
    found = problems(capsys, one, tmp_path / "out")
    assert [line.partition(": ")[2][:12] for line in found] == ["not JSON, un", "not a JSON o", "the text is "]


def test_parts_need_copies(one: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (one / "long.csv").write_text("start,end,text\n1,2,A")
    (found,) = problems(capsys, one, tmp_path / "out", media="link")
    assert "media=copy cuts parts out" in found


def test_other_keys_of_a_line_are_kept(one: Path, tmp_path: Path) -> None:
    line = {"file": "long.wav", "text": "A", "id": 7, "snr_db": -3, "tags": ["qsb"], "media": "x", "wpm": None}
    (one / "metadata.jsonl").write_text(json.dumps(line))
    (found,) = made(one, tmp_path / "out")
    assert (found["id"], found["snr_db"], found["tags"], found["original_media"]) == ("7", -3, ["qsb"], "x")
    assert "wpm" not in found


def test_it_is_imported_once_and_other_recordings_are_refused(recordings: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    first = made(recordings, out)
    time = (out / "all.jsonl").stat().st_mtime_ns
    assert made(recordings, out) == first
    assert (out / "all.jsonl").stat().st_mtime_ns == time
    (out / "all.jsonl").unlink()
    assert made(recordings, out) == first, "a half-made corpus is completed"
    record(recordings / "clean.wav", 1.0, 16000)
    with pytest.raises(InputError, match="made with another recordings: choose another out="):
        made(recordings, out)


def test_a_normalizer_can_make_texts_sendable(one: Path, tmp_path: Path) -> None:
    (one / "long.txt").write_text("Café", encoding="utf-8")
    (line,) = made(one, tmp_path / "out", normalize=["fold_accents", "upper"])
    assert line["text"] == "Café", "the manifest keeps the text as it was written"


def test_what_makes_no_sense_is_refused(one: Path, tmp_path: Path) -> None:
    out = str(tmp_path / "out")
    (tmp_path / "empty").mkdir()
    for make, message in (
        (MorseFiles, "add corpus.folder=recordings"),
        (lambda: MorseFiles("x", media="move"), "media is 'move'"),  # type: ignore[arg-type]
        (lambda: MorseFiles("x", name="a/b"), "name is 'a/b'"),
        (lambda: MorseFiles(str(tmp_path / "none")).make(out), "no such folder: correct corpus.folder"),
        (lambda: MorseFiles(str(tmp_path / "empty")).make(out), "no recordings in it"),
        (lambda: MorseFiles(str(one), transcripts="t.csv").make(out), "t.csv: there is no such file"),
        (lambda: MorseFiles(str(one)).make(str(one / "out")), "lies among the recordings"),
        (lambda: MorseFiles(str(one), skip_bad=True).make(out), "no example without one: mend them"),
    ):
        with pytest.raises(InputError, match=message):
            make()
    assert not Path(out).exists()
