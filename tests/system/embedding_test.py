"""The examples that embed a node, as three processes each: their ports are fixed, so they run in a
network namespace of their own."""

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

    def start(self, number, example="counter"):
        """Starts one node of an example; its answers are lines of its standard output."""
        program = pathlib.Path(os.environ["COUNTER"]).with_name(example)
        counter = subprocess.Popen(
            ["setpriv", "--pdeathsig", "SIGKILL", "--", str(program), str(number)],
            cwd=self.directory, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.addCleanup(counter.wait)
        self.addCleanup(counter.kill)
        self.addCleanup(counter.stdin.close)
        self.addCleanup(counter.stdout.close)
        return counter

    def add(self, counter, number):
        return self.say(counter, number)

    def say(self, node, line):
        node.stdin.write(f"{line}\n")
        node.stdin.flush()
        return node.stdout.readline().strip()

    def say_once_led(self, node, line):
        """The answer to a line, once the node knows a leader; before, nothing is carried out."""
        answers = []
        def led():
            answers.append(self.say(node, line))
            return answers[-1] != "no leader is known"
        cluster.wait_until(led, 20, "no leader", pause=0.05)
        return answers[-1]

    def start_three(self, example, first, answer):
        """Three nodes, once they answer the first line so."""
        nodes = [self.start(i, example) for i in (1, 2, 3)]
        cluster.wait_until(lambda: self.say(nodes[0], first) == answer, 20, "no leader", pause=0.05)
        return nodes

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

    def test_a_register_compares_and_sets(self):
        nodes = self.start_three("register", "get", "(none)")
        self.assertEqual("(none)", self.say_once_led(nodes[1], "set a"))
        self.assertEqual("a", self.say_once_led(nodes[2], "swap b c"))
        self.assertEqual("a", self.say_once_led(nodes[0], "swap a b"))
        self.assertEqual("b", self.say_once_led(nodes[1], "get"))

    def test_a_journal_has_one_order(self):
        nodes = self.start_three("journal", "first", "1")
        self.assertEqual("2", self.say_once_led(nodes[1], "second"))
        self.assertTrue(self.say_once_led(nodes[2], "").endswith(" first"))
        self.assertTrue(nodes[2].stdout.readline().strip().endswith(" second"))

    def test_a_lock_has_one_owner(self):
        nodes = self.start_three("lock", "lock door", "held, with token 1")
        self.assertEqual("in the queue, at place 1", self.say_once_led(nodes[1], "lock door"))
        self.assertEqual("not held", self.say_once_led(nodes[2], "unlock door"))
        self.assertEqual("given up", self.say_once_led(nodes[0], "unlock door"))
        self.assertEqual("held, with token 2", self.say_once_led(nodes[1], "lock door"))


if __name__ == "__main__":
    if IN_NAMESPACE not in os.environ:
        os.environ[IN_NAMESPACE] = "1"
        as_root = [] if os.geteuid() == 0 else ["--map-root-user"]
        os.execvp("unshare", ["unshare", *as_root, "--net", sys.executable, *sys.argv])
    raise_loopback()
    unittest.main()
