"""A real SLURM of one's own: munge, controller, two node daemons and accounting on loopback, in one folder.

    python tests/cluster/private_slurm.py              a shell in which sbatch, squeue and sacct know it
    python tests/cluster/private_slurm.py squeue       one command

It needs Debian's packages (`.ci/apt-cluster`) and no root: daemons run as whoever starts them, who alone can submit.
Nothing is changed outside of its folder, and everything is stopped at the end. Waits that take minutes on a cluster are
set to seconds.
"""

from __future__ import annotations

import ctypes
import getpass
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "srun", "scontrol")
ACCOUNTING = ("slurmdbd", "sacct", "sacctmgr", "mariadbd", "mariadb-install-db")
NODE = "SCANSION_NODE"  # in a node daemon's environment: its name
PR_SET_PDEATHSIG = 1
SEARCHED = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"  # daemons are not on everyone's path

CONF = """
ClusterName=scansion
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller_port}
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
# how long a requeued job waits, too: two minutes by default
AuthInfo=socket={folder}/munge.socket,cred_expire=5
StateSaveLocation={folder}/state
SlurmctldPidFile={folder}/slurmctld.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdSpoolDir={folder}/spool-%n
SlurmdPidFile={folder}/slurmd-%n.pid
SlurmdLogFile={folder}/slurmd-%n.log
# no cgroups: nothing of this machine is changed
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
SwitchType=switch/none
JobAcctGatherType=jobacct_gather/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
# more processors than there are, so that jobs run side by side
SlurmdParameters=config_overrides
ReturnToService=2
JobRequeue=1
KillWait=30
MessageTimeout=10
# a node that is gone is down, and its jobs are started again
SlurmdTimeout=30
SchedulerParameters=batch_sched_delay=1,sched_interval=2,sched_min_interval=100000,bf_interval=5
{accounting}
{nodes}
PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""
WITH_ACCOUNTING = """AccountingStorageType=accounting_storage/slurmdbd
AccountingStorageHost=127.0.0.1
AccountingStoragePort={database_port}
# not a password: munge's socket
AccountingStoragePass={folder}/munge.socket
"""
DATABASE_CONF = """
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
DbdHost={host}
DbdAddr=127.0.0.1
DbdPort={database_port}
SlurmUser={user}
LogFile={folder}/slurmdbd.log
PidFile={folder}/slurmdbd.pid
StorageType=accounting_storage/mysql
StorageHost=127.0.0.1
StoragePort={maria_port}
StorageUser=slurm
StoragePass=slurm
"""


def missing() -> list[str]:
    """The programs that it needs and this machine lacks."""
    return [name for name in PROGRAMS if shutil.which(name, path=SEARCHED) is None]


class PrivateSlurm:
    """Starts on entering, stops on leaving; `environment` is what programs need to talk to it."""

    def __init__(self, nodes: int = 2, cpus: int = 2) -> None:
        self.nodes = [f"n{number + 1}" for number in range(nodes)]
        self.cpus = cpus
        self.folder = Path(tempfile.mkdtemp(prefix="slurm-", dir="/tmp"))  # paths of sockets are short
        self.has_accounting = all(shutil.which(name, path=SEARCHED) for name in ACCOUNTING)
        self.environment: Mapping[str, str] = {
            **os.environ,
            "PATH": SEARCHED,
            "SLURM_CONF": str(self.folder / "slurm.conf"),
        }
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def __enter__(self) -> PrivateSlurm:
        try:
            self._configure()
            self._start("munged", "--foreground", "--force", *self._munge_places())
            wait_for((self.folder / "munge.socket").exists, 20, "munged")
            if self.has_accounting:
                self._start_accounting()
            self.start_controller()
            for node in self.nodes:
                self.start_node(node)
            wait_for(self._all_idle, 60, "the nodes")
        except BaseException:
            print(self.logs(), file=sys.stderr)
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        try:
            if "slurmctld" in self._running:
                self.clear()
        finally:
            for name in reversed(list(self._running)):
                self._stop(name)
            self._kill({f"SLURM_CONF={self.environment['SLURM_CONF']}"})  # what jobs have left behind
            shutil.rmtree(self.folder, ignore_errors=True)

    def ask(self, *command: str, check: bool = True, timeout: float = 60) -> str:
        """What a command of SLURM prints."""
        done = subprocess.run(
            command, env=self.environment, capture_output=True, text=True, check=False, timeout=timeout
        )
        assert not check or done.returncode == 0, f"{' '.join(command)}: {done.stdout}{done.stderr}"
        return done.stdout.strip()

    def clear(self) -> None:
        """End all jobs, at once."""
        mine = f"--user={getpass.getuser()}"
        self.ask("scancel", mine, check=False)
        self.ask("scancel", "--signal=KILL", mine, check=False)

    def start_controller(self) -> None:
        self._start("slurmctld", "-D")
        wait_for(lambda: "UP" in self.ask("scontrol", "ping", check=False), 60, "slurmctld")

    def stop_controller(self) -> None:
        self._stop("slurmctld")

    def start_node(self, node: str) -> None:
        self._start(f"slurmd-{node}", "-D", "-N", node, program="slurmd", node=node)

    def kill_node(self, node: str) -> None:
        """As if the power went: the daemon, its steps and all processes of its jobs are gone at once."""
        daemon = self._running.pop(f"slurmd-{node}")
        self._kill({f"{NODE}={node}", f"SLURMD_NODENAME={node}"})  # the daemon and its steps, and what they started
        daemon.wait()

    def logs(self) -> str:
        """The last lines of each daemon."""
        files = sorted(self.folder.glob("*.log")) or sorted(self.folder.glob("*.out"))
        return "\n".join(f"== {file.name}\n" + "\n".join(tail(file)) for file in files)

    def _kill(self, marks: set[str]) -> None:
        """Kill the processes of this cluster that have one of these variables."""
        mine = f"SLURM_CONF={self.environment['SLURM_CONF']}"
        for pid, variables in environments().items():
            if mine in variables and marks & variables:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    continue

    def _all_idle(self) -> bool:
        states = self.ask("sinfo", "--noheader", "--Node", "--format=%T", check=False).split()
        return len(states) == len(self.nodes) and set(states) == {"idle"}

    def _configure(self) -> None:
        self.folder.chmod(0o755)
        for name in ("state", "maria", *(f"spool-{node}" for node in self.nodes)):
            (self.folder / name).mkdir(mode=0o755)
        ports = iter(free_ports(3 + len(self.nodes)))
        places = {
            "folder": self.folder,
            "user": getpass.getuser(),
            "host": socket.gethostname(),
            "controller_port": next(ports),
            "database_port": next(ports),
            "maria_port": next(ports),
        }
        self._maria_port = places["maria_port"]
        about = f"NodeHostname={places['host']} NodeAddr=127.0.0.1 CPUs={self.cpus} State=UNKNOWN"
        nodes = "\n".join(f"NodeName={node} Port={next(ports)} {about}" for node in self.nodes)
        accounting = WITH_ACCOUNTING.format(**places) if self.has_accounting else ""
        (self.folder / "slurm.conf").write_text(CONF.format(**places, nodes=nodes, accounting=accounting))
        database = self.folder / "slurmdbd.conf"
        database.touch(mode=0o600)
        database.write_text(DATABASE_CONF.format(**places))
        key = self.folder / "munge.key"
        key.touch(mode=0o600)
        key.write_bytes(secrets.token_bytes(128))

    def _munge_places(self) -> list[str]:
        names = {"socket": "munge.socket", "key-file": "munge.key", "pid-file": "munge.pid"}
        names |= {"log-file": "munge.log", "seed-file": "munge.seed"}
        return [f"--{option}={self.folder / name}" for option, name in names.items()]

    def _start_accounting(self) -> None:
        data, talk = self.folder / "maria", self.folder / "maria.socket"
        # whose processes: said in a file, for with --user mariadb-install-db changes the owner of one of its plugins
        options = self.folder / "maria.conf"
        options.write_text(f"[mariadbd]\nuser={getpass.getuser()}\ninnodb_buffer_pool_size=64M\n")
        alone = f"--defaults-file={options}"
        new = ("mariadb-install-db", alone, f"--datadir={data}", "--skip-test-db")
        self.ask(*new, "--auth-root-authentication-method=normal", timeout=120)
        places = (f"--datadir={data}", f"--socket={talk}", f"--pid-file={self.folder}/maria.pid")
        self._start("mariadbd", alone, *places, "--bind-address=127.0.0.1", f"--port={self._maria_port}")
        wait_for(talk.exists, 60, "mariadbd")
        grant = "CREATE USER slurm@'127.0.0.1' IDENTIFIED BY 'slurm'; GRANT ALL ON *.* TO slurm@'127.0.0.1';"
        self.ask("mariadb", "--no-defaults", f"--socket={talk}", "--user=root", "-e", grant)
        self._start("slurmdbd", "-D")
        wait_for(lambda: "Cluster" in self.ask("sacctmgr", "show", "cluster", check=False), 60, "slurmdbd")
        self.ask("sacctmgr", "--immediate", "add", "cluster", "scansion")

    def _start(self, name: str, *words: str, program: str | None = None, node: str = "") -> None:
        found = shutil.which(program or name, path=SEARCHED)
        assert found, name
        with (self.folder / f"{name}.out").open("ab") as out:
            self._running[name] = subprocess.Popen(
                [found, *words],
                env={**self.environment, NODE: node},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                preexec_fn=end_with_parent,  # noqa: PLW1509 (no threads here)
            )

    def _stop(self, name: str) -> None:
        process = self._running.pop(name)
        process.terminate()
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def environments() -> dict[int, set[str]]:
    """Process id -> variables that it was started with, of all processes that may be seen."""
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            found[int(folder.name)] = set((folder / "environ").read_text(errors="replace").split("\0"))
        except OSError:
            continue
    return found


def end_with_parent() -> None:
    """In a process that was just started: it ends when the one that started it does, however that ends."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on, all at once so that they differ."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
    finally:
        for one in sockets:
            one.close()


def tail(file: Path, lines: int = 15) -> list[str]:
    return file.read_text(errors="replace").splitlines()[-lines:]


def wait_for(holds: Callable[[], object], seconds: float, what: str) -> None:
    """Look four times a second."""
    until = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > until:
            raise TimeoutError(f"{what}: not after {seconds} seconds")
        time.sleep(0.25)


def main() -> int:
    if lacking := missing():
        print(f"missing: {', '.join(lacking)}: run .ci/apt-cluster", file=sys.stderr)
        return 1
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # and stop everything
    with PrivateSlurm() as slurm:
        command = sys.argv[1:] or [os.environ.get("SHELL", "sh")]
        return subprocess.run(command, env=slurm.environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
