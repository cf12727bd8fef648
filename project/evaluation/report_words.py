"""A Report in few words: which part of the data it is about, and how it was decoded."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePath
from typing import Any


def decoder_of(protocol: Mapping[str, Any]) -> str:
    """The decoder that a Protocol names, without its version; empty where there is none.

    >>> decoder_of({"decode": {"decode": "beam@1", "size": 10}}), decoder_of({"decode": {}})
    ('beam', '')
    """
    decode = protocol.get("decode")
    named = (decode.get("decode") or decode.get("kind")) if isinstance(decode, Mapping) else None
    return named.partition("@")[0] if isinstance(named, str) else ""


def part_of(manifest: str | None, own: Mapping[str, Any]) -> str:
    """What a run calls a manifest, or the name of its file; `own` are the run's manifests by name.

    >>> part_of("data/a.jsonl", {"test": "data/a.jsonl"}), part_of("data/noisy.jsonl", {}), part_of(None, {})
    ('test', 'noisy', '')
    """
    if manifest is None:
        return ""
    return next((name for name, file in own.items() if file == manifest), PurePath(manifest).stem)
