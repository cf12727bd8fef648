"""ceiling: the table of a small judged manifest, lines without scores, and the real figures where they are at hand."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats

from project.action.ceiling import Ceilings
from project.contract import InputError
from project.corpus.speechocean import SpeechOcean


def write(path: Path, *, marks: bool = True, number: int = 40) -> str:
    rng = np.random.default_rng(5)
    lines = []
    for place in range(number):
        skill = rng.uniform(0.3, 1)
        rows = rng.binomial(2, skill, (5, 6))
        scores = np.clip(np.round(10 * skill + rng.normal(0, 1, 5)), 0, 10).tolist()
        labels: dict[str, Any] = {"accuracy": float(np.median(scores)), "phone_scores": rows.mean(axis=0).tolist()}
        if marks:
            labels |= {"rater_accuracy": scores, "rater_phone_scores": rows.tolist()}
        line = {"id": str(place), "media": f"{place}.wav", "duration": 2.0, "symbols": ["AH"] * 6, "labels": labels}
        lines.append(json.dumps(line | {"group": str(place % 10)}))
    path.write_text("\n".join(lines) + "\n")
    return str(path)


def told(manifest: str, out: Path, **keys: Any) -> dict[str, Any]:
    assert Ceilings(manifest, num_resamples=200, out=str(out), overwrite=True, **keys).run() == 0
    found: dict[str, Any] = json.loads(out.read_text())
    return found


def test_the_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    manifest = write(tmp_path / "test.jsonl")
    found = told(manifest, tmp_path / "c.json")
    lines = [json.loads(line)["labels"] for line in Path(manifest).read_text().splitlines()]
    row = found["utterances"][2]
    expected = stats.pearsonr([np.mean(one["phone_scores"]) for one in lines], [one["accuracy"] for one in lines])[0]
    assert row["judge"] == "people's mean phone score"
    assert row["figures"]["Pearson"]["value"] == pytest.approx(expected)
    low, high = row["figures"]["Pearson"]["interval"]
    assert low < expected < high
    assert (len(found["utterances"]), len(found["phones"]), found["judged"]) == (9, 6, 40)
    shown = capsys.readouterr().out
    for text in (
        "40 judged utterances",
        f"{expected:.3f} [{low:.3f}, {high:.3f}]",
        "one rater, mean",
        "AUC, below 0.5",
    ):
        assert text in shown
    assert told(manifest, tmp_path / "c.json") == found


def test_what_nobody_judged(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    manifest = Path(write(tmp_path / "bare.jsonl", marks=False))
    plain = {"id": "a", "media": "a.wav", "duration": 1.0, "symbols": ["AH"]}
    manifest.write_text(manifest.read_text() + json.dumps(plain) + "\n")
    found = told(str(manifest), tmp_path / "c.json", low=-1.0)
    shown = capsys.readouterr()
    assert "1 of 41 lines are left out" in shown.err
    assert "no ceilings of phones" in shown.err
    assert found["phones"] == []
    assert found["utterances"][0]["figures"]["AUC"] is None
    manifest.write_text(json.dumps(plain))
    with pytest.raises(InputError, match="name a judged manifest"):
        Ceilings(str(manifest)).run()
    manifest.write_text(json.dumps(plain | {"labels": {"accuracy": "high", "phone_scores": [2]}}))
    with pytest.raises(InputError, match=r"bare.jsonl: a: labels of people's scores are no numbers"):
        Ceilings(str(manifest)).run()


def test_what_is_asked(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="give phone scores above 0"):
        Ceilings("m.jsonl", wrong=[0])
    with pytest.raises(InputError, match="intervals need 100"):
        Ceilings("m.jsonl", num_resamples=10)
    manifest = write(tmp_path / "test.jsonl")
    (tmp_path / "c.json").write_text("")
    with pytest.raises(InputError, match="it is there already"):
        Ceilings(manifest, out=str(tmp_path / "c.json")).run()


def test_real_people(tmp_path: Path) -> None:
    """The subset has the AUC of the full test set for people's phone scores, .958; the others come out lower."""
    shared = Path(os.environ.get("SCANSION_SHARED", Path(__file__).parents[2] / "../shared"))
    folder = shared / "data/speechocean762"
    if not folder.is_dir():
        pytest.skip(f"no SpeechOcean762 at {folder}: set SCANSION_SHARED to the folder that holds data/")
    manifest = SpeechOcean(str(folder), media="link").make(str(tmp_path / "out"))[-1]
    found = told(manifest, tmp_path / "c.json")
    figures = {
        row["judge"]: {name: one["value"] for name, one in row["figures"].items()} for row in found["utterances"]
    }
    perfect = figures["1 - PER of a perfect recognizer (wrong: below 0.5)"]
    assert perfect == pytest.approx({"Pearson": 0.523, "Spearman": 0.649, "AUC": 0.824}, abs=0.001)
    people = figures["people's mean phone score"]
    assert people == pytest.approx({"Pearson": 0.703, "Spearman": 0.865, "AUC": 0.958}, abs=0.001)
    assert found["phones"][-1]["figures"]["PCC"]["value"] == pytest.approx(0.659, abs=0.001)
