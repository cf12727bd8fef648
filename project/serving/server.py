"""Gives one page to browsers on this machine, and nothing else: no files, no uploads, no other address.

Sound never comes here: the page recognizes by itself.
"""

from __future__ import annotations

import errno
import re
import socket
import sys
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, final

from project.contract import InputError

LOOPBACK = ("127.0.0.1", "localhost", "::1")
_HERE = (*LOOPBACK, "0.0.0.0", "::")  # noqa: S104 - a browser on this machine gets there by localhost
_PATIENCE_SECONDS = 20.0  # for a browser that asks slowly


@final
class PageServer:
    """Listens from the beginning on; `port` 0 takes a free one."""

    def __init__(self, page: str, host: str = "127.0.0.1", port: int = 8000) -> None:
        content = page.encode()
        allowed = None if host not in LOOPBACK else LOOPBACK

        class Answer(_Answer):
            page, hosts = content, allowed

        try:
            self._server = _Listener(host, port, Answer)
        except OverflowError:
            raise InputError(f"port={port}: give a number from 0 to 65535") from None
        except OSError as error:
            if isinstance(error, socket.gaierror) or error.errno == errno.EADDRNOTAVAIL:
                raise InputError(f"host={host}: {error.strerror}: give an address of this machine") from None
            raise InputError(f"port={port}: {error.strerror} at {host}: set port=0 for any free one") from None
        name = "localhost" if host in _HERE else f"[{host}]" if ":" in host else host
        self.url = f"http://{name}:{self._server.server_address[1]}/"

    def run(self) -> None:
        """Answer until interrupted."""
        try:
            self._server.serve_forever(poll_interval=0.2)
        finally:
            self._server.server_close()

    def stop(self) -> None:
        """End `run`, from another thread."""
        self._server.shutdown()


class _Listener(ThreadingHTTPServer):
    """A thread for each browser, none of which holds up the end."""

    daemon_threads = True

    def __init__(self, host: str, port: int, answer: type[BaseHTTPRequestHandler]) -> None:
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        super().__init__((host, port), answer)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Nothing of a browser that went away, or slept, in the middle."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)


class _Answer(BaseHTTPRequestHandler):
    """One connection: the page to who asks for it, a short no to everything else."""

    page: bytes
    hosts: tuple[str, ...] | None  # by which names the page may be asked for; None: by any
    timeout = _PATIENCE_SECONDS
    protocol_version = "HTTP/1.1"
    server_version, sys_version = "scansion", ""

    def do_GET(self) -> None:
        self._answer(is_whole=True)

    def do_HEAD(self) -> None:
        self._answer(is_whole=False)

    def _answer(self, *, is_whole: bool) -> None:
        named = re.fullmatch(r"(\[[^\]]*\]|[^:]*)(:\d*)?", self.headers.get("Host", ""))
        host = named[1].strip("[]").lower() if named else ""
        if self.hosts is not None and host not in self.hosts:  # another site's name that leads here
            self._refuse(HTTPStatus.FORBIDDEN, is_whole=is_whole)
        elif self.path.partition("?")[0] != "/":
            self._refuse(HTTPStatus.NOT_FOUND, is_whole=is_whole)
        else:
            self._send(HTTPStatus.OK, "text/html; charset=utf-8", self.page, is_whole=is_whole)

    def _refuse(self, status: HTTPStatus, *, is_whole: bool) -> None:
        self._send(status, "text/plain; charset=utf-8", f"{status.phrase}\n".encode(), is_whole=is_whole)

    def _send(self, status: HTTPStatus, kind: str, content: bytes, *, is_whole: bool) -> None:
        self.send_response(status)
        for name, value in {
            "Content-Type": kind,
            "Content-Length": str(len(content)),
            "Cache-Control": "no-store",
            "X-Content-Type-Options": "nosniff",
            "X-Frame-Options": "DENY",
            "Referrer-Policy": "no-referrer",
        }.items():
            self.send_header(name, value)
        self.end_headers()
        if is_whole:
            self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: who asked for what is of no use here."""
