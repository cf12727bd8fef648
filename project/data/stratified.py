"""A part of a manifest that is like the whole: of each group, and of short and long ones, about as many as in it.

Which examples these are is a function of ids, groups and lengths alone: the same for all runs, whatever their
seeds, and whatever the order of the lines.
"""

from __future__ import annotations

import hashlib
from itertools import pairwise

import numpy as np

from project.data.manifest import Manifest

_QUANTILES = (0.25, 0.5, 0.75)


def stratified(manifest: Manifest, count: int) -> Manifest:
    """So many examples, in the manifest's order; the whole where it has no more.

    They are put in a row, group by group and in each by length, roughly; the row is cut into equal pieces, and of each
    the example is taken whose id's hash is least. Every other group is turned round, so that neighbours are alike.
    """
    if count >= len(manifest):
        return manifest
    examples = list(manifest)
    names = sorted({example.group or "" for example in examples})
    place = {name: number for number, name in enumerate(names)}
    levels = np.searchsorted(np.quantile(manifest.lengths, _QUANTILES), manifest.lengths).tolist()
    hashes = [hashlib.blake2b(example.id.encode(), digest_size=8).digest() for example in examples]

    def key(row: int) -> tuple[int, int, bytes]:
        number = place[examples[row].group or ""]
        return number, -levels[row] if number % 2 else levels[row], hashes[row]

    order = sorted(range(len(examples)), key=key)
    edges = (np.arange(count + 1) * len(order) // count).tolist()
    chosen = [min(order[start:end], key=hashes.__getitem__) for start, end in pairwise(edges)]
    return manifest.select(sorted(chosen))
