"""The loss of hidden features, against a loop."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch

from project.contract import Batch, InputError, SpanOutput
from project.loss.countdown import Countdown
from project.loss.restored import Restored
from project.loss.span import Kind, Pointers, SpanLoss
from project.loss.span_inside import Entropy

Windows = Callable[..., Batch]
LENGTHS = (6, 4, 5)


def hidden_batch(windows: Windows) -> Batch:
    """Three windows of random features; of the third nothing is hidden."""
    generator = torch.Generator().manual_seed(0)
    batch = windows([[(1, 2, 4)], [], []], LENGTHS, features=2)
    within_BT1 = (torch.arange(6) < batch.lengths_B[:, None])[..., None]
    hidden_BTF = (torch.rand(3, 6, 2, generator=generator) < 0.4) & within_BT1
    hidden_BTF[2] = False
    signals_BTF = 2 * torch.randn(3, 6, 2, generator=generator) * within_BT1
    return replace(batch, signals_BTF=signals_BTF, targets={**batch.targets, "hidden": hidden_BTF})


def said(batch: Batch) -> SpanOutput:
    restored_BTF = torch.randn(3, 6, 2, generator=torch.Generator().manual_seed(1)).requires_grad_()
    return SpanOutput(torch.zeros(3, 6), batch.lengths_B, restored_BTF=restored_BTF)


@pytest.mark.parametrize(("curve", "knee"), [("smooth_l1", 1.0), ("smooth_l1", 0.5), ("square", 1.0)])
def test_it_is_the_mean_over_hidden_values_and_windows(windows: Windows, curve: str, knee: float) -> None:
    batch = hidden_batch(windows)
    output = said(batch)
    assert output.restored_BTF is not None
    means = []
    for row in range(2):
        values = []
        for bar, feature in batch.targets["hidden"][row].nonzero().tolist():
            off = abs((output.restored_BTF[row, bar, feature] - batch.signals_BTF[row, bar, feature]).item())
            smooth = off**2 / 2 / knee if off < knee else off - knee / 2
            values.append(off**2 if curve == "square" else smooth)
        means.append(sum(values) / len(values))
    terms = Restored(curve, knee)(output, batch)
    assert terms.keys() == {"restored"}
    assert terms["restored"].item() == pytest.approx(sum(means) / 2, rel=1e-5)
    terms["restored"].backward()
    assert output.restored_BTF.grad is not None
    assert ((output.restored_BTF.grad != 0) == batch.targets["hidden"]).all()


def test_nothing_hidden_is_no_loss_and_no_nan(windows: Windows) -> None:
    batch = hidden_batch(windows)
    batch.targets["hidden"].fill_(False)
    assert Restored()(said(batch), batch)["restored"].item() == 0


def test_a_loss_with_labels_stands_beside_it(windows: Windows) -> None:
    batch = hidden_batch(windows)
    span = SpanLoss(Kind(), Pointers(), Entropy(), Countdown())
    heads = torch.zeros(3, 6)
    output = replace(said(batch), kinds_BV=torch.zeros(3, 3), starts_BT=heads, ends_BT=heads, countdown_BT=heads)
    loss = Restored(span=span)
    assert loss(output, batch).keys() == {"kind", "pointers", "span", "countdown", "restored"}
    assert loss.guess(batch).keys() == span.guess(batch).keys()
    assert Restored().guess(batch) == {}
    targets = {name: target for name, target in batch.targets.items() if name != "hidden"}
    with torch.no_grad():
        assert "restored" not in loss(output, replace(batch, targets=targets))


def test_what_is_missing_is_named(windows: Windows) -> None:
    batch = hidden_batch(windows)
    output = said(batch)
    with pytest.raises(InputError, match=r"model\.restore_head=true"):
        Restored()(replace(output, restored_BTF=None), batch)
    with pytest.raises(InputError, match=r"data\.augment"):
        Restored()(output, replace(batch, targets={}))
    with pytest.raises(InputError, match="teaches no head"):
        Restored()(replace(output, kinds_BV=torch.zeros(3, 3)), batch)
    with pytest.raises(InputError, match=r"loss\.knee"):
        Restored(knee=0.0)
