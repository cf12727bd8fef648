"""scansion serve: a page on this machine in which a run hears what one drops, says or keys, and shows what it heard."""

from __future__ import annotations

import sys
import tempfile
import threading
import webbrowser
from pathlib import Path

from project import stop
from project.build.app import app
from project.build.bind import fits, is_object
from project.contract import Config, InputError
from project.run import Run


def serve(config: Config, words: list[str]) -> int:
    """Make the page and give it to browsers until Ctrl-C."""
    check_request(config)
    page = page_for(config)
    from project.serving.server import LOOPBACK, PageServer

    server = PageServer(page, config["host"], config["port"])
    print(server.url, flush=True)
    if config["host"] not in LOOPBACK:
        print("seen by other machines; browsers give them no microphone without HTTPS", file=sys.stderr)
    print("Ctrl-C ends it", file=sys.stderr)
    if sys.stdout.isatty() if config["open"] is None else config["open"]:
        # Beside the server: some browsers are programs of the terminal, which wait for its answer.
        threading.Thread(target=webbrowser.open, args=(server.url,), daemon=True).start()
    try:
        server.run()
    except KeyboardInterrupt:
        stop.ignore()
        print(file=sys.stderr)
    return 0


def check_request(config: Config) -> None:
    """Refuse what cannot be asked for, before anything is done."""
    if not fits(config["port"], int) or not 0 <= config["port"] <= 65535:
        raise InputError(f"port={config['port']}: give a number from 0 to 65535")
    if not fits(config["host"], str) or not config["host"]:
        raise InputError(f"host={config['host']}: give 127.0.0.1, or another address of this machine")
    if not fits(config["open"], bool | None):
        raise InputError(f"open={config['open']}: give true, false or null")
    if not fits(config["examples"], int) or config["examples"] < 0:
        raise InputError(f"examples={config['examples']}: give a number of recordings from 0 on")
    most = config["max_samples"]
    if not fits(most, int | None) or (most is not None and most < 1):
        raise InputError(f"max_samples: {most!r} is no whole number from 1 on: give one, or null")
    if config["decode"] is not None and not is_object(config["decode"]):
        raise InputError("decode: it names no decoder: write decode=beam decode.size=10")


def page_for(config: Config) -> str:
    """The page of a run, a package or an ONNX file."""
    from project.serving.making import make_page
    from project.serving.page_file import page_of

    name = str(config["run"])
    if name.endswith(".onnx"):
        if config["decode"] is not None:
            raise InputError(f"decode: {name} is decoded as it was exported: leave it out")
        return page_of(Path(name))
    run = Run.open(name)
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "page.html"
        for line in make_page(run, config, out, config["examples"]):
            print(line, file=sys.stderr, flush=True)
        return out.read_text(encoding="utf-8")


main = app("serve", serve)

if __name__ == "__main__":
    main()
