"""scansion prepare: everything that happens to data before training."""

from __future__ import annotations

from project.build.app import app
from project.build.bind import check, make
from project.contract import Config


def prepare(config: Config, words: list[str]) -> int:
    """Build the action that was asked for and do it."""
    check(config["action"], "action")
    return int(make(config["action"], "action").run())


main = app("prepare", prepare)

if __name__ == "__main__":
    main()
