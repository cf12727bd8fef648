"""Speech to text as a system: what it counts, what it scores, and a run that is stopped and goes on."""

from __future__ import annotations

import os
import signal
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jiwer
import pytest
import torch
from lightning.pytorch import Trainer
from lightning.pytorch.callbacks import Callback

from project import train
from project.build import assemble
from project.build.assemble import Recognizer
from project.build.compose import compose
from project.build.restore import restore
from project.contract import Batch, Config, InputError, Interrupted, TokenOutput
from project.data.manifest import Manifest
from project.decode.generate import Generate
from project.diagnosis.prior import ignorant
from project.loss.token import TokenLoss, without_ends
from project.run import Run
from project.scoring.reports import score
from project.system.stt import SttSystem
from project.text.alphabet import Alphabet

pytestmark = pytest.mark.long


EPOCHS, TRAIN = 20, 10


@pytest.fixture(scope="module")
def spoken(tones: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Manifests and sounds; texts begin with a capital and end with a point."""
    folder: Path = tones.corpus(tmp_path_factory.mktemp("spoken"), train=TRAIN, dev=5, test=4)
    return folder


def config_of(tones: Any, spoken: Path, folder: Path, *words: str, **sizes: Any) -> Config:
    parts = [f"data.manifest.{part}={spoken}/{part}.jsonl" for part in ("train", "dev", "test")]
    what = ["text=subwords", f"text.tokenizer={spoken}/tokenizer.json", "feature=samples", "feature.level=rms"]
    what += ["model=moonshine_small", "model.padding=exact", "loss=token", "weighting=token", "system=stt"]
    what += ["decode=generate", "decode.tokens_per_second=60", "metric=[wer,cer]", f"runs={folder}", "name=tones"]
    small = ["data.workers=0", "data.batching.max_batch_size=4", "optimizer.lr=0.01", "scheduler.warmup_steps=3"]
    small += [f"epochs={EPOCHS}", f"trainer.check_val_every_n_epoch={EPOCHS}", "callbacks.checkpoint.monitor=dev/wer"]
    config = compose("train", [*parts, *what, *small, *words])
    return config | {"model": config["model"] | {"config": {**tones.sizes, "attention_dropout": 0.05, **sizes}}}


@pytest.fixture(scope="module")
def run(tones: Any, spoken: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    config = config_of(tones, spoken, tmp_path_factory.mktemp("runs"))
    assert train.train(config, []) == 0
    (folder,) = (Path(config["runs"]) / "trial").glob("tones-*")
    return Run.open(folder)


@pytest.fixture(scope="module")
def recognizer(run: Run) -> Recognizer:
    return restore(run, run.config(), "last")


def batches(recognizer: Recognizer, part: str = "dev") -> Iterator[tuple[Batch, TokenOutput]]:
    for batch in recognizer.data.scoring_loader(recognizer.data.manifest(part)):
        with torch.no_grad():
            output, _ = recognizer.system.predict(batch)
        assert isinstance(output, TokenOutput)
        yield batch, output


def rows_of(batch: Batch) -> list[list[int]]:
    sizes = batch.targets["symbol_lengths"].tolist()
    return [row[:size] for row, size in zip(batch.targets["symbols"].tolist(), sizes, strict=True)]


def test_a_run_tells_what_it_learned(run: Run) -> None:
    curves = run.curves()
    assert {"dev/wer", "dev/cer", "dev/loss", "dev/token", "dev/token_accuracy", "dev/unreachable"} <= curves.keys()
    assert curves["train/token"][-1][1] < 0.5 * curves["train/token"][0][1]
    assert run.config()["text"]["case"] == "keep", "it was auto"


def test_tokens_that_are_right_given_the_right_ones(run: Run, recognizer: Recognizer) -> None:
    right = total = 0
    for batch, output in batches(recognizer):
        assert output.logits_BLV is not None
        for row, logits_LV in zip(rows_of(batch), output.logits_BLV, strict=True):
            right += sum(int(scores_V.argmax()) == token for token, scores_V in zip(row, logits_LV, strict=False))
            total += len(row)
    assert run.curves()["dev/token_accuracy"][-1][1] == pytest.approx(right / total)


def counted(recognizer: Recognizer, spoken: Path) -> Counter[int]:
    texts = [example.text or "" for example in Manifest.open(str(spoken / "train.jsonl"))]
    return Counter(token for text in texts for token in [*recognizer.spelling.alphabet.encode(text), 2])


def test_tokens_are_counted_as_they_are_learned(recognizer: Recognizer, spoken: Path) -> None:
    """Ends among them and padding not; all epochs of them, in the checkpoint."""
    system, expected = recognizer.system, counted(recognizer, spoken)
    assert isinstance(system, SttSystem)
    assert system.token_counts.tolist() == [EPOCHS * expected[n] for n in range(len(recognizer.spelling.alphabet))]
    assert system.token_counts[2] == EPOCHS * TRAIN


def test_who_has_not_listened_says_how_frequent_tokens_are(recognizer: Recognizer, spoken: Path) -> None:
    system, expected = recognizer.system, counted(recognizer, spoken)
    assert isinstance(system, SttSystem)
    size = len(recognizer.spelling.alphabet)
    total = sum(EPOCHS * expected[n] + 1 for n in range(size))
    batch, output = next(batches(recognizer))
    unheard = system.ignorant(output, batch)
    assert isinstance(unheard, TokenOutput)
    assert unheard.logits_BLV is not None
    log_probs_V = torch.tensor([(EPOCHS * expected[n] + 1) / total for n in range(size)]).log()
    torch.testing.assert_close(unheard.logits_BLV, log_probs_V.expand_as(unheard.logits_BLV))
    wanted = [float(log_probs_V[token]) for row in rows_of(batch) for token in row]
    assert system.loss(unheard, batch)["token"].item() == pytest.approx(-sum(wanted) / len(wanted), rel=1e-5)
    assert system.loss(output, batch)["token"] < system.loss(unheard, batch)["token"], "it has listened"


def test_a_second_head_is_measured_beside_one_that_has_not_listened(tones: Any) -> None:
    model, batch = tones.model(ctc=True, padding="exact").eval(), tones.batch()
    system = SttSystem(model, TokenLoss(), torch.nn.Identity(), Generate(tones.vocabulary), {})  # type: ignore[arg-type]
    with torch.no_grad():
        output = model(batch)
    unheard = system.ignorant(output, batch)
    assert isinstance(unheard, TokenOutput)
    assert unheard.auxiliary is not None
    best = ignorant(output.auxiliary, without_ends(batch))
    assert best is not None
    torch.testing.assert_close(unheard.auxiliary.log_probs_BTV, best.log_probs_BTV)


@pytest.mark.parametrize(
    "changes", [{"no_repeat": 2}, {"no_repeat": 1}, {"tokens_per_second": 25, "extra_tokens": 0}, {}], ids=str
)
def test_references_that_settings_cannot_write_are_counted(recognizer: Recognizer, changes: dict[str, Any]) -> None:
    own, settings = recognizer.system, {"tokens_per_second": 60, "extra_tokens": 2, "no_repeat": 0, **changes}
    decoder = Generate(recognizer.spelling.alphabet, **settings)
    system = SttSystem(own.model, own.loss, own.weighting, decoder, {})
    found, expected, size = 0.0, 0, settings["no_repeat"]
    for batch, output in batches(recognizer):
        found += system.check(output, batch).counts["unreachable"]
        for row, samples in zip(rows_of(batch), batch.lengths_B.tolist(), strict=True):
            text = row[:-1]
            grams = [tuple(text[at : at + size]) for at in range(len(text) - size + 1)] if size else []
            limit = samples / 16000 * settings["tokens_per_second"] + settings["extra_tokens"]
            expected += len(text) > limit or any(grams.count(one) > 1 for one in grams)
    assert found == expected
    assert bool(expected) == bool(changes)
    assert system.ratios({"right": 1, "tokens": 4, "references": 5, "unreachable": 2})["unreachable"] == 0.4


def test_answers_are_normalized_as_references_are(run: Run, recognizer: Recognizer, spoken: Path) -> None:
    """It learned capitals and points; neither is scored."""
    said = [one.text for batch, output in batches(recognizer, "train") for one in recognizer.system.decoder(output)]
    assert any(text != text.lower() for text in said)
    report = score(run, asked(run, "checkpoint=last", f"data.manifest={spoken}/train.jsonl"))
    assert all(row.hypothesis == row.hypothesis.lower().strip(".") for row in report.rows)
    assert not any("." in row.reference for row in report.rows)
    expected = jiwer.wer([row.reference for row in report.rows], [row.hypothesis for row in report.rows])
    assert report.metrics["wer"] == pytest.approx(expected)
    assert report.metrics["wer"] < 0.5, (
        "had capitals and points been counted, no more than the words between were right"
    )
    assert report.protocol.text == {"normalize": ["nfc@1", "lower@1", "strip_punctuation@1", "squeeze_spaces@1"]}


def asked(run: Run, *words: str) -> Config:
    return compose("evaluate", [f"run={run.folder}", "device=cpu", "resamples=50", "print_samples=0", *words])


def test_an_evaluation_gives_the_figures_of_training(run: Run, spoken: Path) -> None:
    report = score(run, asked(run, "checkpoint=last", f"data.manifest={spoken}/dev.jsonl"))
    curves = run.curves()
    for name in ("wer", "cer"):
        assert report.metrics[name] == pytest.approx(curves[f"dev/{name}"][-1][1], abs=1e-6)
    assert report.protocol.decode["decode"] == "generate@1"
    assert report.protocol.adapter == "none"
    assert report.protocol.batching == "padded"


def test_a_run_stands_alone(run: Run, spoken: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The tokenizer that it was made with may be gone: its folder has one."""
    monkeypatch.chdir(tmp_path)
    hidden = spoken / "tokenizer.away"
    (spoken / "tokenizer.json").rename(hidden)
    try:
        again = restore(run, run.config(), "last")
        assert again.spelling.alphabet.hash == type(again.spelling.alphabet).load(run.folder).hash
    finally:
        hidden.rename(spoken / "tokenizer.json")


class Strike(Callback):
    """Asks this process to stop when a step has ended."""

    def __init__(self, step: int) -> None:
        self.step = step

    def on_train_batch_end(self, trainer: Trainer, *_: Any) -> None:
        if trainer.global_step == self.step:
            os.kill(os.getpid(), signal.SIGTERM)


@pytest.mark.parametrize("step", [2, 5])
def test_stopped_and_resumed_equals_undisturbed(
    tones: Any, spoken: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    """Three steps an epoch, three epochs: counts of tokens, dropout and all."""
    few = ["epochs=3", "trainer.check_val_every_n_epoch=1", "model.ctc=true", "weighting=token_ctc", "decode.beams=2"]
    config = config_of(tones, spoken, tmp_path, *few, attention_dropout=0.2)
    whole, parts = Run(tmp_path / "whole"), Run(tmp_path / "parts")
    train.fit(whole, config, train.build(config))
    build = assemble.build_trainer

    def struck(*arguments: Any) -> Trainer:
        trainer = build(*arguments)
        trainer.callbacks.insert(0, Strike(step))  # type: ignore[attr-defined]
        return trainer

    with monkeypatch.context() as patch:
        patch.setattr(assemble, "build_trainer", struck)
        with pytest.raises(Interrupted):
            train.fit(parts, config, train.build(config))
    assert torch.load(parts.last, weights_only=True)["global_step"] == step
    train.fit(parts, config, train.build(config))
    assert whole.metrics_file.read_text() == parts.metrics_file.read_text()
    for name in ("last", "best"):
        one, other = (torch.load(getattr(run, name), weights_only=True)["state_dict"] for run in (whole, parts))
        assert one.keys() == other.keys()
        assert all(torch.equal(one[key], other[key]) for key in one), name
    assert "model.auxiliary_head.weight" in one
    assert one["token_counts"].sum() > 0


def test_what_does_not_fit_together_is_told(tones: Any, spoken: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="this loss does not teach that head"):
        train.build(config_of(tones, spoken, tmp_path, "model.ctc=true", "loss=ctc", "weighting=fixed"))
    config = config_of(tones, spoken, tmp_path)
    with pytest.raises(InputError, match="set text=subwords"):
        train.build(config | {"text": compose("train", ["text=morse"])["text"]})
    with pytest.raises(InputError, match="set text=subwords"):
        Generate(Alphabet(("A",)))  # type: ignore[arg-type]
