"""Weightings of TorchJD, an extra package, behind the same interface: pip install 'scansion[mtl]'.

Scalarizers make one number of the terms' values. Aggregators look at the terms' gradients on what they share, and find
a direction that is good for all. Neither knows which term matters to whom.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from typing import Any, Literal, final

import numpy as np
import torch
from torch import Tensor, nn

from project.contract import InputError, Terms
from project.loss.weighting import Roster, add_up, over_ranks

# K terms, P shared weights of the model, counted one by one

_SOLID = 1e-4  # added to the inner products over their trace, so that none of the gradients depends on the others


@final
class Scalarized(nn.Module):
    """A scalarizer of TorchJD over the terms, each times the weight it was given.

    A term's factor is the derivative of the scalar by it. In evaluation the factors of the last step are used, so that
    data may lack a term. `lr` is that of scalarizers that learn (UW, IMTLL), None that of everything else.
    """

    def __init__(
        self,
        scalarizer: Literal["GeometricMean", "IMTLL", "Random", "STCH", "UW"] = "GeometricMean",
        lr: float | None = None,
        options: Mapping[str, Any] | None = None,
        **weights: float | None,
    ) -> None:
        super().__init__()
        self._lr = lr
        self._roster = Roster(weights)
        sizes = {"shape": len(self._roster)} if scalarizer in {"IMTLL", "UW"} else {}
        self.scalarizer = _made("scalarization", scalarizer, {**(options or {}), **sizes})
        self.factors_K: Tensor
        self.register_buffer("factors_K", torch.ones(len(self._roster)))

    def forward(self, terms: Terms) -> tuple[Tensor, Terms]:
        """The scalar, and each term times its factor; they add up to the scalar only where that is a plain sum."""
        self._roster.check(terms, self.training)
        if not self.training or not torch.is_grad_enabled():
            weighted = self._roster.weigh(terms, self.factors_K)
            return add_up(weighted), weighted
        values_K = torch.stack([weight * terms[name].float() for name, weight in self._roster.given.items()])
        total = self.scalarizer(values_K)
        (factors_K,) = torch.autograd.grad(total, values_K, retain_graph=True)
        self.factors_K.copy_(torch.where(factors_K.isfinite(), factors_K, self.factors_K))
        # A mean may be finite where its slope is not, as a geometric one of a term that is 0: that must not go unseen.
        return total + 0.0 * factors_K.sum(), self._roster.weigh(terms, factors_K)

    def weights(self) -> dict[str, float]:
        """The factors of the last step, times what was given."""
        return self._roster.weights(self.factors_K)

    def parameter_group(self) -> dict[str, Any]:
        """What the scalarizer learns, if it does."""
        group: dict[str, Any] = {"params": list(self.scalarizer.parameters()), "weight_decay": 0.0}
        return group if self._lr is None else group | {"lr": self._lr}


@final
class Aggregated(nn.Module):
    """What the terms share goes where an aggregator of TorchJD says; what belongs to one term alone follows that term.

    Shared are the weights of `model.encoder`, or if there is none those of the model that all terms reach. The inner
    products of the terms' gradients on them decide on a factor for each term, and the shared weights' gradient is the
    sum of the terms' gradients times their factors. An ordinary scalar has this gradient, so it is accumulated,
    clipped, scaled and averaged over processes as always. In evaluation the factors of the last step are used.

    It costs one more backward pass for each term, and memory for a gradient of each. Factors are those of one batch:
    where batches are accumulated, each is aggregated by itself.
    """

    def __init__(
        self,
        model: nn.Module,
        aggregator: Literal["UPGrad", "DualProj", "PCGrad", "MGDA", "IMTLG", "AlignedMTL", "FairGrad"] = "UPGrad",
        options: Mapping[str, Any] | None = None,
        **weights: float | None,
    ) -> None:
        super().__init__()
        self._models = (model,)  # in a tuple, so that its weights are not the weighting's too
        self._roster = Roster(weights)
        projected = {"projector": dual_cone} if aggregator in {"UPGrad", "DualProj"} else {}
        self._aggregate = _made("aggregation", f"{aggregator}Weighting", {**(options or {}), **projected})
        self.factors_K: Tensor
        self.register_buffer("factors_K", torch.ones(len(self._roster)))

    def forward(self, terms: Terms) -> tuple[Tensor, Terms]:
        """The weighted sum, and each term as it stands in it; the sum's gradient is the aggregate."""
        self._roster.check(terms, self.training)
        if not self.training or not torch.is_grad_enabled():
            weighted = self._roster.weigh(terms, self.factors_K)
            return add_up(weighted), weighted
        device = self.factors_K.device.type
        with torch.autocast(device, enabled=False):  # what is cast was decided by the forward pass; all of this is not
            return self._aggregated({name: weight * terms[name].float() for name, weight in self._roster.given.items()})

    def _aggregated(self, given: Terms) -> tuple[Tensor, Terms]:
        shared, jacobian_KP = shared_gradients(self._models[0], list(given.values()))
        jacobian_KP = over_ranks(jacobian_KP)
        factors_K = self._factors(jacobian_KP)
        self.factors_K.copy_(factors_K)
        weighted = {name: factor * term for factor, (name, term) in zip(factors_K, given.items(), strict=True)}
        # The terms as given bring each head its gradient, and shared weights the plain sum; `change` brings the rest.
        # No matrix product: GPUs round in those, and of a large gradient that hardly counts the rounding would remain.
        change = linear(shared, ((factors_K - 1)[:, None] * jacobian_KP).sum(dim=0))
        scalar = add_up(given) + (change - change.detach())
        return scalar + (add_up(weighted) - scalar).detach(), weighted

    def _factors(self, jacobian_KP: Tensor) -> Tensor:
        products_KK = jacobian_KP.double() @ jacobian_KP.double().T
        gramian_KK = products_KK.float().cpu()  # small, and aggregators go through it number by number
        if not bool(gramian_KK.isfinite().all()):  # the step will be stopped or skipped
            return torch.ones_like(self.factors_K)
        factors_K: Tensor = self._aggregate(gramian_KK)
        return factors_K.detach().to(self.factors_K)

    def weights(self) -> dict[str, float]:
        """The factors of the last step, times what was given."""
        return self._roster.weights(self.factors_K)


