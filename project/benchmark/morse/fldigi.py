"""fldigi, the radio amateurs' program, as a peer: it has windows and listens in real time, so it gets both made up.

Xvfb draws its windows nowhere, PulseAudio gives each instance a sound card that leads nowhere, and XML-RPC tells it the
pitch and asks for the text. Several instances listen at once, each to its share of the recordings. It is started afresh
in folders that are removed afterwards; nothing of a user's own fldigi or sound server is touched.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import time
import xmlrpc.client
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import soundfile

from project.benchmark.morse.conditions import SAMPLE_RATE, Recording
from project.benchmark.morse.peers import ONE_BY_ONE, Decoded
from project.contract import WorkError

PROGRAMS = ("fldigi", "Xvfb", "pulseaudio", "pacat")
START_SECONDS = 60  # it may take that long to answer on a busy machine
SETTLE_SECONDS = 0.7  # until a change of modem is in effect
LATE_SECONDS = 1.5  # until the last sound has been heard, after the player ended
CONFIG = """<FLDIGI_DEFS>
<MYCALL>N0CALL</MYCALL>
<AUDIOIO>2</AUDIOIO>
<CWMFILT>1</CWMFILT>
<CWLOWERLIMIT>5</CWLOWERLIMIT>
<CWUPPERLIMIT>80</CWUPPERLIMIT>
<CWRANGE>{tracking}</CWRANGE>
<CWSPEED>{wpm}</CWSPEED>
</FLDIGI_DEFS>
"""


class Fldigi:
    """With its matched filter, squelch and automatic tuning off, and the pitch told; it finds the speed by itself."""

    name = "fldigi"

    def __init__(self, most_files: int, instances: int = 6, wpm: int = 25, tracking: int = 40) -> None:
        self.most_files = most_files
        self.instances = instances
        self.wpm = wpm  # from which it looks for the speed
        self.tracking = tracking  # and how far

    def why_absent(self) -> str | None:
        missing = [program for program in PROGRAMS if not shutil.which(program)]
        if missing:
            return f"{' and '.join(missing)} not installed: run .ci/apt-morse"
        if self.most_files == 0:
            return "it listens in real time: ask for it with benchmark.live_files=5"
        return None

    def decode(self, recordings: Sequence[Recording]) -> Decoded:
        count = min(self.instances, len(recordings))
        shares = [recordings[number::count] for number in range(count)]
        config = CONFIG.format(wpm=self.wpm, tracking=self.tracking)
        with Studio(count, config) as studio, ThreadPoolExecutor(count) as pool:
            heard = list(pool.map(studio.listen, range(count), shares))
        texts = [heard[place % count][place // count] for place in range(len(recordings))]
        return Decoded(texts, {ONE_BY_ONE: sum(recording.seconds for recording in recordings)})


class Studio:
    """A made-up screen and sound server, and instances of fldigi that use them."""

    def __init__(self, count: int, config: str) -> None:
        self.count = count
        self.config = config
        self.environment = dict(os.environ)
        self._stack = ExitStack()
        self._servers: list[xmlrpc.client.ServerProxy] = []

    def __enter__(self) -> Studio:
        try:
            self._start()
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def _start(self) -> None:
        folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory(ignore_cleanup_errors=True)))
        screen = self._start_screen(folder)
        self.environment |= {"DISPLAY": screen, "HOME": str(folder), "XDG_RUNTIME_DIR": str(folder)}
        self.environment["PULSE_SERVER"] = f"unix:{folder}/pulse.socket"
        card = f"rate={SAMPLE_RATE} channels=1 format=s16le"
        modules = [f"module-native-protocol-unix socket={folder}/pulse.socket auth-anonymous=1"]
        modules += [f"module-null-sink sink_name=card{number} {card}" for number in range(self.count)]
        flags = ["-n", "--daemonize=no", "--exit-idle-time=-1", "--use-pid-file=no"]
        self._run(["pulseaudio", *flags, *(f"--load={module}" for module in modules)], folder / "pulseaudio.log")
        wait_for((folder / "pulse.socket").exists, "pulseaudio")
        ports = free_ports(2 * self.count)
        for number in range(self.count):
            self._start_fldigi(folder / f"fldigi{number}", number, ports[2 * number], ports[2 * number + 1])
        for number, server in enumerate(self._servers):
            wait_for(lambda server=server: answers(server), f"fldigi {number}")  # type: ignore[misc]

    def _start_screen(self, folder: Path) -> str:
        """Xvfb picks a free number and writes it down."""
        reader, writer = os.pipe()
        with os.fdopen(reader) as told:
            words = ["Xvfb", "-displayfd", str(writer), "-screen", "0", "1024x768x16", "-nolisten", "tcp"]
            self._run(words, folder / "xvfb.log", pass_fds=(writer,))
            os.close(writer)
            number = told.readline().strip()
        if not number:
            raise WorkError("Xvfb does not start: run it by hand to see why, or leave fldigi out")
        return f":{number}"

    def _start_fldigi(self, home: Path, number: int, port: int, other_port: int) -> None:
        (home / "conf").mkdir(parents=True)
        (home / "conf" / "fldigi_def.xml").write_text(self.config, encoding="ascii")
        words = ["fldigi", "--config-dir", str(home / "conf"), "--home-dir", str(home)]
        words += ["--xmlrpc-server-port", str(port), "--arq-server-port", str(other_port)]
        environment = {**self.environment, "PULSE_SOURCE": f"card{number}.monitor"}
        self._run(words, home / "log", env=environment)
        self._servers.append(xmlrpc.client.ServerProxy(f"http://127.0.0.1:{port}"))

    def _run(self, words: Sequence[str], log: Path, **options: Any) -> None:
        options.setdefault("env", self.environment)
        with log.open("w") as output:
            process = subprocess.Popen(words, stdout=output, stderr=output, **options)
        self._stack.callback(end, process)

    def listen(self, number: int, recordings: Sequence[Recording]) -> list[str]:
        """What one instance writes for each recording, played to it one after the other."""
        server: Any = self._servers[number]
        texts = []
        for recording in recordings:
            server.modem.set_by_name("BPSK31")  # so that nothing is left of the speed before
            server.modem.set_by_name("CW")
            server.main.set_afc(False)
            server.main.set_squelch(False)
            time.sleep(SETTLE_SECONDS)
            server.modem.set_carrier(recording.tone_hz)
            server.rx.get_data()
            self._play(recording, number)
            time.sleep(LATE_SECONDS)
            texts.append(text_of(server.rx.get_data()))
        return texts

    def _play(self, recording: Recording, number: int) -> None:
        sound, _ = soundfile.read(recording.path, dtype="int16")
        words = ["pacat", "--playback", "--raw", f"--rate={SAMPLE_RATE}", "--channels=1", "--format=s16le"]
        words += [f"--device=card{number}"]
        longest = 3 * recording.seconds + START_SECONDS
        subprocess.run(
            words, input=sound.tobytes(), env=self.environment, check=True, capture_output=True, timeout=longest
        )


def text_of(data: Any) -> str:
    """What XML-RPC hands over, text or bytes, as text."""
    return data.data.decode("utf-8", errors="replace") if isinstance(data, xmlrpc.client.Binary) else str(data)


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on now."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


def answers(server: xmlrpc.client.ServerProxy) -> bool:
    with suppress(OSError):
        return bool(server.fldigi.version())
    return False


def wait_for(is_ready: Callable[[], bool], name: str) -> None:
    """Until something that was started answers."""
    until = time.monotonic() + START_SECONDS
    while not is_ready():
        if time.monotonic() > until:
            raise WorkError(f"{name} does not answer after {START_SECONDS} s: run it by hand, or leave fldigi out")
        time.sleep(0.2)


def end(process: subprocess.Popen[bytes]) -> None:
    """End a program of ours, kindly first."""
    process.terminate()
    try:
        process.wait(timeout=5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
