"""Clustering from the command line: what is written, that the rest of a line stays, and what is told."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

from project import cli
from project.action.cluster import Cluster, Plan
from project.contract import InputError
from project.data.codebook import Codebook
from project.data.kmeans import nearest
from project.data.manifest import Manifest
from project.feature import waveform
from project.feature.mfcc import mfcc


@pytest.fixture
def manifest(tmp_path: Path) -> str:
    """Three sounds, one at another rate, with labels of their own."""
    rng = np.random.default_rng(1)
    lines = []
    for number, rate in enumerate((16000, 16000, 8000)):
        wave = 0.1 * rng.normal(size=rate) * (np.arange(rate) > rate / 2)
        soundfile.write(tmp_path / f"{number}.wav", wave, rate)
        labels = {"accuracy": number, "places": [0.1, 0.8]}
        line = {"id": f"e{number}", "media": f"{number}.wav", "duration": 1.0, "symbols": ["SIL", "SH"], "age": 30}
        lines.append(line | {"labels": labels})
    (tmp_path / "all.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return f"{tmp_path}/all.jsonl"


def test_lines_get_the_units_of_the_codebook_beside_them(
    manifest: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "units.jsonl"
    with pytest.raises(SystemExit) as stop:
        cli.main(["prepare", "cluster", manifest, f"out={out}", "clusters=8", "action.plan.steps=10"])
    told = capsys.readouterr()
    assert stop.value.code in {0, None}, told.err
    assert "3 examples; 8 clusters of 147 frames: inertia " in told.out
    assert "phone purity 1.000 (0.500 if there were one unit)" in told.out
    before, after = (list(Manifest.open(str(path))) for path in (manifest, out))
    centres = Codebook.load(tmp_path / "units.codebook.npz").centres_KF
    for one, other in zip(before, after, strict=True):
        labels = dict(other.labels or {})
        units, _ = nearest(mfcc(waveform.read(one.media, 16000)), centres)
        assert labels.pop("units") == units.tolist()
        assert (other.media, other.meta, labels) == (one.media, one.meta, one.labels)


def test_a_seed_decides_and_few_frames_are_enough(manifest: str, tmp_path: Path) -> None:
    def centres(name: str, plan: Plan) -> np.ndarray:
        Cluster(manifest, str(tmp_path / f"{name}.jsonl"), 4, plan=plan).run()
        return Codebook.load(tmp_path / f"{name}.codebook.npz").centres_KF

    one, again, other = centres("a", Plan(steps=3)), centres("b", Plan(steps=3)), centres("c", Plan(steps=3, seed=2))
    assert np.array_equal(one, again)
    assert not np.array_equal(one, other)
    assert len(centres("d", Plan(most_frames=30, steps=3))) == 4


def test_what_is_wrong_is_said(manifest: str, tmp_path: Path) -> None:
    out = str(tmp_path / "units.jsonl")
    with pytest.raises(InputError, match="add out="):
        Cluster(manifest)
    with pytest.raises(InputError, match="name a run and one of its layers"):
        Cluster(manifest, out, run="runs/x")
    with pytest.raises(InputError, match="leave them out"):
        Cluster(manifest, out, run="runs/x", layer=1, codebook="a.npz")
    with pytest.raises(InputError, match=r"clusters=1000: there are 147 frames"):
        Cluster(manifest, out, 1000).run()
    lines = Path(manifest).read_text().replace("2.wav", "none.wav")
    (tmp_path / "broken.jsonl").write_text(lines)
    with pytest.raises(InputError, match=r"broken.jsonl:3: e2: .*none.wav: there is no such file"):
        Cluster(str(tmp_path / "broken.jsonl"), out, 4).run()
    assert not Path(out).exists()
    Cluster(manifest, out, 4, plan=Plan(steps=1)).run()
    with pytest.raises(InputError, match="overwrite=true"):
        Cluster(manifest, out, 4).run()
