"""RWTH-PHOENIX-Weather from tiny tables of its form and landmark files of every form, whole or not at all."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from project.contract import InputError
from project.corpus.folder import remove
from project.corpus.phoenix import Phoenix
from project.data.manifest import Manifest
from project.feature import landmark_file
from project.feature.landmarks import Landmarks
from project.text.alphabet import Alphabet

# id, signer, glosses of each part.
SENTENCES = {
    "train": [
        ("01April_2010_heute_default-0", "Signer04", "__ON__ loc-NORD S0NNE REGEN-PLUSPLUS"),
        ("01April_2010_heute_default-1", "Signer01", "WIE AUSSEHEN WIND WIND"),
    ],
    "dev": [("29July_2010_heute_default-7", "Signer05", "__ON__ NORD SCHNEE SCHNEE HAGEL")],
    "test": [("30July_2010_heute_default-2", "Signer05", "SONNE WIND")],
}


def body(frames: int, seed: int) -> np.ndarray:
    """A body whose every point is in the picture."""
    return np.random.default_rng(seed).uniform(0.1, 0.9, (frames, 543, 3)).astype(np.float32)


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """The tables of both splits as the release keeps them, and landmarks of four sentences in four forms."""
    for split, infix in (("multisigner", ""), ("signerindependent-SI5", ".SI5")):
        manual = tmp_path / f"phoenix-2014-{split}/annotations/manual"
        manual.mkdir(parents=True)
        for part, sentences in SENTENCES.items():
            rows = [f"{name}|{name}/1/*.png|{signer}|{glosses}" for name, signer, glosses in sentences]
            text = "\n".join(["id|folder|signer|annotation", *rows]) + "\n"
            (manual / f"{part}{infix}.corpus.csv").write_text(text, encoding="utf-8")
    files = tmp_path / "holistic"
    (files / "dev").mkdir(parents=True)
    (first, _, _), (second, _, _) = SENTENCES["train"]
    np.save(files / f"{first}.npy", body(10, 1))
    np.savez(files / f"{second}.npz", landmarks=body(20, 2).reshape(20, 1629))
    landmark_file.write(files / f"dev/{SENTENCES['dev'][0][0]}.npz", body(30, 3), 50)
    np.save(files / f"{SENTENCES['test'][0][0]}.npy", np.where(np.arange(543)[:, None] == 520, 0, body(5, 4)))
    return tmp_path


def phoenix(corpus: Path, release: str = "signerindependent-SI5", **given: Any) -> Phoenix:
    return Phoenix(str(corpus / f"phoenix-2014-{release}"), str(corpus / "holistic"), **given)


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_manifests_hold_the_glosses_as_written(corpus: Path) -> None:
    out = corpus / "out"
    told: list[tuple[int, int]] = []
    paths = phoenix(corpus).make(str(out), lambda done, total: told.append((done, total)))
    assert paths == [str(out / f"{part}.jsonl") for part in ("train", "dev", "test")]
    for part, sentences in SENTENCES.items():
        found = lines(out / f"{part}.jsonl")
        assert [(line["id"], line["group"], " ".join(line["symbols"])) for line in found] == sentences
        assert [line["media"] for line in found] == [f"landmarks/{name}.npz" for name, _, _ in sentences]
    assert [line["duration"] for line in lines(out / "train.jsonl")] == [10 / 25, 20 / 25]
    assert lines(out / "dev.jsonl")[0]["duration"] == 30 / 50  # our own form says its frames a second
    assert told[-1] == (8, 8)


def test_landmarks_become_ours(corpus: Path) -> None:
    phoenix(corpus, frame_rate=30).make(str(corpus / "out"))
    examples = {part: list(Manifest.open(str(corpus / f"out/{part}.jsonl"))) for part in SENTENCES}
    for example, (frames, seed) in zip(examples["train"], [(10, 1), (20, 2)], strict=True):
        found = landmark_file.read(example.media, 30)
        np.testing.assert_allclose(found, body(frames, seed) * [0.7, 1, 0.7], rtol=1e-3)
        assert Landmarks(30)(found).shape[0] == frames
    (own,) = examples["dev"]  # x and y share a unit there already
    np.testing.assert_allclose(landmark_file.read(own.media, 50), body(30, 3), rtol=1e-3)
    (missing,) = examples["test"]
    assert np.isnan(landmark_file.read(missing.media, 30)[:, 520]).all()


def test_the_alphabet_is_that_of_train(corpus: Path, capsys: pytest.CaptureFixture[str]) -> None:
    phoenix(corpus).make(str(corpus / "out"))
    alphabet = Alphabet.load(corpus / "out/alphabet.json")
    assert alphabet == Alphabet(("NORD", "REGEN", "SONNE", "WIE-AUSSEHEN", "WIND", "__ON__"), separator=" ")
    told = capsys.readouterr().err
    assert "train: 2 sentences, 6 glosses\n" in told
    assert "dev: 1 sentences, 4 glosses, 2 in 1 sentences are none of train's 6" in told
    assert "test: 1 sentences, 2 glosses, 0 in 0 sentences" in told
    phoenix(corpus, normalize=["drop_gloss_marks", "rwth_glosses"]).make(str(corpus / "other"))
    assert "__ON__" not in Alphabet.load(corpus / "other/alphabet.json").symbols


def test_splits_and_2014_t(corpus: Path) -> None:
    phoenix(corpus, "multisigner", split="multisigner").make(str(corpus / "out"))
    for part, sentences in SENTENCES.items():
        rows = [f"{name}|x/*.png|-1|-1|{signer}|{glosses}|am tag regen" for name, signer, glosses in sentences]
        text = "\n".join(["name|video|start|end|speaker|orth|translation", *rows])
        (corpus / f"t/PHOENIX-2014-T.{part}.corpus.csv").parent.mkdir(exist_ok=True)
        (corpus / f"t/PHOENIX-2014-T.{part}.corpus.csv").write_text(text)
    Phoenix(str(corpus / "t"), str(corpus / "holistic"), split="multisigner").make(str(corpus / "out_t"))
    assert lines(corpus / "out/dev.jsonl") == lines(corpus / "out_t/dev.jsonl")


def test_the_same_again_does_nothing_and_another_is_refused(corpus: Path) -> None:
    phoenix(corpus).make(str(corpus / "out"))
    before = {path: path.stat().st_mtime_ns for path in (corpus / "out").rglob("*")}
    phoenix(corpus).make(str(corpus / "out"))
    assert {path: path.stat().st_mtime_ns for path in (corpus / "out").rglob("*")} == before
    with pytest.raises(InputError, match="made with another aspect"):
        phoenix(corpus, aspect=1).make(str(corpus / "out"))
    np.save(corpus / f"holistic/{SENTENCES['test'][0][0]}.npy", body(6, 4))
    with pytest.raises(InputError, match="made with another sentences"):
        phoenix(corpus).make(str(corpus / "out"))
    remove(str(corpus / "out"))
    assert not list((corpus / "out").iterdir())


def test_wrong_landmarks_are_all_told_and_can_be_left_out(corpus: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = corpus / "holistic"
    extra = [("x-0", body(3, 0)[:, :500]), ("x-1", np.full((3, 543, 3), np.nan)), ("x-2", 1e5 * body(3, 0))]
    for name, array in extra:
        np.save(files / f"{name}.npy", array)
    (files / "x-3.npz").write_bytes(b"no zip")
    np.savez(files / "x-4.npz", one=body(1, 0), two=body(1, 0))
    table = corpus / "phoenix-2014-signerindependent-SI5/annotations/manual/train.SI5.corpus.csv"
    rows = [f"x-{number}|x|Signer01|WIND" for number in range(6)]
    table.write_text(table.read_text() + "\n".join(rows))
    with pytest.raises(InputError, match=r"6 of 10 sentences cannot be imported, so none is: mend them, or corpus"):
        phoenix(corpus).make(str(corpus / "out"))
    assert not (corpus / "out").exists()
    told = capsys.readouterr().err.splitlines()
    expected = [
        (f"{files}/x-0.npy: its shape is (3, 500, 3): it must be"),
        (f"{files}/x-1.npy: no frame shows both shoulders"),
        (f"{files}/x-2.npy: coordinates go beyond 60000: divide"),
        (f"{files}/x-3.npz: no readable landmarks"),
        (f"{files}/x-4.npz: holds one, two: keep one array"),
        (f"{table}:9: no landmarks of x-5 in {files} or train/ in it (.npz .npy .parquet): add the file"),
    ]
    assert [line.startswith(start) for line, start in zip(told, expected, strict=True)] == [True] * 6
    phoenix(corpus, skip_bad=True).make(str(corpus / "out"))
    assert len(lines(corpus / "out/train.jsonl")) == 2
    assert len(lines(corpus / "out/left_out.jsonl")) == 6
    assert "6 sentences left out, see" in capsys.readouterr().err


def test_wrong_tables_are_never_passed_over(corpus: Path, capsys: pytest.CaptureFixture[str]) -> None:
    manual = corpus / "phoenix-2014-signerindependent-SI5/annotations/manual"
    table = manual / "train.SI5.corpus.csv"
    bad = ["a|b|c", "../up|x|Signer01|WIND", "no-gloss|x|Signer01| ", "no-signer|x||WIND"]
    twice = "29July_2010_heute_default-7|x|Signer05|WIND"
    table.write_text(table.read_text() + "\n".join([*bad, twice]))
    (manual / "test.SI5.corpus.csv").unlink()
    with pytest.raises(InputError, match="6 problems in its tables"):
        phoenix(corpus, skip_bad=True).make(str(corpus / "out"))
    told = capsys.readouterr().err
    for expected in (
        "train.SI5.corpus.csv:4: 3 cells where the header has 4",
        "train.SI5.corpus.csv:5: the id is '../up', no name of a file",
        "train.SI5.corpus.csv:6: no-gloss has no glosses",
        "train.SI5.corpus.csv:7: no-signer has no signer",
        "dev.SI5.corpus.csv:2: id 29July_2010_heute_default-7 stands in",
        "no test.SI5.corpus.csv in it, nor in annotations/manual: correct corpus.folder or .split",
    ):
        assert expected in told
    assert not (corpus / "out").exists()
    table.write_text("file,text\n")
    with pytest.raises(InputError, match="problems in its tables"):
        phoenix(corpus).make(str(corpus / "out"))
    assert "not id|signer|annotation or name|speaker|orth: name a corpus table" in capsys.readouterr().err


def test_what_is_asked_is_checked(corpus: Path) -> None:
    with pytest.raises(InputError, match=r"corpus.landmarks=<folder>"):
        Phoenix(str(corpus))
    with pytest.raises(InputError, match=r"there is no such folder: correct corpus.folder"):
        Phoenix(str(corpus / "none"), str(corpus))
    with pytest.raises(InputError, match="choose si5 or multisigner"):
        phoenix(corpus, split="si6")
    with pytest.raises(InputError, match="aspect 0"):
        phoenix(corpus, aspect=0)
    for path in (corpus / "holistic").glob("*.npy"):
        path.unlink()
    with pytest.raises(InputError, match="no sentence of test has landmarks"):
        phoenix(corpus, skip_bad=True).make(str(corpus / "out"))
