"""From conf/ and words of a command line to a plain dictionary, or one clear line about what is wrong.

Hydra is imported late, so that asking for help costs nothing. It does not know what a verb does.
"""

from __future__ import annotations

import copy
import difflib
import functools
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from project.contract import Config, InputError

PACKAGE = Path(__file__).resolve().parents[1]
CONF = next(folder for folder in (PACKAGE / "conf", PACKAGE.parent / "conf") if folder.is_dir())


SYNONYMS = {  # what others call keys of ours
    "learning_rate": "lr",
    "rate": "lr",
    "batch_size": "max_batch_size",
    "num_workers": "workers",
    "max_epochs": "epochs",
    "num_epochs": "epochs",
}


def compose(verb: str, overrides: Iterable[str] = ()) -> Config:
    """The plain configuration of a verb under overrides, outside of a Hydra application.

    It takes an eighth of a second, so the same one is composed once: conf does not change while a command runs.
    """
    return copy.deepcopy(_composed(verb, tuple(overrides), CONF))


@functools.lru_cache(maxsize=1024)
def _composed(verb: str, overrides: tuple[str, ...], folder: Path) -> Config:
    import hydra
    from hydra.core.global_hydra import GlobalHydra

    try:
        if GlobalHydra.instance().is_initialized():
            config = hydra.compose(verb, list(overrides))
        else:
            with hydra.initialize_config_dir(str(folder), version_base="1.3"):
                config = hydra.compose(verb, list(overrides))
        unknown_keys(config, verb)
        return plain(config)
    except InputError:
        raise
    except Exception as error:
        message = explain(error, verb)
        if message is None:
            raise
        raise InputError(message) from error


def plain(config: Any) -> Config:
    """The configuration as dictionaries, lists and values: no config object passes this point."""
    from omegaconf import OmegaConf

    content = OmegaConf.to_container(config, resolve=True, throw_on_missing=False)
    assert isinstance(content, dict)
    return {str(key): value for key, value in content.items() if key != "hydra"}


def groups(verb: str) -> list[str]:
    """The groups in a verb's defaults list, read from the file alone."""
    text = (CONF / f"{verb}.yaml").read_text(encoding="utf-8").split("\ndefaults:\n", 1)[-1]
    entries = re.findall(r"^  - (?:optional |override )?([a-z_]+):", text.split("\n\n", 1)[0], flags=re.M)
    return list(dict.fromkeys(entries))


def unknown_keys(config: Any, verb: str) -> None:
    """Refuse top-level keys that the verb does not know: Hydra accepts them in silence from an experiment file."""
    body = (CONF / f"{verb}.yaml").read_text(encoding="utf-8")
    known = set(re.findall(r"^([a-z_]+):", body, flags=re.M)) | set(groups(verb)) | {"hydra"}
    known |= _declared_by(config, "action") if "action" in groups(verb) else set()
    for key in config:
        if key not in known:
            near = difflib.get_close_matches(str(key), sorted(known), n=1)
            hint = f"did you mean {near[0]}?" if near else f"see scansion {verb} --help"
            raise InputError(f"{key}: no such key in an experiment of scansion {verb}: {hint}")


def _declared_by(config: Any, group: str) -> set[str]:
    """Top-level keys that a `@package _global_` file of a group declares for itself."""
    if group not in config:
        return set()
    files = (CONF / group).glob("*.yaml")
    return {key for file in files for key in re.findall(r"^([a-z_]+):", file.read_text(encoding="utf-8"), flags=re.M)}


def options(group: str) -> list[str]:
    """The choices of a group, as they are written on the command line."""
    folder = CONF / group
    return sorted(str(file.relative_to(folder).with_suffix("")) for file in folder.rglob("*.yaml"))


