"""How fast prefix beam search is: ours, and other libraries that Python can call, by turns on the same emissions."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from itertools import groupby
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray

from project.benchmark.table import Table
from project.contract import Emissions
from project.decode.beam import Beam
from project.decode.frames import Pruning
from project.text.alphabet import Alphabet

Kind = Literal["diffuse", "peaky"]
Floats = NDArray[np.float32]

CUTS: dict[Kind, float] = {"diffuse": 1e-4, "peaky": 1e-3}  # symbols less likely are left out, by all alike
_SCORES = 10_000_000  # in a batch: 40 MB, so that few utterances of a large alphabet are made
_MOST_TOKENS = 100  # symbols a frame that flashlight looks at
_MOST_BYTES = 1e9  # of memory for one utterance: a decoder that needs more is left out


@dataclass(frozen=True, slots=True)
class Peer:
    """Another decoder; only `decode` is timed."""

    prepare: Callable[[Floats], Floats]  # from the log-probabilities of an utterance to what it takes
    decode: Callable[[Floats], Any]
    ids: Callable[[Any], tuple[int, ...]]  # of what it gives
    num_bytes: float = 0  # of memory that an utterance takes, where it is much


class Beams:
    """A row for each kind of emissions, alphabet, beam and decoder, with how much faster ours is in each round."""

    def __init__(
        self,
        frames: int = 500,
        alphabets: Sequence[int] = (38, 1000),
        sizes: Sequence[int] = (3, 10, 50),
        rounds: int = 3,
        most: int = 512,
        turn_seconds: float = 0.3,
        seed: int = 0,
    ) -> None:
        self.frames = frames
        self.alphabets = alphabets
        self.sizes = sizes
        self.rounds = rounds
        self.most = most
        self.turn_seconds = turn_seconds
        self.seed = seed

    def run(self) -> Table:
        """All decoders in turns, one row each."""
        rows: list[tuple[Any, ...]] = []
        for kind in CUTS:
            for num_ids in self.alphabets:
                count = max(2, min(self.most, _SCORES // (self.frames * num_ids)))
                output = emissions(kind, count, self.frames, num_ids, self.seed)
                for size in self.sizes:
                    rows += self._rows(kind, output, size)
        columns = ("emissions", "alphabet", "beam", "decoder", "utterances/s", "ours, times", "min", "max", "same text")
        cuts = " and ".join(f"{cut:g} ({kind})" for kind, cut in CUTS.items())
        notes = (
            f"{self.frames} frames an utterance, {torch.get_num_threads()} thread(s), medians of {self.rounds} rounds",
            f"ours takes up to {self.most} utterances at once and gives spans and confidences; others take one by one",
            f"symbols below {cuts} are left out; by flashlight all but the likeliest {_MOST_TOKENS} instead",
            *(f"not installed: {name}" for name, module in PEERS.items() if not installed(module)),
        )
        return Table("Beam: prefix beam search beside other libraries", columns, tuple(rows), notes)

    def _rows(self, kind: Kind, output: Emissions, size: int) -> list[tuple[Any, ...]]:
        num_ids = output.log_probs_BTV.shape[2]
        ours = Beam(letters(num_ids), size, Pruning(CUTS[kind], 1 - CUTS[kind]))
        tokens = [hypothesis.tokens for hypothesis in ours(output)]
        kept = float((output.log_probs_BTV[0].exp() >= CUTS[kind]).sum())
        peers = {
            name: MAKERS[name](num_ids, size, CUTS[kind], kept) for name, module in PEERS.items() if installed(module)
        }
        large = {name: peer.num_bytes for name, peer in peers.items() if peer.num_bytes > _MOST_BYTES}
        peers = {name: peer for name, peer in peers.items() if name not in large}
        signals = [log_probs_TV.numpy() for log_probs_TV in output.log_probs_BTV]
        speeds: dict[str, list[float]] = {name: [] for name in ("scansion", *peers)}
        same = dict.fromkeys(speeds, 1.0)
        for _ in range(self.rounds):
            started = time.perf_counter()
            ours(output)
            speeds["scansion"].append(len(signals) / (time.perf_counter() - started))
            for name, peer in peers.items():
                speed, same[name] = self._turn(peer, signals, tokens)
                speeds[name].append(speed)
        rows: list[tuple[Any, ...]] = []
        for name, values in speeds.items():
            ratios = [mine / theirs for mine, theirs in zip(speeds["scansion"], values, strict=True)]
            figures = [f"{value:.2f}" for value in (statistics.median(ratios), min(ratios), max(ratios))]
            rows.append((kind, num_ids, size, name, f"{statistics.median(values):.1f}", *figures, f"{same[name]:.0%}"))
        for name, num_bytes in large.items():
            rows.append((kind, num_ids, size, name, f"would take {num_bytes / 1e9:.0f} GB", *[""] * 4))
        return rows

    def _turn(self, peer: Peer, signals: Sequence[Floats], tokens: Sequence[tuple[int, ...]]) -> tuple[float, float]:
        """Utterances a second, and in how many the answer is ours, of as many as fit in a turn's time."""
        seconds, equal, done = 0.0, 0, 0
        for log_probs_TV, expected in zip(signals, tokens, strict=True):
            signal = peer.prepare(log_probs_TV)
            started = time.perf_counter()
            found = peer.decode(signal)
            seconds += time.perf_counter() - started
            equal, done = equal + (peer.ids(found) == expected), done + 1
            if seconds > self.turn_seconds:
                break
        return done / seconds, equal / done


