"""Further columns of predictions.csv, which Reports of single families have: of spans, and of how phones were said.

    inside, threshold    of spans: the probability of lying in a span, frame by frame, with four decimals, and from
                         which one on a frame counts as inside

    phones               what should have been said
    gop_aligned          goodness of pronunciation of each phone, two kinds of it (decode/gop.py), empty where it was
    gop_free             not reckoned
    log_prob             of the phones, divided by their number
    phone_scores         people's, of each phone; empty where nobody judged them
    scores               people's, of the utterance: accuracy=8 fluency=9
    gop_thresholds       chosen on dev, by kind of goodness and by score: free<1=-2.5
    gop_calibration      phone score = first + second * gop_free; empty where it was not learned

Lists are apart by spaces; what is said of phones has six significant digits, natural logarithms throughout.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence

from project.contract import Assessment, Track

COLUMNS: Mapping[str, tuple[str, ...]] = {  # in their order, behind the score
    "track": ("inside", "threshold"),
    "assessment": (
        "phones", "gop_aligned", "gop_free", "log_prob", "phone_scores", "scores", "gop_thresholds", "gop_calibration",
    ),
}  # fmt: skip
Parts = tuple[str, ...]


def parts_of(rows: Iterable[tuple[Track | None, Assessment | None]]) -> Parts:
    """Which of the parts any row has."""
    found = {part for row in rows for part, value in zip(COLUMNS, row, strict=True) if value is not None}
    return tuple(part for part in COLUMNS if part in found)


def parts_in(head: Sequence[str]) -> Parts:
    """Which of the parts a table has, by its head.

    >>> parts_in(["id", "score", "inside", "threshold"]), parts_in(["id", "score"])
    (('track',), ())
    """
    found: list[str] = []
    end = len(head)
    for part in reversed(list(COLUMNS)):
        names = COLUMNS[part]
        if tuple(head[end - len(names) : end]) == names:
            found.insert(0, part)
            end -= len(names)
    return tuple(found)


def head(parts: Parts) -> list[str]:
    """The names of their columns."""
    return [name for part in parts for name in COLUMNS[part]]


def cells(parts: Parts, track: Track | None, assessment: Assessment | None) -> list[str]:
    """A row's texts in these columns; none of it where it lacks a part."""
    texts: list[str] = []
    for part in parts:
        if part == "track":
            texts += ["", ""] if track is None else _track_texts(track)
        else:
            texts += [""] * len(COLUMNS[part]) if assessment is None else _assessment_texts(assessment)
    return texts


def read(parts: Parts, texts: Sequence[str]) -> tuple[Track | None, Assessment | None]:
    """What `cells` wrote."""
    named = dict(zip(head(parts), texts, strict=True))
    track = Track(_numbers(named["inside"]), float(named["threshold"])) if named.get("threshold") else None
    return track, _assessment(named) if named.get("log_prob") else None


def problems(name: str, track: Track | None, assessment: Assessment | None) -> Iterator[str]:
    """What is wrong with them, in an example's name."""
    if track is not None and not all(map(math.isfinite, (*track.inside, track.threshold))):
        yield f"{name}: what is said of its frames is no number: the model has diverged, train with a smaller lr"
    if assessment is not None and not all(
        map(math.isfinite, (*assessment.aligned, *assessment.free, assessment.log_prob, *assessment.calibration))
    ):
        yield f"{name}: what is said of its phones is no number: the model has diverged, train with a smaller lr"


def _track_texts(track: Track) -> list[str]:
    return [" ".join(f"{value:.4f}" for value in track.inside), repr(track.threshold)]


def _assessment_texts(found: Assessment) -> list[str]:
    lists = [" ".join(map(_text, values)) for values in (found.aligned, found.free, found.phone_scores)]
    named = [
        " ".join(f"{name}={_text(value)}" for name, value in one.items()) for one in (found.scores, found.thresholds)
    ]
    line = " ".join(map(_text, found.calibration)) if any(found.calibration) else ""
    return [" ".join(found.phones), *lists[:2], _text(found.log_prob), lists[2], *named, line]


def _assessment(texts: Mapping[str, str]) -> Assessment:
    first, second = _numbers(texts["gop_calibration"]) or (0.0, 0.0)
    return Assessment(
        phones=tuple(texts["phones"].split()),
        aligned=_numbers(texts["gop_aligned"]),
        free=_numbers(texts["gop_free"]),
        log_prob=float(texts["log_prob"]),
        phone_scores=_numbers(texts["phone_scores"]),
        scores=_named(texts["scores"]),
        thresholds=_named(texts["gop_thresholds"]),
        calibration=(first, second),
    )


def _named(text: str) -> dict[str, float]:
    pairs = (pair.rpartition("=") for pair in text.split())
    return {name: float(value) for name, _, value in pairs}


def _numbers(text: str) -> tuple[float, ...]:
    return tuple(map(float, text.split()))


def _text(value: float) -> str:
    return str(int(value)) if value == int(value) else f"{value:.6g}"
