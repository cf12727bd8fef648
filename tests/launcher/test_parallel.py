"""Points beside each other as processes of their own; most of them are small programs that stand for a training."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from rich.console import Console

from project import cli
from project.build.compose import compose
from project.contract import InputError
from project.launcher import machine, parallel, process
from project.launcher.child import Child
from project.launcher.parallel import Parallel
from project.launcher.progress import Telling
from project.metrics_file import latest
from project.reporting import status
from project.reporting import sweep as sweep_report
from project.run import Run
from project.sweep import Point, Sweep

pytestmark = pytest.mark.long


Make = Callable[..., tuple[Sweep, list[Point]]]
QUICK = {"threads": 1, "data": {"workers": 0}, "trainer": {"accelerator": "cpu"}}
DEADLINE = 20.0  # seconds that a test waits for what takes a moment


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """A ledger of so many points."""

    def sweep_of(count: int, config: Mapping[str, Any] = QUICK, ranks: int = 1) -> tuple[Sweep, list[Point]]:
        sweep = Sweep.make(tmp_path / "runs/.sweeps/seed-1", {"axes": ["seed"]})
        points = [
            Point(f"r-{n}", (f"seed={n}",), (f"seed={n}",), tmp_path / f"runs/x/r-{n}", ranks) for n in range(count)
        ]
        for point in points:
            sweep.add(point, config)
        return sweep, points

    return sweep_of


def shell(script: str) -> Callable[[Sweep, Point], list[str]]:
    """Each point runs a line of shell; $0 is its name, $1 the ledger's folder."""
    return lambda sweep, point: ["sh", "-c", script, point.name, str(sweep.folder)]


def never(point: Point) -> int:
    raise AssertionError("a point of its own process is not run here")


def quick(script: str, **settings: Any) -> Parallel:
    return Parallel(**{"cores": 8.0, "memory_gb": 0.001, "margin_gb": 0.0, "command": shell(script)} | settings)


def until(truth: Callable[[], object], seconds: float = DEADLINE) -> None:
    end = time.monotonic() + seconds
    while not truth():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.02)


def spans(folder: Path) -> dict[str, tuple[float, float]]:
    """When each point began and ended, by the files that it wrote."""
    return {
        file.stem: (float(file.read_text()), float(file.with_suffix(".end").read_text()))
        for file in sorted(folder.glob("*.begin"))
    }


def most_at_once(found: Sequence[tuple[float, float]]) -> int:
    return max(sum(begin <= moment < end for begin, end in found) for moment, _ in found)


TIMED = "date +%s.%N > $1/$0.begin; sleep 0.2; date +%s.%N > $1/$0.end"


def test_so_many_at_once_and_no_more(make: Make, capsys: pytest.CaptureFixture[str]) -> None:
    sweep, points = make(5)
    quick(f"echo threads $OMP_NUM_THREADS rank $LOCAL_RANK.; {TIMED}", jobs=2).launch(sweep, points, never)
    found = spans(sweep.folder)
    assert len(found) == 5
    assert most_at_once(list(found.values())) == 2
    for point in points:
        state = sweep.state(point)
        assert state["state"] == "done"
        assert state["log"] == str(sweep.log(point))
        assert process.is_alive(state["job"]) is False
        assert "threads 1 rank .\n" in sweep.log(point).read_text()
    told = capsys.readouterr().err
    assert told.count("started  seed=") == told.count("done     seed=") == 5
    assert "2 points at once" in told


@pytest.mark.parametrize(("cores", "threads", "workers", "most"), [(4.0, 1, 1, 2), (1.0, 2, 2, 1), (6.0, 1, 0, 3)])
def test_as_many_as_there_are_cores_for(make: Make, cores: float, threads: int, workers: int, most: int) -> None:
    """Two cores for a point, four, and one for each of two ranks; one runs even where it wants more than there is."""
    ranks = 2 if workers == 0 else 1
    sweep, points = make(4, {**QUICK, "threads": threads, "data": {"workers": workers}}, ranks)
    quick(TIMED, cores=cores).launch(sweep, points, never)
    assert most_at_once(list(spans(sweep.folder).values())) == most


