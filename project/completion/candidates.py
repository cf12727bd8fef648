"""What may come next on a command line, each candidate a whole word with a line about it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TypeAlias

from project.build.compose import CONF, options
from project.completion import catalogue, paths
from project.completion.catalogue import Key
from project.listing.choice import kinds
from project.listing.choice import read as head_of

Candidate: TypeAlias = tuple[str, str]  # word, what it is
Verbs: TypeAlias = Mapping[str, Sequence[str]]  # positional keys of each verb; a last one ending in * takes the rest

SHELLS = ("bash", "zsh", "fish")
FLAGS = {
    "--help": "keys and choices of this verb",
    "--cfg": "what would run, as YAML: --cfg job",
    "-m": "a sweep: key=1,2,3",
}
OF_FLAGS = {"--cfg": ("job", "hydra", "all"), "-c": ("job", "hydra", "all")}
OF_RUN = re.compile(r"(?:a run folder|the run's folder|run folders|the run )")  # how comments begin that ask for runs
ITEM = re.compile(r".*[\[,]")  # of a list, or of values of a sweep: what stands before the last one


def candidates(words: Sequence[str], verbs: Verbs) -> list[Candidate]:
    """What the last word may become; the words before it are the program, the verb and what was said so far."""
    typed, given = words[-1], words[2:-1]
    if len(words) == 2:
        found = [(verb, head_of(CONF / f"{verb}.yaml", verb).what) for verb in verbs]
        found += [("completion", "completion for a shell"), ("--help", "what scansion is"), ("--version", "")]
    elif words[1] == "completion":
        found = [(shell, "") for shell in SHELLS]
    elif words[1] not in verbs:
        found = []
    elif words[-2] in OF_FLAGS:
        found = [(one, "") for one in OF_FLAGS[words[-2]]]
    elif typed.startswith("-"):
        found = [*FLAGS.items()]
    elif "=" in typed:
        found = list(values(words[1], typed, _spelled(words[1], given, verbs)))
    else:
        found = list(bare(words[1], typed, given, verbs))
    return [one for one in found if one[0].startswith(typed)]


def bare(verb: str, typed: str, given: Sequence[str], verbs: Verbs) -> Iterator[Candidate]:
    """Values of the next positional key; keys too, once a letter is typed or no positional key is left."""
    position = next_position(given, verbs[verb])
    if position:
        yield from options_of(verb, position.rstrip("*"), typed)
        if not typed:
            return
    *path, _ = typed.lstrip("+").split(".")
    if path:
        for name, key in catalogue.keys_below(verb, path, _spelled(verb, given, verbs)).items():
            yield ".".join([*path, name]) + ("." if isinstance(key.value, Mapping) else "="), key.comment
        return
    named = {word.partition("=")[0] for word in given}
    for group in catalogue.verb_groups(verb):
        if group not in named:
            yield f"{group}=", catalogue.group_comment(verb, group)
    for name, key in catalogue.verb_keys(verb).items():
        if name not in named and name not in catalogue.verb_groups(verb):
            yield name + ("." if isinstance(key.value, Mapping) and _is_nested(name) else "="), key.comment


def values(verb: str, typed: str, given: Sequence[str]) -> Iterator[Candidate]:
    """What a key may be set to, the last one where several stand in a list."""
    key, _, value = typed.partition("=")
    before = found[0] if (found := ITEM.match(value)) else ""
    *path, last = key.lstrip("+~").split(".")
    known = catalogue.keys_below(verb, path, given) if path else catalogue.verb_keys(verb)
    for option, told in options_of(verb, key.lstrip("+~"), value[len(before) :], known.get(last)):
        yield f"{key}={before}{option}", told


def options_of(verb: str, name: str, typed: str, key: Key | None = None) -> Iterator[Candidate]:
    """The values of one key: choices of a group, words that its comment names, runs, manifests, files, its default."""
    if (verb, name) == ("list", "what"):
        yield from ((one, "") for one in kinds())
        return
    if name in catalogue.verb_groups(verb):
        yield from ((one, _what(name, one)) for one in options(name))
        return
    if key is None:
        key = catalogue.verb_keys(verb).get(name)
    if key is None:
        return
    if isinstance(key.value, Mapping):  # {name: compare}: what the verb's own spelling of a choice is kept in
        named = key.value.get("name")
        key = Key(named, key.comment)
    comment = key.comment
    if OF_RUN.match(comment):
        found = paths.runs(typed)
    elif "manifest" in name or "manifest" in comment.partition(";")[0]:
        found = paths.manifests(typed)
    elif key.choices:
        found = key.choices
    elif isinstance(key.value, int | float):
        found = [str(key.value)]
    else:
        found = paths.files(typed)
    yield from ((one, "") for one in found)


def next_position(given: Sequence[str], keys: Sequence[str]) -> str | None:
    """The positional key that a bare word would fill now; None if all are filled or named.

    >>> next_position([], ("run", "files*")), next_position(["runs/a", "a.wav"], ("run", "files*"))
    ('run', 'files*')
    >>> next_position(["experiment=morse/quick"], ("experiment",)) is None
    True
    """
    taken = 0
    for before, word in zip(["", *given], given, strict=False):
        taken += not (word.startswith("-") or before in OF_FLAGS or ("=" in word and not Path(word).exists()))
    named = {word.partition("=")[0] for word in given if "=" in word}
    free = [key for key in keys if key.rstrip("*") not in named]
    if taken < len(free):
        return free[taken]
    return free[-1] if free and free[-1].endswith("*") else None


def _spelled(verb: str, given: Sequence[str], verbs: Verbs) -> list[str]:
    """The words so far with the first bare one as the key that it fills: train morse/quick names an experiment."""
    first = verbs[verb][0] if verbs[verb] else ""
    return [word if "=" in word or word.startswith("-") else f"{first.rstrip('*')}={word}" for word in given]


def _what(group: str, option: str) -> str:
    return head_of(CONF / group / f"{option}.yaml", option).what


def _is_nested(name: str) -> bool:
    return name not in ("action", "sweep")
