"""Spelling: normalizers, then an alphabet."""

from __future__ import annotations

from pathlib import Path

import pytest

from project.contract import InputError
from project.text.alphabet import Alphabet
from project.text.spelling import Spelling


def test_text_is_normalized_then_encoded() -> None:
    spelling = Spelling("AB ", normalize=["upper", "squeeze_spaces"])
    assert spelling.normalize("  a  b") == "A B"
    assert spelling.encode("  a  b") == [1, 3, 2]
    assert spelling.decode(spelling.encode("  a  b")) == "A B"
    assert spelling.uncovered("a?") == ["?"]
    with pytest.raises(InputError, match=r"'\?'"):
        spelling.encode("a?")


def test_symbols_are_characters_a_list_or_a_file(tmp_path: Path) -> None:
    Alphabet(("A", "<AR>")).save(tmp_path / "alphabet.json")
    assert Spelling("AB").alphabet.symbols == ("A", "B")
    assert Spelling(["A", "<AR>"]).alphabet == Spelling(str(tmp_path / "alphabet.json")).alphabet
    with pytest.raises(InputError, match=r"leave text\.separator out"):
        Spelling(str(tmp_path / "alphabet.json"), separator=" ")


def test_settings_name_all_that_changes_a_reference() -> None:
    settings = Spelling("AB", normalize=["upper"]).settings
    assert settings == {"alphabet": Alphabet(("A", "B")).hash, "normalize": ["upper@1"]}
