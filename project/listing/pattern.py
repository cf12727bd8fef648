"""Which names are meant: a pattern with * and ?, or a part of the name."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase

WILD = set("*?[")


def fits(name: str, patterns: Sequence[str]) -> bool:
    """Whether a name fits one of the patterns; all do where there are none.

    >>> fits("morse/quick", ["quick"]), fits("morse/quick", ["bars/*", "*/quick"]), fits("morse/quick", ["*quic"])
    (True, True, False)
    """
    return not patterns or any(
        fnmatchcase(name, pattern) if WILD & set(pattern) else pattern in name for pattern in patterns
    )
