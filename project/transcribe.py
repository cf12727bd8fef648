"""scansion transcribe: what a run recognizes in recordings of any length, as text, captions or data."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from project.build.bind import fits
from project.build.compose import Config, app, complain
from project.contract import InputError
from project.run import Run

if TYPE_CHECKING:
    from project.build.assemble import Recognizer
    from project.contract import Batch, Emissions, Hypothesis
    from project.transcript.heard import Heard, Hears, Listens
    from project.transcript.place import Found, Put
    from project.transcript.windows import Plan


SECONDS: Mapping[str, Any] = {
    "window_seconds": float | None,
    "overlap_seconds": float | None,
    "latency_seconds": float | None,
    "batch_seconds": float,
}
OF_FRAMES = ("overlap_seconds", "latency_seconds")  # mean nothing where text is written window by window


def transcribe(config: Config, words: list[str]) -> int:
    """Write down each recording; those that cannot be used are told and skipped, and the exit code is then 2."""
    from project.transcript.formats import format_of
    from project.transcript.place import destination, find, is_live

    form = format_of(config["output"])
    run = None if is_onnx(config["run"]) else Run.open(config["run"])
    live = is_live(config["live"], config["out"], form)
    if not config["files"]:
        raise InputError("no recording is named: scansion transcribe RUN a.wav folder/ ...")
    found, problems = find(config["files"])
    for problem in problems:
        complain(problem, 2)
    if not found:
        return 2
    try:
        with destination(config["out"], form, found) as put:
            listener = build(run, config, words, live=live) if run else from_onnx(config, live=live)
            bad = listen(listener, found, Live(named=len(found) > 1) if live else put)
    except BrokenPipeError:  # who reads standard output has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    return 2 if bad or problems else 0


def build(run: Run, config: Config, words: Sequence[str] = (), *, live: bool) -> Listens:
    """The run's recognizer, ready to take files; live, it waits for no second window to recognize together."""
    from project.build.restore import changed, restore
    from project.decode.generate import Generate

    check_seconds(config)
    own = changed(run.config(), **{key: config[key] for key in ("decode", "precision", "threads")})
    recognizer = restore(run, own, config["checkpoint"])
    if not hasattr(recognizer.feature, "sample_rate"):
        raise InputError(f"{run.folder}: its feature takes no sound: only recordings can be transcribed")
    placed = Placed(recognizer, config["device"], own["trainer"]["precision"])
    config = config | ({"batch_seconds": 0.0} if live else {})
    if isinstance(placed.decoder, Generate):
        check_asked(run, words)
        return writing(recognizer, placed, config, run.metadata().get("longest"))
    return framewise(recognizer, placed, config)


def is_onnx(name: str) -> bool:
    """Whether a run is named or what `scansion export format=onnx` made of one."""
    return str(name).endswith(".onnx")


def from_onnx(config: Config, *, live: bool) -> Listens:
    """What takes files for a graph that says by itself what it hears and writes."""
    from project.exporting.listening import open_onnx
    from project.transcript.listener import Listener

    check_seconds(config)
    heard = open_onnx(Path(config["run"]), config)
    plan = plan_of(config, heard.feature.sample_rate, heard.samples_per_output, heard.context_seconds)
    batch = 0.0 if live else config["batch_seconds"]
    return Listener(heard.system, heard.feature, heard.alphabet, plan, config["latency_seconds"], batch)


def check_seconds(config: Config) -> None:
    """Refuse times that are none."""
    for key, hint in SECONDS.items():
        if not fits(config[key], hint):
            raise InputError(f"{key}: {config[key]!r} is no number: give seconds")
        if config[key] is not None and config[key] < 0:
            raise InputError(f"{key}: {config[key]:g} is negative: give seconds")


def plan_of(config: Config, sample_rate: int, grain: int, context: float | None) -> Plan:
    """How long recordings are cut."""
    from project.transcript.windows import Plan

    window, overlap = config["window_seconds"], config["overlap_seconds"]
    return Plan.of(window, overlap, sample_rate=sample_rate, grain=grain, context=context)


def framewise(recognizer: Recognizer, placed: Placed, config: Config) -> Listens:
    """What takes files for a recognizer that says something of each frame."""
    from project.transcript.listener import Listener, samples_per_output

    feature, model = cast("Hears", recognizer.feature), recognizer.system.model
    context = getattr(model, "context_frames", None)
    seen = None if context is None else context / feature.num_frames(1.0)
    plan = plan_of(config, feature.sample_rate, samples_per_output(feature, model), seen)
    latency, batch = config["latency_seconds"], config["batch_seconds"]
    return Listener(placed, feature, recognizer.spelling.alphabet, plan, latency, batch)


