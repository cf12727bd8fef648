"""Several points of a sweep at once on this machine, each a process of its own with its log.

A point starts when there are cores or GPUs for it, and memory: as much as the points before it were seen to take. One
that fails, or is killed, does not take the others down. A signal is passed on once: points write their checkpoints and
end; a second Ctrl-C kills them.
"""

from __future__ import annotations

import os
import signal
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import FrameType
from typing import Any, Literal

from project.contract import InputError
from project.launcher.child import Child, gigabytes
from project.launcher.machine import free_memory, gpus, idle_cores, oom_kills
from project.launcher.process import memory_of, name_of
from project.launcher.progress import Telling
from project.launcher.room import Place, Room, has_memory, need_of
from project.metrics_file import METRICS, Reached, latest
from project.run import Run, monitored
from project.stop import code_of
from project.sweep import ENDED, Point, State, Sweep, point_command

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2)
POLL_SECONDS = 0.1  # between looks at which have ended
WATCH_SECONDS = 2.0  # between looks at memory and figures
GIGABYTE = 2**30

Command = Callable[[Sweep, Point], list[str]]


class Parallel:
    """Runs points beside each other; `command` is what a point's process is started with."""

    waits = True

    def __init__(
        self,
        jobs: int | Literal["auto"] = "auto",
        cores: float | None = None,
        memory_gb: float | None = None,
        margin_gb: float = 1.0,
        gpus_per_point: float | None = None,
        settle_seconds: float = 30.0,
        command: Command = point_command,
    ) -> None:
        if jobs != "auto" and (not isinstance(jobs, int) or jobs < 1):
            raise InputError(f"launcher.jobs={jobs}: give auto, or how many points run at once")
        if gpus_per_point is not None and not (0 < gpus_per_point < 1 or gpus_per_point == int(gpus_per_point) > 0):
            raise InputError(f"launcher.gpus_per_point={gpus_per_point}: give a whole number, or a part like 0.5")
        self.jobs = None if jobs == "auto" else jobs
        self.cores = cores
        self.memory = None if memory_gb is None else int(memory_gb * GIGABYTE)
        self.margin = int(margin_gb * GIGABYTE)
        self.gpus_per_point = gpus_per_point
        self.settle_seconds = settle_seconds
        self.command = command

    def launch(self, sweep: Sweep, points: Sequence[Point], work: Callable[[Point], int]) -> None:
        """All of them, in their order; when this returns, none runs any more."""
        share = self.gpus_per_point
        sharing = round(1 / share) if share is not None and share < 1 else 1
        room = Room(self.jobs, idle_cores() if self.cores is None else self.cores, gpus(), sharing)
        _Crew(self, sweep, room, Telling(len(points))).run(points)


@dataclass(slots=True)
class _Running:
    """A point that runs, and what it was given."""

    child: Child
    place: Place
    kills: int  # of the system for want of memory, when it began
    figure: str  # that it is judged by
    reached: Reached | None = None


