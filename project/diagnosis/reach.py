"""References that a decoder's settings cannot write: errors that no recognizer could avoid."""

from __future__ import annotations

from collections.abc import Iterator

from project.contract import Finding
from project.diagnosis.evidence import Evidence

OUT_OF_REACH, ALL = "count/unreachable", "count/references"


class Unreachable:
    """Longer than generation may be, or with a repetition that is forbidden."""

    def __init__(self, most: float = 0.0) -> None:
        self.most = most

    def __call__(self, evidence: Evidence) -> Iterator[Finding]:
        part = (evidence.last(OUT_OF_REACH) or 0.0) / (evidence.last(ALL) or 1.0)
        if part > self.most:
            yield Finding(
                "",
                "",
                f"{part:.1%} of the references cannot be written under the decoder's settings, whatever is heard",
                "Set decode.no_repeat=0, and raise decode.tokens_per_second and decode.extra_tokens; or look for texts "
                "that are much too long for their sound: scansion prepare validate",
                {"unreachable": part},
            )
