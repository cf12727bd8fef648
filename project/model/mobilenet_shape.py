"""The sizes that a MobileNet-LSTM comes in, as tables of numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

SizeName = Literal["compact", "source", "tiny"]
Upsampling = Literal["none", "transpose"]


@dataclass(frozen=True, slots=True)
class Block:
    """A block of a MobileNetV3: channels are expanded, each looks around for itself, and they are mixed again."""

    expansion: int
    channels: int
    kernel: int
    stride: int = 1
    squeeze: bool = False  # weighs channels by what the whole example is like
    activation: Literal["relu", "hardswish"] = "hardswish"


@dataclass(frozen=True, slots=True)
class Size:
    """How large each part is."""

    hidden: float  # the most hidden numbers of an encoder, in terms of what it gives; always below the mean of both
    stem: int
    blocks: tuple[Block, ...]
    channels: int  # of a frame before the LSTM
    lstm: int  # each way
    attention: int  # numbers by which branches find each other
    upsample: Upsampling


SIZES: Final[Mapping[SizeName, Size]] = {
    "compact": Size(
        hidden=2,
        stem=96,
        blocks=(
            Block(192, 96, kernel=3, squeeze=True),
            Block(192, 96, kernel=5, stride=2),
            Block(288, 96, kernel=5, squeeze=True),
            Block(288, 96, kernel=5, squeeze=True),
        ),
        channels=128,
        lstm=128,
        attention=64,
        upsample="none",
    ),
    "source": Size(
        hidden=float("inf"),
        stem=16,
        blocks=(
            Block(16, 16, kernel=3, squeeze=True, activation="relu"),
            Block(72, 24, kernel=3, stride=2, activation="relu"),
            Block(88, 24, kernel=3, activation="relu"),
            Block(96, 40, kernel=5, squeeze=True),
            Block(240, 40, kernel=5, squeeze=True),
            Block(120, 48, kernel=5, squeeze=True),
        ),
        channels=128,
        lstm=128,
        attention=64,
        upsample="transpose",
    ),
    "tiny": Size(
        hidden=0.5,
        stem=24,
        blocks=(Block(48, 24, kernel=3, squeeze=True), Block(48, 24, kernel=3, stride=2)),
        channels=32,
        lstm=32,
        attention=16,
        upsample="none",
    ),
}
