"""Encoders broken as they were where "mel models fail" was written down: the diagnosis tells, and sound ones pass.

None of them gives an error, and the loss of each falls.
"""

from __future__ import annotations

import warnings
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from project.build.bind import make
from project.build.compose import compose
from project.contract import Batch, Emissions, Hypothesis
from project.decode.greedy import Greedy
from project.diagnosis.evidence import Evidence, run_checks
from project.diagnosis.extent import ExtentSums, ForeignLength
from project.diagnosis.gradient import gradient_figures, parts_of
from project.diagnosis.mates import mates_figures
from project.diagnosis.validation import ValidationSums
from project.loss.ctc import CTC
from project.model.backbone.wav2vec2_bert import Wav2Vec2Bert
from project.model.backbone.wave_transformer import WaveTransformer
from project.model.backbone.whisper import Whisper
from project.model.ssl_ctc import SSLCTC
from project.model.tuning import Tuning
from project.text.alphabet import Alphabet

pytestmark = pytest.mark.long


ABC = Alphabet(("P", "T", "K", "S", "M"))
TONE = 1600  # samples of a symbol
CLIP = 60  # output frames of the clip that Whisper hears here

MEL = {"d_model": 32, "encoder_layers": 2, "encoder_attention_heads": 2, "encoder_ffn_dim": 64, "dropout": 0.0}
WIDE = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}
CALM = {"hidden_dropout": 0.0, "attention_dropout": 0.0, "activation_dropout": 0.0, "feat_proj_dropout": 0.0}
BERT = WIDE | CALM | {"conformer_conv_dropout": 0.0, "conv_depthwise_kernel_size": 5, "output_hidden_size": 32}
WAVE = WIDE | CALM | {"conv_dim": [32] * 7, "num_conv_pos_embeddings": 4, "num_conv_pos_embedding_groups": 2}


class ClipLong(Whisper):  # type: ignore[misc]
    """Frames of the whole clip for each example, its silence included."""

    def num_output_frames(self, num_samples: Tensor) -> Tensor:
        return torch.full_like(num_samples, CLIP)


