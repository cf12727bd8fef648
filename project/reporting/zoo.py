"""The model zoo: every model of conf/model with what it is, how large, and what else decides whether it can be used.

Models are built without their numbers, so that the largest cost nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from project.build.bind import make
from project.build.compose import CONF, compose, options
from project.contract import Config
from project.reporting.writing import publish
from project.text.vocabulary import numbered

HEARS: Mapping[str, tuple[str, str]] = {  # module of a model -> feature and text that it is meant for
    "bar_spans": ("bars", "bar_spans"),
    "early_fusion": ("samples", "phones"),
    "envelope": ("tone_envelope", "morse"),
    "fbank_ctc": ("fbank", "phones"),
    "hsmm": ("tone_envelope", "morse"),
    "late_fusion": ("samples", "phones"),
    "masked_units": ("samples", "units"),
    "mobilenet_lstm": ("landmarks", "glosses"),
    "moonshine": ("samples", "subwords"),
    "paced_envelope": ("tone_envelope", "morse_full"),
    "ssl_ctc": ("samples", "phones"),
}
TOKENS = (32_768, 512)  # of models that write token by token: with published weights, and without
OTHERS = "What these hear is said by the experiments that use them; they were not built for this page."
OTHERS_HEAD = "| `model=` | what it is | published weights |"
HEAD = "| `model=` | what it is | hears | weights, millions | of them learning | frames a second | published weights |"


def act(config: Config) -> int:
    """Write the page."""
    return publish("zoo", config["out"], page)


def page() -> str:
    """The whole page."""
    known = [name for name in options("model") if module_of(node_of(name)) in HEARS]
    others = [name for name in options("model") if name not in known]
    below = ["## Others", "", OTHERS, "", OTHERS_HEAD, "|---|---|---|", *map(other_row, others), ""]
    return "\n".join(
        [
            "# Model zoo",
            "",
            "Made of `conf/model` by `scansion report action=zoo out=docs/zoo.md`. A star: batches are scored",
            "unpadded, as padding would change what it says. `model.backbone.init=pretrained`, of Moonshine",
            "`model.init`, takes published weights. Writers of pieces of words are counted with 32,768 of them, with",
            "512 where there are no published weights.",
            "",
            HEAD,
            "|---|---|---|---|---|---|---|",
            *map(row, known),
            "",
            *(below if others else []),
        ]
    )


def row(name: str) -> str:
    """The line of a model of which it is known what it hears."""
    node = node_of(name)
    module = module_of(node)
    model = built(node, *HEARS[module])
    counts = [parameter.numel() for parameter in model.parameters()]
    learning = sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)
    rate, star = getattr(model, "frame_rate", None), "*" if getattr(model, "mixes_padding", False) else ""
    cells = (
        f"`{name}`{star}",
        said_of(name),
        f"`{HEARS[module][0]}`",
        f"{sum(counts) / 1e6:,.2f}",
        f"{learning / 1e6:,.2f}",
        f"{rate:g}" if rate else "",
        ", ".join(f"`{source}`" for source in sources(node)),
    )
    return f"| {' | '.join(cells)} |"


def other_row(name: str) -> str:
    """What the file of any other model says."""
    node = node_of(name)
    published = ", ".join(f"`{source}`" for source in sources(node))
    return f"| `{name}` | {said_of(name)} | {published} |"


def node_of(name: str) -> Any:
    """A model's configuration."""
    return compose("train", [f"model={name}"])["model"]


def module_of(node: Any) -> str:
    """The module that a model's class is in."""
    return str(node["_target_"]).split(".")[-2]


def built(node: Any, feature: str, text: str) -> Any:
    """The model as its feature and text would have it, in memory only as shapes where it can be made so."""
    import torch

    config = compose("train", [f"feature={feature}", f"text={text}"])
    hearing = make(config["feature"], "feature")
    is_writer = text == "subwords"
    alphabet = numbered(TOKENS[not node.get("source")]) if is_writer else make(config["text"], "text").alphabet
    offers = {
        "num_features": hearing.num_features,
        "num_symbols": len(alphabet),
        "alphabet": alphabet,
        "columns": getattr(hearing, "columns", {}),
        "sum_frames": getattr(hearing, "sum_frames", ()),
        "base_rate": None,
        "architecture": None,
    }
    try:
        with torch.device("meta"):
            return make(node, "model", **offers)
    except RuntimeError:  # it looks at its own weights, as a codec's codebooks are made from what it hears
        return make(node, "model", **offers)


def said_of(name: str) -> str:
    """What a model's file says of it in its first line."""
    lines = (CONF / "model" / f"{name}.yaml").read_text(encoding="utf-8").splitlines()
    first = lines[0] if lines and lines[0].startswith("#") else ""
    return first.removeprefix("# ").rstrip(".").replace("|", "/")


def sources(node: Any) -> list[str]:
    """Names of published weights below a node, each once."""
    if not isinstance(node, Mapping):
        return []
    own = [node["source"]] if isinstance(node.get("source"), str) else []
    return list(dict.fromkeys(own + [name for value in node.values() for name in sources(value)]))
