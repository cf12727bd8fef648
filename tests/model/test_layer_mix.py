"""The mean of layers, against a loop."""

from __future__ import annotations

import pytest
import torch

from project.model.layer_mix import LayerMix

LAYERS = [torch.randn(2, 5, 3, generator=torch.Generator().manual_seed(seed)) * 10**seed for seed in range(4)]


def test_it_starts_as_the_plain_mean() -> None:
    torch.testing.assert_close(LayerMix(4)(LAYERS), sum(LAYERS) / 4)
    assert LayerMix(4).shares() == [0.25] * 4


@pytest.mark.parametrize("normalize", [False, True])
def test_it_is_what_a_loop_gives(normalize: bool) -> None:
    mix = LayerMix(4, normalize)
    with torch.no_grad():
        mix.weights.copy_(torch.tensor([0.5, -1.0, 2.0, 0.0]))
    total = sum(mix.weights.exp())
    for example in range(2):
        for frame in range(5):
            row = torch.zeros(3)
            for weight, layer in zip(mix.weights, LAYERS, strict=True):
                x = layer[example, frame]
                x = (x - x.mean()) / (x.var(correction=0) + 1e-5).sqrt() if normalize else x
                row = row + weight.exp() / total * x
            torch.testing.assert_close(mix(LAYERS)[example, frame], row)


def test_a_layer_does_not_weigh_more_for_its_size_once_normalized() -> None:
    loud = [LAYERS[0], 1000 * LAYERS[1]]
    torch.testing.assert_close(LayerMix(2, True)(loud), LayerMix(2, True)(LAYERS[:2]), atol=1e-3, rtol=1e-3)


def test_its_weights_learn_and_nothing_below_must() -> None:
    mix = LayerMix(4)
    mix(LAYERS).square().sum().backward()
    assert mix.weights.grad is not None
    assert (mix.weights.grad != 0).all()


def test_a_layer_too_few_is_a_mistake_of_ours() -> None:
    with pytest.raises(AssertionError, match="3 layers for 4 weights"):
        LayerMix(4)(LAYERS[:3])
