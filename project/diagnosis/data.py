"""What can be wrong with the data before anything is learned: too little of it, or seen before."""

from __future__ import annotations

from collections.abc import Iterator

from project.contract import Finding
from project.diagnosis.evidence import Evidence

KINDS = ("id", "media", "group", "text")  # names; of excerpts also whether they overlap


class LittleData:
    """So few examples that nothing can be learned from them, or decided by them."""

    def __init__(self, train: int = 50, dev: int = 30) -> None:
        self.train = train
        self.dev = dev

    def __call__(self, evidence: Evidence) -> Iterator[Finding]:
        for part, least, what in (
            ("train", self.train, "learn from"),
            ("dev", self.dev, "judge by"),
            ("scored", self.dev, "judge by"),
        ):
            count = evidence.last(f"data/{part}_examples")
            if count is not None and count < least:
                yield Finding(
                    "", part, f"There are only {count:.0f} examples to {what}",
                    "Is the manifest the right one, and whole, and max_samples not set? scansion prepare describe "
                    "shows it, scansion prepare power says what it can decide",
                    {"examples": count},
                )  # fmt: skip


class Leakage:
    """What is scored was seen in training: the same recordings, people or texts, or parts of the same windows."""

    def __init__(
        self, id: float = 0.0, media: float = 0.0, group: float = 0.0, text: float = 0.2, overlap: float = 0.0
    ) -> None:
        self.most = {"id": id, "media": media, "group": group, "text": text}
        self.overlap = overlap

    def __call__(self, evidence: Evidence) -> Iterator[Finding]:
        for kind in KINDS:
            part = evidence.last(f"leakage/{kind}")
            if part is not None and part > self.most[kind]:
                yield Finding(
                    "", kind, f"The {kind} of {part:.1%} of the examples scored is in the training manifest too",
                    "Split again so that no group is divided: scansion prepare split; where texts repeat by design "
                    "(commands), raise callbacks.diagnosis.checks.leakage.text",
                    {"part": part},
                )  # fmt: skip
        part = evidence.last("leakage/overlap")
        if part is not None and part > self.overlap:
            rows = evidence.last("leakage/overlap_rows") or 0.0
            yield Finding(
                "", "overlap", f"{part:.1%} of the windows scored overlap windows of training: both hold the same "
                f"{rows:,.0f} bars or frames",
                "Split again by group, a group being a block of time or an instrument, or by time with an embargo: "
                "scansion prepare split; scansion prepare validate names the windows",
                {"part": part, "rows": rows},
            )  # fmt: skip
