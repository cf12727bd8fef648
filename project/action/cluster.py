"""Finds units of sound by clustering frames of recordings, and writes each frame's unit into a manifest."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from project.action.output import progress, require_free, require_manifests
from project.contract import Example, InputError
from project.data.codebook import Codebook
from project.data.dataset import generator_of
from project.data.kmeans import Descent, Points, fit, nearest
from project.data.manifest import Manifest, write_manifest
from project.data.unit_counts import UnitCounts
from project.feature import waveform
from project.feature.mfcc import HOP, SAMPLE_RATE, mfcc
from project.feature.samples import Samples
from project.feature.waveform import Wave
from project.model.layer_frames import LayerFrames
from project.run import Run

Frames = Callable[[Wave], Points]  # of a waveform at 16 kHz


@dataclass(frozen=True, slots=True)
class Plan:
    """How clusters are looked for."""

    most_frames: int = 200_000  # held in memory to find them by
    steps: int = 200
    batch_frames: int = 10_000
    seed: int = 1


class Cluster:
    """Writes a manifest like those it reads, with `labels.units`; beside it the clusters' centres, as a codebook.

    What is clustered are cepstra, or what a layer of a pretraining `run` says. With a `codebook` that was written
    before, nothing is looked for: recordings get their units from its centres, and it knows what they are of.
    """

    def __init__(
        self,
        manifest: str | Sequence[str],
        out: str | None = None,
        clusters: int = 100,
        run: str | None = None,
        layer: int | None = None,
        codebook: str | None = None,
        plan: Plan | None = None,
        overwrite: bool = False,
    ) -> None:
        self.patterns = require_manifests(manifest, "cluster")
        if out is None:
            raise InputError("prepare cluster: no file is named: add out=data/units.jsonl")
        if (run is None) != (layer is None):
            raise InputError(f"run={run} layer={layer}: name a run and one of its layers, or neither for cepstra")
        if codebook is not None and run is not None:
            raise InputError("codebook: it knows the run and layer that it is of: leave them out")
        self.out = Path(out)
        self.codebook_out = None if codebook else self.out.with_suffix(".codebook.npz")
        self._clusters = clusters
        self._run = run
        self._layer = layer
        self._codebook = codebook
        self._plan = plan or Plan()
        self._overwrite = overwrite

    def run(self) -> int:
        """0 when the manifest is written."""
        require_free([path for path in (self.out, self.codebook_out) if path], self._overwrite)
        manifest = Manifest.open(self.patterns)
        if not len(manifest):
            raise InputError(f"{self.patterns[0]}: it has no examples: write one a line")
        codebook = Codebook.load(Path(self._codebook)) if self._codebook else None
        place = codebook or Codebook(np.zeros((0, 0), np.float32), self._run, self._layer)
        frames = frames_of(place)
        codebook = codebook or replace(place, centres_KF=self._centres(manifest, frames))
        self.out.parent.mkdir(parents=True, exist_ok=True)
        if self.codebook_out:
            codebook.save(self.codebook_out)
        counts = UnitCounts(len(codebook))
        write_manifest(self.out, labelled(manifest, frames, codebook, counts), manifest.unit)
        print(f"{self.out}: {len(manifest):,} examples; {counts.line}")
        return 0

    def _centres(self, manifest: Manifest, frames: Frames) -> Points:
        """From frames that are spread evenly over all recordings."""
        plan = self._plan
        expected = float(manifest.lengths.sum(dtype=np.float64)) * SAMPLE_RATE / HOP
        part = min(1.0, plan.most_frames / max(1.0, expected))
        kept = []
        with progress("finding clusters", len(manifest)) as advance:
            for example, rows_TF in heard(manifest, frames):
                is_kept = generator_of(plan.seed, 0, example.id).random(len(rows_TF)) < part
                kept.append(rows_TF[is_kept])
                advance()
        return fit(np.concatenate(kept), self._clusters, Descent(plan.steps, plan.batch_frames, plan.seed))


def frames_of(codebook: Codebook) -> Frames:
    """Cepstra, or what a layer says of sound that comes to it as it did in its run."""
    if codebook.run is None or codebook.layer is None:
        return mfcc
    feature = dict(Run.open(codebook.run).config()["feature"])
    if feature.pop("_target_") != "project.feature.samples.Samples":
        raise InputError(f"run={codebook.run}: it does not hear waveforms: name a run with feature=samples")
    samples, layer = Samples(**feature), LayerFrames(codebook.run, codebook.layer)
    return lambda wave: layer(samples(wave)[:, 0])


def labelled(manifest: Manifest, frames: Frames, codebook: Codebook, counts: UnitCounts) -> Iterator[Example]:
    """The examples with their units, which are counted on the way."""
    with progress("writing units", len(manifest)) as advance:
        for example, rows_TF in heard(manifest, frames):
            units_T, squares_T = nearest(rows_TF, codebook.centres_KF)
            counts.add(example, units_T, float(squares_T.sum(dtype=np.float64)))
            yield replace(example, labels={**(example.labels or {}), "units": units_T.tolist()})
            advance()


def heard(manifest: Manifest, frames: Frames) -> Iterator[tuple[Example, Points]]:
    """Each example with its frames."""
    for row in range(len(manifest)):
        example = manifest[row]
        try:
            yield example, frames(waveform.read(example.media, SAMPLE_RATE))
        except InputError as error:
            raise InputError(f"{manifest.location(row)}: {example.id}: {error}") from error
