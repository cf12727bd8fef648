"""Targets that stand elsewhere now than where runs and packages were told that they stand, and settings that are gone.

Applied where a stored configuration is read, so that all that looks at it sees one name. It does not know who reads.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

MOVED = {
    "project.data.flat.data_module": "project.data.module.data_module",
    "project.data.module.Batching": "project.data.batching.Batching",
    "project.decode.fusion.Language": "project.decode.language.Language",
    "project.decode.fusion.Lexicon": "project.decode.language.Lexicon",
}
GONE: Mapping[str, Mapping[str, Any]] = {  # settings that are constants now, and are left out where they say so
    "project.model.paced_envelope.PacedEnvelopeEncoder": {"kernel": 5, "stride": 2, "dropout": 0.0},
}
FIRST = {new: old for old, new in MOVED.items()}  # by which signatures are taken: a move makes no experiment a new one


def renamed(node: Any, names: Mapping[str, str] = MOVED) -> Any:
    """The same configuration with today's names, or those of another table.

    >>> renamed({"batching": {"_target_": "project.data.module.Batching", "max_batch_size": 4}, "augment": []})
    {'batching': {'_target_': 'project.data.batching.Batching', 'max_batch_size': 4}, 'augment': []}
    """
    if isinstance(node, Mapping):
        gone = GONE.get(str(node.get("_target_")), {})
        return {
            key: names.get(value, value) if key == "_target_" and isinstance(value, str) else renamed(value, names)
            for key, value in node.items()
            if key not in gone or value != gone[key]
        }
    return [renamed(value, names) for value in node] if isinstance(node, list) else node
