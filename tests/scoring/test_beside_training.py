"""Reports beside training: of the model without its adapter before, kept for all who begin alike, and of its end."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from project import evaluate, train
from project.build.compose import compose
from project.build.fingerprint import UNADAPTED, fingerprint
from project.contract import Config, InputError
from project.evaluation.comparison import compare
from project.evaluation.result import Report, load
from project.run import Run
from project.scoring import beside_training, reports
from project.scoring.beside_training import manifests_of
from project.scoring.reports import score

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def spoken(tones: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder: Path = tones.corpus(tmp_path_factory.mktemp("spoken"), train=8, dev=4, test=4)
    return folder


def config_of(tones: Any, spoken: Path, folder: Path, *words: str) -> Config:
    parts = [f"data.manifest.{part}={spoken}/{part}.jsonl" for part in ("train", "dev", "test")]
    what = ["text=subwords", f"text.tokenizer={spoken}/tokenizer.json", "feature=samples", "feature.level=rms"]
    what += ["model=moonshine_small", "model.padding=exact", "loss=token", "weighting=token", "system=stt"]
    what += [
        "decode=generate",
        "decode.tokens_per_second=60",
        "metric=wer",
        f"runs={folder}",
        "callbacks.averaging=null",
    ]
    small = ["data.workers=0", "data.batching.max_batch_size=4", "optimizer.lr=0.01", "scheduler.warmup_steps=2"]
    small += ["epochs=2", "trainer.check_val_every_n_epoch=2", "callbacks.checkpoint.monitor=dev/wer"]
    config = compose("train", [*parts, *what, *small, *words])
    return config | {"model": config["model"] | {"config": tones.sizes}}


def trained(config: Config) -> Run:
    before = set(runs_of(config))
    assert train.train(config, []) == 0
    (folder,) = set(runs_of(config)) - before or before
    return Run.open(folder)


def runs_of(config: Config) -> Iterator[Path]:
    return (Path(config["runs"]) / config["family"]).glob(f"{config['name']}-*")


@pytest.fixture(scope="module")
def base(tones: Any, spoken: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run of four epochs, which knows something."""
    return trained(config_of(tones, spoken, tmp_path_factory.mktemp("base"), "epochs=24", "name=base"))


def adapted(tones: Any, spoken: Path, base: Run, folder: Path, *words: str) -> Config:
    """What begins with that run's weights, and scores test and dev before and after."""
    start = ["model.init=local", f"model.source={base.folder}", "adapter=lora", "adapter.targets=all", "name=lora"]
    scored = ["evaluate.before=true", f"evaluate.manifests=[{spoken}/test.jsonl,{spoken}/dev.jsonl]"]
    return config_of(tones, spoken, folder, *start, *scored, *words)


def reports_of(run: Run) -> dict[tuple[str, bool], Report]:
    """By manifest, and by whether the adapter was in use."""
    found = [load(file.parent) for file in sorted(run.reports.glob("*/report.json"))]
    states = [one.protocol.adapter for one in found]
    assert all(isinstance(state, dict) for state in states)
    return {(Path(one.info["manifest"]).stem, one.protocol.adapter["lora"]["active"]): one for one in found}  # type: ignore[index]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("runs")


@pytest.fixture(scope="module")
def tuned(tones: Any, spoken: Path, base: Run, folder: Path) -> Run:
    return trained(adapted(tones, spoken, base, folder))


