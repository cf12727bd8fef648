"""Sound that is still to come: taken in by a thread, ended by Ctrl-C."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator

import pytest

from project.feature.incoming import ahead


def counted(taken: list[int], most: int = 10**9) -> Iterator[int]:
    """Numbers, noted as they are taken."""
    for number in range(most):
        taken.append(number)
        yield number


def test_pieces_come_in_their_order_and_no_more_are_held_than_allowed() -> None:
    taken: list[int] = []
    pieces = ahead(counted(taken, 1000), most=5)
    assert next(pieces) == 0
    time.sleep(0.1)
    assert len(taken) <= 7, "five are held, one was asked for, one waits for room"
    assert [*pieces] == list(range(1, 1000))


def test_what_goes_wrong_is_raised_in_its_place() -> None:
    def failing() -> Iterator[int]:
        yield from (1, 2)
        raise OSError("pulled out")

    pieces = ahead(failing(), most=10)
    assert [next(pieces), next(pieces)] == [1, 2]
    with pytest.raises(OSError, match="pulled out"):
        next(pieces)


def test_the_thread_ends_with_who_asks() -> None:
    before = threading.active_count()
    pieces = ahead(counted([]), most=3)
    assert next(pieces) == 0
    pieces.close()  # type: ignore[attr-defined]
    for _ in range(100):
        if threading.active_count() == before:
            break
        time.sleep(0.02)
    assert threading.active_count() == before


def test_the_first_interrupt_ends_the_pieces_and_the_second_is_as_ever() -> None:
    handler = signal.getsignal(signal.SIGINT)
    pieces = ahead(counted([]), most=20)
    assert [next(pieces) for _ in range(50)] == list(range(50))
    signal.raise_signal(signal.SIGINT)
    rest = list(pieces)
    assert rest == list(range(50, 50 + len(rest)))
    assert len(rest) <= 21, "what was taken in by then, and no more"
    assert signal.getsignal(signal.SIGINT) is handler
    endless = ahead(counted([]), most=20)
    next(endless)
    signal.raise_signal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)
    endless.close()  # type: ignore[attr-defined]
    assert signal.getsignal(signal.SIGINT) is handler


def test_an_interrupt_while_nothing_has_come_is_as_ever() -> None:
    silent = threading.Event()

    def waiting() -> Iterator[int]:
        silent.wait(20)
        yield 1

    threading.Timer(0.2, os.kill, [os.getpid(), signal.SIGINT]).start()
    begun = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        list(ahead(waiting(), most=3))
    assert time.monotonic() - begun < 10
    silent.set()


def test_an_interrupt_ends_a_silence() -> None:
    """A pipe of which nothing comes any more, held open by whoever writes."""
    silent = threading.Event()

    def stalled() -> Iterator[int]:
        yield 1
        silent.wait(20)

    threading.Timer(0.2, os.kill, [os.getpid(), signal.SIGINT]).start()
    begun = time.monotonic()
    assert list(ahead(stalled(), most=3)) == [1]
    assert time.monotonic() - begun < 10
    silent.set()


def test_another_thread_may_ask_too() -> None:
    found: list[int] = []
    thread = threading.Thread(target=lambda: found.extend(ahead(iter([1, 2, 3]), most=1)))
    thread.start()
    thread.join(10)
    assert found == [1, 2, 3]
