"""Every command in README and docs runs, in the order in which it is read, on a corpus small enough for a test.

A block of code below a line that is nothing but a path in backticks and a colon is a file: it is written before the
commands run. Files of project/ and conf/ go into a copy of the tree in which only they are new.
"""

from __future__ import annotations

import importlib
import re
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from project import cli
from project.build import compose

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
SMALL_CORPUS = {
    "corpus.num_train": "12",
    "corpus.num_dev": "3",
    "corpus.num_test": "3",
    "corpus.texts.num_symbols": "[5,6]",
}
SMALL_RUN = {
    "data.workers": "0",
    "data.batching.max_batch_size": "4",
    "scheduler.warmup_steps": "1",
    "epochs": "1",
}
SMALL_MORSE_RUN = {"model.channels": "8", "model.blocks": "1"}
SMALL_PACED_RUN = {"model.channels": "8", "model.distances": "[1]"}
SMALL_SOURCE = {"data.fresh.portions.num_examples": "8", "data.fresh.portions.seconds": "[2,3]"}
SMALL_TEXTS = {"source.portions.num_examples": "8"}
SMALL_SIGNING = {"corpus.num_dev": "3", "corpus.num_test": "3", "corpus.sentences.num_glosses": "[3,4]"}
SMALL_SIGN_RUN = {
    "model.size": "tiny",
    "data.fresh.portions.num_examples": "8",
    "data.fresh.portions.num_glosses": "[3,4]",
}
SMALL_MARKET = {"corpus.num_instruments": "2", "corpus.num_bars": "6000"}
SMALL_BARS_RUN = {
    "model.encoder.channels": "8",
    "model.encoder.layers": "1",
    "data.fresh.manifest": "data/bars/train.jsonl",
}
SMALL_SPEECH = {
    "corpus.num_train": "24",
    "corpus.num_dev": "12",
    "corpus.num_test": "24",
    "corpus.learners.rate": "[0.5,0.9]",
}
SMALL_SAID = {
    "corpus.num_train": "24",
    "corpus.num_dev": "12",
    "corpus.num_test": "24",
}
SMALL_STT_RUN = {
    "model.config.hidden_size": "32",
    "model.config.intermediate_size": "32",
    "model.config.encoder_num_hidden_layers": "1",
    "model.config.decoder_num_hidden_layers": "1",
}
SMALL_OVERFIT = {"trainer.max_epochs": "1", "trainer.check_val_every_n_epoch": "1"}
SMALL_PHONEME_RUN = {"model.encoder.channels": "16", "model.encoder.layers": "1", "model.encoder.num_features": "16"}
SMALL_RUNS = {
    "sign/": SMALL_SIGN_RUN,
    "bars/": SMALL_BARS_RUN,
    "phoneme/": SMALL_PHONEME_RUN,
    "stt/base": SMALL_STT_RUN,
    "stt/lora": {},
    "morse/baseline": SMALL_PACED_RUN,
    "morse/": SMALL_MORSE_RUN,
}
FILE = re.compile(r"^`([\w./-]+)`:\n\n```[a-z]+\n(.*?)^```", flags=re.M | re.S)
OTHER_MODEL = re.compile(r"(?:^| )model=(?!envelope)")
EXAMPLE_RUN = re.compile(r"(runs/\w+/\w+)-1a2b3c4d")  # stands in the text for the first run of that name


def commands(page: Path) -> list[str]:
    """The lines of a page's shell blocks, without their comments."""
    blocks = re.findall(r"^```sh\n(.*?)^```", page.read_text(encoding="utf-8"), flags=re.M | re.S)
    lines = [line.split(" #")[0].strip() for block in blocks for line in block.splitlines()]
    return [line for line in lines if line]


def matches(pattern: str) -> list[str]:
    return sorted(str(path) for path in Path().glob(pattern))


def first_run(match: re.Match[str]) -> str:
    """The oldest run of a name."""
    runs = sorted(matches(f"{match[1]}-*"), key=lambda run: (Path(run) / "data.json").stat().st_mtime)
    return runs[0] if runs else match[0]


def expanded(words: list[str]) -> list[str]:
    """Globs as a shell expands them, and example runs as those at hand."""
    words = [EXAMPLE_RUN.sub(first_run, word) for word in words]
    return [found for word in words for found in (matches(word) if "*" in word else [word])]


