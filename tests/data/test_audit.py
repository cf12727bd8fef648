"""Every kind of problem is reported, at its line; a sound manifest has none."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from itertools import groupby, product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from project.data.audit import Checks, Problem, audit, frames_needed
from project.data.manifest import Manifest
from project.feature import landmark_file
from project.feature.envelope import Envelope
from project.feature.landmarks import Landmarks
from project.text.spelling import Spelling

SPELLING = Spelling("ABC ", normalize=["upper", "squeeze_spaces"])


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Manifest]:
    """Writes lines (objects, or text as it is) to a manifest beside one-second sounds a.wav, b.flac."""
    noise = np.random.default_rng(0).uniform(-0.5, 0.5, 8000)
    soundfile.write(tmp_path / "a.wav", noise, 8000)
    soundfile.write(tmp_path / "b.flac", noise, 8000)

    def write(*lines: Any) -> Manifest:
        texts = [line if isinstance(line, str) else json.dumps(line) for line in lines]
        (tmp_path / "m.jsonl").write_text("".join(f"{text}\n" for text in texts))
        return Manifest.open(str(tmp_path / "m.jsonl"))

    return write


def good(name: str = "good", **more: Any) -> dict[str, Any]:
    record = {"id": name, "media": "a.wav", "duration": 1.0, "text": "abc", **more}
    return {key: value for key, value in record.items() if value is not None}


def test_a_sound_manifest_has_no_problem(write: Callable[..., Manifest]) -> None:
    manifest = write(good("a"), "", good("b", media="b.flac", text="a c"), good("c", text=None, symbols=["A", "B"]))
    steps: list[int] = []
    assert list(audit(manifest, Checks(SPELLING, Envelope()), lambda: steps.append(1))) == []
    assert len(steps) == 3


# What the second line is instead of a good one, and what is said of it.
BAD: dict[str, tuple[Any, str]] = {
    "bad JSON": ('{"id": "bad", ', "not JSON"),
    "not an object": ("[1, 2]", "not a JSON object"),
    "no id": (good(id=None), "no `id`"),
    "id of the wrong type": (good(id=7), "`id` is 7"),
    "no media": (good("bad", media=None), "no `media`"),
    "no length": (good("bad", duration=None), "neither `duration` nor `length`"),
    "two lengths": (good("bad", length=3), "both `duration` and `length`"),
    "length of nothing": (good("bad", duration=0), "`duration` is 0"),
    "another unit": (good("bad", duration=None, length=100), "its length is in frames"),
    "text of the wrong type": (good("bad", text=["a"]), "`text` is ['a']"),
    "empty symbol": (good("bad", symbols=["A", ""]), "`symbols` is"),
    "labels of the wrong type": (good("bad", labels=[1]), "`labels` is [1]"),
    "group of the wrong type": (good("bad", group=5), "`group` is 5"),
    "no target": (good("bad", text=None), "no target"),
    "duplicate id": (good("good"), "m.jsonl:1"),
    "media above the folder": (good("bad", media="../a.wav"), "leaves the manifest's folder"),
    "media elsewhere": (good("bad", media="/corpus/a.wav"), "leaves the manifest's folder"),
    "media missing": (good("bad", media="missing.wav"), "missing.wav is missing"),
    "media empty": (good("bad", media="empty.wav"), "is empty"),
    "media corrupt": (good("bad", media="corrupt.wav"), "is corrupt"),
    "media cut short": (good("bad", media="short.flac"), "is cut short"),
    "array empty": (good("bad", media="empty.npz"), "is empty"),
    "landmarks corrupt": (good("bad", media="torn.npz"), "torn.npz is corrupt, or no archive of arrays"),
    "landmarks of another shape": (good("bad", media="shape.npz"), "has the shape (25, 33, 3)"),
    "landmarks without a rate": (good("bad", media="rateless.npz"), "holds no `fps`"),
    "landmarks of another length": (good("bad", media="body.npz", duration=1.3), "body.npz lasts 1.000 s"),
    "length disagrees": (good("bad", duration=1.2), "`duration` is 1.2 s, but"),
    "symbol outside the alphabet": (good("bad", text="abxyz"), "not in the alphabet: 'X', 'Y', 'Z'"),
    "symbols outside the alphabet": (good("bad", symbols=["A", "Q"]), "not in the alphabet: 'Q'"),
    "nothing left": (good("bad", text="  "), "nothing is left"),
    "too few frames": (good("bad", text="aabb" * 25), "100 frames are too few for CTC: 100 symbols need 150"),
}


@pytest.mark.parametrize("kind", BAD)
def test_each_kind_of_problem_is_reported_at_its_line(
    kind: str, write: Callable[..., Manifest], tmp_path: Path
) -> None:
    (tmp_path / "empty.wav").touch()
    (tmp_path / "empty.npz").touch()
    (tmp_path / "corrupt.wav").write_bytes(b"RIFF nonsense")
    (tmp_path / "short.flac").write_bytes((tmp_path / "b.flac").read_bytes()[:4000])
    landmark_file.write(tmp_path / "body.npz", np.ones((25, 543, 3)), 25.0)
    (tmp_path / "torn.npz").write_bytes((tmp_path / "body.npz").read_bytes()[:2000])
    np.savez(tmp_path / "shape.npz", xyz=np.ones((25, 33, 3)), fps=25)
    np.savez(tmp_path / "rateless.npz", xyz=np.ones((25, 543, 3)))
    line, what = BAD[kind]
    manifest = write(good(), line, good("last"))
    problems = list(audit(manifest, Checks(SPELLING, Envelope())))
    assert len(problems) == 1
    problem = problems[0]
    assert (problem.file, problem.line, problem.row) == (str(tmp_path / "m.jsonl"), 2, 1)
    assert what in problem.what
    name = line["id"] if isinstance(line, dict) and isinstance(line.get("id"), str) else "(no id)"
    assert str(problem) == f"{tmp_path}/m.jsonl:2: {name}: {problem.what}: {problem.remedy}"
    assert problem.remedy


def test_all_problems_of_a_line_are_reported(write: Callable[..., Manifest]) -> None:
    manifest = write(
        good(),
        "",
        "  ",
        good("good", media="../x.wav", duration=-1, group=3, text="x" * 999),
        good("c", text=5, media="n.wav"),
        good(None, text="x", media="n.wav"),
        good("e", media=None, text="ab" * 99),
    )
    said = {
        4: ("already that of", "`media` is", "`duration` is", "`group` is", "not in the alphabet"),
        5: ("`text` is", "n.wav is missing"),
        6: ("no `id`", "not in the alphabet", "n.wav is missing"),
        7: ("no `media`", "too few for CTC"),
    }
    problems = list(audit(manifest, Checks(SPELLING, Envelope())))
    assert [problem.line for problem in problems] == [line for line, words in said.items() for _ in words]
    for problem, word in zip(problems, [word for words in said.values() for word in words], strict=True):
        assert word in problem.what


def test_a_line_of_another_tool_is_recognized(write: Callable[..., Manifest]) -> None:
    problems = list(audit(write({"audio_filepath": "a.wav", "duration": 1.0, "text": "a"}), Checks()))
    assert any("looks like NeMo" in problem.what and "convert" in problem.remedy for problem in problems)


def test_landmarks_may_be_media(write: Callable[..., Manifest], tmp_path: Path) -> None:
    """Those as long as the line says; arrays of another kind need only be there."""
    landmark_file.write(tmp_path / "body.npz", np.ones((25, 543, 3)), 25.0)
    np.savez(tmp_path / "bars.npz", bars=np.ones(3))
    lines = [good("a", media="body.npz"), good("b", media="bars.npz", duration=7.0)]
    assert list(audit(write(*lines), Checks(SPELLING, Landmarks()))) == []


@pytest.mark.parametrize(("length", "agrees"), [(1.04, True), (1.06, False), (0.96, True), (0.94, False)])
def test_short_media_may_be_off_by_50_ms(write: Callable[..., Manifest], length: float, agrees: bool) -> None:
    assert (not list(audit(write(good(duration=length)), Checks()))) is agrees


def test_long_media_may_be_off_by_two_per_cent(write: Callable[..., Manifest], tmp_path: Path) -> None:
    soundfile.write(tmp_path / "long.wav", np.zeros(80_000), 8000)
    found = [list(audit(write(good(media="long.wav", duration=length)), Checks())) for length in (10.19, 10.21)]
    assert list(map(len, found)) == [0, 1]


def test_without_spelling_feature_or_media_only_lines_are_judged(write: Callable[..., Manifest]) -> None:
    manifest = write(
        good("a", media="missing.wav", text="QQ" * 90), good("b", labels={"x": 1}, text=None, media="c.npz")
    )
    assert list(audit(manifest, Checks(media=False))) == []
    assert len(list(audit(manifest, Checks(SPELLING, media=False)))) == 1


def test_the_models_reduction_leaves_fewer_frames(write: Callable[..., Manifest]) -> None:
    manifest = write(good(text="abc" * 10))  # 100 frames
    found = [list(audit(manifest, Checks(SPELLING, Envelope(), reduction))) for reduction in (3, 4)]
    assert list(map(len, found)) == [0, 1]
    assert "25 frames" in found[1][0].what


def test_lengths_in_frames_are_not_compared_with_seconds(write: Callable[..., Manifest]) -> None:
    assert list(audit(write(good(duration=None, length=500)), Checks())) == []


def test_frames_needed_is_the_shortest_path_that_collapses_to_the_symbols() -> None:
    """Against all paths of a three-symbol alphabet."""
    shortest: dict[tuple[int, ...], int] = {}
    for frames in range(6):
        for path in product(range(3), repeat=frames):
            collapsed = tuple(symbol for symbol, _ in groupby(path) if symbol)
            shortest.setdefault(collapsed, frames)
    for symbols, frames in shortest.items():
        assert frames_needed(list(symbols)) == frames


def test_many_lines_are_reported_in_order_and_no_thread_is_left(write: Callable[..., Manifest]) -> None:
    manifest = write(*(good(f"e{number}", media=f"{number}.wav") for number in range(1200)))
    problems: list[Problem] = list(audit(manifest, Checks()))
    assert [problem.line for problem in problems] == list(range(1, 1201))
    assert not [thread for thread in threading.enumerate() if "ThreadPool" in thread.name]
