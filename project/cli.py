"""The command `scansion`: one grammar for all verbs.

Bare words fill a verb's positional keys and are quoted for Hydra here, so that no file name ever needs Hydra's
escaping; everything else is key=value. Help is read from the comments in conf/: it answers without importing Hydra
or torch.
"""

from __future__ import annotations

import difflib
import importlib
import re
import sys
from itertools import pairwise
from pathlib import Path

from project.build.app import complain, guarded
from project.build.compose import CONF, groups, options

# Positional keys of each verb, in order; a last key ending in * takes all words that remain.
VERBS = {
    "prepare": ("action", "manifest*"),
    "train": ("experiment",),
    "evaluate": ("run",),
    "report": ("runs*",),
    "transcribe": ("run", "files*"),
    "export": ("run",),
    "serve": ("run",),
    "bench": ("benchmark*",),
    "list": ("what", "match*"),
    "doctor": ("need*",),
}
GROUPS_AS_WORDS = {"action", "experiment"}  # chosen by name: never quoted
OVERRIDE = re.compile(r"^(?:\+\+?|~)?[A-Za-z_][\w./@-]*=", flags=re.S)
FLAGS_WITH_VALUE = {
    "--cfg",
    "-c",
    "--package",
    "-p",
    "--info",
    "-i",
    "--config-dir",
    "-cd",
    "--config-name",
    "-cn",
    "--config-path",
    "-cp",
}

SHOWING = {"--cfg", "-c", "--info", "-i"}
FLAGS = FLAGS_WITH_VALUE | SHOWING | {"--multirun", "--run", "--resolve", "--hydra-help", "--version"}
FLAGS |= {"--shell-completion", "--experimental-rerun"}


def main(argv: list[str] | None = None) -> None:
    """Answer one command line and exit."""
    words = sys.argv[1:] if argv is None else argv
    if not words or words[0] in {"-h", "--help", "help"}:
        print(overview())
        if not words:
            from project.listing.advice import next_step

            print(f"\nNext, in this folder:\n  {next_step()}")
        sys.exit(0)
    if words[0] in {"-V", "--version"}:
        from importlib.metadata import version

        print(f"scansion {version('scansion')}")
        sys.exit(0)
    verb, *rest = words
    if verb in {"completion", "__complete"}:  # the second is what a shell asks while one types
        from project.completion.answer import answer, completion

        if verb == "completion":
            sys.exit(guarded(lambda: completion(rest)))
        print(*answer(rest, VERBS), sep="\n")
        sys.exit(0)
    if verb not in VERBS:
        near = difflib.get_close_matches(verb, VERBS, n=1)
        hint = f"did you mean {near[0]}?" if near else f"choose from: {', '.join(VERBS)}"
        sys.exit(complain(f"{verb}: no such verb: {hint}", 2))
    if any(word in {"-h", "--help"} for word in rest):
        print(verb_help(verb))
        sys.exit(0)
    if code := guarded(lambda: look(verb, rest)):
        sys.exit(code)
    sys.argv = [f"scansion {verb}", *to_overrides(verb, rest)]
    importlib.import_module(f"project.{verb}").main()


def to_overrides(verb: str, words: list[str]) -> list[str]:
    """A verb's words in Hydra's grammar: bare words become values of its positional keys.

    >>> to_overrides("report", ["runs/a", "runs/b c", "baseline=runs/a"])
    ['baseline=runs/a', 'runs=["runs/a","runs/b c"]']
    >>> to_overrides("prepare", ["validate", "a.jsonl", "text=morse"])
    ['text=morse', 'action=validate', 'manifest=["a.jsonl"]']

    Flags come first: Hydra's parser does not take one that stands among overrides.

    >>> to_overrides("train", ["experiment=a/b", "-m", "seed=1,2", "optimizer.lr=0.1,0.2"])
    ['-m', 'experiment=a/b', 'seed=1,2', 'optimizer.lr=0.1,0.2']
    """
    flags, bare, overrides = _sorted(words)
    overrides = [_plain_lists(verb, word) for word in overrides]
    for key in VERBS[verb]:
        if not bare:
            break
        if key.endswith("*"):
            overrides.append(f"{key[:-1]}=[{','.join(quote(word) for word in bare)}]")
            bare = []
        else:
            word = bare.pop(0)
            overrides.append(f"{key}={word if key in GROUPS_AS_WORDS else quote(word)}")
    if bare:
        sys.exit(complain(f"{bare[0]}: scansion {verb} takes no such word: write key=value, see --help", 2))
    return [*flags, *overrides]


