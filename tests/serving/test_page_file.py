"""The page as a file: what it holds, and which graphs it refuses."""

from __future__ import annotations

import gzip
import hashlib
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from project.contract import InputError
from project.serving.page_file import RUNTIME, require_sound, runtime_script

SOUND = {"sample_rate": 4000, "says": "emissions", "decode": {"decode": "beam@2", "size": 10}}


@pytest.mark.parametrize(
    ("other", "told"),
    [
        ({"says": "spans"}, "m.onnx: it takes no sound"),
        ({"sample_rate": None}, "m.onnx: it takes no sound"),
        ({"decode": {"decode": "units@1"}}, "decode=units: the page decodes by greedy or beam: set decode=beam"),
        ({"decode": {"decode": "beam@2", "language": {}, "pace": {}}}, "has no language and no pace: set decode=beam"),
    ],
)
def test_what_it_could_not_do_as_the_run_does_is_refused(other: dict[str, Any], told: str) -> None:
    metadata = {key: value for key, value in (SOUND | other).items() if value is not None}
    with pytest.raises(InputError, match=re.escape(told)):
        require_sound(metadata, "m.onnx")
    require_sound(SOUND, "m.onnx")


def test_the_runtime_is_the_published_one() -> None:
    """The sums of the README beside it, which names package and version."""
    sums = dict(
        re.findall(r"`(?:[\w.-]+)`[^|]*\| `dist/([\w.-]+)` \| `([0-9a-f]{64})`", (RUNTIME / "README.md").read_text())
    )
    module = (RUNTIME / "ort.wasm.bundle.min.mjs").read_bytes()
    wasm = gzip.decompress((RUNTIME / "ort-wasm-simd-threaded.wasm.gz").read_bytes())
    assert sums == {
        "ort.wasm.bundle.min.mjs": hashlib.sha256(module).hexdigest(),
        "ort-wasm-simd-threaded.wasm": hashlib.sha256(wasm).hexdigest(),
    }
    assert (
        f"v{re.search(r'`onnxruntime-web` ([0-9.]+),', (RUNTIME / 'README.md').read_text())[1]}".encode()
        in module[:200]
    )  # type: ignore[index]
    assert "Permission is hereby granted" in (RUNTIME / "LICENSE").read_text()


def test_the_runtime_becomes_a_plain_script() -> None:
    script = runtime_script()
    assert "InferenceSession: " in script
    assert "Tensor: " in script
    assert not re.search(r"\bexport\s*\{|import\.meta", script)


@pytest.mark.long
def test_it_asks_nothing_of_a_network(paged: Callable[[str], Path]) -> None:
    page = paged("greedy").read_text(encoding="utf-8")
    outside = re.sub(r"<script type=\"text/plain\".*?</script>", "", page, flags=re.S)
    assert "Content-Security-Policy" in outside
    assert "connect-src" not in outside  # default-src 'none' holds for it
    assert "default-src 'none'" in outside
    assert not re.findall(r"(?:src|href)=\"?(?:https?:)?//", outside)
    assert page.count("<script>") == 1
    assert 4_000_000 < len(page) < 9_000_000
