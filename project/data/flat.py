"""The data module of a configuration: its keys stand side by side in conf/data, its parts take them in groups."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from project.data.batching import Batching
from project.data.dataset import Augment
from project.data.module import DataModule
from project.data.reading import Reading
from project.part import Feature, Notation, Source


def data_module(
    manifest: Mapping[str, str | list[str] | None],
    feature: Feature,
    spelling: Notation,
    batching: Batching | None = None,
    augment: Sequence[Augment] = (),
    workers: int = 0,
    seed: int = 0,
    fresh: Source | None = None,
    cache: str | None = None,
    cache_gb: float | None = None,
    max_bad: int = 0,
) -> DataModule:
    """A DataModule that reads media as these keys say."""
    module = DataModule(manifest, feature, spelling, batching, augment, workers, seed, fresh)
    module.reading = Reading(cache, cache_gb, max_bad)
    return module
