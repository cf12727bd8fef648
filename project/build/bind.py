"""From a node of configuration to the object it describes: `_target_` is the registration.

Only targets below ALLOWED are imported, also when the configuration came with a run folder: a node may name a class of
scansion or of the libraries it is built on, and nothing else. Keys are bound to the constructor's signature, and plain
values checked against its annotations, before anything is built.
"""

from __future__ import annotations

import difflib
import functools
import importlib
import inspect
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, Union

from project.contract import InputError

ALLOWED = ("project.", "torch.", "lightning.", "torchmetrics.", "transformers.")
REFUSED = ("torch.load", "torch.hub.", "torch.serialization.", "torch.package.", "torch.utils.cpp_extension.")
REFUSED_NAMES = {"load", "loads", "eval", "exec", "system", "popen", "check_call", "load_from_checkpoint"}


def is_object(node: Any) -> bool:
    """Whether a node describes an object.

    >>> is_object({"_target_": "project.decode.greedy.Greedy"}), is_object({"lr": 0.1})
    (True, False)
    """
    return isinstance(node, Mapping) and "_target_" in node


def resolve(target: Any, path: str) -> Callable[..., Any]:
    """The class or function a `_target_` names."""
    if not isinstance(target, str):
        raise InputError(f"{path}._target_: {target!r} is not a dotted name: write the class's full import path")
    last = target.rpartition(".")[2]
    if not target.startswith(ALLOWED) or target.startswith(REFUSED) or last in REFUSED_NAMES or "._" in target:
        prefixes = " ".join(ALLOWED)
        raise InputError(f"{path}._target_: {target} is refused: targets must start with one of: {prefixes}")
    module_name: str = target
    parts: list[str] = []
    while True:
        module_name, _, name = module_name.rpartition(".")
        parts.insert(0, name)
        if not module_name:
            raise InputError(f"{path}._target_: {target} cannot be imported: check the dotted name")
        try:
            found: Any = importlib.import_module(module_name)
        except ModuleNotFoundError as error:
            if error.name is not None and not target.startswith(error.name):
                raise InputError(f"{path}._target_: {target} needs the package {error.name}: install it") from error
            continue
        return _walk(found, parts, target, path)


def _walk(found: Any, parts: list[str], target: str, path: str) -> Callable[..., Any]:
    for name in parts:
        if not hasattr(found, name):
            near = difflib.get_close_matches(name, dir(found), n=1)
            hint = f"did you mean {near[0]}?" if near else "check the dotted name"
            raise InputError(f"{path}._target_: {target} does not exist: {hint}")
        found = getattr(found, name)
    if isinstance(found, types.ModuleType) or not callable(found):
        raise InputError(f"{path}._target_: {target} is not a class or function: name one")
    home = str(getattr(found, "__module__", ""))  # not only the way there: torch.os.system is not torch's
    if not f"{home}.".startswith(ALLOWED):
        raise InputError(f"{path}._target_: {target} is refused: it belongs to {home}")
    return typing.cast(Callable[..., Any], found)


def check(node: Any, path: str, offers: Sequence[str] = ()) -> int:
    """Bind every object below a node to its signature without building; the number of objects found.

    `offers` are the constructor arguments that other parts decide and the composition root hands in.
    """
    if isinstance(node, Mapping):
        count = sum(check(value, f"{path}.{key}" if path else str(key), offers) for key, value in node.items())
        if is_object(node):
            _bind(node, path, offers)
            count += 1
        return count
    if isinstance(node, list | tuple):
        return sum(check(value, f"{path}[{index}]", offers) for index, value in enumerate(node))
    return 0


def make(node: Any, path: str, **offers: Any) -> Any:
    """Build what a node describes: objects, lists and mappings of them, or plain values as they are."""
    if isinstance(node, Mapping):
        if not is_object(node):
            return {key: make(value, f"{path}.{key}", **_below(offers, str(key))) for key, value in node.items()}
        target = _bind(node, path, tuple(offers))
        keys = [key for key in node if key not in {"_target_", "_partial_"}]
        arguments = {str(key): make(node[key], f"{path}.{key}", **_below(offers, str(key))) for key in keys}
        named = set(_parameters(target)) - set(arguments)
        arguments |= {name: value for name, value in offers.items() if name in named}
        return functools.partial(target, **arguments) if node.get("_partial_") else target(**arguments)
    if isinstance(node, list | tuple):
        return [make(value, f"{path}[{index}]", **offers) for index, value in enumerate(node)]
    return node


