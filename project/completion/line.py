"""A command line as far as the cursor, as the shell that asks would read it: words, and the one that is being typed."""

from __future__ import annotations

import re
from dataclasses import dataclass

BREAKS = "=:"  # of Bash's COMP_WORDBREAKS, those that stand in our words; it replaces what is behind the last one
SPECIAL = re.compile(r"([^\w@%+=:,./~\-])", flags=re.ASCII)


@dataclass(frozen=True, slots=True)
class Line:
    """Words before the cursor, the first of them the program's; the last is being typed and may be empty."""

    words: tuple[str, ...]
    quote: str  # that is open where the cursor is: ' or " or nothing
    kept: int  # letters of the last word that Bash leaves as they are


def parse(text: str) -> Line:
    r"""Words without their quotes, also where the last one is still open.

    >>> parse("scansion train mod").words, parse("scansion train ").words, parse("scansion x='a b").words
    (('scansion', 'train', 'mod'), ('scansion', 'train', ''), ('scansion', 'x=a b'))
    >>> parse("scansion model=wav").kept, parse(r"scansion a\ b").kept, parse("scansion x='a=b").kept
    (6, 0, 2)
    """
    words, current, quote, kept = [], "", "", 0
    begun = escaped = False
    for letter in text:
        if escaped:
            current, escaped = current + letter, False
        elif letter == "\\" and quote != "'":
            escaped = begun = True
        elif quote:
            quote, current = ("", current) if letter == quote else (quote, current + letter)
        elif letter in "'\"":
            quote, begun, kept = letter, True, len(current)
        elif letter.isspace():
            words += [current] if begun else []
            current, begun, kept = "", False, 0
        else:
            current, begun = current + letter, True
            kept = len(current) if letter in BREAKS else kept
    return Line((*words, current), quote, kept)


def for_bash(word: str, line: Line) -> str:
    r"""What Bash is to put in place of what it takes for the current word.

    >>> print(for_bash("model=wav2vec2", parse("scansion model=w")), for_bash("a b.wav", parse("scansion a")))
    wav2vec2 a\ b.wav
    """
    rest = word[line.kept :]
    if line.quote:
        return rest
    opened = "[" if "=[" in word and rest.startswith("[") else ""  # of a list, as people type it
    return opened + SPECIAL.sub(r"\\\1", rest.removeprefix(opened))
