from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any

import pytest

from project.contract import InputError
from project.evaluation.protocol import ABSENT, Protocol, canonical, coverage, hash_ids
from project.evaluation.result import Report

OTHER = {
    "num_examples": 7,
    "audio": {"kind": "filterbank"},
    "text": {"upper": 2},
    "decode": {"kind": "greedy"},
    "adapter": {"name": "lora", "active": True},
}


@pytest.fixture
def protocol(make: Callable[..., Report]) -> Protocol:
    return make("a", num_examples=10).protocol


@pytest.mark.parametrize("name", [field.name for field in fields(Protocol)])
def test_every_field_makes_a_difference(protocol: Protocol, name: str) -> None:
    other = replace(protocol, **{name: OTHER.get(name, "other")})
    assert other != protocol
    assert other.hash != protocol.hash
    found = protocol.differences(other)
    assert found
    assert {field.split(".")[0] for field, _, _ in found} == {name}
    assert protocol.differences(protocol) == []


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"decode": {"kind": "beam", "size": 1, "logit_bias": {}}}, [("decode.size", 10, 1)]),
        ({"decode": {"kind": "beam", "logit_bias": {}}}, [("decode.size", 10, ABSENT)]),
        (
            {"decode": {"kind": "beam", "size": 10, "logit_bias": {"<s>": float("-inf")}}},
            [("decode.logit_bias.<s>", ABSENT, "-inf")],
        ),
        (
            {"adapter": {"names": ["lora"], "delta_norm": 0.5}},
            [("adapter", "none", {"names": ["lora"], "delta_norm": 0.5})],
        ),
        ({"decode": {"kind": "beam", "size": True, "logit_bias": {}}}, [("decode.size", 10, True)]),
    ],
)
def test_differences_name_the_key(protocol: Protocol, changes: dict[str, Any], expected: list[Any]) -> None:
    assert protocol.differences(replace(protocol, **changes)) == expected


def test_one_is_not_true(protocol: Protocol) -> None:
    one, yes = (replace(protocol, decode={"merge": value}) for value in (1, True))
    assert one != yes
    assert one.differences(yes) == [("decode.merge", 1, True)]


def test_spelling_of_settings_does_not_matter(protocol: Protocol) -> None:
    same = replace(protocol, decode={"logit_bias": {}, "size": 10.0, "kind": "beam"}, audio=dict(protocol.audio))
    assert same == protocol
    assert same.hash == protocol.hash
    assert hash(same) == hash(protocol)


def test_round_trip(protocol: Protocol) -> None:
    hard = replace(
        protocol, audio={"ratio": 1 / 3, "bands": (1.0, 2.5)}, text={"größe": None}, adapter={"a": {"b": []}}
    )
    again = Protocol.from_json(hard.to_json())
    assert again == hard
    assert again.to_json() == hard.to_json()
    assert 8 <= len(hard.hash) <= 16
    assert int(hard.hash, 16) >= 0


def test_settings_are_copied(protocol: Protocol) -> None:
    settings = {"size": 3}
    mine = replace(protocol, decode=settings)
    settings["size"] = 4
    assert mine.decode == {"size": 3}


def test_unknown_and_missing_fields_are_refused(protocol: Protocol) -> None:
    mapping = protocol.to_mapping()
    with pytest.raises(InputError, match="unknown nonsense"):
        Protocol.from_mapping({**mapping, "nonsense": 1})
    del mapping["decode"]
    with pytest.raises(InputError, match="lacks decode"):
        Protocol.from_mapping(mapping)


def test_settings_that_are_no_data_are_named() -> None:
    with pytest.raises(TypeError, match=r"decode\.fst is a object"):
        canonical({"fst": object()}, "decode")


def test_coverage_and_order() -> None:
    assert coverage(5, 5) == "full"
    assert coverage(200, 6300) == "200 of 6300, not for decisions"
    for scored, listed in ((0, 5), (6, 5)):
        with pytest.raises(InputError, match="every example counts once"):
            coverage(scored, listed)
    assert hash_ids(["a", "b"]) != hash_ids(["b", "a"])
    assert hash_ids(["a", "b"]) == hash_ids(iter(["a", "b"]))
    assert hash_ids(["a,b"]) != hash_ids(["a", "b"])
