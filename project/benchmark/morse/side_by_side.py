"""Morse decoders side by side: the error of each in each condition, on the same recordings, and how fast it is."""

from __future__ import annotations

import json
import re
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from project.benchmark.morse.conditions import (
    CONDITIONS,
    OTHER_HZ,
    OTHER_LEVEL,
    OTHER_SPEED,
    TURNS,
    Condition,
    Recording,
    has_ebook2cw,
    make_recordings,
)
from project.benchmark.morse.fldigi import Fldigi
from project.benchmark.morse.ours import IN_BATCHES, Scansion
from project.benchmark.morse.peers import ONE_BY_ONE, Decoded, Decoder, MorseAudioDecoder, Multimon, Program
from project.benchmark.table import Table
from project.contract import InputError
from project.metric.edit import edit_counts

CER, CER_NO_SPACES, SPEED = "CER %", "CER % without spaces", "times real time"
_UNKNOWN = re.compile(r"<[^<> ]*>")


@dataclass(frozen=True, slots=True)
class Column:
    """A decoder and what it made of the first recordings of each condition."""

    name: str
    recordings: Sequence[Recording]
    decoded: Decoded

    def errors(self, condition: Condition, *, spaces: bool) -> float | str:
        """CER in percent over the condition's recordings."""
        pairs = zip(self.recordings, self.decoded.texts, strict=True)
        chosen = [(one.text, text) for one, text in pairs if one.condition == condition]
        return round(100 * cer(chosen, spaces=spaces), 2)

    def speed(self, way: str) -> float | str:
        """Seconds of sound for each CPU second; nothing where it is not used in this way."""
        seconds = self.decoded.seconds.get(way)
        return round(sum(one.seconds for one in self.recordings) / seconds, 1) if seconds else ""


class SideBySide:
    """Makes the recordings, hands them to every decoder that is there, and says why the others are not."""

    def __init__(
        self,
        run: str | None = None,
        num_files: int = 30,
        only: str = "",
        live_files: int = 0,
        python: str = ".venv/peers/bin/python",
        programs: Mapping[str, str] | None = None,
        keep: str | None = None,
        seed: int = 0,
    ) -> None:
        self.run_folder = run
        if num_files < 1:
            raise InputError(f"benchmark.num_files is {num_files}: give 1 or more")
        self.num_files = num_files
        self.live_files = live_files
        self.keep = keep
        self.seed = seed
        self.conditions = conditions_with(only)
        peers = {"morse2ascii": "morse2ascii {file}", **(programs or {})}
        self.peers: list[Decoder] = [
            Multimon(),
            Fldigi(live_files),
            MorseAudioDecoder(python),
            *(Program(name, command) for name, command in peers.items()),
        ]

    def run(self) -> Table:
        """Rows are conditions, once for each figure; columns are decoders."""
        if not self.run_folder:
            note = "not measured: name a run to put beside the others: scansion bench morse run=runs/morse/..."
            return Table("Morse decoders", ("figure", "recordings"), (), (note,))
        if self.keep is not None:
            folder = Path(self.keep)
            folder.mkdir(parents=True, exist_ok=True)
            return self._measure(folder)
        with tempfile.TemporaryDirectory() as temporary:
            return self._measure(Path(temporary))

    def _measure(self, folder: Path) -> Table:
        assert self.run_folder
        ours = Scansion(self.run_folder)
        tell(f"making {self.num_files} recordings of each of {len(self.conditions)} kinds")
        recordings = make_recordings(self.conditions, self.num_files, self.seed, folder)
        columns, absent = [], []
        for decoder in [ours, *self.peers]:
            reason = decoder.why_absent()
            if reason is not None:
                absent.append(f"{decoder.name}: skipped: {reason}")
                continue
            tell(f"decoding with {decoder.name}")
            own = first_of_each(recordings, decoder.most_files)
            columns.append(Column(decoder.name, own, decoder.decode(own)))
        if self.keep is not None:
            write_texts(folder / "decoded.jsonl", columns)
        return tabulate(self.conditions, columns, [*self._notes(columns), *absent])

    def _notes(self, columns: Sequence[Column]) -> list[str]:
        notes = [
            f"{self.num_files} recordings of each kind, 8 kHz, tone 500 to 900 Hz, texts of 26 to 43 symbols, seed "
            f"{self.seed}; SNR: carrier with the key down over noise in 2,500 Hz",
            "20/10 WPM: letters at 20 words a minute, with gaps so long that 10 come out",
            f"by turns: {TURNS} such texts of two operators; the second is {OTHER_SPEED} times as fast, {OTHER_HZ} Hz "
            f"higher and {OTHER_LEVEL} times as loud; who is told a pitch is told that of the first",
            "machine: keyed by scansion by the rule book; straight: by its model of a hand at a straight key",
            "CER: over 100 where more is written than was sent; <...> in what a decoder writes is one symbol",
            "times real time: seconds of sound for a CPU second of one core; without loading for scansion and "
            "morse-audio-decoder, with the start of a process for each recording for the others",
        ]
        for column in columns:
            notes += column.decoded.notes
            if len(column.recordings) < len(self.conditions) * self.num_files:
                count = len(column.recordings) // len(self.conditions)
                notes.append(f"{column.name}: the first {count} recordings of each kind only")
        return notes


