"""torchaudio, transformers' speech models and peft import on a CPU build of torch, and their Python parts work."""

from __future__ import annotations

import importlib
import sys
from importlib.machinery import PathFinder
from types import ModuleType

import pytest
import torch

from project import torchaudio_guard

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning")


def test_torchaudio_works_without_its_extension() -> None:
    torchaudio = pytest.importorskip("torchaudio", reason="the extra `speech` is not installed")
    wave = torch.sin(torch.arange(16000) * 0.1)[None]
    features = torchaudio.compliance.kaldi.fbank(wave, num_mel_bins=23)
    assert features.shape == (98, 23)
    assert torchaudio.transforms.Resample(16000, 8000)(wave).shape == (1, 8000)


def test_speech_models_and_peft_import() -> None:
    transformers = pytest.importorskip("transformers", reason="the extra `speech` is not installed")
    for name in ("MoonshineForConditionalGeneration", "WavLMModel", "HubertModel", "Wav2Vec2BertModel", "WhisperModel"):
        assert issubclass(getattr(transformers, name), torch.nn.Module)
    assert callable(importlib.import_module("peft").get_peft_model)


def test_a_healthy_extension_is_untouched() -> None:
    class Healthy(torchaudio_guard.importlib.abc.Loader):
        def exec_module(self, module: ModuleType) -> None:
            module._IS_TORCHAUDIO_EXT_AVAILABLE = True  # type: ignore[attr-defined]

    module = ModuleType(torchaudio_guard.GUARDED)
    torchaudio_guard.ExtensionLoader(Healthy()).exec_module(module)
    assert module._IS_TORCHAUDIO_EXT_AVAILABLE is True


def test_what_needs_the_extension_says_so() -> None:
    module = ModuleType(torchaudio_guard.GUARDED)
    torchaudio_guard.mark_unavailable(module, OSError("libcudart.so.13: cannot open shared object file"))
    with pytest.raises(RuntimeError, match=r"compiled part is not available here: libcudart"):
        module.fail_if_no_align(lambda: None)()


def test_installed_once_and_before_the_finder_of_files() -> None:
    torchaudio_guard.install()
    ours = [place for place, one in enumerate(sys.meta_path) if isinstance(one, torchaudio_guard.ExtensionFinder)]
    assert len(ours) == 1
    assert ours[0] < sys.meta_path.index(PathFinder)
