"""A verb as a process: composed, run, and ended with an exit code; what goes wrong is told in one line.

`app` makes a Hydra application of a function of a plain dictionary. It does not know what the verb does.
"""

from __future__ import annotations

import os
import re
import sys
import tempfile
import traceback
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from project import stop
from project.build import compose
from project.build.exhaustion import of_the_disk
from project.build.heads import command_for
from project.contract import Config, InputError, Interrupted, NoManifest, WorkError

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
            compose.unknown_keys(config, verb)
            content = compose.plain(config)
            for key, value in content.items():
                if value == "???":
                    raise InputError(f"{key} is missing: set {key}=..., see scansion {verb} --help")
            return task(content, words) or 0

        sweeps = HydraConfig.get().mode == RunMode.MULTIRUN
        if sweeps and sweep is not None:

            def enrol() -> int:
                compose.unknown_keys(config, verb)
                sweep.add(compose.plain(config), words, HydraConfig.get())
                return 0

            if not any(codes):  # Hydra would tell an error in two lines of its own, and each point's
                codes.append(guarded(enrol))
            return
        codes.append(guarded(work, f"point {' '.join(words)}: " if sweeps else ""))

    os.environ["HYDRA_FULL_ERROR"] = "1"  # errors reach us; we say them
    hydra_app = hydra.main(version_base="1.3", config_path=str(compose.CONF), config_name=verb)(job)
    with tempfile.TemporaryDirectory() as scratch:  # Hydra makes a folder a point; ours are elsewhere
        sys.argv.append(f"hydra.sweep.dir={scratch}")
        code = guarded(lambda: hydra_app() or 0, verb=verb)
    if code == 0 and not any(codes) and sweep is not None and sweep.asked:
        code = guarded(sweep.run)
    return max(code, max(codes, default=0))


def guarded(
    work: Callable[[], int],
    prefix: str = "",
    told: Callable[[str], object] = lambda message: None,
    verb: str = "train",
) -> int:
    """Do the work; its exit code, or the one of what went wrong, told in one line, to `told` as well.

    What the user can mend exits with 2. A stop that was asked for exits as shells expect, 128 + the signal, also where
    a library made another error of it. Other errors exit with 1 and show their traceback. `verb`: whose keys are meant.
    """
    try:
        return work()
    except Interrupted as error:
        message, code = str(error), stop.code_of(error.signal)
    except KeyboardInterrupt:
        message, code = stop.TOLD, stop.CODE
    except Exception as error:
        message, code = (stop.TOLD, stop.CODE) if stop.came() else _ended(error, verb)
    told(message)
    return complain(prefix + message, code)


def _ended(error: Exception, verb: str) -> tuple[str, int]:
    """What to say of an error, and the exit code; the traceback of one that nobody foresaw is shown."""
    if not isinstance(error, InputError | WorkError):
        error = of_the_disk(error) or error
    if isinstance(error, NoManifest) and (command := command_for(error.folder)):
        return f"{error.what}: make it: {command}", 2
    if isinstance(error, InputError):
        return from_worker(str(error)), 2
    if isinstance(error, WorkError):
        return str(error), 1
    explained = compose.explain(error, verb)
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
