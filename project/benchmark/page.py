"""The page of a run in a real browser beside `transcribe`: whether both write the same, and how fast each is."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from project.benchmark.chromium import Browser
from project.benchmark.table import Table
from project.build.compose import compose
from project.contract import Config, InputError
from project.data.manifest import Manifest
from project.run import Run
from project.serving.making import make_page

TITLE = "The page in a browser beside transcribe"
COLUMNS = ("way", "recordings", "same text", "seconds", "took", "times real time")
_PATIENCE_SECONDS = 600.0
_TIMES = re.compile(r": ([\d,.]+) times real time")


class PageBeside:
    """Some recordings of a run's test manifest, recognized by `transcribe` and by the page in headless Chromium."""

    def __init__(
        self,
        run: str | None = None,
        num_files: int = 20,
        files: Sequence[str] = (),
        decode: str | None = None,
        pictures: str | None = None,
    ) -> None:
        if num_files < 1:
            raise InputError(f"benchmark.num_files is {num_files}: give 1 or more")
        self.run_name = run
        self.num_files = num_files
        self.files = files
        self.decode = decode
        self.pictures = pictures

    def run(self) -> Table:
        """A row for each way."""
        if self.run_name is None:
            note = "not measured: name a run whose page is opened: scansion bench page run=runs/morse/..."
            return Table(TITLE, COLUMNS, (), (note,))
        run = Run.open(self.run_name)
        files = [Path(file) for file in self.files] or media_of(run, self.num_files)
        ways = [f"decode={self.decode}"] if self.decode else []
        wanted, times = transcribed(self.run_name, files, ways)
        with tempfile.TemporaryDirectory() as folder:
            page = Path(folder) / "page.html"
            words = [self.run_name, "format=page", "max_samples=20", *ways]
            for line in make_page(run, as_export(words), page):
                print(line, file=sys.stderr)
            found = self.heard(page, files, Path(folder) / "profile")
        seconds = sum(one["seconds"] for one in found)
        same = sum(one["text"] == other["text"] for one, other in zip(found, wanted, strict=True))
        off = max(abs(one["seconds"] - other["seconds"]) for one, other in zip(found, wanted, strict=True))
        heard = sum(one["spent"] for one in found)
        rows = (
            ("transcribe", len(files), len(files), seconds, seconds / times, times),
            ("page", len(files), same, seconds, heard, seconds / heard),
        )
        notes = (f"run {run.name}; lengths differ by {off:.3f} s at most; one thread each, {found[0]['browser']}",)
        others = [
            f"{one['file']}: {one['text']!r} on the page"
            for one, two in zip(found, wanted, strict=True)
            if one["text"] != two["text"]
        ]
        return Table(TITLE, COLUMNS, rows, (*notes, *others[:5]))

    def heard(self, page: Path, files: Sequence[Path], profile: Path) -> list[Mapping[str, Any]]:
        """What the page writes of each file, and how long that took."""
        browser = Browser(profile)
        try:
            version = browser.call("Browser.getVersion")["product"]
            browser.open(page)
            browser.wait("'ready' in document.body.dataset", _PATIENCE_SECONDS)
            browser.give("#files", files)
            done = f"results.length + byId('problems').children.length === {len(files)}"
            browser.wait(done, _PATIENCE_SECONDS)
            refused = browser.run("byId('problems').textContent")
            assert not refused, refused
            lines = browser.run("results.map((one) => [jsonLine(one, separator), one.spent])")
            if self.pictures:
                Path(self.pictures).mkdir(parents=True, exist_ok=True)
                for number, file in enumerate(files):
                    browser.run(f"show(results[{number}])")
                    (Path(self.pictures) / f"{file.stem}.png").write_bytes(browser.picture())
            return [{**json.loads(line), "spent": spent, "browser": version} for line, spent in lines]
        finally:
            browser.close()


def media_of(run: Run, count: int) -> list[Path]:
    """The first recordings of a run's test manifest."""
    named = run.config()["data"]["manifest"].get("test")
    if not named:
        raise InputError(f"{run.folder}: it has no test manifest: set benchmark.files=[a.wav,...]")
    manifest = Manifest.open(named)
    return [Path(manifest[place].media) for place in range(min(count, len(manifest)))]


def transcribed(run: str, files: Sequence[Path], ways: Sequence[str]) -> tuple[list[Config], float]:
    """What `transcribe` writes of each file, and how many times real time it tells."""
    command = [sys.executable, "-m", "project", "transcribe", run, *map(str, files), "output=json", *ways]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise InputError(done.stderr.strip().removeprefix("scansion: "))
    times = _TIMES.search(done.stderr)
    assert times, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()], float(times[1].replace(",", ""))


def as_export(words: Sequence[str]) -> Config:
    """The configuration that `scansion export` would have for these words."""
    return compose("export", [f"run={words[0]}", *words[1:]])
