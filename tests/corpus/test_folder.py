"""The folder of a corpus, whatever the corpus."""

from __future__ import annotations

from pathlib import Path

import pytest

from project.contract import InputError
from project.corpus.folder import Folder, remove

SETTINGS = {"corpus": "toy@1", "size": 2}


def folder(path: Path, **changes: int) -> Folder:
    return Folder(str(path), SETTINGS | changes, ["train.jsonl", "test.jsonl"], "audio")


def test_it_is_finished_once_all_manifests_are_there(tmp_path: Path) -> None:
    assert not folder(tmp_path / "a").begin()
    assert not folder(tmp_path / "a").begin()
    paths = folder(tmp_path / "a").finish({"train.jsonl": [{"id": 1}], "test.jsonl": []})
    assert folder(tmp_path / "a").begin()
    assert Path(paths[0]).read_text() == '{"id":1}\n'
    Path(paths[1]).unlink()
    assert not folder(tmp_path / "a").begin()


def test_what_it_did_not_make_is_not_touched(tmp_path: Path) -> None:
    mine = tmp_path / "test.jsonl"
    mine.write_text("mine")
    with pytest.raises(InputError, match=r"test.jsonl: is there already"):
        folder(tmp_path).begin()
    with pytest.raises(InputError, match="is a file"):
        folder(mine).begin()
    remove(str(tmp_path))
    assert mine.read_text() == "mine"


def test_removing_leaves_strangers(tmp_path: Path) -> None:
    made = folder(tmp_path)
    made.begin()
    made.finish({"train.jsonl": [], "test.jsonl": []})
    (tmp_path / "audio").mkdir()
    (tmp_path / "audio" / "a.flac").touch()
    (tmp_path / "notes.jsonl").touch()
    remove(str(tmp_path))
    assert [file.name for file in tmp_path.iterdir()] == ["notes.jsonl"]


@pytest.mark.parametrize("card", ["", "[]", '{"settings": {}}', '{"settings": {}, "contents": ["../a"]}'])
def test_a_strange_card_is_refused(tmp_path: Path, card: str) -> None:
    (tmp_path / "corpus.json").write_text(card)
    with pytest.raises(InputError, match=r"corpus.json: is not the card"):
        folder(tmp_path).begin()
    with pytest.raises(InputError, match=r"corpus.json: is not the card"):
        remove(str(tmp_path))
