"""The nouns that cross borders: what every part of scansion hands to, or expects from, another part.

Shape suffixes, here and everywhere: B examples, T frames, F features of a frame, V symbols (blank included),
L target symbols or tokens.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:  # annotations alone need torch: the command line, which needs InputError, must answer without it
    import torch
    from torch import Tensor

Config: TypeAlias = dict[str, Any]  # a composed configuration, as plain data


class InputError(ValueError):
    """What was asked for or handed in is wrong: the command line prints the text as one line and exits with 2.

    The text names the file, line, id or key and ends with the remedy.
    """


class NoManifest(InputError):
    """A manifest's folder is not there: who knows the experiments can say which command makes it."""

    def __init__(self, what: str, folder: str) -> None:
        super().__init__(what, folder)  # as they came, so that it can be handed from process to process
        self.what = what
        self.folder = folder

    def __str__(self) -> str:
        return f"{self.what}: check the path"


class Undefined(InputError):
    """These examples give no such figure, as they are all alike: others are reckoned all the same, and this is told."""


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
    flaws: tuple[Mapping[str, str], ...] = ()  # examples others stand in for: `place`, `id`, `reason`, `stand_in`

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
class Pace:
    """How long a mark of one unit lasts around each output frame, as symbols say: a distribution over some lengths."""

    log_probs_BTK: Tensor
    frames_K: Tensor  # the lengths, in output frames


@dataclass(frozen=True, slots=True)
class Emissions:
    """What a CTC model says: a distribution over the alphabet for each frame."""

    log_probs_BTV: Tensor  # log-softmaxed; frames beyond a length carry no meaning
    lengths_B: Tensor  # int64, in output frames, reckoned by the model and used by all that follows
    states_BT: Tensor | None = None  # logits that the key is down, for each input frame; of models with a mask head
    pace: Pace | None = None  # of models that look for it
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
class UnitOutput:
    """What a model says of the units of sound that frames belong to, and which of the frames it was not shown.

    Frames beyond a length carry no meaning.
    """

    logits_BTK: Tensor  # over the units alone: there is no blank
    lengths_B: Tensor  # int64, in output frames
    hidden_BT: Tensor  # bool: hidden from the model; none beyond a length


@dataclass(frozen=True, slots=True)
class Answers:
    """What a head that says yes or no said where it was asked, and what was right."""

    probabilities_N: Tensor  # of yes
    targets_N: Tensor  # 1 for yes, 0 for no


@dataclass(frozen=True, slots=True)
class TokenOutput:
    """What a model says that writes token by token: of the reference's tokens, and by itself if it is asked to."""

    lengths_B: Tensor  # int64, in the frames that it listens to while it writes
    seconds_B: Tensor  # of sound in each example
    writer: Any  # project.part.Writer: what was heard, ready to be written down
    logits_BLV: Tensor | None = None  # of each token of the reference, its end included, given those before it
    auxiliary: Emissions | None = None  # what a head on the frames says, of models that have one


Output = Emissions | SpanOutput | UnitOutput | TokenOutput  # as families arrive
Terms = dict[str, "Tensor"]  # name of a loss term -> unweighted scalar


@dataclass(frozen=True, slots=True)
class Track:
    """What is said of each frame, for those who ask more than the spans that were decided upon."""

    inside: tuple[float, ...]  # probability that the frame lies in a span
    threshold: float  # from which on it counts as inside


@dataclass(frozen=True, slots=True)
class Assessment:
    """How well the phones that should have been said were said: by a model, and where people judged it, by people.

    GOP, goodness of pronunciation, is a log-probability ratio: about 0 for a phone said as it should be, below for
    others. Empty where it was not asked for.
    """

    phones: tuple[str, ...]  # canonical: what should have been said
    aligned: tuple[float, ...] = ()  # GOP of each against the best other, where it was found; above 0 if it is the best
    free: tuple[float, ...] = ()  # GOP of each: against all others or none in its place, wherever the phones lie
    log_prob: float = 0.0  # of the canonical phones, over all ways to place them in time, divided by their number
    phone_scores: tuple[float, ...] = ()  # people's: 0 wrong or missing, 1 heavily accented, 2 right
    scores: Mapping[str, float] = field(default_factory=dict)  # people's, of the utterance: accuracy, fluency, ...
    thresholds: Mapping[str, float] = field(default_factory=dict)  # chosen on dev: GOP below it says mispronounced
    calibration: tuple[float, float] = (0.0, 0.0)  # learned on dev: phone score = first + second * free


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
    assessment: Assessment | None = None  # of the system of phonemes


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is wrong with a run or an evaluation, told in plain words with its remedy."""

    check: str  # which check found it: "blank_collapse", its key in conf/callbacks
    subject: str  # of what: a term, a head, a module, a manifest; "" for the whole
    text: str  # one sentence: what was seen
    remedy: str  # what to do about it
    figures: Mapping[str, float] = field(default_factory=dict)  # the numbers it rests on
    step: int | None = None  # of training; None outside it
