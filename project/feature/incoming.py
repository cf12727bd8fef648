"""Sound that comes while it is being recognized, perhaps without an end: taken in by a thread, ended by Ctrl-C.

It does not know where the sound comes from nor what is made of it.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from queue import SimpleQueue
from types import FrameType
from typing import TypeVar

Piece = TypeVar("Piece")

_ASKING_SECONDS = 0.2  # how often who waits for room looks whether it is still wanted


def ahead(pieces: Iterable[Piece], most: int) -> Iterator[Piece]:
    """The pieces, of which up to `most` are taken in before they are asked for, in a thread.

    Ctrl-C ends them after those that are there: whoever asks for them can finish its work. A second one is as ever.
    What goes wrong with them is raised here.
    """
    arrived: SimpleQueue[Piece | Exception | None] = SimpleQueue()  # a signal may put something in at any moment
    room, unwanted = threading.Semaphore(most), threading.Event()

    def take_in() -> None:
        try:
            for piece in pieces:
                while not room.acquire(timeout=_ASKING_SECONDS) and not unwanted.is_set():
                    pass
                if unwanted.is_set():
                    return
                arrived.put(piece)
            arrived.put(None)
        except Exception as error:
            arrived.put(error)

    threading.Thread(target=take_in, daemon=True).start()  # one that waits for a silent pipe ends with the process
    try:
        piece = arrived.get()  # Ctrl-C before anything came is as ever, too: there is nothing to finish
        with ended_by_interrupt(lambda: arrived.put(None)):
            while piece is not None:
                if isinstance(piece, Exception):
                    raise piece
                room.release()
                yield piece
                piece = arrived.get()
    finally:
        unwanted.set()


@contextmanager
def ended_by_interrupt(end: Callable[[], None]) -> Iterator[None]:
    """While this holds, the first Ctrl-C calls `end` and does nothing else."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.getsignal(signal.SIGINT)

    def note(number: int, frame: FrameType | None) -> None:
        signal.signal(signal.SIGINT, before)
        end()

    signal.signal(signal.SIGINT, note)
    try:
        yield
    finally:
        if signal.getsignal(signal.SIGINT) is note:
            signal.signal(signal.SIGINT, before)
