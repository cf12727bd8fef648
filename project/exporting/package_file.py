"""Writing a model package: a run's recognizer as weights and JSON, opened again before anybody gets it."""

from __future__ import annotations

import datetime
import json
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch

from project import package
from project.build.assemble import Recognizer
from project.build.fingerprint import hash_weights
from project.build.restore import changed, hash_checkpoint, heard, restore
from project.contract import Config, InputError
from project.diagnosis.feature import FEATURES
from project.environment import code_state
from project.exporting.card import card, reports_of
from project.run import Run

# Groups of a run's configuration that a recognizer is rebuilt from, and what is told of it beside them.
KEPT = (
    *("family", "name", "seed", "threads", "batches_per_step"),
    *("text", "feature", "data", "model", "adapter", "adapter_off"),
    *("loss", "weighting", "decode", "metric", "system", "trainer"),
)
MAY_NAME_FILES = ("decode", "text", "feature")  # groups whose values may be paths of files that are packed, too


def write_package(run: Run, config: Config, out: Path) -> None:
    """A package of a run: a folder, or one file if `out` ends with .scansion."""
    own = changed(run.config(), decode=config["decode"], threads=config["threads"])
    recognizer = restore(run, own, config["checkpoint"])
    with tempfile.TemporaryDirectory(dir=out.absolute().parent, prefix=f".{out.name}.") as scratch:
        made = Path(scratch) / "package"
        made.mkdir()
        fill(made, run, config, own, recognizer)
        require_same(made, recognizer)
        if out.suffix == package.SUFFIX:
            package.zipped(made, Path(scratch) / "one")
            (Path(scratch) / "one").rename(out)
        else:
            made.rename(out)


def fill(folder: Path, run: Run, config: Config, own: Config, recognizer: Recognizer) -> None:
    """All files of a package."""
    from safetensors.torch import save_file

    weights = weights_of(recognizer, run)
    save_file(weights, folder / package.WEIGHTS, metadata={"format": "pt"})
    (folder / package.WEIGHTS).chmod(0o644)  # the library makes it for its maker's eyes alone
    kept = {key: own[key] for key in KEPT if key in own}
    kept["data"] = kept["data"] | {"fresh": None, "manifest": manifests(kept["data"]["manifest"]), "workers": 0}
    kept = dict(packed_files(kept, folder))
    write_json(folder / package.CONFIG, kept)
    shutil.copyfile(run.alphabet_file, folder / "alphabet.json")
    architecture = run.architecture()
    if architecture is not None:
        write_json(folder / "architecture.json", architecture)
    if (run.folder / FEATURES).is_file():
        shutil.copyfile(run.folder / FEATURES, folder / FEATURES)
    reports = reports_of(run, weights=hash_checkpoint(run, config["checkpoint"]))
    if reports:
        write_json(folder / "reports.json", reports)
    index = index_of(run, config, recognizer, weights)
    alphabet = json.loads((folder / "alphabet.json").read_text(encoding="utf-8"))
    (folder / "README.md").write_text(
        card(run.name.replace("/", "-"), kept, index, alphabet, reports), encoding="utf-8"
    )
    files = {name: package.hash_file(file) for name, file in package.content(folder)}
    write_json(folder / package.INDEX, index | {"files": files})


def weights_of(recognizer: Recognizer, run: Run) -> dict[str, torch.Tensor]:
    """All weights of a recognizer, none of them sharing memory with another."""
    state = recognizer.system.state_dict()
    for name, value in state.items():
        if not isinstance(value, torch.Tensor):
            raise InputError(
                f"{run.folder}: {name} is no tensor, and a package holds nothing else: it cannot be packed"
            )
    return {name: value.detach().cpu().contiguous().clone() for name, value in state.items()}


