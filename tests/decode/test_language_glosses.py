"""A language of glosses, set apart by spaces, from a manifest to answers: against all texts scored one by one."""

from __future__ import annotations

import json
import math
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from project.action.ngram import CountNgrams
from project.contract import InputError
from project.decode.beam import Beam
from project.decode.frames import Pruning
from project.decode.language import Language, Lexicon
from project.text.spelling import Spelling

SPELLING = Spelling(["RAIN", "SUN", "TRUE"], separator=" ", normalize=["upper", "squeeze_spaces"])
GLOSSES = SPELLING.alphabet
SENTENCES = [["SUN", "RAIN"], ["rain", "RAIN", "SUN"], ["TRUE"], ["SUN", "RAIN", "TRUE"], ["RAIN"], ["SUN"]]
EVERYTHING = Pruning(symbol=0, blank=2)


@pytest.fixture
def path(tmp_path: Path) -> str:
    """A model counted from a manifest, some lines with symbols and some with text."""
    targets = [{"symbols": one} if n % 2 else {"text": "  ".join(one)} for n, one in enumerate(SENTENCES)]
    lines = [{"id": f"s{n}", "media": f"{n}.npz", "duration": 1.0} | target for n, target in enumerate(targets)]
    (tmp_path / "train.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    CountNgrams(str(tmp_path / "train.jsonl"), str(tmp_path / "lm.json"), SPELLING, order=2).run()
    return str(tmp_path / "lm.json")


def log_prob(glosses: list[str]) -> float:
    """Interpolated Witten-Bell of pairs, from its definition, with the end of a sentence as one gloss more."""
    sentences = [["<", *(gloss.upper() for gloss in one), ">"] for one in SENTENCES]
    singles = Counter(gloss for one in sentences for gloss in one[1:])
    pairs = Counter(pair for one in sentences for pair in pairwise(one))
    total = 0.0
    for before, gloss in zip(["<", *glosses], [*glosses, ">"], strict=True):
        single = (singles[gloss] + len(singles) / 4) / (singles.total() + len(singles))
        after = {pair: times for pair, times in pairs.items() if pair[0] == before}
        seen, kinds = sum(after.values()), len(after)
        total += math.log((pairs[before, gloss] + kinds * single) / (seen + kinds) if seen else single)
    return total


@pytest.mark.parametrize(("weight", "bonus"), [(0.5, 0.0), (1.0, 0.8), (2.0, -0.3)])
def test_each_gloss_has_its_probability_and_its_bonus(
    emissions: Any, enumerate_texts: Any, path: str, weight: float, bonus: float
) -> None:
    for seed in range(4):
        output = emissions(4, ids=4, sharpness=1.0, seed=seed)
        language = Language(path, weight)
        (found,) = Beam(GLOSSES, 100, EVERYTHING, language=language, bonus=bonus, nbest=100)(output)
        expected = {
            GLOSSES.decode(tokens): score + weight * log_prob(GLOSSES.decode(tokens).split()) + bonus * len(tokens)
            for tokens, score in enumerate_texts(output.log_probs_BTV[0].numpy()).items()
        }
        assert {one.text: one.score for one in (found, *found.alternatives)} == pytest.approx(expected, abs=1e-6)
        assert found.text == max(expected, key=lambda text: expected[text])


def test_it_settles_what_the_recognizer_leaves_open(emissions: Any, path: str) -> None:
    """Frames that say SUN, then RAIN or TRUE alike: after SUN there was RAIN."""
    output = emissions(5, ids=4)
    scores_TV = output.log_probs_BTV[0]
    scores_TV[:] = math.log(0.01)
    scores_TV[:3, 2] = scores_TV[3, 0] = math.log(0.97)
    scores_TV[4:, 1] = scores_TV[4:, 3] = math.log(0.49)
    for weight, text in ((0.3, "SUN RAIN"), (-0.3, "SUN TRUE")):
        assert Beam(GLOSSES, 10, language=Language(path, weight))(output)[0].text == text


def test_words_are_of_letters(path: str) -> None:
    with pytest.raises(InputError, match=r"decode\.lexicon: where symbols are set apart by spaces"):
        Beam(GLOSSES, lexicon=Lexicon(["RAIN"]))
    assert "lexicon" not in Beam(GLOSSES, language=Language(path), lexicon=Lexicon()).settings
