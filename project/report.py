"""scansion report: what can be said of evaluated runs, each way of asking a file of its own in project/reporting."""

from __future__ import annotations

import sys

from project.build.app import app
from project.contract import Config, InputError
from project.reporting import adapter, compare, dashboard, fusion, gap, reference, regression, status, sweep, zoo

ACTIONS = {
    "compare": compare.act,
    "gap": gap.act,
    "fusion": fusion.act,
    "regression": regression.act,
    "adapter": adapter.act,
    "status": status.act,
    "sweep": sweep.act,
    "dashboard": dashboard.act,
    "zoo": zoo.act,
    "reference": reference.act,
}


def report(config: Config, words: list[str]) -> int:
    """Do what is asked for; the page's path is the last line on standard output."""
    name = config["action"]["name"]
    if name not in ACTIONS:
        raise InputError(f"action={name}: no such way to report: choose from {', '.join(ACTIONS)}")
    return ACTIONS[name](config | {"sweep": config["sweep"]["name"]})


def spelled(word: str) -> str:
    """A word as Hydra takes it: of `action=gap` it would think that conf/action is meant, which is of prepare.

    >>> spelled("action=gap"), spelled("sweep=lr-1a2b3c"), spelled("out=a.html")
    ('action.name=gap', 'sweep.name=lr-1a2b3c', 'out=a.html')
    """
    key, equals, value = word.partition("=")
    return f"{key}.name={value}" if equals and key in ("action", "sweep") else word


def main() -> None:
    """The verb."""
    sys.argv[1:] = map(spelled, sys.argv[1:])
    app("report", report)()


if __name__ == "__main__":
    main()
