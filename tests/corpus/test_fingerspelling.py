"""Fingerspelled words: as the recipes say, no signer where he must not be, whole or told what is wrong."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from project.contract import InputError
from project.corpus import fingerspelling
from project.corpus.fingerspelling import Fingerspelling
from project.data.manifest import Manifest
from project.feature import landmark_file
from project.feature.landmark_layout import mirrored
from project.feature.landmarks import Landmarks


def made(letters: Any, out: Path, **given: Any) -> dict[str, list[dict[str, Any]]]:
    """Name -> lines of each manifest."""
    paths = Fingerspelling(str(letters.path), **{"leave_out": ["eve"], **given}).make(str(out))
    return {Path(path).stem: lines_of(path) for path in paths}


def lines_of(path: str | Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in Path(path).read_text(encoding="utf-8").splitlines()]


def frames_of(recipe: dict[str, Any], clips: dict[str, dict[str, Any]]) -> int:
    """How many frames a second of 25 a recipe asks for."""
    total = sum(recipe["transition"])
    for name, (begin, end), speed in zip(recipe["clips"], recipe["trim"], recipe["speed"], strict=True):
        frames = round(clips[name]["n_frames"] * 25 / clips[name]["fps"])
        total += max(3, round((round(end * frames) - round(begin * frames)) / speed))
    return total


def test_a_manifest_for_each_file_of_recipes(letters: Any, tmp_path: Path) -> None:
    found = made(letters, tmp_path / "out")
    assert {name: [line["id"] for line in lines] for name, lines in found.items()} == {
        "dev": ["dev_0", "dev_1"],
        "dev_si": ["dev_si_0", "dev_si_1"],
        "train": ["train_0", "train_1", "train_2"],
    }
    clips = {line["id"]: line for line in letters.lines("manifest.jsonl")}
    for split, lines in found.items():
        recipes = {recipe["id"]: recipe for recipe in letters.lines(f"sentences_{split}.jsonl")}
        for line in lines:
            recipe, points = recipes[line["id"]], landmark_file.read(str(tmp_path / "out" / line["media"]), 25)
            assert line["symbols"] == recipe["glosses"]
            assert line["group"] == recipe["signer"]
            assert line["words"] == recipe["words"]
            assert len(points) == round(line["duration"] * 25) == frames_of(recipe, clips)
            numbers = np.floor(points[:, 530, 0]).astype(int)  # the fixture has a clip's number there
            assert numbers[0] == list(clips).index(recipe["clips"][0]) + 1
            assert numbers[-1] == list(clips).index(recipe["clips"][-1]) + 1
    example = Manifest.open(str(tmp_path / "out/train.jsonl"))[1]
    assert example.symbols == ("C", "A", "B", "B", "A")
    assert np.isfinite(Landmarks()(Landmarks().read(example.media)).numpy()).all()


def test_who_is_left_out_is_not_in_train(letters: Any, tmp_path: Path) -> None:
    found = made(letters, tmp_path / "a")
    assert {line["group"] for line in found["train"]} == {"ann", "bob"}
    assert {line["group"] for line in found["dev_si"]} == {"eve"}
    assert not list((tmp_path / "a").rglob("train_3.npz"))
    found = made(letters, tmp_path / "b", leave_out=["ann"])
    assert {line["group"] for line in found["train"]} == {"bob", "eve"}
    for wrong in (["eve", "evi"], "eve"):  # a slip would let in whom the recognizer is judged by
        with pytest.raises(InputError, match=r"corpus\.leave_out: nobody is called"):
            made(letters, tmp_path / "c", leave_out=wrong)
    with pytest.raises(
        InputError, match=r"sentences_train\.jsonl: no sentence is left of it: shorten corpus\.leave_out"
    ):
        made(letters, tmp_path / "c", leave_out=["ann", "bob", "eve"])
    assert not (tmp_path / "c").exists()


def test_signers_of_other_folders_need_not_be_named(letters: Any, tmp_path: Path) -> None:
    """Where nothing is learned from, nobody can be left out of it."""
    (letters.path / "sentences_train.jsonl").unlink()
    assert set(made(letters, tmp_path / "out", leave_out=["ssp", "svk"])) == {"dev", "dev_si"}


def test_it_is_made_once_and_goes_on_where_it_was_cut_off(
    letters: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = made(letters, tmp_path / "a")
    names, written = ["dev_1", "train_2"], []
    for name in names:
        next((tmp_path / "a").rglob(f"{name}.npz")).unlink()
    (tmp_path / "a/train.jsonl").unlink()

    def write(path: Path, *what: Any) -> None:
        written.append(path.stem)
        landmark_file.write(path, *what)

    monkeypatch.setattr(fingerspelling, "write", write)
    assert made(letters, tmp_path / "a") == before
    assert written == names
    assert made(letters, tmp_path / "a") == before
    assert written == names
    monkeypatch.undo()
    assert made(letters, tmp_path / "b") == before
    for file in (tmp_path / "a").rglob("*.npz"):
        other = tmp_path / "b" / file.relative_to(tmp_path / "a")
        np.testing.assert_array_equal(landmark_file.read(str(file), 25), landmark_file.read(str(other), 25))


def test_progress_is_told(letters: Any, tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    Fingerspelling(str(letters.path), ["eve"]).make(str(tmp_path / "out"), lambda *where: told.append(where))
    assert told == [(done, 7) for done in range(1, 8)]


def test_other_settings_or_recordings_are_another_corpus(letters: Any, tmp_path: Path) -> None:
    made(letters, tmp_path / "out")
    for given, words in (({"frame_rate": 30}, "frame_rate"), ({"leave_out": ["ann"]}, "leave_out")):
        with pytest.raises(InputError, match=rf"holds a corpus made with another {words}.*choose another out="):
            made(letters, tmp_path / "out", **given)
    letters.change("sentences_dev.jsonl", 1, {"speed": [1, 1, 1.1]})
    with pytest.raises(InputError, match="holds a corpus made with another recordings"):
        made(letters, tmp_path / "out")


def test_another_frame_rate_shows_the_same_time(letters: Any, tmp_path: Path) -> None:
    slow, fast = made(letters, tmp_path / "a"), made(letters, tmp_path / "b", frame_rate=50)
    for split in slow:
        for one, other in zip(slow[split], fast[split], strict=True):
            assert other["duration"] == pytest.approx(one["duration"], abs=0.04 * len(one["symbols"]))
            points = landmark_file.read(str(tmp_path / "b" / other["media"]), 50)
            assert len(points) == round(50 * other["duration"])
    recipe = letters.lines("sentences_train.jsonl")[1]
    letters.change("sentences_train.jsonl", 2, {"fps": 12.5})
    slower = made(letters, tmp_path / "c")["train"][1]
    assert slower["duration"] == pytest.approx(slow["train"][1]["duration"] + sum(recipe["transition"]) / 25)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"id": None}, "`id` is None: a file is to bear that name"),
        ({"id": "../../dev_1"}, r"`id` is '\.\./\.\./dev_1': a file is to bear that name"),
        ({"id": ""}, "`id` is ''"),
        ({"id": "dev_0"}, "dev_0: the id stands twice: leave one"),
        ({"glosses": None}, "dev_1: `glosses` is no list of letters"),
        ({"glosses": []}, "dev_1: `glosses` is no list"),
        ({"glosses": "CA"}, "dev_1: `glosses` is no list"),
        ({"glosses": [1, 2]}, "dev_1: `glosses` is no list"),
        ({"clips": ["bob_C"]}, "dev_1: `clips` has not 2 entries, each the id of a clip: restore"),
        ({"clips": 7}, "dev_1: `clips` has not 2 entries"),
        ({"clips": ["bob_C", "bob_Z"]}, r"dev_1: clip bob_Z is not in the folder's manifest\.jsonl"),
        ({"clips": ["bob_C", "eve_A"]}, "dev_1: clip eve_A shows eve, not the signer bob"),
        ({"signer": None}, "dev_1: clip bob_C shows bob, not the signer None"),
        ({"speed": [1, 0]}, r"dev_1: `speed` has not 2 entries, each a number, 0\.1 to 10"),
        ({"speed": [1, "1"]}, "dev_1: `speed` has not"),
        ({"trim": [[0.1, 0.9]]}, "dev_1: `trim` has not 2 entries"),
        ({"trim": [[0.1, 0.9], [0.9, 0.1]]}, r"dev_1: `trim` .* each \[from, to\], parts of a clip"),
        ({"trim": [[0.1, 0.9], [0.1, 1.1]]}, "dev_1: `trim` has not"),
        ({"trim": [[0.1, 0.9], 0.5]}, "dev_1: `trim` has not"),
        ({"transition": []}, "dev_1: `transition` has not 1 entries, each a number of frames"),
        ({"transition": [-1]}, "dev_1: `transition` has not"),
        ({"transition": [2.5]}, "dev_1: `transition` has not"),
        ({"fps": 0}, "dev_1: `fps` is 0: give frames a second"),
        ({"fps": "25"}, "dev_1: `fps` is '25'"),
    ],
)
def test_a_wrong_recipe_is_told_before_anything_is_written(
    letters: Any, tmp_path: Path, changes: dict[str, Any], words: str
) -> None:
    letters.change("sentences_dev.jsonl", 2, changes)
    with pytest.raises(InputError, match=rf"sentences_dev\.jsonl:2: {words}") as told:
        made(letters, tmp_path / "out")
    assert "\n" not in str(told.value)
    assert not (tmp_path / "out").exists()


def test_a_letter_alone_needs_no_transition(letters: Any, tmp_path: Path) -> None:
    alone = {"glosses": ["C"], "clips": ["bob_C"], "speed": [1], "trim": [[0, 1]], "transition": None}
    letters.change("sentences_dev.jsonl", 2, alone)
    assert made(letters, tmp_path / "out")["dev"][1]["symbols"] == ["C"]


def test_wrong_settings_are_told(letters: Any, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"corpus\.frame_rate is 0: give frames a second"):
        Fingerspelling(str(letters.path), frame_rate=0)
    with pytest.raises(InputError, match=r"no sentences_<name>\.jsonl in it: correct corpus\.folder"):
        Fingerspelling(str(tmp_path)).make(str(tmp_path / "out"))


def test_real_recipes_keep_words_and_signers_apart(recorded_letters: Path) -> None:
    recipes = {path.stem: lines_of(path) for path in recorded_letters.glob("sentences_*.jsonl")}
    clips = {line["id"]: line for line in lines_of(recorded_letters / "manifest.jsonl")}
    words = {name: {word for recipe in found for word in recipe["words"]} for name, found in recipes.items()}
    signers = {name: {recipe["signer"] for recipe in found} for name, found in recipes.items()}
    assert not words["sentences_train"] & (words["sentences_dev"] | words["sentences_dev_si"])
    assert signers["sentences_dev_si"] == {"ssp", "svk"}
    assert signers["sentences_dev_si"] < signers["sentences_train"]  # they have to be left out
    for recipe in (recipe for found in recipes.values() for recipe in found):
        assert "".join(recipe["words"]) == "".join(recipe["glosses"])
        assert [clips[name]["label"] for name in recipe["clips"]] == recipe["glosses"]


def test_real_sentences_are_as_long_as_their_recipes_say(recorded_letters: Path, tmp_path: Path) -> None:
    """Those of a signer who is left out and of one who is not, the first ten of each."""
    folder = tmp_path / "part"
    folder.mkdir()
    clips = {line["id"]: line for line in lines_of(recorded_letters / "manifest.jsonl")}
    chosen = {name: line for name, line in clips.items() if line["signer"] in {"ssp", "ase"}}
    (folder / "manifest.jsonl").write_text("".join(json.dumps(line) + "\n" for line in chosen.values()))
    for signer in ("ssp", "ase"):
        (folder / f"clips_{signer}.npz").symlink_to((recorded_letters / f"clips_{signer}.npz").resolve())
    recipes = {}
    for split in ("train", "dev_si"):
        of = {signer: [] for signer in ("ssp", "ase")}  # type: dict[str, list[dict[str, Any]]]
        for recipe in lines_of(recorded_letters / f"sentences_{split}.jsonl"):
            of.get(recipe["signer"], []).append(recipe)
        recipes |= {recipe["id"]: recipe for found in of.values() for recipe in found[:10]}
        kept = [recipe for found in of.values() for recipe in found[:10]]
        (folder / f"sentences_{split}.jsonl").write_text("".join(json.dumps(recipe) + "\n" for recipe in kept))
    paths = Fingerspelling(str(folder), ["ssp"]).make(str(tmp_path / "out"))
    found = {Path(path).stem: lines_of(path) for path in paths}
    assert {line["group"] for line in found["train"]} == {"ase"}
    assert {line["group"] for line in found["dev_si"]} == {"ssp"}
    assert sum(map(len, found.values())) == 20
    for line in (line for lines in found.values() for line in lines):
        assert round(line["duration"] * 25) == frames_of(recipes[line["id"]], clips)
        points = landmark_file.read(str(tmp_path / "out" / line["media"]), 25)
        assert len(points) == round(line["duration"] * 25)
        assert np.isfinite(Landmarks()(points).numpy()).all()


def test_a_mirror_makes_everybody_left_handed(letters: Any, tmp_path: Path) -> None:
    plain, left = (made(letters, tmp_path / str(number), mirrored=bool(number)) for number in range(2))
    assert plain == left
    for line in plain["dev"]:
        as_recorded, in_mirror = (landmark_file.read(str(tmp_path / name / line["media"]), 25.0) for name in "01")
        np.testing.assert_array_equal(in_mirror, mirrored(as_recorded))