def smaller(words: list[str]) -> list[str]:
    """The same command on less data, with a smaller model."""
    small: dict[str, str] = {}
    if words[0] == "prepare" and {"corpus=morse", "corpus=morse_wide"} & set(words):
        small = SMALL_CORPUS
    elif words[0] == "prepare" and "corpus@source=morse_fresh" in words:
        small = SMALL_TEXTS
    elif words[0] == "prepare" and "corpus=gloss" in words:
        small = SMALL_SIGNING
    elif words[0] == "prepare" and {"corpus=bars_synthetic", "corpus=bars_made"} & set(words):
        small = SMALL_MARKET
    elif words[0] == "prepare" and "corpus=speech" in words:
        small = SMALL_SPEECH
    elif words[0] == "prepare" and "corpus=say" in words:
        small = SMALL_SAID
    elif words[0] == "train" and not any(word.startswith("resume=") for word in words):
        line = " ".join(words)
        family = next((name for name in SMALL_RUNS if name in line), "morse/")
        small = SMALL_RUN | ({} if OTHER_MODEL.search(line) else SMALL_RUNS[family])
        small |= SMALL_SOURCE if "morse/baseline" in line else {}
        small |= SMALL_OVERFIT if "trainer=overfit" in line else {}
    given = {word.partition("=")[0] for word in words}
    if small in (SMALL_SAID, SMALL_TEXTS):  # the text says how much is made
        words, given = [word for word in words if word.partition("=")[0] not in small], set()
    return [*words, *(f"{key}={value}" for key, value in small.items() if key not in given)]


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A copy of conf, and folders in which Python looks for modules of project as well."""
    root = tmp_path / "tree"
    for entry in compose.CONF.rglob("*.yaml"):
        link = root / "conf" / entry.relative_to(compose.CONF)
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(entry)
    monkeypatch.setattr(compose, "CONF", root / "conf")
    yield root
    for name, module in list(sys.modules.items()):
        if str(getattr(module, "__file__", "")).startswith(str(root)):
            del sys.modules[name]


def write_files(page: Path, tree: Path, monkeypatch: pytest.MonkeyPatch) -> int:
    """The files that a page shows: new ones of project and conf in the tree, others where commands run; how many."""
    found = FILE.findall(page.read_text(encoding="utf-8"))
    for name, content in found:
        is_part = name.startswith(("project/", "conf/"))
        target = (tree if is_part else Path()) / name
        assert not target.exists(), f"{page.name}: {name} is there already"
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(content, encoding="utf-8")
        if name.startswith("project/"):
            package = importlib.import_module(str(Path(name).parent).replace("/", "."))
            monkeypatch.setattr(package, "__path__", [*package.__path__, str(target.parent)])
    return len(found)


@pytest.mark.long
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands(
    page: Path, tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = commands(page)
    if any(line.startswith("scansion") for line in lines):
        monkeypatch.chdir(tmp_path)
        if "scansion prepare corpus=morse out=data/morse" not in lines:
            lines.insert(0, "scansion prepare corpus=morse out=data/morse")
        write_files(page, tree, monkeypatch)
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), flags=re.M))
    for line in lines:
        program, *words = shlex.split(line)
        if program == "make":
            assert words[0] in targets, line
            continue
        assert program == "scansion", f"{page.name}: cannot test: {line}"
        with pytest.raises(SystemExit) as stop:
            cli.main(smaller(expanded(words)))
        assert stop.value.code in {0, None}, f"{page.name}: {line}: {capsys.readouterr().err}"


def test_commands_are_found() -> None:
    assert sum(len(commands(page)) for page in PAGES) >= 15


def test_files_are_found() -> None:
    assert len(FILE.findall((ROOT / "docs" / "adding.md").read_text(encoding="utf-8"))) >= 14


def test_every_page_stands_in_the_table_of_contents() -> None:
    index = (ROOT / "docs" / "index.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```{toctree}\n(.*?)^```", index, flags=re.M | re.S)
    named = [line for block in blocks for line in block.splitlines() if line and not line.startswith(":")]
    assert sorted(named) == sorted(set(named)), "a page stands there twice"
    pages = {file.stem for file in (ROOT / "docs").glob("*.md")} - {"index"}
    assert {name for name in named if "/" not in name} == pages
    assert all(":caption:" in block for block in blocks)


def test_troubleshooting_has_an_entry_for_every_check() -> None:
    checks = yaml.safe_load((compose.CONF / "callbacks" / "default.yaml").read_text("utf-8"))["diagnosis"]["checks"]
    text = (ROOT / "docs" / "troubleshooting.md").read_text(encoding="utf-8")
    headings = re.findall(r"^### .*\(`(\w+)`\)$", text, flags=re.M)
    assert sorted(headings) == sorted(checks)
    for name in checks:
        assert f"| `{name}` |" in (ROOT / "docs" / "diagnosis.md").read_text(encoding="utf-8")


def test_links_between_pages_lead_somewhere() -> None:
    for page in [*PAGES, *(ROOT / "docs" / "decisions").glob("*.md")]:
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page.name}: {target}"
