"""One page for this machine: what the server gives, and what it does not."""

from __future__ import annotations

import http.client
import socket
import threading
import time
from collections.abc import Iterator

import pytest

from project.contract import InputError
from project.serving.server import PageServer


@pytest.fixture
def server() -> Iterator[PageServer]:
    one = PageServer("<p>å</p>", port=0)
    thread = threading.Thread(target=one.run)
    thread.start()
    yield one
    one.stop()
    thread.join(10)
    assert not thread.is_alive()


def port_of(server: PageServer) -> int:
    return int(server.url.rstrip("/").rpartition(":")[2])


def asked(server: PageServer, method: str = "GET", path: str = "/", **heads: str) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port_of(server), timeout=10)
    connection.request(method, path, headers=heads)
    answer = connection.getresponse()
    found = answer.status, answer.read()
    assert answer.getheader("X-Content-Type-Options") == "nosniff" or answer.status == 501
    connection.close()
    return found


def test_the_page_and_nothing_else(server: PageServer) -> None:
    assert asked(server) == (200, "<p>å</p>".encode())
    assert asked(server, path="/?again=1")[0] == 200
    assert asked(server, "HEAD") == (200, b"")
    for path in ("/etc/passwd", "/../pyproject.toml", "/page.css"):
        assert asked(server, path=path)[0] == 404
    for method in ("POST", "PUT", "DELETE"):
        assert asked(server, method)[0] == 501


def test_other_names_do_not_lead_to_it(server: PageServer) -> None:
    """A site that resolves its own name to this machine reads nothing."""
    assert asked(server, Host="rebinding.example")[0] == 403
    assert asked(server, Host=f"rebinding.example:{port_of(server)}")[0] == 403
    assert asked(server, Host="")[0] == 403
    assert asked(server, Host="[::1")[0] == 403
    for name in ("localhost", "LocalHost", "127.0.0.1", "[::1]"):
        assert asked(server, Host=f"{name}:{port_of(server)}")[0] == 200
        assert asked(server, Host=name)[0] == 200


def test_it_listens_to_this_machine_alone(server: PageServer) -> None:
    assert server._server.server_address[0] == "127.0.0.1"
    assert server.url.startswith("http://localhost:")


def test_nonsense_does_not_stop_it(server: PageServer) -> None:
    for nonsense in (b"\x00\xff\r\n\r\n", b"GET " + b"a" * 70_000 + b" HTTP/1.1\r\n\r\n"):
        with socket.create_connection(("127.0.0.1", port_of(server)), timeout=10) as connection:
            connection.sendall(nonsense)
            assert connection.recv(64).startswith((b"HTTP/1.1 4", b"<!DOCTYPE"))
    assert asked(server)[0] == 200


@pytest.mark.long
def test_a_browser_that_goes_away_is_not_told_of(capfd: pytest.CaptureFixture[str]) -> None:
    one = PageServer("a" * 50_000_000, port=0)
    thread = threading.Thread(target=one.run)
    thread.start()
    with socket.create_connection(("127.0.0.1", port_of(one)), timeout=10) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert connection.recv(100).startswith(b"HTTP/1.1 200")
    for _ in range(100):  # until its thread has found out
        if threading.active_count() <= 2:
            break
        time.sleep(0.05)
    one.stop()
    thread.join(10)
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("host", ["nothing.invalid", "192.0.2.1"])
def test_an_address_of_nobody_here(host: str) -> None:
    with pytest.raises(InputError, match=rf"host={host}: .*: give an address of this machine"):
        PageServer("", host, 0)


@pytest.mark.parametrize("host", ["::1", "::", "0.0.0.0"])  # noqa: S104
def test_every_way_to_this_machine(host: str) -> None:
    try:
        one = PageServer("", host, 0)
    except InputError:
        pytest.skip("no IPv6 on this machine") if ":" in host else pytest.fail("it does not listen")
    assert one.url == f"http://localhost:{port_of(one)}/"
    one._server.server_close()


def test_a_port_that_is_taken(server: PageServer) -> None:
    with pytest.raises(InputError, match=r"port=\d+: Address already in use at 127.0.0.1: set port=0 for any free one"):
        PageServer("", port=port_of(server))
