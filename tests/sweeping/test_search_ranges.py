"""What users write for values of a search, and what is meant by it."""

from __future__ import annotations

import random

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser

from project.build.bind import check
from project.build.compose import compose
from project.contract import InputError
from project.search.space import Choice, Interval
from project.sweeping.search_ranges import asks, axis_of, moved, spaced


@pytest.mark.parametrize(
    ("text", "axis"),
    [
        ("interval(0,1)", Interval(0.0, 1.0)),
        ("log(1e-5,1e-2)", Interval(1e-5, 1e-2, log=True)),
        ("tag(log,interval(1e-5,1e-2))", Interval(1e-5, 1e-2, log=True)),
        ("int(interval(16,256))", Interval(16, 256, whole=True)),
        ("int(log(16,256))", Interval(16, 256, log=True, whole=True)),
        ("range(0,1,0.1)", Interval(0.0, 0.9, step=0.1)),
        ("choice(adamw,muon)", Choice(("adamw", "muon"))),
        ("adamw,muon", Choice(("adamw", "muon"))),
        ("0.1,null,[1,2],'a, b'", Choice(("0.1", "null", "[1,2]", "'a, b'"))),
    ],
)
def test_forms(text: str, axis: object) -> None:
    assert axis_of("key", text) == axis


def test_ranges_are_those_of_python() -> None:
    dice = random.Random(1)
    for _ in range(300):
        start, stop, step = dice.randint(-9, 9), dice.randint(-9, 9), dice.choice([-3, -2, -1, 1, 2, 3])
        numbers = sorted(range(start, stop, step))
        text = f"range({start},{stop},{step})"
        if len(numbers) < 2:
            with pytest.raises(InputError, match="no two values"):
                axis_of("key", text)
            continue
        axis = axis_of("key", text)
        assert isinstance(axis, Interval)
        assert list(range(int(axis.low), int(axis.high) + 1, int(axis.step or 1))) == numbers


def test_ranges_of_other_numbers_are_those_of_hydra() -> None:
    for text in ("range(0,1,0.1)", "range(0.5,2.0,0.25)", "range(1.0,4.0)", "range(0,0.35,0.1)"):
        axis = axis_of("key", text)
        assert isinstance(axis, Interval)
        wanted = list(OverridesParser.create().parse_overrides([f"key={text}"])[0].sweep_iterator())
        assert axis.low + (axis.step or 0) * (len(wanted) - 1) == pytest.approx(axis.high)
        assert (axis.low, axis.high) == pytest.approx((wanted[0], wanted[-1]))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("interval(1,1)", "no two values"),
        ("interval(2,1)", "no two values"),
        ("log(0,1)", "above 0"),
        ("range(1,2)", "second number is not among them"),
        ("range(1,4,0)", "step of 0"),
        ("choice(a)", "one value"),
        ("adamw", "is one value"),
        ("lg(1,2)", "cannot be read"),
        ("interval(1", "cannot be read"),
        ("tag(x,interval(1,2))", "tag x means nothing"),
        ("tag(log,range(1,4))", "only an interval has a logarithm"),
    ],
)
def test_bad_spaces_are_one_clear_line(text: str, words: str) -> None:
    with pytest.raises(InputError, match=words) as told:
        axis_of("optimizer.lr", text)
    assert str(told.value).startswith(f"search.space: optimizer.lr={text}: ")
    assert "\n" not in str(told.value)


@pytest.mark.parametrize(
    ("key", "monitor", "words"),
    [
        ("seed", "dev/cer", "luck"),
        ("data.manifest.dev", "dev/cer", "other data"),
        ("text", "dev/cer", "other references"),
        ("callbacks.checkpoint.mode", "dev/cer", "judged by"),
        ("search.trials", "dev/cer", "choose itself"),
        ("weighting.mask", "dev/loss", "cannot be compared"),
        ("loss/inside", "dev/loss", "cannot be compared"),
    ],
)
def test_what_would_compare_the_incomparable_is_refused(key: str, monitor: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        spaced({key: "1,2"}, monitor)


def test_keys_may_be_nested() -> None:
    assert spaced({"optimizer": {"lr": "1,2"}, "model.blocks": "2,3"}, "dev/cer") == {
        "optimizer.lr": Choice(("1", "2")),
        "model.blocks": Choice(("2", "3")),
    }
    assert spaced(None, "dev/cer") == {}


def test_words_with_several_values_are_put_into_the_space() -> None:
    """As Hydra composes them: with odd characters, beside a file's own space, and never without a search."""
    config = compose("train", moved(["search=tpe", "optimizer.lr=log(1e-5,1e-2)", "model.blocks=range(2,9)"]))
    assert config["search"]["space"] == {"optimizer.lr": "log(1e-5,1e-2)", "model.blocks": "range(2,9)"}
    config = compose("train", moved(["sweep=search_lr", "name='a b',\"it's\""]))
    assert spaced(config["search"]["space"], "dev/cer") == {
        "optimizer.lr": Interval(1e-5, 1e-2, log=True),
        "name": Choice(("'a b'", '"it\'s"')),
    }
    assert moved(["-m", "seed=1,2"]) == ["-m", "seed=1,2"]
    assert moved(["sweep=mask_weight", "seed=1,2"]) == ["sweep=mask_weight", "seed=1,2"]
    for words in (["-m", "search=tpe", "model.blocks=2,3"], ["search=tpe", "sweep=mask_weight"]):
        with pytest.raises(InputError, match="leave out one"):
            moved(words)


def test_whether_a_search_is_asked_for() -> None:
    assert asks(["search=tpe"])
    assert asks(["sweep=search_lr"])
    assert not asks(["sweep=search_lr", "~search"])
    assert not asks(["sweep=mask_weight"])
    assert not asks(["experiment=morse/quick"])


@pytest.mark.parametrize("name", ["search_lr", "search_alpha"])
def test_files_of_searches_have_a_space(name: str) -> None:
    late = ["experiment=phoneme/finetune", "model=late_fusion", "~model.tuning"]
    config = compose("train", [*(late if "alpha" in name else ()), f"sweep={name}"])
    assert spaced(config["search"]["space"], config["callbacks"]["checkpoint"]["monitor"])
    assert check(config["search"], "search") >= 2
