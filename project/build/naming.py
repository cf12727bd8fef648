"""Which run an experiment is: its folder, by the signature of what it differs in from the defaults."""

from __future__ import annotations

from collections.abc import Sequence

from project.build.budgets import settle_budgets
from project.build.compose import compose
from project.build.strategy import settle_precision
from project.build.text_case import settle_case
from project.contract import Config, InputError
from project.run import Run, find, flatten, is_below, signature

# What a resumed run may change beside what its signature ignores: how far it goes.
EXTENDABLE = ("trainer.max_epochs", "trainer.max_steps")


def named(config: Config, words: Sequence[str]) -> tuple[Run, Config]:
    """The run of a configuration, whether it exists already or not, and the configuration with its last words said."""
    if config["resume"]:
        return continued(config, words)
    config = settle_budgets(settle_precision(settle_case(config)))
    sign = signature(config, compose("train"), config["signature_ignores"])
    return find(config["runs"], config["family"], config["name"], sign), config


def continued(config: Config, words: Sequence[str]) -> tuple[Run, Config]:
    """An existing run with its own configuration, and what may change in it from the command line."""
    run = Run.open(config["resume"])
    if not run.last.exists():
        raise InputError(f"resume={run.folder}: it has no checkpoint yet: start it again without resume=")
    stored = run.config()
    composed = dict(flatten(config))
    for word in words:
        key = word.lstrip("+~").partition("=")[0]
        if key == "resume":
            continue
        key = "trainer.max_epochs" if key == "epochs" else key
        if not is_below(key, [*config["signature_ignores"], *EXTENDABLE, "trainer", "logger", "callbacks"]):
            raise InputError(f"{key}: a resumed run stays the same experiment: start a new run to change {key}")
        for name, value in composed.items():
            if is_below(name, [key]):
                _set(stored, name, value)
    unknown_then = {key: value for key, value in config.items() if key not in stored}
    return run, unknown_then | stored | {"resume": config["resume"], "threads": config["threads"]}


def _set(config: Config, dotted: str, value: object) -> None:
    *parents, last = dotted.split(".")
    node = config
    for parent in parents:
        node = node.setdefault(parent, {})
    node[last] = value
