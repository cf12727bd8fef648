"""Fingerspelled words of real signers: recorded letters put together by recipes that come with them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from project.contract import InputError
from project.corpus.folder import Folder
from project.corpus.speller.assembly import Part, assemble
from project.corpus.speller.clips import Clip, digest, read_clips, read_lines, require_signers
from project.feature.landmark_file import Points, write
from project.feature.landmark_layout import mirrored as seen_in_mirror

_RECIPES = "sentences_"
_FPS = 25  # of a recipe that does not say it


def _is_between(entry: Any, least: float, most: float) -> bool:
    return isinstance(entry, int | float) and least <= entry <= most


def _is_span(entry: Any) -> bool:
    parts = isinstance(entry, list) and len(entry) == 2 and all(_is_between(part, 0, 1) for part in entry)
    return parts and entry[0] < entry[1]


# Of a recipe: what has an entry for each letter, of transitions for each two neighbours, and what an entry is.
_ENTRIES: Mapping[str, tuple[str, Callable[[Any], bool]]] = {
    "clips": ("the id of a clip", lambda entry: isinstance(entry, str)),
    "speed": ("a number, 0.1 to 10", lambda entry: _is_between(entry, 0.1, 10)),
    "trim": ("[from, to], parts of a clip, 0 to 1", _is_span),
    "transition": ("a number of frames", lambda entry: isinstance(entry, int) and entry >= 0),
}


class Fingerspelling:
    """One manifest for each `sentences_<name>.jsonl` of a folder of recorded letters, beside the landmarks it asks for.

    A recipe names signer, letters (`glosses`), clips, speed and trim of each, and the frames (of `fps`) between them.
    Signers in `leave_out` are kept out of `train.jsonl`: those by whom a recognizer is judged. `mirrored` shows
    everybody in a mirror: the same signers, left-handed.
    """

    def __init__(
        self,
        folder: str | None,
        leave_out: Sequence[str] = ("ssp", "svk"),
        frame_rate: float = 25.0,
        mirrored: bool = False,
    ) -> None:
        if folder is None:
            raise InputError("corpus.folder is missing: name the folder of recorded letters")
        if not 1 <= frame_rate <= 1000:
            raise InputError(f"corpus.frame_rate is {frame_rate}: give frames a second, 1 to 1000")
        self._folder = Path(folder)
        self._leave_out = set(leave_out)
        self._frame_rate = frame_rate
        self._mirrored = mirrored
        self.settings: dict[str, Any] = {
            "corpus": "fingerspelling@1",
            "leave_out": sorted(leave_out),
            "frame_rate": frame_rate,
            "mirrored": mirrored,
        }

    def make(self, out: str, progress: Callable[[int, int], None] = lambda _done, _total: None) -> list[str]:
        """Writes landmarks and manifests into a folder and gives the manifests' paths."""
        recipes, clips = self._recipes(), read_clips(self._folder, self._frame_rate)
        if "train" in recipes:
            require_signers(self._leave_out, clips)
        plans = {split: list(self._plans(split, path, clips)) for split, path in recipes.items()}
        for split, sentences in plans.items():
            if not sentences:
                raise InputError(
                    f"{recipes[split]}: no sentence is left of it: shorten corpus.leave_out or take it away"
                )
        recordings = digest(clips, [recipe for sentences in plans.values() for recipe, _ in sentences])
        settings = self.settings | {"recordings": recordings}
        target = Folder(out, settings, [f"{split}.jsonl" for split in recipes], "landmarks")
        if target.begin():
            return target.manifests
        total = sum(map(len, plans.values()))
        lines: dict[str, list[dict[str, Any]]] = {f"{split}.jsonl": [] for split in recipes}
        done = 0
        for split, sentences in plans.items():
            (target.path / "landmarks" / split).mkdir(parents=True, exist_ok=True)
            for recipe, parts in sentences:
                points_TPX = assemble(parts, self._transitions(recipe))
                points_TPX = seen_in_mirror(points_TPX) if self._mirrored else points_TPX
                media = f"landmarks/{split}/{recipe['id']}.npz"
                if not (target.path / media).exists():
                    write(target.path / media, points_TPX, self._frame_rate)
                lines[f"{split}.jsonl"].append(self._line(recipe, media, points_TPX))
                done += 1
                progress(done, total)
        return target.finish(lines)

    def _recipes(self) -> dict[str, Path]:
        files = sorted(self._folder.glob(f"{_RECIPES}*.jsonl"))
        if not files:
            raise InputError(f"{self._folder}: no {_RECIPES}<name>.jsonl in it: correct corpus.folder")
        return {file.stem.removeprefix(_RECIPES): file for file in files}

    def _plans(self, split: str, path: Path, clips: Mapping[str, Clip]) -> Iterator[tuple[dict[str, Any], list[Part]]]:
        """The recipes of a file with the parts they ask for, all checked before anything is written."""
        names: set[str] = set()
        for place, recipe in read_lines(path):
            _check(place, recipe, clips)
            if recipe["id"] in names:
                raise InputError(f"{place}: {recipe['id']}: the id stands twice: leave one of the lines out")
            names.add(recipe["id"])
            if split == "train" and recipe["signer"] in self._leave_out:
                continue
            parts = [
                Part(clips[name].points_TPX, begin, end, speed)
                for name, (begin, end), speed in zip(recipe["clips"], recipe["trim"], recipe["speed"], strict=True)
            ]
            yield recipe, parts

    def _transitions(self, recipe: Mapping[str, Any]) -> list[int]:
        """Frames between letters: as long as the recipe's own, which count at its `fps`."""
        return [round(frames * self._frame_rate / recipe.get("fps", _FPS)) for frames in recipe.get("transition", ())]

    def _line(self, recipe: Mapping[str, Any], media: str, points_TPX: Points) -> dict[str, Any]:
        return {
            "id": recipe["id"],
            "media": media,
            "duration": len(points_TPX) / self._frame_rate,
            "symbols": recipe["glosses"],
            "group": recipe["signer"],
            "words": recipe.get("words", []),
        }


def _check(place: str, recipe: Mapping[str, Any], clips: Mapping[str, Clip]) -> None:
    """That a recipe can be followed."""
    name, signer, letters = recipe.get("id"), recipe.get("signer"), recipe.get("glosses")
    if not isinstance(name, str) or not name or Path(name).name != name:
        raise InputError(f"{place}: `id` is {name!r}: a file is to bear that name: restore the folder")
    if not isinstance(letters, list) or not letters or not all(isinstance(letter, str) for letter in letters):
        raise InputError(f"{place}: {name}: `glosses` is no list of letters: restore the folder")
    for key, (what, fits) in _ENTRIES.items():
        entries, count = recipe.get(key, []), len(letters) - (key == "transition")
        if not isinstance(entries, list) or len(entries) != count or not all(map(fits, entries)):
            raise InputError(f"{place}: {name}: `{key}` has not {count} entries, each {what}: restore the folder")
    fps = recipe.get("fps", _FPS)
    if not _is_between(fps, 1, 1000):
        raise InputError(f"{place}: {name}: `fps` is {fps!r}: give frames a second, 1 to 1000")
    for clip in recipe["clips"]:
        if clip not in clips:
            raise InputError(f"{place}: {name}: clip {clip} is not in the folder's manifest.jsonl: restore the folder")
        if clips[clip].signer != signer:
            raise InputError(
                f"{place}: {name}: clip {clip} shows {clips[clip].signer}, not the signer {signer}: restore the folder"
            )
