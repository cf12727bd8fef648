"""The page of a report in a real browser."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from project.benchmark.chromium import Browser
from project.contract import Finding
from project.evaluation.comparison import compare
from project.evaluation.example import worst
from project.evaluation.hypotheses.judgement import Judgement
from project.evaluation.page.body import framed
from project.evaluation.page.comparison_page import write_page
from project.evaluation.result import Report
from project.evaluation.run_view import RunView
from project.feature import landmark_file
from project.feature.landmark_layout import BLOCKS, NUM_POINTS

Make = Callable[..., Report]
Faint = Callable[[], list[str]]

pytestmark = pytest.mark.long

# Waits until all bodies stand on their stages.
STAGED = """(async () => {
  const late = Date.now() + 20000, asked = document.querySelectorAll("[data-body]").length;
  while (document.querySelectorAll(".stage").length < asked && Date.now() < late) {
    await new Promise(requestAnimationFrame);
  }
})()"""


def reports_with_sound(make: Make, folder: Path) -> list[Report]:
    """Two runs over 60 examples, each with a recording of three seconds."""
    recordings = []
    for n in range(60):
        times = np.arange(24_000) / 8_000
        recordings.append(folder / f"{n}.wav")
        soundfile.write(recordings[-1], 0.3 * np.sin(2 * np.pi * 600 * times) * (times % 0.2 < 0.1), 8_000)
    return [
        replace(
            report,
            rows=tuple(replace(row, location=str(one)) for row, one in zip(report.rows, recordings, strict=True)),
        )
        for report in (make("base", 0.08, num_examples=60), make("wide", 0.03, num_examples=60))
    ]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("page")


@pytest.fixture
def page(make: Make, folder: Path) -> Path:
    """Two runs that can be heard; written once."""
    path = folder / "page.html"
    if not path.is_file():
        first, second = reports_with_sound(make, folder)
        curve = [(n, 1.0 / (n + 1)) for n in range(50)]
        views = [RunView(name, f"runs/{name}", {"train/loss": curve, "dev/cer": curve}) for name in ("base", "wide")]
        claims = [Judgement("demo/wide", "A wide encoder helps.", "supported", ("CER is lower",))]
        found = {"base": [Finding("blank_collapse", "", "it says nothing", "train longer", {"blank": 0.99}, 10)]}
        write_page(path, compare([first, second], first), views, judgements=claims, findings=found)
    return path


@pytest.fixture
def signed(make: Make, folder: Path) -> Path:
    """A run over 20 examples of signing; of the worst example the left hand is missing at first. Written once."""
    path, rng = folder / "signed.html", np.random.default_rng(0)
    if not path.is_file():
        report = make("signed", 0.1, num_examples=20)
        first = worst(report)[0]
        for n, row in enumerate(report.rows):
            points_TPX = rng.normal(size=(NUM_POINTS, 3)) + 0.1 * rng.normal(size=(40, NUM_POINTS, 3)).cumsum(axis=0)
            if row is first:
                points_TPX[:20, BLOCKS["left_hand"]] = np.nan
            landmark_file.write(folder / f"{n}.npz", points_TPX, 12.5)
        rows = tuple(replace(row, location=str(folder / f"{n}.npz")) for n, row in enumerate(report.rows))
        write_page(path, compare([replace(report, rows=rows)]))
    return path


@pytest.fixture
def marked(make_spans: Make, bars: str, folder: Path) -> Path:
    """Two runs over windows of bars. Written once."""
    path = folder / "marked.html"
    if not path.is_file():
        first = make_spans("base", series=bars)
        curves = {f"train/{name}/share": [(n, part) for n in range(9)] for name, part in (("a", 0.3), ("b", 0.7))}
        reports = [first, make_spans("wide", 4.0, series=bars)]
        write_page(path, compare(reports, first), [RunView("base", "", curves)])
    return path


def column(browser: Browser, place: int) -> list[str]:
    """The texts of one column of the table of examples."""
    found: list[str] = browser.run(
        f"[...document.querySelectorAll('#table tbody tr')].map((row) => row.cells[{place}].textContent)"
    )
    return found


def heads(browser: Browser) -> dict[str, str | None]:
    """Heading -> its aria-sort."""
    found: dict[str, str | None] = browser.run(
        "Object.fromEntries([...document.querySelectorAll('#table thead th')]"
        ".map((th) => [th.textContent, th.getAttribute('aria-sort')]))"
    )
    return found


def fill(browser: Browser, name: str, value: str, event: str = "change") -> None:
    """What a visitor does with a control."""
    script = f"one.value = {json.dumps(value)}; one.dispatchEvent(new Event('{event}'))"
    browser.run(f"(one => {{ {script} }})(byId('{name}'))")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1200, 390])
def test_it_loads_without_complaint(browser: Browser, page: Path, scheme: str, width: int) -> None:
    browser.open(page, scheme, width)
    assert browser.run("document.title").endswith("scansion report")
    assert browser.run("document.documentElement.scrollWidth <= innerWidth")  # only tables scroll sideways
    paper = browser.run("getComputedStyle(document.body).backgroundColor")
    brightness = sum(int(part) for part in re.findall(r"\d+", paper)[:3])
    assert (brightness < 200) == (scheme == "dark")
    assert browser.picture().startswith(b"\x89PNG")
    browser.run("theme.click()")
    assert browser.run("getComputedStyle(document.body).backgroundColor") != paper
    assert browser.complaints == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out(browser: Browser, faint: Faint, page: Path, scheme: str) -> None:
    """Text has the contrast that WCAG 2.1 asks for (4.5) in both themes."""
    browser.open(page, scheme)
    assert faint() == []
    browser.run("document.querySelector('h1').style.color = '#888'")  # 3.4 on the light paper, 5.1 on the dark one
    assert len(faint()) == (scheme == "light")


def test_sorting(browser: Browser, page: Path) -> None:
    browser.open(page)
    assert heads(browser)["errors"] == "descending"
    errors = [int(text) for text in column(browser, list(heads(browser)).index("errors"))]
    assert errors == sorted(errors, reverse=True)
    browser.run("document.querySelector('#table thead button').focus()")
    browser.press("Enter", 13)
    assert heads(browser)["id"] == "ascending"
    assert column(browser, 0) == sorted(column(browser, 0))
    browser.press(" ", 32)  # the heading keeps the focus
    assert heads(browser)["id"] == "descending"
    assert column(browser, 0)[0] == "clip-0059"
    assert [state for state in heads(browser).values() if state] == ["descending"]
    assert browser.complaints == []


def test_filtering(browser: Browser, page: Path, make: Make) -> None:
    browser.open(page)
    rows = make("wide", 0.03, num_examples=60).rows  # the best run is shown first
    count = "Number(count.textContent.split(' ')[0])"
    assert browser.run(count) == 60
    fill(browser, "search", "Paris 599", "input")
    texts = [f"{row.id} {row.group} {row.reference} {row.hypothesis}" for row in rows]
    assert browser.run(count) == sum("PARIS" in text and "599" in text for text in texts) > 0
    browser.run("clear.click()")
    fill(browser, "group", "station 05")
    assert browser.run(count) == sum(row.group == "station 05" for row in rows)
    browser.run("clear.click(); wrong.click()")
    assert browser.run(count) == sum(row.reference != row.hypothesis for row in rows)
    browser.run("clear.click()")
    fill(browser, "condition", "hand")
    fill(browser, "kind", "bug")
    assert browser.run(count) == sum(row.meta["hand"] == "bug" for row in rows)
    assert set(column(browser, list(heads(browser)).index("hand"))) == {"bug"}
    fill(browser, "condition", "snr_db")
    fill(browser, "least", "-3.5", "input")
    fill(browser, "most", "12", "input")
    assert browser.run(count) == sum(-3.5 <= float(row.meta["snr_db"]) <= 12 for row in rows)
    fill(browser, "search", "no such text", "input")
    assert browser.run(count) == 0
    browser.run("clear.click()")
    assert browser.run(count) == 60
    assert browser.complaints == []


def test_paging(browser: Browser, page: Path) -> None:
    browser.open(page)
    fill(browser, "run", "1")
    seen: list[str] = []
    for number in (1, 2, 3):
        assert browser.run("page.textContent") == f"Page {number} of 3"
        assert browser.run("back.disabled") == (number == 1)
        assert browser.run("next.disabled") == (number == 3)
        seen += column(browser, 0)
        browser.run("next.click()")
    assert sorted(seen) == [f"clip-{n:04d}" for n in range(60)]
    fill(browser, "size", "100")
    assert len(column(browser, 0)) == 60
    assert browser.complaints == []


def test_errors_are_in_colour(browser: Browser, page: Path, make: Make) -> None:
    """What the script marks is what the metric counted."""
    browser.open(page)
    fill(browser, "size", "100")
    for label, report in (("0", make("wide", 0.03, num_examples=60)), ("1", make("base", 0.08, num_examples=60))):
        fill(browser, "run", label)
        marks = browser.run("document.querySelectorAll('#table mark, #table del').length")
        assert marks == sum(row.columns[name] for row in report.rows for name in report.measures["cer"].above)


def test_a_recording_plays(browser: Browser, page: Path) -> None:
    browser.open(page)
    state = browser.run(
        """(async () => {
          const [first, second] = document.querySelectorAll(".player");
          first.querySelector("button").click();
          const sound = first.querySelector("audio");
          const late = Date.now() + 20000;
          while (sound.currentTime < 0.2 && Date.now() < late) await new Promise((done) => setTimeout(done, 50));
          const found = { time: sound.currentTime, seconds: sound.duration, playing: first.matches(".playing"),
            name: first.querySelector("button").getAttribute("aria-label") };
          second.querySelector("button").click();
          while (!sound.paused && Date.now() < late) await new Promise((done) => setTimeout(done, 50));
          return { ...found, alone: !sound.ended, error: sound.error && sound.error.message };
        })()"""
    )
    assert state["error"] is None
    assert state["time"] >= 0.2
    assert abs(state["seconds"] - 3) < 0.2
    assert state["playing"]
    assert state["name"].startswith("Pause clip-")
    assert state["alone"]
    browser.run("document.querySelectorAll('.player')[2].querySelector('input').focus()")
    browser.press("End", 35)
    assert browser.run("document.querySelectorAll('.player')[2].querySelector('audio').currentTime") > 2.5
    assert browser.complaints == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1200, 390])
def test_signers_are_shown(browser: Browser, faint: Faint, signed: Path, scheme: str, width: int) -> None:
    browser.open(signed, scheme, width)
    browser.run(STAGED)
    assert browser.run("document.documentElement.scrollWidth <= innerWidth")
    assert faint() == []
    muted, right, left = (
        browser.run(f"getComputedStyle(document.querySelector('.stage .{part}')).stroke")
        for part in ("pose", "right_hand", "left_hand")
    )
    assert len({muted, right, left, "none"}) == 4
    assert browser.run("getComputedStyle(document.querySelector('.stage .pose')).fill") == "none"
    assert browser.run("document.querySelector('.poses').querySelectorAll('svg').length") == 8
    assert signed.stat().st_size < 1_500_000
    browser.call("Emulation.setEmulatedMedia", media="print")
    shown = "document.querySelector('{}').checkVisibility()"
    assert [browser.run(shown.format(one)) for one in (".poses", ".stage", ".slow")] == [True, False, False]
    assert browser.run("document.querySelector('.poses').getBoundingClientRect().width") > 250
    browser.call("Emulation.setEmulatedMedia", media="")
    assert browser.complaints == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1200, 390])
def test_windows_are_shown(browser: Browser, faint: Faint, marked: Path, scheme: str, width: int) -> None:
    browser.open(marked, scheme, width)
    assert browser.run("document.documentElement.scrollWidth <= innerWidth")
    assert faint() == []
    wanted, said, paper = (
        browser.run(f"getComputedStyle({one})")
        for one in (
            "document.querySelector('.candles .wanted')).fill + (0",
            "document.querySelector('.candles .recognized')).fill + (0",
            "document.body).backgroundColor + (0",
        )
    )
    assert len({wanted, said, paper, "none0"}) == 4
    assert browser.run("document.querySelector('.candles').getBoundingClientRect().width") >= 600
    bar = "document.querySelectorAll('.candles .hits path')[47]"
    assert browser.run(f"{bar}.querySelector('title').textContent").startswith("47: 20")
    hit = """(() => {
      const bar = BAR, box = bar.getBoundingClientRect();
      bar.scrollIntoView({ block: "center", inline: "center", behavior: "instant" });
      const place = bar.getBoundingClientRect();
      return document.elementFromPoint(place.x + place.width / 2, place.y + place.height / 2) === bar;
    })()"""
    assert browser.run(hit.replace("BAR", bar))
    assert browser.complaints == []


def test_spans_stay_plain_in_the_table(browser: Browser, marked: Path) -> None:
    browser.open(marked)
    assert browser.run("document.querySelectorAll('#table mark, #table del').length") == 0
    assert "overlap" in heads(browser)
    texts = column(browser, list(heads(browser)).index("hypothesis"))
    assert any(re.fullmatch(r"(consolidation|retracement) \d+-\d+", text) for text in texts)
    browser.run(
        "[...document.querySelectorAll('#table thead button')].find((one) => one.textContent === 'overlap').click()"
    )
    shares = [float(text) for text in column(browser, list(heads(browser)).index("overlap"))]
    assert shares == sorted(shares, reverse=True)
    assert browser.complaints == []


def test_a_signer_moves(browser: Browser, signed: Path) -> None:
    """By button and by key, one at a time; the script's points are the file's."""
    browser.open(signed)
    browser.run(STAGED)
    state = browser.run(
        """(async () => {
          const [first, second] = document.querySelectorAll("[data-body]");
          const drawn = () => first.querySelector(".stage .right_hand").getAttribute("d");
          const still = drawn(), late = Date.now() + 20000;
          first.querySelector("button").click();
          while (Number(first.querySelector("input").value) < 0.2 && Date.now() < late) {
            await new Promise(requestAnimationFrame);
          }
          const found = { moved: drawn() !== still, playing: first.matches(".playing"),
            name: first.querySelector("button").getAttribute("aria-label") };
          second.querySelector(".stage").dispatchEvent(new MouseEvent("click"));
          return { ...found, alone: !first.matches(".playing") && second.matches(".playing") };
        })()"""
    )
    assert state["moved"]
    assert state["playing"]
    assert state["name"].startswith("Pause clip-")
    assert state["alone"]
    first = "document.querySelector('[data-body]')"
    browser.run(f"{first}.querySelector('input').focus()")
    for key, code, second, playing in (
        ("Home", 36, 0, False),
        (" ", 32, 0, True),
        (" ", 32, 0, False),
        ("End", 35, 3.2, False),
    ):
        browser.press(key, code)
        assert browser.run(f"{first}.matches('.playing')") == playing
        if key in {"Home", "End"}:
            assert browser.run(f"Number({first}.querySelector('input').value)") == pytest.approx(second)
    assert browser.run(f"{first}.querySelector('.stage .left_hand').getAttribute('d')")
    browser.press("Home", 36)
    assert browser.run(f"{first}.querySelector('.stage .left_hand').getAttribute('d')") == ""  # not detected there
    assert browser.run(f"{first}.querySelector('.clock').textContent") == "0:00 / 0:03"
    browser.run(f"{first}.querySelector('.slow').click()")
    assert browser.run(f"{first}.querySelector('.slow').getAttribute('aria-pressed')") == "true"
    assert browser.complaints == []


def test_the_script_draws_the_points_of_the_file(browser: Browser, signed: Path, make: Make, folder: Path) -> None:
    browser.open(signed)
    report = make("signed", 0.1, num_examples=20)
    media = folder / f"{report.rows.index(worst(report)[0])}.npz"
    found = framed(landmark_file.read(str(media), 12.5))
    assert not isinstance(found, str)
    values = browser.run("unpacked(bodies[0]).then((values) => [...values])")
    assert values == found[0].reshape(40, -1).T.ravel().tolist()
    path = browser.run("unpacked(bodies[0]).then((values) => path([[0, 1]], values, bodies[0].frames, 0.25))")
    ends = (0.75 * found[0][0, :2] + 0.25 * found[0][1, :2]).ravel()  # a quarter of the way to the next frame
    assert [float(text) for text in re.findall(r"-?[\d.]+", path)] == pytest.approx(ends.tolist(), abs=0.051)


def test_ten_thousand_rows_do_not_freeze_it(browser: Browser, page: Path) -> None:
    browser.open(page)
    milliseconds = browser.run(
        """(() => {
          while (runs[0].rows.length < 10000) {
            const [place, ...others] = runs[0].rows[runs[0].rows.length % 60];
            examples.push([`copy-${examples.length}`, ...examples[place].slice(1)]);
            texts.push(`${examples.length} ${texts[place]}`);
            runs[0].rows.push([examples.length - 1, ...others]);
          }
          runs[0].total = 10000;
          const begin = performance.now();
          search.value = "paris k1abc"; search.dispatchEvent(new Event("input"));
          byId("clear").click(); document.querySelector("#table thead button").click(); byId("next").click();
          return performance.now() - begin;
        })()"""
    )
    assert browser.run("byId('page').textContent") == "Page 2 of 400"
    assert milliseconds < 2_000  # four redraws
    assert browser.complaints == []