class HalvedTwice(Wav2Vec2Bert):  # type: ignore[misc]
    """Lengths divided by the two frames that were stacked, once more."""

    def forward(self, wave_BN: Tensor, lengths_B: Tensor) -> tuple[Tensor, Tensor]:
        features_BTD, frames_B = super().forward(wave_BN, lengths_B)
        return features_BTD, (frames_B // 2).clamp(min=1)


def whisper(backbone: type[Whisper] = Whisper) -> nn.Module:
    torch.manual_seed(0)
    return SSLCTC(len(ABC), backbone(config=MEL | {"max_source_positions": CLIP}), dropout=0.0)


def bert(backbone: type[Wav2Vec2Bert] = Wav2Vec2Bert) -> nn.Module:
    torch.manual_seed(0)
    return SSLCTC(len(ABC), backbone(config=BERT), dropout=0.0)


def half_frozen(is_reentrant: bool) -> nn.Module:
    """The upper layer is to learn, with layers run again for the gradients: our way, or the re-entrant one."""
    torch.manual_seed(0)
    backbone = WaveTransformer("wav2vec2", config=WAVE | {"feat_extract_norm": "layer"})
    tuning = Tuning(mode="last", last_layers=1, checkpointing=not is_reentrant)
    model = SSLCTC(len(ABC), backbone, dropout=0.0, tuning=tuning)
    for layer in backbone.layers if is_reentrant else ():
        layer.forward = partial(again, layer.forward)  # type: ignore[method-assign]
    return model


def again(forward: Callable[..., Any], x_BTD: Tensor, **named: Any) -> Any:
    return checkpoint(partial(forward, **named), x_BTD, use_reentrant=True)


def tones(seed: int, size: int = 8) -> Batch:
    """Utterances of three to eight symbols, each a tone of its own, with a short silence behind."""
    draw = torch.Generator().manual_seed(seed)
    counts_B = torch.randint(3, 9, (size,), generator=draw)
    rows = [torch.randint(1, len(ABC), (int(count),), generator=draw) for count in counts_B]
    waves = [torch.cat([tone(int(symbol)) for symbol in row]) for row in rows]
    waves = [wave + 0.01 * torch.randn(len(wave), generator=draw) for wave in waves]
    signals_BTF = nn.utils.rnn.pad_sequence(waves, batch_first=True)[..., None]
    targets = {"symbols": nn.utils.rnn.pad_sequence(rows, batch_first=True), "symbol_lengths": counts_B}
    texts = tuple(ABC.decode(row.tolist()) for row in rows)
    return Batch(tuple(f"{seed}-{row}" for row in range(size)), signals_BTF, counts_B * TONE, targets, texts)


def tone(symbol: int) -> Tensor:
    wave_N = 1.5 * torch.sin(torch.arange(TONE) * 2 * torch.pi * 350 * symbol / 16000)
    wave_N[-TONE // 4 :] = 0
    return wave_N


@dataclass(frozen=True)
class Watched:
    """What was said of a run, and what became of it."""

    found: set[tuple[str, str]]  # check and subject
    losses: list[float]
    right: int  # of 16 texts at the end


def watch(model: nn.Module, steps: int) -> Watched:
    """Trains, measures what every run measures, validates four times, and runs the checks that every run has."""
    train, dev = [tones(seed) for seed in range(16)], [tones(98), tones(99)]
    loss, decode = CTC(), Greedy(ABC)
    optimizer = torch.optim.AdamW([one for one in model.parameters() if one.requires_grad], lr=3e-3)
    curves: dict[str, list[tuple[int, float]]] = defaultdict(list)
    losses, right = [], 0

    def predict(batch: Batch) -> tuple[Emissions, list[Hypothesis]]:
        output: Emissions = model(batch)
        return output, decode(output)

    for step in range(1, steps + 1):
        model.train()
        batch = train[step % len(train)]
        term = loss(model(batch), batch)["ctc"]
        optimizer.zero_grad()
        term.backward()
        losses.append(term.item())
        figures = gradient_figures(parts_of(model)) if step % (steps // 4) == 0 else {}
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        if step % (steps // 4) == 0:
            measured, right = validated(model.eval(), predict, dev)
            for name, value in (figures | measured).items():
                curves[name].append((step, value))
    checks: dict[str, Any] = make(compose("train")["callbacks"]["diagnosis"]["checks"], "checks")
    findings = run_checks(checks | {"foreign_length": ForeignLength()}, Evidence(curves))
    return Watched({(finding.check, finding.subject) for finding in findings}, losses, right)


@torch.no_grad()
def validated(
    model: nn.Module, predict: Callable[[Batch], tuple[Emissions, list[Hypothesis]]], dev: list[Batch]
) -> tuple[dict[str, float], int]:
    """The figures of a validation, and how many texts are right."""
    seen, extents, right, total = ValidationSums(), ExtentSums(), 0, 0.0
    for batch in dev:
        output, answers = predict(batch)
        seen.add(output, answers, batch)
        extents.add(output, batch)
        total += float(CTC()(output, batch)["ctc"]) / len(dev)
        right += sum(one.text == text for one, text in zip(answers, batch.references, strict=True))
    return {**seen.figures(), **extents.figures(), **mates_figures(predict, dev), "dev/loss": total}, right


@pytest.mark.parametrize(("build", "steps"), [(whisper, 80), (bert, 60)])
def test_sound_ones_learn_and_nothing_is_found(build: Callable[[], nn.Module], steps: int) -> None:
    run = watch(build(), steps)
    assert run.right == 16
    assert run.found == set()


def test_whisper_with_the_frames_of_its_clip_for_every_example() -> None:
    run = watch(whisper(ClipLong), 40)
    assert run.losses[-1] < run.losses[0] / 2
    assert ("foreign_length", "fixed") in run.found


def test_wav2vec2_bert_with_lengths_that_are_halved_twice() -> None:
    """The second half of every example is never read; the first must answer for it, and learns that by heart."""
    run = watch(bert(HalvedTwice), 60)
    assert run.losses[-1] < run.losses[0] / 2
    assert run.right < 4
    assert ("foreign_length", "unused") in run.found


def test_frozen_lower_layers_under_reentrant_checkpointing() -> None:
    """The head learns what it can of an encoder that stands still."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="None of the inputs have requires_grad=True")
        run = watch(half_frozen(is_reentrant=True), 40)
    assert run.losses[-1] < run.losses[0]
    assert ("gradient_size", "backbone") in run.found


def test_frozen_lower_layers_under_our_checkpointing() -> None:
    assert not [check for check, _ in watch(half_frozen(is_reentrant=False), 40).found if check == "gradient_size"]
