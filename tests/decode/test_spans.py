"""Decoders of spans against plain loops and against trying all spans."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest
import torch

from project.build.bind import make
from project.build.compose import compose
from project.contract import Hypothesis, InputError, SpanOutput
from project.decode.span_pointers import PointedSpan
from project.decode.span_search import best_spans, sliding_max
from project.decode.span_single import SingleSpan
from project.decode.spans import Spans
from project.part import Decoder
from project.text.alphabet import Alphabet
from project.text.span_notation import SpanMark, read_spans, write_spans

KINDS = Alphabet(("consolidation", "retracement"), " ")
LENGTHS = (30, 0, 1, 17, 2, 30, 29)
DECODERS = ("spans", "single_span", "pointers")
Span = tuple[int, int]


def said(*lengths: int, spread: float = 2.0, seed: int = 0, **heads: Any) -> SpanOutput:
    """What a model might say at random; padding shouts."""
    generator = torch.Generator().manual_seed(seed)
    size, frames = len(lengths), max(lengths)

    def drawn(*shape: int) -> torch.Tensor:
        return spread * torch.randn(*shape, generator=generator)

    inside_BT, starts_BT, ends_BT = drawn(size, frames), drawn(size, frames), drawn(size, frames)
    for row, length in enumerate(lengths):
        for part in (inside_BT, starts_BT, ends_BT):
            part[row, length:] = 50
    given = {"kinds_BV": drawn(size, 3), "starts_BT": starts_BT, "ends_BT": ends_BT}
    return SpanOutput(inside_BT, torch.tensor(lengths), **(given | heads))


def rows_of(output: SpanOutput) -> list[list[float]]:
    """The log odds of each example's true frames."""
    return [row[:length].tolist() for row, length in zip(output.inside_BT, output.lengths_B, strict=True)]


def sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x))


def plain_spans(log_odds: list[float], threshold: float, close_gap: int, min_length: int) -> list[Span]:
    found: list[list[int]] = []
    for frame, value in enumerate(log_odds):
        if sigmoid(value) >= threshold:
            if found and frame - found[-1][1] <= close_gap:
                found[-1][1] = frame + 1
            else:
                found.append([frame, frame + 1])
    return [(start, end) for start, end in found if end - start >= min_length]


def all_spans(length: int, min_length: int, max_length: int | None) -> list[Span]:
    most = length if max_length is None else max_length
    return [(a, b) for a in range(length) for b in range(a + min_length, min(length, a + most) + 1)]


def log_softmax(row: torch.Tensor, length: int) -> list[float]:
    found: list[float] = row[:length].double().log_softmax(dim=0).tolist()
    return found


@pytest.mark.parametrize(("close_gap", "min_length"), [(0, 1), (1, 1), (2, 3), (0, 2)])
@pytest.mark.parametrize("threshold", [None, 0.25, 0.9, 0.0, 1.0])
def test_a_threshold_is_what_a_plain_loop_gives(threshold: float | None, close_gap: int, min_length: int) -> None:
    output = said(*LENGTHS)
    output = SpanOutput(output.inside_BT, output.lengths_B, output.kinds_BV, threshold=0.6)
    found = Spans(KINDS, threshold, close_gap, min_length)(output)
    level = 0.6 if threshold is None else threshold
    for hypothesis, log_odds in zip(found, rows_of(output), strict=True):
        assert list(hypothesis.spans) == plain_spans(log_odds, level, close_gap, min_length)
        assert hypothesis.track is not None
        assert hypothesis.track.threshold == level


@pytest.mark.parametrize("name", DECODERS)
def test_what_is_said_of_each_span(name: str) -> None:
    """Kinds, text, confidences, score and track, whichever frames were chosen."""
    output = said(*LENGTHS)
    found = make(compose("train", [f"decode={name}"])["decode"], "decode", alphabet=KINDS)(output)
    assert output.kinds_BV is not None
    assert any(hypothesis.spans for hypothesis in found)
    for hypothesis, log_odds, kinds_V in zip(found, rows_of(output), output.kinds_BV.tolist(), strict=True):
        kind = 1 if kinds_V[1] > kinds_V[2] else 2
        assert hypothesis.tokens == (kind,) * len(hypothesis.spans)
        marks = [SpanMark(KINDS.symbols[kind - 1], start, end) for start, end in hypothesis.spans]
        assert read_spans(hypothesis.text) == marks
        assert hypothesis.text == write_spans(marks)
        probabilities = [sigmoid(value) for value in log_odds]
        means = [float(np.mean(probabilities[start:end])) for start, end in hypothesis.spans]
        assert hypothesis.confidences == pytest.approx(means, abs=1e-12)
        assert hypothesis.track is not None
        assert hypothesis.track.inside == pytest.approx(probabilities, abs=1e-12)
        within = {frame for start, end in hypothesis.spans for frame in range(start, end)}
        score = sum(math.log(p if frame in within else 1 - p) for frame, p in enumerate(probabilities))
        assert hypothesis.score == pytest.approx(score, abs=1e-9)


