"""The reference is that of conf and the code as they are now; comments and types are read as a person reads them."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import pytest
import yaml

from project.build.bind import resolve
from project.build.compose import CONF, options
from project.contract import InputError
from project.reporting import reference
from project.reporting.commented import read
from project.reporting.parameters import Parameter, parameters_of
from project.run import flatten

ROOT = Path(__file__).resolve().parents[2]
COMMAND = "scansion report action=reference out=docs/reference.md"
TEXT = """\
# @package _global_
# What it is: all of it.
# And more of that.
# of the first key? No: of the file
first: 1
second: "a # b"   # beside
                  # and below
# Above the third.
third:            # a part
  _target_: project.model.envelope.Envelope
  inner: [1,      # two
          2]
  flow: {a: 1, b: [x, y]}
last: null
"""


def test_the_page_in_docs_is_what_conf_and_code_say() -> None:
    written = (ROOT / "docs" / "reference.md").read_text(encoding="utf-8")
    assert written == reference.page(), COMMAND


def test_every_choice_and_key_is_there() -> None:
    """Counted without the reader of comments: by composing nothing and parsing YAML."""
    page = reference.page()
    rows = re.findall(r"^\| `([^`]+)` \|", page, flags=re.M)
    groups = [entry.name for entry in CONF.iterdir() if entry.is_dir()]
    assert len(groups) >= 20
    for group in groups:
        assert f"\n## {group}\n" in page
        for name in options(group):
            folder, _, last = name.rpartition("/")
            heading = f"### {group}{'/' + folder if folder else ''}={last}\n"
            assert heading in page or (group in reference.LISTED and f"| `{name}` |" in page), heading
    for verb in reference.verbs_of_conf():
        for key in yaml.safe_load((CONF / f"{verb}.yaml").read_text(encoding="utf-8")):
            assert key in {"defaults", "hydra"} or key in rows, f"{verb}: {key}"
    for name in options("model"):
        content = yaml.safe_load((CONF / "model" / f"{name}.yaml").read_text(encoding="utf-8"))
        for key, value in flatten({key: value for key, value in content.items() if key != "defaults"}):
            assert "_target_" in key or "_partial_" in key or value is None or f"model.{key}" in rows, f"{name}: {key}"


def test_comments_are_read_as_people_read_them(tmp_path: Path) -> None:
    file = tmp_path / "choice.yaml"
    file.write_text(TEXT, encoding="utf-8")
    choice = read(file)
    assert choice.said == "What it is: all of it"
    assert choice.more == "And more of that. of the first key? No: of the file"
    found = {key.name: (key.default, key.comment) for key in choice.keys}
    assert found == {
        "first": ("1", ""),
        "second": ("a # b", "beside and below"),
        "third": ("", "Above the third. a part"),
        "third.inner": ("[1, 2]", ""),
        "third.flow": ("{a: 1, b: [x, y]}", ""),
        "last": ("null", ""),
    }
    assert next(key.target for key in choice.keys if key.name == "third") == "project.model.envelope.Envelope"


@pytest.mark.parametrize("group", ["model", "loss", "decode", "corpus", "feature"])
def test_signatures_are_those_of_the_classes(group: str) -> None:
    """What is read from the source is what Python says of the imported class, where it has a constructor of its own."""
    compared = 0
    for name in options(group):
        target = read(CONF / group / f"{name}.yaml").target
        parameters = parameters_of(target) if target else {}
        if target and parameters:
            names = [
                name
                for name, p in inspect.signature(resolve(target, group)).parameters.items()
                if p.kind != p.VAR_KEYWORD
            ]
            assert list(parameters) == names, target
            compared += 1
    assert compared >= 2


def test_types_in_words() -> None:
    assert Parameter("float | None", None).kind == "number or null"
    assert Parameter("Mapping[str, float]", None).kind == "mapping of numbers"
    assert Parameter("Sequence[Literal['a', 'b']]", None).kind == "list"
    assert Parameter("Literal['a', 'b'] | None", None).kind == "a or b or null"
    assert Parameter("Spread | None", None).kind == ""


def test_a_page_needs_a_name() -> None:
    with pytest.raises(InputError, match=r"out=reference\.md"):
        reference.act({"out": None})


def test_it_is_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = tmp_path / "new" / "reference.md"
    assert reference.act({"out": str(target)}) == 0
    assert capsys.readouterr().out.splitlines() == [str(target)]
    assert target.read_text(encoding="utf-8").startswith("---\ntocdepth: 2\n---\n# Configuration reference\n")