def _below(offers: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    """What is offered to a part: of an architecture that tells parts by name, that part's own."""
    architecture = offers.get("architecture")
    own = architecture.get(key) if isinstance(architecture, Mapping) else None
    return {**offers, "architecture": own} if isinstance(own, Mapping) else offers


def _bind(node: Mapping[str, Any], path: str, offers: Sequence[str]) -> Callable[..., Any]:
    target = resolve(node["_target_"], path)
    parameters = _parameters(target)
    given = {str(key): value for key, value in node.items() if key not in {"_target_", "_partial_", "_convert_"}}
    open_ended = next((name for name, p in parameters.items() if p.kind is p.VAR_KEYWORD), None)
    names = [name for name, p in parameters.items() if p.kind not in {p.VAR_KEYWORD, p.VAR_POSITIONAL}]
    for key, value in given.items():
        if key not in names and open_ended is None:
            near = difflib.get_close_matches(key, names, n=1)
            hint = f"did you mean {near[0]}?" if near else f"it takes: {', '.join(names)}"
            raise InputError(f"{path}.{key}: {node['_target_']} takes no such key: {hint}")
        if value == "???":
            raise InputError(f"{path}.{key} is missing: set it, for instance {path}.{key}=... on the command line")
    if not node.get("_partial_"):
        required = [name for name in names if parameters[name].default is inspect.Parameter.empty]
        for name in required:
            if name not in given and name not in offers:
                raise InputError(f"{path}.{name}: {node['_target_']} needs it and it is not set: set {path}.{name}=...")
    hints = _hints(target)
    for key, value in given.items():
        hint = hints.get(key if key in names else str(open_ended), Any)  # **weights: float is meant of each weight
        if not fits(value, hint):
            wanted = _spell(hint)
            raise InputError(f"{path}.{key}: {value!r} is not {wanted}: give {wanted}")
    return target


@functools.cache
def _parameters(target: Callable[..., Any]) -> dict[str, inspect.Parameter]:
    try:
        return dict(inspect.signature(target).parameters)
    except ValueError:  # built in, without a signature to read: it takes what it takes
        return {"options": inspect.Parameter("options", inspect.Parameter.VAR_KEYWORD)}


@functools.cache
def _hints(target: Callable[..., Any]) -> dict[str, Any]:
    """Annotations of the parameters; where a library has none, or they cannot be resolved, nothing is claimed."""
    function = target.__init__ if inspect.isclass(target) else target
    try:
        return typing.get_type_hints(inspect.unwrap(function))
    except (NameError, TypeError, AttributeError):
        return {}


def fits(value: Any, hint: Any) -> bool:  # one line for each form of annotation
    """Whether a plain value of a YAML file is of an annotated type; what it cannot judge fits.

    >>> fits("abc", float), fits(1, float), fits(True, int), fits([1], list[int]), fits(None, str | None)
    (False, True, False, True, True)
    """
    if hint is Any or is_object(value) or isinstance(hint, typing.TypeVar):
        return True
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in {Union, types.UnionType}:
        return any(fits(value, argument) for argument in arguments)
    if origin is Literal:
        return value in arguments
    if hint is None or hint is type(None):
        return value is None
    if hint is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    if hint is int:
        return isinstance(value, int) and not isinstance(value, bool)
    if hint in {str, bool, dict}:
        return isinstance(value, hint)
    if hint is Path:
        return isinstance(value, str)
    kind = origin or hint
    if not inspect.isclass(kind):
        return True
    if issubclass(kind, Mapping):
        inner = arguments[1] if len(arguments) == 2 else Any
        return isinstance(value, Mapping) and all(fits(v, inner) for v in value.values())
    if issubclass(kind, Sequence):
        return isinstance(value, list | tuple) and (
            not arguments or kind is tuple or all(fits(v, arguments[0]) for v in value)
        )
    # An object is wanted: a list or a word in its place is a mistake, a mapping of objects may be one.
    return not isinstance(value, str | int | float | bool) or kind.__name__ in {"object", "device", "dtype"}


def _spell(hint: Any) -> str:
    """An annotation in words.

    >>> _spell(float), _spell(int | None), _spell(Literal["min", "max"])
    ('a number', 'a whole number or null', 'min or max')
    """
    words = {float: "a number", int: "a whole number", str: "text", bool: "true or false", type(None): "null"}
    if hint in words:
        return words[hint]
    origin = typing.get_origin(hint)
    if origin in {Union, types.UnionType}:
        return " or ".join(_spell(argument) for argument in typing.get_args(hint))
    if origin is Literal:
        return " or ".join(str(argument) for argument in typing.get_args(hint))
    if inspect.isclass(origin or hint) and issubclass(origin or hint, Mapping):
        return "a mapping"
    if inspect.isclass(origin or hint) and issubclass(origin or hint, Sequence):
        return "a list"
    return str(getattr(hint, "__name__", hint))
