"""The beam benchmark: every decoder in every condition, on the emissions it says."""

from __future__ import annotations

import json

import pytest
import torch

from project.benchmark.beam import CUTS, PEERS, Beams, emissions, installed


def test_the_benchmark_runs() -> None:
    table = Beams(frames=40, alphabets=(6, 30), sizes=(2, 5), rounds=2, most=3, turn_seconds=0.01).run()
    names = ["scansion", *(name for name, module in PEERS.items() if installed(module))]
    assert [row[3] for row in table.rows] == names * 8
    assert all(float(row[4]) > 0 for row in table.rows)
    assert all(row[5] == "1.00" and row[8] == "100%" for row in table.rows if row[3] == "scansion")
    assert json.loads(json.dumps(table.to_json()))["columns"][3] == "decoder"


def test_another_library_decodes_alike() -> None:
    pytest.importorskip("fast_ctc_decode", reason="fast-ctc-decode is not installed: pip install fast-ctc-decode")
    table = Beams(frames=60, alphabets=(12,), sizes=(5,), rounds=1, most=4).run()
    assert {row[8] for row in table.rows if row[3] == "fast-ctc-decode"} == {"100%"}


def test_emissions_are_what_they_are_called() -> None:
    """Sharp ones are mostly blank alone, blurred ones never."""
    for num_ids in (38, 200):
        sharp, blurred = (emissions(kind, 3, 300, num_ids, 0).log_probs_BTV.exp() for kind in ("peaky", "diffuse"))
        alone = (sharp[:, :, 1:] < CUTS["peaky"]).all(dim=2).float().mean()
        assert 0.7 < alone < 0.9
        assert not (blurred[:, :, 1:] < CUTS["diffuse"]).all(dim=2).any()
        torch.testing.assert_close(sharp.sum(dim=2), torch.ones(3, 300))
