"""What this machine has to give: idle cores, free memory and GPUs, as far as this process may take them.

Linux says so in files; `root` is where they are looked for. Where there are none, nothing is known and nothing limits.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

ROOT = Path("/")
WATCHED_SECONDS = 0.5  # to see how busy the cores are
NO_LIMIT = 1 << 60  # bytes; control groups of the first version write a number like that for "none"
GPU = re.compile(r"^(\s*)(?:GPU \d+|MIG .*Device +\d+): .*?\(?UUID: ([\w/-]+)\)", flags=re.M)


def idle_cores(root: Path = ROOT, seconds: float = WATCHED_SECONDS) -> float:
    """How many cores' worth of time nobody used just now, of those that this process may use."""
    mine = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set(range(os.cpu_count() or 1))
    before = _ticks(root)
    time.sleep(seconds)
    after = _ticks(root)
    found = [_quota(folder) for folder in control_groups("cpu", root)]
    shares = [_idle_share(before[core], after[core]) for core in mine if core in before and core in after]
    return min([sum(shares) if shares else float(len(mine)), *(limit for limit in found if limit is not None)])


def free_memory(root: Path = ROOT) -> int | None:
    """Bytes that may still be taken: of the machine, and of every control group that this process is in."""
    file = root / "proc/meminfo"
    if not file.is_file():
        return None
    available = re.search(r"^MemAvailable:\s+(\d+) kB", file.read_text(encoding="utf-8"), flags=re.M)
    left = [int(available[1]) * 1024] if available else []
    left += [bytes_left for folder in control_groups("memory", root) if (bytes_left := _left(folder)) is not None]
    return max(0, min(left)) if left else None


def oom_kills(root: Path = ROOT) -> int:
    """How many processes the system has killed because memory ran out, since it began."""
    file = root / "proc/vmstat"
    found = re.search(r"^oom_kill (\d+)", file.read_text(encoding="utf-8"), flags=re.M) if file.is_file() else None
    return int(found[1]) if found else 0


def gpus() -> list[str]:
    """GPUs, or their parts where they are divided (MIG), by the names that CUDA_VISIBLE_DEVICES takes."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None:
        return [name.strip() for name in visible.split(",") if name.strip() not in ("", "-1")]
    if shutil.which("nvidia-smi") is None:
        return []
    listed = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True, check=False)
    return listed_gpus(listed.stdout) if listed.returncode == 0 else []


def listed_gpus(text: str) -> list[str]:
    """The names in what `nvidia-smi -L` prints; of one that is divided its parts.

    >>> listed_gpus("GPU 0: A100 (UUID: GPU-a)\\n  MIG 1g.5gb Device 0: (UUID: MIG-b)\\nGPU 1: A100 (UUID: GPU-c)\\n")
    ['MIG-b', 'GPU-c']
    """
    found: list[str] = []
    for indent, name in GPU.findall(text):
        if indent and found and found[-1].startswith("GPU-"):
            found.pop()
        found.append(name)
    return found


def control_groups(controller: str, root: Path = ROOT) -> Iterator[Path]:
    """Folders of the control groups that this process is in, of either version, from its own to the outermost."""
    file = root / "proc/self/cgroup"
    for line in file.read_text(encoding="utf-8").splitlines() if file.is_file() else ():
        _, names, path = line.split(":", 2)
        if names and controller not in names.split(","):
            continue
        mount = root / "sys/fs/cgroup" / (controller if names else "")
        own = mount / path.lstrip("/")
        yield from (folder for folder in (own, *own.parents) if folder.is_relative_to(mount) and folder.is_dir())


def _left(folder: Path) -> int | None:
    """What a group may still take; file pages that nobody used lately are given back when asked for."""
    limit, used = (
        (folder / "memory.max", folder / "memory.current")
        if (folder / "memory.max").is_file()
        else (folder / "memory.limit_in_bytes", folder / "memory.usage_in_bytes")
    )
    if not limit.is_file() or not used.is_file():
        return None
    text = limit.read_text(encoding="utf-8").strip()
    if text == "max" or int(text) > NO_LIMIT:
        return None
    stat = folder / "memory.stat"
    counts = dict(line.split() for line in stat.read_text(encoding="utf-8").splitlines()) if stat.is_file() else {}
    unused = int(counts.get("total_inactive_file", counts.get("inactive_file", 0)))
    return int(text) - int(used.read_text(encoding="utf-8")) + unused


def _quota(folder: Path) -> float | None:
    """Cores' worth of time that a group may take."""
    whole, quota, period = (folder / name for name in ("cpu.max", "cpu.cfs_quota_us", "cpu.cfs_period_us"))
    if whole.is_file():
        words = whole.read_text(encoding="utf-8").split()
    elif quota.is_file() and period.is_file():
        words = [file.read_text(encoding="utf-8").strip() for file in (quota, period)]
    else:
        return None
    return None if words[0] in ("max", "-1") else int(words[0]) / int(words[1])


def _ticks(root: Path) -> dict[int, list[int]]:
    """Of each core the ticks since it began, by what they were used for."""
    file = root / "proc/stat"
    text = file.read_text(encoding="utf-8") if file.is_file() else ""
    return {
        int(core): [int(one) for one in ticks.split()] for core, ticks in re.findall(r"^cpu(\d+) (.*)$", text, re.M)
    }


def _idle_share(before: list[int], after: list[int]) -> float:
    """user nice system idle iowait irq softirq steal: the next two are in user and nice already."""
    spent = [late - early for early, late in zip(before[:8], after[:8], strict=True)]
    return (spent[3] + spent[4]) / sum(spent) if sum(spent) > 0 else 1.0
