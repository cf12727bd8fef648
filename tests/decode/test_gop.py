"""Forced alignment against all paths written out, and goodness of pronunciation against a CTC loss for each variant."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional

from project.contract import Emissions, InputError
from project.decode.alignment import align
from project.decode.gop import LIMIT, Goodness, assess
from project.decode.lattice import lattice


def emissions(num_frames: int, num_symbols: int, seed: int, sharpness: float = 4.0, padding: int = 2) -> Emissions:
    """One example of random frames, and some of padding that shout."""
    scores_TV = sharpness * torch.randn(
        num_frames + padding, num_symbols, generator=torch.Generator().manual_seed(seed), dtype=torch.float64
    )
    return Emissions(scores_TV.log_softmax(dim=1)[None], torch.tensor([num_frames]))


def log_likelihoods(output: Emissions, texts: Sequence[Sequence[int]]) -> Tensor:
    """log p of each text, by torch."""
    length = int(output.lengths_B[0])
    log_probs_TNV = output.log_probs_BTV[0, :length, None].expand(-1, len(texts), -1)
    padded = torch.zeros(len(texts), max(1, *map(len, texts)), dtype=torch.long)
    for row, text in zip(padded, texts, strict=True):
        row[: len(text)] = torch.tensor(text, dtype=torch.long)
    frames = torch.full((len(texts),), length)
    sizes = torch.tensor([len(text) for text in texts])
    return -functional.ctc_loss(log_probs_TNV, padded, frames, sizes, reduction="none")


def naive(output: Emissions, text: list[int]) -> list[float]:
    """Alignment-free goodness, one CTC loss for each variant."""
    found = []
    for place, own in enumerate(text):
        before, behind = text[:place], text[place + 1 :]
        others = [symbol for symbol in range(1, output.log_probs_BTV.shape[2]) if symbol != own]
        variants = [text, before + behind, *([*before, other, *behind] for other in others)]
        log_p = log_likelihoods(output, variants)
        found.append(max(-LIMIT, float(log_p[0] - log_p.logsumexp(dim=0))))
    return found


def one(output: Emissions, text: list[int]) -> Goodness:
    (found,) = assess(output, [text])
    return found


def frames_needed(text: list[int]) -> int:
    return len(text) + sum(left == right for left, right in itertools.pairwise(text))


@pytest.mark.parametrize("text", [[1], [1, 2], [2, 2], [1, 2, 1], [1, 1, 1], [2, 1, 1, 2], [3, 1, 2, 2, 3]])
def test_free_is_that_of_all_variants(text: list[int]) -> None:
    """Few symbols, so that neighbours repeat, and as few frames as will do: some variants are impossible then."""
    for extra, sharpness in itertools.product((0, 1, 2, 9), (1.0, 10.0)):
        output = emissions(frames_needed(text) + extra, 4, seed=extra, sharpness=sharpness)
        assert one(output, text).free == pytest.approx(naive(output, text), abs=1e-9)


def test_free_of_many_random_texts() -> None:
    rng = np.random.default_rng(3)
    for seed in range(60):
        num_symbols = int(rng.integers(3, 8))
        text = rng.integers(1, num_symbols, rng.integers(1, 8)).tolist()
        output = emissions(frames_needed(text) + int(rng.integers(0, 12)), num_symbols, seed, rng.uniform(0, 15))
        found = one(output, text)
        assert found.free == pytest.approx(naive(output, text), abs=1e-9)
        assert found.log_prob == pytest.approx(float(log_likelihoods(output, [text])[0]) / len(text))
        assert max(found.free) <= 0


def test_very_improbable_texts_keep_their_digits() -> None:
    """Frames so sure of something else that no probability of the text is a floating-point number."""
    scores_TV = torch.zeros(200, 6, dtype=torch.float64)
    scores_TV[:, 0] = 40
    scores_TV[::9, 0], scores_TV[::9, 5] = 0, 40
    output = Emissions(scores_TV.log_softmax(dim=1)[None], torch.tensor([200]))
    text = [1, 2, 2, 3, 4, 1] * 5
    assert float(log_likelihoods(output, [text])[0]) < -1000
    assert one(output, text).free == pytest.approx(naive(output, text), abs=1e-9)


def test_of_a_batch_each_is_as_if_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = [[1, 2, 2], [3], [4, 1, 4, 4, 2], []]
    alone = [emissions(frames, 5, seed) for seed, frames in enumerate((9, 4, 15, 6))]
    padded_BTV = torch.stack([functional.pad(out.log_probs_BTV[0, :15], (0, 0, 0, 0)) for out in map(widened, alone)])
    together = Emissions(padded_BTV, torch.cat([out.lengths_B for out in alone]))
    found = assess(together, texts)
    monkeypatch.setattr("project.decode.gop.CELLS", 200)
    for output, text, in_batch, in_parts in zip(alone, texts, found, assess(together, texts), strict=True):
        assert in_batch == in_parts
        expected = one(output, text)
        assert in_batch.log_prob == pytest.approx(expected.log_prob)
        assert in_batch.free == pytest.approx(expected.free)
        assert in_batch.aligned == pytest.approx(expected.aligned)
    assert found[3].free == found[3].aligned == ()


def widened(output: Emissions) -> Emissions:
    """With 15 frames, those that are added full of nonsense."""
    rest = 15 - output.log_probs_BTV.shape[1]
    return Emissions(functional.pad(output.log_probs_BTV, (0, 0, 0, max(0, rest)), value=3.0), output.lengths_B)


def best_path(log_probs_TV: Tensor, text: list[int]) -> tuple[float, list[list[int]]]:
    """The likeliest of all paths that spell a text, and the frames of each symbol in it."""
    best, frames = -np.inf, []
    for path in itertools.product(range(log_probs_TV.shape[1]), repeat=len(log_probs_TV)):
        runs = [(symbol, [t for t, _ in run]) for symbol, run in itertools.groupby(enumerate(path), lambda at: at[1])]
        said = [(symbol, places) for symbol, places in runs if symbol]
        score = float(log_probs_TV[range(len(path)), path].sum())
        if [symbol for symbol, _ in said] == text and score > best:
            best, frames = score, [places for _, places in said]
    return best, frames


@pytest.mark.parametrize("text", [[1], [1, 2], [2, 2], [1, 1, 2]])
def test_alignment_is_the_likeliest_of_all_paths(text: list[int]) -> None:
    for seed, num_frames in itertools.product(range(4), (frames_needed(text), 6)):
        output = emissions(num_frames, 3, seed)
        (spans,) = align(lattice(output, [text]))
        assert spans is not None
        _, frames = best_path(output.log_probs_BTV[0, :num_frames], text)
        assert [list(range(*span)) for span in spans] == frames


def test_aligned_is_against_the_best_other_phone_in_its_frames() -> None:
    output = emissions(12, 5, seed=2)
    text = [3, 1, 1, 4]
    (spans,) = align(lattice(output, [text]))
    assert spans is not None
    found = []
    for symbol, (start, end) in zip(text, spans, strict=True):
        others = [other for other in range(1, 5) if other != symbol]
        frames = output.log_probs_BTV[0, start:end]
        found.append(float((frames[:, symbol] - frames[:, others].max(dim=1).values).mean()))
    assert one(output, text).aligned == pytest.approx(found)


def test_well_said_and_badly_said() -> None:
    """Another phone in its place, or none at all, is heard; the phones beside it are not blamed."""
    scores_TV = torch.zeros(12, 6, dtype=torch.float64)
    for frame, symbol in enumerate([0, 1, 0, 2, 2, 0, 5, 0, 4, 0, 0, 0]):
        scores_TV[frame, symbol] = 12
    output = Emissions(scores_TV.log_softmax(dim=1)[None], torch.tensor([12]))
    said = one(output, [1, 2, 5, 4])
    assert min(said.free) > -0.01
    assert min(said.aligned) > 8
    replaced, missing = one(output, [1, 2, 3, 4]), one(output, [1, 2, 5, 3, 4])
    assert replaced.free[2] < -8 < -0.1 < min(replaced.free[:2])
    assert replaced.aligned[2] < -8 < 8 < replaced.aligned[1]
    assert missing.free[3] < -8
    assert said.log_prob > replaced.log_prob


def test_too_few_frames_are_the_worst_there_is() -> None:
    found = one(emissions(3, 4, seed=0), [2, 2, 1])
    assert found == Goodness(-LIMIT, (-LIMIT,) * 3, (-LIMIT,) * 3)


def test_what_makes_no_sense_is_told() -> None:
    with pytest.raises(InputError, match="one phone: it needs others"):
        assess(emissions(4, 2, seed=0), [[1]])
    output = emissions(4, 4, seed=0)
    output.log_probs_BTV[0, 1, 2] = torch.nan
    with pytest.raises(InputError, match="diverged"):
        assess(output, [[1]])
