from __future__ import annotations

import copy
import io
import re
from collections.abc import Callable, Iterator
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from rich.console import Console

from project import cli
from project.contract import InputError
from project.evaluation.comparison import compare
from project.evaluation.protocol import (
    ABSENT,
    Protocol,
    adapter_state,
    canonical,
    coverage,
    hash_code,
    hash_ids,
    sound_and_feature,
)
from project.evaluation.result import Report, load
from project.evaluation.table import markdown, terminal
from project.part import Adapted

OTHER: dict[str, Any] = {
    "num_examples": 7,
    "audio": {"kind": "filterbank"},
    "text": {"upper": 2},
    "decode": {"kind": "greedy"},
    "adapter": {"lora": {"active": False, "changes": True}},
    "feature": {"kind": "filterbank"},
}
WHOLE: dict[str, Any] = {  # every settings field filled as evaluations fill it: each leaf of it must make a difference
    "audio": {"sample_rate": 8000, "level": {"rms": 0.1}},
    "text": {"normalize": ["nfc@1", "upper@1"]},
    "decode": {"decode": "beam@2", "size": 10, "bonus": 0.5, "logit_bias": {"A": -1.5}, "pruning": {"symbols": None}},
    "adapter": {"lora": {"active": True, "changes": True}},
    "feature": {"feature": "envelope@1", "smooth_ms": 10, "band_hz": [250, 1250]},
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


# Comparing


def leaves(value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The paths of all leaves below a mapping, and of the mapping itself."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from leaves(item, (*path, key))
    else:
        yield path


def with_leaf(value: Any, path: tuple[str, ...], new: Any) -> Any:
    return {**value, path[0]: with_leaf(value[path[0]], path[1:], new)} if path else new


SETTINGS = [(name, path) for name, value in WHOLE.items() for path in leaves(value)]


def claiming(report: Report, protocol: Protocol) -> Report:
    """The same under another Protocol, also one that speaks of other examples, of which no Report could be made."""
    other = copy.copy(report)
    object.__setattr__(other, "protocol", protocol)
    object.__setattr__(other, "run", "other")
    return other


@pytest.mark.parametrize("name", [field.name for field in fields(Protocol)])
def test_runs_that_differ_in_any_field_are_refused(make: Callable[..., Report], name: str) -> None:
    """A new field is tested by itself: it needs no line here unless its values are no texts."""
    mine = make("mine", num_examples=10, **WHOLE)
    other = claiming(mine, replace(mine.protocol, **{name: OTHER.get(name, "other")}))
    with pytest.raises(InputError) as caught:
        compare([mine, other])
    assert re.search(rf"other differs from mine in {name}\b", str(caught.value))
    assert str(caught.value).endswith(f"or compare anyway with allow=[{name}]")
    assert {entry.field.split(".")[0] for entry in compare([mine, other], allow=[name]).allowed} == {name}
    with pytest.raises(InputError, match="were not evaluated alike"):
        compare([mine, other], allow=[one.name for one in fields(Protocol) if one.name != name])


@pytest.mark.parametrize(("name", "path"), SETTINGS, ids=[".".join((name, *path)) for name, path in SETTINGS])
@pytest.mark.parametrize("how", ["changed", "absent"])
def test_runs_that_differ_in_any_setting_are_refused(
    make: Callable[..., Report], tmp_path: Path, name: str, path: tuple[str, ...], how: str
) -> None:
    mine = make("mine", num_examples=10, **WHOLE)
    settings = with_leaf(WHOLE[name], path, "changed")
    if how == "absent":
        settings = without(WHOLE[name], path)
    there = make("other", num_examples=10, **{**WHOLE, name: settings}).save(tmp_path)
    other, full = load(there), ".".join((name, *path))
    with pytest.raises(InputError, match=rf"other differs from mine in {re.escape(full)} \("):
        compare([load(mine.save(tmp_path)), other])
    assert [entry.field for entry in compare([mine, other], allow=[full]).allowed] == [full]


def without(value: Any, path: tuple[str, ...]) -> Any:
    if len(path) == 1:
        return {key: item for key, item in value.items() if key != path[0]}
    return {**value, path[0]: without(value[path[0]], path[1:])}


def test_the_verb_refuses_and_what_was_allowed_stands_above_the_figures(
    make: Callable[..., Report], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Standard error, exit code; then terminal, Markdown and page."""
    runs = []
    for name, size in (("narrow", 1), ("wide", 10)):
        folder = tmp_path / "morse" / name
        report = make(f"morse/{name}", **{**WHOLE, "decode": {"decode": "beam@2", "size": size}})
        report.save(folder / "reports")
        (folder / "config.yaml").write_text(yaml.safe_dump({"name": name, "seed": 1}), encoding="utf-8")
        runs.append(folder)

    def ask(*words: str) -> tuple[object, str]:
        with pytest.raises(SystemExit) as stop:
            cli.main(["report", *map(str, runs), *words])
        return stop.value.code, " ".join(capsys.readouterr().err.split())

    code, err = ask()
    assert (code, err.count("scansion:")) == (2, 1)
    assert "morse/wide differs from morse/narrow in decode.size (1 against 10): evaluate them alike" in err
    assert not list(tmp_path.rglob("*.html"))
    code, err = ask("allow=[decode]", f"out={tmp_path}/page.html", f"markdown={tmp_path}/table.md")
    note = "Compared in spite of decode.size: 1, and 10 in morse/wide"
    assert code == 0
    assert note in err
    table, page = ((tmp_path / name).read_text(encoding="utf-8") for name in ("table.md", "page.html"))
    assert note.replace("_", "\\_") in table
    assert table.index(note) < table.index("| run |"), "above the figures"
    assert note in page
    assert page.index(note) < page.index("<table"), "above the figures"


def test_terminal_and_markdown_say_what_was_left_out(make: Callable[..., Report]) -> None:
    part = make("mine", num_examples=10, coverage="10 of 99, not for decisions")
    comparison = compare([part])
    console = Console(file=io.StringIO(), width=200)
    console.print(terminal(comparison))
    told = console.file.getvalue()  # type: ignore[attr-defined]
    for text in (told, markdown(comparison)):
        assert "Coverage 10 of 99, not for decisions" in text


# What fills the fields


def test_sound_and_feature_are_told_apart() -> None:
    settings = {"feature": "filterbank@1", "sample_rate": 16000, "level": {"rms": 0.1}, "bands": 80, "channels": "mean"}
    sound, feature = sound_and_feature(settings)
    assert sound == {"sample_rate": 16000, "level": {"rms": 0.1}, "channels": "mean"}
    assert feature == {"feature": "filterbank@1", "bands": 80}
    assert sound_and_feature({"feature": "bars@1"}) == ({}, {"feature": "bars@1"})


def test_adapters_are_asked() -> None:
    class Tuned:
        def adapter_state(self) -> dict[str, dict[str, Any]]:
            return {"a": {"active": True, "norm": 2.5}, "b": {"active": False, "norm": 0.0}}

    class Bare:
        def adapter_state(self) -> dict[str, dict[str, Any]]:
            return {}

    assert isinstance(Tuned(), Adapted)
    assert adapter_state(Tuned()) == {"a": {"active": True, "changes": True}, "b": {"active": False, "changes": False}}
    assert adapter_state(Bare()) == adapter_state(object()) == "none"


def test_code_has_a_version_of_its_own(tmp_path: Path) -> None:
    """Equal for equal sources, wherever they are and whatever else is there; else another."""
    for name in ("one", "two"):
        (tmp_path / name / "inner").mkdir(parents=True)
        (tmp_path / name / "inner" / "a.py").write_text("x = 1\n")
        (tmp_path / name / "b.py").write_text("")
    (tmp_path / "two" / "notes.md").write_text("not code")
    version = hash_code(tmp_path / "one")
    assert re.fullmatch("[0-9a-f]{12}", version)
    assert hash_code(tmp_path / "two") == version
    (tmp_path / "two" / "inner" / "a.py").write_text("x = 2\n")
    assert hash_code(tmp_path / "two") != version
    (tmp_path / "one" / "inner" / "a.py").rename(tmp_path / "one" / "inner" / "c.py")
    assert hash_code(tmp_path / "one") != version


def test_reports_from_before_the_feature_field_load(protocol: Protocol) -> None:
    older = protocol.to_mapping()
    del older["feature"]
    again = Protocol.from_mapping(older)
    assert again.feature == {}
    assert again.differences(replace(again, feature={"feature": "envelope@1"})) == [
        ("feature.feature", ABSENT, "envelope@1")
    ]
