"""What manifests share is found if it is there, and only then."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from project.data.leakage import by_content, find_repeats, find_shared

NAMES = st.lists(st.sampled_from(["a", "b", "c", "d", None]), max_size=8)


@given(train=NAMES, test=NAMES)
def test_shared_against_comparing_all_pairs(train: list[str | None], test: list[str | None]) -> None:
    (found,) = find_shared("text", {"train": train, "test": test})
    values = {a for a in train for b in test if a is not None and a == b}
    assert found.values == len(values)
    assert found.examples == (sum(a in values for a in train), sum(b in values for b in test))
    assert found.sample == tuple(sorted(values))
    assert found.checked is (any(train) and any(test))


def test_every_two_manifests_are_compared() -> None:
    found = find_shared("group", {"train": ["anna"], "dev": ["bert"], "test": ["anna"]})
    assert [(one.first, one.second, one.values) for one in found] == [
        ("train", "dev", 0),
        ("train", "test", 1),
        ("dev", "test", 0),
    ]


def test_repeats_name_the_most_frequent_first() -> None:
    repeats = find_repeats(["a", "b", "b", "c", "c", "c", None, None])
    assert (repeats.values, repeats.examples, repeats.sample) == (2, 5, ("c", "b"))


def test_media_of_equal_bytes_get_one_name(tmp_path: Path) -> None:
    for name, content in (("x.wav", b"1" * 50), ("y.wav", b"1" * 50), ("z.wav", b"2" * 50)):
        (tmp_path / name).write_bytes(content)
    x, y, z, missing = (str(tmp_path / name) for name in ("x.wav", "y.wav", "z.wav", "missing.wav"))
    assert by_content({"train": [y, z], "test": [x, missing]}) == {"train": [x, z], "test": [x, missing]}
