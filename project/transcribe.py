"""scansion transcribe: what a run recognizes in files of any length, as text, captions or data."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from project import stop
from project.build.app import app, complain
from project.build.bind import fits, make
from project.contract import Config, InputError
from project.run import Run

if TYPE_CHECKING:
    from project.build.assemble import Recognizer
    from project.transcript.formats import Format
    from project.transcript.heard import Hears, Listens
    from project.transcript.kind import Kind
    from project.transcript.place import Found, Put
    from project.transcript.placed import Placed
    from project.transcript.showing import Live
    from project.transcript.windows import Plan


SECONDS: Mapping[str, Any] = {
    "window_seconds": float | None,
    "overlap_seconds": float | None,
    "latency_seconds": float | None,
    "batch_seconds": float,
}
OF_FRAMES = ("overlap_seconds", "latency_seconds")  # mean nothing where text is written window by window


def transcribe(config: Config, words: list[str]) -> int:
    """Write down each file; those that cannot be used are told and skipped, and the exit code is then 2."""
    from project.transcript.formats import format_of
    from project.transcript.place import destination, find, is_awaited, is_live
    from project.transcript.showing import Live

    form = format_of(config["output"])
    check_numbers(config)
    kind = kind_of_run(config["run"])
    check_form(form, kind, config["output"])
    if not config["files"]:
        raise InputError("no recording is named: scansion transcribe RUN a.wav folder/ ...")
    found, problems = find(config["files"], kind)
    awaited, workers = is_awaited(found), config["workers"] if len(found) > 1 else 0
    usual = awaited or (sys.stdout.isatty() and not workers)
    live = is_live(config["live"], config["out"], form, usual=usual)
    for problem in problems:
        complain(problem, 2)
    if not found:
        return 2
    opened = partial(open_listener, config, words, live=live, awaited=awaited and live)
    try:
        with destination(config["out"], form, found) as put:
            listener = in_processes(workers, opened, found) if workers else opened()
            bad = listen(listener, found, Live(named=len(found) > 1) if live else put, kind)
    except BrokenPipeError:  # who reads standard output has seen enough
        stop.hush()
        return 0
    return 2 if bad or problems else 0


def check_numbers(config: Config) -> None:
    """Refuse times and counts that are none."""
    for key, hint in SECONDS.items():
        if not fits(config[key], hint):
            raise InputError(f"{key}: {config[key]!r} is no number: give seconds")
        if config[key] is not None and config[key] < 0:
            raise InputError(f"{key}: {config[key]:g} is negative: give seconds")
    if not fits(config["workers"], int) or config["workers"] < 0:
        raise InputError(f"workers: {config['workers']!r} is no number of processes: give 0 or more")


def is_onnx(name: str) -> bool:
    """Whether a run is named or what `scansion export format=onnx` made of one."""
    return str(name).endswith(".onnx")


def kind_of_run(name: str) -> Kind:
    """What a run reads, or an ONNX file, which is asked later what it hears."""
    from project.transcript.kind import SOUND, kind_of

    if is_onnx(name):
        return SOUND
    run = Run.open(name)
    return kind_of(make(run.config()["feature"], "feature"), run.folder)


def check_form(form: Format, kind: Kind, name: str) -> None:
    """Refuse captions where there are no seconds."""
    if form.has_clock and kind.unit != "seconds":
        raise InputError(
            f"output={name}: captions need seconds, and {kind.unit} have none: choose text, json or textgrid"
        )


def in_processes(workers: int, opened: Any, found: Sequence[Found]) -> Listens:
    """So many recognizers as one; no more of them than there are files."""
    from project.feature.waveform import STANDARD_INPUT
    from project.transcript.workers import Workers

    if any(one.media == STANDARD_INPUT for one in found):
        raise InputError(f"workers={workers}: {STANDARD_INPUT} is read by one process: leave one of the two out")
    return Workers(min(workers, len(found)), opened)


def open_listener(config: Config, words: Sequence[str] = (), *, live: bool, awaited: bool) -> Listens:
    """The recognizer that is asked for, ready to take files; live, it waits for no second window to go with the first.

    `awaited`: sound is still to come, and somebody waits for its text.
    """
    config = config | ({"batch_seconds": 0.0} if live else {})
    return (from_onnx if is_onnx(config["run"]) else from_run)(config, words, awaited)


def from_run(config: Config, words: Sequence[str], awaited: bool) -> Listens:
    """What takes files for the recognizer of a run."""
    from project.build.restore import changed, restore
    from project.decode.generate import Generate
    from project.transcript.kind import SOUND, kind_of
    from project.transcript.placed import Placed

    run = Run.open(config["run"])
    own = changed(run.config(), **{key: config[key] for key in ("decode", "precision", "threads")})
    recognizer = restore(run, own, config["checkpoint"])
    placed = Placed(recognizer.system, config["device"], own["trainer"]["precision"])
    if kind_of(recognizer.feature, run.folder) is not SOUND:
        check_asked(run, words, ("window_seconds", *OF_FRAMES), "reads each file in one piece")
        return reading(recognizer, placed, config)
    if isinstance(placed.decoder, Generate):
        hint = "writes token by token, each window's text by itself"
        check_asked(run, words, OF_FRAMES, hint, "; window_seconds says how long windows are")
        return writing(recognizer, placed, config, run.metadata().get("longest"), awaited)
    return framewise(recognizer, placed, config, awaited)


def from_onnx(config: Config, words: Sequence[str], awaited: bool) -> Listens:
    """What takes files for a graph that says by itself what it hears and writes."""
    from project.exporting.onnx_recognizer import open_onnx
    from project.transcript.listener import Listener

    heard = open_onnx(Path(config["run"]), config)
    plan = plan_of(config, heard.feature.sample_rate, heard.samples_per_output, heard.context_seconds, awaited)
    latency, batch = config["latency_seconds"], config["batch_seconds"]
    return Listener(heard.system, heard.feature, heard.alphabet, plan, latency, batch)


def plan_of(config: Config, sample_rate: int, grain: int, context: float | None, awaited: bool) -> Plan:
    """How long recordings are cut."""
    from project.transcript.windows import Plan

    window, overlap = config["window_seconds"], config["overlap_seconds"]
    return Plan.of(window, overlap, sample_rate=sample_rate, grain=grain, context=context, is_awaited=awaited)


def framewise(recognizer: Recognizer, placed: Placed, config: Config, awaited: bool) -> Listens:
    """What takes recordings for a recognizer that says something of each frame."""
    from project.transcript.listener import Listener, samples_per_output

    feature, model = cast("Hears", recognizer.feature), recognizer.system.model
    context = getattr(model, "context_frames", None)
    seen = None if context is None else context / feature.num_frames(1.0)
    plan = plan_of(config, feature.sample_rate, samples_per_output(feature, model), seen, awaited)
    latency, batch, equal = config["latency_seconds"], config["batch_seconds"], recognizer.data.equal_lengths
    return Listener(placed, feature, recognizer.spelling.alphabet, plan, latency, batch, equal)


def writing(recognizer: Recognizer, placed: Placed, config: Config, longest: float | None, awaited: bool) -> Listens:
    """What takes recordings for a recognizer that writes text by itself, badly of sound longer than all it learned."""
    from project.transcript.pauses import Pauses
    from project.transcript.scribe import Scribe

    feature = cast("Hears", recognizer.feature)
    pauses = Pauses.of(config["window_seconds"], feature.sample_rate, longest, awaited)
    equal = recognizer.data.equal_lengths
    return Scribe(placed, feature, recognizer.spelling.alphabet, pauses, config["batch_seconds"], equal)


def reading(recognizer: Recognizer, placed: Placed, config: Config) -> Listens:
    """What takes files of landmarks or bars."""
    from project.transcript.reader import Reader

    feature, model, alphabet = recognizer.feature, recognizer.system.model, recognizer.spelling.alphabet
    return Reader(placed, feature, model, alphabet, config["batch_seconds"], recognizer.data.equal_lengths)


def check_asked(run: Run, words: Sequence[str], keys: Sequence[str], what: str, instead: str = "") -> None:
    """Refuse what was asked for on the command line and is of no use to a run."""
    for key in keys:
        if key in {word.lstrip("+").partition("=")[0] for word in words}:
            raise InputError(f"{key}: {run.folder} {what}: leave it out{instead}")


def listen(listener: Listens, found: Sequence[Found], put: Put | Live, kind: Kind) -> int:
    """Hand on what is heard and tell how fast that was; how many files were bad."""
    from project.transcript.showing import Live, Progressed, bar, pace

    started, progressed, bad = time.perf_counter(), Progressed(), 0
    files = [one.media for one in found]
    with bar(files, hidden=isinstance(put, Live)) as advance:
        for heard in listener.listen(files):
            if isinstance(put, Live):
                put(heard)
            elif heard.transcript:
                put(heard.transcript)
            if heard.problem:
                bad += 1
                complain(heard.problem, 2)
            advance(progressed.add(heard))
    if len(found) > bad:
        print(pace(len(found) - bad, progressed.done, time.perf_counter() - started, kind), file=sys.stderr)
    return bad


main = app("transcribe", transcribe)

if __name__ == "__main__":
    main()
