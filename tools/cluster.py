"""A cluster of real mainstayd processes on loopback, for the demo and the system tests.

It starts, kills, pauses and asks them; it ends only what it started, and they end with it, however
it ends. Nodes must be started from the main thread: they live as long as the thread that did.
"""

import http.client
import json
import pathlib
import random
import re
import signal
import socket
import subprocess
import time

import resp


class Failed(Exception):
    """What was expected of the cluster did not come true."""


def wait_until(condition, seconds, what, pause=0.01):
    """Calls `condition` until it gives something true, and gives that; Failed when time is up."""
    deadline = time.monotonic() + seconds
    while True:
        if found := condition():
            return found
        if time.monotonic() > deadline:
            raise Failed(f"after {seconds} s: {what}")
        time.sleep(pause)


_claims = {}


def _claim(port):
    """Whether this process now holds that number alone, among all that ask here: by a name that
    the kernel takes back when the process ends."""
    if port in _claims:
        return False
    claim = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    try:
        claim.bind(f"\0mainstay-port-{port}")
    except OSError:
        claim.close()
        return False
    _claims[port] = claim
    return True


def free_ports(count):
    """Ports that nobody else gets: below the range for outgoing connections, so that none is taken
    while a node is down, and claimed, so that suites that run side by side do not meet."""
    limits = pathlib.Path("/proc/sys/net/ipv4/ip_local_port_range").read_text(encoding="ascii")
    found = set()
    while len(found) < count:
        port = random.randrange(10000, max(int(limits.split()[0]), 20000))
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        if _claim(port):
            found.add(port)
    return sorted(found)


class Node:
    """One mainstayd: its directory, its ports, and its process while it runs."""

    def __init__(self, number, directory, log, command):
        self.id = number
        self.directory = pathlib.Path(directory)
        self.raft_port, self.resp_port, self.http_port = free_ports(3)
        self.log = pathlib.Path(log)
        self.process = None
        self._command = command

    def start(self, *more):
        """Starts the process; does not wait until it serves."""
        self.start_as([*self._command(self), *more])

    def start_as(self, command):
        """As `start`, with another command line than the cluster's."""
        self.directory.mkdir(parents=True, exist_ok=True)
        with open(self.log, "ab") as log:
            # The node dies with this process (setpriv), and Ctrl-C reaches this process alone.
            self.process = subprocess.Popen(
                ["setpriv", "--pdeathsig", "SIGKILL", "--", *command], stdin=subprocess.DEVNULL,
                stdout=log, stderr=subprocess.STDOUT, start_new_session=True)

    @property
    def running(self):
        return self.process is not None and self.process.poll() is None

    def signal(self, number):
        """Sends a signal to the process."""
        self.process.send_signal(number)

    def kill(self):
        """SIGKILL: no chance to write anything more."""
        self.process.kill()
        self.process.wait()

    def stop(self, seconds=10):
        """SIGTERM, and the exit status that follows."""
        self.process.terminate()
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            raise Failed(f"node {self.id} ignored SIGTERM for {seconds} s") from None

    def get(self, path, seconds=1.0):
        """(HTTP status, body) of a GET on the admin port; Failed when it does not answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.http_port, timeout=seconds)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        except (OSError, http.client.HTTPException) as failure:
            raise Failed(f"node {self.id}: GET {path}: {failure}") from failure
        finally:
            connection.close()

    def status(self):
        """GET /v1/status as a dictionary; None when the node does not answer."""
        try:
            code, body = self.get("/v1/status")
        except Failed:
            return None
        return json.loads(body) if code == 200 else None

    def client(self, timeout=5.0):
        """A connection to the client port."""
        return resp.Client(self.resp_port, timeout=timeout)

    def log_tail(self, lines=20):
        """The end of what the process printed."""
        text = self.log.read_text(errors="replace") if self.log.exists() else ""
        return "\n".join(text.splitlines()[-lines:])


class Cluster:
    """Nodes 1 to `size`, with data and logs in `directory` (or the data elsewhere). Use it as a
    context, which starts none and in the end stops all."""

    def __init__(self, mainstayd, directory, data=None, size=3, options=()):
        directory = pathlib.Path(directory)
        data = pathlib.Path(data) if data else directory
        self.options = list(options)
        self._mainstayd = str(pathlib.Path(mainstayd).resolve())
        self.nodes = [Node(i, data / f"data-{i}", directory / f"node-{i}.log", self.command)
                      for i in range(1, size + 1)]

    def command(self, node):
        """The command line that starts a node."""
        members = ",".join(f"{n.id}=127.0.0.1:{n.raft_port}" for n in self.nodes)
        return [self._mainstayd, "--id", str(node.id), "--data", str(node.directory),
                "--cluster", members, "--resp", f"127.0.0.1:{node.resp_port}",
                "--http", f"127.0.0.1:{node.http_port}", *self.options]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for node in self.nodes:
            if node.running:
                node.signal(signal.SIGCONT)
                node.kill()

    def node(self, number):
        """The node with this id."""
        return self.nodes[number - 1]

    def start(self, seconds=20):
        """Starts every node, waits until all follow one leader, and gives it."""
        for node in self.nodes:
            node.start()

        def agreed():
            leader = self.wait_for_leader(seconds)
            found = [node.status() for node in self.nodes]
            return leader if all(s and s["leader"] == leader.id for s in found) else None
        return wait_until(agreed, seconds, "no leader that all follow")

    def leader(self):
        """The node that leads the newest term, among those that answer; None without."""
        found = [(status["term"], node) for node in self.nodes if node.running
                 and (status := node.status()) and status["role"] == "leader"]
        return max(found, key=lambda pair: pair[0])[1] if found else None

    def wait_for_leader(self, seconds=10, besides=None):
        """Waits until a node other than `besides` leads, and gives it."""
        def found():
            for node in self.nodes:
                if node.process is not None and not node.running:
                    self._require_meant(node)
            leader = self.leader()
            return leader if leader is not besides else None
        return wait_until(found, seconds, "no leader:\n" + self.logs())

    def _require_meant(self, node):
        # -9 is what kill() leaves behind. Anything else is a node that gave up by itself.
        if node.process.returncode not in (-signal.SIGKILL, 0):
            raise Failed(f"node {node.id} ended with {node.process.returncode}:\n"
                         + node.log_tail())

    def wait_until_caught_up(self, seconds=20):
        """Waits until every running node has applied all that the leader has committed."""
        def equal():
            found = [node.status() for node in self.nodes if node.running]
            if not all(found):
                return False
            highest = max(status["last_index"] for status in found)
            return all(status["applied_index"] == highest for status in found)
        wait_until(equal, seconds, "the nodes did not catch up", pause=0.05)

    def logs(self):
        """The ends of all nodes' logs."""
        return "\n".join(f"--- node {n.id}\n{n.log_tail()}" for n in self.nodes)


def metric(text, name):
    """The sum of a metric's samples in Prometheus text; None when there are none."""
    found = re.findall(rf"^{re.escape(name)}(?:\{{[^}}]*\}})? (\S+)$", text, re.MULTILINE)
    return sum(map(float, found)) if found else None
