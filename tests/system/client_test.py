"""The C++ client: what it calls once happens once, whoever is killed or cut off meanwhile."""

import os
import subprocess
import unittest

import cluster
import resp
from system_test import SystemTest


class Client(SystemTest):
    times = 1500

    def start_counting(self):
        nodes = [f"127.0.0.1:{node.resp_port}" for node in self.cluster.nodes]
        return subprocess.Popen([os.environ["COUNT_ONCE"], "n", str(self.times), *nodes],
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def reached(self):
        """How far the counting is, as any node has it."""
        for node in self.cluster.nodes:
            if not node.running:
                continue
            try:
                with node.client() as client:
                    client.call("MAINSTAY", "CONSISTENCY", "stale")
                    return int(client.call("GET", "n") or 0)
            except resp.ConnectionLost:  # it is starting, or was killed in between
                continue
        return 0

    def assert_counted_exactly(self, program):
        out, errors = program.communicate(timeout=120)
        self.assertEqual("", errors)
        self.assertEqual(str(self.times), out.strip())
        with self.cluster.wait_for_leader().client() as client:
            self.assertEqual(str(self.times).encode(), client.call("GET", "n"))

    def test_kills_of_leaders_are_not_noticed(self):
        leader = self.cluster.start()
        program = self.start_counting()
        for mark in (100, 500, 900):
            cluster.wait_until(lambda: self.reached() >= mark, 60, f"{mark} is not reached")
            leader.kill()
            other = self.cluster.wait_for_leader(besides=leader)
            leader.start()
            leader = other

        self.assert_counted_exactly(program)

    def test_everybody_may_be_killed_at_once(self):
        self.cluster.start()
        program = self.start_counting()
        cluster.wait_until(lambda: self.reached() >= 300, 60, "300 is not reached")
        for node in self.cluster.nodes:
            node.kill()
        for node in self.cluster.nodes:
            node.start()

        self.assert_counted_exactly(program)


if __name__ == "__main__":
    unittest.main()
