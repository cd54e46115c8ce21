"""A machine: a network namespace and a host name of its own, a cable to the rest that can be cut, and all that was started there in one group."""

import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import mist_pipeline_tests

CHECKOUT = Path(mist_pipeline_tests.__file__).parent.parent
GONE_SECONDS = 60.0
DAEMON = (sys.executable, "-m", "mist_pipeline_tests.failover.noc", "daemon")


class Machine:
    """One of the two.

    Args:
        name: Its host name.
        number: Which network is its own.
        ports: What it reaches at its loopback address though it is elsewhere, since secrets go over plain HTTP to no other.
        log: Where its processes write.
    """

    def __init__(self, name: str, number: int, ports: Sequence[int], log: Path) -> None:
        self.name, self.log = name, log
        self.namespace = f"mist-{os.getpid()}-{name}"
        self._cable = f"mf{os.getpid() % 100000}{name[-1]}"
        subnet = f"10.{64 + os.getpid() % 64}.{number}"
        self.address, self.outside = f"{subnet}.2", f"{subnet}.1"
        self._ports = ports
        self._running: subprocess.Popen[bytes] | None = None
        self._forwarder: subprocess.Popen[bytes] | None = None

    def make(self) -> None:
        """Make its network.

        Raises:
            CalledProcessError: This user may not.
        """
        _ip("netns", "add", self.namespace)
        _ip("link", "add", self._cable, "type", "veth", "peer", "name", "eth0", "netns", self.namespace)
        _ip("addr", "add", f"{self.outside}/30", "dev", self._cable)
        _ip("link", "set", self._cable, "up")
        _ip("-n", self.namespace, "addr", "add", f"{self.address}/30", "dev", "eth0")
        for device in ("lo", "eth0"):
            _ip("-n", self.namespace, "link", "set", device, "up")
        command = ["-m", "mist_pipeline_tests.failover.forward", self.outside, *map(str, self._ports)]
        self._forwarder = subprocess.Popen(
            ["ip", "netns", "exec", self.namespace, sys.executable, *command], cwd=CHECKOUT
        )

    def remove(self) -> None:
        """Remove it with all that still runs on it."""
        self.kill()
        if self._forwarder is not None:
            self._forwarder.kill()
            self._forwarder.wait()
        # With its namespace the cable would go too, but later: another machine of this name could not be made at once.
        subprocess.run(["ip", "link", "del", self._cable], check=False, capture_output=True)
        subprocess.run(["ip", "netns", "del", self.namespace], check=False, capture_output=True)

    def start(
        self, environment: Mapping[str, str], command: Sequence[str] = DAEMON, *, hidden: Sequence[Path] = ()
    ) -> None:
        """Start the daemon, or something else.

        Args:
            environment: Of it.
            command: What is started.
            hidden: Folders of other machines, which are empty on this one.
        """
        hide = "".join(f"mount -t tmpfs none {shlex.quote(str(folder))} && " for folder in hidden)
        script = f'{hide}hostname "$0" && exec "$@"'
        apart = ["unshare", "--uts", *(["--mount"] if hidden else []), "sh", "-c", script, self.name]
        with self.log.open("ab") as log:
            self._running = subprocess.Popen(
                ["ip", "netns", "exec", self.namespace, *apart, *command],
                env=dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                cwd=CHECKOUT,
            )

    @property
    def runs(self) -> bool:
        """Whether its daemon is there."""
        return self._running is not None and self._running.poll() is None

    def kill(self) -> None:
        """SIGKILL to everything that the daemon started."""
        self._signal(signal.SIGKILL)
        if self._running is not None:
            self._running.wait()
        self._wait_until_gone()

    def end(self) -> float:
        """SIGTERM, as systemd does it; seconds until all was gone."""
        begun = time.time()
        if self._running is not None:
            self._running.terminate()
            self._running.wait()
        self._wait_until_gone()
        return time.time() - begun

    def pause(self) -> None:
        """SIGSTOP to everything."""
        self._signal(signal.SIGSTOP)

    def wake(self) -> None:
        """SIGCONT to everything."""
        self._signal(signal.SIGCONT)

    def cut(self) -> None:
        """Pull its cable."""
        _ip("link", "set", self._cable, "down")

    def mend(self) -> None:
        """Put it in again."""
        _ip("link", "set", self._cable, "up")

    def processes(self) -> list[str]:
        """Command lines of what its daemon has started, without the console and the sender, which run on every machine."""
        import psutil

        found = []
        for number in self._members():
            try:
                line = " ".join(psutil.Process(number).cmdline())
            except psutil.Error:
                continue
            if not any(name in line for name in ("serving.sender", "cli web", "failover.noc")):
                found.append(line)
        return found

    def cpu_seconds(self) -> float:
        """Of all processes that run there now, and of those that have ended below them."""
        import psutil

        found = 0.0
        for number in self._members():
            with suppress(psutil.Error):
                found += sum(psutil.Process(number).cpu_times()[:4])
        return found

    def _members(self) -> list[int]:
        import psutil

        if self._running is None:
            return []
        found = []
        for process in psutil.process_iter():
            try:
                if os.getpgid(process.pid) == self._running.pid and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(process.pid)
            except (ProcessLookupError, psutil.NoSuchProcess):
                continue
        return found

    def _signal(self, number: signal.Signals) -> None:
        if self._running is not None and self._members():
            os.killpg(self._running.pid, number)

    def _wait_until_gone(self) -> None:
        deadline = time.time() + GONE_SECONDS
        while self._members():
            if time.time() > deadline:
                raise TimeoutError(f"what {self.name} started outlives it: {self.processes()}")
            time.sleep(0.05)


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True)
