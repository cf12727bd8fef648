"""The folder of a corpus: what it was made with stands beside it, and manifests appear only when all else is there."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson

from project import atomic
from project.contract import InputError


class Folder:
    """A corpus on disk: `corpus.json` (settings, and what belongs to it), recordings, and last the manifests.

    It does not know how recordings are made. A corpus with other settings in the same place is refused.
    """

    def __init__(self, out: str, settings: Mapping[str, Any], manifests: Sequence[str], media: str) -> None:
        """`manifests`: names of files, `media`: name of the folder of recordings, both inside `out`."""
        self.path = Path(out)
        self.manifests = [str(self.path / name) for name in manifests]
        self._card = orjson.loads(orjson.dumps({"settings": settings, "contents": [*manifests, media]}))

    def begin(self) -> bool:
        """Marks the folder as this corpus's; True if the corpus is there already."""
        if self.path.exists() and not self.path.is_dir():
            raise InputError(f"{self.path}: is a file: choose another out=")
        found = _read_card(self.path)
        if found is None:
            strangers = [name for name in self._card["contents"] if (self.path / name).exists()]
            if strangers:
                raise InputError(
                    f"{self.path / strangers[0]}: is there already, but no corpus.json: choose another out="
                )
            self.path.mkdir(parents=True, exist_ok=True)
            atomic.write(self.path / "corpus.json", orjson.dumps(self._card, option=orjson.OPT_INDENT_2) + b"\n")
        elif found["settings"] != self._card["settings"]:
            names = ", ".join(differences(found["settings"], self._card["settings"]))
            raise InputError(
                f"{self.path}: holds a corpus made with another {names}: choose another out=, or overwrite=true"
            )
        return all(Path(path).exists() for path in self.manifests)

    def finish(self, lines: Mapping[str, Iterable[Mapping[str, Any]]]) -> list[str]:
        """Writes the manifests, by name, and gives their paths."""
        for name, content in lines.items():
            atomic.write(self.path / name, b"".join(orjson.dumps(line) + b"\n" for line in content))
        return self.manifests


def remove(out: str) -> None:
    """Removes what a corpus wrote into a folder, manifests first; nothing if no corpus is there."""
    card = _read_card(Path(out))
    if card is None:
        return
    for name in card["contents"]:
        path = Path(out) / name
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    (Path(out) / "corpus.json").unlink()


def _read_card(folder: Path) -> dict[str, Any] | None:
    """What a folder's corpus.json says; None if there is none."""
    path = folder / "corpus.json"
    if not path.exists():
        return None
    try:
        card = orjson.loads(path.read_bytes())
        plain = all(Path(name).name == name for name in card["contents"])
        if plain and isinstance(card["settings"], dict):
            return dict(card)
    except (ValueError, TypeError, KeyError):
        pass
    raise InputError(f"{path}: is not the card of a corpus: choose another out=, or remove that file")


def differences(left: Mapping[str, Any], right: Mapping[str, Any]) -> list[str]:
    """Names of the settings that differ, nested ones with dots.

    >>> differences({"seed": 0, "keying": {"wpm": 5}}, {"seed": 1, "keying": {"wpm": 6}})
    ['keying.wpm', 'seed']
    """
    names: list[str] = []
    for name in sorted({*left, *right}):
        mine, other = left.get(name), right.get(name)
        if isinstance(mine, dict) and isinstance(other, dict):
            names += [f"{name}.{inner}" for inner in differences(mine, other)]
        elif mine != other:
            names.append(name)
    return names