@pytest.fixture
def scorings(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Whether the adapter was off, of each time that a manifest is scored."""
    asked, real = [], reports.Job.score

    def counting(job: Any, *arguments: Any) -> Any:
        asked.append(bool(job.own.get("adapter_off")))
        return real(job, *arguments)

    monkeypatch.setattr(reports.Job, "score", counting)
    return asked


def test_there_is_a_report_before_and_one_after(tuned: Run) -> None:
    assert set(reports_of(tuned)) == {(part, active) for part in ("test", "dev") for active in (False, True)}
    assert {one.run for one in reports_of(tuned).values()} == {tuned.name}


@pytest.mark.parametrize("part", ["test", "dev"])
def test_their_protocols_differ_in_the_adapter_alone(tuned: Run, part: str) -> None:
    before, after = (reports_of(tuned)[part, active] for active in (False, True))
    differing = {name for name, _, _ in after.protocol.differences(before.protocol)}
    assert differing == {"adapter.lora.active", "adapter.lora.changes"}
    with pytest.raises(InputError, match=r"adapter"):
        compare([after], before)
    assert compare([after], before, allow=["adapter"])
    assert str(before.info["weights"]).startswith(UNADAPTED)
    assert before.info["weights"] != after.info["weights"]


def test_before_is_what_the_base_model_says(tuned: Run, base: Run, spoken: Path) -> None:
    theirs = score(base, asked(base, spoken, "test"))
    mine = reports_of(tuned)["test", False]
    assert answers(mine) == answers(theirs)
    assert mine.metrics == pytest.approx(theirs.metrics)
    assert theirs.protocol.adapter == "none"
    assert answers(reports_of(tuned)["test", True]) != answers(mine), "and it has learned since"


def asked(run: Run, spoken: Path, part: str, *words: str) -> Config:
    plain = ["device=cpu", "print_samples=0", f"data.manifest={spoken}/{part}.jsonl"]
    return compose("evaluate", [f"run={run.folder}", *plain, *words])


def disabled(run: Run, spoken: Path) -> Config:
    """As `adapters=disabled` asks for."""
    return asked(run, spoken, "test") | {"adapters": "disabled"}


def answers(report: Report) -> list[tuple[str, str, float]]:
    return [(row.id, row.hypothesis, round(row.score, 3)) for row in report.rows]


def test_disabled_later_it_is_what_it_was_before(tuned: Run, spoken: Path, capsys: pytest.CaptureFixture[str]) -> None:
    later = score(tuned, disabled(tuned, spoken))
    before = reports_of(tuned)["test", False]
    assert later.protocol == before.protocol
    assert answers(later) == answers(before)
    assert later.info["weights"] == before.info["weights"]
    assert evaluate.evaluate(disabled(tuned, spoken), []) == 0
    assert Path(capsys.readouterr().out.strip()) == tuned.reports / before.protocol.hash


def test_a_run_without_adapter_has_none_to_disable(base: Run, spoken: Path) -> None:
    with pytest.raises(InputError, match=r"adapters=disabled: this run has no adapter"):
        score(base, disabled(base, spoken))


def test_one_word_of_the_command_line_asks_for_it() -> None:
    assert compose("evaluate", ["adapters=disabled"])["adapters"] == "disabled"


def test_another_learning_rate_begins_with_the_same_model(
    tones: Any, spoken: Path, base: Run, folder: Path, tuned: Run, scorings: list[bool]
) -> None:
    other = trained(adapted(tones, spoken, base, folder, "optimizer.lr=0.003"))
    assert scorings == [False, False], "only what was learned is scored"
    assert other.name != tuned.name
    mine, theirs = reports_of(other), reports_of(tuned)
    for part in ("test", "dev"):
        assert mine[part, False].protocol == theirs[part, False].protocol
        assert answers(mine[part, False]) == answers(theirs[part, False])
        assert mine[part, False].run == other.name
        assert answers(mine[part, True]) != answers(theirs[part, True])


def test_another_rank_begins_with_the_same_model_too(
    tones: Any, spoken: Path, base: Run, folder: Path, tuned: Run, scorings: list[bool]
) -> None:
    trained(adapted(tones, spoken, base, folder, "adapter.rank=2", "adapter.targets=qv"))
    assert scorings == [False, False]


def test_other_weights_or_settings_are_scored_again(
    tones: Any, spoken: Path, base: Run, folder: Path, tuned: Run, tmp_path: Path, scorings: list[bool]
) -> None:
    changed = tmp_path / "changed"
    shutil.copytree(base.folder, changed)
    content = torch.load(changed / "checkpoints" / "best.ckpt", weights_only=True)
    content["state_dict"]["model.network.model.decoder.norm.weight"][3] += 0.01
    torch.save(content, changed / "checkpoints" / "best.ckpt")
    trained(adapted(tones, spoken, Run.open(changed), folder))
    assert scorings == [True, True, False, False]
    scorings.clear()
    trained(adapted(tones, spoken, base, folder, "decode.no_repeat=3"))
    assert scorings == [True, True, False, False]


def test_what_is_scored_before_does_not_change_what_is_learned(
    tones: Any, spoken: Path, base: Run, tuned: Run, tmp_path: Path
) -> None:
    alone = trained(adapted(tones, spoken, base, tmp_path, "evaluate.before=false", "evaluate.manifests=[]"))
    assert alone.name == tuned.name, "what is scored is no part of the experiment"
    assert not list(alone.reports.glob("*"))
    one, other = (torch.load(run.last, weights_only=True)["state_dict"] for run in (alone, tuned))
    assert one.keys() == other.keys()
    assert all(torch.equal(one[name], other[name]) for name in one)
    assert alone.metrics_file.read_text() == tuned.metrics_file.read_text()


def test_what_is_missing_is_made_by_the_next_call(
    tones: Any, spoken: Path, base: Run, folder: Path, tuned: Run, scorings: list[bool]
) -> None:
    config, whole = adapted(tones, spoken, base, folder), reports_of(tuned)
    times = {file: file.stat().st_mtime_ns for file in tuned.reports.glob("*/report.json")}
    assert train.train(config, []) == 0
    assert scorings == []
    gone = tuned.reports / whole["dev", True].protocol.hash
    shutil.rmtree(gone)
    assert train.train(config, []) == 0
    assert scorings == [False]
    assert answers(reports_of(tuned)["dev", True]) == answers(whole["dev", True])
    kept = {file: file.stat().st_mtime_ns for file in times if file.parent != gone}
    assert kept == {file: time for file, time in times.items() if file.parent != gone}


def test_what_was_asked_for_too_late_is_made_too(
    tones: Any, spoken: Path, base: Run, tuned: Run, folder: Path, scorings: list[bool]
) -> None:
    """A run that was found again has no Report of before: its model without the adapter is scored now."""
    whole = reports_of(tuned)
    shutil.rmtree(tuned.reports / whole["test", False].protocol.hash)
    assert train.train(adapted(tones, spoken, base, folder), []) == 0
    assert scorings == [True]
    assert answers(reports_of(tuned)["test", False]) == answers(whole["test", False])


def test_a_run_from_before_there_was_such_a_key_goes_on(base: Run, tmp_path: Path) -> None:
    shutil.copytree(base.folder, tmp_path / "old")
    old = Run.open(tmp_path / "old")
    text = re.sub(r"^evaluate:\n(?:[ -].*\n)*", "", old.config_file.read_text(), flags=re.MULTILINE)
    old.config_file.write_text(text)
    assert "evaluate" not in old.config()
    words = [f"resume={old.folder}", "epochs=25", "trainer.check_val_every_n_epoch=1"]
    assert train.train(compose("train", words), words) == 0
    assert old.state()["step"] > base.state()["step"]


def test_a_report_under_other_settings_does_not_stand_for_the_runs_own(
    tones: Any, spoken: Path, base: Run, folder: Path, tuned: Run
) -> None:
    """Somebody asked for beams first: the greedy one is still to be made."""
    own = reports_of(tuned)["dev", True]
    shutil.rmtree(tuned.reports / own.protocol.hash)
    beams = score(tuned, asked(tuned, spoken, "dev", "decode=generate_beam", "decode.tokens_per_second=60"))
    saved = beams.save(tuned.reports)
    try:
        assert train.train(adapted(tones, spoken, base, folder), []) == 0
        assert (tuned.reports / own.protocol.hash / "report.json").is_file()
    finally:
        shutil.rmtree(saved)
        own.save(tuned.reports)


def test_without_an_adapter_there_is_nothing_to_compare_with(tones: Any, spoken: Path, tmp_path: Path) -> None:
    """It is said before anything is made or learned."""
    config = config_of(tones, spoken, tmp_path, "evaluate.before=true", f"evaluate.manifests={spoken}/test.jsonl")
    with pytest.raises(InputError, match=r"evaluate.before=true: this model has no adapter to leave out"):
        train.train(config, [])
    assert not list(tmp_path.rglob("config.yaml"))


def test_a_manifest_that_is_not_there_is_told_before_anything_is_learned(
    tones: Any, spoken: Path, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=r"gone\.jsonl"):
        train.train(config_of(tones, spoken, tmp_path, "evaluate.manifests=[/gone.jsonl]"), [])
    assert not list(tmp_path.rglob("config.yaml"))


def test_a_fingerprint_is_of_the_weights_that_an_adapter_is_put_beside(tones: Any) -> None:
    from project.adapter.lora import LoRA

    plain, other = tones.model(), tones.model(seed=1)
    name = fingerprint(plain)
    assert name.startswith(UNADAPTED)
    assert fingerprint(other) != name
    for rank, dora in ((2, False), (4, True)):
        model = tones.model()
        LoRA(rank=rank, targets="all", dora=dora)(model)
        with torch.no_grad():
            for path, weight in model.named_parameters():
                if "lora_" in path:
                    weight.add_(1.0)
        assert fingerprint(model) == name
    with torch.no_grad():
        plain.network.model.decoder.norm.weight[0] += 1e-6
    assert fingerprint(plain) != name


def test_one_manifest_or_several() -> None:
    assert manifests_of({"evaluate": {"manifests": "a.jsonl"}}) == ["a.jsonl"]
    assert manifests_of({"evaluate": {"manifests": ["a.jsonl", "b.jsonl"]}}) == ["a.jsonl", "b.jsonl"]
    assert beside_training.manifests_of(compose("train")) == []


def test_what_is_kept_is_plain(tuned: Run) -> None:
    """A shelf beside the runs: a folder for each model, and in it one for each manifest."""
    kept = sorted((tuned.folder.parent / ".baselines").glob("*/*/report.json"))
    assert len(kept) >= 2
    for file in kept:
        assert json.loads(file.read_text())["protocol"]["adapter"] == {"lora": {"active": False, "changes": False}}
    assert not list((tuned.folder.parent / ".baselines").glob("*/.part"))
