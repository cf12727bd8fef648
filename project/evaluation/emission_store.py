"""What a recognizer said of each frame of each example, kept beside its Report: `emissions.npz`.

    log_probs   float16 (sum of T, V): all examples one after the other, in the Report's order
    lengths     int64 (N,): frames of each
    ids         text (N,)
    alphabet    text: alphabet.json of the recognizer, and `alphabet_hash` of it
    frame_rate  output frames a second (or a unit of length): all frames over all lengths
    weights     text: the hash of the checkpoint that they come from, as the Report has it

Half precision errs by a thousandth of a log-probability at most: whoever reads them makes them distributions again.
"""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp

from project import atomic
from project.contract import InputError
from project.evaluation.result import Report
from project.text.alphabet import Alphabet

FILE = "emissions.npz"
LogProbs: TypeAlias = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class EmissionStore:
    """Emissions of many examples by id."""

    ids: tuple[str, ...]
    halves_NV: NDArray[np.float16]  # all frames of all examples
    lengths: NDArray[np.int64]
    alphabet: Alphabet
    frame_rate: float
    weights: str = ""

    def examples(self, alphabet: Alphabet | None = None) -> dict[str, LogProbs]:
        """(T, V) log-probabilities of each example; with `alphabet` their columns stand in its order."""
        columns = None if alphabet is None else columns_of(self.alphabet, alphabet)
        whole_NV = self.halves_NV.astype(np.float32)
        whole_NV -= logsumexp(whole_NV, axis=1, keepdims=True) if len(whole_NV) else 0
        if columns is not None:
            whole_NV = whole_NV[:, columns]
        parts = np.split(whole_NV, np.cumsum(self.lengths)[:-1])
        return dict(zip(self.ids, parts, strict=True))


def make_store(
    kept: Mapping[str, NDArray[np.float16]], seconds: Mapping[str, float], alphabet: Alphabet, weights: str
) -> EmissionStore:
    """A store of emissions by id; `seconds` say how long each example is, and in which order they stand."""
    parts = [kept[name] for name in seconds]
    lengths = np.array([len(part) for part in parts], np.int64)
    rate = float(lengths.sum() / sum(seconds.values()))
    return EmissionStore(tuple(seconds), np.concatenate(parts), lengths, alphabet, rate, weights)


def keep(folder: Path, report: Report, kept: Mapping[str, NDArray[np.float16]], alphabet: Alphabet) -> Path:
    """What was said in the evaluation that a Report is about, written into the Report's folder."""
    seconds = {row.id: row.length for row in report.rows}
    return write(folder, make_store(kept, seconds, alphabet, str(report.info["weights"])))


def write(folder: Path, store: EmissionStore) -> Path:
    """The file in a Report's folder, there whole or not at all."""
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / FILE
    with atomic.writing(target) as file:
        np.savez(
            file,
            log_probs=store.halves_NV,
            lengths=store.lengths,
            ids=np.array(store.ids, np.str_),
            alphabet=np.array(store.alphabet.to_json()),
            alphabet_hash=np.array(store.alphabet.hash),
            frame_rate=np.array(store.frame_rate),
            weights=np.array(store.weights),
        )
    return target


def read(folder: Path, report: Report, remedy: str) -> EmissionStore:
    """The emissions beside a Report; `remedy` is what to do where they are missing, unreadable or of other weights."""
    file = folder / FILE
    if not file.is_file():
        raise InputError(f"{folder}: no emissions beside this report: {remedy}")
    try:
        with file.open("rb") as stream, np.load(stream, allow_pickle=False) as found:
            alphabet = Alphabet.from_json(str(found["alphabet"]))
            ids = tuple(found["ids"].tolist())
            numbers = found["log_probs"], found["lengths"]
            store = EmissionStore(ids, *numbers, alphabet, float(found["frame_rate"]), str(found["weights"]))
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise InputError(f"{file}: not readable ({' '.join(str(error).split())}): {remedy}") from error
    if store.weights != str(report.info.get("weights", "")):
        raise InputError(f"{file}: from other weights than the report beside it: {remedy}")
    if store.ids != tuple(row.id for row in report.rows) or alphabet.hash != report.protocol.alphabet_hash:
        raise InputError(f"{file}: of other examples or another alphabet than the report beside it: {remedy}")
    return store


def columns_of(theirs: Alphabet, ours: Alphabet) -> list[int]:
    """In which of their columns each of our symbols stands, the blank first; refused where symbols differ.

    >>> columns_of(Alphabet(("B", "A")), Alphabet(("A", "B")))
    [0, 2, 1]
    """
    if differing := sorted(set(theirs.symbols) ^ set(ours.symbols)):
        raise InputError(
            f"these runs write other symbols: only one of them knows {' '.join(differing[:8])}"
            f"{' ...' if len(differing) > 8 else ''}: fuse runs of one alphabet"
        )
    if theirs.separator != ours.separator:
        raise InputError("these runs set symbols apart in other ways: fuse runs of one alphabet")
    place = {symbol: number for number, symbol in enumerate(theirs.symbols, start=1)}
    return [Alphabet.blank, *(place[symbol] for symbol in ours.symbols)]
