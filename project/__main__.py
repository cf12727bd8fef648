"""The command `scansion` as a shell starts it: Ctrl-C ends it in one line and with exit code 130, from the first moment
on. All else is project.cli's, which is imported under this watch, as every verb and every library is.
"""

from __future__ import annotations

import sys

from project import stop


def main() -> None:
    """Answer this process's command line and exit."""
    stop.watch()
    try:
        from project import cli

        cli.main()
    except KeyboardInterrupt:
        stop.ignore()
        print(f"scansion: {stop.TOLD}", file=sys.stderr)
        sys.exit(stop.CODE)
    except BrokenPipeError:  # of help, read by a pager or head
        stop.hush()
    finally:
        stop.unwatch()  # while the process ends: nothing is left to be told


if __name__ == "__main__":
    main()
