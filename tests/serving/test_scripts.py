"""What the page's scripts reckon, beside what Python does: resampling, decoding, windows and their stitching."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from project.benchmark.chromium import Browser
from project.contract import Emissions
from project.decode.beam import Beam
from project.decode.frames import Pruning
from project.decode.greedy import Greedy
from project.feature.waveform import resample
from project.serving.page_file import FOLDER, WORKER
from project.text.alphabet import Alphabet
from project.transcript.stitch import Stitch, calmest
from project.transcript.windows import Plan, windows

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def scripts(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Browser:
    """A page that holds the worker's scripts and nothing else."""
    page = tmp_path_factory.mktemp("scripts") / "scripts.html"
    names = [name for name in WORKER if name != "worker.js"]
    text = "\n".join((FOLDER / name).read_text(encoding="utf-8") for name in names)
    page.write_text(f"<!doctype html><meta charset=utf-8><script>{text}</script>", encoding="utf-8")
    browser.open(page)
    return browser


def given(values: NDArray[Any]) -> str:
    """Numbers as a script writes them."""
    return f"Float32Array.from({json.dumps(values.ravel().tolist())})"


@pytest.mark.parametrize(
    ("source", "target"), [(8000, 4000), (44100, 4000), (48000, 16000), (11025, 16000), (8000, 8000)]
)
def test_resampling_is_scipys(scripts: Browser, source: int, target: int) -> None:
    wave_N = np.random.default_rng(source).normal(size=2001).astype(np.float32)
    wanted_N = resample(wave_N, source, target)
    found = scripts.run(f"[...resample({given(wave_N)}, {source}, {target})]")
    np.testing.assert_allclose(found, wanted_N, atol=2e-6)


def test_resampling_piece_by_piece(scripts: Browser) -> None:
    wave_N = np.random.default_rng(0).normal(size=60_000).astype(np.float32)
    whole_N = resample(wave_N, 44100, 4000)
    found = scripts.run(
        f"""(() => {{
          const wave = {given(wave_N)}, one = new Resampler(44100, 4000), found = [];
          for (let n = 0; n < wave.length; n += 1777) found.push(...one.push(wave.slice(n, n + 1777)));
          return found;
        }})()"""
    )
    assert len(whole_N) - len(found) < 200  # what the filter has not heard all of yet
    np.testing.assert_allclose(found, whole_N[: len(found)], atol=2e-6)


def emissions(seed: int, frames: int = 90, symbols: int = 7) -> torch.Tensor:
    """Log-probabilities as nets give them, in which blank and one symbol take turns, with doubts."""
    rng = np.random.default_rng(seed)
    logits_TV = rng.normal(0, 2.5, (frames, symbols))
    logits_TV[:, 0] += rng.choice([0.0, 3.0, 12.0], frames)
    return torch.from_numpy(logits_TV).float().log_softmax(dim=1)


def marks(decoder: Any, log_probs_TV: torch.Tensor) -> list[tuple[int, int, int, float]]:
    (one,) = decoder(Emissions(log_probs_TV[None], torch.tensor([len(log_probs_TV)])))
    return [(token, *span, sure) for token, span, sure in zip(one.tokens, one.spans, one.confidences, strict=True)]


def decoded(scripts: Browser, log_probs_TV: torch.Tensor, settings: Any) -> list[tuple[int, int, int, float]]:
    table = f"new Emissions({given(log_probs_TV.numpy())}, {log_probs_TV.shape[1]})"
    found = scripts.run(f"decoderOf({json.dumps(settings)}, {ALPHABET.to_json()})({table})")
    return [(one["token"], one["start"], one["end"], one["confidence"]) for one in found]


