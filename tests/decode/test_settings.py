"""What identifies a decoder in a Protocol: nothing that changes hypotheses is missing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from project.build.bind import make
from project.build.compose import CONF, compose
from project.run import flatten
from project.text.alphabet import Alphabet
from project.text.ngram import count
from project.text.vocabulary import numbered


@pytest.mark.parametrize("name", sorted(file.stem for file in (CONF / "decode").glob("*.yaml")))
def test_whatever_changes_hypotheses_is_among_the_decoders_settings(name: str, tmp_path: Path) -> None:
    """Each number in the decoder's YAML changed, its parts given something to do: the settings change with it."""
    alphabet = Alphabet(tuple("AB "))
    count([[0, 1], [1, 2, 0]], alphabet.symbols, order=2).save(tmp_path / "lm.json")
    node = compose("train", [f"decode={name}"])["decode"]
    known_symbols = numbered(16) if name.startswith("generate") else alphabet
    busy = {
        "language": {"path": str(tmp_path / "lm.json")},
        "lexicon": {"words": ["AB"]},
        "pace": {"weight": 0.5, "units": {"A": 1.0, "B": 2.0, " ": 3.0}},
    }
    for part, values in busy.items():
        if part in node:
            node[part] |= values
    settings = dict(make(node, "decode", alphabet=known_symbols).settings)
    changed_leaves = 0
    for key, value in flatten(node):
        if key.endswith(("nbest", "_target_")):  # further answers, beside the one that is scored
            continue
        if key == "length_penalty" and node["beams"] == 1:  # one text alone has nothing to be compared with
            continue
        other = json.loads(json.dumps(node))
        *parents, last = key.split(".")
        place = other
        for parent in parents:
            place = place[parent]
        place[last] = something_else(key, value, tmp_path)
        assert dict(make(other, "decode", alphabet=known_symbols).settings) != settings, key
        changed_leaves += 1
    known = {"greedy": 0, "beam": 5, "beam_lm": 14, "collapse": 5, "spans": 3, "single_span": 5, "pointers": 4}
    known |= {"generate": 4, "generate_beam": 5}
    assert changed_leaves == known.get(name, changed_leaves)


def something_else(key: str, value: Any, folder: Path) -> Any:
    if key.endswith("path"):
        count([[0, 1], [2]], ("A", "B", " "), order=2).save(folder / "other.json")
        return str(folder / "other.json")
    if isinstance(value, bool):
        return not value
    if key == "threshold":
        return 0.75
    if isinstance(value, list):
        return [*value, "A"]
    return 3 if value is None else value + (0.25 if isinstance(value, float) else 1)
