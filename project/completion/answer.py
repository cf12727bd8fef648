"""scansion completion, and what its scripts ask while one types: scansion __complete <shell> <line to the cursor>."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from project.completion.candidates import SHELLS, Verbs, candidates
from project.completion.line import for_bash, parse
from project.contract import InputError

INSTALL = """\
Completion of verbs, keys, choices, runs and manifests. For this shell alone, or in the file that it reads at its start:
  bash   eval "$(scansion completion bash)"                     ~/.bashrc
  zsh    eval "$(scansion completion zsh)"                      ~/.zshrc, after compinit
  fish   scansion completion fish | source                      ~/.config/fish/config.fish"""


def completion(words: Sequence[str]) -> int:
    """Print the script for a shell; without one, how to install it."""
    if not words or set(words) & {"-h", "--help"}:
        print(INSTALL)
        return 0
    if words[0] not in SHELLS or len(words) > 1:
        raise InputError(f"{' '.join(words)}: no script for that shell: choose from {', '.join(SHELLS)}")
    print(Path(__file__).with_name(f"scansion.{words[0]}").read_text(encoding="utf-8"), end="")
    return 0


def answer(words: Sequence[str], verbs: Verbs) -> list[str]:
    """A line a candidate; for zsh and fish with what it is, behind a tab. Nothing where one was not asked so."""
    if len(words) != 2 or words[0] not in SHELLS:
        return []
    shell, line = words[0], parse(words[1])
    if len(line.words) < 2:
        return []
    found = candidates(line.words, verbs)
    if shell == "bash":
        return [for_bash(word, line) for word, _ in found]
    return [f"{word}\t{' '.join(told.split())}".rstrip("\t") for word, told in found if "\n" not in word]
