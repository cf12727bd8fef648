"""What torch can compute on: GPUs with their driver, else the processor; asked of a process that may fail."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from project.checkup.finding import Finding

GPU = "nvidia-smi"
ANSWER_SECONDS = 3.0
CPU_TORCH = (
    "install a torch with CUDA: pip install --index-url https://download.pytorch.org/whl/cu130 'torch>=2.11,<2.14'"
)


@contextmanager
def probing(patience: float) -> Iterator[Probe]:
    """While this holds, torch is imported by another process; it does not outlive this."""
    child = subprocess.Popen(
        [sys.executable, "-m", "project.checkup.probe"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONWARNINGS": "ignore"},
    )
    try:
        yield Probe(child, patience)
    finally:
        if child.poll() is None:
            child.kill()
        child.communicate()


class Probe:
    """The process that imports torch."""

    def __init__(self, child: subprocess.Popen[str], patience: float) -> None:
        self._child, self._patience = child, patience

    def answer(self) -> dict[str, Any]:
        """What it says; why it said nothing, where it ended or takes too long."""
        try:
            out, err = self._child.communicate(timeout=self._patience)
            return dict(json.loads(out))
        except subprocess.TimeoutExpired:
            return {"error": f"it cannot be imported within {self._patience:g} s"}
        except ValueError:
            last = err.strip().splitlines()[-1:] or [f"exit code {self._child.returncode}"]
            return {"error": f"importing it ends the process: {last[0]}"}


def findings(said: Mapping[str, Any], driver: str | None) -> Iterator[Finding]:
    """What the probe said of torch, its devices and torchaudio; `driver` is that of NVIDIA GPUs, if there are any."""
    if "error" in said:
        remedy = "install it anew: pip install --force-reinstall 'torch>=2.11,<2.14'"
        yield Finding("torch", "problem", f"torch: {said['error']}", remedy)
        return
    kind = f"CUDA {said['cuda']}" if said["cuda"] else f"ROCm {said['hip']}" if said["hip"] else "for processors alone"
    yield Finding("torch", "ok", f"{said['version']}, {kind}, imported in {said['seconds']:g} s")
    yield from _gpus(said, driver)
    yield from _torchaudio(said)


def _gpus(said: Mapping[str, Any], driver: str | None) -> Iterator[Finding]:
    for gpu in said["gpus"]:
        free = f", {gpu['free'] / 2**30:.0f} free" if "free" in gpu else ""
        told = f"{gpu['name']}, {gpu['memory'] / 2**30:.0f} GiB{free}, capability {gpu['capability']}"
        told += f", driver {driver}" if driver else ""
        if gpu["error"]:
            yield Finding(
                "gpu", "warning", f"{told}: {gpu['error']}", "trainer=cpu, or a torch and a driver made for it"
            )
        elif not gpu["bf16"]:
            yield Finding("gpu", "warning", f"{told}, no bf16", "trainer.precision=16-mixed or 32-true")
        else:
            yield Finding("gpu", "ok", f"{told}, bf16: trainer=gpu")
    if said["gpus"]:
        return
    if said["mps"]:
        yield Finding("gpu", "ok", "Apple's (mps): trainer=gpu")
    elif driver and not (said["cuda"] or said["hip"]):
        yield Finding("gpu", "warning", f"there is one (driver {driver}), and torch is built without CUDA", CPU_TORCH)
    elif driver:
        remedy = "a newer driver, or a torch for an older CUDA; look at CUDA_VISIBLE_DEVICES"
        yield Finding("gpu", "warning", f"there is one (driver {driver}), and torch does not see it", remedy)
    else:
        yield Finding("gpu", "absent", "none: trainer=cpu")


def _torchaudio(said: Mapping[str, Any]) -> Iterator[Finding]:
    audio = said["torchaudio"]
    if audio is None:
        return
    if "error" in audio:
        remedy = "pip install 'torchaudio>=2.11,<2.12', or pip uninstall torchaudio: transformers fails with it"
        yield Finding("torchaudio", "warning", str(audio["error"]), remedy)
    elif audio["compiled"]:
        yield Finding("torchaudio", "ok", f"{audio['version']}")
    else:
        told = f"{audio['version']} without its compiled part, which this torch cannot load"
        yield Finding("torchaudio", "ok", f"{told}: guarded, nothing here needs it")


def driver_version() -> str | None:
    """The version of NVIDIA's driver; None where there is none, or no GPU."""
    if shutil.which(GPU) is None:
        return None
    command = [GPU, "--query-gpu=driver_version", "--format=csv,noheader"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=ANSWER_SECONDS)
    except subprocess.TimeoutExpired:
        return "that does not answer"
    return done.stdout.strip().splitlines()[0] if done.returncode == 0 and done.stdout.strip() else None


def processor(info: Path = Path("/proc/cpuinfo")) -> Finding:
    """Cores that this process may use, what they are good at, and threads that are asked for beyond them."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    share = quota()
    text = info.read_text(encoding="utf-8", errors="replace") if info.is_file() else ""
    flags = set(next((line.split() for line in text.splitlines() if line.startswith("flags")), []))
    able = [
        told for flag, told in (("avx512f", "AVX-512"), ("avx512_bf16", "bf16"), ("amx_bf16", "AMX")) if flag in flags
    ]
    told = f"{cores} of {os.cpu_count()} cores" + (f", a quota of {share:g}" if share else "")
    told += f", {', '.join(able)}" if able else ""
    threads = int(asked) if (asked := os.environ.get("OMP_NUM_THREADS", "")).isdigit() else 1
    if threads > min(cores, share or cores):
        remedy = "set OMP_NUM_THREADS to the cores, or leave it out: threads= says how many are used"
        return Finding("processor", "warning", f"{told}; OMP_NUM_THREADS={threads} is more", remedy)
    if share and share < 1:
        return Finding("processor", "warning", f"{told}: less than a core", "give the container a core or more")
    return Finding("processor", "ok", told)


def quota(file: Path = Path("/sys/fs/cgroup/cpu.max")) -> float | None:
    """Cores that a container's time is worth; None without a limit."""
    if not file.is_file():
        return None
    limit, _, period = file.read_text(encoding="ascii").partition(" ")
    return None if limit == "max" else int(limit) / int(period)
