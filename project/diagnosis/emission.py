"""What is measured of a CTC recognizer's emissions and answers, and what can be wrong with them."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from project.contract import Batch, Emissions, Finding, Hypothesis
from project.diagnosis.evidence import Evidence
from project.diagnosis.sums import Sums
from project.padding import inside

# B examples, T frames, V symbols (blank included, at 0)


class EmissionSums:
    """Adds up over batches what `figures` then divides; sums of several processes can be added as well.

    `probability/blank` and `/blank_frames`: the blank's mean probability, and the part of the frames where it is
    likeliest. `/entropy`: of a frame's distribution, in nats. `/over_time`: how far frames of an example are from its
    mean frame; `/over_examples`: how far examples' mean frames are from each other (root mean square distances of
    distributions). `text/empty`: part of the examples in which nothing was recognized, `/length_ratio`: symbols
    recognized for each one wanted, `/top_symbol`: how much more of all recognized symbols the commonest makes up than
    of the wanted ones, `/infeasible`: part of the examples with too few frames.
    """

    def __init__(self) -> None:
        self._sums = Sums()
        self._mean_V: Tensor = torch.zeros(1, dtype=torch.double)  # grows to (V,)
        self._square_V: Tensor = torch.zeros(1, dtype=torch.double)
        self._said: Counter[int] = Counter()
        self._wanted: Counter[int] = Counter()

    def add(self, output: Emissions, hypotheses: Sequence[Hypothesis], batch: Batch) -> None:
        """A batch more."""
        probs_BTV = output.log_probs_BTV.detach().float().exp()
        lengths_B = output.lengths_B
        inside_BT = inside(lengths_B, probs_BTV.shape[1])
        frames_B = lengths_B.clamp(min=1)[:, None].double()
        probs_BTV = probs_BTV.masked_fill(~inside_BT[..., None], 0)  # whatever stands beyond a length, nan too
        mean_BV = probs_BTV.sum(dim=1).double() / frames_B
        square_BV = probs_BTV.square().sum(dim=1).double() / frames_B
        sums = {
            "frames": inside_BT.sum(),
            "blank": probs_BTV[..., 0].sum(dtype=torch.double),
            "blank_frames": ((output.log_probs_BTV.argmax(dim=2) == 0) & inside_BT).sum(),
            "entropy": -(torch.xlogy(probs_BTV, probs_BTV)).sum(dtype=torch.double),
            "over_time": (square_BV - mean_BV.square()).sum(dim=1).clamp(min=0).sqrt().sum(),
        }
        self._sums.add({name: float(value) for name, value in sums.items()})
        self._mean_V = self._mean_V + mean_BV.sum(dim=0).cpu()
        self._square_V = self._square_V + mean_BV.square().sum(dim=0).cpu()
        self._add_texts(output, hypotheses, batch)

    def _add_texts(self, output: Emissions, hypotheses: Sequence[Hypothesis], batch: Batch) -> None:
        said = [symbol for hypothesis in hypotheses for symbol in hypothesis.tokens]
        self._said.update(said)
        self._sums.add({"examples": len(batch), "empty": sum(not one.tokens for one in hypotheses)})
        if "symbols" not in batch.targets:
            return
        symbols_BL, num_symbols_B = batch.targets["symbols"], batch.targets["symbol_lengths"]
        inside_BL = inside(num_symbols_B, symbols_BL.shape[1])
        self._wanted.update(symbols_BL[inside_BL].tolist())
        repeats_B = ((symbols_BL[:, 1:] == symbols_BL[:, :-1]) & inside_BL[:, 1:]).sum(dim=1)
        infeasible = (num_symbols_B + repeats_B > output.lengths_B).sum()
        self._sums.add({"said": len(said), "wanted": int(num_symbols_B.sum()), "infeasible": int(infeasible)})

    def state(self) -> dict[str, Any]:
        """Plain sums, for other processes."""
        return {
            "sums": dict(self._sums),
            "vectors": (self._mean_V.tolist(), self._square_V.tolist()),
            "symbols": (self._said, self._wanted),
        }

    def merge(self, state: Mapping[str, Any]) -> None:
        """Another process's sums."""
        self._sums.add(state["sums"])
        mean_V, square_V = (torch.tensor(vector, dtype=torch.double) for vector in state["vectors"])
        self._mean_V = self._mean_V + mean_V
        self._square_V = self._square_V + square_V
        self._said.update(state["symbols"][0])
        self._wanted.update(state["symbols"][1])

    def figures(self) -> dict[str, float]:
        """The figures, by name."""
        sums, examples = self._sums, self._sums["examples"]
        if not examples:
            return {}
        frames = max(1.0, sums["frames"])
        spread_V = self._square_V / examples - (self._mean_V / examples).square()
        figures = {
            "probability/blank": sums["blank"] / frames,
            "probability/blank_frames": sums["blank_frames"] / frames,
            "probability/entropy": sums["entropy"] / frames,
            "probability/over_time": sums["over_time"] / examples,
            "text/empty": sums["empty"] / examples,
        }
        if examples > 1:
            figures["probability/over_examples"] = float(spread_V.sum().clamp(min=0).sqrt())
        if sums["wanted"]:
            figures["text/length_ratio"] = sums["said"] / sums["wanted"]
            figures["text/infeasible"] = sums["infeasible"] / examples
            symbol, count = self._said.most_common(1)[0] if self._said else (0, 0)
            share = self._wanted[symbol] / self._wanted.total()
            figures["text/top_symbol"] = count / max(1, self._said.total()) - share
        return figures