ALPHABET = Alphabet(tuple("ABCDE "), "")
DECODERS = {
    "greedy": Greedy(ALPHABET),
    "beam": Beam(ALPHABET),
    "narrow": Beam(ALPHABET, size=2, bonus=0.75),
    "unpruned": Beam(ALPHABET, size=8, pruning=Pruning(symbol=0.0, blank=2.0)),
    "few": Beam(ALPHABET, size=5, pruning=Pruning(symbol=0.01, blank=0.9, symbols=2), bonus=-0.5),
}


@pytest.mark.parametrize("name", DECODERS)
def test_decoding_is_pythons(scripts: Browser, name: str) -> None:
    decoder, said = DECODERS[name], 0
    for seed in range(20):
        log_probs_TV = emissions(seed)
        wanted, found = marks(decoder, log_probs_TV), decoded(scripts, log_probs_TV, dict(decoder.settings))
        assert [one[:3] for one in found] == [one[:3] for one in wanted], f"seed {seed}"
        np.testing.assert_allclose([one[3] for one in found], [one[3] for one in wanted], atol=1e-5)
        said += len(wanted)
    assert said > 200


@pytest.mark.parametrize(
    ("before", "after", "kept"),
    [("A ", " B", "B"), ("A", " B", " B"), ("A ", "B", "B"), ("", " B", " B"), ("A ", "", "")],
)
def test_pieces_join_without_two_spaces(scripts: Browser, before: str, after: str, kept: str) -> None:
    pieces = ", ".join(json.dumps([{"text": letter} for letter in text]) for text in (before, after))
    assert scripts.run(f"following({pieces}).map((mark) => mark.text).join('')") == kept


def test_long_recordings_keep_their_scale(scripts: Browser) -> None:
    log_probs_TV = torch.cat([emissions(seed) for seed in range(60)])
    wanted = marks(DECODERS["beam"], log_probs_TV)
    assert [one[:3] for one in decoded(scripts, log_probs_TV, dict(DECODERS["beam"].settings))] == [
        one[:3] for one in wanted
    ]


def test_windows_are_pythons(scripts: Browser) -> None:
    for context in (None, 0.4, 7.03):
        plan = Plan.of(None, None, sample_rate=4000, grain=80, context=context)
        about = {"sample_rate": 4000, "inputs_per_output": 80, "context_seconds": context}
        told = json.dumps({key: value for key, value in about.items() if value is not None})
        assert scripts.run(f"planOf({told})") == {
            "size": plan.size, "overlap": plan.overlap, "grain": plan.grain, "margin": plan.margin,
        }  # fmt: skip
        for count in (1, plan.size, plan.size + 79, plan.size + 80, 3 * plan.size + 12_345):
            wave_N = np.zeros(count, np.float32)
            wanted = [[one.start, one.start + len(one.wave)] for one in windows([wave_N], plan)]
            assert scripts.run(f"windowsOf({count}, planOf({told}))") == wanted


def test_stitching_is_pythons(scripts: Browser) -> None:
    for seed in range(5):
        parts = [(0, emissions(seed, 60)), (40, emissions(seed + 9, 60)), (70, emissions(seed + 5, 33))]
        stitch, wanted = Stitch(4), []
        for place, (start, log_probs_TV) in enumerate(parts):
            wanted.append(stitch.add(start, log_probs_TV, is_last=place == 2))
        calls = [
            f"stitch.add({start}, new Emissions({given(log_probs_TV.numpy())}, 7), {str(place == 2).lower()})"
            for place, (start, log_probs_TV) in enumerate(parts)
        ]
        found = scripts.run(
            f"(() => {{ const stitch = new Stitch(4), parts = [{', '.join(f'...{call}' for call in calls)}];"
            " return [...Emissions.joined(parts, 7).values]; })()"
        )
        np.testing.assert_allclose(found, torch.cat(wanted).numpy().ravel(), rtol=1e-6)
        blank_T = emissions(seed)[:, 0]
        for frame in (0, 33, 89):
            assert scripts.run(f"calmest({given(blank_T.numpy())}, {frame})") == calmest(blank_T, frame)
