"""The page that hears as one file: an ONNX graph, the runtime that runs it in a browser, and what shows its answers.

All stands in the file itself, so that it works from a disk, a mail or any web server, without a network. It does not
know how graphs are made: `making` does.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from pathlib import Path
from string import Template
from typing import Any

from project.contract import InputError
from project.evaluation.page.frame import LOGO, digest_of
from project.evaluation.page.frame import read as of_reports
from project.exporting.onnx_file import read_metadata
from project.exporting.running import OnnxGraph

FOLDER = Path(__file__).with_name("page")
RUNTIME = Path(__file__).with_name("runtime")
WORKER = ("resample.js", "windows.js", "decode.js", "worker.js")
SCRIPTS = ("resample.js", "sound.js", "live.js", "transcript.js", "drawing.js", "lanes.js", "recognizer.js", "main.js")
LIMITS = {"megabytes": 200, "minutes": 60}  # of a recording: what a browser's tab holds without trouble
RATES = ("per", "cer", "wer")
OUTSIDE = ("language", "lexicon", "pace")  # parts of a beam search that the page does not have
_POLICY = (
    "default-src 'none'; base-uri 'none'; form-action 'none'; style-src 'unsafe-inline'; img-src data:; "
    "media-src blob:; worker-src blob:; script-src 'sha256-{digest}' 'wasm-unsafe-eval' blob: data:"
)
_KEPT = ("sample_rate", "inputs_per_output", "context_seconds", "alphabet", "decode")  # of the metadata


def page_of(file: Path, examples: Sequence[Path] = ()) -> str:
    """The page of an ONNX file that `scansion export` made, with some recordings to begin with."""
    metadata = read_metadata(OnnxGraph(file).properties, file)
    require_sound(metadata, str(file))
    graph = {key: metadata[key] for key in _KEPT if key in metadata}
    recordings = [{"name": one.name, "data": _encoded(one)} for one in examples]
    about = {"graph": graph, "limits": LIMITS, "examples": recordings}
    script = _joined(FOLDER / name for name in SCRIPTS)
    content = {
        "policy": _POLICY.format(digest=digest_of(f"\n{script}")),
        "title": escape(metadata["run"]),
        "logo": LOGO,
        "noexample": "" if examples else " hidden",
        "nokey": "" if metadata["family"] == "morse" else " hidden",
        "style": of_reports("theme.css") + _text("page.css"),
        "facts": "".join(f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in facts(metadata).items()),
        "about": json.dumps(about, ensure_ascii=False).replace("<", "\\u003c"),
        "wasm": _encoded(RUNTIME / "ort-wasm-simd-threaded.wasm.gz"),
        "model": _encoded(file),
        "worker": runtime_script() + _joined(FOLDER / name for name in WORKER),
        "script": script,
    }
    return Template(_text("index.html")).substitute(content)


def runtime_script() -> str:
    """The runtime as a plain script that gives `ort`: modules cannot be opened by what is itself opened from a disk."""
    module = (RUNTIME / "ort.wasm.bundle.min.mjs").read_text(encoding="utf-8")
    body, names = re.fullmatch(r"(.*)export\{([^{}]*)\};?\s*(?://.*\s*)?", module, flags=re.S).groups()  # type: ignore[union-attr]
    exported = (name.split(" as ") for name in names.split(","))
    given = ", ".join(f"{public}: {private}" for private, public in exported)
    body = body.replace("import.meta.url", "self.location.href")
    return f"const ort = (() => {{\n{body}\nreturn {{ {given} }};\n}})();\n"


def require_sound(metadata: Mapping[str, Any], name: str) -> None:
    """Refuse what the page could not do as the run itself does it."""
    if "sample_rate" not in metadata or metadata["says"] != "emissions":
        raise InputError(f"{name}: it takes no sound, and the page hears: evaluate it and look at its report")
    decode = metadata["decode"]
    kind = str(decode["decode"]).partition("@")[0]
    if kind not in ("greedy", "beam"):
        raise InputError(f"{name}: decode={kind}: the page decodes by greedy or beam: set decode=beam")
    found = [part for part in OUTSIDE if part in decode]
    if found:
        raise InputError(f"{name}: the page's beam search has no {' and no '.join(found)}: set decode=beam, or greedy")


def facts(metadata: Mapping[str, Any]) -> dict[str, str]:
    """What a person might want to know of the model."""
    decode = ", ".join(f"{key} {_plain(value)}" for key, value in metadata["decode"].items() if key != "decode")
    found = {
        "Run": metadata["run"],
        "Hears": f"{metadata['sample_rate']:,} samples a second; says something {_rate(metadata):g} times a second",
        "Writes": " ".join("space" if one == " " else one for one in metadata["alphabet"]["symbols"]),
        "Decodes": f"{metadata['decode']['decode']}{f' ({decode})' if decode else ''}",
        "Made by": f"scansion {metadata['scansion']}, {metadata['arithmetic']}",
    }
    check = metadata.get("check")
    if check:
        rates = [f"{name.upper()} {100 * check['figures'][name]:.1f} %" for name in RATES if name in check["figures"]]
        found["Checked"] = f"on {check['examples']} examples, beside the run itself: the same texts; {', '.join(rates)}"
    if "protocol_hash" in metadata:
        found["Protocol"] = f"{metadata['protocol_hash']} of the run's latest Report"
    return found


def _plain(value: Any) -> str:
    return " ".join(f"{key} {one}" for key, one in value.items()) if isinstance(value, dict) else str(value)


def _rate(metadata: Mapping[str, Any]) -> float:
    return round(float(metadata["sample_rate"] / metadata["inputs_per_output"]), 2)


def _joined(files: Iterable[Path]) -> str:
    """Scripts one after another, which a page can hold."""
    whole = "\n".join(file.read_text(encoding="utf-8") for file in files)
    assert "</script" not in whole
    return whole


def _text(name: str) -> str:
    return (FOLDER / name).read_text(encoding="utf-8")


def _encoded(file: Path) -> str:
    return base64.b64encode(file.read_bytes()).decode()