def test_the_fallen_do_not_take_the_others_down(make: Make, capsys: pytest.CaptureFixture[str]) -> None:
    sweep, points = make(4)
    script = 'case $0 in r-0) echo "no such thing: mend it" >&2; exit 3;; r-1) kill -9 $$;; *) sleep 0.2;; esac'
    quick(script).launch(sweep, points, never)
    states = [sweep.state(point) for point in points]
    assert [one["state"] for one in states] == ["failed", "failed", "done", "done"]
    assert (states[0]["error"], states[0]["code"]) == ("no such thing: mend it (exit code 3)", 3)
    assert states[1]["error"].startswith("killed by SIGKILL, which another process sent: see ")
    assert states[1]["code"] == 128 + 9
    assert "failed   seed=1  0 s" in capsys.readouterr().err


def test_who_ran_out_of_memory_is_told_so(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    kills = iter([3, 3, 4, 4, 4])
    monkeypatch.setattr(parallel, "oom_kills", lambda: next(kills))
    sweep, points = make(2)
    quick("test $0 = r-1 || { sleep 0.2; kill -9 $$; }", jobs=2).launch(sweep, points, never)
    assert "the system ran out of memory and killed it (SIGKILL)" in sweep.state(points[0])["error"]
    assert sweep.state(points[1])["state"] == "done"


def test_what_a_point_noted_itself_stands(make: Make) -> None:
    sweep, points = make(1)
    script = """echo '{"state": "pruned", "error": "hopeless"}' > $1/points/$0.state; exit 1"""
    quick(script).launch(sweep, points, never)
    assert sweep.state(points[0]) == {"state": "pruned", "error": "hopeless"}


def test_memory_admits_as_many_as_it_holds(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """Five gigabytes free, two for each and one to spare: two at once, whatever the cores allow."""
    monkeypatch.setattr(parallel, "free_memory", lambda: 5 * 2**30)
    monkeypatch.setattr(parallel, "memory_of", lambda pids: dict.fromkeys(pids, 0))
    sweep, points = make(5)
    quick(TIMED, memory_gb=1.9, margin_gb=1.0).launch(sweep, points, never)
    assert most_at_once(list(spans(sweep.folder).values())) == 2


def test_memory_is_learned_from_the_first(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """Until one has ended nothing is known, and the others wait; then as many as fit of what it took."""
    monkeypatch.setattr(parallel, "free_memory", lambda: 5 * 2**30)
    monkeypatch.setattr(parallel, "memory_of", lambda pids: dict.fromkeys(pids, 2**30))
    monkeypatch.setattr(parallel, "WATCH_SECONDS", 0.1)
    sweep, points = make(6)
    quick(TIMED, memory_gb=None).launch(sweep, points, never)
    found = spans(sweep.folder)
    first = found.pop("r-0")
    assert all(begin > first[1] for begin, _ in found.values())
    assert most_at_once(list(found.values())) == 5, "memory that is free is what those that run leave"


def test_each_point_has_a_gpu_of_its_own(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parallel, "gpus", lambda: ["GPU-a", "GPU-b"])
    sweep, points = make(4, {**QUICK, "trainer": {"accelerator": "gpu"}})
    quick(f"echo $CUDA_VISIBLE_DEVICES > $1/$0.gpu; {TIMED}", cores=1.0).launch(sweep, points, never)
    found = spans(sweep.folder)
    names = {name: (sweep.folder / f"{name}.gpu").read_text().strip() for name in found}
    assert most_at_once(list(found.values())) == 2, "GPUs limit them and not cores"
    for name in set(names.values()):
        assert name in ("GPU-a", "GPU-b")
        assert most_at_once([found[one] for one in found if names[one] == name]) == 1
    quick(TIMED, gpus_per_point=0.5).launch(sweep, points, never)
    assert most_at_once(list(spans(sweep.folder).values())) == 4
    sweep, (point,) = make(1, {**QUICK, "trainer": {"accelerator": "gpu"}}, ranks=3)
    quick("").launch(sweep, [point], never)
    assert sweep.state(point)["error"] == "it needs 3 GPUs and this machine has 2: set trainer.devices"


TRAPS = [
    f"trap 'echo {name} > $1/$0.saved; exit {code}' {name}"
    for name, code in (("INT", 130), ("TERM", 143), ("USR2", 140))
]
WAITING = "echo > $1/$0.ready; while :; do sleep 0.05; done"
TRAPPED = "; ".join([*TRAPS, WAITING])
DEAF = f"trap '' TERM; {WAITING}"


def signalled(sweep: Sweep, numbers: Sequence[int], ready: int) -> threading.Thread:
    """Sends this process signals, one after the other, when so many points are ready for them."""

    def send() -> None:
        until(lambda: len(list(sweep.folder.glob("*.ready"))) == ready)
        for number in numbers:
            os.kill(os.getpid(), number)
            time.sleep(0.4)

    thread = threading.Thread(target=send)
    thread.start()
    return thread


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGUSR2])
def test_a_signal_is_passed_on_and_points_may_write(
    number: signal.Signals, make: Make, capsys: pytest.CaptureFixture[str]
) -> None:
    """As it came: a point that is stopped by Ctrl-C, or told by SLURM to make room, says so and ends so."""
    sweep, points = make(3)
    thread = signalled(sweep, [number], 2)
    before = signal.getsignal(number)
    quick(TRAPPED, jobs=2).launch(sweep, points, never)
    thread.join()
    assert signal.getsignal(number) is before
    saved = {file.stem: file.read_text().strip() for file in sweep.folder.glob("*.saved")}
    assert saved == dict.fromkeys(["r-0", "r-1"], number.name.removeprefix("SIG"))
    states = [sweep.state(point) for point in points]
    assert [one["state"] for one in states] == ["stopped"] * 3
    assert [one["code"] for one in states] == [128 + number] * 3
    assert states[2]["error"] == f"stopped by {number.name} before it began"
    assert f"{number.name}: 2 points write their checkpoints" in capsys.readouterr().err


def test_what_a_point_saved_before_it_was_killed_is_told(make: Make) -> None:
    """Signalled twice, by SLURM and by its launcher, it has its checkpoint and ends before it can note that."""
    sweep, points = make(2)
    for point, state in zip(points, ({"state": "interrupted", "step": 48}, {"state": "running"}), strict=True):
        point.run.mkdir(parents=True)
        (point.run / "state.json").write_text(json.dumps(state))
    thread = signalled(sweep, [signal.SIGUSR2], 2)
    quick(WAITING, jobs=2).launch(sweep, points, never)
    thread.join()
    assert [sweep.state(point)["error"] for point in points] == [
        "stopped by SIGUSR2 after step 48",
        "stopped by SIGUSR2 before it saved anything new",
    ]


def test_a_second_ctrl_c_kills(make: Make) -> None:
    sweep, points = make(2)
    thread = signalled(sweep, [signal.SIGTERM, signal.SIGINT], 2)
    quick(DEAF).launch(sweep, points, never)
    thread.join()
    for point in points:
        assert sweep.state(point)["state"] == "stopped"
        assert sweep.state(point)["code"] == 128 + signal.SIGTERM


def test_no_point_survives_its_launcher(make: Make) -> None:
    """Killed by -9 the launcher can tell nobody; the system does."""
    sweep, points = make(1)
    program = (
        "import sys; from project.launcher.parallel import Parallel; from project.sweep import Sweep\n"
        "sweep = Sweep.open(sys.argv[1])\n"
        "Parallel(jobs=1, command=lambda s, p: ['sh', '-c', sys.argv[2], p.name, str(s.folder)])"
        ".launch(sweep, sweep.points(), None)"
    )
    command = [sys.executable, "-c", program, str(sweep.folder), TRAPPED]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as launcher:
        until((sweep.folder / "r-0.ready").exists)
        job = sweep.state(points[0])["job"]
        assert process.is_alive(job) is True
        launcher.kill()
    until((sweep.folder / "r-0.saved").exists)
    until(lambda: not process.is_alive(job))


def test_what_a_point_started_ends_with_it(make: Make) -> None:
    """A rank that outlives the first would hold its GPU for ever."""
    sweep, points = make(1)
    quick("sleep 60 & echo $! > $1/rank; kill -9 $$").launch(sweep, points, never)
    until(lambda: not Path(f"/proc/{(sweep.folder / 'rank').read_text().strip()}/cmdline").exists())


def test_memory_of_a_point_and_what_it_started(make: Make) -> None:
    """Forty megabytes that two processes share count once, and forty of the second its own."""
    sweep, (point,) = make(1)
    program = (
        "import os, sys, time; shared = b'x' * 40_000_000\n"
        "own = b'y' * 40_000_000 if os.fork() == 0 else b''\n"
        "open(sys.argv[1] + '/r-0.' + ('a' if own else 'b'), 'w'); time.sleep(60)"
    )
    child = Child(point, [sys.executable, "-S", "-c", program, str(sweep.folder)], sweep.log(point), {})
    child.begin()
    until(lambda: (sweep.folder / "r-0.a").exists() and (sweep.folder / "r-0.b").exists())
    taken = process.memory_of([child.pid, 1 << 30])
    child.end()
    assert 80_000_000 < taken[child.pid] < 100_000_000
    assert taken[1 << 30] == 0


def test_what_is_asked_for_must_make_sense() -> None:
    for wrong in ({"jobs": 0}, {"jobs": "many"}, {"gpus_per_point": 1.5}, {"gpus_per_point": 0}):
        with pytest.raises(InputError, match=r"launcher\.\w+=.*: give"):
            Parallel(**wrong)  # type: ignore[arg-type]


def tree(root: Path, files: Mapping[str, str]) -> Path:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


MEMINFO = {"proc/meminfo": "MemTotal: 64 kB\nMemFree: 4 kB\nMemAvailable:   48 kB\n"}


def test_memory_that_a_container_leaves(tmp_path: Path) -> None:
    """The tightest of machine, own group and those above it, in both versions of control groups."""
    assert machine.free_memory(tmp_path) is None
    assert machine.free_memory(tree(tmp_path / "0", MEMINFO)) == 48 * 1024
    new = "sys/fs/cgroup/user/job/memory."
    files = {
        "proc/self/cgroup": "0::/user/job\n",
        f"{new}max": "max\n",
        f"{new}current": "999\n",
        "sys/fs/cgroup/user/memory.max": "30000\n",
        "sys/fs/cgroup/user/memory.current": "12000\n",
        "sys/fs/cgroup/user/memory.stat": "anon 7000\ninactive_file 2000\n",
    }
    assert machine.free_memory(tree(tmp_path / "2", MEMINFO | files)) == 30_000 - 12_000 + 2_000
    old = "sys/fs/cgroup/memory/docker/memory."
    files = {
        "proc/self/cgroup": "5:cpu,cpuacct:/\n4:memory:/docker\n0::/\n",
        f"{old}limit_in_bytes": "20000\n",
        f"{old}usage_in_bytes": "15000\n",
        f"{old}stat": "inactive_file 1\ntotal_inactive_file 500\n",
        "sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n",
        "sys/fs/cgroup/memory/memory.usage_in_bytes": "15000\n",
    }
    assert machine.free_memory(tree(tmp_path / "1", MEMINFO | files)) == 5_500


def test_cores_that_a_container_leaves(tmp_path: Path) -> None:
    mine = len(os.sched_getaffinity(0))
    assert machine.idle_cores(tmp_path, 0) == mine
    files = {"proc/self/cgroup": "0::/job\n", "sys/fs/cgroup/job/cpu.max": "50000 100000\n"}
    assert machine.idle_cores(tree(tmp_path / "2", files), 0) == 0.5
    assert 0 <= machine.idle_cores(seconds=0.1) <= mine


def test_the_last_figure_of_a_long_file(tmp_path: Path) -> None:
    file = tmp_path / "metrics.csv"
    assert latest(file, "dev/cer") is None
    rows = [f"{step},{step // 10},train/loss,{1 / (step + 1)}" for step in range(20_000)]
    rows.insert(50, "49,4,dev/cer,0.25")
    file.write_text("\n".join(["step,epoch,name,value", *rows, "20000,2000,dev/cer,0.1"]))
    found = latest(file, "dev/cer")
    assert found is not None, "the last line is not whole yet"
    assert (found.value, found.step, found.epoch, found.told) == (0.25, 49, 5, "dev/cer 0.25")
    with file.open("a") as stream:
        stream.write("25\r\n")
    again = latest(file, "dev/cer")
    assert again is not None
    assert (again.value, again.step) == (0.125, 20_000)


def test_gpus_that_were_given_are_those_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "GPU-a, 3")
    assert machine.gpus() == ["GPU-a", "3"]
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert machine.gpus() == []


