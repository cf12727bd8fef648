"""What all tests share: one thread, no network, a tiny Morse corpus made once, and words that are tones."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

os.environ |= {"OMP_NUM_THREADS": "1", "MPLBACKEND": "Agg", "WANDB_MODE": "offline", "HF_HUB_OFFLINE": "1"}

import numpy as np
import pytest
import soundfile
import torch
from torch import Tensor, nn

from project import cli
from project.benchmark.chromium import Browser
from project.build.compose import compose
from project.contract import Batch, Config, InputError
from project.corpus.keyer.channel import Channel
from project.corpus.keyer.fist import Keying
from project.corpus.keyer.texts import Texts
from project.corpus.morse import Morse
from project.loss.token import TokenLoss
from project.model.moonshine import Moonshine
from project.text.vocabulary import Vocabulary, trained

torch.set_num_threads(1)

pytest_plugins = ["tests.families"]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--long", action="store_true", help="of all tests those that take long, and no others")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Where all tests are asked for, those marked `long` wait for --long; who names a file gets all that is in it."""
    if config.args == config.getini("testpaths"):
        items[:] = [item for item in items if (item.get_closest_marker("long") is not None) == config.option.long]


@pytest.fixture(scope="session")
def morse(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with train.jsonl (24 recordings), dev.jsonl (6) and test.jsonl (7) of short, clean Morse."""
    folder = tmp_path_factory.mktemp("morse")
    keying = Keying(wpm=(25, 30), hands={"machine": 1.0}, gap_stretch=(1, 1))
    channel = Channel(snr_db=(20, 30), silence_seconds=(0.1, 0.3))
    texts = Texts(num_symbols=(5, 6))
    Morse(num_train=24, num_dev=6, num_test=7, texts=texts, keying=keying, channel=channel).make(
        str(folder), lambda *_: None
    )
    return folder


@pytest.fixture(scope="session")
def recorded_letters() -> Path:
    """Real fingerspelling: manifest.jsonl, clips_<signer>.npz and sentences_<name>.jsonl of 16 signers."""
    shared = Path(os.environ.get("SCANSION_SHARED", Path(__file__).parents[1] / "../shared"))
    folder = shared / "data/fingerspell_holistic"
    if not folder.is_dir():
        pytest.skip(f"no recorded letters at {folder}: set SCANSION_SHARED to the folder that holds data/")
    return folder


@pytest.fixture(scope="session")
def tiny(morse: Path) -> list[str]:
    """Overrides that make a training run of a second or two: a small net, small batches, two epochs."""
    return [
        f"data.manifest.train={morse}/train.jsonl",
        f"data.manifest.dev={morse}/dev.jsonl",
        f"data.manifest.test={morse}/test.jsonl",
        "data.batching.max_batch_size=4",
        "data.workers=0",
        "model.channels=16",
        "model.blocks=2",
        "scheduler.warmup_steps=2",
        "trainer.max_epochs=2",
    ]


@pytest.fixture
def config(tiny: list[str], tmp_path: Path) -> Config:
    """The composed configuration of a tiny run, its folder below tmp_path."""
    return compose("train", [*tiny, f"runs={tmp_path}/runs"])


Transcribe = Callable[..., tuple[int, str, list[str]]]


@pytest.fixture
def transcribing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Transcribe:
    """Transcribe in an empty folder: the exit code, what is printed, and the lines that say what is wrong."""
    monkeypatch.chdir(tmp_path)

    def answer(run: Path, *words: str | Path) -> tuple[int, str, list[str]]:
        capsys.readouterr()
        with pytest.raises(SystemExit) as stop:
            cli.main(["transcribe", str(run), *map(str, words)])
        told = capsys.readouterr()
        assert not list(tmp_path.rglob("*.part")), "something half-written is left"
        lines = [line.removeprefix("scansion: ") for line in told.err.splitlines() if line.startswith("scansion: ")]
        assert isinstance(stop.value.code, int)
        return stop.value.code, told.out, lines

    return answer


MICROPHONE = ("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream")  # beeps, and may be asked


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """Headless Chromium, one for all tests; its microphone hears beeps."""
    try:
        opened = Browser(tmp_path_factory.mktemp("profile"), MICROPHONE)
    except InputError as error:
        pytest.skip(str(error))
    yield opened
    opened.close()


@pytest.fixture
def faint(browser: Browser) -> Callable[[], list[str]]:
    """Texts of the page that is open that stand out less than WCAG 2.1 asks for."""
    script = Path(__file__).with_name("contrast.js").read_text(encoding="utf-8")
    return lambda: browser.run(script)  # type: ignore[no-any-return]


class Tones:
    """Four words, a tone each, and a Moonshine that is small enough to learn them in a second."""

    pitch: ClassVar[Mapping[str, int]] = {
        "one": 300,
        "two": 600,
        "six": 1200,
        "ten": 2400,
    }  # Hz: what a word sounds like here
    sizes: ClassVar[Mapping[str, Any]] = {
        "hidden_size": 32, "intermediate_size": 64, "initializer_range": 0.1,
        "encoder_num_hidden_layers": 1, "encoder_num_attention_heads": 2,
        "decoder_num_hidden_layers": 1, "decoder_num_attention_heads": 2,
    }  # fmt: skip

    def __init__(self) -> None:
        self.vocabulary: Vocabulary = trained(["one two six ten"], 16)

    def model(self, seed: int = 0, sizes: dict[str, Any] | None = None, **options: Any) -> Moonshine:
        """A Moonshine with random weights, the same for the same seed."""
        torch.manual_seed(seed)
        return Moonshine(self.vocabulary, config={**self.sizes, **(sizes or {})}, **options)

    def texts(self, count: int = 8, seed: int = 0) -> list[str]:
        """Two to four words each."""
        rng = np.random.default_rng(seed)
        return [" ".join(rng.choice(list(self.pitch), 2 + n % 3)) for n in range(count)]

    def wave(self, text: str, seed: int = 0) -> Tensor:
        """A tenth of a second for each word, in some noise."""
        places = torch.arange(1600)
        tones = [torch.sin(2 * torch.pi * self.pitch[word] / 16000 * places) for word in text.split()]
        wave_N = 0.3 * torch.cat([tone * torch.hann_window(1600) for tone in tones])
        return wave_N + 0.003 * torch.randn(len(wave_N), generator=torch.Generator().manual_seed(seed))

    def batch(self, texts: Sequence[str] | None = None) -> Batch:
        """These texts (or eight) as they sound, padded."""
        texts = list(texts or self.texts())
        waves = [self.wave(text) for text in texts]
        rows = [torch.tensor([*self.vocabulary.encode(text), self.vocabulary.end]) for text in texts]
        targets = {
            "symbols": nn.utils.rnn.pad_sequence(rows, batch_first=True),
            "symbol_lengths": torch.tensor([len(row) for row in rows]),
        }
        signals_BTF = nn.utils.rnn.pad_sequence(waves, batch_first=True)[..., None]
        lengths_B = torch.tensor([len(wave) for wave in waves])
        return Batch(tuple(map(str, range(len(texts)))), signals_BTF, lengths_B, targets, tuple(texts))

    def teach(
        self, model: nn.Module, batch: Batch, loss: Any = None, steps: int = 60, enough: float = 0
    ) -> list[float]:
        """So many steps on one batch, or until the loss is so low: the loss at each. It is then ready to be asked."""
        loss = loss or (lambda output, given: sum(TokenLoss()(output, given).values()))
        optimizer = torch.optim.AdamW([one for one in model.parameters() if one.requires_grad], lr=1e-2)
        model.train()
        values = []
        for _ in range(steps):
            optimizer.zero_grad()
            value = loss(model(batch), batch)
            value.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            values.append(value.item())
            if values[-1] < enough:
                break
        model.eval()
        return values

    def corpus(self, folder: Path, **parts: int) -> Path:
        """Sounds, manifests of so many lines and tokenizer.json in a folder."""
        folder.mkdir(parents=True, exist_ok=True)
        for place, (part, count) in enumerate(parts.items()):
            lines = []
            for n, text in enumerate(self.texts(count, seed=place)):
                wave_N = self.wave(text, seed=100 * place + n).numpy()
                soundfile.write(folder / f"{part}-{n}.flac", wave_N, 16000)
                about = {"id": f"{part}-{n}", "media": f"{part}-{n}.flac", "duration": len(wave_N) / 16000}
                lines.append(json.dumps({**about, "text": text.capitalize() + ".", "group": f"{part}-{n % 3}"}) + "\n")
            folder.joinpath(f"{part}.jsonl").write_text("".join(lines))
        self.vocabulary.save(folder / "tokenizer.json")
        return folder


@pytest.fixture(scope="session")
def tones() -> Tones:
    return Tones()
