"""A Slurm of two nodes on this one machine, on loopback: munged, slurmctld and two slurmd, started and stopped.

Needs root and Debian's packages (``apt-get install slurm-wlm munge``). Slurm's own commands and the executor
plugin look for the configuration in its standard place, so a machine that has one already is refused.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

CONF = Path("/etc/slurm/slurm.conf")
NODES = ("bench1", "bench2")
PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "scancel", "scontrol", "sinfo", "squeue")

_CONF = """\
ClusterName=bench
SlurmctldHost={host}(127.0.0.1)
AuthType=auth/munge
SlurmUser=root
SlurmdUser=root
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool-%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd-%n.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd-%n.log
# Neither control groups nor an accounting database: what a container and a small cluster lack.
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
ReturnToService=2
KillWait=20
MailProg=/bin/true
# Two nodes of two cores, whatever this machine has.
SlurmdParameters=config_overrides
NodeName={nodes} NodeAddr=127.0.0.1 NodeHostname={host} Port=[17301-17302] CPUs=2 RealMemory=64000
PartitionName=main Nodes={nodes} Default=YES MaxTime=INFINITE State=UP OverSubscribe=NO
"""


def lacking() -> list[str]:
    """What keeps a Slurm from being started here, in words."""
    reasons = [] if os.geteuid() == 0 else ["must be root (slurmctld and slurmd start jobs for others)"]
    absent = [p for p in PROGRAMS if shutil.which(p) is None]
    if absent:
        reasons.append(f"no {', '.join(absent)}: apt-get install slurm-wlm munge")
    if CONF.exists():
        reasons.append(f"{CONF} exists: this machine has a Slurm of its own")
    return reasons


@contextmanager
def slurm(folder: Path) -> Iterator[None]:
    """Start a Slurm whose state and logs lie in ``folder``; stop what was started.

    Raises:
        RuntimeError: it cannot be started here, or its nodes are not idle within a minute.
    """
    if reasons := lacking():
        raise RuntimeError("; ".join(reasons))
    (folder / "state").mkdir(parents=True)
    host = os.uname().nodename.split(".")[0]
    CONF.parent.mkdir(exist_ok=True)
    started: list[subprocess.Popen[bytes]] = []
    # Ended by SIGTERM, too, nothing is left running: it becomes what Ctrl-C is.
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        CONF.write_text(_CONF.format(host=host, folder=folder, nodes=",".join(NODES)))
        started += _munge(folder)
        # In the foreground (-D), so that they are this process's children and end with it.
        started.append(_daemon(folder, "slurmctld", "-D"))
        started += [_daemon(folder, "slurmd", "-D", "-N", node) for node in NODES]
        _wait_until_idle(folder)
        yield
    finally:
        subprocess.run(["scancel", "--user", "root"], capture_output=True, timeout=30)
        for process in reversed(started):
            process.terminate()
        for process in started:
            try:
                process.wait(timeout=30)
            except subprocess.TimeoutExpired:
                process.kill()
        CONF.unlink()
        signal.signal(signal.SIGTERM, before)


def _munge(folder: Path) -> list[subprocess.Popen[bytes]]:
    """munged with a key of its own, unless one is running already."""
    if subprocess.run(["munge", "-n"], capture_output=True).returncode == 0:
        return []
    home = folder / "munge"
    home.mkdir(mode=0o700)
    key = home / "key"
    key.write_bytes(os.urandom(128))
    key.chmod(0o400)
    Path("/run/munge").mkdir(mode=0o755, exist_ok=True)  # where clients look for the socket
    where = [f"--{what}-file={home / what}" for what in ("key", "log", "pid", "seed")]
    # --force: its log and socket may lie in folders that others may write to.
    return [_daemon(folder, "munged", "--foreground", "--force", *where)]


def _daemon(folder: Path, *command: str) -> subprocess.Popen[bytes]:
    with (folder / f"{command[0]}.out").open("ab") as out:
        return subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT, start_new_session=True)


def node_states() -> dict[str, str]:
    """Node to its state, in lower case (``idle``, ``alloc``, ``drain`` …)."""
    asked = subprocess.run(["sinfo", "-h", "-N", "-o", "%N %T"], capture_output=True, text=True, timeout=30)
    return dict(line.split() for line in asked.stdout.splitlines())


def _wait_until_idle(folder: Path) -> None:
    deadline = time.monotonic() + 60
    while node_states() != dict.fromkeys(NODES, "idle"):
        if time.monotonic() > deadline:
            logs = "\n".join(p.read_text(errors="replace")[-1500:] for p in sorted(folder.glob("*.[lo][ou]*")))
            raise RuntimeError(f"the nodes are not idle: {node_states()}\n{logs}")
        time.sleep(0.5)
