"""What each part of a recognizer must be able to do: whoever fulfils these can be put in by configuration alone.

The nouns that they hand to each other stand in `project.contract`. Shape suffixes as there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol, runtime_checkable

from project.contract import Batch, Example, Hypothesis, Output, Terms

if TYPE_CHECKING:
    from torch import Tensor


class Notation(Protocol):
    """How what is to be recognized is written: a reference as text, and what is learned of it as numbers."""

    alphabet: Any  # project.text.alphabet.Alphabet
    settings: Mapping[str, Any]  # "normalize": what is done to references first
    reads: Literal["text", "labels"]  # which part of a manifest's line it is made of

    def reference(self, example: Example) -> str:
        """What an example is scored against."""

    def targets(
        self, reference: str, example: Example, frames: int
    ) -> tuple[Mapping[str, Sequence[int]], Mapping[str, Any]]:
        """What is learned of a reference: lists of numbers, and arrays of one value a frame."""

    def for_validation(self) -> Notation:
        """The same for what is only scored while training goes on."""

    def lenient(self) -> Notation:
        """The same for scoring alone: it passes over what could not be written, and keeps it in references."""


@runtime_checkable
class Feature(Protocol):
    """Turns a medium into frames: the one conditioner for training, evaluation, transcription and export.

    One that tells whether a key is down (0 or 1) says in which column, as `state_column`: masked learning asks for it.
    One whose columns are of several kinds names them as `columns`, name -> (start, end): models pick from them.
    One whose first columns are sums over time says over how many frames each, as `sum_frames`.
    """

    num_features: int
    settings: Mapping[str, Any]  # everything that changes its result, for the Protocol

    def read(self, media: str) -> Any:
        """The raw signal of a medium (audio: float32 waveform at the feature's own sample rate)."""

    def __call__(self, signal: Any) -> Tensor:
        """(T, F) float32 frames of a raw signal."""

    def num_frames(self, length: float) -> int:
        """How many frames an example of that length gives, to within one frame, without reading it."""


@runtime_checkable
class Source(Protocol):
    """Makes training examples where a manifest would list them: as many each epoch, and each one new."""

    lengths: Any  # (N,) float32 array, the same in every epoch
    settings: Mapping[str, Any]
    hash: str  # of all that decides what is made

    def draw(self, index: int, epoch: int) -> tuple[Example, Any]:
        """An example and its raw signal, as `Feature.read` would give it: a function of index and epoch alone."""


@runtime_checkable
class Model(Protocol):
    """A torch module from a Batch to an Output; it is a torch.nn.Module as well."""

    def __call__(self, batch: Batch) -> Output: ...

    def num_output_frames(self, num_frames: Tensor) -> Tensor:
        """Output frames of inputs with that many frames."""


class Backbone(Protocol):
    """From a waveform to a row of numbers for each moment of it: a torch.nn.Module, pretrained or not.

    Lengths come from it, and whoever uses what it gives uses no others.
    """

    num_features: int  # of an output frame
    frame_rate: float  # output frames a second
    mixes_padding: bool  # whether an example comes out differently beside longer ones, even with a mask
    architecture: Mapping[str, Any]  # plain data: all that is needed to build it again, without weights

    def __call__(self, wave_BT: Tensor, lengths_B: Tensor) -> tuple[Tensor, Tensor]:
        """Features (B, T', D) and their lengths (B,), of waveforms at 16 kHz, zero beyond each length."""

    def num_output_frames(self, num_samples: Tensor) -> Tensor:
        """Output frames of waveforms with that many samples; exact."""


@dataclass(frozen=True, slots=True)
class Written:
    """Tokens that a model wrote of an example, without start and end, and how sure it was of each."""

    tokens: tuple[int, ...]
    log_probs: tuple[float, ...]  # natural logarithm, of each token given those before it; last that of the end, if any


class Writer(Protocol):
    """What a model heard in a batch, and the model: it writes down what that is, token by token."""

    def write(self, limits_B: Tensor, beams: int = 1, no_repeat: int = 0, length_penalty: float = 1.0) -> list[Written]:
        """The likeliest tokens found for each example, at most so many.

        `no_repeat`: no sequence of so many tokens twice; 0 forbids none. `length_penalty`: of several beams the best
        has the highest log-probability divided by its length to that power.
        """


@runtime_checkable
class Adapted(Protocol):
    """A model that has adapters, small parts that are tuned instead of the whole."""

    def adapter_state(self) -> Mapping[str, Mapping[str, Any]]:
        """Name -> {"active": whether it is used, "norm": how large the change of the weights is that it makes}."""


class Teacher(Protocol):
    """A trained recognizer that another one learns from; a torch.nn.Module as well, and it does not train."""

    def listen(self, batch: Batch) -> Output:
        """What it says of a batch."""

    def predict(self, batch: Batch) -> tuple[Output, list[Hypothesis]]:
        """The same, and what it makes of that."""


class Loss(Protocol):
    """From what the model said and what was wanted to named, unweighted scalars."""

    def __call__(self, output: Output, batch: Batch) -> Terms: ...


class Weighting(Protocol):
    """Makes one scalar of named terms; a torch.nn.Module, because weights may be learned."""

    def __call__(self, terms: Terms) -> tuple[Tensor, Terms]:
        """The scalar to minimize, and each term as it stands in that sum."""

    def weights(self) -> Mapping[str, float]:
        """What each term is multiplied with now."""


class Decoder(Protocol):
    """From an Output to one Hypothesis an example."""

    settings: Mapping[str, Any]

    def __call__(self, output: Output) -> list[Hypothesis]: ...


class Metric(Protocol):
    """Scores example by example in columns of numbers; a summary is a function of those columns alone.

    So a bootstrap can resample the columns, and ranks can exchange them. Ratios are shown in percent; one that counts
    something else says so in `units`, name -> unit.
    """

    name: str
    better: Literal["lower", "higher", "one"]  # a ratio of lengths is best at 1
    ratios: Mapping[str, tuple[Sequence[str], Sequence[str]]]  # figures that are sums of columns over sums of others

    def score(self, reference: str, hypothesis: Hypothesis) -> Mapping[str, float]:
        """The columns of one example."""

    def summarize(self, columns: Mapping[str, Sequence[float]]) -> Mapping[str, float]:
        """The figures of many examples; the first is the metric's own."""
