"""A W&B server for tests, on this machine: it answers what a run asks, says nothing at all, or dies."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest


class Server:
    """Remembers what it is asked and sent. `is_mute`: it takes questions and never answers."""

    def __init__(self) -> None:
        self.is_mute = False
        self.asked: list[tuple[str, dict[str, Any]]] = []  # GraphQL: name and variables
        self.history: list[dict[str, Any]] = []
        self._silence = threading.Event()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                if outer.is_mute:
                    outer._silence.wait(60)
                    return
                answer = json.dumps(outer._answer(self.path, content)).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            do_GET = do_PUT = do_POST

            def log_message(self, *args: Any) -> None:
                """Nothing."""

        class Quiet(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *args: Any) -> None:
                """A client that leaves is none of ours."""

        self._server = Quiet(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def die(self) -> None:
        self._silence.set()
        self._server.shutdown()
        self._server.server_close()

    def _answer(self, path: str, content: bytes) -> dict[str, Any]:
        if path.endswith("/file_stream"):
            rows = json.loads(content).get("files", {}).get("wandb-history.jsonl", {}).get("content", [])
            self.history += [json.loads(row) for row in rows]
            return {"exitcode": None, "limits": {}}
        if not path.endswith("/graphql"):
            return {}
        question = json.loads(content)
        name, variables = str(question.get("operationName")), question.get("variables") or {}
        self.asked.append((name, variables))
        project = {"id": "p", "name": "scansion", "entity": {"id": "e", "name": "me"}}
        bucket = {"id": "b", "name": variables.get("name"), "displayName": "n", "config": "{}", "historyLineCount": 0}
        files = [{"name": name, "uploadUrl": f"{self.url}/storage/{name}"} for name in variables.get("files", [])]
        answers: dict[str, Any] = {
            "RunResumeStatus": {"model": {**project, "bucket": None}},
            "UpsertBucket": {"upsertBucket": {"bucket": {**bucket, "project": project}, "inserted": True}},
            "CreateRunFiles": {"createRunFiles": {"runID": "b", "uploadHeaders": [], "files": files}},
        }
        return {"data": answers.get(name, {})}


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """A server, and an account on it. W&B reads where its server is when its own process starts."""
    wandb = pytest.importorskip("wandb", reason="the extra `wandb` is not installed")
    one = Server()
    wandb.teardown()
    monkeypatch.delenv("WANDB_MODE")
    monkeypatch.setenv("WANDB_BASE_URL", one.url)
    monkeypatch.setenv("WANDB_API_KEY", "0" * 40)
    yield one
    one.die()
    wandb.teardown()


Read = Callable[[Path], list[dict[str, Any]]]


@pytest.fixture(scope="session")
def read() -> Read:
    """What W&B itself reads in the log of a run: its records."""

    def records(folder: Path) -> list[dict[str, Any]]:
        command = [sys.executable, "-m", "wandb", "leet", "inspect", "--json", str(folder)]
        told = subprocess.run(command, capture_output=True, text=True, check=True)
        return [json.loads(line) for line in told.stdout.splitlines()]

    return records
