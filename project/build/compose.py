"""From conf/ and a command line to a plain dictionary, or one clear line about what is wrong.

`app` is the shell that every verb runs in: it makes a Hydra application of a function of a plain dictionary, with our
errors and exit codes. Hydra is imported late, so that asking for help costs nothing.
"""

from __future__ import annotations

import copy
import difflib
import functools
import os
import re
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from project import stop
from project.build.exhaustion import of_the_disk
from project.contract import InputError, Interrupted, WorkError

PACKAGE = Path(__file__).resolve().parents[1]
CONF = next(folder for folder in (PACKAGE / "conf", PACKAGE.parent / "conf") if folder.is_dir())

Config = dict[str, Any]
Task = Callable[[Config, list[str]], int | None]  # of the composed configuration and the command line's own overrides


class Sweeping(Protocol):
    """Who runs the points of a sweep, when all of them are known."""

    @property
    def asked(self) -> Sequence[Any]:
        """The points so far."""

    def add(self, config: Config, words: list[str], hydra: Any) -> None:
        """One point, composed and not begun; `hydra` is what Hydra knows of it."""

    def run(self) -> int:
        """Run them; the exit code."""


def app(verb: str, task: Task, sweep: Sweeping | None = None) -> Callable[[], None]:
    """A verb's `main`: compose conf/<verb>.yaml with the command line, run the task, exit with 0, 1 or 2."""

    def main() -> None:
        sys.exit(run(verb, task, sweep))

    return main


def run(verb: str, task: Task, sweep: Sweeping | None = None) -> int:
    """Run a verb on the words of sys.argv; its exit code. What the user can mend is told in one line.

    The points of a sweep go to `sweep`, all at once; without one they are done here, one after the other, and one that
    fails is told with its overrides and does not take the others down.
    """
    import hydra
    from hydra.core.hydra_config import HydraConfig
    from hydra.types import RunMode

    codes: list[int] = []

    def job(config: Any) -> None:
        words = list(HydraConfig.get().overrides.task)

        def work() -> int:
            unknown_keys(config, verb)
            content = plain(config)
            for key, value in content.items():
                if value == "???":
                    raise InputError(f"{key} is missing: set {key}=..., see scansion {verb} --help")
            return task(content, words) or 0

        sweeps = HydraConfig.get().mode == RunMode.MULTIRUN
        if sweeps and sweep is not None:

            def enrol() -> int:
                unknown_keys(config, verb)
                sweep.add(plain(config), words, HydraConfig.get())
                return 0

            if not any(codes):  # Hydra would tell an error in two lines of its own, and each point's
                codes.append(guarded(enrol))
            return
        codes.append(guarded(work, f"point {' '.join(words)}: " if sweeps else ""))

    os.environ["HYDRA_FULL_ERROR"] = "1"  # errors reach us; we say them
    hydra_app = hydra.main(version_base="1.3", config_path=str(CONF), config_name=verb)(job)
    with tempfile.TemporaryDirectory() as scratch:  # Hydra makes a folder a point; ours are elsewhere
        sys.argv.append(f"hydra.sweep.dir={scratch}")
        code = guarded(lambda: hydra_app() or 0)
    if code == 0 and not any(codes) and sweep is not None and sweep.asked:
        code = guarded(sweep.run)
    return max(code, max(codes, default=0))


def guarded(work: Callable[[], int], prefix: str = "", told: Callable[[str], object] = lambda message: None) -> int:
    """Do the work; its exit code, or the one of what went wrong, told in one line, to `told` as well.

    What the user can mend exits with 2. A stop that was asked for exits as shells expect, 128 + the signal, also where
    a library made another error of it. Other errors exit with 1 and show their traceback.
    """
    try:
        return work()
    except Interrupted as error:
        message, code = str(error), 128 + error.signal
    except KeyboardInterrupt:
        message, code = stop.TOLD, stop.CODE
    except Exception as error:
        message, code = (stop.TOLD, stop.CODE) if stop.came() else _ended(error)
    told(message)
    return complain(prefix + message, code)


def _ended(error: Exception) -> tuple[str, int]:
    """What to say of an error, and the exit code; the traceback of one that nobody foresaw is shown."""
    if not isinstance(error, InputError | WorkError):
        error = of_the_disk(error) or error
    if isinstance(error, InputError):
        return from_worker(str(error)), 2
    if isinstance(error, WorkError):
        return str(error), 1
    explained = explain(error)
    if explained is None:
        traceback.print_exc()
    return explained or f"{type(error).__name__}: {error}", 2 if explained else 1


def from_worker(text: str) -> str:
    """The message of an error, also where a loader process wrapped it in its traceback.

    >>> from_worker("Caught InputError in DataLoader worker 0.\\nOriginal Traceback ...\\nx.InputError: a.wav: empty")
    'a.wav: empty'
    """
    return re.split(r"InputError: ", text)[-1] if "Original Traceback" in text else text


def complain(message: str, code: int) -> int:
    """Say one line on standard error, in red where there is a terminal."""
    line = " ".join(message.split())
    red, plain_again = ("\033[31m", "\033[0m") if sys.stderr.isatty() else ("", "")
    print(f"{red}scansion: {line}{plain_again}", file=sys.stderr)
    return code


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
        message = explain(error)
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


def explain(error: BaseException) -> str | None:
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
        return _no_such_option(match[1])
    if match := re.search(r"Could not override '([^']+)'", text):
        return f"{match[1]}: no such key or group: {_near(match[1])}"
    if match := re.search(r"In '[^']+': Could not find|Key '([^']+)' is not in struct", text):
        key = re.search(r"full_key: (\S+)", text)
        name = key[1] if key else str(match[1])
        return f"{name}: no such key: {_near(name)}"
    if match := re.search(r"Interpolation key '([^']+)' not found", text):
        return f"${{{match[1]}}} in the configuration points at nothing: set {match[1]}=..."
    return f"{text}: see --help for the grammar"


def _no_such_option(name: str) -> str:
    group, _, option = name.partition("/")
    if not (CONF / group).is_dir():
        return f"{name}: no such configuration: {_near(group)}"
    known = options(group)
    near = difflib.get_close_matches(option, known, n=1)
    hint = f"did you mean {near[0]}?" if near else f"choose from: {', '.join(known)}"
    return f"{group}={option}: no such {group}: {hint}"


def _near(name: str) -> str:
    """The remedy for a misspelled key: the nearest key of any YAML file in conf, with its path where that is clear."""
    *parents, last = name.split(".")
    folder = CONF / "/".join(parents[:1]) if parents else CONF
    files: Mapping[str, None] = dict.fromkeys(str(f) for f in (folder.glob("*.yaml") if folder.is_dir() else ()))
    words = {word for f in files for word in re.findall(r"^ *([a-z_0-9]+):", Path(f).read_text("utf-8"), flags=re.M)}
    if not parents:
        words |= {entry.name for entry in CONF.iterdir() if entry.is_dir()}
    near = [word for word in difflib.get_close_matches(last, sorted(words - {"_target_", "defaults"})) if word != last]
    return f"did you mean {'.'.join([*parents, near[0]])}?" if near else "--help and --cfg job show what there is"
