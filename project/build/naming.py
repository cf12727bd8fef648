"""Which run an experiment is: its folder, by the signature of what it differs in from the defaults."""

from __future__ import annotations

from project.build.budgets import settle_budgets
from project.build.compose import Config, compose
from project.build.strategy import settle_precision
from project.build.text_case import settle_case
from project.run import Run, find, signature


def named(config: Config) -> tuple[Run, Config]:
    """The run of a configuration, whether it exists already or not, and the configuration with its last words said."""
    if config["resume"]:
        return Run.open(config["resume"]), config
    config = settle_budgets(settle_precision(settle_case(config)))
    sign = signature(config, compose("train"), config["signature_ignores"])
    return find(config["runs"], config["family"], config["name"], sign), config
