"""What an adapter is worth: likelihoods and divergences counted out, and what is said of made-up runs."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import torch
from scipy.stats import entropy

from project.contract import Batch, Emissions, InputError, SpanOutput, TokenOutput
from project.evaluation.comparison import Delta
from project.evaluation.efficacy import (
    CHANGED,
    DIVERGENCE,
    LOSS,
    Efficacy,
    PerUnit,
    against,
    columns_of,
    divergence,
    efficacy,
    likelihood,
    part,
)
from project.evaluation.efficacy_table import SENTENCES, by_kind, csv_rows, kind_of, layer_grid, run_grid, sentences
from project.evaluation.estimate import make_report
from project.evaluation.protocol import Protocol, hash_ids
from project.evaluation.result import Report, Row
from project.metric.text import ErrorRate

IDS = ("a", "b", "c")


def batch_of(symbols: Sequence[Sequence[int]]) -> Batch:
    sizes = torch.tensor([len(row) for row in symbols])
    padded_BL = torch.zeros(len(symbols), int(sizes.max()), dtype=torch.int64)
    for row, its in zip(padded_BL, symbols, strict=True):
        row[: len(its)] = torch.tensor(its)
    frames = torch.zeros(len(symbols), 9, 1)
    targets = {"symbols": padded_BL, "symbol_lengths": sizes}
    return Batch(IDS[: len(symbols)], frames, torch.full((len(symbols),), 9), targets, ("",) * len(symbols))


def emissions(seed: int, lengths: Sequence[int], ids: int = 3) -> Emissions:
    logits_BTV = 2 * torch.randn(len(lengths), max(lengths), ids, generator=torch.Generator().manual_seed(seed))
    return Emissions(logits_BTV.log_softmax(dim=2), torch.tensor(lengths))


def tokens(seed: int, length: int, rows: int = 3, ids: int = 5) -> TokenOutput:
    logits_BLV = torch.randn(rows, length, ids, generator=torch.Generator().manual_seed(seed))
    return TokenOutput(torch.full((rows,), 9), torch.ones(rows), None, logits_BLV)


def spelled(path: Sequence[int]) -> list[int]:
    return [symbol for symbol, _ in itertools.groupby(path) if symbol]


def test_the_loss_by_ctc_is_that_of_all_paths() -> None:
    lengths, symbols = [4, 3, 2], [[1, 2], [2], [1, 1]]
    output, batch = emissions(0, lengths), batch_of(symbols)
    nats_B, counts_B = likelihood(output, batch)
    for row in (0, 1):
        log_probs_TV = output.log_probs_BTV[row].double().numpy()
        total = sum(
            math.exp(sum(log_probs_TV[frame, symbol] for frame, symbol in enumerate(path)))
            for path in itertools.product(range(3), repeat=lengths[row])
            if spelled(path) == symbols[row]
        )
        assert float(nats_B[row]) == pytest.approx(-math.log(total))
    assert counts_B.tolist() == [2, 1, 0], "two frames cannot spell the same symbol twice"
    assert float(nats_B[2]) == 0.0


def test_the_loss_of_tokens_is_that_of_each_given_those_before() -> None:
    symbols = [[3, 4, 2], [1, 2], [2]]
    output = tokens(0, 3)
    nats_B, counts_B = likelihood(output, batch_of(symbols))
    assert output.logits_BLV is not None
    chances_BLV = output.logits_BLV.double().exp().numpy()
    chances_BLV /= chances_BLV.sum(axis=2, keepdims=True)
    for row, its in enumerate(symbols):
        assert float(nats_B[row]) == pytest.approx(
            -sum(math.log(chances_BLV[row, n, one]) for n, one in enumerate(its))
        )
    assert counts_B.tolist() == [3, 2, 1]


@pytest.mark.parametrize("kind", ["frames", "tokens"])
def test_divergence_is_that_of_distributions(kind: str) -> None:
    sizes = [3, 2, 1]
    batch = batch_of([[1] * size for size in sizes])
    on, off = (tokens(seed, 3) if kind == "tokens" else emissions(seed, sizes) for seed in (1, 2))
    nats_B, counts_B = divergence(on, off, batch)
    pair = [one.logits_BLV if isinstance(one, TokenOutput) else one.log_probs_BTV for one in (on, off)]
    mine, theirs = (one.double().softmax(dim=2).numpy() for one in pair if one is not None)
    expected = [sum(entropy(mine[row, n], theirs[row, n]) for n in range(size)) for row, size in enumerate(sizes)]
    assert nats_B.tolist() == pytest.approx(expected)
    assert counts_B.tolist() == sizes
    assert divergence(on, on, batch)[0].tolist() == [0, 0, 0]


def test_columns_are_sums_and_counts() -> None:
    batch, on, off = batch_of([[3, 2], [2]]), tokens(1, 2, rows=2), tokens(2, 2, rows=2)
    (name, mine, theirs), *_ = columns_of(on, off, batch)
    assert name == "a"
    assert mine.keys() == {"loss_sum", "loss_count", "divergence_sum", "divergence_count"}
    assert theirs == {"loss_sum": float(likelihood(off, batch)[0][0]), "loss_count": 2.0}


def test_other_families_are_refused() -> None:
    spans: Any = SpanOutput(torch.zeros(1, 9), torch.tensor([9]))
    with pytest.raises(InputError, match=r"SpanOutput: .* is for runs that write symbols by CTC, or tokens"):
        likelihood(spans, batch_of([[1]]))
    with pytest.raises(InputError, match="no example has anything to reckon it by"):
        PerUnit(LOSS, "nats").summarize({"loss_sum": [0.0], "loss_count": [0.0]})


RATE = ErrorRate("wer", "word")


def report(errors: Sequence[int], nats: Sequence[float], active: bool) -> Report:
    """Sixty examples of ten words, and of twenty symbols."""
    rows = []
    for n, (wrong, loss) in enumerate(zip(errors, nats, strict=True)):
        columns = {f"wer_{kind}": 0.0 for kind in ("deletions", "insertions")}
        columns |= {"wer_substitutions": float(wrong), "wer_length": 10.0, "loss_sum": loss, "loss_count": 20.0}
        if active:
            columns |= {"divergence_sum": 2.0, "divergence_count": 20.0, "changed_sum": n % 2, "changed_count": 1.0}
        said = " ".join(["y"] * wrong + ["x"] * (10 - wrong))
        rows.append(Row(str(n), " ".join("x" * 10), said, f"s{n % 12}", 1.0, 0.0, columns))
    adapter = {"lora": {"active": active, "changes": True}}
    given = ("m", hash_ids(row.id for row in rows), len(rows), "full", {}, {}, "alphabet")
    protocol = Protocol(*given, {"decode": "x@1"}, adapter, "32", "0")  # type: ignore[arg-type]
    metrics = [RATE, PerUnit(LOSS, "nats")]
    metrics += [PerUnit(DIVERGENCE, "nats"), PerUnit(CHANGED, "%")] if active else []
    return make_report(protocol, "stt/run", metrics, rows, "2026-02-03", num_resamples=200)


def run(label: str, seed: int, errors: float, loss: float) -> Efficacy:
    """One whose adapter makes so many errors more an example, and so many nats."""
    rng, shared = np.random.default_rng(seed), np.random.default_rng(0)
    base, nats = shared.integers(2, 5, 60), shared.uniform(20, 40, 60)
    mine = (base + rng.binomial(1, abs(errors), 60) * np.sign(errors)).astype(int)
    theirs = nats + loss + rng.normal(0, 1, 60)
    return efficacy(label, report(mine, theirs, True), report(base, nats, False), {"layers.0.q_proj": (1.0, 4.0)})


def test_what_is_said() -> None:
    good, bad, none = run("good", 1, -0.5, -6.0), run("bad", 2, 0.5, 4.0), run("none", 3, 0.0, 0.0)
    said = sentences([good, bad, none])
    assert [one.kind for one in said] == ["better", "worse", "undecided"]
    assert said[0].text == "good: the adapter helps: better answers, and right ones likelier"
    assert said[2].text == "none: nothing shows that the adapter helps"
    assert all("weights change by 25.00 % of their length, which is no evidence" in one.evidence for one in said)
    assert "50.00 % of the answers change" in said[0].evidence
    kinds = ("better", "undecided", "worse")
    assert SENTENCES.keys() == set(itertools.product(kinds, kinds))


def test_a_lower_loss_alone_is_measured_by_a_control() -> None:
    """The paradox: what learned from shuffled labels knows what is frequent, so that its loss falls as well."""
    real, same, control = run("real", 1, 0.0, -6.0), run("same", 2, 0.0, -4.0), run("control", 3, 0.0, -4.0)
    assert sentences([same])[0].kind == "undecided"
    one, other = sentences([against(real, control), against(same, control)])
    assert (one.kind, one.text.endswith("; more so than the control's")) == ("better", True)
    assert (other.kind, other.text.endswith("; no more so than the control's")) == ("undecided", True)
    beyond = against(real, control).beyond
    assert beyond is not None
    assert beyond[1].value == pytest.approx(real.loss.value - control.loss.value)
    low, high = beyond[1].interval or (0.0, 0.0)
    assert low < beyond[1].value < high < 0
    assert beyond[1].verdict == "better"


def test_worse_answers_with_a_lower_loss() -> None:
    verdict = sentences([run("odd", 1, 0.6, -6.0)])[0]
    assert (verdict.kind, "worse answers, though right ones become likelier" in verdict.text) == ("worse", True)


def test_what_does_nothing_is_told() -> None:
    still = run("still", 1, 0.0, 0.0)
    figures = {**still.on.metrics, CHANGED: 0.0, DIVERGENCE: 0.0}
    object.__setattr__(still.on, "metrics", figures)
    assert sentences([still])[0].text == "still: the adapter does nothing: with it and without it the same is said"


def test_tables() -> None:
    found = [run("one", 1, -0.5, -6.0), run("two", 2, 0.0, -3.0)]
    with_control = [against(found[0], found[1]), found[1]]
    plain, beside = run_grid(found), run_grid(with_control)
    assert len(beside.headings) == len(plain.headings) + 2
    assert all(len(row) == len(grid.headings) for grid in (plain, beside) for row in grid.rows)
    rows = csv_rows(with_control)
    assert {len(row) for row in rows} == {9}
    assert [row[1] for row in rows[1:]].count("wer beyond the control") == 1
    many = {
        f"network.model.{half}.layers.{n}.self_attn.q_proj": (float(n), 4.0)
        for half in ("encoder", "decoder")
        for n in (1, 2)
    }
    one = Efficacy("x", found[0].on, found[0].off, Delta(0, None, "lower"), Delta(0, None, "lower"), many)
    assert by_kind(one) == {"encoder self_attn q_proj": [0.25, 0.5], "decoder self_attn q_proj": [0.25, 0.5]}
    assert layer_grid([one]).rows[0] == ("encoder self_attn q_proj", "37.50, 50.00")
    assert one.growth == pytest.approx(math.sqrt(10) / 8)
    assert kind_of("model.encoder.layers.0.feed_forward.output_dense") == "encoder feed_forward output_dense"
    assert part(0.0, 0.0) == 0.0
