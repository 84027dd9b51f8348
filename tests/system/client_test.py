"""The C++ client: what it calls once happens once, whoever is killed or cut off meanwhile; and what
it is told is true."""

import collections
import os
import random
import subprocess
import unittest

import cluster
import proxy
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


class PartitionedClient(SystemTest):
    """A client with little patience behind proxies that lose questions, answers and connections."""

    times = 4000

    def setUp(self):
        super().setUp()
        self.cluster.start()
        self.proxies = [self.enterContext(proxy.Proxy(node.resp_port))
                        for node in self.cluster.nodes]

    def call_through_the_proxies(self, deadline_ms):
        ways = [f"127.0.0.1:{one.port}" for one in self.proxies]
        return subprocess.Popen([os.environ["CLIENT_OUTCOMES"], str(self.times), str(deadline_ms),
                                 *ways], stdout=subprocess.PIPE, text=True)

    def assert_told_the_truth(self, told):
        with self.cluster.wait_for_leader().client() as client:
            found = client.call("MGET", *(f"key-{i}" for i in range(self.times)))
        self.assertEqual(self.times, len(told))
        for i, value in enumerate(found):
            outcome, answer = told[f"key-{i}"]
            with self.subTest(key=i, outcome=outcome, found=value):
                if outcome == "done":
                    self.assertEqual((b"1", "1"), (value, answer))
                elif outcome == "refused":
                    self.assertIsNone(value)
                else:
                    self.assertIn(value, (None, b"1"))

    def test_what_it_is_told_is_true_and_nothing_happens_twice(self):
        generator = random.Random(1)
        program = self.call_through_the_proxies(deadline_ms=200)
        self.addCleanup(program.stdout.close)
        told = {}
        for line in program.stdout:
            key, outcome, answer = line.split()
            told[key] = (outcome, answer)
            if len(told) % 100 == 50:
                for one in self.proxies:
                    generator.choice([one.freeze, one.answers_lost, one.answers_lost, one.cut])()
            elif len(told) % 100 == 75:
                for one in self.proxies:
                    one.heal()

        self.assertEqual(0, program.wait(60))
        self.cluster.wait_until_caught_up()
        self.assert_told_the_truth(told)
        counts = collections.Counter(outcome for outcome, _ in told.values())
        self.assertGreater(counts["done"], self.times // 4, counts)
        for outcome in ("refused", "unknown"):
            self.assertGreater(counts[outcome], 0, counts)


if __name__ == "__main__":
    unittest.main()
