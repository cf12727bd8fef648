from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from project.evaluation.comparison import compare
from project.evaluation.example import worst
from project.evaluation.page.worst import LEAST_MEDIA, worst_section
from project.evaluation.result import Report
from project.evaluation.span_report import overlap
from project.feature import landmark_file

Make = Callable[..., Report]


@pytest.fixture
def heard(make: Make, tmp_path: Path) -> Callable[..., Report]:
    """Reports whose recordings are there."""

    def made(run: str, rate: float = 0.2) -> Report:
        report = make(run, rate, num_examples=20)
        for n in range(20):
            soundfile.write(tmp_path / f"{n}.wav", np.random.default_rng(n).normal(size=2_000) * 0.1, 8_000)
        return replace(
            report, rows=tuple(replace(row, location=str(tmp_path / f"{n}.wav")) for n, row in enumerate(report.rows))
        )

    return made


def clips_of(html: str) -> list[dict[str, object]]:
    found = re.search(r"<script type=\"application/json\" id=clips>(.*?)</script>", html)
    assert found
    return list(json.loads(found[1]))


def test_the_worst_can_be_heard(heard: Callable[..., Report]) -> None:
    reports = [heard(f"r{n}") for n in range(4)]
    html = worst_section(compare(reports), range(4))
    clips = clips_of(html)
    players = [(int(place), name) for place, name in re.findall(r"data-clip=(\d+) data-name=\"([^\"]+)\"", html)]
    assert {place for place, _ in players} == set(range(len(clips)))
    for report in reports:
        assert {row.id for row in worst(report)[:LEAST_MEDIA]} <= {name for _, name in players}
    assert len({name for _, name in players}) == len(clips)  # each once, whatever runs show it
    assert "No sound" not in html


def test_what_cannot_be_heard_says_why(heard: Callable[..., Report]) -> None:
    report = heard("a")
    first = worst(report)[0]
    rows = tuple(replace(row, location="gone.wav") if row is first else row for row in report.rows)
    html = worst_section(compare([replace(report, rows=rows)]), [0])
    assert html.count("No sound: its file is not there any more.") == 1
    assert f"<b>{first.id}</b>" in html


def test_it_is_said_once_where_nothing_can_be_heard(make: Make) -> None:
    html = worst_section(compare([make("a", num_examples=20)]), [0])
    assert html.count("its file is not there any more") == 1
    assert "class=player" not in html
    assert clips_of(html) == []
    assert "hand " not in worst_section(compare([make("b", 1e-9, num_examples=20)]), [0])


def test_windows_are_drawn(make_spans: Make, bars: str) -> None:
    report = make_spans("a", series=bars)
    seen, gone, beyond = worst(report)[:3]
    media = {gone.id: "gone.npy#0:105", beyond.id: f"{bars}#2950:3055"}
    rows = tuple(replace(row, location=media.get(row.id, row.location)) for row in report.rows)
    html = worst_section(compare([replace(report, rows=rows), make_spans("b", series=bars)]), [0, 1])
    assert html.index('class="candles"') > html.index(f"<b>{seen.id}</b>")
    assert html.count('class="candles"') == len(worst(report)) - 2 + len(worst(make_spans("b")))
    assert "No picture: its file is not there any more." in html
    assert "No picture: " in html.replace("No picture: its", "", 1)
    assert bars not in re.sub(r"<p class=where>.*?</p>", "", html)
    assert "class=alignment" not in html
    assert f"overlap\u00a0{overlap(seen):.2f}" in html
    assert f'<p class="spans wanted"><span>wanted</span> {seen.reference or "<i>none</i>"}</p>' in html
    assert clips_of(html) == []


def test_signers_can_be_seen(heard: Callable[..., Report], tmp_path: Path) -> None:
    """Landmarks beside sounds; what cannot be read says why."""
    report = heard("a")
    seen, broken, gone = worst(report)[:3]
    landmark_file.write(tmp_path / "a.npz", np.random.default_rng(0).normal(size=(30, 543, 3)), 25.0)
    (tmp_path / "broken.npz").write_bytes(b"no archive")
    media = {seen.id: "a.npz", broken.id: "broken.npz", gone.id: "gone.npz"}
    rows = tuple(
        replace(row, location=str(tmp_path / media[row.id])) if row.id in media else row for row in report.rows
    )
    html = worst_section(compare([replace(report, rows=rows)]), [0])
    assert f'data-body=0 data-name="{seen.id}"><svg class="body poses"' in html  # there without a script
    assert "data-body=1" not in html
    assert "No picture: no readable landmarks" in html
    assert "No picture: its file is not there any more." in html
    assert "their left hand" in html
    found = re.search(r"<script type=\"application/json\" id=bodies>(.*?)</script>", html)
    assert found
    content = json.loads(found[1])
    assert [one["frames"] for one in content["bodies"]] == [15]
    assert set(content["lines"]) == {"pose", "face", "left_hand", "right_hand"}
    assert len(clips_of(html)) == len(worst(report)) - 3
