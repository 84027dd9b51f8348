"""The example of the README, as three processes: its ports are fixed, so it runs in a network
namespace of its own."""

import fcntl
import os
import pathlib
import socket
import struct
import subprocess
import sys
import tempfile
import unittest

import cluster

IN_NAMESPACE = "MAINSTAY_OWN_NETWORK"


def raise_loopback():
    """Brings up the namespace's loopback device."""
    read_flags, write_flags, up = 0x8913, 0x8914, 1
    with socket.socket() as any_socket:
        name = struct.pack("16sh", b"lo", 0)
        flags = struct.unpack("16sh", fcntl.ioctl(any_socket, read_flags, name))[1]
        fcntl.ioctl(any_socket, write_flags, struct.pack("16sh", b"lo", flags | up))


class Embedding(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory(prefix="mainstay-test-")
        self.addCleanup(scratch.cleanup)
        self.directory = pathlib.Path(scratch.name)

    def start(self, number):
        """Starts one counter; its answers are lines of its standard output."""
        counter = subprocess.Popen(
            ["setpriv", "--pdeathsig", "SIGKILL", "--", os.environ["COUNTER"], str(number)],
            cwd=self.directory, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.addCleanup(counter.wait)
        self.addCleanup(counter.kill)
        self.addCleanup(counter.stdin.close)
        self.addCleanup(counter.stdout.close)
        return counter

    def add(self, counter, number):
        counter.stdin.write(f"{number}\n")
        counter.stdin.flush()
        return counter.stdout.readline().strip()

    def add_until_counted(self, counter, number):
        """Adds 0, which changes nothing, until there is a leader; then the number."""
        def counted():
            return self.add(counter, 0).lstrip("-").isdigit()
        cluster.wait_until(counted, 20, "no leader", pause=0.05)
        return self.add(counter, number)

    def test_three_counters_count_as_one_and_remember(self):
        counters = [self.start(i) for i in (1, 2, 3)]
        self.assertEqual("5", self.add_until_counted(counters[0], 5))
        self.assertEqual("12", self.add(counters[1], 7))
        self.assertEqual("10", self.add(counters[2], -2))

        for counter in counters:
            counter.kill()
            counter.wait()
        counters = [self.start(i) for i in (1, 2, 3)]

        self.assertEqual("11", self.add_until_counted(counters[2], 1))


if __name__ == "__main__":
    if IN_NAMESPACE not in os.environ:
        os.environ[IN_NAMESPACE] = "1"
        as_root = [] if os.geteuid() == 0 else ["--map-root-user"]
        os.execvp("unshare", ["unshare", *as_root, "--net", sys.executable, *sys.argv])
    raise_loopback()
    unittest.main()
