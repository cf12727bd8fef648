"""The card of a model package: what it recognizes, how well that was measured, and how it is used; and its Reports."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from project.contract import Config
from project.evaluation.protocol import Protocol
from project.run import Run

_KEPT = ("run", "created", "metrics", "intervals", "measures", "protocol")
_INFO = ("checkpoint", "weights", "interval", "length_unit", "real_time_factor")
_MOST_REPORTS = 20
_MOST_SYMBOLS = 80  # that a card spells out

Content = Mapping[str, Any]


def reports_of(run: Run, weights: str | None = None) -> list[dict[str, Any]]:
    """Reports of a run as plain data, without their rows: of whole manifests first, then the newest first.

    `weights`: only what was made with these.
    """
    packed = run.folder / "reports.json"
    found = json.loads(packed.read_text(encoding="utf-8")) if run.is_package and packed.is_file() else []
    for file in sorted(run.reports.glob("*/report.json")):
        try:
            content = json.loads(file.read_text(encoding="utf-8"))
            protocol = Protocol.from_mapping(content["protocol"])
        except (OSError, ValueError, KeyError):  # of another version: it is left out
            continue
        info = content["info"]
        if weights is not None and info.get("weights") != weights:
            continue  # the run has learned since
        told = {name: content[name] for name in _KEPT} | {"info": {name: info[name] for name in _INFO if name in info}}
        manifest = str(info.get("manifest", ""))
        told["info"]["manifest"] = Path(manifest).name if Path(manifest).is_absolute() else manifest
        found.append(told | {"hash": protocol.hash, "is_complete": protocol.is_complete})
    found.sort(key=lambda one: (one["is_complete"], one["created"]), reverse=True)
    return found[:_MOST_REPORTS]


def card(name: str, config: Config, index: Content, alphabet: Content, reports: Sequence[Content]) -> str:
    """README.md, as the Hugging Face hub shows it."""
    head = {"library_name": "scansion", "tags": ["scansion", str(config.get("family"))]}
    head |= {"license": index["license"]} if index.get("license") else {}
    lines = ["---", *(f"{key}: {json.dumps(value)}" for key, value in head.items()), "---", "", f"# {name}", ""]
    model, feature = (str(config[group]["_target_"]).rpartition(".")[2] for group in ("model", "feature"))
    lines += [
        f"A recognizer of the family `{config.get('family')}`, trained with scansion {index['scansion']}: "
        f"`{model}` on `{feature}`, {index['parameters']:,} parameters. Weights and JSON, no code.",
        "",
        "## Figures",
        "",
        *figures(reports),
        "## Use",
        "",
        "```",
        f"scansion transcribe {name}.scansion recording.wav" if index.get("hears") == "sound" else
        f"scansion evaluate {name}.scansion data.manifest=mine.jsonl",
        "```",
        "",
        "## What it is made of",
        "",
        f"- run: `{index['run']}`, checkpoint `{index['checkpoint']}`, weights `{index['weights']}`",
        f"- preprocessing: `{json.dumps(index['feature'], ensure_ascii=False)}`",
        f"- decoding: `{json.dumps(index['decode'], ensure_ascii=False)}`",
        f"- writes: {symbols(alphabet)}",
        f"- learned from: `{json.dumps(index['data'], ensure_ascii=False)}` (content hashes of manifests)",
        f"- with: `{json.dumps((index['environment'] or {}).get('packages', {}), ensure_ascii=False)}`",
        f"- made: {index['created']}",
        "",
    ]  # fmt: skip
    return "\n".join(lines)


def figures(reports: Sequence[Content]) -> list[str]:
    """The Reports as tables, each under its Protocol."""
    if not reports:
        return ["Not evaluated yet: no figure is known.", ""]
    lines = []
    for report in reports:
        protocol = report["protocol"]
        lines += [
            f"On `{report['info']['manifest'] or 'a manifest'}` ({protocol['num_examples']} examples, "
            f"{protocol['coverage']}), Protocol `{report['hash']}`, {report['created'][:10]}:",
            "",
            "| metric | value | 95 % interval |",
            "|---|---|---|",
        ]
        for name, value in report["metrics"].items():
            measure = report["measures"].get(name, {})
            if name != next(iter(report["metrics"])) and name.endswith(("_substitutions", "_deletions", "_insertions")):
                continue
            is_part = bool(measure.get("above")) and measure.get("unit", "%") == "%"
            low_high = report["intervals"].get(name)
            between = f"{shown(low_high[0], is_part)} to {shown(low_high[1], is_part)}" if low_high else ""
            lines.append(f"| {name} | {shown(value, is_part)} | {between} |")
        lines.append("")
    return lines


def shown(value: float, is_part: bool) -> str:
    """A figure as people read it.

    >>> shown(0.304, True), shown(1.5, False)
    ('30.40 %', '1.5')
    """
    return f"{100 * value:.2f} %" if is_part else f"{value:.4g}"


def symbols(alphabet: Content) -> str:
    """What it can write, in a line."""
    known = alphabet.get("symbols")
    if not isinstance(known, list):
        return "tokens of its own tokenizer, see `alphabet.json`"
    told = " ".join(f"`{one}`" for one in known[:_MOST_SYMBOLS] if one.strip() and "`" not in one)
    return f"{len(known)} symbols: {told}{' ...' if len(known) > _MOST_SYMBOLS else ''}"
