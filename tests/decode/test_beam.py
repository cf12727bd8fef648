"""Prefix beam search, against all alignments counted, a plain search, and two other libraries."""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import groupby, pairwise
from typing import Any

import pytest
import torch

from project.contract import Emissions, Hypothesis, InputError
from project.decode import beam
from project.decode.beam import Beam
from project.decode.frames import Pruning
from project.decode.greedy import Greedy
from project.text.alphabet import Alphabet

ABC = Alphabet(tuple("ABC"))
EVERYTHING = Pruning(symbol=0, blank=2)


def all_of(hypothesis: Hypothesis) -> list[Hypothesis]:
    return [hypothesis, *hypothesis.alternatives]


def letters(count: int) -> Alphabet:
    return Alphabet(tuple(chr(0x4E00 + number) for number in range(count - 1)))


@pytest.mark.parametrize("seed", range(6))
def test_scores_are_sums_over_all_alignments(emissions: Any, enumerate_texts: Any, seed: int) -> None:
    """A beam wide enough for every text finds every text, with its exact probability, in order."""
    output = emissions(4, 3, 1, ids=4, seed=seed, sharpness=1.5)
    found = Beam(ABC, size=100, pruning=EVERYTHING, nbest=100)(output)
    for hypothesis, log_probs_TV, length in zip(found, output.log_probs_BTV, output.lengths_B, strict=True):
        expected = enumerate_texts(log_probs_TV[:length].numpy())
        assert {one.tokens: one.score for one in all_of(hypothesis)} == pytest.approx(expected, abs=1e-6)
        scores = [one.score for one in all_of(hypothesis)]
        assert scores == sorted(scores, reverse=True)
        assert sum(map(math.exp, scores)) == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize("seed", range(6))
def test_several_spaces_in_a_row_are_one(emissions: Any, enumerate_texts: Any, seed: int) -> None:
    """Alignments that write a space, a blank and a space spell the same as those that write one."""
    output = emissions(5, 3, ids=4, seed=seed, sharpness=1.0)
    found = Beam(Alphabet(tuple("AB ")), size=100, pruning=EVERYTHING, nbest=100)(output)
    for hypothesis, log_probs_TV, length in zip(found, output.log_probs_BTV, output.lengths_B, strict=True):
        expected = dict(sorted(enumerate_texts(log_probs_TV[:length].numpy(), once=3).items(), key=lambda one: -one[1]))
        for one, (tokens, score) in zip(all_of(hypothesis), list(expected.items())[:20], strict=False):
            assert (one.tokens, one.score) == (tokens, pytest.approx(score, abs=1e-3))
        assert not any("  " in one.text for one in all_of(hypothesis))


@pytest.mark.parametrize(("size", "ids", "cut", "sharpness"), [
    (1, 5, 0.0, 1.0), (2, 4, 0.0, 0.5), (3, 12, 1e-3, 2.0), (7, 6, 0.05, 1.0), (10, 40, 1e-2, 3.0), (30, 9, 0.0, 0.7),
])  # fmt: skip
def test_it_is_the_plain_search_only_quicker(
    emissions: Any, plain_search: Any, size: int, ids: int, cut: float, sharpness: float
) -> None:
    """Only some pairs of beam and symbol are looked at: none that matters is missed."""
    output = emissions(25, 40, 7, ids=ids, sharpness=sharpness, seed=size)
    found = Beam(letters(ids), size, Pruning(cut, 2), nbest=size)(output)
    for hypothesis, log_probs_TV, length in zip(found, output.log_probs_BTV, output.lengths_B, strict=True):
        expected = plain_search(log_probs_TV[:length].numpy(), size, cut)
        assert [one.tokens for one in all_of(hypothesis)] == [tokens for tokens, _ in expected]
        assert [one.score for one in all_of(hypothesis)] == pytest.approx([score for _, score in expected], abs=1e-5)


def test_symbols_can_be_limited_to_the_likeliest(emissions: Any, plain_search: Any) -> None:
    output = emissions(20, ids=9, sharpness=1.0)
    limited = output.log_probs_BTV.clone()
    fourth = limited[..., 1:].topk(3, dim=2).values[..., -1:]
    limited[..., 1:][limited[..., 1:] < fourth] = -torch.inf
    (found,) = Beam(letters(9), 8, Pruning(0, 2, symbols=3), nbest=8)(output)
    expected = plain_search(limited[0].numpy(), 8, 0.0)
    assert [one.tokens for one in all_of(found)] == [tokens for tokens, _ in expected]
    assert found.score == pytest.approx(expected[0][1], abs=1e-5)


