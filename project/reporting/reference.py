"""The configuration reference: every verb, every group of conf, every choice and every key, as the files say it now.

Comments and defaults come from conf, types from the constructors, what parts give each other from the composition root.
Nothing is composed or imported, so the whole page takes a moment.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from project.build.assemble import OFFERS
from project.build.compose import CONF, groups, options
from project.contract import Config
from project.reporting.commented import Choice, Key, read
from project.reporting.parameters import Parameter, parameters_of
from project.reporting.writing import publish

VERBS = ("prepare", "train", "evaluate", "report", "transcribe", "bench")
LISTED = ("experiment", "sweep", "evaluation")  # whole experiments and claims: what each is, without its keys
LONGEST = 80  # of a default in a table
PLAIN = str.maketrans("", "", "' ")  # of a list of choices, as one would write it
YAML_WORDS = {"None": "null", "True": "true", "False": "false", "()": "[]"}


def act(config: Config) -> int:
    """Write the page."""
    return publish("reference", config["out"], page)


def page() -> str:
    """The whole page."""
    verbs = [verb for verb in [*VERBS, *sorted(verbs_of_conf() - set(VERBS))] if (CONF / f"{verb}.yaml").is_file()]
    lines = [
        "---",
        "tocdepth: 2",
        "---",
        "# Configuration reference",
        "",
        "Made of `conf` and the code by `scansion report action=reference out=docs/reference.md`.",
        "",
        "`group=choice` chooses a file of `conf/<group>`, `group.key=value` changes a key of what is chosen. `???`",
        "must be set, `null` is nothing. What is really composed shows `scansion train ... --cfg job`.",
        "",
    ]
    for verb in verbs:
        lines += verb_section(verb)
    for group in groups_of_conf(verbs):
        lines += group_section(group, verbs)
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)) + "\n"


def verbs_of_conf() -> set[str]:
    """The verbs that conf has a file for."""
    return {file.stem for file in CONF.glob("*.yaml")} - {"shell"}


def groups_of_conf(verbs: list[str]) -> list[str]:
    """All groups: those of the verbs' defaults lists in their order, then those chosen inside others."""
    named = [group for verb in ("train", *verbs) for group in groups(verb) if (CONF / group).is_dir()]
    found = sorted(entry.name for entry in CONF.iterdir() if entry.is_dir())
    return list(dict.fromkeys([*named, *found]))


def verb_section(verb: str) -> Iterator[str]:
    """What a verb chooses unless it is told otherwise, and its own keys."""
    choice = read(CONF / f"{verb}.yaml")
    yield from (f"## scansion {verb}", "", sentence(choice.said), "")
    if choice.inner:
        yield from ("| group | chosen | is |", "|---|---|---|")
        for entry, name in choice.inner:
            group, shown = entry.removeprefix("optional "), "null" if name == "None" else name.translate(PLAIN)
            yield f"| `{group}` | `{shown}` | {escaped(comment_in(verb, group))} |"
        yield ""
    chosen = {group for group in groups(verb) if (CONF / group).is_dir()}
    yield from table([key for key in choice.keys if key.comment or key.name not in chosen], "")


def group_section(group: str, verbs: list[str]) -> Iterator[str]:
    """A group: who asks for it, what its parts are given by others, and its choices."""
    yield from (f"## {group}", "")
    askers = [f"`{verb}`" for verb in verbs if group in groups(verb)]
    comment = next((found for verb in verbs if (found := comment_in(verb, group))), "")
    asked = f"Chosen in {', '.join(askers)}." if askers else "Chosen inside other choices, see there."
    offered = ", ".join(f"`{name}`" for name in OFFERS.get(group, ()))
    given = f" Constructors may name {offered}: other parts give them." if offered else ""
    yield from (f"{sentence(comment)} {asked}{given}".strip(), "")
    if group in LISTED:
        yield from (f"| `{group}=` | is |", "|---|---|")
        yield from (f"| `{name}` | {escaped(read(CONF / group / f'{name}.yaml').said)} |" for name in options(group))
        yield ""
        return
    for name in options(group):
        yield from choice_section(group, name)


