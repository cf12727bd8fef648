"""What manifests share is found if it is there, and only then."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from project.contract import Example
from project.data.leakage import by_content, find_overlap, find_repeats, find_shared, part_seen

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


EXAMPLES = st.lists(
    st.builds(
        Example,
        id=st.sampled_from(["1", "2", "3", "4", "5"]),
        media=st.sampled_from(["x.wav", "y.wav", "z.wav"]),
        length=st.just(1.0),
        text=st.sampled_from(["hi", "ho", None]),
        group=st.sampled_from(["anna", "bert", "carl", None]),
    ),
    max_size=6,
)


@given(training=EXAMPLES, scored=EXAMPLES)
def test_the_part_seen_against_sets(training: list[Example], scored: list[Example]) -> None:
    found = part_seen(training, scored)
    for kind in ("id", "group", "text", "media"):
        known = {getattr(one, kind) for one in training if getattr(one, kind) is not None}
        asked = [getattr(one, kind) for one in scored]
        if known and any(one is not None for one in asked):
            assert found[kind] == sum(one in known for one in asked) / len(scored)
        else:
            assert kind not in found, "nothing is said where one of them names none"


def test_seen_in_training_by_hand() -> None:
    training = [Example("a", "a.wav", 1.0, "CQ", group="anna"), Example("b", "b.wav", 1.0, group="bert")]
    scored = [
        Example("a", "c.wav", 1.0, "CQ", group="carl"),
        Example("c", "b.wav", 1.0, "TEST", group="bert"),
        Example("d", "d.wav", 1.0, "CQ"),
        Example("e", "e.wav", 1.0),
    ]
    assert part_seen(training, scored) == {"id": 0.25, "group": 0.25, "text": 0.5, "media": 0.25}
    assert part_seen(training, training) == {"id": 1.0, "group": 1.0, "text": 0.5, "media": 1.0}
    assert part_seen(training, []) == part_seen([], scored) == {}


def windows(*media: str) -> list[Example]:
    return [Example(f"{number}", medium, 10.0) for number, medium in enumerate(media)]


def test_windows_that_overlap_have_been_seen() -> None:
    training = windows("/s/a.npy#0:100", "/s/a.npy#50:150", "/s/b.npy#0:100")
    scored = windows("/s/a.npy#149:160", "/s/a.npy#150:160", "file:///s/a.npy#10:20", "/s/c.npy#0:100", "a.wav")
    found = part_seen(training, scored)
    assert (found["overlap"], found["overlap_rows"], found["media"]) == (0.4, 11.0, 0.0)
    assert "overlap" not in part_seen(windows("a.wav", "a#b:c.wav"), scored), "training has no excerpt"
    assert "overlap" not in part_seen(training, windows("a.wav"))
    assert part_seen(training, training)["overlap"] == 1.0
    assert part_seen(training, windows("/s/a.npy#200:300"))["overlap"] == 0.0


def test_shared_rows_of_each_two_manifests() -> None:
    media = {
        "train": ["/s/a.npy#0:100", "/s/a.npy#90:190", "/s/b.npy#0:100"],
        "dev": ["/s/a.npy#180:280", "/s/b.npy#40:50", "/s/b.npy#99:120"],
        "test": ["a.wav"],
    }
    train_dev, train_test, dev_test = find_overlap(media)
    assert (train_dev.kind, train_dev.values, train_dev.examples) == ("overlap", 21, (2, 3))
    assert train_dev.sample == ("/s/a.npy#180:190", "/s/b.npy#40:50", "/s/b.npy#99:100")
    assert [one.checked for one in (train_dev, train_test, dev_test)] == [True, False, False]
    assert find_overlap({"train": ["a.wav"], "dev": ["a.wav"]}) == [], "manifests without excerpts need no word of them"


@pytest.mark.parametrize("link", [True, False])
def test_a_copy_of_a_series_is_the_series(tmp_path: Path, link: bool) -> None:
    np.save(tmp_path / "a.npy", np.zeros((300, 6)))
    if link:
        (tmp_path / "b.npy").symlink_to(tmp_path / "a.npy")
    else:
        (tmp_path / "b.npy").write_bytes((tmp_path / "a.npy").read_bytes())
    media = {"train": [f"{tmp_path}/a.npy#0:100"], "test": [f"{tmp_path}/b.npy#60:160"]}
    assert find_overlap(media)[0].values == (40 if link else 0), "a link leads to the same place; a copy must be read"
    assert find_overlap(media, by_content=True)[0].values == 40