@pytest.mark.parametrize("pointer_weight", [0.0, 0.7])
@pytest.mark.parametrize(("min_length", "max_length"), [(1, None), (3, None), (1, 4), (3, 5), (2, 2)])
def test_the_best_single_span_of_all(min_length: int, max_length: int | None, pointer_weight: float) -> None:
    output = said(*LENGTHS, spread=1.0, seed=3)
    assert output.starts_BT is not None
    assert output.ends_BT is not None
    for threshold, least in ((0.3, 0.0), (0.8, 0.0), (0.8, None), (0.6, 1.5)):
        found = SingleSpan(KINDS, threshold, min_length, max_length, least, pointer_weight)(output)
        for row, (hypothesis, log_odds) in enumerate(zip(found, rows_of(output), strict=True)):
            length, level = len(log_odds), math.log(threshold / (1 - threshold))
            first, last = log_softmax(output.starts_BT[row], length), log_softmax(output.ends_BT[row], length)
            values = {
                (a, b): sum(log_odds[a:b]) - level * (b - a)
                + pointer_weight * (first[a] + last[b - 1] + 2 * math.log(length))
                for a, b in all_spans(length, min_length, max_length)
            }  # fmt: skip
            best = max(values, key=values.__getitem__) if values else None
            is_said = best is not None and (least is None or values[best] >= least)
            assert list(hypothesis.spans) == ([best] if is_said else [])


@pytest.mark.parametrize(("min_length", "max_length"), [(1, None), (3, None), (1, 4), (3, 5), (2, 2)])
def test_the_likeliest_pair_of_pointers(min_length: int, max_length: int | None) -> None:
    output = said(*LENGTHS, seed=5)
    assert output.starts_BT is not None
    assert output.ends_BT is not None
    assert output.kinds_BV is not None
    asked = PointedSpan(KINDS, None, min_length, max_length)(output)
    always = PointedSpan(KINDS, None, min_length, max_length, ask_kind=False)(output)
    for row, length in enumerate(LENGTHS):
        first, last = log_softmax(output.starts_BT[row], length), log_softmax(output.ends_BT[row], length)
        values = {(a, b): first[a] + last[b - 1] for a, b in all_spans(length, min_length, max_length)}
        best = [max(values, key=values.__getitem__)] if values else []
        assert list(always[row].spans) == best
        is_none = int(output.kinds_BV[row].argmax()) == 0
        assert list(asked[row].spans) == ([] if is_none else best)
    assert {bool(one.spans) for one in asked} == {True, False}


def test_pointers_that_are_numbers_are_rounded_into_the_window() -> None:
    pointers_BP = torch.tensor([[0.5, 0.1], [0.98, 0.1], [-0.2, 0.001], [0.52, 5.0]])
    output = said(20, 20, 20, 10, starts_BT=None, ends_BT=None, kinds_BV=None, pointers_BP=pointers_BP)
    found = PointedSpan(KINDS, max_length=8)(output)
    assert [one.spans for one in found] == [((10, 12),), ((18, 20),), ((0, 1),), ((2, 10),)]
    assert [one.tokens for one in found] == [(1,)] * 4, "without a kind head it is the first kind"
    assert PointedSpan(KINDS, min_length=11)(output)[3].spans == ()


def test_a_sliding_maximum_is_that_of_each_window() -> None:
    values_BT = torch.randn(3, 23, generator=torch.Generator().manual_seed(0))
    for width in range(1, 24):
        best_BN, at_BN = sliding_max(values_BT, width)
        expected = values_BT.unfold(1, width, 1).max(dim=2)
        assert torch.equal(best_BN, expected.values)
        assert torch.equal(at_BN, expected.indices + torch.arange(24 - width))
    assert best_spans(values_BT, values_BT, 24, None)[2].tolist() == [-math.inf] * 3


