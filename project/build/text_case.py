"""Settles, before a run has a name, what `text.case=auto` comes to for its training texts."""

from __future__ import annotations

import sys
from itertools import islice

from project.contract import Config

MOST = 20_000  # texts that are looked at


def settle_case(config: Config) -> Config:
    """The configuration with its case decided, told on standard error; as it is where there is nothing to decide."""
    from project.data.manifest import Manifest
    from project.text.subwords import settled_case

    text, pattern = config["text"], config["data"]["manifest"].get("train")
    if text.get("case") != "auto" or pattern in (None, "???"):
        return config
    case, part = settled_case(example.text for example in islice(Manifest.open(pattern), MOST) if example.text)
    print(f"text     {part:.0%} of the letters in training texts are capitals: text.case={case}", file=sys.stderr)
    return config | {"text": {**text, "case": case}}
