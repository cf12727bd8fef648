"""The four encoders, against the library's own use of them, and the three ways to their weights."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from torch import Tensor

from project.contract import InputError
from project.model.backbone import exact_padding
from project.model.backbone.wave_transformer import WaveTransformer, receptive_field, through

TINY: dict[str, Any] = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32}
TINY |= {"conv_dim": [16] * 7, "num_conv_pos_embeddings": 4, "num_conv_pos_embedding_groups": 2}
SHAPE = {"feat_extract_norm": "layer", "do_stable_layer_norm": True}  # Data2Vec has one shape alone
LARGE = TINY | SHAPE | {"conv_bias": True}
KINDS: dict[str, Any] = {
    "wav2vec2": transformers.Wav2Vec2Model,
    "hubert": transformers.HubertModel,
    "wavlm": transformers.WavLMModel,
    "data2vec": transformers.Data2VecAudioModel,
}
LENGTHS = (9000, 7001, 5200, 1700, 300)


def made(kind: Any = "wav2vec2", config: dict[str, Any] = TINY, **options: Any) -> WaveTransformer:
    torch.manual_seed(0)
    if kind == "data2vec":
        config = {key: value for key, value in config.items() if key not in SHAPE}
    return WaveTransformer(kind, config=config, **options).eval()


def waves(*lengths: int) -> tuple[Tensor, Tensor]:
    wave_BT = torch.zeros(len(lengths), max(lengths))
    for row, length in zip(wave_BT, lengths, strict=True):
        row[:length] = torch.randn(length, generator=torch.Generator().manual_seed(length))
    return wave_BT, torch.tensor(lengths)


@torch.no_grad()
def distance(first: WaveTransformer, second: WaveTransformer) -> float:
    """The largest difference between examples in a batch that the one hears and each alone that the other hears."""
    together_BTD, frames_B = first(*waves(*LENGTHS))
    worst = 0.0
    for row_TD, length, frames in zip(together_BTD, LENGTHS, frames_B.tolist(), strict=True):
        alone_BTD, alone_B = second(*waves(length))
        assert alone_B.tolist() == [frames]
        worst = max(worst, float((row_TD[:frames] - alone_BTD[0]).abs().max()))
    return worst


@pytest.mark.filterwarnings("ignore:.*mismatched key_padding_mask:UserWarning")
@pytest.mark.parametrize("config", [TINY, LARGE], ids=["group", "layer"])
@pytest.mark.parametrize("kind", KINDS)
@torch.no_grad()
def test_it_says_what_the_librarys_own_says(kind: str, config: dict[str, Any]) -> None:
    backbone = made(kind, config)
    own = KINDS[kind](backbone.model.config).eval()
    own.load_state_dict(backbone.model.state_dict())
    wave_BT, lengths_B = waves(*LENGTHS[:-1])
    mask_BT = (torch.arange(wave_BT.shape[1]) < lengths_B[:, None]).long()
    expected = own(wave_BT, attention_mask=mask_BT, output_hidden_states=True)
    found_BTD, frames_B = backbone(wave_BT, lengths_B)
    layers, again_B = backbone.all_layers(wave_BT, lengths_B)
    assert frames_B.tolist() == own._get_feat_extract_output_lengths(lengths_B).tolist() == again_B.tolist()
    assert len(layers) == len(expected.hidden_states) == len(backbone.layers) + 1
    for row, frames in enumerate(frames_B.tolist()):
        torch.testing.assert_close(found_BTD[row, :frames], expected.last_hidden_state[row, :frames])
        for mine_BTD, theirs_BTD in zip(layers, expected.hidden_states, strict=True):
            torch.testing.assert_close(mine_BTD[row, :frames], theirs_BTD[row, :frames])


def test_nothing_of_the_librarys_training_tricks_is_on() -> None:
    for kind in KINDS:
        config = made(kind).model.config
        assert (config.layerdrop, config.mask_time_prob, config.mask_feature_prob) == (0, 0, 0)
        assert not config.add_adapter
        assert not hasattr(made(kind).model, "masked_spec_embed")


@torch.no_grad()
def test_lengths_are_those_of_the_output_at_every_length() -> None:
    backbone = made(config=TINY | {"num_hidden_layers": 1})
    for length in (*range(1, 30, 7), *range(390, 411), *range(715, 726), 1039, 1040, 5000, 12345):
        said_BTD, frames_B = backbone(*waves(length))
        assert said_BTD.shape[1] == int(frames_B[0]) == int(backbone.num_output_frames(torch.tensor(length)))
        assert torch.isfinite(said_BTD).all()


def test_other_convolutions_have_other_rates() -> None:
    steps = {"conv_dim": [16] * 3, "conv_kernel": [8, 4, 4], "conv_stride": [8, 4, 2], "num_feat_extract_layers": 3}
    backbone = made(config=TINY | steps)
    assert backbone.frame_rate == 250
    said_BTD, frames_B = backbone(*waves(4000))
    assert said_BTD.shape[1] == int(frames_B[0])


def test_the_receptive_field_is_the_shortest_that_gives_a_frame() -> None:
    steps = [(10, 5), (3, 2), (4, 3)]
    reach = receptive_field(steps)
    assert through(steps, torch.tensor([reach - 1, reach])).tolist() == [0, 1]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("config", [TINY, LARGE], ids=["group", "layer"])
def test_padding_matters_exactly_where_it_says_so(kind: str, config: dict[str, Any]) -> None:
    backbone = made(kind, config)
    assert backbone.mixes_padding == (config is TINY or kind == "data2vec")
    assert (distance(backbone, backbone) > 1e-2) == backbone.mixes_padding


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("config", [TINY, LARGE], ids=["group", "layer"])
def test_with_exact_padding_every_example_is_as_the_library_has_it_alone(kind: str, config: dict[str, Any]) -> None:
    library, exact = made(kind, config), made(kind, config, padding="exact")
    assert not exact.mixes_padding
    assert exact.state_dict().keys() == library.state_dict().keys()
    assert distance(exact, library) < 1e-4


def test_what_lies_in_the_padding_does_not_matter_to_the_exact_norm() -> None:
    norm = torch.nn.GroupNorm(4, 4)
    torch.nn.init.normal_(norm.weight)
    own = exact_padding.OwnTimeNorm(norm)
    own.lengths_B = torch.tensor([9, 4])
    x_BCT = torch.randn(2, 4, 9, generator=torch.Generator().manual_seed(0))
    x_BCT[1, :, 4:] = 1e4
    said_BCT = own(x_BCT)
    torch.testing.assert_close(said_BCT[:1], norm(x_BCT[:1]))
    torch.testing.assert_close(said_BCT[1:, :, :4], norm(x_BCT[1:, :, :4]))


def test_a_copy_stands_on_its_own() -> None:
    backbone = made("data2vec", padding="exact")
    twin = copy.deepcopy(backbone)
    backbone(*waves(9000))
    assert distance(twin, twin) < 1e-4


@pytest.mark.parametrize("kind", KINDS)
def test_saved_by_the_library_it_is_loaded_with_all_its_weights(kind: Any, tmp_path: Path) -> None:
    config = LARGE | {"mask_time_prob": 0.05, "layerdrop": 0.1}
    saved = KINDS[kind](made(kind).model.config_class(**config)).eval()
    saved.save_pretrained(tmp_path)
    backbone = WaveTransformer(kind, init="pretrained", source=str(tmp_path), config={"hidden_size": 999}).eval()
    state = backbone.model.state_dict()
    assert saved.state_dict().keys() - state.keys() == {"masked_spec_embed"}
    assert all(torch.equal(value, saved.state_dict()[name]) for name, value in state.items())
    again = WaveTransformer(kind, architecture=json.loads(json.dumps(dict(backbone.architecture)))).eval()
    again.load_state_dict(backbone.state_dict())
    assert torch.equal(again(*waves(3000))[0], backbone(*waves(3000))[0])


def test_a_model_with_a_head_gives_its_encoder(tmp_path: Path) -> None:
    """As phoneme checkpoints are: what was learned is taken, the head is left out."""
    saved = transformers.Wav2Vec2ForCTC(transformers.Wav2Vec2Config(**LARGE, vocab_size=9))
    saved.half().save_pretrained(tmp_path)
    state = WaveTransformer("wav2vec2", init="pretrained", source=str(tmp_path)).state_dict()
    assert all(value.dtype == torch.float32 for value in state.values())
    name = "encoder.layers.1.attention.v_proj.weight"
    assert torch.equal(state[f"model.{name}"], saved.state_dict()[f"wav2vec2.{name}"].float())


def test_what_is_not_there_or_is_another_thing_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"source facebook/wav2vec2-base: it cannot be loaded .*init=random"):
        WaveTransformer("wav2vec2", init="pretrained", source="facebook/wav2vec2-base")
    with pytest.raises(InputError, match=r"source names nothing: name a model"):
        WaveTransformer("wav2vec2", init="pretrained")
    made("hubert").model.save_pretrained(tmp_path)
    with pytest.raises(InputError, match=r"it is a hubert model, not wav2vec2: name another"):
        WaveTransformer("wav2vec2", init="pretrained", source=str(tmp_path))
    with pytest.raises(InputError, match=r"config\.hiden_size: Wav2Vec2Config knows no such key"):
        made(config={"hiden_size": 3})


def run_folder(folder: Path, backbone: WaveTransformer, **changes: Any) -> Path:
    (folder / "checkpoints").mkdir(parents=True)
    (folder / "architecture.json").write_text(json.dumps({**backbone.architecture, **changes}))
    state = {f"model.backbone.{name}": value for name, value in backbone.state_dict().items()}
    state |= {"model.head.weight": torch.zeros(3)}
    torch.save({"state_dict": state, "global_step": 7}, folder / "checkpoints" / "best.ckpt")
    return folder


def test_a_run_of_ours_gives_its_backbone(tmp_path: Path) -> None:
    torch.manual_seed(5)
    backbone = WaveTransformer("wavlm", config=LARGE).eval()
    folder = run_folder(tmp_path / "run", backbone)
    taken = WaveTransformer("wavlm", init="local", source=str(folder), config=TINY).eval()
    assert torch.equal(taken(*waves(3000))[0], backbone(*waves(3000))[0])
    assert dict(taken.architecture) == dict(backbone.architecture)
    restored = WaveTransformer("wavlm", init="local", source="/gone", architecture=taken.architecture)
    assert restored.state_dict().keys() == taken.state_dict().keys()


def test_a_run_that_cannot_be_used_is_told(tmp_path: Path) -> None:
    backbone = made()
    good = run_folder(tmp_path / "good", backbone)
    with pytest.raises(InputError, match=r"it holds no architecture\.json"):
        WaveTransformer("wav2vec2", init="local", source=str(tmp_path))
    with pytest.raises(InputError, match=r"names nothing, and init is local"):
        WaveTransformer("wav2vec2", init="local")
    with pytest.raises(InputError, match=r"of kind wav2vec2, not hubert"):
        WaveTransformer("hubert", init="local", source=str(good))
    larger = {**backbone.architecture["config"], "intermediate_size": 48}
    other = run_folder(tmp_path / "other", backbone, config=larger)
    with pytest.raises(InputError, match=r"intermediate_dense\.bias does not fit its architecture\.json"):
        WaveTransformer("wav2vec2", init="local", source=str(other))
    torch.save({"state_dict": {"model.head.weight": torch.zeros(3)}}, good / "checkpoints" / "best.ckpt")
    with pytest.raises(InputError, match=r"it holds no weights of model.backbone"):
        WaveTransformer("wav2vec2", init="local", source=str(good))
    (good / "checkpoints" / "best.ckpt").write_bytes(b"cut short")
    with pytest.raises(InputError, match=r"not a readable checkpoint"):
        WaveTransformer("wav2vec2", init="local", source=str(good))
