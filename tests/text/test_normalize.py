"""Normalizers: each does what its name says, once and for all."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from project.contract import InputError
from project.text.normalize import NORMALIZERS, find_normalizers, normalize


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("none", " Ab  c ", " Ab  c "),
        ("nfc", "e\u0301", "\u00e9"),
        ("upper", "straße", "STRASSE"),
        ("lower", "CQ", "cq"),
        ("squeeze_spaces", "\t CQ\n CQ ", "CQ CQ"),
        ("remove_spaces", " CQ  DE ", "CQDE"),
        ("strip_punctuation", "It’s 'so-so' (50 %); o'clock'", "It's so so 50  o'clock"),
        ("ascii_punctuation", "„Don’t” — «no»…", '"Don\'t" - "no"...'),
        ("fold_accents", "Çà, œuf, Ångström, Ǿ, Šiška, йод, 각", "Ca, oeuf, Angstrom, O, Siska, иод, 각"),
        (
            "morse_prosigns",
            "<ar> [BT] ^kn^ A\u0305S\u0305 <SK> <va> [KA] <SN> [hh] AR [5] <XY>",
            "+ = ( & <SK> <SK> <CT> <VE> <HH> AR [5] <XY>",
        ),
        ("spell_prosigns", "R <SK> <<BK>> <XY> < SK >", "R SK BK <XY> < SK >"),
    ],
)
def test_each_rewrites_as_named(name: str, text: str, expected: str) -> None:
    assert normalize(text, find_normalizers([name])) == expected


@settings(derandomize=True, max_examples=200, deadline=None)
@given(st.text(max_size=30) | st.text(st.sampled_from("<>[]^\u0305ASKSOø "), max_size=12))
def test_twice_is_once(text: str) -> None:
    for name in NORMALIZERS:
        steps = find_normalizers([name])
        once = normalize(text, steps)
        assert normalize(once, steps) == once, name


def test_order_matters_and_is_kept() -> None:
    assert [str(step) for step in find_normalizers(["upper", "nfc"])] == ["upper@1", "nfc@1"]


def test_an_unknown_name_is_refused_with_a_guess() -> None:
    with pytest.raises(InputError, match="did you mean 'squeeze_spaces'"):
        find_normalizers(["squeeze_space"])
    with pytest.raises(InputError, match="there are none, nfc"):
        find_normalizers(["xyz"])
    with pytest.raises(InputError, match=r"write \[upper\]"):
        find_normalizers("upper")
