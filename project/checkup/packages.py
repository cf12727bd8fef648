"""Installed packages, held against what pyproject asks for and against versions that are known to be bad."""

from __future__ import annotations

import platform
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from project.checkup.finding import Finding
from project.environment import version_of

ROOT = Path(__file__).resolve().parents[2]
PYTHON = ">=3.11"
EXTRA = re.compile(r"extra\s*==\s*['\"]([\w-]+)['\"]")
UNLISTED = (
    "dev",
    "test",
    "check",
    "docs",
    "spoken",
)  # for who changes scansion; and a voice, which has a line of its own
PURPOSE: Mapping[str, str] = {
    "speech": "backbones of speech, Moonshine, LoRA",
    "wandb": "logger=wandb",
    "cluster": "launcher=slurm",
    "search": "search=tpe and others",
    "remote": "manifests and media at s3://",
    "tensorboard": "logger=tensorboard",
    "landmarks": "Parquet files of landmarks",
    "quantized": "frozen backbones in 4 or 8 bits",
    "mtl": "weighting=mtl_...",
    "bench": "yardsticks of scansion bench",
}


@dataclass(frozen=True, slots=True)
class Bad:
    """Versions of a package that no pin may let through, and why."""

    package: str
    versions: str
    reason: str
    remedy: str


KNOWN_BAD = (
    *(
        Bad(
            name,
            versions,
            "a malicious upload (GHSA-w37p-236h-pfx3)",
            f"pip uninstall {name}, change every password and token that this machine held, install lightning>=2.6.4",
        )
        for name in ("lightning", "pytorch-lightning")
        for versions in ("==2.6.2", "==2.6.3")
    ),
    Bad(
        "hydra-core", "<1.3.4", "lets configurations run code (CVE-2026-68508)", "pip install 'hydra-core>=1.3.4,<1.4'"
    ),
    Bad("omegaconf", ">=2.4.0.dev0", "does not work with hydra-core 1.3", "pip install 'omegaconf>=2.3,<2.4'"),
    Bad("transformers", "<=5.12", "shifts Moonshine's labels twice (#46784)", "pip install 'transformers>=5.15'"),
    Bad("torch", ">=2.14", "is not what torchaudio 2.11 was built for", "pip install 'torch>=2.11,<2.14'"),
    Bad("numpy", "<2.0", "is older than torch and scipy here want", "pip install 'numpy>=2.0'"),
)


def python() -> Finding:
    """The interpreter."""
    version = platform.python_version()
    if version in SpecifierSet(PYTHON, prereleases=True):
        return Finding("python", "ok", f"{version}, {platform.system()} {platform.machine()}")
    return Finding("python", "problem", f"{version} is too old", f"make an environment with Python {PYTHON}")


def requirements() -> dict[str, list[Requirement]]:
    """What is asked for, by extra; "" is the core. A checkout's pyproject counts, or what was installed."""
    file = ROOT / "pyproject.toml"
    if file.is_file():
        project = tomllib.loads(file.read_text(encoding="utf-8"))["project"]
        asked = {"": project["dependencies"], **project["optional-dependencies"]}
        return {extra: [Requirement(text) for text in texts] for extra, texts in asked.items()}
    found: dict[str, list[Requirement]] = {"": []}
    for text in metadata.requires("scansion") or []:
        extra = EXTRA.search(text)
        found.setdefault(extra[1] if extra else "", []).append(Requirement(text.partition(";")[0]))
    return found


def core(asked: Sequence[Requirement]) -> Finding:
    """What scansion cannot do without."""
    wrong = list(_wrong(asked))
    if wrong:
        wanted = " ".join(f"'{one.name}{one.specifier}'" for one, _ in wrong)
        told = ", ".join(f"{one.name} {version or 'missing'} (wanted {one.specifier})" for one, version in wrong)
        return Finding("packages", "problem", told, f"pip install {wanted}")
    told = ", ".join(f"{name} {version_of(name)}" for name in ("torch", "lightning", "hydra-core", "numpy"))
    return Finding("packages", "ok", f"{told} and {len(asked) - 4} more, as pyproject asks")


def known_bad() -> Iterator[Finding]:
    """Versions that are there and should not be, whatever pins say."""
    for bad in KNOWN_BAD:
        version = version_of(bad.package)
        if version is not None and SpecifierSet(bad.versions, prereleases=True).contains(version):
            yield Finding("packages", "problem", f"{bad.package} {version} {bad.reason}", bad.remedy)


def extras(asked: Mapping[str, Sequence[Requirement]]) -> Iterator[Finding]:
    """What is optional: each extra with what it is for."""
    for extra, wanted in asked.items():
        if not extra or extra in UNLISTED:
            continue
        purpose = PURPOSE.get(extra, "")
        missing = [one.name for one, version in _wrong(wanted) if version is None]
        other = [f"{one.name} {version} (wanted {one.specifier})" for one, version in _wrong(wanted) if version]
        install = f"pip install 'scansion[{extra}]'"
        if missing:
            yield Finding(extra, "absent", f"{', '.join(missing)} not installed: {purpose}".rstrip(": "), install)
        elif other:
            yield Finding(extra, "warning", f"{', '.join(other)}: {purpose}".rstrip(": "), install)
        else:
            told = ", ".join(f"{one.name} {version_of(one.name)}" for one in wanted)
            yield Finding(extra, "ok", f"{told}: {purpose}".rstrip(": "))


def _wrong(asked: Sequence[Requirement]) -> Iterator[tuple[Requirement, str | None]]:
    for one in asked:
        version = version_of(one.name)
        if (one.marker is None or one.marker.evaluate()) and (
            version is None or not one.specifier.contains(version, prereleases=True)
        ):
            yield one, version
