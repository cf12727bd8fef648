"""action=calibrate from end to end: a file of budgets that training takes, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from project import train
from project.build.budgets import settle_budgets
from project.build.calibrate import calibrate
from project.build.compose import compose
from project.build.naming import named
from project.contract import Config, InputError

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def file(tiny: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("budgets") / "found.yaml"
    words = [
        *tiny,
        "calibrate.buckets=3",
        "calibrate.most=8",
        f"calibrate.out={file}",
        "trainer.accumulate_grad_batches=3",
    ]
    assert calibrate(compose("train", words), ["action.name=calibrate", *words]) == 0
    return file


def test_a_file_of_budgets_is_written_and_trained_with(
    file: Path, tiny: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    content = yaml.safe_load(file.read_text())
    lengths, sizes = zip(*content["budgets"], strict=True)
    assert list(lengths) == sorted(set(lengths))
    assert list(sizes) == sorted(sizes, reverse=True)
    assert sizes == (8, 8, 8)  # they are small, and so are the fastest at most
    assert all(size <= 8 for _, size in content["fastest"])
    assert content["measured"]["rows"][0]["largest"]["gb"] < content["measured"]["limit_gb"]
    more = "data.batching.max_batch_size=8"
    config = compose("train", [*tiny, more, f"data.batching.budgets={file}"])
    run, settled = named(config, [])
    assert capsys.readouterr().err == ""
    assert settled["data"]["batching"]["budgets"] == content["budgets"]
    by_hand = str(content["budgets"]).replace(" ", "")
    assert named(compose("train", [*tiny, more, f"data.batching.budgets={by_hand}"]), [])[0] == run
    recognizer = train.build(settled)
    batches = [len(batch) for batch in recognizer.data.train_dataloader()]
    assert sum(batches) == 24
    assert max(batches) <= 8


def test_it_says_how_it_is_used(tiny: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without another folder beside the runs; no run is made, and another model is told of."""
    words = [*tiny, f"runs={tmp_path}/runs", "calibrate.buckets=1", "calibrate.most=2", "calibrate.prefer=fastest"]
    assert calibrate(compose("train", words), ["action.name=calibrate", *words]) == 0
    told = capsys.readouterr()
    file = tmp_path / "runs/trial/run.budgets.yaml"
    assert told.out.strip() == str(file)
    assert f"data.batching.budgets={file}" in told.err
    assert "calibrate" not in told.err.partition("use the fastest")[2]
    assert [path.name for path in file.parent.iterdir()] == [file.name]
    other = compose("train", [*tiny, "model.channels=24", "optimizer.lr=0.5", f"data.batching.budgets={file}"])
    settle_budgets(other)
    assert "was measured with model.channels=16: calibrate again" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["calibrate.prefer=best"], "choose from largest, fastest"),
        (["calibrate.memory_gb=0.001"], r"calibrate.memory_gb=0.001: the model alone takes \d"),
        (["calibrate.seconds=0"], "calibrate.seconds=0: a step with one example of .* raise it"),
        (["data.batching.budgets=absent.yaml"], "absent.yaml: no such file: make one with"),
    ],
)
def test_what_is_wrong_is_told(config: Config, tiny: list[str], words: list[str], told: str) -> None:
    with pytest.raises(InputError, match=told):
        calibrate(compose("train", [*tiny, *words]), [])


def test_a_file_that_holds_no_budgets(tiny: list[str], tmp_path: Path) -> None:
    (tmp_path / "other.yaml").write_text("lr: 3\n")
    with pytest.raises(InputError, match="holds no budgets"):
        settle_budgets(compose("train", [*tiny, f"data.batching.budgets={tmp_path}/other.yaml"]))
