"""What may be asked of an evaluation: a run is scored as it was trained, so that little may differ."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from project.build.bind import fits, is_object
from project.contract import Config, InputError

CHANGEABLE = "a run is evaluated as it was trained: only data.manifest, decode, precision and device may differ"
CHOICES = {
    "uncovered": ("refuse", "count"),
    "device": ("auto", "cpu", "gpu"),
    "emissions": (None, "cache"),
    "adapters": (None, "disabled"),
}
VALUES: Mapping[str, tuple[Any, float]] = {  # annotation and least value of numbers
    "devices": (int, 1),
    "max_samples": (int | None, 1),
    "print_samples": (int, 0),
    "resamples": (int, 1),
    "threads": (int, 1),
    "workers": (int, 0),
}


def check_request(config: Config) -> None:
    """Refuse what `evaluate` has no business to change, and values it cannot use."""
    for key in config["data"].keys() - {"manifest"}:
        raise InputError(f"data.{key}: {CHANGEABLE}: leave it out")
    if config["decode"] is not None and not is_object(config["decode"]):
        raise InputError("decode: it names no decoder: write decode=beam decode.size=10")
    for key, choices in CHOICES.items():
        if config[key] not in choices:
            raise InputError(f"{key}={config[key]}: choose from {', '.join(one or 'null' for one in choices)}")
    for key, (hint, least) in VALUES.items():
        value = config[key]
        if not fits(value, hint) or (value is not None and value < least):
            raise InputError(f"{key}: {value!r} is no whole number from {least} on: give one")
