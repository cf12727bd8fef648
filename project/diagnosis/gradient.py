"""What is measured of gradients: how large, in which part of the model, and which term of the loss they come from."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterator, Mapping, Sequence

import torch
from torch import Tensor, nn

from project.contract import Finding, Terms
from project.diagnosis.evidence import Evidence

LATELY = 10  # records, among which explosions are counted


def parts_of(model: nn.Module) -> dict[str, list[nn.Parameter]]:
    """The trainable parameters of each part: children, and in lists and sequences of blocks each block.

    >>> blocks = nn.ModuleList([nn.Linear(1, 1), nn.Linear(1, 1)])
    >>> list(parts_of(nn.ModuleDict({"enter": nn.Linear(1, 1), "blocks": blocks})))
    ['enter', 'blocks.0', 'blocks.1']
    """
    parts: dict[str, list[nn.Parameter]] = {}
    own = [parameter for parameter in model.parameters(recurse=False) if parameter.requires_grad]
    if own:
        parts["own"] = own
    for name, child in model.named_children():
        if isinstance(child, nn.ModuleList | nn.Sequential):
            parts |= {f"{name}.{inner}": list(block.parameters()) for inner, block in child.named_children()}
        else:
            parts[name] = list(child.parameters())
    trained = {name: [one for one in found if one.requires_grad] for name, found in parts.items()}
    return {name: found for name, found in trained.items() if found}


def gradient_figures(parts: Mapping[str, Sequence[nn.Parameter]]) -> dict[str, float]:
    """`gradient/norm` of all, and for each part `gradient/<part>/norm` and `/relative`, to the norm of its weights."""
    gradients: list[Tensor] = []
    weights: list[Tensor] = []
    for parameters in parts.values():
        gradients.append(_norm([one.grad for one in parameters if one.grad is not None], parameters[0]))
        weights.append(_norm([one.detach() for one in parameters], parameters[0]))
    norms, sizes = torch.stack(gradients).tolist(), torch.stack(weights).tolist()
    figures = {"gradient/norm": sum(norm**2 for norm in norms) ** 0.5}
    for name, norm, size in zip(parts, norms, sizes, strict=True):
        figures |= {f"gradient/{name}/norm": norm, f"gradient/{name}/relative": norm / max(size, 1e-12)}
    return figures


def shares(weighted: Terms, parameters: Sequence[nn.Parameter]) -> dict[str, float]:
    """`gradient/share/<term>`: each term's part of the gradients' norms on the weights that all terms reach.

    A backward pass for each term, so this is for now and then. The graph is kept for the pass that trains. Of weights
    that are shared out over processes nothing is measured: they are there for one such pass alone.
    """
    if any(map(_is_shared_out, parameters)):
        return {}
    found: dict[str, list[Tensor | None]] = {}
    for name, term in weighted.items():
        if not term.requires_grad:  # a constant: nothing learns from it
            continue
        found[name] = list(torch.autograd.grad(term, list(parameters), retain_graph=True, allow_unused=True))
    common = [place for place in range(len(parameters)) if all(grads[place] is not None for grads in found.values())]
    if not common or len(found) < 2:
        return {}
    norms = {name: float(_norm([grads[n] for n in common], parameters[0])) for name, grads in found.items()}
    total = sum(norms.values())
    return {f"gradient/share/{name}": norm / total for name, norm in norms.items()} if total else {}


def _norm(tensors: Sequence[Tensor | None], like: Tensor) -> Tensor:
    present = [one for one in tensors if one is not None]
    if not present:
        return torch.zeros((), device=like.device)
    norm: Tensor = torch.stack(torch._foreach_norm(present)).float().norm()
    whole: Tensor = norm.full_tensor() if _is_shared_out(norm) else norm  # type: ignore[attr-defined]
    return whole


def _is_shared_out(tensor: Tensor) -> bool:
    """Whether this process holds but a part of a tensor; torch's class for that takes long to import."""
    return hasattr(tensor, "full_tensor")


class GradientSize:
    """Gradients that vanish on their way to a part of the model, or explode now and again."""

    def __init__(
        self, vanished: float = 1e-8, exploded: float = 1e3, growth: float = 100.0, records: int = 3,
        ignore: Sequence[str] = (),
    ) -> None:  # fmt: skip
        self.vanished = vanished
        self.exploded = exploded
        self.growth = growth
        self.records = records
        self.ignore = tuple(ignore)

    def __call__(self, evidence: Evidence) -> Iterator[Finding]:
        for name, curve in evidence.between("gradient/", "/relative"):
            recent = evidence.recent(f"gradient/{name}/relative", self.records)
            if name in self.ignore or len(curve) < self.records or max(recent) >= self.vanished:
                continue
            yield Finding(
                "", name, f"The gradient of {name} has vanished: {recent[-1]:.1g} of its weights' size",
                "Is it used in the forward pass, detached, behind a frozen or re-entrantly checkpointed part, or is "
                "its activation saturated? Freeze it if it is not to learn",
                {"relative": recent[-1]},
            )  # fmt: skip
        norms = [value for _, value in evidence.curves.get("gradient/norm", ())]
        if not norms:
            return
        norms = [norm if math.isfinite(norm) else math.inf for norm in norms]
        usual = statistics.median(norms)
        large = [norm for norm in norms[-LATELY:] if norm > min(self.exploded, self.growth * usual)]
        if len(large) >= self.records:
            yield Finding(
                "", "", f"The gradient explodes: its norm was {max(large):.3g} of late, usual is {usual:.3g}",
                "Lower optimizer.lr, lengthen the warm-up, lower trainer.gradient_clip_val; look at the batch where it "
                "began (gradient_stats.csv)",
                {"largest": max(large), "median": usual, "times": len(large)},
            )  # fmt: skip
