"""What the heads of experiments' files say: the command that makes the data that an experiment trains on.

It does not know whether the data that such a command needs are there.
"""

from __future__ import annotations

import os
import re

from project.build.compose import CONF

PREPARE = re.compile(r"^#   (scansion prepare .*?)(?:\s{2,}.*)?$", flags=re.M)  # what is behind two spaces is a remark


def command_for(folder: str) -> str | None:
    """The command that makes a folder of manifests, if an experiment's head tells it."""
    wanted = f"out={os.path.relpath(folder)}"
    for file in sorted((CONF / "experiment").rglob("*.yaml")):
        for command in PREPARE.findall(file.read_text(encoding="utf-8")):
            if wanted in command.split():
                return str(command)
    return None