def conditions_with(words: str) -> tuple[Condition, ...]:
    """The conditions whose names contain these words; all keyed by scansion where ebook2cw is not installed."""
    keyers = {} if has_ebook2cw() else {"ebook2cw": "machine"}
    every = [replace(one, keyer=keyers.get(one.keyer, one.keyer)) for one in CONDITIONS]
    chosen = tuple(dict.fromkeys(one for one in every if words in one.name))
    if not chosen:
        names = ", ".join(sorted({f"{one.keyer} {one.wpm} WPM" for one in every}))
        raise InputError(f"benchmark.only: no recordings are called {words!r}: choose from {names}")
    return chosen


def first_of_each(recordings: Sequence[Recording], count: int | None) -> list[Recording]:
    """At most so many recordings of each condition, in their order.

    >>> first_of_each([], 3)
    []
    """
    seen: dict[Condition, int] = {}
    chosen = []
    for recording in recordings:
        seen[recording.condition] = seen.get(recording.condition, 0) + 1
        if count is None or seen[recording.condition] <= count:
            chosen.append(recording)
    return chosen


def tidy(text: str) -> str:
    """What a decoder wrote as it is scored: capitals, single spaces, each <...> one symbol.

    multimon-ng and fldigi write marks they do not know, and prosigns, between angle brackets.

    >>> tidy(" cq <._____> de ")
    'CQ * DE'
    """
    return " ".join(_UNKNOWN.sub("*", text).upper().split())


def cer(pairs: Sequence[tuple[str, str]], *, spaces: bool = True) -> float:
    """Errors over symbols of the references, all texts together, with spaces or without.

    >>> cer([("CQ DE", "cqde"), ("TEST", "TEST")]), cer([("CQ DE", "cqde")], spaces=False)
    (0.1111111111111111, 0.0)
    """
    blank = " " if spaces else ""
    ready = [(reference.replace(" ", blank), tidy(text).replace(" ", blank)) for reference, text in pairs]
    counts = [edit_counts(reference=reference, hypothesis=text) for reference, text in ready]
    return sum(one.errors for one in counts) / sum(one.length for one in counts)


def tabulate(conditions: Sequence[Condition], columns: Sequence[Column], notes: Sequence[str]) -> Table:
    """The table of what was measured."""
    rows: list[tuple[Any, ...]] = []
    for figure, spaces in ((CER, True), (CER_NO_SPACES, False)):
        rows += [(figure, one.name, *(column.errors(one, spaces=spaces) for column in columns)) for one in conditions]
    rows += [(SPEED, way, *(column.speed(way) for column in columns)) for way in (ONE_BY_ONE, IN_BATCHES)]
    keyers = sorted({"ebook2cw" if one.keyer == "ebook2cw" else "scansion" for one in conditions})
    title = f"Morse decoders on the same recordings, keyed by {' and '.join(keyers)}"
    title += "" if has_ebook2cw() else " alone: ebook2cw is not installed"
    return Table(title, ("figure", "recordings", *(column.name for column in columns)), tuple(rows), tuple(notes))


def write_texts(file: Path, columns: Sequence[Column]) -> None:
    """What everybody wrote, a line a recording and decoder."""
    with file.open("w", encoding="utf-8") as output:
        for column in columns:
            for recording, text in zip(column.recordings, column.decoded.texts, strict=True):
                line = {
                    "decoder": column.name,
                    "file": recording.path.name,
                    "sent": recording.text,
                    "wrote": tidy(text),
                }
                output.write(json.dumps(line, ensure_ascii=False) + "\n")


def tell(what: str) -> None:
    """Where it stands: this takes minutes."""
    print(f"morse: {what}", file=sys.stderr)