def index_of(run: Run, config: Config, recognizer: Recognizer, weights: Mapping[str, torch.Tensor]) -> dict[str, Any]:
    """What package.json says, but for the hashes of files."""
    feature = recognizer.feature
    return {
        "format": package.FORMAT,
        "scansion": str(code_state()["version"]),
        "created": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "run": run.name,
        "checkpoint": config["checkpoint"],
        "weights": hash_weights(weights),
        "parameters": sum(one.numel() for one in recognizer.system.model.parameters()),
        "hears": "sound" if hasattr(feature, "sample_rate") else None,
        "license": config["license"],
        "feature": {**feature.settings, "feature": heard(run) or feature.settings.get("feature")},
        "decode": dict(recognizer.system.decoder.settings),
        **provenance(run),
        "packed_by": code_state(),
    }


def provenance(run: Run) -> dict[str, Any]:
    """What a run was trained on and with; of a package, what it says of that."""
    if run.is_package:
        known = package.read_index(run.folder)
        return {name: known.get(name) for name in ("data", "environment", "longest")}
    files = {name: run.folder / f"{name}.json" for name in ("data", "environment")}
    found = {name: json.loads(file.read_text("utf-8")) if file.is_file() else {} for name, file in files.items()}
    return {**found, "longest": run.metadata().get("longest")}


def manifests(named: Mapping[str, Any]) -> dict[str, Any]:
    """Manifests as they were named; of absolute paths the file's name alone: whose folders they are is nobody's affair.

    >>> manifests({"train": None, "dev": "data/dev.jsonl", "test": ["/home/a/test.jsonl"]})
    {'train': None, 'dev': 'data/dev.jsonl', 'test': ['test.jsonl']}
    """

    def told(value: Any) -> Any:
        if isinstance(value, list):
            return [told(one) for one in value]
        return Path(value).name if isinstance(value, str) and Path(value).is_absolute() else value

    return {part: told(value) for part, value in named.items()}


def packed_files(config: Config, folder: Path) -> Iterator[tuple[str, Any]]:
    """The configuration, with files that it names copied into the package; runs that it began with are forgotten."""
    for group, node in config.items():
        if group == "model":
            yield group, without_origins(node)
        elif group in MAY_NAME_FILES:
            yield group, _packed(node, folder)
        else:
            yield group, node


def _packed(node: Any, folder: Path) -> Any:
    if isinstance(node, Mapping):
        return {key: _packed(value, folder) for key, value in node.items()}
    if isinstance(node, str) and ("/" in node or "." in node) and Path(node).is_file():
        name = "".join(letter if letter.isalnum() or letter in "._-" else "-" for letter in Path(node).name)
        place = f"{package.FILES}{package.hash_file(Path(node))[:8]}-{name}"
        (folder / place).parent.mkdir(exist_ok=True)
        shutil.copyfile(node, folder / place)
        return f"{package.INSIDE}{place}"
    return node


def without_origins(node: Any) -> Any:
    """A model's configuration without the runs that its members' weights were taken from: the package has them all."""
    if not isinstance(node, Mapping):
        return node
    return {
        key: dict.fromkeys(value) if key == "weights" and isinstance(value, Mapping) else without_origins(value)
        for key, value in node.items()
    }


def require_same(folder: Path, recognizer: Recognizer) -> None:
    """Refuse to hand on a package from which another recognizer would come."""
    packed = Run.open(folder)
    other = restore(packed, changed(packed.config()))
    assert hash_weights(other.system.state_dict()) == hash_weights(recognizer.system.state_dict())
    assert other.spelling.alphabet.hash == recognizer.spelling.alphabet.hash
    assert dict(other.feature.settings) == dict(recognizer.feature.settings)


def write_json(file: Path, value: Any) -> None:
    """As JSON of the standard: a number beyond all bounds is written as 1e999, which is read as one everywhere."""
    text = json.dumps(value, ensure_ascii=False, indent=1)
    text = re.sub(r"(^ *|: )(-?)Infinity(,?)$", r"\g<1>\g<2>1e999\g<3>", text, flags=re.M)
    file.write_text(text + "\n", encoding="utf-8")
