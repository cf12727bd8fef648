"""Recordings of any manifest in another domain: noisy, in a room, over a telephone, faster or slower, compressed."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from project.contract import Example, InputError
from project.corpus import flac
from project.corpus.folder import Folder
from project.corpus.shifter.codec import Codec
from project.corpus.shifter.crowd import Crowd
from project.corpus.shifter.noise import Noise
from project.corpus.shifter.room import Room
from project.corpus.shifter.speed import Speed
from project.corpus.shifter.step import Sound, Step, Surroundings, chance, power
from project.corpus.shifter.telephone import Telephone
from project.data.line import SECONDS, example_record
from project.data.manifest import Manifest
from project.data.media import MediumError, in_threads, read_header
from project.feature.waveform import read

_CEILING = 0.99  # of full scale: the largest sample written


class Shift:
    """Every recording of some manifests after a chain of steps, each manifest written under its own name.

    What happens to a recording is a function of seed and id alone, step by step: another step or another manifest
    changes nothing about it. (Babble is made of what else the manifest has.) It does not know what is said.

    The level of a recording stays what it was (root mean square about its mean); only one whose largest sample would
    pass 0.99 of full scale is turned down, as far as that takes. So nothing is clipped, and a shift is no shift of
    level.
    """

    def __init__(
        self,
        manifest: str | Sequence[str] = (),
        *,
        seed: int = 0,
        sample_rate: int | None = None,
        speed: Speed | None = None,
        room: Room | None = None,
        noise: Noise | None = None,
        telephone: Telephone | None = None,
        codec: Codec | None = None,
    ) -> None:
        self._patterns = [manifest] if isinstance(manifest, str) else list(manifest)
        if not self._patterns:
            raise InputError("corpus: no manifest is named: add corpus.manifest=data/an4/test.jsonl")
        if seed < 0:
            raise InputError(f"corpus: seed is {seed}: give 0 or more")
        if sample_rate is not None and sample_rate < 4000:
            raise InputError(
                f"corpus: sample_rate is {sample_rate}: give at least 4000, or null for that of recordings"
            )
        self.sources = list(Manifest.open(self._patterns).files)  # which must not lie where it writes
        self._seed = seed
        self._sample_rate = sample_rate
        self._speed = speed or Speed()
        chain: dict[str, Step] = {
            "speed": self._speed,
            "room": room or Room(),
            "noise": noise or Noise(),
            "telephone": telephone or Telephone(),
            "codec": codec or Codec(),
        }
        self._steps: dict[str, Any] = {
            name: step for name, step in chain.items() if step.draw(np.random.default_rng(0))
        }
        if not self._steps:
            raise InputError("corpus: no step is on, so nothing would change: add corpus.noise.snr_db=[5,20], say")

    def make(self, out: str, progress: Callable[[int, int], None] = lambda _done, _total: None) -> list[str]:
        """Writes recordings and manifests into a folder and gives the manifests' paths.

        Recordings that are there already are not made again. Manifests are written if all went well: else all that is
        wrong is told.
        """
        sources = self._open()
        settings = {
            "corpus": "shift@1",
            "manifests": {name: manifest.hash for name, manifest in sources.items()},
            "seed": self._seed,
            "sample_rate": self._sample_rate,
            **{name: asdict(step) for name, step in self._steps.items()},
        }
        folder = Folder(out, settings, [f"{name}.jsonl" for name in sources], "audio")
        if folder.begin():
            return folder.manifests
        done, total = 0, sum(map(len, sources.values()))
        lines: dict[str, list[dict[str, Any]]] = {}
        problems: list[str] = []
        for name, manifest in sources.items():
            lines[f"{name}.jsonl"] = []
            for made in self._shifted(folder.path.absolute() / "audio" / name, manifest):
                if isinstance(made, str):
                    problems.append(made)
                else:
                    lines[f"{name}.jsonl"].append(example_record(made, str(folder.path.absolute())))
                done += 1
                progress(done, total)
        if problems:
            print("\n".join(problems), file=sys.stderr)
            raise InputError(f"{out}: {len(problems):,} problems, no manifest is written: mend them and start again")
        return folder.finish(lines)

    def _open(self) -> dict[str, Manifest]:
        """The manifests by their names, which tell them apart."""
        sources: dict[str, Manifest] = {}
        for file in Manifest.open(self._patterns).files:
            manifest = Manifest([file])
            if file.stem in sources:
                other = sources[file.stem].files[0]
                raise InputError(f"{file}: {other} has the same name: shift them into two folders, or rename one")
            if not len(manifest):
                raise InputError(f"{file}: it has no lines: leave it out")
            if manifest.unit != SECONDS:
                raise InputError(f"{file}: its lines have `length`, and sounds have a `duration`: leave it out")
            sources[file.stem] = manifest
        return sources

    def _shifted(self, folder: Path, manifest: Manifest) -> Any:
        """An example, or what is wrong with it, for each line."""
        folder.mkdir(parents=True, exist_ok=True)
        crowd = Crowd(manifest)

        def work(row: int) -> Example | str:
            example = manifest[row]
            try:
                return self._shift(folder / f"{row:06d}.flac", example, crowd)
            except (InputError, MediumError) as error:
                return f"{manifest.location(row)}: {example.id}: {error}"

        return in_threads(work, range(len(manifest)))

    def _shift(self, path: Path, example: Example, crowd: Crowd) -> Example:
        """The example of a shifted recording, once that is on disk."""
        generators = {name: chance(self._seed, example.id, name) for name in self._steps}
        draws = {name: step.draw(generators[name]) for name, step in self._steps.items()}
        if path.exists():
            seconds = read_header(str(path)).seconds
        else:
            rate = self._sample_rate or read_header(example.media).sample_rate
            around = Surroundings(rate, lambda rng, count: crowd.voices(example, count, rate, rng))
            before = sound = read(example.media, rate).astype(np.float64)
            for name, step in self._steps.items():
                sound = step.apply(sound, around, draws[name], generators[name])
            flac.write(path, _levelled(sound, before), rate)
            seconds = len(sound) / rate
        drawn = {key: value for one in draws.values() for key, value in one.items()}
        labels = self._speed.labels(example.labels, drawn.get("speed", 1.0))
        return replace(example, media=str(path), length=seconds, labels=labels, meta=_told(example.meta, drawn))


def _levelled(sound: Sound, like: Sound) -> Sound:
    """The sound at the level of another, or below it if its largest sample would be too large."""
    level = np.sqrt(power(like) / power(sound)) if power(sound) else 1.0
    peak = float(np.abs(sound).max()) * level
    return sound * (level / max(1.0, peak / _CEILING))


def _told(meta: Mapping[str, Any], drawn: Mapping[str, Any]) -> dict[str, Any]:
    """What a line says besides: what was drawn, and what the source said, as `source_...` where names are the same.

    >>> _told({"snr_db": 30, "gender": "f"}, {"snr_db": 5})
    {'gender': 'f', 'source_snr_db': 30, 'snr_db': 5}
    """
    kept = {key: value for key, value in meta.items() if key not in drawn}
    moved = {f"source_{key}": value for key, value in meta.items() if key in drawn}
    return {**(_told(kept, moved) if moved else kept), **drawn}
