"""Training at real size: examples a second, TFLOP/s and their share of what the device's matrix units reach.

Each row is an experiment with random weights, on recordings of noise or examples made anew; ours and a hand-written
loop take turns over the same batches. It runs on the CPU too, where the real sizes take long.
"""

from __future__ import annotations

import gc
import statistics
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode

from project.benchmark import noise_corpus
from project.benchmark.loop import BLOCK, WARM_UP, HandWritten, Turns, now, train
from project.benchmark.table import Table
from project.build.assemble import Recognizer, build_recognizer, check_experiment, settle
from project.build.compose import compose
from project.contract import Batch, Config

TITLE = "Training at real size"
CYCLE = 8  # batches that both loops go through again and again
COLUMNS = (
    "model", "parameters", "training", "a batch", "padding %", "examples/s", "TFLOP/s", "share of peak %",
    "peak memory GiB", "by hand, examples/s", "speed ratio",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Cost:
    """What one cycle of batches takes."""

    examples: int
    flops: float
    padding: float  # the share of frames that are padding


class Gpu:
    """One row an experiment: name -> words of `scansion train`, run in bf16 on the device."""

    def __init__(
        self,
        rows: Mapping[str, Sequence[str]],
        device: str = "auto",
        steps: int = 20,
        rounds: int = 5,
        clips: int = 256,
        seconds: Sequence[float] = (10.0, 20.0),
        vocabulary: int = 32_768,
    ) -> None:
        self.rows = rows
        self.device = torch.device("cuda" if device == "auto" else device)
        self.steps = steps
        self.rounds = rounds
        self.clips = clips
        self.seconds = (seconds[0], seconds[1])
        self.vocabulary = vocabulary

    def run(self) -> Table:
        """All rows, one after the other; a row's memory is freed before the next."""
        if self.device.type == "cuda" and not torch.cuda.is_available():
            return Table(TITLE, COLUMNS, (), ("there is no GPU here; benchmark.device=cpu takes hours",))
        peak = matrix_peak(self.device)
        with tempfile.TemporaryDirectory() as folder:
            said = corpus_words(Path(folder), self.clips, self.seconds)
            noise_corpus.vocabulary(self.vocabulary).save(Path(folder) / "tokenizer.json")
            own = {name: [word.replace("{folder}", folder) for word in words] for name, words in self.rows.items()}
            rows = [self._row(name, [*words, *said], peak) for name, words in own.items()]
        name = torch.cuda.get_device_name(self.device) if self.device.type == "cuda" else "CPU"
        notes = (
            f"{name}: bfloat16 matrices of 8192 (CPU: 1024) multiply at {peak / 1e12:.1f} TFLOP/s, measured first",
            f"{self.rounds} rounds of {self.steps} steps, ten by turns, medians; recordings of "
            f"{self.seconds[0]:g} to {self.seconds[1]:g} s",
            "TFLOP/s: matrix products, convolutions and attention of forward and backward pass, as torch counts them; "
            "recurrent layers of cuDNN are not counted, recomputation of checkpointed blocks is",
        )
        return Table(TITLE, COLUMNS, tuple(rows), notes)

    def _row(self, name: str, words: Sequence[str], peak: float) -> tuple[Any, ...]:
        accelerator = "gpu" if self.device.type == "cuda" else "cpu"
        config = compose("train", [*words, "trainer.precision=bf16-mixed", f"trainer.accelerator={accelerator}"])
        check_experiment(config)
        settle(config)
        recognizer = build_recognizer(config, training=True)
        batches = [batch.to(self.device) for batch in islice(recognizer.data.train_dataloader(), CYCLE)]
        hand = self._yardstick(config, batches)
        cost = cost_of(hand, batches)
        turns = Turns(hand)
        if self.device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(self.device)
        train(config, recognizer.system, batches, WARM_UP + self.steps * self.rounds, turns)
        memory = torch.cuda.max_memory_allocated(self.device) / 2**30 if self.device.type == "cuda" else float("nan")
        row = self._figures(name, recognizer, cost, turns, peak, memory)
        del recognizer, hand, turns, batches
        gc.collect()
        return row

    def _yardstick(self, config: Config, batches: Sequence[Batch]) -> HandWritten:
        system = build_recognizer(config, training=True).system.to(self.device)
        return HandWritten(system, batches, half=True)

    def _figures(
        self, name: str, recognizer: Recognizer, cost: Cost, turns: Turns, peak: float, memory: float
    ) -> tuple[Any, ...]:
        parameters = list(recognizer.system.model.parameters())
        trained = sum(one.numel() for one in parameters if one.requires_grad)
        ours, hand = (BLOCK / statistics.median(blocks) for blocks in (turns.ours, turns.hand))  # steps a second
        ratio = statistics.median(theirs / mine for mine, theirs in zip(turns.ours, turns.hand, strict=True))
        size, flops = cost.examples / CYCLE, cost.flops / CYCLE * ours
        return (
            name, f"{sum(one.numel() for one in parameters) / 1e6:.1f} M", f"{trained / 1e6:.2f} M", round(size, 1),
            round(100 * cost.padding, 1), round(ours * size, 1), round(flops / 1e12, 2),
            round(100 * flops / peak, 1), round(memory, 2), round(hand * size, 1), round(ratio, 3),
        )  # fmt: skip


def corpus_words(folder: Path, clips: int, seconds: tuple[float, float]) -> list[str]:
    """Noise to train on and to validate with, as words of an experiment; those that make their own do not read it."""
    train_manifest = noise_corpus.make(folder, clips, seconds, seed=0)
    dev_manifest = noise_corpus.make(folder, 2, seconds, seed=1)
    return [
        f"data.manifest.train={train_manifest}",
        f"data.manifest.dev={dev_manifest}",
        "data.workers=0",
        "epochs=100",
    ]


def cost_of(yardstick: HandWritten, batches: Sequence[Batch]) -> Cost:
    """Examples, operations and padding of a cycle; the operations of one pass, counted."""
    system, counter = yardstick.system, FlopCounterMode(display=False)
    with counter:
        for batch in batches:
            with torch.autocast(yardstick.device.type, torch.bfloat16):
                loss, _ = system.weighting(system.loss(system.model(batch), batch))
            loss.backward()  # type: ignore[no-untyped-call]
    system.zero_grad()
    real = sum(int(batch.lengths_B.sum()) for batch in batches)
    padded = sum(batch.signals_BTF.shape[0] * batch.signals_BTF.shape[1] for batch in batches)
    return Cost(sum(len(batch) for batch in batches), float(counter.get_total_flops()), 1 - real / padded)


def matrix_peak(device: torch.device) -> float:
    """Operations a second of large bfloat16 products: the most that can be asked of this device."""
    size, repeats = (8192, 20) if device.type == "cuda" else (1024, 5)
    left, right = (torch.randn(size, size, device=device, dtype=torch.bfloat16) for _ in range(2))
    for _ in range(3):
        left @ right
    best = float("inf")
    for _ in range(5):
        started = now(device)
        for _ in range(repeats):
            left @ right
        best = min(best, (now(device) - started) / repeats)
    return 2 * size**3 / best
