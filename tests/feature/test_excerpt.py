"""Excerpts are written and read back; what is none stays a file."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from project.feature.excerpt import join_excerpt, split_excerpt


@given(file=st.text(min_size=1), start=st.integers(0, 10**12 - 1), end=st.integers(0, 10**12 - 1))
def test_what_is_joined_is_split(file: str, start: int, end: int) -> None:
    assert split_excerpt(join_excerpt(file, start, end)) == (file, (start, end))


@pytest.mark.parametrize(
    "media",
    ["a.wav", "a#1.wav", "a.npy#4000", "a.npy#4000:", "a.npy#:5", "a.npy#-4:5", "a.npy#1:2:3", "#1:2", "a.npy#1:2 ",
     f"a.npy#0:{10**12}"],
)  # fmt: skip
def test_other_names_are_files(media: str) -> None:
    assert split_excerpt(media) == (media, None)


def test_the_last_of_several_marks_counts() -> None:
    assert split_excerpt("s3://b/a#1:2.npy#3:4") == ("s3://b/a#1:2.npy", (3, 4))
