"""Spaces where gaps between letters are long: in recordings for learners, whose letters stand as far apart as words.

A gap of nineteen dits is one between words of a hurried hand, and one between letters of somebody who gives learners
time. The gaps around it say which: those between words are more than twice as long as those between letters, however
far they are stretched. A network learns that for gaps as it heard them; this is the rule for longer ones. It cannot
know letters that are practised one by one with such gaps: they become a word.
"""

from __future__ import annotations

import math
from typing import final

import torch
from torch import Tensor, nn
from torch.nn import functional

from project.text.alphabet import Alphabet
from project.text.morse import CODE, LETTER_GAP, num_units

# B examples, T output frames, V symbols (blank included), L letters in order (place 0 is none), W gaps around one

_LONG = 8.0  # dits, above the 7 between words by the rule book: gaps between letters from which on the rule holds
_WORDS = 1.55  # times a gap between letters, from which on it is one between words: the rule book has 7 / 3
_PAUSE = 400  # frames: a longer gap is a pause of 8 s, which is left alone and says nothing of others
_REACH = 400  # frames from the middle of a gap within which the middles of others have a say about it
_SLOW = 8  # times its length, if that is farther
_AROUND = 8  # gaps to either side that have a say, at most
_FEWEST = 3  # gaps that say what is usual
_LETTER = math.log(0.2)  # log-probability of all letters together, from which on one is there
_SURE = 7.0  # what is left of what is moved, as log-probability below it: what a beam search prunes


@final
class Spacing(nn.Module):
    """Moves probability between space and blank in gaps that are long, and would all be spaces for that.

    In one that is no longer than others around it, space is refused; of one that is, it stands in the middle alone.
    """

    def __init__(self, alphabet: Alphabet) -> None:
        super().__init__()
        marks = [num_units(one) - LETTER_GAP if one in CODE else 0 for one in alphabet.symbols]
        self.marks_V: Tensor
        self.silent_V: Tensor
        self.register_buffer("marks_V", torch.tensor([0, *marks], dtype=torch.float32), persistent=False)
        silent = [True, *(one == " " for one in alphabet.symbols)]
        self.register_buffer("silent_V", torch.tensor(silent), persistent=False)
        self._blank, self._space = alphabet.blank, alphabet.space

    def forward(self, log_probs_BTV: Tensor, pace_BT: Tensor, mask_BT1: Tensor) -> Tensor:
        """`pace_BT`: how many frames a dit lasts at each frame."""
        if self._space is None:
            return log_probs_BTV
        letters_BTV = log_probs_BTV.masked_fill(self.silent_V | (mask_BT1 == 0), -torch.inf)
        is_told_BT = letters_BTV.logsumexp(dim=2) > _LETTER
        said_BT = torch.where(is_told_BT, letters_BTV.argmax(dim=2), self._blank)
        begins_BT = (said_BT != self._blank) & (said_BT != functional.pad(said_BT, (1, 0))[:, :-1])
        letter_BT = begins_BT.long().cumsum(dim=1)
        long_BT, middle_BT = _gaps(begins_BT, letter_BT, self.marks_V[said_BT] * pace_BT, pace_BT)
        refused_BTV = _moved(log_probs_BTV, self._space, self._blank)
        granted_BTV = _moved(log_probs_BTV, self._blank, self._space)
        spaced_BTV = torch.where(long_BT[..., None], refused_BTV, log_probs_BTV)
        return torch.where(middle_BT[..., None], granted_BTV, spaced_BTV)


def _gaps(begins_BT: Tensor, letter_BT: Tensor, marks_BT: Tensor, pace_BT: Tensor) -> tuple[Tensor, Tensor]:
    """Which frames lie in a gap for which the rule holds, and which are the middle of one between words.

    `letter_BT`: the number of the letter at each frame, or of the last one. `marks_BT`: how many frames it lasts.
    """
    batch, frames = begins_BT.shape
    places_BT = letter_BT * begins_BT  # all that begins nothing goes to place 0
    none_BL, frames_T = pace_BT.new_zeros(batch, frames + 2), torch.arange(frames, device=pace_BT.device).to(pace_BT)
    at_BL = none_BL.scatter(1, places_BT, frames_T.expand(batch, -1))
    before_BL = functional.pad(at_BL, (1, 0))[:, :-1]
    marks_BL = none_BL.scatter(1, places_BT, marks_BT)
    gap_BL = at_BL - before_BL - marks_BL  # letters are told where their last mark ends
    number_L = torch.arange(frames + 2, device=pace_BT.device)
    real_BL = (number_L >= 2) & (number_L <= letter_BT[:, -1:]) & (marks_BL > 0) & (gap_BL <= _PAUSE)
    middle_BL = before_BL + gap_BL / 2
    usual_BL, count_BL = _usual(gap_BL, middle_BL, real_BL)
    long_BL = real_BL & (count_BL >= _FEWEST) & (usual_BL >= _LONG * none_BL.scatter(1, places_BT, pace_BT))
    parts_BL = gap_BL >= _WORDS * usual_BL
    spots_BL = torch.where(long_BL & parts_BL, middle_BL.round().long().clamp(0, frames - 1), frames)
    middle_BT = none_BL.scatter(1, spots_BL, 1.0)[:, :frames] > 0
    return long_BL.gather(1, letter_BT + 1), middle_BT


def _usual(gap_BL: Tensor, middle_BL: Tensor, real_BL: Tensor) -> tuple[Tensor, Tensor]:
    """What the shorter gaps around each are like, the lower quartile, and how many gaps that rests on."""
    reach_BL1 = (_SLOW * gap_BL).clamp(min=_REACH)[..., None]
    near_BLW = (_around(real_BL.to(gap_BL)) > 0) & ((_around(middle_BL) - middle_BL[..., None]).abs() <= reach_BL1)
    rising_BLW = torch.where(near_BLW, _around(gap_BL), torch.inf).sort(dim=2).values
    count_BL = near_BLW.long().sum(dim=2)
    quartile_BL1 = ((count_BL - 1).clamp(min=0) // 4)[..., None]
    return rising_BLW.gather(2, quartile_BL1)[..., 0], count_BL


def _around(x_BL: Tensor) -> Tensor:
    """(B, L, W) of each place its neighbours on both sides and itself."""
    length, padded = x_BL.shape[1], functional.pad(x_BL, (_AROUND, _AROUND))
    return torch.stack([padded[:, step : step + length] for step in range(2 * _AROUND + 1)], dim=2)


def _moved(log_probs_BTV: Tensor, source: int, target: int) -> Tensor:
    """The same where one symbol has what another had, but for a rest."""
    left_BT1, right_BT1 = log_probs_BTV[..., source, None], log_probs_BTV[..., target, None]
    number_V = torch.arange(log_probs_BTV.shape[2], device=log_probs_BTV.device)
    moved_BTV = torch.where(number_V == source, left_BT1 - _SURE, log_probs_BTV)
    rest = math.log1p(-math.exp(-_SURE))
    return torch.where(number_V == target, torch.logaddexp(left_BT1 + rest, right_BT1), moved_BTV)
