"""Windows of bars: the rows asked for with those before them, from paths and URLs; what is no window is told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import fsspec
import numpy as np
import pytest

from project.contract import InputError
from project.feature.bar_window import read_window


def series(rows: int = 300, seed: int = 0) -> np.ndarray:
    """Bars of a walk; their time is their row."""
    generator = np.random.default_rng(seed)
    close = 100 + np.cumsum(generator.normal(size=rows))
    opening = np.concatenate([[100.0], close[:-1]])
    high = np.maximum(opening, close) + generator.exponential(size=rows)
    low = np.minimum(opening, close) - generator.exponential(size=rows)
    return np.stack([np.arange(rows), opening, high, low, close, np.zeros(rows)], axis=1)


@pytest.fixture
def file(tmp_path: Path) -> str:
    np.save(tmp_path / "spy.npy", series())
    return str(tmp_path / "spy.npy")


@pytest.mark.parametrize(
    ("rows", "history", "first"),
    [((200, 305 - 5), 128, 72), ((200, 250), 0, 200), ((100, 205), 128, 0), ((0, 1), 50, 0), ((299, 300), 1, 298)],
)
def test_the_rows_asked_for_with_their_history(file: str, rows: tuple[int, int], history: int, first: int) -> None:
    window = read_window(f"{file}#{rows[0]}:{rows[1]}", history)
    np.testing.assert_array_equal(window.bars_N6, np.load(file)[first : rows[1]])
    assert window.length == rows[1] - rows[0]
    assert window.bars_N6.dtype == np.float64


def test_a_url_is_read_as_a_file_is(file: str) -> None:
    with fsspec.open("memory://series/spy.npy", "wb") as stream:
        stream.write(Path(file).read_bytes())
    here = read_window(f"{file}#150:255", 40)
    for url in (f"file://{file}", "memory://series/spy.npy"):
        np.testing.assert_array_equal(read_window(f"{url}#150:255", 40).bars_N6, here.bars_N6)


def test_only_what_is_asked_for_is_read(tmp_path: Path) -> None:
    """A file that is cut short behind the window serves it all the same; one cut within it does not."""
    np.save(tmp_path / "a.npy", series())
    content = (tmp_path / "a.npy").read_bytes()
    (tmp_path / "a.npy").write_bytes(content[: len(content) - 48 * 50])
    assert read_window(f"{tmp_path}/a.npy#140:245", 128).length == 105
    with pytest.raises(InputError, match=r"a\.npy is cut short: replace"):
        read_window(f"{tmp_path}/a.npy#150:255", 128)


def test_what_is_no_window_is_told(file: str, tmp_path: Path) -> None:
    (tmp_path / "text.npy").write_text("no array")
    (tmp_path / "empty.npy").touch()
    np.save(tmp_path / "flat.npy", np.ones(300))
    np.save(tmp_path / "single.npy", series().astype(np.float32))
    np.save(tmp_path / "columns.npy", np.asfortranarray(series()))
    np.save(tmp_path / "objects.npy", np.array([None, "x"]), allow_pickle=True)
    wrong = {
        file: r"spy\.npy: it does not say which bars are meant: name them, as in .*spy\.npy#0:105",
        f"{file}#290:395": r"spy\.npy#290:395 ends after its file, which has 300 rows: correct the rows",
        f"{file}#20:20": r"#20:20 is an excerpt of no row",
        f"{file}#30:20": r"#30:20 is an excerpt of no row",
        f"{tmp_path}/missing.npy#0:9": r"missing\.npy: there is no such file: correct the path, or make the corpus",
        f"{tmp_path}#0:9": "it cannot be read",
        "nosuch://x.npy#0:9": "it cannot be read",
        f"{tmp_path}/text.npy#0:9": "is corrupt, or no .npy file",
        f"{tmp_path}/empty.npy#0:9": "is corrupt, or no .npy file",
        f"{tmp_path}/flat.npy#0:9": r"it holds \(300,\) of float64: a series is \(bars, 6\) of float64, seconds",
        f"{tmp_path}/single.npy#0:9": r"it holds \(300, 6\) of float32",
        f"{tmp_path}/columns.npy#0:9": "stored by columns: write numbers in rows",
        f"{tmp_path}/objects.npy#0:1": "of object: write numbers in rows",
    }
    for media, words in wrong.items():
        with pytest.raises(InputError, match=words) as error:
            read_window(media, 128)
        assert "\n" not in str(error.value)


@pytest.mark.parametrize(("column", "value"), [(1, np.nan), (4, np.inf), (2, 0.0), (3, 1e6), (2, np.nan)])
def test_rows_that_are_no_bars_are_told(tmp_path: Path, column: int, value: Any) -> None:
    bars = series()
    bars[200, column] = value
    np.save(tmp_path / "odd.npy", bars)
    assert read_window(f"{tmp_path}/odd.npy#0:105", 128).length == 105
    with pytest.raises(InputError, match=r"odd\.npy: row 200 is no bar \(open, high, low, close .*\): mend the series"):
        read_window(f"{tmp_path}/odd.npy#201:290", 20)
