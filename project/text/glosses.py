"""Glosses of RWTH-PHOENIX-Weather as its evaluation scores them: spellings, variants and marks that do not count.

The rules are those published with the corpus of 2014, written anew: they are applied until nothing changes, so that
twice is once, and to neighbours wherever they stand in a sentence. It does not know which glosses a corpus has.
"""

from __future__ import annotations

import re
from itertools import groupby

_SILENT = re.compile("__(?:EMOTION|PU|LEFTHAND|EPENTHESIS)__")  # __ON__ and __OFF__ are scored like glosses
_MARK = re.compile(r"__[^_\s]+__")
_PREFIX = re.compile("loc-|cl-|qu-|poss-|lh-")  # where, with which handshape, asked, whose, with the left hand
_VARIANTS = (("S0NNE", "SONNE"), ("HABEN2", "HABEN"), ("-PLUSPLUS", ""))  # a slip, a second sign, repetition
_ROOM = re.compile("(?<=[A-Z][A-Z])RAUM")  # a sign made at a place
_LETTER = re.compile("[A-Z]")


def rwth_glosses(text: str) -> str:
    """Glosses as RWTH-PHOENIX-Weather 2014 scores them, applied to references and hypotheses alike.

    >>> rwth_glosses("__ON__ loc-NORD S0NNE __EMOTION__ SONNE poss-HABEN2 WIE AUSSEHEN ZEIGEN S Y L T __OFF__")
    '__ON__ NORD SONNE HABEN WIE-AUSSEHEN ZEIGEN-BILDSCHIRM S+Y+L+T __OFF__'
    """
    words = text.split()
    while (cleaned := _once(words)) != words:
        words = cleaned
    return " ".join(words)


def drop_gloss_marks(text: str) -> str:
    """Glosses without any mark of the form __ON__: the evaluation of 2014 T scores none. Name it before rwth_glosses.

    >>> drop_gloss_marks("__ON__ NORD REGEN __OFF__")
    'NORD REGEN'
    """
    return " ".join(word for word in text.split() if not _MARK.fullmatch(word))


def _once(words: list[str]) -> list[str]:
    """Each rule in turn."""
    cleaned: list[str] = []
    for word in filter(None, map(_word, words)):
        if cleaned and (joint := _joint(cleaned[-1], word)):
            cleaned[-1] += joint + word
        else:
            cleaned.append(word)
    return [word for word, _ in groupby(cleaned)]


def _word(word: str) -> str:
    """A gloss without what does not count; empty if nothing is left."""
    word = _PREFIX.sub("", _SILENT.sub("", word))
    for variant, meant in _VARIANTS:
        word = word.replace(variant, meant)
    word = _ROOM.sub("", word)
    return f"{word}-BILDSCHIRM" if word.endswith("ZEIGEN") else word


def _joint(left: str, right: str) -> str:
    """What joins two neighbours into one gloss: a compound's hyphen, a spelled word's plus; empty if nothing does."""
    if (left, right) == ("WIE", "AUSSEHEN"):
        return "-"
    last, first = left.rpartition("+")[2], right.partition("+")[0]
    before = _LETTER.fullmatch(last) or last in {"SCH", "NN"}
    after = _LETTER.fullmatch(first) or (first == "NN" and _LETTER.fullmatch(last))
    return "+" if before and after else ""
