"""The verb doctor: each way in which a machine or an installation can be wrong is told with its remedy.

What torch would say is handed in: it is imported already, and another process would take seconds. One test asks it.
"""

from __future__ import annotations

import getpass
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from packaging.requirements import Requirement

from project import doctor
from project.build.compose import compose
from project.checkup import device, packages, program, resources
from project.checkup.finding import Finding, scrub
from project.checkup.probe import probe

SAID: dict[str, Any] = {
    "version": "2.13.0+cpu",
    "cuda": None,
    "hip": None,
    "seconds": 1.2,
    "gpus": [],
    "mps": False,
    "torchaudio": {"version": "2.11.0", "compiled": False},
}
GPU: dict[str, Any] = {
    "name": "NVIDIA H100",
    "memory": 80 * 2**30,
    "free": 79 * 2**30,
    "capability": "9.0",
    "bf16": True,
    "error": None,
}


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What torch says, without a process that imports it; tests change it. SLURM and git are not asked."""
    content = dict(SAID)

    @contextmanager
    def probing(patience: float) -> Iterator[Any]:
        yield SimpleNamespace(answer=lambda: content)

    monkeypatch.setattr(device, "probing", probing)
    monkeypatch.setattr(device, "driver_version", lambda: None)
    monkeypatch.setattr(program, "slurm", lambda: Finding("slurm", "absent", "none here"))
    return content


def ask(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    monkeypatch.setattr(sys, "argv", ["scansion doctor", *words])
    with pytest.raises(SystemExit) as stop:
        doctor.main()
    told = capsys.readouterr()
    assert isinstance(stop.value.code, int)
    return stop.value.code, told.out, told.err


def test_this_installation_works(
    said: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 0, a line each, and a file for a bug report in which nobody and no place is named."""
    target = tmp_path / "new" / "doctor.json"
    code, out, err = ask(monkeypatch, capsys, f"out={target}", f"runs={tmp_path}/runs", "least_gb=0")
    assert code == 0, out
    assert "all that is needed works" in err
    content = json.loads(target.read_text())
    parts = [one["part"] for one in content["findings"]]
    assert {"python", "packages", "processor", "disk", "git", "speech", "espeak", "compiler", "torch", "gpu"} <= {
        *parts
    }
    assert parts.count("disk") == 3
    assert all(re.search(rf"^\S+ +{part} ", out, flags=re.M) for part in parts)
    text = target.read_text()
    for name in (str(Path.home()), str(tmp_path), sys.prefix, socket.gethostname()):
        assert name not in text
    assert not re.search(rf"\b{re.escape(getpass.getuser())}\b", text)
    assert not (tmp_path / "runs").exists(), "it looks and makes nothing"


