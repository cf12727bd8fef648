"""Decoding while the signal comes: emissions go in piece by piece, symbols come out as soon as they are sure.

With a latency, memory does not grow with the recording. It knows no files and no model: whoever feeds it does.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Protocol

import numpy as np
from torch import Tensor

from project.contract import InputError
from project.decode.beam import Beam
from project.decode.beam_table import Beams
from project.decode.collapse import Collapse
from project.decode.frames import BLANK, Ints, LogProbs
from project.decode.greedy import Greedy
from project.decode.path import Symbols, ends_of, trace


@dataclass(frozen=True, slots=True)
class Committed:
    """A symbol that will not change any more."""

    token: int
    start: int  # frames since the beginning of the stream
    end: int
    confidence: float  # mean probability in its span


class Stream(Protocol):
    """A recording being decoded."""

    def feed(self, log_probs_TV: Tensor) -> list[Committed]:
        """Take some more frames of any number; what has become sure."""

    def finish(self) -> list[Committed]:
        """No more frames come: the rest."""


def stream(decoder: Greedy | Beam | Collapse, latency: int | None = None) -> Stream:
    """A stream that ends up with what the decoder gives for the whole recording, in symbols, spans and confidences.

    `latency`: a symbol is committed with the piece that brings the frame so many after its start, and what contradicts
    it is dropped; the result may differ where a still later frame would have changed it. None waits until no frame can
    change it: a beam search keeps alternatives of an early doubt for long, so give it a latency for long signals.
    """
    if latency is not None and latency < 1:
        raise InputError(f"latency: {latency} frames: give at least 1, or null to wait until all is sure")
    if isinstance(decoder, Collapse):
        raise InputError("decode=collapse: a stream tells a symbol before it can come again: use decode=beam or greedy")
    if isinstance(decoder, Greedy):
        return GreedyStream(latency, decoder.space)
    if decoder.paces:
        raise InputError("decode.pace: a stream has no whole texts to compare: set decode.pace.weight=0")
    return BeamStream(decoder, latency)


class GreedyStream:
    """The likeliest symbol of each frame; a run of one symbol is committed when it ends."""

    def __init__(self, latency: int | None = None, space: int | None = None) -> None:
        self._latency = latency
        self._space = space  # of which several in a row are one
        self._last = BLANK  # what was committed last
        self._frame = 0
        self._token = BLANK  # of the run that goes on
        self._start = 0
        self._sum = 0.0
        self._told = True  # whether the run is committed already

    def feed(self, log_probs_TV: Tensor) -> list[Committed]:
        """Take some more frames; the runs that ended in them."""
        best_T, path_T = log_probs_TV.detach().float().cpu().max(dim=1)
        found: list[Committed] = []
        for token, prob in zip(path_T.tolist(), best_T.double().exp().tolist(), strict=True):
            if token != self._token:
                found += self._close()
                self._token, self._start, self._sum, self._told = token, self._frame, 0.0, token == BLANK
            self._sum += prob
            self._frame += 1
            if self._latency is not None and self._frame - self._start >= self._latency:
                found += self._close()
        return found

    def finish(self) -> list[Committed]:
        """The run that was going on."""
        return self._close()

    def _close(self) -> list[Committed]:
        if self._told:
            return []
        self._told = True
        is_again = self._token == self._last == self._space
        self._last = self._token
        if is_again:
            return []
        sure = min(self._sum / (self._frame - self._start), 1.0)
        return [Committed(self._token, self._start, self._frame, sure)]


Pending = list[tuple[int, int]]  # symbols of one beam that are not committed yet, each with its first frame


class BeamStream:
    """A beam search; a symbol is committed when all beams have it, in the same frame, and its end is known too."""

    def __init__(self, decoder: Beam, latency: int | None = None) -> None:
        self._decoder = decoder
        self._latency = latency
        self._search = decoder.search(1)
        self._pending: list[Pending] = [[] for _ in range(decoder.size)]
        self._frame = 0  # frames fed so far
        self._kept_TV: LogProbs = np.zeros((0, decoder.num_ids), np.float32)  # those that are still to be looked at
        self._kept_from = 0  # the frame in which these begin

    def feed(self, log_probs_TV: Tensor) -> list[Committed]:
        """Take some more frames; what has become sure with them."""
        piece_TV = np.ascontiguousarray(log_probs_TV.detach().float().cpu().numpy())
        frames = self._decoder.frames(piece_TV[None], np.array([len(piece_TV)]))
        self._search.advance(frames, piece_TV.reshape(-1))
        self._extend(frames.frame_AB[:, 0] + self._frame)
        self._frame += len(piece_TV)
        self._kept_TV = np.concatenate([self._kept_TV, piece_TV])
        count = self._agreed()
        found = self._commit(count, self._pending[0])
        if self._latency is not None:
            found += self._force(self._frame - self._latency)
        self._forget()
        return found

    def finish(self) -> list[Committed]:
        """What the best beam says of the rest."""
        best = int(np.argmax(self._decoder.final_scores(self._search)[0]))
        return self._commit(len(self._pending[best]), self._pending[best])

    def _extend(self, frame_A: Ints) -> None:
        """Read the steps of a piece into what is pending, and forget them."""
        size = self._decoder.size
        grown_ABM, origin_BM = trace(self._search.steps, np.arange(size)[None])
        pending: list[Pending] = [[] for _ in range(size)]
        for slot in self._live():
            steps = np.flatnonzero(grown_ABM[:, 0, slot])
            new = zip(grown_ABM[steps, 0, slot].tolist(), frame_A[steps].tolist(), strict=True)
            pending[slot] = [*self._pending[origin_BM[0, slot]], *new]
        self._pending = pending
        self._search.steps.clear()

    def _live(self) -> list[int]:
        beams = self._search.beams
        return np.flatnonzero((beams.blank_LN + beams.symbol_LN)[0] > 0).tolist()

    def _agreed(self) -> int:
        """How many pending symbols all beams have in common, frames included, whose ends no frame can change."""
        live = [self._pending[slot] for slot in self._live()]
        count = min(map(len, live))
        while any(one[:count] != live[0][:count] for one in live):
            count -= 1
        if count:
            end = self._blank_after(*live[0][count - 1])
            nexts = [one[count][1] for one in live if len(one) > count]
            count -= end >= min([self._frame + 1, *nexts])
        return count

    def _blank_after(self, token: int, start: int) -> int:
        """The first frame after a symbol's start in which blank is likelier; beyond all frames if none was so far."""
        after_TV = self._kept_TV[start + 1 - self._kept_from :]
        blank = np.flatnonzero(~(after_TV[:, token] > after_TV[:, BLANK]))
        return start + 1 + int(blank[0]) if len(blank) else self._frame + 1

    def _force(self, before: int) -> list[Committed]:
        """Commit what the best beam began before a frame, and drop the beams that say otherwise of that time."""
        count = sum(start < before for _, start in self._pending[0])
        said = [token for token, _ in self._pending[0][:count]]
        live = []
        for slot in self._live():
            pending = self._pending[slot]
            agrees = [token for token, _ in pending[:count]] == said
            if agrees and all(start >= before for _, start in pending[count:]):
                live.append(slot)
        if len(live) < len(self._live()):
            self._drop_others(live)
        nexts = [pending[count][1] for pending in self._pending if len(pending) > count]
        return self._commit(count, self._pending[0][:count], min([self._frame, *nexts]))

    def _drop_others(self, live: list[int]) -> None:
        """Keep some beams. The dropped ones go behind them: beams stand in order, dead ones last."""
        dead = [slot for slot in range(self._decoder.size) if slot not in live]
        order = [*live, *dead]
        beams = self._search.beams
        moved = Beams(*(getattr(beams, one.name)[:, order] for one in fields(Beams)))
        alive = np.arange(len(order)) < len(live)
        self._search.beams = replace(
            moved,
            blank_LN=moved.blank_LN * alive,
            symbol_LN=moved.symbol_LN * alive,
            parent_LN=moved.parent_LN * alive,
        )
        self._pending = [self._pending[slot] if slot in live else [] for slot in order]

    def _commit(self, count: int, pending: Pending, limit: int | None = None) -> list[Committed]:
        """Take the first pending symbols out of all beams, those of one of them with their spans up to a frame."""
        if not count:
            return []
        tokens, starts = (np.array(column, np.int64) for column in zip(*pending, strict=True))
        symbols = Symbols(np.zeros(len(tokens), np.int64), starts - self._kept_from, tokens)
        limit_B = np.array([(self._frame if limit is None else limit) - self._kept_from])
        ends_S, sure_S = ends_of(symbols, self._kept_TV[None], limit_B)
        found = [
            Committed(token, start, end + self._kept_from, sure)
            for (token, start), end, sure in zip(
                pending[:count], ends_S[:count].tolist(), sure_S[:count].tolist(), strict=True
            )
        ]
        self._pending = [one[count:] for one in self._pending]
        return found

    def _forget(self) -> None:
        """Keep the emissions from the first pending symbol on."""
        first = min([self._frame, *(pending[0][1] for pending in self._pending if pending)])
        self._kept_TV = self._kept_TV[first - self._kept_from :].copy()
        self._kept_from = first