class BlankCollapse:
    """The recognizer says next to nothing: blank nearly everywhere, most answers empty.

    Every CTC net begins like this, and gets off it while its loss falls: then nothing is told.
    """

    def __init__(self, blank_frames: float = 0.98, empty: float = 0.5, validations: int = 2) -> None:
        self.blank_frames = blank_frames
        self.empty = empty
        self.validations = validations  # in a row, over which the loss has not fallen

    def __call__(self, evidence: Evidence) -> Iterator[Finding]:
        blanks = evidence.lately("probability/blank_frames", self.validations)
        empties = evidence.lately("text/empty", self.validations)
        if not blanks or not empties or min(blanks) < self.blank_frames or min(empties) < self.empty:
            return
        if evidence.falls("dev/loss", self.validations):
            return
        blank, empty = blanks[-1], empties[-1]
        yield Finding(
            "", "", f"It says blank in {blank:.1%} of the frames, and nothing at all in {empty:.0%} of the examples",
            "CTC begins like this; where it stays, change optimizer.lr or lengthen the warm-up, look at a few examples "
            "(silence? wrong references?), and try trainer=overfit: it must learn one batch by heart",
            {"blank_frames": blank, "empty": empty},
        )  # fmt: skip


class TemporalCollapse:
    """All frames of an example say the same: the time axis was pooled away, or never carried anything."""

    def __init__(self, least: float = 0.01, validations: int = 2) -> None:
        self.least = least
        self.validations = validations

    def __call__(self, evidence: Evidence) -> Iterator[Finding]:
        spreads = evidence.lately("probability/over_time", self.validations)
        if not spreads or max(spreads) >= self.least:
            return
        spread = spreads[-1]
        yield Finding(
            "", "", f"Frames of one example differ by {spread:.2g} only: the output does not vary over time",
            "Look for pooling over time in the model, a stride as long as the example, or attention that averages all "
            "frames; a CTC model needs a distribution for each moment",
            {"over_time": spread},
        )  # fmt: skip


class ProbabilityCollapse:
    """Every example gets the same answer: what is said does not depend on what is heard."""

    def __init__(self, least: float = 0.0005, top_symbol: float = 0.5, validations: int = 2) -> None:
        self.least = least
        self.top_symbol = top_symbol
        self.validations = validations

    def __call__(self, evidence: Evidence) -> Iterator[Finding]:
        spreads = evidence.lately("probability/over_examples", self.validations)
        tops = evidence.lately("text/top_symbol", self.validations)
        remedy = "Look whether the signal reaches the model (feature figures, gradient of the first layer), and whether"
        remedy += " the learning rate is so high that all units are stuck"
        if spreads and max(spreads) < self.least:
            text = f"Examples' mean outputs differ by {spreads[-1]:.2g} only: the output does not depend on the input"
            yield Finding("", "output", text, remedy, {"over_examples": spreads[-1]})
        if tops and min(tops) > self.top_symbol:
            text = f"One symbol is nearly all that is recognized: its share is {tops[-1]:.0%} above the one wanted"
            yield Finding("", "symbols", text, remedy, {"top_symbol": tops[-1]})


class WrongLength:
    """Far more, or far fewer, symbols than were wanted: lengths that are not those of the signal, or a lost axis.

    Answers that are mostly empty are not cut: that is a blank collapse. Nor are those that still grow in length.
    """

    def __init__(self, most: float = 1.5, least: float = 0.5, validations: int = 2, empty: float = 0.5) -> None:
        self.most = most
        self.least = least
        self.validations = validations
        self.empty = empty

    def __call__(self, evidence: Evidence) -> Iterator[Finding]:
        ratios = evidence.lately("text/length_ratio", self.validations)
        if not ratios:
            return
        ratio, figures = ratios[-1], {"length_ratio": ratios[-1]}
        if min(ratios) > self.most:
            yield Finding(
                "", "flood", f"{ratio:.2f} symbols are recognized for each one wanted: insertions flood the answers",
                "Compare the model's output lengths with the signals' (padding decoded as signal?), and the decoder's "
                "bonus; a repeated symbol needs a blank between",
                figures,
            )  # fmt: skip
        elif max(ratios) < self.least and ratio <= 1.1 * ratios[0] and (evidence.last("text/empty") or 0) < self.empty:
            yield Finding(
                "", "truncation", f"Only {ratio:.2f} symbols are recognized for each one wanted",
                "Compare the model's output lengths with the signals' (cut too short?), look at blank_frames, and give "
                "a beam decoder a bonus for each symbol",
                figures,
            )  # fmt: skip


class Infeasible:
    """Examples with fewer output frames than their symbols need: CTC cannot spell them, whatever it learns.

    Of training only some batches are looked at: what they had over the whole run counts.
    """

    def __init__(self, most: float = 0.0) -> None:
        self.most = most

    def __call__(self, evidence: Evidence) -> Iterator[Finding]:
        for name, where in (("text/infeasible", "the examples scored"), ("data/infeasible", "the training examples")):
            shares = [value for _, value in evidence.curves.get(name, ())]
            share = statistics.fmean(shares) if shares and name.startswith("data/") else evidence.last(name)
            if share is not None and share > self.most:
                yield Finding(
                    "", where, f"{share:.1%} of {where} have too few output frames for their symbols",
                    "Lower the model's stride, raise the feature's frame rate, or leave them out; zero_infinity hides "
                    "them: their loss counts 0, so the loss falls the less fits",
                    {"infeasible": share},
                )  # fmt: skip
