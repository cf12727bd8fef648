"""One utterance of SpeechOcean762 with all that people said of it, as the labels of a manifest's line.

It does not know files. What a form of the corpus lacks is left out: raters' own scores, what was heard instead.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from project.corpus.imported import FlawError, require_phones
from project.corpus.rater_marks import read_marks
from project.text.phoneme import drop_stress

SCORES = ("accuracy", "completeness", "fluency", "prosodic", "total")
RATERS = 5
_SLACK = 0.011  # of a mean of five marks, as the corpus rounds it


def word_labels(words: Sequence[Mapping[str, Any]]) -> tuple[list[str], dict[str, Any]]:
    """The phones of an utterance and the labels of its words and phones.

    >>> word = {"text": "BAY", "phones": ["B", "EY1"], "phones-accuracy": [2, 0.4], "accuracy": 6, "total": 6}
    >>> phones, labels = word_labels([word | {"mispronunciations": [{"index": 1, "pronounced-phone": "AY0"}]}])
    >>> phones, labels["phone_scores"], labels["mispronunciations"]
    (['B', 'EY'], [2.0, 0.4], [{'place': 1, 'heard': 'AY'}])
    """
    phones: list[str] = []
    scores: list[float] = []
    places: list[dict[str, Any]] = []
    heard: list[dict[str, Any]] = []
    for word in words:
        start = len(phones)
        own = require_phones(_name(word), word.get("phones"))
        phones += own
        scores += _phone_scores(word, len(own))
        kept = {key: word[key] for key in ("accuracy", "stress", "total") if _is_number(word.get(key))}
        places.append({"text": _name(word), "start": start, "end": len(phones), **kept})
        heard += [{**one, "place": start + one["place"]} for one in _heard(word, len(own))]
    labels = {"phone_scores": scores, "words": places}
    return phones, labels | ({"mispronunciations": heard} if heard else {})


def utterance_scores(scores: Mapping[str, Any]) -> dict[str, float]:
    """The scores of an utterance that are there; accuracy must be."""
    if not _is_number(scores.get("accuracy")):
        raise FlawError(f"`accuracy` is {scores.get('accuracy')!r}: give the utterance's score, 0 to 10")
    return {name: float(scores[name]) for name in SCORES if _is_number(scores.get(name))}


def rater_labels(
    words: Sequence[Mapping[str, Any]], marks: Sequence[Sequence[str]], accuracy: Sequence[float] | None
) -> dict[str, Any]:
    """What each rater said: `rater_phone_scores`, five lists, and `rater_accuracy`.

    `marks` are the raters' texts for each word. The lists are left out where marks are not of the dictionary's phones,
    one to one, or do not give the phones' scores as their mean: nobody can say then which mark is of which phone.
    """
    if len(marks) != len(words) or any(len(texts) != RATERS for texts in marks):
        raise FlawError(f"its words have not {RATERS} raters' `phones` each: restore the file")
    labels: dict[str, Any] = {}
    if accuracy is not None and len(accuracy) == RATERS and all(map(_is_number, accuracy)):
        labels["rater_accuracy"] = [float(score) for score in accuracy]
    lists: list[list[int]] = [[] for _ in range(RATERS)]
    published: list[float] = []
    for word, texts in zip(words, marks, strict=True):
        phones = require_phones(_name(word), word.get("phones"))
        published += _phone_scores(word, len(phones))
        for rater, text in zip(lists, texts, strict=True):
            read = read_marks(text, phones)
            if read is None:
                return labels
            rater.extend(read)
    means = [sum(of_all) / RATERS for of_all in zip(*lists, strict=True)]
    if all(abs(mean - score) <= _SLACK for mean, score in zip(means, published, strict=True)):
        labels["rater_phone_scores"] = lists
    return labels


def _phone_scores(word: Mapping[str, Any], number: int) -> list[float]:
    scores = word.get("phones-accuracy", word.get("phone_scores"))
    if not isinstance(scores, list) or len(scores) != number or not all(map(_is_score, scores)):
        raise FlawError(f"{_name(word)}: its phones have the scores {scores!r:.60}: give each of {number} one, 0 to 2")
    return [float(score) for score in scores]


def _heard(word: Mapping[str, Any], number: int) -> list[dict[str, Any]]:
    """What was heard in place of a phone of the word: another one, <DEL> for nothing, <unk> for no English one."""
    found = []
    for one in word.get("mispronunciations") or ():
        place, phone = one.get("index"), one.get("pronounced-phone")
        if type(place) is not int or not 0 <= place < number or not isinstance(phone, str):
            raise FlawError(f"{_name(word)}: a mispronunciation is {one!r:.80}: give `index` and `pronounced-phone`")
        found.append({"place": place, "heard": drop_stress(phone)})
    return found


def _name(word: Mapping[str, Any]) -> str:
    return str(word.get("text", "a word"))


def _is_number(value: Any) -> bool:
    return type(value) in {int, float}


def _is_score(value: Any) -> bool:
    return _is_number(value) and 0 <= value <= 2