def writing(recognizer: Recognizer, placed: Placed, config: Config, longest: float | None) -> Listens:
    """What takes files for a recognizer that writes text by itself, badly where sound is longer than all it learned."""
    from project.transcript.pauses import Pauses
    from project.transcript.scribe import Scribe

    feature = cast("Hears", recognizer.feature)
    pauses = Pauses.of(config["window_seconds"], feature.sample_rate, longest)
    equal = recognizer.data.equal_lengths
    return Scribe(placed, feature, recognizer.spelling.alphabet, pauses, config["batch_seconds"], equal)


def check_asked(run: Run, words: Sequence[str]) -> None:
    """Refuse what was asked for on the command line and is of no use to a run that writes text by itself."""
    for key in OF_FRAMES:
        if key in {word.lstrip("+").partition("=")[0] for word in words}:
            raise InputError(
                f"{key}: {run.folder} writes token by token, each window's text by itself: leave it out; "
                "window_seconds says how long windows are"
            )


class Placed:
    """A system on a device, in a precision."""

    def __init__(self, recognizer: Recognizer, device: str, precision: Any) -> None:
        from lightning.fabric import Fabric

        try:
            self._fabric = Fabric(accelerator=device, devices=1, precision=precision)
        except (ValueError, RuntimeError) as error:  # no such device, or none here
            raise InputError(f"device={device}: {str(error).rstrip('.!')}: set device=cpu") from error
        self._system = recognizer.system.to(self._fabric.device)
        self.decoder: Any = self._system.decoder

    def emissions(self, batch: Batch) -> Emissions:
        """What the model says."""
        import torch

        with torch.inference_mode(), self._fabric.autocast():
            return self._system(batch.to(self._fabric.device))  # type: ignore[no-any-return]

    def predict(self, batch: Batch) -> tuple[Any, list[Hypothesis]]:
        """What the model says, and what is recognized in that."""
        import torch

        with torch.inference_mode(), self._fabric.autocast():
            return self._system.predict(batch.to(self._fabric.device))


class Live:
    """Text on standard output as it comes, a line a recording."""

    def __init__(self, *, named: bool) -> None:
        self._named = named
        self._begun = False

    def __call__(self, heard: Heard) -> None:
        from project.transcript.transcript import told

        if (heard.marks or heard.transcript) and not self._begun:
            print(f"{heard.file}\t" if self._named else "", end="")
        print(told(heard.marks, heard.separator, first=not self._begun), end="", flush=True)
        self._begun = self._begun or bool(heard.marks)
        if heard.transcript or (heard.problem and self._begun):
            print(flush=True)
            self._begun = False


def listen(listener: Listens, found: Sequence[Found], put: Put | Live) -> int:
    """Hand on what is heard and tell how fast that was; how many recordings were bad."""
    started, seconds, bad = time.perf_counter(), 0.0, 0
    with bar(found, hidden=isinstance(put, Live)) as advance:
        for heard in listener.listen(one.media for one in found):
            if isinstance(put, Live):
                put(heard)
            elif heard.transcript:
                put(heard.transcript)
            if heard.problem:
                bad += 1
                complain(heard.problem, 2)
            advance(seconds + heard.seconds)
            seconds += heard.seconds if heard.transcript else 0.0
    spent, good = time.perf_counter() - started, len(found) - bad
    if good:
        what = f"{good} recording{'s' if good > 1 else ''}, {seconds:,.1f} s"
        print(f"{what}, in {spent:.1f} s: {seconds / spent:.0f} times real time", file=sys.stderr)
    return bad


@contextmanager
def bar(found: Sequence[Found], *, hidden: bool) -> Iterator[Callable[[float], None]]:
    """A progress bar on standard error, if that is a terminal; it is told how many seconds are done."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    if hidden or not console.is_terminal:
        yield lambda seconds: None
        return
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as shown:
        task = shown.add_task("transcribing", total=sum(length_of(one.media) for one in found) or None)
        yield lambda seconds: shown.update(task, completed=seconds)


def length_of(media: str) -> float:
    """Seconds, as far as can be told without decoding; 0 where not."""
    from project.data.media import MediumError, read_header

    try:
        return read_header(media).seconds
    except MediumError:
        return 0.0


main = app("transcribe", transcribe)

if __name__ == "__main__":
    main()