def test_fast_ctc_decode_agrees(emissions: Any) -> None:
    """It prunes as we do: what is below the cut is left out of its frame."""
    peer = pytest.importorskip(
        "fast_ctc_decode", reason="fast-ctc-decode is not installed: pip install fast-ctc-decode"
    )
    for seed, (size, cut, blank) in enumerate([(3, 1e-3, 5.0), (10, 1e-4, 0.0), (20, 1e-2, 2.0)]):
        output = emissions(80, 80, ids=20, sharpness=2.0, seed=seed, blank=blank)
        alphabet = letters(20)
        found = Beam(alphabet, size, Pruning(cut, 2))(output)
        names = ["-", *alphabet.symbols]
        for hypothesis, probs_TV in zip(found, output.log_probs_BTV.exp().numpy(), strict=True):
            assert hypothesis.text == peer.beam_search(probs_TV, names, beam_size=size, beam_cut_threshold=cut)[0]


def test_flashlight_agrees(emissions: Any) -> None:
    """With its log_add, which is off by default; it keeps what ends in blank apart from what does not: summed here."""
    reason = "flashlight-text is not installed: pip install flashlight-text"
    peer = pytest.importorskip("flashlight.lib.text.decoder", reason=reason)
    options = peer.LexiconFreeDecoderOptions(
        beam_size=400, beam_size_token=5, beam_threshold=1e6, lm_weight=0, sil_score=0, log_add=True,
        criterion_type=peer.CriterionType.CTC,
    )  # fmt: skip
    decoder = peer.LexiconFreeDecoder(options, peer.ZeroLM(), 4, 0, [])  # 4 is its silence: an id that is never likely
    output = emissions(4, 4, 4, ids=4, sharpness=1.0)
    found = Beam(ABC, 100, EVERYTHING)(output)
    padded_BTV = torch.cat([output.log_probs_BTV, torch.full((3, 4, 1), -1e4)], dim=2)
    for hypothesis, scores_TV in zip(found, padded_BTV, strict=True):
        total: dict[tuple[int, ...], float] = defaultdict(float)
        for one in decoder.decode(scores_TV.contiguous().data_ptr(), 4, 5):
            total[tuple(token for token, _ in groupby(one.tokens) if 0 < token < 4)] += math.exp(one.score)
        best = max(total, key=lambda tokens: total[tokens])
        assert best == hypothesis.tokens
        assert math.log(total[best]) == pytest.approx(hypothesis.score, abs=1e-3)