@dataclass(slots=True)
class _Crew:
    """One launch: the points that wait, those that run, and what is known of those that ran."""

    settings: Parallel
    sweep: Sweep
    room: Room
    telling: Telling
    waiting: deque[Point] = field(default_factory=deque)
    running: list[_Running] = field(default_factory=list)
    ended: list[State] = field(default_factory=list)
    learned: int = 0  # bytes that the largest point took which came to its end
    asked: int | None = None  # the signal that stops it all
    insists: bool = False  # a second Ctrl-C
    passed_on: bool = False  # the points know
    watched: float = 0.0

    def run(self, points: Sequence[Point]) -> None:
        """All points; whatever happens here, no process of theirs is left behind."""
        self.waiting.extend(points)
        free = free_memory()
        has = [f"{self.room.cores:.1f} idle cores" if self.room.jobs is None else f"{self.room.jobs} points at once"]
        has += [f"{gigabytes(free)} of memory free"] if free is not None else []
        has += [f"{len(self.room.gpus)} GPUs"] if self.room.gpus else []
        self.telling.say(f"parallel {', '.join(has)}")
        for point in points:
            self.sweep.note(point, "pending", job=name_of(os.getpid()), log=str(self.sweep.log(point)))
        try:
            with self._listening(), self.telling.moving():
                while self.waiting or self.running:
                    self._turn()
        finally:
            for one in self.running:
                one.child.end()

    def _turn(self) -> None:
        if self.asked is not None:
            self._stop()
        self._collect()
        while self.asked is None and self.waiting and self._admit(self.waiting[0]):
            self.waiting.popleft()
        if time.monotonic() - self.watched > WATCH_SECONDS:
            self._watch()
        states = [*self.ended, *("running" for _ in self.running)]
        self.telling.show(states, self._last_figure())
        time.sleep(POLL_SECONDS)

    def _admit(self, point: Point) -> bool:
        """Start a point if there is room for it, or say why there never will be; whether it waits no longer."""
        _, _, config = Sweep.of(self.sweep.file(point))
        need = need_of(config, point.ranks, len(self.room.gpus), self.settings.gpus_per_point)
        if need.gpus > len(self.room.gpus):
            error = f"it needs {need.gpus} GPUs and this machine has {len(self.room.gpus)}: set trainer.devices"
            self._conclude(point, "failed", error=error, code=1)
            return True
        place = self.room.place(need, [one.place for one in self.running])
        if place is None or (self.running and not self._has_memory()):
            return False
        self._start(point, place, config)
        return True

    def _has_memory(self) -> bool:
        """Whether there is memory for one more. What a point takes shows when it has trained for a while."""
        given, settled = self.settings.memory, self.settings.settle_seconds
        if given is None and not self.learned and any(one.child.seconds < settled for one in self.running):
            return False
        self._watch()
        expected = given or max([self.learned, *(one.child.peak for one in self.running)])
        return has_memory(free_memory(), expected, [one.child.taken for one in self.running], self.settings.margin)

    def _start(self, point: Point, place: Place, config: dict[str, Any]) -> None:
        settings = {"OMP_NUM_THREADS": str(config.get("threads") or 1)}
        if place.gpus:
            settings["CUDA_VISIBLE_DEVICES"] = ",".join(place.gpus)
        log = self.sweep.log(point)
        child = Child(point, self.settings.command(self.sweep, point), log, settings)
        self.sweep.note(point, "pending", job=name_of(child.pid), log=str(log))
        self.running.append(_Running(child, place, oom_kills(), monitored(config)[0]))
        child.begin()
        where = f"  on GPU {','.join(place.gpus)}" if place.gpus else ""
        self.telling.say(f"started  {point.told}{where}")

    def _collect(self) -> None:
        for one in list(self.running):
            code = one.child.ended()
            if code is not None:
                self.running.remove(one)
                self._judge(one, code)

    def _judge(self, one: _Running, code: int) -> None:
        """What its process noted stands; one that could not note anything is judged by how it ended."""
        child, point = one.child, one.child.point
        if code == 0:
            self.learned = max(self.learned, child.peak)
        noted = self.sweep.state(point)["state"]
        one.reached = latest(point.run / METRICS, one.figure) or one.reached
        figure = f"  {one.reached.told}" if one.reached else ""
        about = f"{figure}  {child.seconds:.0f} s{f', {gigabytes(child.peak)}' if child.peak else ''}"
        if noted in (*ENDED, "requeued"):
            self._tell(point, noted, self.sweep.state(point).get("error", ""), about)
        elif Run(point.run).is_held():  # its own process is gone
            self._tell(point, "running", "another process trains it", about)
        elif code == 0:
            self._conclude(point, "done", about)
        elif self.asked is not None:
            known = Run(
                point.run
            ).state()  # SLURM signals all processes itself: the second one may end a point for good
            saved = f"after step {known['step']}" if known["state"] == "interrupted" else "before it saved anything new"
            error = f"stopped by {signal.Signals(self.asked).name} {saved}"
            self._conclude(point, "stopped", about, error=error, code=code_of(self.asked))
        else:
            error = child.reason(code, oom_kills() > one.kills)
            self._conclude(point, "failed", about, error=error, code=code if code > 0 else code_of(-code))

    def _conclude(self, point: Point, state: State, about: str = "", **facts: Any) -> None:
        self.sweep.note(point, state, **facts)
        self._tell(point, state, facts.get("error", ""), about)

    def _tell(self, point: Point, state: State, error: str, about: str) -> None:
        self.ended.append(state)
        style = {"failed": "red", "stopped": "yellow"}.get(state)
        self.telling.say(f"{state:<8} {point.told}{about}{f'  {error}' if error and state != 'done' else ''}", style)

    def _watch(self) -> None:
        """What the running points take, and the figures that they wrote."""
        self.watched = time.monotonic()
        taken = memory_of(one.child.pid for one in self.running)
        for one in self.running:
            one.child.taken = taken[one.child.pid]
            one.child.peak = max(one.child.peak, one.child.taken)
            one.reached = latest(one.child.point.run / METRICS, one.figure) or one.reached

    def _last_figure(self) -> str:
        found = [(one.reached.seconds, one.child.point.told, one.reached.told) for one in self.running if one.reached]
        return "{1}: {2}".format(*max(found)) if found else ""

    def _stop(self) -> None:
        """Pass the signal on, once; who insists has all that still run killed."""
        assert self.asked is not None
        if self.insists:
            for one in self.running:
                one.child.kill()
        if self.passed_on:
            return
        self.passed_on = True
        name = signal.Signals(self.asked).name
        self.telling.say(
            f"{name}: {len(self.running)} points write their checkpoints; Ctrl-C again kills them", "yellow"
        )
        for one in self.running:
            one.child.ask_to_stop(self.asked)
        while self.waiting:
            error, code = f"stopped by {name} before it began", code_of(self.asked)
            self._conclude(self.waiting.popleft(), "stopped", error=error, code=code)

    @contextmanager
    def _listening(self) -> Iterator[None]:
        before = {number: signal.signal(number, self._ask) for number in SIGNALS}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _ask(self, number: int, frame: FrameType | None) -> None:
        self.insists = self.insists or (self.asked is not None and number == signal.SIGINT)
        self.asked = self.asked or number