def _sorted(words: list[str]) -> tuple[list[str], list[str], list[str]]:
    """Flags with their values, bare words, overrides."""
    flags: list[str] = []
    bare: list[str] = []
    overrides: list[str] = []
    for before, word in pairwise(["", *words]):
        if before in FLAGS_WITH_VALUE or (word.startswith("-") and word != "-"):
            flags.append(word)
        else:
            (bare if _is_bare(word) else overrides).append(word)
    return flags, bare, overrides


def look(verb: str, words: list[str]) -> int:
    """Refuse, before anything heavy is imported, flags that are none and what is named and is not there."""
    from project.contract import InputError

    flags, bare, overrides = _sorted(words)
    for flag in flags:
        name, equals, value = flag.lstrip("-").partition("=")
        if flag.startswith("--") and not any(known.startswith(f"--{name}") for known in FLAGS):
            after = [*words, ""][words.index(flag) + 1]
            value = value if equals else after if after in bare else "..."
            raise InputError(f"{flag}: no such flag: write {name.replace('-', '_')}={value}")
    shows = [flag for flag in flags if flag.partition("=")[0] in SHOWING]
    if shows and {"-m", "--multirun"} & {*flags}:
        raise InputError(f"{shows[0]}: it shows one run: leave out -m")
    if not flags:
        _look_for_runs(verb, bare, overrides)
        if verb == "prepare":
            _look_for_manifests(bare, overrides)
    return 0


def _look_for_runs(verb: str, bare: list[str], overrides: list[str]) -> None:
    from project.contract import InputError
    from project.package import HUB, SUFFIX
    from project.run import ROOT, Run, newest

    asked = [word.partition("=")[2].strip("\"'") for word in overrides if re.match(r"\+*run=", word)]
    if VERBS[verb][0] == "run":
        if len(several := newest({Path(word) for word in bare})) > 1:
            raise InputError(f"{len(several)} runs are named: name one (the latest: {several[0]})")
        if VERBS[verb][-1] == "files*" and (strays := newest(map(Path, bare[0 if asked else 1 :]))):
            raise InputError(f"{strays[0]}: a run's folder, not a recording: name one run, and it first")
        if not (bare or asked):
            made = newest(ROOT.glob("*/*"))
            hint = f"the latest: {made[0]}" if made else "there is none in runs/: scansion train makes them"
            raise InputError(f"run is missing: scansion {verb} {' '.join(_spoken(verb))}: name a run ({hint})")
        if len(bare) > 1 and len(VERBS[verb]) == 1:
            return  # one word too many, which is told later
        asked = asked or bare[:1]
    elif verb == "report" and not overrides:
        asked = [word for word in bare if len(bare) == 1 or not Path(word).exists()]
    for name in asked:
        if not (name.startswith((HUB, "$")) or name.endswith((SUFFIX, ".onnx")) or Path(name).is_dir()):
            Run.open(name)


def _look_for_manifests(bare: list[str], overrides: list[str]) -> None:
    values = dict(word.partition("=")[::2] for word in overrides)
    action = bare[0] if bare else values.get("action", "")
    if action not in options("action") or action == "convert":  # that one reads what others made
        return
    for name in [*bare[1:], *([values["manifest"]] if "manifest" in values else [])]:
        if not (Path(name).exists() or re.search(r"[*?\[\]{}$,]|://", name)):
            from project.data.manifest import Manifest

            Manifest.open(name)


def _spoken(verb: str) -> list[str]:
    """A verb's positional words as help shows them."""
    return [f"{key.rstrip('*').upper()}{'...' if key.endswith('*') else ''}" for key in VERBS[verb]]


