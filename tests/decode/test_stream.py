"""Decoding piece by piece: in the end the same as of the whole."""

from __future__ import annotations

import itertools
import math
from typing import Any

import pytest
import torch

from project.contract import Emissions, Hypothesis, InputError
from project.decode.beam import Beam
from project.decode.frames import Pruning
from project.decode.greedy import Greedy
from project.decode.language import Lexicon
from project.decode.pace import Pace
from project.decode.stream import BeamStream, Committed, stream
from project.text.alphabet import Alphabet

LETTERS = Alphabet(tuple("ABCDE "))
IDS = len(LETTERS)
DECODERS = {
    "greedy": Greedy(LETTERS),
    "beam": Beam(LETTERS, 6),
    "wide beam, all frames": Beam(LETTERS, 25, Pruning(symbol=0, blank=2)),
    "beam of one": Beam(LETTERS, 1),
    "beam and words": Beam(LETTERS, 8, lexicon=Lexicon(["AB", "CAB"], bonus=2.0)),
}


def streamed(decoder: Any, output: Emissions, sizes: list[int], latency: int | None = None) -> list[list[Committed]]:
    """What each piece gave, the sizes taken in turn, and the rest."""
    (log_probs_TV,) = output.log_probs_BTV
    one = stream(decoder, latency)
    found, frame, turn = [], 0, 0
    while frame < len(log_probs_TV):
        size = sizes[turn % len(sizes)]
        found.append(one.feed(log_probs_TV[frame : frame + size]))
        frame, turn = frame + size, turn + 1
    return [*found, one.finish()]


def assert_same(pieces: list[list[Committed]], expected: Hypothesis) -> None:
    found = [symbol for piece in pieces for symbol in piece]
    assert tuple(one.token for one in found) == expected.tokens
    assert tuple((one.start, one.end) for one in found) == expected.spans
    assert [one.confidence for one in found] == pytest.approx(expected.confidences, abs=1e-9)


@pytest.mark.parametrize("decoder", DECODERS.values(), ids=DECODERS)
@pytest.mark.parametrize("sizes", [[1], [7, 0, 30, 2], [1000]], ids=str)
@pytest.mark.parametrize(("sharpness", "blank"), [(1.0, 0.0), (3.0, 6.0), (4.0, 12.0)])
def test_it_ends_with_what_the_whole_gives(
    emissions: Any, decoder: Any, sizes: list[int], sharpness: float, blank: float
) -> None:
    output = emissions(150, ids=IDS, sharpness=sharpness, blank=blank, seed=len(sizes))
    assert_same(streamed(decoder, output, sizes), decoder(output)[0])


def plain(text: str, every: int = 9) -> Emissions:
    """Peaks with silence between."""
    path = [token for letter in LETTERS.encode(text) for token in (letter, letter, *[0] * (every - 2))]
    scores_TV = torch.randn(len(path), IDS, generator=torch.Generator().manual_seed(0))
    scores_TV[torch.arange(len(path)), torch.tensor(path)] += 9.0
    return Emissions(scores_TV.log_softmax(dim=1)[None], torch.tensor([len(path)]))


@pytest.mark.parametrize(("name", "latency"), [("greedy", None), ("beam", 30)])
def test_symbols_come_while_it_runs(name: str, latency: int | None) -> None:
    output = plain("ABBA CAB" * 20)
    pieces = streamed(DECODERS[name], output, [9], latency)
    assert sum(map(len, pieces[:-10])) > 145, "not all at the end"
    assert_same(pieces, DECODERS[name](output)[0])


@pytest.mark.parametrize("name", ["greedy", "beam", "beam and words"])
@pytest.mark.parametrize("latency", [1, 12, 40])
def test_latency_is_kept(emissions: Any, name: str, latency: int) -> None:
    output = emissions(300, ids=IDS, sharpness=1.0, blank=1.0)
    one, frame = stream(DECODERS[name], latency), 0
    found: list[Committed] = []
    for start in range(0, 300, 5):
        piece = one.feed(output.log_probs_BTV[0, start : start + 5])
        frame = start + 5
        assert all(symbol.start + latency + 5 >= frame - latency for symbol in piece)
        found += piece
        if isinstance(one, BeamStream):
            assert all(start >= frame - latency for pending in one._pending for _, start in pending)
    found += one.finish()
    assert len(found) > 20
    assert all(before.end <= after.start for before, after in itertools.pairwise(found))
    assert all({before.token, after.token} != {LETTERS.space} for before, after in itertools.pairwise(found))
    assert all(0 < symbol.confidence <= 1 for symbol in found)


def test_a_latency_longer_than_all_doubt_changes_nothing() -> None:
    output = plain("ABBA CAB EDDA" * 5)
    for decoder in (DECODERS["greedy"], DECODERS["beam"]):
        assert_same(streamed(decoder, output, [10], latency=100), decoder(output)[0])


def test_memory_does_not_grow(emissions: Any) -> None:
    """Neither over a long recording nor over a long silence."""
    one = stream(Beam(LETTERS, 10), latency=50)
    assert isinstance(one, BeamStream)
    silence = torch.full((1, IDS), -12.0)
    silence[:, 0] = math.log(1 - (IDS - 1) * math.exp(-12))
    for seed in range(60):
        piece_TV = silence.expand(100, -1) if seed > 40 else emissions(100, ids=IDS, seed=seed).log_probs_BTV[0]
        one.feed(piece_TV)
        assert len(one._kept_TV) <= 50
        assert not one._search.steps
        assert sum(map(len, one._pending)) <= 10 * 51


def test_what_cannot_be_streamed_is_said() -> None:
    units = dict.fromkeys("ABCDE ", 4.0)
    with pytest.raises(InputError, match="a stream has no whole texts to compare"):
        stream(Beam(LETTERS, pace=Pace(1.0, units)))
    with pytest.raises(InputError, match="latency: 0 frames"):
        stream(Greedy(LETTERS), latency=0)
