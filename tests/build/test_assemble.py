"""From a configuration to its parts: what is refused before anything is built, and what is left out."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from project import train
from project.build.assemble import build_recognizer, build_trainer, check_experiment
from project.build.compose import compose
from project.contract import Config, InputError


@pytest.fixture
def outside(morse: Path, tmp_path: Path) -> Path:
    """The dev manifest with a symbol that plain Morse lacks in its second line."""
    lines = [json.loads(line) for line in (morse / "dev.jsonl").read_text().splitlines()]
    for line in lines:
        del line["labels"]
        line["media"] = f"file://{morse / line['media']}"
    lines[1]["text"] = "QTH? PARIS"
    manifest = tmp_path / "outside.jsonl"
    manifest.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return manifest


def test_a_reference_of_dev_that_cannot_be_spelled_is_told_before_training(tiny: list[str], outside: Path) -> None:
    config = compose("train", [*tiny, f"data.manifest.dev={outside}"])
    with pytest.raises(InputError, match=r"outside\.jsonl:2: dev-\d+: not in the alphabet: '\?'"):
        train.build(config)


def test_it_can_be_counted_as_errors_instead(tiny: list[str], outside: Path) -> None:
    config = compose("train", [*tiny, f"data.manifest.dev={outside}", "text.uncovered=count"])
    recognizer = train.build(config)
    references = [text for batch in recognizer.data.val_dataloader() for text in batch.references]
    assert "QTH? PARIS" in references
    with pytest.raises(InputError, match=r"text\.uncovered: 'x' is not refuse or count"):
        train.build(compose("train", [*tiny, "text.uncovered=count"]) | {"text": config["text"] | {"uncovered": "x"}})


def test_who_only_recognizes_needs_nothing_of_what_was_learned_from() -> None:
    """The folder of recorded letters is not even named."""
    config = compose("train", ["experiment=sign/fingerspelling", "model.size=tiny"])
    assert build_recognizer(config, training=False).data.fresh is None
    with pytest.raises(InputError, match=r"data\.fresh\.folder is missing"):
        build_recognizer(config, training=True)


def test_a_head_that_no_loss_teaches_is_refused() -> None:
    small = ["model.size=tiny", "data.fresh.portions.num_examples=16", "scheduler.warmup_steps=0"]
    sign = ["experiment=sign/baseline", *small, "model.auxiliary=true"]
    with pytest.raises(InputError, match=r"model\.auxiliary=true: this loss does not teach that head"):
        build_recognizer(compose("train", sign), training=True)
    taught = compose("train", [*sign, "loss=ctc_vac", "weighting=vac"])
    assert build_recognizer(taught, training=True).system.model.auxiliary_head is not None


def test_a_pace_that_no_loss_teaches_is_refused_or_kept() -> None:
    small = ["model.channels=8", "data.fresh.portions.num_examples=16", "scheduler.warmup_steps=0"]
    words = ["experiment=morse/baseline", *small, "data.fresh.portions.seconds=[2,3]"]
    told = build_recognizer(compose("train", words), training=True).system.model
    assert all(one.requires_grad for one in told.parameters())
    untold = [*words, "loss=ctc", "weighting=fixed"]
    with pytest.raises(InputError, match=r"set loss=ctc_paced weighting=paced, or begin with a run"):
        build_recognizer(compose("train", untold), training=True)
    kept = build_recognizer(compose("train", [*untold, "init_from=another"]), training=True).system.model
    assert {name.partition(".")[0] for name, one in kept.named_parameters() if not one.requires_grad} == {
        "enter",
        "finder",
    }


@pytest.mark.parametrize("precision", ["bf16-true", "16-true"])
def test_arithmetic_that_losses_cannot_bear_is_refused(precision: str) -> None:
    with pytest.raises(InputError, match=f"trainer.precision={precision}: .* give bf16-mixed or 16-mixed"):
        check_experiment(compose("train", [f"trainer.precision={precision}"]))


def test_without_a_metric_nothing_would_be_scored() -> None:
    with pytest.raises(InputError, match="metric: none is chosen"):
        check_experiment(compose("train", ["metric=[]"]))


def test_a_callback_can_be_switched_off(config: Config, tmp_path: Path) -> None:
    without = config | {"callbacks": config["callbacks"] | {"outgrown": None, "milestones": None}}
    names = {type(one).__name__ for one in build_trainer(without, tmp_path, "run").callbacks}  # type: ignore[attr-defined]
    assert "Checkpoint" in names
    assert not names & {"Outgrown", "Milestones"}


def test_milestones_can_be_named_on_the_command_line() -> None:
    config = compose("train", ["callbacks.milestones.expected={5: {dev/wer: 0.9}}"])
    assert config["callbacks"]["milestones"]["expected"] == {5: {"dev/wer": 0.9}}
    assert check_experiment(config)