def shared_gradients(model: nn.Module, values: Sequence[Tensor]) -> tuple[list[nn.Parameter], Tensor]:
    """The weights that terms share, and (K, P) each term's gradient on them; zeros of one from which nothing learns."""
    encoder = getattr(model, "encoder", None)
    weights = [one for one in (model if encoder is None else encoder).parameters() if one.requires_grad]
    rows = [_gradients(value, weights) for value in values]
    learned = [row for row in rows if any(one is not None for one in row)]
    places = [n for n in range(len(weights)) if encoder is not None or all(row[n] is not None for row in learned)]
    if not places or not learned:
        raise InputError("weighting: the terms share no weights that train: choose weighting=fixed")
    shared = [weights[n] for n in places]
    return shared, torch.stack([_flat([row[n] for n in places], shared) for row in rows])


def _gradients(value: Tensor, weights: Sequence[Tensor]) -> Sequence[Tensor | None]:
    if not value.requires_grad or not weights:
        return [None] * len(weights)
    return torch.autograd.grad(value, weights, retain_graph=True, allow_unused=True)


def _flat(gradients: Sequence[Tensor | None], like: Sequence[Tensor]) -> Tensor:
    whole = [torch.zeros_like(one) if found is None else found for found, one in zip(gradients, like, strict=True)]
    return torch.cat([one.float().flatten() for one in whole])


def linear(weights: Sequence[Tensor], gradient_P: Tensor) -> Tensor:
    """A scalar with this gradient on these weights."""
    parts = torch.split(gradient_P, [one.numel() for one in weights])
    return torch.stack([(part.view_as(one) * one).sum() for part, one in zip(parts, weights, strict=True)]).sum()


def dual_cone(weights: Tensor, gramian_KK: Tensor) -> Tensor:
    """(..., K) weights of the nearest combinations of gradients that go against none of them, for given ones.

    These are the v >= u whose v G v is least. With v = u + w it is a problem of non-negative least squares in w, which
    SciPy solves; TorchJD's own projector would need two packages under the GPL and LGPL for it.
    """
    from scipy.optimize import nnls

    gramian = gramian_KK.double().numpy()
    scaled = gramian / max(float(np.trace(gramian)), np.finfo(np.float64).tiny)
    root = np.linalg.cholesky(scaled + _SOLID * np.eye(len(scaled))).T
    given = weights.double().reshape(-1, len(scaled)).numpy()
    return weights.new_tensor(np.stack([u + nnls(root, -root @ u)[0] for u in given])).view_as(weights)


def _made(module: str, name: str, options: Mapping[str, Any]) -> Any:
    try:
        kind = getattr(importlib.import_module(f"torchjd.{module}"), name)
    except ModuleNotFoundError as error:
        if not str(error.name).startswith("torchjd"):
            raise
        raise InputError("weighting: this one needs TorchJD: pip install 'scansion[mtl]'") from error
    try:
        return kind(**options)
    except (TypeError, ValueError) as error:
        raise InputError(
            f"weighting.options: {name}: {error}: give them as weighting.options={{name: value}}"
        ) from error
