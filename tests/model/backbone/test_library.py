"""Where weights come from: folders of the library, folders of runs, and what is wrong with either."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from transformers import Wav2Vec2BertConfig, Wav2Vec2BertModel

from project.contract import InputError
from project.model.backbone.wav2vec2_bert import Wav2Vec2Bert
from project.model.backbone.whisper import Whisper

SIZES = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}
SIZES |= {"conv_depthwise_kernel_size": 5, "output_hidden_size": 32}


def run_folder(folder: Path, backbone: Wav2Vec2Bert) -> str:
    (folder / "checkpoints").mkdir(parents=True)
    (folder / "architecture.json").write_text(json.dumps(backbone.architecture))
    weights = {f"model.backbone.{name}": value for name, value in backbone.state_dict().items()}
    torch.save({"state_dict": {**weights, "model.head.weight": torch.zeros(2)}}, folder / "checkpoints" / "best.ckpt")
    return str(folder)


def test_a_backbone_out_of_a_run(tmp_path: Path) -> None:
    trained = Wav2Vec2Bert(config=SIZES)
    taken = Wav2Vec2Bert(init="local", source=run_folder(tmp_path, trained), config={"hidden_size": 7})
    assert taken.architecture == trained.architecture
    assert all(torch.equal(value, taken.state_dict()[name]) for name, value in trained.state_dict().items())
    with pytest.raises(InputError, match="it is of kind wav2vec2_bert, not whisper"):
        Whisper(init="local", source=str(tmp_path))


def test_a_run_whose_weights_do_not_fit(tmp_path: Path) -> None:
    folder = run_folder(tmp_path, Wav2Vec2Bert(config=SIZES))
    told = Wav2Vec2Bert(config=SIZES | {"intermediate_size": 48}).architecture
    (tmp_path / "architecture.json").write_text(json.dumps(told))
    with pytest.raises(InputError, match=r"does not fit its architecture\.json"):
        Wav2Vec2Bert(init="local", source=folder)


def test_what_the_library_would_drop_or_hide_in_training_is_off() -> None:
    config = Wav2Vec2Bert(config=SIZES).encoder.config
    assert (config.layerdrop, config.apply_spec_augment, config.mask_time_prob) == (0.0, False, 0.0)


def test_a_checkpoint_that_lacks_weights(tmp_path: Path) -> None:
    """Without an error such weights would stay random."""
    Wav2Vec2BertModel(Wav2Vec2BertConfig(**SIZES)).save_pretrained(tmp_path)
    settings = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps(settings | {"num_hidden_layers": 3}))
    with pytest.raises(InputError, match=r"does not hold encoder\.layers\.2.*name a checkpoint of that class"):
        Wav2Vec2Bert(init="pretrained", source=str(tmp_path))


@pytest.mark.parametrize(
    ("source", "config", "message"),
    [
        (None, {}, "source names nothing: name a model"),
        ("/nowhere/at/all", {}, "cannot be loaded"),
        ("nobody/has-published-this", {}, "set model.backbone.init=random"),
    ],
)
def test_sources_that_are_none(source: str | None, config: dict[str, int], message: str) -> None:
    with pytest.raises(InputError, match=message):
        Whisper(init="pretrained", source=source, config=config)


def test_a_key_that_the_configuration_does_not_know() -> None:
    with pytest.raises(InputError, match=r"config\.encoder_layer: WhisperConfig knows no such key"):
        Whisper(config={"encoder_layer": 2})
