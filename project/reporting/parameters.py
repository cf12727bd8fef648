"""What a class of ours takes, read from its source: nothing is imported, so that a page about all of them is quick.

It knows classes with a constructor, dataclasses and functions; of other packages, and of inherited constructors, it
says nothing.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1]
WORDS = {
    "float": "number",
    "int": "whole number",
    "str": "text",
    "bool": "true or false",
    "None": "null",
    "Path": "path",
    "Any": "",
}
CONTAINER = re.compile(r"(?:Sequence|list|tuple|Collection|Iterable|Mapping|dict)\[(.*)\]")


@dataclass(frozen=True, slots=True)
class Parameter:
    """An argument of a constructor."""

    annotation: str  # as the source has it
    default: str | None  # as the source has it; None where there is none

    @property
    def kind(self) -> str:
        """What may stand there, in words; empty where it is an object.

        >>> Parameter("int | None", None).kind, Parameter("Literal['min', 'max']", None).kind
        ('whole number or null', 'min or max')
        >>> Parameter("Sequence[float]", None).kind, Parameter("Feature", None).kind
        ('list of numbers', '')
        """
        words = dict.fromkeys(word for word in map(_word, _parts(self.annotation)) if word)
        return "" if list(words) == ["null"] else " or ".join(words)


def _parts(annotation: str) -> list[str]:
    """The alternatives of a union, at its outermost level."""
    parts, depth = [""], 0
    for sign in annotation:
        depth += (sign in "[(") - (sign in "])")
        if sign == "|" and depth == 0:
            parts.append("")
        else:
            parts[-1] += sign
    return [part.strip() for part in parts]


def _word(part: str) -> str:
    if part.startswith("Literal["):
        return " or ".join(value.strip(" '\"") for value in part[8:-1].split(","))
    if match := CONTAINER.fullmatch(part):
        kind = "mapping" if part.startswith(("Mapping", "dict")) else "list"
        inner = match[1].split(",")[-1].strip(" .") if kind == "mapping" else match[1].split(",")[0].strip()
        plural = {"number": "numbers", "whole number": "whole numbers", "text": "texts"}.get(WORDS.get(inner, ""))
        return f"{kind} of {plural}" if plural else kind
    return WORDS.get(part, "")


@cache
def parameters_of(target: str) -> Mapping[str, Parameter]:
    """The arguments of a dotted class or function of ours, in order, without those that take all the rest."""
    module, _, name = target.rpartition(".")
    file = PACKAGE.parent.joinpath(*module.split(".")).with_suffix(".py")
    if not target.startswith("project.") or not file.is_file():
        return {}
    for node in ast.parse(file.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef) and node.name == name:
            return _arguments(node)
        if isinstance(node, ast.ClassDef) and node.name == name:
            made = next(
                (part for part in node.body if isinstance(part, ast.FunctionDef) and part.name == "__init__"), None
            )
            return _arguments(made) if made else _fields(node)
    return {}


def _arguments(node: ast.FunctionDef) -> dict[str, Parameter]:
    given = [*node.args.posonlyargs, *node.args.args]
    defaults = [None] * (len(given) - len(node.args.defaults)) + [ast.unparse(one) for one in node.args.defaults]
    pairs = [*zip(given, defaults, strict=True)]
    later = [None if one is None else ast.unparse(one) for one in node.args.kw_defaults]
    pairs += zip(node.args.kwonlyargs, later, strict=True)
    return {arg.arg: _parameter(arg.annotation, default) for arg, default in pairs if arg.arg != "self"}


def _fields(node: ast.ClassDef) -> dict[str, Parameter]:
    """Those of a dataclass."""
    return {
        part.target.id: _parameter(part.annotation, None if part.value is None else ast.unparse(part.value))
        for part in node.body
        if isinstance(part, ast.AnnAssign) and isinstance(part.target, ast.Name)
    }


def _parameter(annotation: ast.expr | None, default: str | None) -> Parameter:
    return Parameter("" if annotation is None else ast.unparse(annotation), default)
