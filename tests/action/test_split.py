"""split: parts that share nothing they must not, together the whole."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from project.action.split import Plan, Split
from project.contract import InputError
from project.data.manifest import Manifest

PARTS = ("train", "dev", "test")


def write(path: Path, records: list[dict[str, Any]]) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return str(path)


def example(number: int, **more: Any) -> dict[str, Any]:
    length = round(float(np.random.default_rng(number).lognormal(1, 0.5)), 3)
    return {"id": f"e{number}", "media": f"wav/{number}.wav", "duration": length, "text": f"T{number}", **more}


@pytest.fixture
def everything(tmp_path: Path) -> str:
    """200 examples of 20 speakers, 40 texts, in two sessions a day."""
    records = [
        example(n, group=f"s{n % 20}", text=f"T{n % 40}", day=f"2024-01-{1 + n // 10:02}", hour=n) for n in range(200)
    ]
    return write(tmp_path / "all.jsonl", records)


def parts_of(folder: Path) -> list[Manifest]:
    return [Manifest.open(str(folder / f"{part}.jsonl")) for part in PARTS]


def test_parts_are_disjoint_and_together_the_whole(everything: str, tmp_path: Path) -> None:
    assert Split([everything]).run() == 0
    parts = parts_of(tmp_path)
    lines = [line for part in PARTS for line in (tmp_path / f"{part}.jsonl").read_bytes().splitlines()]
    assert {json.dumps(json.loads(line)) for line in lines} == set(Path(everything).read_text().splitlines())
    assert len(lines) == 200
    groups = [{one.group for one in part} for part in parts]
    assert sum(map(len, groups)) == 20
    share = float(parts[0].lengths.sum() / Manifest.open(everything).lengths.sum())
    assert abs(share - 0.8) < 0.05


def test_the_seed_decides(everything: str, tmp_path: Path) -> None:
    hashes = []
    for number, seed in enumerate((1, 1, 2)):
        Split([everything], str(tmp_path / f"{number}"), seed=seed).run()
        hashes.append(Manifest.open(str(tmp_path / f"{number}" / "test.jsonl")).hash)
    assert hashes[0] == hashes[1] != hashes[2]


def test_parts_elsewhere_still_find_their_media(everything: str, tmp_path: Path) -> None:
    Split([everything], str(tmp_path / "elsewhere")).run()
    first = next(iter(Manifest.open(str(tmp_path / "elsewhere" / "test.jsonl"))))
    assert first.media == f"file://{tmp_path}/wav/{first.id[1:]}.wav"


def test_at_random_without_groups_and_with_some(tmp_path: Path) -> None:
    alone = [example(number) for number in range(100)]
    together = [example(number, group=f"g{number % 5}") for number in range(100, 150)]
    Split([write(tmp_path / "all.jsonl", alone + together)], plan=Plan(by="random")).run()
    groups = [{one.group for one in part} - {None} for part in parts_of(tmp_path)]
    assert sum(map(len, groups)) == 5
    assert min(map(len, parts_of(tmp_path))) > 5


def test_texts_can_be_kept_together(tmp_path: Path) -> None:
    records = [example(number, group=f"g{number % 50}", text=f" t{number % 25}"[number % 2 :]) for number in range(200)]
    Split([write(tmp_path / "all.jsonl", records)], plan=Plan(unique_text=True)).run()
    texts = [{(one.text or "").strip() for one in part} for part in parts_of(tmp_path)]
    assert sum(map(len, texts)) == 25


def test_texts_that_tie_everything_together_are_told(everything: str) -> None:
    path = Path(everything)
    path.write_text(path.read_text().replace('"text": "T', '"text": "same", "old": "'))
    with pytest.raises(InputError, match="1 indivisible pieces cannot fill 3 parts"):
        Split([everything], plan=Plan(unique_text=True)).run()
    assert not list(path.parent.glob("train.jsonl"))


@pytest.mark.parametrize(
    ("field", "embargo"), [(None, 0), ("hour", 0), ("day", 0), (None, 5), ("hour", 6), ("day", 2 * 86400)]
)
def test_in_time(everything: str, tmp_path: Path, field: str | None, embargo: float) -> None:
    plan = Plan("time", field=field, embargo=embargo, divide_groups=True)
    assert Split([everything], plan=plan).run() == 0
    hours = [[one.meta["hour"] for one in part] for part in parts_of(tmp_path)]
    for earlier, later in ((0, 1), (1, 2)):
        gap = min(hours[later]) - max(hours[earlier]) - 1  # examples left out in between
        assert gap == {(None, 5): 5, ("hour", 6): 5, ("day", 2 * 86400): 10}.get((field, embargo), 0)  # type: ignore[arg-type]
    if field == "day":
        days = [{one.meta["day"] for one in part} for part in parts_of(tmp_path)]
        assert not days[0] & days[1]


def test_in_time_a_group_is_divided_only_on_purpose(everything: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"would divide 20 groups.*divide_groups=true"):
        Split([everything], plan=Plan("time")).run()
    records = [example(number, group=f"g{number // 10}", duration=1.0) for number in range(100)]
    Split([write(tmp_path / "n" / "all.jsonl", records)], plan=Plan("time")).run()
    assert list(map(len, parts_of(tmp_path / "n"))) == [80, 10, 10]


@pytest.mark.parametrize(
    ("plan", "message"),
    [
        (Plan("time", field="nothing", divide_groups=True), r"all\.jsonl:1: e0: `nothing` is no time"),
        (Plan("time", field="text_id", divide_groups=True), "`text_id` is 'T0', no time"),
        (Plan("time", unique_text=True, divide_groups=True), "unique_text=true"),
    ],
)
def test_wrong_times(everything: str, plan: Plan, message: str) -> None:
    path = Path(everything)
    path.write_text(path.read_text().replace('"hour"', '"text_id": "T0", "hour"'))
    with pytest.raises(InputError, match=message):
        Split([everything], plan=plan).run()


def test_by_group_every_example_has_one(tmp_path: Path) -> None:
    path = write(tmp_path / "all.jsonl", [example(0, group="a"), example(1)])
    with pytest.raises(InputError, match=r"all\.jsonl:2: e1: no `group`: give it one, or use by=random"):
        Split([path]).run()


def test_nothing_is_replaced_unasked(everything: str, tmp_path: Path) -> None:
    (tmp_path / "dev.jsonl").write_text("mine")
    with pytest.raises(InputError, match=r"dev\.jsonl: it is there already"):
        Split([everything]).run()
    assert {path.name for path in tmp_path.glob("*.jsonl")} == {"all.jsonl", "dev.jsonl"}
    assert Split([everything], overwrite=True).run() == 0
    with pytest.raises(InputError, match="it is what is split"):
        Split([str(tmp_path / "train.jsonl")], overwrite=True).run()


def test_names_and_fractions_belong_together() -> None:
    for parts, fractions in ((["a", "b"], [1.0]), (["a", "a"], [0.5, 0.5])):
        with pytest.raises(InputError, match="name each part once"):
            Split(["m"], parts=parts, fractions=fractions)
    with pytest.raises(InputError, match="is no name of a file"):
        Split(["m"], parts=["a", "../b"], fractions=[0.5, 0.5])
    with pytest.raises(InputError, match="add up to 1"):
        Split(["m"], parts=["a", "b"], fractions=[0.5, 0.6])


def test_the_table_says_what_came_of_it(everything: str, capsys: pytest.CaptureFixture[str]) -> None:
    Split([everything], plan=Plan("time", embargo=5, divide_groups=True)).run()
    shown = capsys.readouterr().out
    assert "left out" in shown
    assert "80.0%" in shown


def windows(step: int, **more: Any) -> list[dict[str, Any]]:
    """A series of 2,000 bars in windows of 100, each `step` bars after the one before; its blocks are 500 bars."""
    return [
        {"id": f"w{start}", "media": f"series/spy.npy#{start}:{start + 100}", "length": 100, "at": start}
        | {name: value(start) for name, value in more.items()}
        for start in range(0, 1901, step)
    ]


def test_windows_that_overlap_come_into_one_part(tmp_path: Path) -> None:
    path = write(tmp_path / "all.jsonl", windows(50))
    with pytest.raises(
        InputError,
        match=r"all\.jsonl:\d+: w\d+: it would come into \w+, and w\d+ \(.*all\.jsonl:\d+\), whose rows overlap with "
        r"its own, into \w+, and so \d+ of 39 windows would be seen by another part: use by=group, a group being a ",
    ):
        Split([path], plan=Plan("random")).run()
    assert not (tmp_path / "train.jsonl").exists()
    with pytest.raises(InputError, match=r"and so 4 of 39 windows .* use a longer embargo, or by=group"):
        Split([path], plan=Plan("time", field="at")).run()
    with pytest.raises(InputError, match="use a longer embargo"):
        Split([path], plan=Plan("time", field="at", embargo=50)).run()
    assert Split([path], plan=Plan("time", field="at", embargo=100)).run() == 0
    assert sum(map(len, parts_of(tmp_path))) == 39 - 2


def test_blocks_keep_windows_apart_or_are_refused(tmp_path: Path) -> None:
    within = [one for one in windows(50, group=lambda start: f"block {start // 500}") if one["at"] % 500 <= 400]
    assert Split([write(tmp_path / "a.jsonl", within)]).run() == 0
    across = windows(50, group=lambda start: f"block {start // 500}")
    with pytest.raises(InputError, match="give windows that overlap one group"):
        Split([write(tmp_path / "b.jsonl", across)], overwrite=True).run()
    assert Split([write(tmp_path / "c.jsonl", windows(100))], plan=Plan("random"), overwrite=True).run() == 0
