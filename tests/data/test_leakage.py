"""What manifests share is found if it is there, and only then."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from project.contract import Example
from project.data.leakage import by_content, find_repeats, find_shared, part_seen

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