def _is_bare(word: str) -> bool:
    if word.startswith(("-", "~")):
        return word == "-"  # standard input
    return OVERRIDE.match(word) is None or Path(word).exists()


def _plain_lists(verb: str, word: str) -> str:
    """`manifest=a.jsonl` where the key takes a list: the one value is a list of one."""
    for key in VERBS[verb]:
        name = key.rstrip("*")
        if key.endswith("*") and word.startswith(f"{name}=") and not word.startswith((f"{name}=[", f"{name}=${{")):
            return f"{name}=[{quote(word.partition('=')[2])}]"
    return word


def quote(word: str) -> str:
    r"""A word as a quoted string of Hydra's grammar.

    >>> print(quote('a "b" c'))
    "a \"b\" c"
    """
    if word[:1] == word[-1:] == '"' and len(word) > 1:
        return word
    escaped = re.sub(r'(\\*)"', lambda match: match[1] * 2 + '\\"', word)
    escaped = re.sub(r"(\\+)$", lambda match: match[1] * 2, escaped)
    return f'"{escaped}"'.replace("${", "\\${")


def overview() -> str:
    """What scansion is and what one can ask of it."""
    lines = ["scansion: recognize symbols in signals, and know whether it worked.", "", "Verbs:"]
    lines += [f"  scansion {verb:<10} {first_comment(CONF / f'{verb}.yaml')}" for verb in VERBS]
    lines += ["", "First steps:"]
    lines += ["  scansion prepare corpus=morse out=data/morse       make a small Morse corpus"]
    lines += ["  scansion train experiment=morse/quick              train on it: minutes on a laptop"]
    lines += ["  scansion list experiments                          what there is; list runs: what was made"]
    lines += ["  scansion doctor                                    does all that is needed work here?"]
    lines += ["  scansion completion                                how the shell completes all this"]
    lines += ["  scansion <verb> --help                             keys and choices of a verb"]
    lines += ["  scansion <verb> ... --cfg job                      what would run, as YAML"]
    return "\n".join(lines)


def verb_help(verb: str) -> str:
    """A verb's keys with their comments, its groups with their choices, and its experiments with theirs."""
    text = (CONF / f"{verb}.yaml").read_text(encoding="utf-8")
    positional = " ".join(f"[{word}]" for word in _spoken(verb))
    lines = [f"scansion {verb} {positional} [key=value ...]", "", first_comment(CONF / f"{verb}.yaml"), ""]
    comments = dict(re.findall(r"^  - (?:optional )?([a-z_]+):[^#\n]*#\s*(.*)$", text, flags=re.M))
    chosen = [group for group in groups(verb) if (CONF / group).is_dir()]
    if chosen:
        lines.append("Choices, group=name:")
    for group in chosen:
        lines.append(f"  {group:<12} {comments.get(group, '')}".rstrip())
        lines += _choices(group)
    keys = re.findall(r"^([a-z_]+): *([^#\n]*?) *(?:#\s*(.*))?$", text, flags=re.M)
    lines += ["", "Keys, key=value:"]
    lines += [f"  {key:<18} {comment}  [{value}]" for key, value, comment in keys if key not in {"defaults", "hydra"}]
    lines += ["", "Any key of a chosen part: model.channels=64. All of them: --cfg job. A sweep: -m key=1,2,3"]
    return "\n".join(lines)


def _choices(group: str) -> list[str]:
    names = options(group)
    described = {"action", "experiment", "sweep", "search", "launcher", "corpus", "benchmark", "trainer"}
    if group not in described:
        return [f"      {' | '.join(names)}"]
    return [f"      {name:<20} {first_comment(CONF / group / f'{name}.yaml')}" for name in names]


def first_comment(file: Path) -> str:
    """The first comment of a YAML file that is not a directive: what the file is, in a line."""
    for line in file.read_text(encoding="utf-8").splitlines():
        if line.startswith("#") and not line.startswith("# @"):
            return line.lstrip("# ").strip()
    return ""


if __name__ == "__main__":
    main()