def choice_section(group: str, name: str) -> Iterator[str]:
    """A choice and its keys."""
    choice = read(CONF / group / f"{name}.yaml")
    folder, _, last = name.rpartition("/")
    yield from (f"### {group}{'/' + folder if folder else ''}={last}", "", sentence(choice.said), "")
    if choice.more:
        yield from (escaped(choice.more), "")
    own = next((key for key in choice.keys if key.name == group and key.target), None)  # of @package _global_
    target = own.target if own else choice.target
    facts = [f"`{target}`"] if target else []
    facts += [f"like `{group}={base}`, but for what stands here" for base in choice.bases]
    places = [(inner.partition("@"), value) for inner, value in choice.inner if "@" in inner and value != "None"]
    facts += [f"with `{group}/{inner}={value}` as its `{place}`" for (inner, _, place), value in places]
    if facts:
        yield from (f"{'; '.join(facts)}.", "")
    keys = [key for key in choice.keys if own is None or key.name.partition(".")[0] != group]
    yield from table(keys, "" if own or folder else f"{group}.", group, choice)


def inherited(group: str, choice: Choice) -> dict[str, tuple[str, Parameter | None]]:
    """What the choices that it begins with say of their keys: comment and type by name."""
    found: dict[str, tuple[str, Parameter | None]] = {}
    for base in choice.bases:
        file = CONF / group / f"{base.lstrip('/').removeprefix(f'{group}/')}.yaml"
        if file.is_file():
            origin = read(file)
            found |= inherited(group, origin)
            types = types_of(origin.keys, origin.target)
            found |= {key.name: (key.comment, types.get(key.name)) for key in origin.keys}
    return found


def types_of(keys: Sequence[Key], target: str | None) -> dict[str, Parameter]:
    """Each key's parameter in the constructor that takes it."""
    owners = {key.name: key.target for key in keys if key.target}
    found = {}
    for key in keys:
        parent, _, last = key.name.rpartition(".")
        owner = owners.get(parent) if parent else target
        if owner and last in (parameters := parameters_of(owner)):
            found[key.name] = parameters[last]
    return found


def table(keys: Sequence[Key], prefix: str, group: str = "", choice: Choice | None = None) -> Iterator[str]:
    """Keys as a table, with those that only the code knows; nothing where there are none."""
    known = inherited(group, choice) if choice else {}
    target = choice.target if choice else None
    types = types_of(keys, target)
    rows = []
    for key in keys:
        comment, kind = known.get(key.name, ("", None))
        kind = types.get(key.name, kind)
        default = key.default or (key.target or "").rpartition(".")[2]
        rows.append((key.name, default, kind.kind if kind else "", key.comment or comment))
    if target and not known:
        spoken = {key.name for key in keys} | set(OFFERS.get(group, ()))
        for name, parameter in parameters_of(target).items():
            if name not in spoken and parameter.default is not None and parameter.kind:
                default = YAML_WORDS.get(parameter.default, parameter.default)
                rows.append((name, default, parameter.kind, "not in the file: the default of the code"))
    if rows:
        yield from ("| key | default | takes | is |", "|---|---|---|---|")
        for name, default, kind_text, comment in rows:
            value = f"`{short(default)}`".replace("|", "\\|") if default else ""
            yield f"| `{prefix}{name}` | {value} | {kind_text} | {escaped(comment)} |"
        yield ""


def comment_in(verb: str, group: str) -> str:
    """What a verb's defaults list says of a group."""
    text = (CONF / f"{verb}.yaml").read_text(encoding="utf-8")
    match = re.search(rf"^  - (?:optional )?{group}:[^#\n]*#\s*(.*)$", text, flags=re.M)
    return match[1] if match else ""


def sentence(text: str) -> str:
    """A comment as a sentence."""
    text = escaped(text.strip().rstrip("."))
    return f"{text[:1].upper()}{text[1:]}." if text else ""


def escaped(text: str) -> str:
    """A comment that Markdown leaves as it is, also in a table; what stands between backticks is code, and is left.

    >>> escaped("a | b, <name>, `x_*`")
    'a \\\\| b, \\\\<name\\\\>, `x_*`'
    """
    parts = text.split("`")
    return "`".join(re.sub(r"([|<>*_])", r"\\\1", part) if n % 2 == 0 else part for n, part in enumerate(parts))


def short(text: str) -> str:
    """A default that is not too long to show."""
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 4]} ..."
