"""What a search may choose from, as users write it: Hydra's words for the values of a sweep.

    interval(a,b)  log(a,b)  int(interval(a,b))  int(log(a,b))  range(a,b[,step])  choice(a,b,c)  a,b,c

log(a,b) stands for Hydra's tag(log,interval(a,b)). As in Hydra, range leaves its end out and an interval holds it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import yaml

from project.build.compose import CONF
from project.contract import InputError
from project.run import flatten, is_below
from project.search.space import Axis, Choice, Interval

FORMS = "write interval(a,b), log(a,b), int(interval(a,b)), range(a,b) or choice(a,b,c)"

# What makes the figures of two points incomparable, or their difference chance, and what to do instead.
FIXED = {
    "seed": "a search would choose luck: use -m seed=1,2,3",
    "data.manifest.dev": "figures of other data are no better or worse: leave it",
    "text": "figures of other references are no better or worse: leave it",
    "metric": "figures that are counted otherwise are no better or worse: leave it",
    "callbacks.checkpoint": "it decides what a point is judged by: leave it",
    "search": "a search does not choose itself: leave it",
}


def spaced(node: Mapping[str, Any] | None, monitor: str) -> dict[str, Axis]:
    """The axes of search.space: key -> text, nested or dotted."""
    texts = {key: str(text) for key, text in flatten(node or {}) if text not in (None, {})}
    for key in texts:
        for fixed, reason in FIXED.items():
            if is_below(key.replace("/", "."), [fixed]):
                raise InputError(f"search.space: {key}: {reason}")
        if monitor.endswith("/loss") and is_below(key.replace("/", "."), ["loss", "weighting"]):
            raise InputError(
                f"search.space: {key}: losses of other weights or terms cannot be compared: set "
                "callbacks.checkpoint.monitor to a figure of a metric, such as dev/cer"
            )
    return {key: axis_of(key, text) for key, text in texts.items()}


def axis_of(key: str, text: str) -> Axis:
    """One axis.

    >>> axis_of("optimizer.lr", "log(1e-5,1e-2)")
    Interval(low=1e-05, high=0.01, log=True, whole=False, step=None)
    >>> axis_of("model.blocks", "range(1,4)")
    Interval(low=1, high=3, log=False, whole=True, step=1)
    """
    from hydra.errors import HydraException

    word = f"{key}={text}"
    try:
        override = _parser().parse_overrides([word])[0]
    except HydraException as error:
        raise InputError(f"search.space: {word}: cannot be read: {FORMS}") from error
    if not override.is_sweep_override():
        raise InputError(f"search.space: {word}: is one value: {FORMS}")
    try:
        return _axis(override)
    except InputError as error:
        raise InputError(f"search.space: {word}: {error}") from error


def moved(words: Sequence[str]) -> list[str]:
    """A command line with the words that name several values put into search.space, where a search is asked for.

    >>> moved(["experiment=morse/quick", "optimizer.lr=log(1e-5,1e-2)", "search=tpe"])
    ['experiment=morse/quick', 'search=tpe', "++search.space={optimizer.lr: 'log(1e-5,1e-2)'}"]
    >>> moved(["-m", "optimizer.lr=0.1,0.2"])
    ['-m', 'optimizer.lr=0.1,0.2']
    """
    if not asks(words):
        return list(words)
    grids = [word for word in words if word.startswith("sweep=") and _is_grid(word.removeprefix("sweep="))]
    if grids or {"-m", "--multirun"} & set(words):
        raise InputError(
            "search: -m tries all values of a sweep, a search chooses among them: leave out one of the two"
        )
    from hydra.core.override_parser.types import Quote, QuotedString

    several = [word for word in words if _names_several(word)]
    if not several:
        return list(words)
    pairs = [(word.lstrip("+").partition("=")[0], word.partition("=")[2]) for word in several]
    space = ", ".join(f"{key}: {QuotedString(text, Quote.single).with_quotes()}" for key, text in pairs)
    return [*(word for word in words if word not in several), f"++search.space={{{space}}}"]


def asks(words: Sequence[str]) -> bool:
    """Whether a command line asks for a search, by itself or through a file of conf/sweep."""
    said = dict(word.partition("=")[::2] for word in words)
    if {"search", "~search"} & said.keys():
        return "search" in said
    return searches(said.get("sweep", ""))


def searches(sweep: str) -> bool:
    """Whether a file of conf/sweep is of a search."""
    defaults = _sweep_file(sweep).get("defaults", [])
    return any(isinstance(entry, dict) and entry.get("override /search") for entry in defaults)


def _is_grid(sweep: str) -> bool:
    return bool(_sweep_file(sweep).get("hydra", {}).get("mode") == "MULTIRUN")


def _sweep_file(sweep: str) -> dict[str, Any]:
    file = CONF / "sweep" / f"{sweep}.yaml"
    return (yaml.safe_load(file.read_text(encoding="utf-8")) or {}) if sweep and file.is_file() else {}


def _names_several(word: str) -> bool:
    """Whether a word is an override with several values; what cannot be read is Hydra's to complain of."""
    from hydra.errors import HydraException

    if "=" not in word or word.startswith(("-", "hydra.")):
        return False
    try:
        return bool(_parser().parse_overrides([word])[0].is_sweep_override())
    except HydraException:
        return False


def _parser() -> Any:
    """Hydra's, with log(a,b)."""
    from hydra.core.override_parser.overrides_parser import OverridesParser, create_functions
    from hydra.core.override_parser.types import IntervalSweep

    def log(low, high):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202 - Hydra would read annotations as types
        return IntervalSweep(start=float(low), end=float(high), tags={"log"})

    log.__annotations__ = {"low": int | float, "high": int | float}
    functions = create_functions()
    functions.register("log", log)
    return OverridesParser(functions)


def _axis(override: Any) -> Axis:
    """From what Hydra's parser says."""
    sweep = override.value()
    unknown = set(getattr(sweep, "tags", ())) - {"log"}
    if unknown:
        raise InputError(f"tag {', '.join(sorted(unknown))} means nothing here: the only one is log")
    is_log = "log" in getattr(sweep, "tags", ())
    if override.is_interval_sweep():
        whole = isinstance(sweep.start, int) and isinstance(sweep.end, int)
        return Interval(sweep.start, sweep.end, log=is_log, whole=whole)
    if is_log:
        raise InputError("only an interval has a logarithm: use log(a,b)")
    if override.is_range_sweep():
        return _range(sweep.start, sweep.stop, sweep.step)
    return Choice(tuple(override.sweep_string_iterator()))


def _range(start: float, stop: float, step: float) -> Interval:
    """Python's range, for other numbers too: without its end."""
    first, end, stride = (Decimal(str(number)) for number in (start, stop, step))
    if stride == 0:
        raise InputError("a step of 0 leads nowhere: give another")
    count = max(0, -int((first - end) // stride) if (end - first) % stride == 0 else int((end - first) / stride) + 1)
    if count < 2:
        raise InputError("holds no two values: as in Python, the second number is not among them")
    low, high = sorted((first, first + (count - 1) * stride))
    if all(isinstance(number, int) for number in (start, stop, step)):
        return Interval(int(low), int(high), whole=True, step=int(abs(stride)))
    return Interval(float(low), float(high), step=float(abs(stride)))
