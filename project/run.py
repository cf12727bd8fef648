"""A run on disk: one folder that says what was run, with what, how far it came and where its results are.

    runs/<family>/<name>-<signature>/
        config.yaml  alphabet.json  environment.json  data.json  state.json  metadata.json  metrics.csv  train.log
        architecture.json (of models that were made from weights of others)
        checkpoints/best.ckpt  checkpoints/last.ckpt  reports/

The signature is a hash of what differs from the defaults, so the same experiment is found again and not run twice.
A package is opened as a run, too: see `project.package`. This module knows nothing of torch or Hydra.
"""

from __future__ import annotations

import difflib
import fcntl
import hashlib
import json
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import yaml

from project import atomic, package
from project.contract import InputError
from project.environment import environment
from project.metrics_file import METRICS, MetricsFile
from project.moved import FIRST, renamed

ROOT = Path("runs")  # where runs are, unless train is told otherwise
LOOKING_SECONDS = 1.0  # so long it is tried again to hold a run: whoever only looks holds its lock for a moment
SAFE_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # eight times as fast, where PyYAML was built with it


class Taken(InputError):
    """Another process is training this run."""


@dataclass(frozen=True, slots=True)
class Run:
    """One run's folder and the places in it."""

    folder: Path
    shelf: Path | None = None  # where its Reports go if not into the folder

    @classmethod
    def open(cls, folder: str | Path) -> Run:
        """A run that exists, or a package: a folder, a name below runs/, a file, or hf://user/name."""
        if packed := package.find(str(folder)):
            return cls(*packed)
        below = ROOT / folder
        run = cls(below if not Path(folder).is_dir() and (below / "config.yaml").is_file() else Path(folder))
        if not run.folder.is_dir():
            raise InputError(f"{folder}: no such run folder: {_nearest(str(folder))}")
        if not run.config_file.is_file():
            raise InputError(f"{folder}: not a run folder, it holds no config.yaml: name the folder of one run")
        return run

    @property
    def is_package(self) -> bool:
        return package.is_package(self.folder)

    @property
    def name(self) -> str:
        """Family and name with signature, as the folder's last two parts."""
        return package.run_of(self.folder) or "/".join(self.folder.resolve().parts[-2:])

    @property
    def config_file(self) -> Path:
        return self.folder / "config.yaml"

    @property
    def alphabet_file(self) -> Path:
        return self.folder / "alphabet.json"

    @property
    def metrics_file(self) -> Path:
        return self.folder / METRICS

    @property
    def last(self) -> Path:
        return self.folder / "checkpoints" / "last.ckpt"

    @property
    def best(self) -> Path:
        return self.folder / (package.WEIGHTS if self.is_package else "checkpoints/best.ckpt")

    @property
    def reports(self) -> Path:
        return self.shelf or self.folder / "reports"

    def config(self) -> dict[str, Any]:
        """The composed configuration that made this run."""
        return package.read_config(self.folder) if self.is_package else read_config(self.config_file)

    def launch(self) -> dict[str, Any]:
        """The configuration of the latest start: the run's own, with what `resume` was told to change."""
        return read_config(self.folder / "launch.yaml")

    def keep_launch(self, config: Mapping[str, Any]) -> None:
        """Write down the configuration of this start, for other ranks to read."""
        atomic.write(self.folder / "launch.yaml", yaml.safe_dump(dict(config), sort_keys=False, allow_unicode=True))

    def curves(self) -> dict[str, list[tuple[int, float]]]:
        """The scalars of metrics.csv: name -> (step, value), in the order written."""
        return MetricsFile(self.metrics_file).read()

    def state(self) -> dict[str, Any]:
        """How far it came: {"state": new | running | interrupted | failed | finished, ...}."""
        file = self.folder / "state.json"
        return dict(json.loads(file.read_text(encoding="utf-8"))) if file.is_file() else {"state": "new"}

    def note(self, state: str, **facts: Any) -> None:
        """Write down how far it came."""
        atomic.write(self.folder / "state.json", json.dumps({"state": state, **facts}, indent=1) + "\n")

    def keep_metadata(self, **facts: Any) -> None:
        """Write down, when all is done, the whole run in one file: how it ended, with what, on what, of which data."""
        parts = ("state", "data", "environment")
        known = {name: json.loads((self.folder / f"{name}.json").read_text(encoding="utf-8")) for name in parts}
        content = {"run": self.name, **facts, **known.pop("state"), **known}
        atomic.write(self.folder / "metadata.json", json.dumps(content, indent=1) + "\n")

    def metadata(self) -> dict[str, Any]:
        """What `keep_metadata` wrote when all was done; nothing before that."""
        file = self.folder / (package.INDEX if self.is_package else "metadata.json")
        return dict(json.loads(file.read_text(encoding="utf-8"))) if file.is_file() else {}

    def architecture(self) -> dict[str, Any] | None:
        """What the model was made from, where its configuration names weights of others that it began with."""
        file = self.folder / "architecture.json"
        return dict(json.loads(file.read_text(encoding="utf-8"))) if file.is_file() else None

    def prepare(
        self,
        config: Mapping[str, Any],
        alphabet: str,
        contents: Mapping[str, str],
        architecture: Mapping[str, Any] | None = None,
    ) -> None:
        """Make the folder and write what does not change any more; `contents` are the manifests' hashes."""
        self.last.parent.mkdir(parents=True, exist_ok=True)
        atomic.write(self.folder / "data.json", json.dumps(dict(contents), indent=1) + "\n")
        if architecture is not None:
            atomic.write(self.folder / "architecture.json", json.dumps(dict(architecture), indent=1) + "\n")
        atomic.write(self.config_file, yaml.safe_dump(dict(config), sort_keys=False, allow_unicode=True))
        atomic.write(self.alphabet_file, alphabet)
        atomic.write(self.folder / "environment.json", json.dumps(environment(), indent=1) + "\n")

    def require_same(self, contents: Mapping[str, str]) -> None:
        """Refuse to go on with other data than the run began with: the name would stand for two experiments.

        What an older run did not write down is not asked.
        """
        known = json.loads((self.folder / "data.json").read_text(encoding="utf-8"))
        for part, digest in contents.items():
            if known.get(part, digest) != digest:
                what = f"{part} manifest" if part in ("train", "dev") else part
                raise InputError(
                    f"{self.folder}: its {what} has changed since it began: restore it, or start a new run under "
                    "another name=..."
                )

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Hold the run: two processes never train into one folder. Freed by the system if the process dies."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / ".lock").open("a+") as handle:
            try:
                _hold(handle)
            except BlockingIOError as error:
                raise Taken(f"{self.folder}: another process is training this run: wait for it or stop it") from error
            except OSError as error:  # some clusters' file systems are mounted without locks
                print(
                    f"scansion: {self.folder}: this file system has no locks ({error.strerror}): see to it that no "
                    "second process trains this run",
                    file=sys.stderr,
                )
            yield

    def is_held(self) -> bool:
        """Whether a process is training this run now; where there are no locks to ask, it is taken not to be.

        It is asked by a lock that many may have at once, so that of two who look neither sees the other.
        """
        file = self.folder / ".lock"
        if not file.exists():
            return False
        try:
            with file.open("rb") as handle:
                fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        except OSError:  # no locks on this file system, or the folder may not be read
            return False
        return False