def test_a_weak_frame_is_bridged_and_a_weak_end_cut_off() -> None:
    output = SpanOutput(torch.tensor([[-3.0, 2.0, -1.0, 2.0, -0.5, -3.0, 2.5]]), torch.tensor([7]))
    assert SingleSpan(KINDS)(output)[0].spans == ((1, 4),)
    assert Spans(KINDS)(output)[0].spans == ((1, 2), (3, 4), (6, 7))


@pytest.mark.parametrize("name", DECODERS)
class TestEach:
    def test_padding_and_neighbours_do_not_matter(self, name: str) -> None:
        decoder = built(name)
        output = said(*LENGTHS)
        together = decoder(output)
        for row, length in enumerate(LENGTHS):
            parts = {
                head: part[row : row + 1, :length] if head != "kinds_BV" else part[row : row + 1]
                for head in ("inside_BT", "starts_BT", "ends_BT", "kinds_BV")
                if (part := getattr(output, head)) is not None
            }
            (alone,) = decoder(SpanOutput(lengths_B=output.lengths_B[row : row + 1], **parts))
            tracks = [one.track.inside for one in (alone, together[row]) if one.track is not None]
            assert tracks[0] == pytest.approx(tracks[1], abs=1e-12)
            assert alone.text == together[row].text
            assert alone.score == pytest.approx(together[row].score)

    def test_nonsense_beyond_a_length_half_precision_and_a_graph_are_fine(self, name: str) -> None:
        decoder, output = built(name), said(12, 5)
        before = decoder(output)
        for part in (output.inside_BT, output.starts_BT, output.ends_BT):
            assert part is not None
            part[1, 5:] = float("nan")
        assert decoder(output) == before
        halved = SpanOutput(output.inside_BT.bfloat16().requires_grad_(), output.lengths_B, output.kinds_BV,
                            output.starts_BT, output.ends_BT)  # fmt: skip
        assert [len(one.spans) for one in decoder(halved)] == [len(one.spans) for one in before]

    def test_its_settings_hold_all_its_parameters(self, name: str) -> None:
        """And nothing but plain data."""
        node = compose("train", [f"decode={name}"])["decode"]
        settings = dict(built(name).settings)
        assert json.loads(json.dumps(settings)) == settings
        assert settings == {"decode": f"{name}@1"} | {key: node[key] for key in node if key != "_target_"}
        other = {"threshold": 0.25, "close_gap": 4, "min_length": 2, "max_length": 9, "least": None,
                 "pointer_weight": 0.5, "ask_kind": False}  # fmt: skip
        changed = make(node | {key: other[key] for key in node if key in other}, "decode", alphabet=KINDS)
        assert all(value != settings[key] for key, value in changed.settings.items() if key != "decode")


def built(name: str) -> Decoder:
    decoder: Decoder = make(compose("train", [f"decode={name}"])["decode"], "decode", alphabet=KINDS)
    return decoder


@pytest.mark.parametrize(
    ("decoder", "values", "told"),
    [
        (Spans, {"threshold": 1.5}, "decode.threshold: 1.5 is no probability"),
        (Spans, {"min_length": 0}, "decode.min_length: 0"),
        (Spans, {"close_gap": -1}, "decode.close_gap: -1"),
        (SingleSpan, {"min_length": 3, "max_length": 2}, "decode.max_length: 2 is less than min_length=3"),
        (SingleSpan, {"pointer_weight": -1.0}, "decode.pointer_weight: -1.0"),
        (PointedSpan, {"max_length": 0}, "decode.max_length"),
    ],
)
def test_settings_that_mean_nothing_are_refused(decoder: Any, values: dict[str, Any], told: str) -> None:
    with pytest.raises(InputError, match=told):
        decoder(KINDS, **values)


def test_a_head_that_is_not_there_is_named() -> None:
    output = said(5, starts_BT=None, ends_BT=None)
    with pytest.raises(InputError, match="has no pointers: choose decode=spans"):
        PointedSpan(KINDS)(output)
    with pytest.raises(InputError, match=r"decode\.pointer_weight: this model does not point"):
        SingleSpan(KINDS, pointer_weight=0.5)(output)
    empty = SpanOutput(torch.zeros(0, 4), torch.zeros(0, dtype=torch.int64))
    assert Spans(KINDS)(empty) == SingleSpan(KINDS)(empty) == []
    found: list[Hypothesis] = Spans(KINDS)(SpanOutput(torch.zeros(1, 0), torch.tensor([0])))
    assert found[0].text == ""
