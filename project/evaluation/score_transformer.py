"""A small transformer from GOP to people's scores of phones, words and the utterance, all learned together.

Each phone is a token: its GOP and which phone it is. One token more stands before them and tells of the whole. A word's
score is the mean of what is said at its phones. It is as small as it is because there are a few hundred utterances.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence

from project.contract import InputError
from project.evaluation.regression import Said
from project.evaluation.utterance import FEATURES, Utterance, aspects, scored_words

WIDTH, LAYERS, LONGEST = 24, 3, 400  # numbers a token, blocks, and phones of an utterance
BATCH, RATE = 25, 5e-3
NUM_FEATURES = len(FEATURES) + 1  # with the utterance's log-probability


@dataclass(frozen=True, slots=True)
class Tokens:
    """Padded utterances; targets are in units of their own deviation, NaN where there is none."""

    features_BPF: Tensor
    phones_BP: Tensor  # 0 beyond a length
    targets_BP1: Tensor
    words_BPK: Tensor
    whole_BK: Tensor


class Net(nn.Module):
    """Tokens to scores of each phone, of the word it is in, and of the whole."""

    def __init__(self, num_phones: int, num_words: int, num_wholes: int) -> None:
        super().__init__()
        self.enter = nn.Linear(NUM_FEATURES, WIDTH)
        self.which = nn.Embedding(num_phones + 1, WIDTH, padding_idx=0)
        self.place = nn.Parameter(torch.zeros(LONGEST + 1, WIDTH))
        self.first = nn.Parameter(torch.zeros(WIDTH))
        block = nn.TransformerEncoderLayer(WIDTH, 1, 4 * WIDTH, dropout=0.1, batch_first=True, norm_first=True)
        self.blocks = nn.TransformerEncoder(block, LAYERS, enable_nested_tensor=False)
        self.norm = nn.LayerNorm(WIDTH)
        self.phone, self.word, self.whole = (nn.Linear(WIDTH, size) for size in (1, num_words, num_wholes))

    def forward(self, features_BPF: Tensor, phones_BP: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        tokens_BPD = self.enter(features_BPF) + self.which(phones_BP)
        whole_B1D = self.first.expand(len(tokens_BPD), 1, WIDTH)
        x_BPD = torch.cat([whole_B1D, tokens_BPD], dim=1)
        x_BPD = x_BPD + self.place[: x_BPD.shape[1]]
        padding_BP = nn.functional.pad(phones_BP == 0, (1, 0), value=False)
        x_BPD = self.norm(self.blocks(x_BPD, src_key_padding_mask=padding_BP))
        return self.phone(x_BPD[:, 1:]), self.word(x_BPD[:, 1:]), self.whole(x_BPD[:, 0])


class TransformerScorer:
    """The transformer with what it needs around it: scales of features and scores, and the names of phones."""

    def __init__(self, seed: int = 0, epochs: int = 60) -> None:
        self.word_aspects: tuple[str, ...] = ()
        self.aspects: tuple[str, ...] = ()
        self._seed, self._epochs = seed, epochs

    def fit(self, found: Sequence[Utterance]) -> None:
        found = [one for one in found if one.phone_scores is not None]
        if len(found) < 2:
            raise InputError(f"only {len(found)} utterances have phone scores to learn from: name others to fit on")
        self.word_aspects, self.aspects = aspects(found)
        self._phones = {name: n for n, name in enumerate(sorted({phone for one in found for phone in one.phones}), 1)}
        rows = np.concatenate([_features(one) for one in found])
        self._features = rows.mean(axis=0), rows.std(axis=0).clip(1e-6)
        self._scales = [_scale(values) for values in _targets(found, self.word_aspects, self.aspects)]
        with torch.random.fork_rng():
            torch.manual_seed(self._seed)
            self._net = Net(len(self._phones), len(self.word_aspects), len(self.aspects))
            self._train(found)
        self._net.eval()

    def predict(self, found: Sequence[Utterance]) -> list[Said]:
        said = []
        for part in _parts(found, BATCH):
            tokens = self._tokens(part)
            with torch.no_grad():
                outputs = self._net(tokens.features_BPF, tokens.phones_BP)
            phones_BP1, words_BPK, whole_BK = (
                np.clip(output.double().numpy() * scale[1] + scale[0], *scale[2:])
                for output, scale in zip(outputs, self._scales, strict=True)
            )
            for n, one in enumerate(part):
                spans = [words_BPK[n, word.start : word.end].mean(axis=0) for word in scored_words(one)]
                words_WK = np.array(spans).reshape(len(spans), len(self.word_aspects))
                said.append(Said(phones_BP1[n, : len(one.phones), 0], words_WK, whole_BK[n]))
        return said

    def _train(self, found: Sequence[Utterance]) -> None:
        optimizer = torch.optim.AdamW(self._net.parameters(), lr=RATE, weight_decay=1e-2)
        steps = self._epochs * -(-len(found) // BATCH)
        schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1 - step / steps)
        for _ in range(self._epochs):
            order = torch.randperm(len(found)).tolist()
            for part in _parts([found[n] for n in order], BATCH):
                tokens = self._tokens(part)
                said = self._net(tokens.features_BPF, tokens.phones_BP)
                wanted = (tokens.targets_BP1, tokens.words_BPK, tokens.whole_BK)
                loss = sum((_error(one, other) for one, other in zip(said, wanted, strict=True)), torch.zeros(()))
                optimizer.zero_grad()
                loss.backward()  # type: ignore[no-untyped-call]
                optimizer.step()
                schedule.step()

    def _tokens(self, found: Sequence[Utterance]) -> Tokens:
        if max(len(one.phones) for one in found) > LONGEST:
            raise InputError(f"an utterance has more than {LONGEST} phones: set regression.model=ridge")
        middle, scale = self._features
        features = [torch.from_numpy((_features(one) - middle) / scale).float() for one in found]
        phones = [torch.tensor([self._phones.get(phone, 0) or 1 for phone in one.phones]) for one in found]
        phone, word, whole = self._scales
        targets = [_padded(one.phone_scores, len(one.phones), phone) for one in found]
        words = [torch.from_numpy((_by_phone(one, self.word_aspects) - word[0]) / word[1]).float() for one in found]
        wholes = [[one.scores.get(name, np.nan) for name in self.aspects] for one in found]
        whole_BK = torch.from_numpy((np.array(wholes, np.float64) - whole[0]) / whole[1]).float()
        return Tokens(
            pad_sequence(features, batch_first=True),
            pad_sequence(phones, batch_first=True),
            pad_sequence(targets, batch_first=True, padding_value=torch.nan)[..., None],
            pad_sequence(words, batch_first=True, padding_value=torch.nan),
            whole_BK,
        )


Scale = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]  # mean, deviation, least and most


def _targets(found: Sequence[Utterance], words: Sequence[str], wholes: Sequence[str]) -> Iterator[np.ndarray]:
    yield np.concatenate([one.phone_scores for one in found if one.phone_scores is not None])[:, None]
    yield np.concatenate([_by_phone(one, words) for one in found])
    yield np.array([[one.scores[name] for name in wholes] for one in found])


def _scale(values: np.ndarray) -> Scale:
    known = values[np.isfinite(values).all(axis=1)]
    if not known.shape[1]:
        empty = np.zeros(0)
        return empty, empty, empty, empty
    return known.mean(axis=0), known.std(axis=0).clip(1e-6), known.min(axis=0), known.max(axis=0)


def _features(one: Utterance) -> np.ndarray:
    log_prob_P1 = np.full((len(one.phones), 1), one.log_prob)
    return np.concatenate([one.gop_PF, log_prob_P1], axis=1)


def _by_phone(one: Utterance, names: Sequence[str]) -> np.ndarray:
    """(P, K) the scores of the word that each phone is in, NaN where it is in none."""
    rows = np.full((len(one.phones), len(names)), np.nan)
    for word in replace(one, words=scored_words(one)).words:
        rows[word.start : word.end] = [word.scores.get(name, np.nan) for name in names]
    return rows


def _padded(scores: np.ndarray | None, size: int, scale: Scale) -> Tensor:
    if scores is None:
        return torch.full((size,), torch.nan)
    return torch.from_numpy((scores - scale[0]) / scale[1]).float()


def _error(said: Tensor, wanted: Tensor) -> Tensor:
    """The mean squared error of what people scored."""
    known = torch.isfinite(wanted)
    return (said[known] - wanted[known]).square().mean() if known.any() else said.sum() * 0


def _parts(found: Sequence[Utterance], size: int) -> Iterator[Sequence[Utterance]]:
    for start in range(0, len(found), size):
        yield found[start : start + size]
