"""What adapters do, from run folders to page and table: by CTC and token by token, a control, and refusals."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import orjson
import pytest
import soundfile
import yaml

from project import cli, train
from project.build.compose import compose
from project.text.vocabulary import trained

RATE, WORDS = 16000, {"AA": "ah", "T": "tick", "S": "hiss"}  # symbols and what stands for them as text
TONES = {"AA": 300.0, "T": 1200.0, "S": 4000.0}
pytestmark = pytest.mark.filterwarnings("ignore:Found .* in eval mode at the start of training")  # frozen, it rests
Ask = Callable[..., tuple[int, str, str]]
WAV2VEC2 = {
    "hidden_size": "16",
    "num_hidden_layers": "1",
    "num_attention_heads": "2",
    "intermediate_size": "24",
    "conv_dim": "[8,8,8,8,8,8,8]",
    "num_conv_pos_embeddings": "4",
    "num_conv_pos_embedding_groups": "2",
}
MOONSHINE = {"hidden_size": "32", "intermediate_size": "48"}
MOONSHINE |= {f"{side}_num_hidden_layers": "1" for side in ("encoder", "decoder")}
MOONSHINE |= {f"{side}_num_attention_heads": "2" for side in ("encoder", "decoder")}


@pytest.fixture
def ask(capsys: pytest.CaptureFixture[str]) -> Ask:
    """Runs `scansion report action=adapter`: exit code, standard output, standard error in one line."""

    def run(*words: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as stop:
            cli.main(["report", "action=adapter", *words])
        told = capsys.readouterr()
        return int(str(stop.value.code)), told.out, " ".join(told.err.split())

    return run


@pytest.fixture(scope="module")
def manifests(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Tones of a tenth of a second: `right`, `shuffled` (the same with each other's labels), and `others`."""
    folder, rng = tmp_path_factory.mktemp("tones"), np.random.default_rng(0)
    parts: dict[str, list[dict[str, object]]] = {"right": [], "others": []}
    for n in range(36):
        symbols = [str(one) for one in rng.choice(list(TONES), 3)]
        angles = np.concatenate([np.arange(RATE // 8) * 2 * np.pi * TONES[one] / RATE for one in symbols])
        soundfile.write(folder / f"{n}.flac", (0.3 * np.sin(angles)).astype(np.float32), RATE)
        text = " ".join(WORDS[one] for one in symbols)
        line = {"id": str(n), "media": f"{n}.flac", "duration": 0.375, "symbols": symbols, "text": text}
        parts["right" if n < 24 else "others"].append(line)
    answers = [{key: line[key] for key in ("symbols", "text")} for line in parts["right"]]
    parts["shuffled"] = [line | answers[n - 7] for n, line in enumerate(parts["right"])]
    for name, lines in parts.items():
        (folder / f"{name}.jsonl").write_bytes(b"".join(orjson.dumps(line) + b"\n" for line in lines))
    trained((str(line["text"]) for line in parts["right"]), 20).save(folder / "tokenizer.json")
    return {name: folder / f"{name}.jsonl" for name in parts}


def learned(root: Path, name: str, manifests: dict[str, Path], labels: str, words: Sequence[str]) -> str:
    """A run's folder."""
    parts = [f"data.manifest.train={manifests[labels]}", f"data.manifest.dev={manifests[labels]}"]
    parts += [f"data.manifest.test={manifests['others']}", "data.workers=0", f"runs={root}", f"name={name}"]
    train.train(compose("train", [*parts, "scheduler.warmup_steps=0", "feature=samples", *words]), [])
    (folder,) = (root / "trial").glob(f"{name}-*")
    return str(folder)


def by_ctc(root: Path, name: str, manifests: dict[str, Path], *words: str, labels: str = "right") -> str:
    tiny = [f"++model.backbone.config.{key}={value}" for key, value in WAV2VEC2.items()]
    tiny += ["text=phones", "model=wav2vec2", "model.dropout=0", "metric=per", "callbacks.checkpoint.monitor=dev/per"]
    return learned(root, name, manifests, labels, [*tiny, *words])


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory, manifests: dict[str, Path]) -> tuple[str, str]:
    """One that learned, and a control that learned from labels of others."""
    root, words = tmp_path_factory.mktemp("runs"), ("epochs=2", "optimizer.lr=0.01", "data.batching.max_batch_size=8")
    words = (*words, "adapter=lora", "adapter.targets=all", "adapter.dora=true")
    real = by_ctc(root, "real", manifests, *words)
    return real, by_ctc(root, "control", manifests, *words, labels="shuffled")


def table(file: Path) -> list[dict[str, str]]:
    with file.open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def test_a_control_grows_as_much(runs: tuple[str, str], ask: Ask, tmp_path: Path) -> None:
    """By CTC, on the run's own test manifest; an adapter of labels that are not theirs changes weights as well."""
    target, words = tmp_path / "new/adapter.html", ("adapter.device=cpu", f"markdown={tmp_path}/adapter.md")
    code, out, err = ask(*runs, f"adapter.control={runs[1]}", f"out={target}", *words)
    assert (code, out.splitlines()[-1:]) == (0, [str(target)]), err
    rows = table(target.with_suffix(".csv"))
    growth = {
        row["run"]: float(row["with"]) for row in rows if (row["figure"], row["layer"]) == ("change of weights", "")
    }
    real, control = growth.values()
    assert 0.5 < real / control < 2
    assert min(growth.values()) > 0.01
    figures = {(row["run"], row["figure"]): row for row in rows if not row["layer"]}
    name, other = growth
    loss, beyond = figures[name, "loss"], figures[name, "loss beyond the control"]
    assert float(loss["difference"]) == pytest.approx(float(loss["with"]) - float(loss["without"]))
    expected = float(loss["difference"]) - float(figures[other, "loss"]["difference"])
    assert float(beyond["difference"]) == pytest.approx(expected)
    assert (other, "loss beyond the control") not in figures
    assert float(figures[name, "divergence"]["with"]) > 0
    assert len([row for row in rows if row["run"] == name and row["layer"]]) == 4 + 2
    assert f"{other}: the control, of shuffled labels: " in err
    page = target.read_text(encoding="utf-8")
    for words_of_page in ("With the adapter and without", "Change of weights", "loss beyond it", "Protocol", "<svg"):
        assert words_of_page in page
    assert "**With the adapter and without**" in (tmp_path / "adapter.md").read_text(encoding="utf-8")


def test_token_by_token(manifests: dict[str, Path], ask: Ask, tmp_path: Path) -> None:
    """A Moonshine; some examples of its own training manifest, which is told."""
    tiny = [f"++model.config.{key}={value}" for key, value in MOONSHINE.items()]
    tiny += ["text=subwords", f"text.tokenizer={manifests['right'].with_name('tokenizer.json')}", "feature.level=rms"]
    tiny += ["model=moonshine", "model.source=null", "model.init=random", "loss=token", "weighting=token"]
    tiny += ["decode=generate", "metric=wer", "system=stt", "callbacks.checkpoint.monitor=dev/wer", "adapter=lora"]
    folder = learned(tmp_path, "stt", manifests, "right", [*tiny, "epochs=2", "adapter.targets=decoder_self_qkv"])
    target = tmp_path / "adapter.html"
    code, out, err = ask(folder, f"out={target}", f"adapter.manifest={manifests['right']}", "adapter.most=5")
    assert (code, out.splitlines()[-1:]) == (0, [str(target)]), err
    assert "learned from these examples" in err
    rows = table(target.with_suffix(".csv"))
    layers = [row["layer"] for row in rows if row["layer"]]
    assert layers == [f"network.model.decoder.layers.0.self_attn.{one}_proj" for one in "qkv"]
    assert {row["figure"] for row in rows} == {"wer", "loss", "changed", "divergence", "change of weights"}
    assert "5 of 24" in target.read_text(encoding="utf-8"), "not for decisions"


def test_what_has_no_adapter_is_refused(
    runs: tuple[str, str], manifests: dict[str, Path], ask: Ask, tmp_path: Path
) -> None:
    bare = by_ctc(tmp_path, "bare", manifests, "epochs=1")
    off = tmp_path / "off"
    shutil.copytree(runs[0], off)
    config = yaml.safe_load((off / "config.yaml").read_text(encoding="utf-8"))
    (off / "config.yaml").write_text(yaml.safe_dump({**config, "adapter_off": True}), encoding="utf-8")
    for words, told in (
        ((bare,), f"{bare}: it has no adapter to switch off"),
        ((str(off),), "its adapter lora is off: take adapter_off out of its config.yaml"),
        ((runs[0], "adapter.most=0"), "adapter.most=0: give 1 or more"),
        ((runs[0], f"adapter.control={runs[0]}"), "there is no other run"),
        ((), "no run is named: scansion report action=adapter"),
    ):
        code, _, err = ask(*words)
        assert (code, told in err) == (2, True), err