def test_padding_neighbours_and_portions_do_not_matter(emissions: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    lengths = (30, 4, 0, 17, 30, 1, 29)
    output = emissions(*lengths, ids=6, blank=3.0)
    decoder = Beam(letters(6), 5, nbest=5)
    together = decoder(output)
    for row, length in enumerate(lengths):
        part = Emissions(output.log_probs_BTV[row : row + 1, :length], output.lengths_B[row : row + 1])
        assert decoder(part) == [together[row]]
    monkeypatch.setattr(beam, "_MOST_BEAMS", 10)
    assert decoder(output) == together


def test_what_lies_beyond_a_length_does_not_matter(emissions: Any) -> None:
    output = emissions(12, 5, ids=6)
    before = Beam(letters(6))(output)
    output.log_probs_BTV[1, 5:] = float("nan")
    assert Beam(letters(6))(output) == before


@pytest.mark.parametrize("blank", [0.9, 0.99, 0.999])
def test_skipped_frames_cost_no_more_than_they_say(emissions: Any, enumerate_texts: Any, blank: float) -> None:
    """A text's probability falls by at most the sum of what the skipped frames had beside blank."""
    skipped = 0.0
    for seed in range(12):
        output = emissions(6, ids=3, sharpness=2.5, seed=seed, blank=3.0)
        blanks_T = output.log_probs_BTV[0, :, 0].exp()
        lost = float((1 - blanks_T)[blanks_T >= blank].sum())
        skipped += lost
        (found,) = Beam(Alphabet(("A", "B")), 100, Pruning(0, blank), nbest=100)(output)
        exact = enumerate_texts(output.log_probs_BTV[0].numpy())
        for one in all_of(found):
            assert -1e-6 <= math.exp(exact[one.tokens]) - math.exp(one.score) <= lost + 1e-6
    assert skipped > 0


def test_frames_without_a_symbol_above_the_cut_change_nothing(emissions: Any, plain_search: Any) -> None:
    """They cost no step, but a symbol may be repeated after them."""
    output = emissions(60, ids=8, sharpness=2.0, blank=9.0, seed=3)
    (found,) = Beam(letters(8), 6, Pruning(1e-2, 2), nbest=6)(output)
    expected = plain_search(output.log_probs_BTV[0].numpy(), 6, 1e-2)
    assert dict(expected) == pytest.approx({one.tokens: one.score for one in all_of(found)}, abs=1e-5)


def plain_emissions(path: Sequence[int], peak: float = 7.0) -> Emissions:
    scores_TV = torch.zeros(len(path), len(ABC))
    scores_TV[torch.arange(len(path)), torch.tensor(path)] = peak
    return Emissions(scores_TV.log_softmax(dim=1)[None], torch.tensor([len(path)]))


def test_spans_and_confidences_of_what_is_plain() -> None:
    """Where one path has nearly all the weight, all decoders say where its symbols are, and how sure they are."""
    output = plain_emissions([0, 1, 1, 0, 1, 2, 2, 2, 3, 0, 0, 3, 3])
    (searched,), (greedy,) = Beam(ABC, 10)(output), Greedy(ABC)(output)
    assert searched.text == greedy.text == "AABCC"
    assert searched.spans == greedy.spans == ((1, 3), (4, 5), (5, 8), (8, 9), (11, 13))
    assert searched.confidences == pytest.approx(greedy.confidences)
    assert searched.confidences == pytest.approx([math.exp(7) / (math.exp(7) + 3)] * 5)


def test_a_symbol_begins_where_most_of_it_comes_from() -> None:
    """A weak first sign of B long before the real one does not set its start."""
    path = [0, 1, 0, 0, 0, 0, 0, 2, 2, 0]
    output = plain_emissions(path)
    scores_TV = output.log_probs_BTV[0].clone()
    scores_TV[3, 2] = -2.0
    (found,) = Beam(ABC, 10)(replace(output, log_probs_BTV=scores_TV.log_softmax(dim=1)[None]))
    assert (found.text, found.spans) == ("AB", ((1, 2), (7, 9)))


def test_spans_are_in_order_and_inside(emissions: Any) -> None:
    lengths = (70, 33, 70, 1)
    found = Beam(letters(7), 8)(emissions(*lengths, ids=7, sharpness=1.0, seed=5))
    for hypothesis, length in zip(found, lengths, strict=True):
        spans = hypothesis.spans
        assert len(spans) == len(hypothesis.confidences) == len(hypothesis.tokens) > 0
        assert all(0 <= start < end <= length for start, end in spans)
        assert all(before[1] <= after[0] for before, after in pairwise(spans))
        assert all(0 < confidence <= 1 for confidence in hypothesis.confidences)


def test_half_precision_and_a_graph_are_fine(emissions: Any) -> None:
    output = emissions(12, 5, ids=6)
    halved = Emissions(output.log_probs_BTV.bfloat16().requires_grad_(), output.lengths_B)
    assert [one.text for one in Beam(letters(6))(halved)] == [one.text for one in Beam(letters(6))(output)]


def test_numbers_that_are_none_do_not_stop_it(emissions: Any) -> None:
    """A model that diverged is reported by what watches losses, not by a decoder that fails."""
    output = emissions(12, ids=6)
    output.log_probs_BTV[0, 3:6] = float("nan")
    output.log_probs_BTV[0, 8] = -torch.inf
    assert len(Beam(letters(6))(output)) == 1


def test_long_recordings_and_wide_alphabets_keep_their_scale(emissions: Any, plain_search: Any) -> None:
    """Probabilities far below the smallest number there is."""
    output = emissions(250, ids=400, sharpness=0.5)
    (found,) = Beam(letters(400), 4)(output)
    assert found.score < math.log(5e-324)
    assert found.score == pytest.approx(plain_search(output.log_probs_BTV[0].numpy(), 4, 1e-3)[0][1], rel=1e-5)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: Beam(ABC, 0), "decode.size: 0: give a beam of 1 to 100"),
        (lambda: Beam(ABC, 5, nbest=6), "decode.nbest: 6"),
        (lambda: Pruning(symbol=1.0), "decode.pruning.symbol"),
        (lambda: Pruning(blank=0.0), "decode.pruning.blank"),
        (lambda: Pruning(symbols=0), "decode.pruning.symbols"),
    ],
)
def test_what_makes_no_sense_is_said(make: Callable[[], object], said: str) -> None:
    with pytest.raises(InputError, match=said):
        make()


def test_settings_are_plain_and_complete() -> None:
    settings = Beam(ABC, 7).settings
    assert json.loads(json.dumps(settings)) == settings
    assert (settings["size"], settings["pruning"]["symbol"]) == (7, 1e-3)
    assert Beam(ABC, 7, nbest=3).settings == settings, "alternatives change no answer"