def emissions(kind: Kind, count: int, frames: int, num_ids: int, seed: int) -> Emissions:
    """Made-up emissions: an untrained model's, or a trained one's whose symbols are peaks of one or two frames.

    In peaky ones a symbol comes every five to fourteen frames, often with a weaker rival; between there is blank.
    """
    generator = torch.Generator().manual_seed(seed)
    scores_BTV = torch.randn(count, frames, num_ids, generator=generator)
    if kind == "diffuse":
        scores_BTV *= 2
    else:
        rng = np.random.default_rng(seed)
        scores_BTV[:, :, 0] += 12 + np.log(num_ids / 38)
        for scores_TV in scores_BTV:
            starts = np.cumsum(rng.integers(5, 15, frames // 5 + 1))
            for start in starts[starts < frames - 1].tolist():
                peak = slice(start, start + int(rng.integers(1, 3)))
                symbol, rival = rng.integers(1, num_ids, 2).tolist()
                scores_TV[peak, symbol] += rng.uniform(9, 15)
                scores_TV[peak, rival] += rng.uniform(0, 7)
                scores_TV[peak, 0] -= 3
    return Emissions(scores_BTV.log_softmax(dim=2), torch.full((count,), frames))


def letters(num_ids: int) -> Alphabet:
    """As many one-character symbols as there are ids beside the blank."""
    return Alphabet(tuple(chr(0x4E00 + number) for number in range(1, num_ids)))


def installed(module: str) -> bool:
    """Whether a module can be imported."""
    return find_spec(module.partition(".")[0]) is not None


def fast_ctc_decode(num_ids: int, size: int, cut: float, kept: float) -> Peer:
    """Its beam search, in Rust; it takes probabilities.

    Each text that it looks at has a table of all ids, and none is freed before the utterance's end.
    """
    search = import_module("fast_ctc_decode").beam_search
    names = ["-", *letters(num_ids).symbols]
    numbers = {name: number for number, name in enumerate(names)}
    return Peer(
        prepare=np.exp,
        decode=lambda probs_TV: search(probs_TV, names, beam_size=size, beam_cut_threshold=min(cut, 0.99 / num_ids)),
        ids=lambda found: tuple(numbers[name] for name in found[0]),
        num_bytes=4.0 * size * kept * num_ids,
    )


def flashlight(num_ids: int, size: int, cut: float, kept: float) -> Peer:
    """Its search without lexicon and language model, in C++, adding up alignments, which it does not by default."""
    library = import_module("flashlight.lib.text.decoder")
    options = library.LexiconFreeDecoderOptions(
        beam_size=size, beam_size_token=min(num_ids, _MOST_TOKENS), beam_threshold=-4 * np.log(cut), lm_weight=0,
        sil_score=0, log_add=True, criterion_type=library.CriterionType.CTC,
    )  # fmt: skip
    search = library.LexiconFreeDecoder(options, library.ZeroLM(), 0, 0, [])
    return Peer(
        prepare=np.ascontiguousarray,
        decode=lambda log_probs_TV: search.decode(log_probs_TV.ctypes.data, *log_probs_TV.shape)[0],
        ids=lambda found: tuple(token for token, _ in groupby(found.tokens) if token > 0),
    )


PEERS = {"fast-ctc-decode": "fast_ctc_decode", "flashlight-text": "flashlight.lib.text"}
MAKERS = {"fast-ctc-decode": fast_ctc_decode, "flashlight-text": flashlight}