def test_what_is_needed_must_work(
    said: dict[str, Any], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A machine without a GPU is sound, unless it is said that one is needed; a line that nobody knows is refused."""
    code, out, _ = ask(monkeypatch, capsys, "need=[gpu]", "least_gb=0")
    assert (code, "PROBLEM gpu" in out) == (1, True)
    said |= {"gpus": [GPU], "cuda": "13.0"}
    code, out, _ = ask(monkeypatch, capsys, "need=[gpu]", "least_gb=0")
    assert (code, "ok      gpu          NVIDIA H100, 80 GiB, 79 free" in out) == (0, True)
    code, _, err = ask(monkeypatch, capsys, "need=[gpus]", "least_gb=0")
    assert code == 2
    assert "did you mean gpu?" in err


TORCH = [
    ({"error": "OSError: libcudart.so.13: cannot open"}, None, "torch", "problem", "force-reinstall"),
    ({}, None, "gpu", "absent", ""),
    ({}, "580.1", "gpu", "warning", "install a torch with CUDA"),
    ({"cuda": "13.0"}, "450.1", "gpu", "warning", "newer driver"),
    ({"cuda": "13.0", "gpus": [GPU]}, "580.1", "gpu", "ok", ""),
    ({"cuda": "13.0", "gpus": [GPU | {"bf16": False}]}, "580.1", "gpu", "warning", "16-mixed"),
    ({"cuda": "13.0", "gpus": [GPU | {"error": "no kernel image"}]}, "580.1", "gpu", "warning", "made for it"),
    ({"mps": True}, None, "gpu", "ok", ""),
    ({"torchaudio": {"error": "ImportError: x"}}, None, "torchaudio", "warning", "uninstall torchaudio"),
    ({"torchaudio": {"version": "2.11.0", "compiled": False}}, None, "torchaudio", "ok", ""),
]


@pytest.mark.parametrize(("change", "driver", "part", "state", "remedy"), TORCH)
def test_torch_and_devices(change: dict[str, Any], driver: str | None, part: str, state: str, remedy: str) -> None:
    (found,) = [one for one in device.findings(SAID | change, driver) if one.part == part]
    assert found.state == state
    assert remedy in found.remedy
    assert bool(found.remedy) == (state in ("warning", "problem"))


def test_torch_is_asked_here() -> None:
    import torch

    found = probe()
    assert found["version"] == torch.__version__
    assert len(found["gpus"]) == torch.cuda.device_count()
    assert found["torchaudio"] is None or "error" not in found["torchaudio"]


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("import os; os.kill(os.getpid(), 11)", "ends the process: exit code -11"),
        ("raise SystemError('torn library')", "ends the process: SystemError: torn library"),
        ("import time; time.sleep(60)", "within 0.3 s"),
    ],
)
def test_a_torch_that_takes_its_process_down(code: str, told: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is told, and no process is left."""
    real, children = subprocess.Popen, []

    def start(command: list[str], **options: Any) -> subprocess.Popen[str]:
        children.append(real([sys.executable, "-S", "-c", code], **options))
        return children[-1]

    monkeypatch.setattr(subprocess, "Popen", start)
    with device.probing(0.3 if "sleep" in code else 20.0) as asked:
        answer = asked.answer()
    assert told in answer["error"]
    assert children[0].poll() is not None


VERSIONS: Mapping[str, str] = {
    "torch": "2.13.0+cpu", "lightning": "2.6.6", "hydra-core": "1.3.8", "omegaconf": "2.3.1", "numpy": "2.4.6",
    "transformers": "5.23.0", "torchaudio": "2.11.0", "peft": "0.21.2", "pytorch-lightning": "2.6.6",
}  # fmt: skip


@pytest.mark.parametrize(
    ("package", "version", "reason"),
    [
        ("lightning", "2.6.2", "malicious"),
        ("lightning", "2.6.3", "malicious"),
        ("pytorch-lightning", "2.6.3", "malicious"),
        ("hydra-core", "1.3.3", "CVE-2026-68508"),
        ("omegaconf", "2.4.1rc1", "hydra-core"),
        ("transformers", "5.12", "labels"),
        ("torch", "2.15.0+cu132", "torchaudio"),
        ("numpy", "1.26.4", "older"),
    ],
)
def test_versions_known_to_be_bad(package: str, version: str, reason: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packages, "version_of", dict(VERSIONS).get)
    assert not list(packages.known_bad())
    monkeypatch.setattr(packages, "version_of", (dict(VERSIONS) | {package: version}).get)
    (found,) = packages.known_bad()
    assert found.state == "problem"
    assert reason in found.found
    assert package in found.found
    assert "pip" in found.remedy


def test_pins(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of the checkout; what is missing, too old or too new is named with the command that mends it."""
    asked = packages.requirements()
    assert {"", "speech", "wandb", "search"} <= asked.keys()
    assert {one.name for one in asked[""]} >= {"torch", "lightning", "hydra-core", "omegaconf"}
    assert packages.core(asked[""]).state == "ok"
    known = {one.name: re.findall(r"[\d.]+", str(one.specifier))[0] for one in asked[""]} | VERSIONS
    monkeypatch.setattr(packages, "version_of", {**known, "torch": "2.10.0", "scipy": None}.get)
    found = packages.core(asked[""])
    assert found.state == "problem"
    assert "torch 2.10.0 (wanted <2.14,>=2.11)" in found.found
    assert "scipy missing" in found.found
    assert found.remedy.startswith("pip install '")
    wanted = {"mtl": [Requirement("torchjd>=0.18,<0.19")], "wandb": [Requirement("wandb>=0.31")], "dev": []}
    monkeypatch.setattr(packages, "version_of", {"wandb": "0.16"}.get)
    states = {one.part: (one.state, one.remedy) for one in packages.extras(wanted)}
    assert states == {
        "mtl": ("absent", "pip install 'scansion[mtl]'"),
        "wandb": ("warning", "pip install 'scansion[wandb]'"),
    }


def test_pins_of_an_installed_wheel(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Where there is no pyproject, what was installed says the same."""
    lines = ["torch<2.14,>=2.11", 'peft>=0.17; extra == "speech"', 'wandb>=0.31; python_version > "3" and extra == "w"']
    monkeypatch.setattr(packages, "ROOT", tmp_path)
    monkeypatch.setattr(packages.metadata, "requires", lambda name: lines)
    found = {extra: [str(one) for one in asked] for extra, asked in packages.requirements().items()}
    assert found == {"": ["torch<2.14,>=2.11"], "speech": ["peft>=0.17"], "w": ["wandb>=0.31"]}


def statvfs(free: float, inodes: int = 10**6) -> Callable[[Path], Any]:
    return lambda folder: SimpleNamespace(
        f_bavail=int(free * 1e9), f_frsize=1, f_blocks=10**11, f_files=10**7, f_favail=inodes
    )


@pytest.mark.parametrize(
    ("free", "inodes", "state"), [(50, 10**6, "ok"), (3, 10**6, "warning"), (0.2, 10**6, "problem"), (50, 5, "warning")]
)
def test_disks(free: float, inodes: int, state: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resources.os, "statvfs", statvfs(free, inodes))
    (found,) = resources.folders({"runs": tmp_path / "not" / "there" / "yet"}, 5.0)
    assert (found.state, bool(found.remedy)) == (state, state != "ok")
    assert not list(tmp_path.iterdir())


def test_a_folder_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(**_: Any) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(resources.tempfile, "TemporaryFile", refuse)
    (found,) = resources.folders({"data": tmp_path}, 0.0)
    assert found.state == "problem"
    assert "nothing can be written there (Permission denied)" in found.found
    shared = resources.shared(tmp_path)
    assert shared is not None
    assert shared.state == "warning"


def test_memory_and_what_loaders_share(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A container's limit counts where it is less than the machine has."""
    info = tmp_path / "meminfo"
    info.write_text("MemTotal:       16000000 kB\nMemFree:  1 kB\nMemAvailable:    8000000 kB\n")
    whole = resources.memory(info, tmp_path)
    assert (whole.state, whole.found) == ("ok", "8.2 of 16.4 GB free")
    (tmp_path / "memory.max").write_text("4000000000\n")
    (tmp_path / "memory.current").write_text("3000000000\n")
    limited = resources.memory(info, tmp_path)
    assert (limited.state, limited.found) == ("warning", "1.0 of 4.0 GB free")
    assert resources.memory(tmp_path / "none") is None
    monkeypatch.setattr(resources.os, "statvfs", statvfs(0.064))
    assert "--shm-size" in resources.shared(tmp_path).remedy
    assert resources.shared(tmp_path / "none") is None


def test_the_processor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    info = tmp_path / "cpuinfo"
    info.write_text("processor : 0\nflags\t\t: fpu avx512f avx512_bf16 amx_bf16\n")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    assert device.processor(info).found.endswith("AVX-512, bf16, AMX")
    monkeypatch.setenv("OMP_NUM_THREADS", "4096")
    assert device.processor(info).state == "warning"
    (tmp_path / "cpu.max").write_text("150000 100000\n")
    assert device.quota(tmp_path / "cpu.max") == 1.5
    (tmp_path / "cpu.max").write_text("max 100000\n")
    assert device.quota(tmp_path / "cpu.max") is None


def test_programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without any of them; and with some, by commands that answer as told."""

    def nowhere(name: str) -> None:
        return None

    monkeypatch.delenv("CXX", raising=False)
    assert program.compiler(nowhere).state == "absent"
    assert "python3-dev" in program.compiler(str, tmp_path).remedy
    (tmp_path / "Python.h").touch()
    assert program.compiler(str, tmp_path).state == "ok"
    assert program.slurm(nowhere).state == "absent"
    assert "squeue" in program.slurm(lambda name: name if name == "sinfo" else None).found
    monkeypatch.setattr(program, "_ask", lambda *words: (1, "Unable to contact slurm controller"))
    assert program.slurm(str).state == "warning"
    monkeypatch.setattr(program, "_ask", lambda *words: (0, "debug\nlong\n"))
    monkeypatch.setattr(program, "version_of", lambda name: "1.5")
    assert program.slurm(str).found == "it answers, 2 partitions: launcher=slurm"
    monkeypatch.setattr(program, "logged_in", lambda: False)
    assert (program.account().state, program.account().remedy) == ("absent", "wandb login")
    monkeypatch.setattr(program, "logged_in", lambda: True)
    assert program.account().state == "ok"
    assert program.git(which=nowhere).state == "warning"
    assert program.git(lambda: {"version": "1"}, str).state == "ok"
    assert program.git(lambda: {"version": "1", "commit": ""}, str).state == "warning"
    assert "changed" in program.git(lambda: {"commit": "0" * 40, "changed": True}, str).found
    monkeypatch.setattr(program, "version_of", lambda name: None)
    monkeypatch.setattr(program.ctypes.util, "find_library", nowhere)
    assert "apt-get install espeak-ng" in program.espeak().remedy


def test_without_hydra_it_examines_all_the_same(
    said: dict[str, Any], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    keys = compose("doctor").keys()
    monkeypatch.setitem(sys.modules, "hydra", None)
    code, out, err = ask(monkeypatch, capsys)
    assert code in (0, 1)
    assert "Hydra cannot be imported" in err
    assert "python" in out
    assert doctor.defaults().keys() == keys


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("/opt/conda/lib/libtorch.so: cannot open", ".../libtorch.so: cannot open"),
        ("in ~/work/x.yaml, line 3", "in .../x.yaml, line 3"),
        ("https://download.pytorch.org/whl/cu130", "https://download.pytorch.org/whl/cu130"),
        ("3.0 of 9 GB, MB/s", "3.0 of 9 GB, MB/s"),
    ],
)
def test_scrubbing(text: str, left: str) -> None:
    assert scrub(text) == left
    assert scrub(f"{Path.home()}/secret/{socket.gethostname()}") != f"{Path.home()}/secret/{socket.gethostname()}"


def test_a_stop_leaves_no_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C while torch is imported: the process that imports it ends as well."""
    real, children = subprocess.Popen, []

    def start(command: list[str], **options: Any) -> subprocess.Popen[str]:
        children.append(real([sys.executable, "-S", "-c", "import time; time.sleep(60)"], **options))
        return children[-1]

    monkeypatch.setattr(subprocess, "Popen", start)
    before = signal.signal(signal.SIGALRM, lambda *_: os.kill(os.getpid(), signal.SIGINT))
    answered = signal.signal(signal.SIGINT, signal.default_int_handler)  # in the background it may be ignored
    started = time.monotonic()
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.2)
        with pytest.raises(KeyboardInterrupt), device.probing(30.0) as asked:
            asked.answer()
    finally:
        signal.signal(signal.SIGALRM, before)
        signal.signal(signal.SIGINT, answered)
    assert children[0].poll() is not None
    assert time.monotonic() - started < 10
