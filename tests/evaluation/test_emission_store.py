"""What is kept of emissions: the same that the model said, in its order, and refused where it is of something else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from project import train
from project.build.compose import compose
from project.build.restore import restore
from project.contract import InputError
from project.decode.greedy import Greedy
from project.evaluation.emission_store import FILE, EmissionStore, columns_of, make_store, read, write
from project.evaluation.fusion import answers
from project.evaluation.result import Report
from project.run import Run
from project.scoring.reports import score
from project.text.alphabet import Alphabet

ALPHABET = Alphabet(("A", "B"), " ")


def said(lengths: list[int], symbols: int = 3) -> dict[str, Any]:
    rng = np.random.default_rng(0)
    logits = {f"clip-{n:04d}": torch.from_numpy(6 * rng.normal(size=(size, symbols))) for n, size in enumerate(lengths)}
    return {name: one.log_softmax(dim=1).half().numpy() for name, one in logits.items()}


@pytest.fixture
def kept(make: Callable[..., Report], tmp_path: Path) -> tuple[Report, EmissionStore, Path]:
    """A Report of three examples and its emissions, written."""
    report = make("a", num_examples=3, alphabet_hash=ALPHABET.hash)
    report = replace(report, info={**report.info, "weights": "0123456789abcdef"})
    store = make_store(said([4, 0, 7]), {row.id: 0.5 for row in report.rows}, ALPHABET, "0123456789abcdef")
    write(tmp_path, store)
    return report, store, tmp_path


def test_what_was_written_is_read(kept: tuple[Report, EmissionStore, Path]) -> None:
    report, store, folder = kept
    found = read(folder, report, "evaluate again")
    assert (found.ids, found.alphabet, found.frame_rate) == (store.ids, ALPHABET, 11 / 1.5)
    examples = found.examples()
    assert [examples[row.id].shape for row in report.rows] == [(4, 3), (0, 3), (7, 3)]
    for name, half_TV in said([4, 0, 7]).items():
        np.testing.assert_allclose(examples[name], half_TV, atol=5e-3)
        np.testing.assert_allclose(np.exp(examples[name]).sum(axis=1), 1.0, rtol=1e-5)
    assert [file.name for file in folder.iterdir()] == [FILE]


def test_columns_stand_in_the_order_that_is_asked_for(kept: tuple[Report, EmissionStore, Path]) -> None:
    store = kept[1]
    turned = store.examples(Alphabet(("B", "A"), " "))
    for name, log_probs_TV in store.examples().items():
        np.testing.assert_array_equal(turned[name], log_probs_TV[:, [0, 2, 1]])
    with pytest.raises(InputError, match="only one of them knows C: fuse runs of one alphabet"):
        columns_of(ALPHABET, Alphabet(("A", "B", "C"), " "))
    with pytest.raises(InputError, match="set symbols apart"):
        columns_of(ALPHABET, Alphabet(("A", "B")))


def test_what_is_of_something_else_is_refused(kept: tuple[Report, EmissionStore, Path]) -> None:
    report, store, folder = kept
    for changed, told in (
        (replace(report, info={"weights": "another"}), "other weights"),
        (replace(report, protocol=replace(report.protocol, alphabet_hash="b")), "another alphabet"),
    ):
        with pytest.raises(InputError, match=f"{told}.*: evaluate again"):
            read(folder, changed, "evaluate again")
    write(folder, replace(store, ids=("x", "y", "z")))
    with pytest.raises(InputError, match="other examples"):
        read(folder, report, "evaluate again")
    (folder / FILE).write_bytes((folder / FILE).read_bytes()[:100])
    with pytest.raises(InputError, match="not readable"):
        read(folder, report, "evaluate again")
    with pytest.raises(InputError, match="no emissions beside this report: evaluate again"):
        read(folder / "elsewhere", report, "evaluate again")


def test_evaluate_keeps_what_the_model_said(tiny: list[str], morse: Path, tmp_path: Path) -> None:
    """In one process and in two; decoded greedily it is what the Report says."""
    config = compose("train", [*tiny, "trainer.max_epochs=1"])
    run = Run(tmp_path / "trial" / "run-00000000")
    recognizer = train.build(config)
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        recognizer.system.model.head.weight.copy_(
            torch.randn(recognizer.system.model.head.weight.shape, generator=generator)
        )
        recognizer.system.model.head.bias.zero_()
    train.fit(run, config, recognizer)
    alphabet = restore(run, run.config()).spelling.alphabet
    for devices in (1, 2):
        words = [f"run={run.folder}", "device=cpu", "resamples=50", "emissions=cache", f"devices={devices}"]
        report = score(run, compose("evaluate", [*words, "decode=greedy"]))
        folder = run.reports / report.protocol.hash
        store = read(folder, report, "")
        assert store.frame_rate == pytest.approx(recognizer.feature.settings["frame_rate"] / 2, rel=0.05)
        found = answers(list(store.examples().values()), Greedy(alphabet))
        assert [one.text for one in found] == [row.hypothesis for row in report.rows]
        assert sum(map(bool, found)) == 7
        (folder / FILE).unlink()
    score(run, compose("evaluate", words[:3]))
    assert not list(run.reports.rglob(FILE)), "only where it is asked for"
