"""Media moved beside a manifest: bytes equal, parts exact, all or nothing."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import soundfile

from project.contract import Example, InputError
from project.data.foreign import Entry
from project.data.relocate import Way, complete, home_of, relocate, require_whole

RATE = 8000


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """Three seconds each: x/a.wav and y/a.flac of 16 bits, stereo y/b.wav of floats, y/c.ogg."""
    folder = tmp_path / "corpus"
    noise = np.random.default_rng(0).uniform(-0.5, 0.5, (3 * RATE, 2))
    for name, samples, subtype in (
        ("x/a.wav", noise[:, 0], "PCM_16"),
        ("y/a.flac", noise[:, 0], "PCM_24"),
        ("y/b.wav", noise, "FLOAT"),
        ("y/c.ogg", noise[:, 0], "VORBIS"),
    ):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(folder / name, samples, RATE, subtype=subtype)
    return folder


def entry(path: Path | str, length: float = 3.0, name: str = "e", **more: object) -> Entry:
    return Entry("m.jsonl:2", Example(name, str(path), length, text="a"), **more)  # type: ignore[arg-type]


def test_lengths_come_from_the_medium_where_a_line_has_none(corpus: Path) -> None:
    whole = complete(entry(corpus / "x/a.wav", math.nan))
    assert (whole.example.length, whole.part) == (3.0, False)
    rest = complete(entry(corpus / "x/a.wav", math.nan, start=1.0, part=True))
    assert (rest.example.length, rest.part) == (2.0, True)


def test_whether_a_line_is_a_part_comes_from_the_medium(corpus: Path) -> None:
    assert complete(entry(corpus / "x/a.wav", 3.0, part=None)).part is False
    assert complete(entry(corpus / "x/a.wav", 2.5, part=None)).part is True
    with pytest.raises(InputError, match=r"m.jsonl:2: e: from 0 to 3.5 s in a medium of 3.000 s"):
        complete(entry(corpus / "x/a.wav", 3.5, part=None))
    with pytest.raises(InputError, match=r"m.jsonl:2: e: media .* is missing"):
        complete(entry(corpus / "no.wav", math.nan))


def test_copies_are_equal_and_shared(corpus: Path, tmp_path: Path) -> None:
    entries = [
        entry(corpus / "x/a.wav", name="a"),
        entry(corpus / "y/a.flac", name="b"),
        entry(corpus / "x/a.wav", name="c"),
    ]
    store = tmp_path / "out" / "media" / "m"
    examples = relocate(entries, store, "copy", overwrite=False)
    assert [example.media for example in examples] == [str(store / name) for name in ("x/a.wav", "y/a.flac", "x/a.wav")]
    assert (store / "x/a.wav").read_bytes() == (corpus / "x/a.wav").read_bytes()
    assert sorted(path.name for path in store.parent.iterdir()) == ["m"]


def test_links_lead_to_the_media(corpus: Path, tmp_path: Path) -> None:
    (example,) = relocate([entry(corpus / "y/c.ogg")], tmp_path / "media" / "m", "link", overwrite=False)
    assert Path(example.media).is_symlink()
    assert Path(example.media).resolve() == corpus / "y/c.ogg"


@pytest.mark.parametrize(
    ("name", "channel", "dtype", "suffix"),
    [("x/a.wav", None, "int16", ".flac"), ("y/a.flac", None, "int32", ".flac"), ("y/b.wav", 1, "float32", ".wav")],
)
def test_parts_are_cut_out_without_loss(
    corpus: Path, tmp_path: Path, name: str, channel: int | None, dtype: str, suffix: str
) -> None:
    part = entry(corpus / name, 1.25, start=0.5, part=True, channel=channel)
    (example,) = relocate([part], tmp_path / "media" / "m", "copy", overwrite=False)
    assert example.length == 1.25
    assert example.media.endswith(suffix)
    got, rate = soundfile.read(example.media, dtype=dtype, always_2d=True)
    whole, _ = soundfile.read(corpus / name, dtype=dtype, always_2d=True)
    wanted = whole[RATE // 2 : RATE // 2 + 10_000]
    assert rate == RATE
    assert np.array_equal(got, wanted if channel is None else wanted[:, [channel]])


def test_parts_need_copies(corpus: Path) -> None:
    part = entry(corpus / "x/a.wav", 1.0, start=0.5, part=True, channel=1)
    for way in ("keep", "link"):
        with pytest.raises(InputError, match=r"m.jsonl:2: e: .*0\.5 to 1\.5 s, channel 1.*media=copy"):
            require_whole(part, way)  # type: ignore[arg-type]
    require_whole(part, "copy")


@pytest.mark.parametrize("bad", ["missing.wav", "http://127.0.0.1:1/a.wav"])
def test_nothing_is_moved_if_one_medium_cannot_be(corpus: Path, tmp_path: Path, bad: str) -> None:
    entries = [entry(corpus / "x/a.wav"), entry(bad if "://" in bad else corpus / bad)]
    with pytest.raises(InputError, match=r"m.jsonl:2: e: .*(missing|cannot be linked)"):
        relocate(entries, tmp_path / "media" / "m", "link" if "://" in bad else "copy", overwrite=False)
    assert not list(tmp_path.glob("media/*"))


def test_what_is_there_is_replaced_only_if_asked(corpus: Path, tmp_path: Path) -> None:
    store = tmp_path / "media" / "m"
    examples = relocate([entry(corpus / "x/a.wav")], store, "copy", overwrite=False)
    with pytest.raises(InputError, match="overwrite=true"):
        relocate([entry(corpus / "y/c.ogg")], store, "copy", overwrite=False)
    with pytest.raises(InputError, match="overwritten by itself"):
        relocate([entry(examples[0].media)], store, "copy", overwrite=True)
    relocate([entry(corpus / "y/c.ogg")], store, "copy", overwrite=True)
    assert [path.name for path in store.iterdir()] == ["c.ogg"]


def test_where_a_manifest_is_at_home() -> None:
    assert home_of(["/c/wav/a.wav", "/c/wav/b.wav"], "/c") == "/c"
    assert home_of(["/c/wav/a.wav", "/c/wav/b.wav"], "/m") == "/c/wav"
    assert home_of(["/c/x/a.wav", "/c/y/b.wav", "s3://c/a.wav"], "/c/x") == "/c"
    assert home_of(["s3://c/a.wav"], "/m") == "/m"
    with pytest.raises(InputError, match="no folder in common"):
        home_of(["/a/1.wav", "/b/1.wav"], "/m")


@pytest.mark.parametrize("way", ["keep", "link", "copy"])
def test_excerpts_stay_rows_of_their_file(tmp_path: Path, way: Way) -> None:
    """The file is moved once, however many excerpts of it there are, and each keeps its length."""
    (tmp_path / "c" / "series").mkdir(parents=True)
    np.save(tmp_path / "c" / "series" / "a.npy", np.zeros((300, 6)))
    place, calls = f"{tmp_path}/c/series/a.npy", []
    entries = [entry(f"{place}#0:105", 105, "a"), entry(f"{place}#50:150", 100, "b"), entry(place, 300, "c")]
    store = tmp_path / "out" / "media"
    moved = relocate(entries, store, way, False, lambda: calls.append(1))
    file = place if way == "keep" else str(store / "a.npy")
    assert [one.media for one in moved] == [f"{file}#0:105", f"{file}#50:150", file]
    assert [one.length for one in moved] == [105, 100, 300]
    assert Path(file).read_bytes() == Path(place).read_bytes()
    assert len(calls) == (0 if way == "keep" else 1)
