"""scansion from a notebook: a command line as a function call, in the notebook's own process.

Nothing is imported twice, so a command takes a second instead of ten. It knows no verb by itself: it hands the words to
the command `scansion`, and what that says while it works is shown as in a terminal.
"""

from __future__ import annotations

import contextlib
import io
import shlex
import sys

from project import cli
from project.contract import WorkError


def scansion(line: str) -> list[str]:
    """Do what a command line says; the lines that it would print on standard output.

    Of `train` the last is the run's folder, of `evaluate` that of its Report, of `report` the page.
    """
    before, told = sys.argv, io.StringIO()
    try:
        with contextlib.redirect_stdout(told):
            cli.main(shlex.split(line))
    except SystemExit as end:
        if end.code:
            raise WorkError(f"scansion {line}: exit code {end.code}, and why stands above") from None
    finally:
        sys.argv = before
    return told.getvalue().splitlines()