def explain(error: BaseException, verb: str) -> str | None:
    """What Hydra and OmegaConf report, as one line with the remedy; None for errors that are not theirs."""
    from hydra.errors import HydraException, OverrideParseException
    from omegaconf.errors import OmegaConfBaseException

    text = str(error)
    if type(error).__name__ == "MisconfigurationException":  # Lightning's, which is not imported for its name's sake
        return f"trainer: {text}: change the trainer's keys"
    if not isinstance(error, HydraException | OmegaConfBaseException):
        return None
    if isinstance(error, OverrideParseException):
        return f"{error.override}: cannot be read as key=value: quote odd characters, for instance 'key=\"a, b\"'"
    if match := re.search(r"Could not find '([^']+)'", text):
        return _no_such_option(match[1], verb)
    if match := re.search(r"Could not override '([^']+)'", text):
        return f"{match[1]}: no such key or group: {_near(match[1], verb)}"
    if match := re.search(r"In '[^']+': Could not find|Key '([^']+)' is not in struct", text):
        key = re.search(r"full_key: (\S+)", text)
        name = key[1] if key else str(match[1])
        return f"{name}: no such key: {_near(name, verb)}"
    if match := re.search(r"Interpolation key '([^']+)' not found", text):
        return f"${{{match[1]}}} in the configuration points at nothing: set {match[1]}=..."
    return f"{text}: see --help for the grammar"


def _no_such_option(name: str, verb: str) -> str:
    group, _, option = name.partition("/")
    if not (CONF / group).is_dir():
        return f"{name}: no such configuration: {_near(group, verb)}"
    known = options(group)
    near = difflib.get_close_matches(option, known, n=1)
    hint = f"did you mean {near[0]}?" if near else f"choose from: {', '.join(known)}"
    return f"{group}={option}: no such {group}: {hint}"


def _near(name: str, verb: str) -> str:
    """The remedy for a misspelled key: the nearest key of any YAML file in conf, with its path where that is clear."""
    *parents, last = name.split(".")
    folder = CONF / "/".join(parents[:1]) if parents else CONF
    files: Mapping[str, None] = dict.fromkeys(str(f) for f in (folder.glob("*.yaml") if folder.is_dir() else ()))
    words = {word for f in files for word in re.findall(r"^ *([a-z_0-9]+):", Path(f).read_text("utf-8"), flags=re.M)}
    if not parents:
        words |= {entry.name for entry in CONF.iterdir() if entry.is_dir()}
    near = [word for word in difflib.get_close_matches(last, sorted(words - {"_target_", "defaults"})) if word != last]
    nearest = [".".join([*parents, word]) for word in near[:1]]
    known = sorted(_known_keys(verb), key=lambda key: not key.startswith(".".join([*parents[:1], ""])))
    ends: dict[str, str] = {}
    for key in known:
        ends.setdefault(key.rpartition(".")[2], key)
    exact = [key for key in known if key.rpartition(".")[2] in (last, SYNONYMS.get(last))]
    like = [ends[end] for end in difflib.get_close_matches(last, sorted(ends), n=1, cutoff=0.8)]
    guesses = [guess for guess in [*exact, *nearest, *like] if guess != name]
    return f"did you mean {guesses[0]}?" if guesses else "--help and --cfg job show what there is"


def _known_keys(verb: str) -> list[str]:
    """The keys of a verb and of its groups, with their paths; first those that are there if nothing else is chosen."""
    import yaml

    text = (CONF / f"{verb}.yaml").read_text(encoding="utf-8")
    chosen = [f"{group}/{name}.yaml" for group, name in re.findall(r"^  - ([a-z_]+): *([\w/]+)", text, flags=re.M)]
    others = [str(file.relative_to(CONF)) for group in groups(verb) for file in sorted((CONF / group).glob("*.yaml"))]
    found: dict[str, None] = {}
    for file in (f"{verb}.yaml", *chosen, *others):
        text = (CONF / file).read_text(encoding="utf-8") if (CONF / file).is_file() else ""
        if "@package _global_" not in text:
            found |= dict.fromkeys(_dotted(yaml.safe_load(text), file.rpartition("/")[0].partition("/")[0]))
    return list(found)


def _dotted(node: Any, path: str) -> Iterator[str]:
    """The paths of a file's keys, also of those that hold others."""
    for key, value in node.items() if isinstance(node, Mapping) else ():
        if key not in ("_target_", "defaults", "hydra"):
            below = f"{path}.{key}".lstrip(".")
            yield below
            yield from _dotted(value, below)
