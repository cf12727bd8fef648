"""The nouns that cross borders: what every part of scansion hands to, or expects from, another part.

Shape suffixes, here and everywhere: B examples, T frames, F features of a frame, V symbols (blank included),
L target symbols.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal, Protocol, runtime_checkable

if TYPE_CHECKING:  # annotations alone need torch: the command line, which needs InputError, must answer without it
    import torch
    from torch import Tensor


class InputError(ValueError):
    """What was asked for or handed in is wrong: the command line prints the text as one line and exits with 2.

    The text names the file, line, id or key and ends with the remedy.
    """


class WorkError(RuntimeError):
    """The work itself failed in a way we can explain: the text is one line with the remedy; the exit code is 1."""


class Interrupted(RuntimeError):
    """The run was asked to stop and did, at a step boundary, with its checkpoint written."""

    def __init__(self, text: str, signal: int) -> None:
        super().__init__(text)
        self.signal = signal


@dataclass(frozen=True, slots=True)
class Example:
    """One line of a manifest: a signal, how long it is, and what should be recognized in it."""

    id: str
    media: str  # where the signal is: an absolute path or a URL (manifest files hold it relative to themselves)
    length: float  # seconds where the manifest says `duration`, frames or bars where it says `length`
    text: str | None = None
    symbols: tuple[str, ...] | None = None
    labels: Mapping[str, Any] | None = None
    group: str | None = None  # speaker, signer, station, instrument: never divided by a split
    meta: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Batch:
    """Padded examples, ready for a model."""

    ids: tuple[str, ...]
    signals_BTF: Tensor  # zero beyond each length
    lengths_B: Tensor  # int64, in frames
    targets: Mapping[str, Tensor]  # "symbols" (B, L) int64 zero-padded and "symbol_lengths" (B,), or a family's labels
    references: tuple[str, ...]  # normalized text, what hypotheses are scored against

    def __len__(self) -> int:
        return len(self.ids)

    def to(self, device: torch.device | str, non_blocking: bool = False) -> Batch:
        """The same batch on another device; itself when it is there already."""
        if str(self.signals_BTF.device) == str(device):
            return self
        return self._map(lambda tensor: tensor.to(device, non_blocking=non_blocking))

    def pin_memory(self) -> Batch:
        """The same batch in page-locked memory, from which copies to a GPU can overlap with work."""
        return self._map(lambda tensor: tensor.pin_memory())

    def _map(self, change: Any) -> Batch:
        return replace(
            self,
            signals_BTF=change(self.signals_BTF),
            lengths_B=change(self.lengths_B),
            targets={name: change(tensor) for name, tensor in self.targets.items()},
        )


@dataclass(frozen=True, slots=True)
class Emissions:
    """What a CTC model says: a distribution over the alphabet for each frame."""

    log_probs_BTV: Tensor  # log-softmaxed; frames beyond a length carry no meaning
    lengths_B: Tensor  # int64, in output frames, reckoned by the model and used by all that follows
    states_BT: Tensor | None = None  # logits that the key is down, for each input frame; of models with a mask head
    auxiliary: Emissions | None = None  # what a second head says from below the layers that relate frames to each other


@dataclass(frozen=True, slots=True)
class SpanOutput:
    """What a model says of spans in windows of frames, in logits; heads that it lacks are None.

    Frames beyond a length carry no meaning.
    """

    inside_BT: Tensor  # that a frame lies in a span
    lengths_B: Tensor  # int64, in frames
    kinds_BV: Tensor | None = None  # of the first span; 0 is that there is none
    starts_BT: Tensor | None = None  # over frames: which is the first of the span
    ends_BT: Tensor | None = None  # over frames: which is its last
    pointers_BP: Tensor | None = None  # start and length, as parts of the window: no logits, numbers
    countdown_BT: Tensor | None = None  # frames until the span starts, as the loss counts them
    restored_BTF: Tensor | None = None  # what the input is where it was hidden
    threshold: float = 0.5  # of the probability of being inside, from which on a frame counts as inside


@dataclass(frozen=True, slots=True)
class Answers:
    """What a head that says yes or no said where it was asked, and what was right."""

    probabilities_N: Tensor  # of yes
    targets_N: Tensor  # 1 for yes, 0 for no


Output = Emissions | SpanOutput  # as families arrive
Terms = dict[str, "Tensor"]  # name of a loss term -> unweighted scalar


@dataclass(frozen=True, slots=True)
class Track:
    """What is said of each frame, for those who ask more than the spans that were decided upon."""

    inside: tuple[float, ...]  # probability that the frame lies in a span
    threshold: float  # from which on it counts as inside


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """What a decoder says an example is."""

    tokens: tuple[int, ...]  # ids in the alphabet
    text: str
    score: float  # log-probability, natural logarithm; comparable within one decoder only
    spans: tuple[tuple[int, int], ...] = ()  # output frames [start, end) of each token
    confidences: tuple[float, ...] = ()  # of each token: its mean probability in its span
    alternatives: tuple[Hypothesis, ...] = ()  # the decoder's next best, best first, if it was asked for them
    track: Track | None = None  # of decoders of spans


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is wrong with a run or an evaluation, told in plain words with its remedy."""

    check: str  # which check found it: "blank_collapse", its key in conf/callbacks
    subject: str  # of what: a term, a head, a module, a manifest; "" for the whole
    text: str  # one sentence: what was seen
    remedy: str  # what to do about it
    figures: Mapping[str, float] = field(default_factory=dict)  # the numbers it rests on
    step: int | None = None  # of training; None outside it


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