def _hold(handle: IO[str]) -> None:
    """Lock a file for this process alone; BlockingIOError where another one holds it for longer than a look takes."""
    end = time.monotonic() + LOOKING_SECONDS
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > end:
                raise
            time.sleep(LOOKING_SECONDS / 100)
        else:
            return


def find(root: str, family: str, name: str, signature: str) -> Run:
    """The run of a signature below a root, whether it exists already or not."""
    return Run(Path(root) / family / f"{name}-{signature}")


def newest(folders: Iterable[Path]) -> list[Path]:
    """Those of the folders that are runs' with checkpoints, the one last written to first."""
    runs = [one for one in folders if (one / "config.yaml").is_file() and (one / "checkpoints").is_dir()]
    return sorted(runs, key=lambda one: max(file.stat().st_mtime for file in one.glob("*.*")), reverse=True)


def _nearest(name: str) -> str:
    """The remedy for a run that is not there: the one whose name, or its end, is nearest."""
    made = {str(folder).split("/", skip)[-1]: folder for folder in newest(ROOT.glob("*/*")) for skip in range(3)}
    near = difflib.get_close_matches(name.rstrip("/"), made, n=1, cutoff=0.75)
    return f"did you mean {made[near[0]]}?" if near else "runs are made by scansion train, see the folder runs/"


def signature(config: Mapping[str, Any], defaults: Mapping[str, Any], ignored: Sequence[str]) -> str:
    """Eight hex digits of what differs from the defaults, without what does not change results.

    >>> a = signature({"seed": 2, "data": {"workers": 4}}, {"seed": 1, "data": {"workers": 2}}, ["data.workers"])
    >>> b = signature({"seed": 2, "data": {"workers": 0}}, {"seed": 1, "data": {"workers": 2}}, ["data.workers"])
    >>> a == b, len(a)
    (True, 8)
    """
    mine, theirs = (dict(flatten(renamed(one, FIRST))) for one in (config, defaults))
    difference = {
        key: mine.get(key, "(absent)")
        for key in sorted(mine.keys() | theirs.keys())
        if mine.get(key, "(absent)") != theirs.get(key, "(absent)") and not is_below(key, ignored)
    }
    text = json.dumps(difference, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def flatten(node: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Dotted keys and values of a nested configuration; lists are values.

    >>> dict(flatten({"a": {"b": 1}, "c": [2]}))
    {'a.b': 1, 'c': [2]}
    """
    if isinstance(node, Mapping) and node:
        for key, value in node.items():
            yield from flatten(value, f"{path}.{key}" if path else str(key))
    else:
        yield path, node


def is_below(key: str, roots: Sequence[str]) -> bool:
    """Whether a dotted key is one of the roots or below one.

    >>> is_below("data.workers", ["data"]), is_below("database", ["data"])
    (True, False)
    """
    return any(key == root or key.startswith(f"{root}.") for root in roots)


def monitored(config: Mapping[str, Any]) -> tuple[str, str]:
    """The figure that decides which weights of a run are best, and whether it should be small (min) or large (max)."""
    node = (config.get("callbacks") or {}).get("checkpoint") or {}
    return str(node.get("monitor", "dev/cer")), str(node.get("mode", "min"))


def read_config(file: Path) -> dict[str, Any]:
    """A configuration from a run's folder."""
    try:
        content = yaml.load(file.read_text(encoding="utf-8"), Loader=SAFE_LOADER)  # noqa: S506
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        reason = " ".join(str(error).split())
        raise InputError(
            f"{file}: not readable as a configuration ({reason}): restore it or start a new run"
        ) from error
    if not isinstance(content, dict):
        raise InputError(f"{file}: holds no configuration: restore it or start a new run")
    return {str(key): renamed(value) for key, value in content.items()}
