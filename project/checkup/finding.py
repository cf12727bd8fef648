"""One thing that was looked at: how it stands, what was found, the remedy. Nothing of it is personal once scrubbed."""

from __future__ import annotations

import getpass
import re
import socket
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

State = Literal["ok", "absent", "warning", "problem"]  # absent: not there, and nobody said that it is needed
PATH = re.compile(r"(?<![\w.:/])~?(?:/[^\s/:'\",;()]+)+/([^\s/:'\",;()]+)")
SHORTEST_NAME = 3  # of people and machines that are taken out wherever they stand


@dataclass(frozen=True, slots=True)
class Finding:
    """A line of the table."""

    part: str  # what `need` calls it by
    state: State
    found: str
    remedy: str = ""

    def needed(self, names: Sequence[str]) -> Finding:
        """The same where it must work: what is not as it should be is a problem then."""
        return replace(self, state="problem") if self.part in names and self.state != "ok" else self

    def to_json(self) -> dict[str, str]:
        """Plain data without names of people, machines and folders."""
        return {"part": self.part, "state": self.state, "found": scrub(self.found), "remedy": scrub(self.remedy)}


def scrub(text: str) -> str:
    """A text without what tells who wrote it and where: of paths only their last part is left.

    >>> scrub("OSError: /home/ada/.venv/lib/libtorch.so: cannot open"), scrub("runs/: 3 of 9 GB")
    ('OSError: .../libtorch.so: cannot open', 'runs/: 3 of 9 GB')
    """
    home = Path.home()
    for name in (str(home), home.name, _user(), socket.gethostname()):
        if len(name) >= SHORTEST_NAME:
            text = re.sub(rf"(?<!\w){re.escape(name)}(?!\w)", "...", text)
    return PATH.sub(r".../\1", text)


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # no such user in this container
        return ""
