"""Prefix beam search: the likeliest texts, each counted with all the alignments that spell it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from project.contract import Emissions, Hypothesis, InputError
from project.decode.frames import Floats, Frames, Ints, LogProbs, Pruning, prepare
from project.decode.language import Both, Language, Lexicon
from project.decode.pace import Pace
from project.decode.path import Symbols, ends_of, symbols_of, trace
from project.decode.prefix_search import PrefixSearch, Scorer
from project.text.alphabet import Alphabet

_MOST_BEAMS = 5120  # searched at once, in all rows: more do not stay in the cache
_MOST_ROWS = 512
_LARGEST = 100


class Beam:
    """Searches all texts at once and keeps the `size` likeliest at every frame.

    A score is the log-probability of a text: the sum over its alignments, less what was pruned, with the factors of a
    language model and a lexicon if there are any, and a `bonus` for each symbol, against leaving out what is doubtful.
    Several spaces in a row are one. Spans are those of the alignments that weigh most, a confidence is the mean
    probability of a symbol in its span.
    """

    settings: Mapping[str, Any]

    def __init__(
        self,
        alphabet: Alphabet,
        size: int = 10,
        pruning: Pruning | None = None,
        language: Language | None = None,
        lexicon: Lexicon | None = None,
        pace: Pace | None = None,
        bonus: float = 0.0,
        nbest: int = 1,
    ) -> None:
        if not 1 <= size <= _LARGEST:
            raise InputError(f"decode.size: {size}: give a beam of 1 to {_LARGEST}")
        if not 1 <= nbest <= size:
            raise InputError(f"decode.nbest: {nbest}: a beam of {size} has that many texts at most: give 1 to {size}")
        self.size = size
        self.bonus = bonus
        self.nbest = nbest
        self.pruning = pruning or Pruning()
        self.pace = pace or Pace()
        self.scorer, parts = _scorer([language or Language(), lexicon or Lexicon()], alphabet)
        self.num_ids = len(alphabet)
        self._space = alphabet.space
        self._units_V = self.pace.table(alphabet)
        self._names = ("", *alphabet.symbols)
        self._separator = alphabet.separator
        paced = {} if self._units_V is None else {"pace": asdict(self.pace)}
        self.settings = {
            "decode": "beam@3",
            "size": size,
            "pruning": asdict(self.pruning),
            "bonus": bonus,
            **parts,
            **paced,
        }

    def __call__(self, output: Emissions) -> list[Hypothesis]:
        log_probs_BTV = output.log_probs_BTV.detach().float().cpu().contiguous().numpy()
        lengths_B = output.lengths_B.cpu().numpy()
        rows = min(_MOST_ROWS, max(1, _MOST_BEAMS // self.size))
        starts = range(0, len(lengths_B), rows)
        parts = [self._decode(log_probs_BTV[start : start + rows], lengths_B[start : start + rows]) for start in starts]
        return [hypothesis for part in parts for hypothesis in part]

    @property
    def paces(self) -> bool:
        """Whether answers are ordered by their pace, which whole texts alone have."""
        return self._units_V is not None

    def frames(self, log_probs_BTV: LogProbs, lengths_B: Ints) -> Frames:
        """The steps that a search of this size needs."""
        return prepare(log_probs_BTV, lengths_B, self.pruning, self.size + 1 if self.scorer is None else self.num_ids)

    def search(self, rows: int) -> PrefixSearch:
        """A search that has seen nothing yet."""
        return PrefixSearch(rows, self.size, self.num_ids, self.scorer, self.bonus, self._space)

    def final_scores(self, search: PrefixSearch) -> Floats:
        """(B, N) what each beam is worth if all ends here."""
        scores_BN = search.scores()
        return scores_BN if self.scorer is None else scores_BN + np.log(self.scorer.finish(search.beams.state_LN))

    def text(self, ids: Sequence[int]) -> str:
        """What ids spell."""
        return self._separator.join([self._names[number] for number in ids])

    def _decode(self, log_probs_BTV: LogProbs, lengths_B: Ints) -> list[Hypothesis]:
        frames = self.frames(log_probs_BTV, lengths_B)
        search = self.search(len(lengths_B))
        search.advance(frames, log_probs_BTV.reshape(-1))
        scores_BN = self.final_scores(search)
        count = self.nbest if self._units_V is None else self.size
        slots_BM = np.argsort(-scores_BN, axis=1, kind="stable")[:, :count]
        grown_ABM, _ = trace(search.steps, slots_BM)
        scores_BM = np.take_along_axis(scores_BN, slots_BM, 1)[np.argsort(frames.order_B)]
        answers = [symbols_of(grown_ABM[:, :, place], frames) for place in range(count)]
        if self._units_V is not None:
            answers, scores_BM = self._paced(self._units_V, answers, scores_BM)
        found = self._located(answers[0], scores_BM[:, 0], log_probs_BTV, lengths_B)
        if self.nbest == 1:
            return found
        others = [self._plain(*one) for one in zip(answers[1:], scores_BM.T[1:], strict=True)]
        return [
            replace(best, alternatives=tuple(rest for rest in rests if np.isfinite(rest.score)))
            for best, *rests in zip(found, *others[: self.nbest - 1], strict=True)
        ]

    def _located(
        self, symbols: Symbols, scores_B: Floats, log_probs_BTV: LogProbs, lengths_B: Ints
    ) -> list[Hypothesis]:
        """The best answers, with spans and confidences."""
        ends_S, sure_S = ends_of(symbols, log_probs_BTV, lengths_B)
        spans, sure = list(zip(symbols.start_S.tolist(), ends_S.tolist(), strict=True)), sure_S.tolist()
        cuts, tokens = symbols.cuts(len(lengths_B)), symbols.token_S.tolist()
        return [
            Hypothesis(tuple(tokens[a:b]), self.text(tokens[a:b]), score, tuple(spans[a:b]), tuple(sure[a:b]))
            for a, b, score in zip(cuts[:-1], cuts[1:], scores_B.tolist(), strict=True)
        ]

    def _plain(self, symbols: Symbols, scores_B: Floats) -> list[Hypothesis]:
        cuts, tokens = symbols.cuts(len(scores_B)), symbols.token_S.tolist()
        return [
            Hypothesis(tuple(tokens[a:b]), self.text(tokens[a:b]), score)
            for a, b, score in zip(cuts[:-1], cuts[1:], scores_B.tolist(), strict=True)
        ]

    def _paced(self, units_V: Floats, answers: list[Symbols], scores_BM: Floats) -> tuple[list[Symbols], Floats]:
        """The answers in the order that they have with the pace's penalties."""
        cuts = [symbols.cuts(len(scores_BM)) for symbols in answers]
        scores_BM = scores_BM.copy()
        for row in range(len(scores_BM)):
            parts = [slice(cut[row], cut[row + 1]) for cut in cuts]
            tokens = [symbols.token_S[part] for symbols, part in zip(answers, parts, strict=True)]
            starts = [symbols.start_S[part] for symbols, part in zip(answers, parts, strict=True)]
            scores_BM[row] -= self.pace.penalties(units_V, tokens, starts)
        order_BM = np.argsort(-scores_BM, axis=1, kind="stable")
        ordered = [_picked(answers, cuts, order_BM[:, place]) for place in range(self.nbest)]
        return ordered, np.take_along_axis(scores_BM, order_BM, 1)[:, : self.nbest]


def _picked(answers: Sequence[Symbols], cuts: Sequence[Sequence[int]], choice_B: NDArray[np.intp]) -> Symbols:
    """Of each row one of its answers."""
    parts = [(answers[one], slice(cuts[one][row], cuts[one][row + 1])) for row, one in enumerate(choice_B.tolist())]
    columns = [(one.row_S[part], one.start_S[part], one.token_S[part]) for one, part in parts]
    return Symbols(*(np.concatenate(column) for column in zip(*columns, strict=True)))


def _scorer(parts: Sequence[Language | Lexicon], alphabet: Alphabet) -> tuple[Scorer | None, dict[str, Any]]:
    """All that speaks for a text as one scorer, and what identifies it."""
    whole: Scorer | None = None
    settings: dict[str, Any] = {}
    for part in parts:
        scorer, told = part.scorer(alphabet)
        if scorer is not None:
            whole = scorer if whole is None else Both(whole, scorer)
            settings[type(part).__name__.lower()] = dict(told)
    return whole, settings
