"""A real browser: headless Chromium, driven over its own DevTools protocol through a pair of pipes.

No driver package and no port is needed: `--remote-debugging-pipe` speaks JSON on file descriptors 3 and 4.
"""

from __future__ import annotations

import base64
import fcntl
import json
import os
import select
import shutil
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from project.contract import InputError

PATIENCE_SECONDS = 60.0
OPTIONS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--mute-audio", "--no-first-run",
    "--autoplay-policy=no-user-gesture-required", "--remote-debugging-pipe",
)  # fmt: skip

INSIDE = ("file:", "data:", "blob:")  # addresses that ask no network


class Browser:
    """One page of a headless browser, and all that it complained about."""

    def __init__(self, profile: Path, options: Sequence[str] = ()) -> None:
        """`profile`: an empty folder for what the browser keeps."""
        (asked, ask), (answer, answered) = os.pipe(), os.pipe()
        # Clear of 3 and 4, where the browser will look for them.
        theirs = [fcntl.fcntl(handle, fcntl.F_DUPFD_CLOEXEC, 16) for handle in (asked, answered)]
        null = str(os.devnull)
        self._process = os.posix_spawn(
            path := program(),
            [path, *OPTIONS, *options, f"--user-data-dir={profile}", "about:blank"],
            os.environ,
            file_actions=[
                (os.POSIX_SPAWN_DUP2, theirs[0], 3),
                (os.POSIX_SPAWN_DUP2, theirs[1], 4),
                (os.POSIX_SPAWN_OPEN, 1, null, os.O_WRONLY, 0),
                (os.POSIX_SPAWN_OPEN, 2, null, os.O_WRONLY, 0),
            ],
        )
        for handle in (asked, answered, *theirs):
            os.close(handle)
        self._ask, self._answer, self._rest, self._number = ask, answer, b"", 0
        self._session: str | None = None
        self.complaints: list[str] = []
        self._loaded = False
        pages = self.call("Target.getTargets")["targetInfos"]
        target = next(page["targetId"] for page in pages if page["type"] == "page")
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **parameters: Any) -> Any:
        """One command and its answer."""
        self._number += 1
        command: dict[str, Any] = {"id": self._number, "method": method, "params": parameters}
        if self._session:
            command["sessionId"] = self._session
        left = json.dumps(command).encode() + b"\0"
        while left:
            left = left[os.write(self._ask, left) :]
        while True:
            message = self._next()
            if message.get("id") == self._number:
                assert "error" not in message, message
                return message["result"]

    def open(self, page: Path | str, scheme: str = "light", width: int = 1200) -> None:
        """Show a file, or what is at an address, and forget earlier complaints."""
        self.complaints.clear()
        self._loaded = False
        self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=False)
        self.call("Page.navigate", url=page if isinstance(page, str) else page.as_uri())
        while not self._loaded:
            self._next()

    def run(self, script: str) -> Any:
        """The value of a JavaScript expression; a promise is waited for."""
        found = self.call(
            "Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True, userGesture=True
        )
        assert "exceptionDetails" not in found, found["exceptionDetails"]
        return found["result"].get("value")

    def wait(self, script: str, seconds: float = PATIENCE_SECONDS) -> None:
        """Until an expression is true."""
        until = time.monotonic() + seconds
        while not self.run(script):
            assert time.monotonic() < until, f"it never came: {script}"
            time.sleep(0.05)

    def give(self, selector: str, files: Sequence[Path]) -> None:
        """Files are chosen in a field for files."""
        root = self.call("DOM.getDocument")["root"]["nodeId"]
        node = self.call("DOM.querySelector", nodeId=root, selector=selector)["nodeId"]
        self.call("DOM.setFileInputFiles", files=[str(file.absolute()) for file in files], nodeId=node)

    def press(self, key: str, code: int) -> None:
        """A key goes down and up, as on a keyboard."""
        text = {"text": "\r"} if key == "Enter" else {"text": " "} if key == " " else {}
        for kind in ("keyDown", "keyUp"):
            extra = text if kind == "keyDown" else {}
            self.call("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=code, **extra)

    def picture(self) -> bytes:
        """The whole page as PNG."""
        found = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=True)
        return base64.b64decode(found["data"])

    def close(self) -> None:
        """End the browser and wait for it."""
        self._session = None
        self.call("Browser.close")
        os.waitpid(self._process, 0)
        os.close(self._ask)
        os.close(self._answer)

    def _next(self) -> dict[str, Any]:
        until = time.monotonic() + PATIENCE_SECONDS
        while b"\0" not in self._rest:
            ready, _, _ = select.select([self._answer], [], [], max(0.0, until - time.monotonic()))
            assert ready, "the browser says nothing"
            part = os.read(self._answer, 1 << 20)
            assert part, "the browser has gone"
            self._rest += part
        line, self._rest = self._rest.split(b"\0", 1)
        message: dict[str, Any] = json.loads(line)
        self._note(message.get("method", ""), message.get("params", {}))
        return message

    def _note(self, method: str, event: dict[str, Any]) -> None:
        if method == "Page.loadEventFired":
            self._loaded = True
        elif method == "Runtime.exceptionThrown":
            self.complaints.append(str(event["exceptionDetails"]))
        elif method == "Runtime.consoleAPICalled":
            self.complaints.append(str(event["args"]))
        elif method == "Log.entryAdded":
            self.complaints.append(event["entry"]["text"])
        elif method == "Network.requestWillBeSent" and not event["request"]["url"].startswith(INSIDE):
            self.complaints.append(f"asks for {event['request']['url']}")


def program() -> str:
    """Where the browser is."""
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if found is None:
        raise InputError("no Chromium on this machine: apt install chromium")
    return found
