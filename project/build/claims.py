"""Hypotheses as data: from names and YAML files to Claims, bound to their signatures like every other configuration."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from project.build.bind import check, make
from project.build.compose import CONF, options
from project.contract import InputError

if TYPE_CHECKING:
    from project.evaluation.hypotheses.claim import Claim

GROUP = "evaluation/hypotheses"
TARGET = "project.evaluation.hypotheses.claim.Claim"


def read_claims(asked: Any) -> dict[str, Claim]:
    """The claims that hypotheses=... names, by name: those of conf, all of them, or anybody's own YAML files."""
    names = options(GROUP) if asked == "all" else [asked] if isinstance(asked, str) else list(asked or [])
    files = [_file(str(name)) for name in names]
    return {name: read_claim(file) for name, file in files}


def read_claim(file: Path) -> Claim:
    """The claim in one YAML file; what is wrong is told with the file and the key."""
    try:
        node = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise InputError(f"{file}: not readable as YAML ({' '.join(str(error).split())}): mend it") from error
    if not isinstance(node, dict) or node.get("_target_") != TARGET:
        raise InputError(f"{file}: _target_: a hypothesis is a {TARGET}: write _target_: {TARGET}")
    try:
        check(node, "hypothesis")
        claim: Claim = make(node, "hypothesis")
    except InputError as error:
        raise InputError(f"{file}: {error}") from error
    return claim


def _file(name: str) -> tuple[str, Path]:
    """A claim's name and file; a name with an ending, or of a file that is there, is a path."""
    if name.endswith((".yaml", ".yml")) or Path(name).is_file():
        if not Path(name).is_file():
            raise InputError(
                f"hypotheses={name}: no such file: name a YAML file, or one of {', '.join(options(GROUP))}"
            )
        return Path(name).with_suffix("").as_posix(), Path(name)
    known = options(GROUP)
    if name not in known:
        near = difflib.get_close_matches(name, known, n=1)
        hint = f"did you mean {near[0]}?" if near else f"choose from: {', '.join(known)}, all, or name a YAML file"
        raise InputError(f"hypotheses={name}: no such hypothesis: {hint}")
    return name, CONF / GROUP / f"{name}.yaml"