def test_a_point_is_named_beyond_its_number() -> None:
    name = process.name_of(os.getpid())
    assert process.is_alive(name) is True
    assert process.is_alive(name.replace("/", "/1")) is False, "another process that had the number"
    assert process.is_alive("4711_3") is None
    assert process.is_alive(name + "x") is None, "another machine"


def test_the_ledger_is_what_json_says(make: Make) -> None:
    sweep, points = make(1)
    quick("true").launch(sweep, points, never)
    assert json.loads((sweep.folder / "points/r-0.state").read_text())["state"] == "done"


def test_two_real_points_and_what_is_reported_of_them(
    tiny: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """From the command line to points that are done, with a log each, and reports of how it went."""
    words = [*tiny, "trainer.max_epochs=1", f"runs={tmp_path}/runs", "seed=1,2"]
    launcher = ["launcher=parallel", "launcher.jobs=2", "launcher.settle_seconds=0"]
    with pytest.raises(SystemExit) as stop:
        cli.main(["train", "-m", *words, *launcher])
    told = capsys.readouterr()
    assert stop.value.code == 0, told.err
    sweep = Sweep.open(told.out.splitlines()[-1])
    assert [sweep.state(point)["state"] for point in sweep.points()] == ["done", "done"]
    for point in sweep.points():
        assert (point.run / "checkpoints/best.ckpt").is_file()
        assert str(point.run) in sweep.log(point).read_text()
    assert told.err.count("dev/cer") == 2
    monkeypatch.setenv("COLUMNS", "160")
    for report in (status, sweep_report):
        assert report.act(compose("report") | {"sweep": str(sweep.folder)}) == 0
    found = capsys.readouterr()
    assert "2 points: 2 done" in found.out
    assert found.out.splitlines()[-1] == str(sweep.folder / "sweep.html")
    assert "no point has a report" in " ".join(found.err.split())


def test_ctrl_c_ends_a_sweep_as_it_ends_a_run(tiny: list[str], tmp_path: Path) -> None:
    """With its exit code, a line for each point and no traceback; those that had begun have their checkpoints."""
    saving = ["trainer.max_epochs=2000", "callbacks.checkpoint.every_seconds=0.1"]
    words = [*tiny, *saving, f"runs={tmp_path}/runs", "seed=1,2,3", "launcher=parallel", "launcher.jobs=2"]
    command = [sys.executable, "-m", "project", "train", "-m", *words, "launcher.memory_gb=0.01"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        until(lambda: len(list(tmp_path.glob("runs/*/*/checkpoints/last.ckpt"))) == 2, seconds=120)
        process.send_signal(signal.SIGINT)
        told = process.communicate(timeout=60)[1]
    assert process.returncode == 130, told
    assert "Traceback" not in told
    assert told.count("stopped by SIGINT after step") == 2
    assert told.count("stopped by SIGINT before it began") == 1
    sweep = Sweep.open(None, tmp_path / "runs")
    assert [sweep.state(point)["code"] for point in sweep.points()] == [130] * 3
    begun = [Run(point.run) for point in sweep.points() if point.run.is_dir()]
    assert [run.state()["state"] for run in begun] == ["interrupted"] * 2
    for run in begun:
        assert torch.load(run.last, weights_only=True)["global_step"] == run.state()["step"]


def test_a_terminal_has_a_line_that_moves() -> None:
    stream = io.StringIO()
    telling = Telling(3, Console(file=stream, force_terminal=True, width=60, color_system=None))
    with telling.moving():
        telling.show(["done", "running"], "seed=2: dev/cer 0.25 " + 80 * "x")
        telling.say("failed   seed=3  boom", "red")
    text = stream.getvalue()
    assert "3 points: 1 done, 1 running, 1 waiting  seed=2: dev/cer" in text
    assert "…" in text, "it never takes a second line"
    assert "failed   seed=3  boom\n" in text
