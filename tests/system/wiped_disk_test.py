"""A node whose disk was wiped while every node was down: it is refused under its old id, until its
operator says on purpose, and in the right order, that a new disk stands behind it."""

import json
import os
import pathlib
import shutil
import subprocess
import unittest

import cluster
from system_test import SystemTest

REFUSED = "node 3 comes with disk incarnation"


class WipedDisk(SystemTest):
    def setUp(self):
        super().setUp()
        self.cluster.start()
        with self.cluster.node(1).client() as client:
            for i in range(50):
                self.assertEqual(b"OK", client.call("SET", f"key-{i}", f"value-{i}"))
        self.cluster.wait_until_caught_up()
        for node in self.cluster.nodes:
            node.stop()
        shutil.rmtree(self.cluster.node(3).directory)

    def wait_for_line(self, node, text):
        cluster.wait_until(lambda: text in node.log.read_text(errors="replace"), 20,
                           f"node {node.id} does not say: {text}")

    def assert_holds_everything(self, node):
        with node.client() as client:
            for i in range(50):
                self.assertEqual(f"value-{i}".encode(), client.call("GET", f"key-{i}"))

    def test_it_is_refused_and_does_not_vote_while_the_others_serve(self):
        for node in self.cluster.nodes:
            node.start()
        leader = self.cluster.wait_for_leader(20)

        self.assertNotEqual(3, leader.id)
        for node in self.cluster.nodes[:2]:
            self.wait_for_line(node, REFUSED)
            self.assert_holds_everything(node)
        self.wait_for_line(self.cluster.node(3), "not the one known under its id")
        with leader.client() as client:
            self.assertEqual(b"OK", client.call("SET", "still", "serving"))

        # With the other survivor gone as well, the wiped node must not make a majority.
        survivor = leader
        for node in self.cluster.nodes[:2]:
            if node is not leader:
                node.kill()
        cluster.wait_until(lambda: (s := survivor.status()) and s["role"] != "leader", 10,
                           "a leader alone goes on leading")
        before = self.refusals(survivor)
        cluster.wait_until(lambda: self.refusals(survivor) > before, 20,
                           "the wiped node does not try again")
        self.assertFalse(survivor.status()["leader"])
        self.assertFalse(self.cluster.node(3).status()["leader"])
        self.assertEqual(0, self.cluster.node(3).status()["last_index"])

    def refusals(self, node):
        return node.log.read_text(errors="replace").count(REFUSED)

    def test_a_disk_that_is_replaced_on_purpose_catches_up(self):
        kept = self.cluster.nodes[:2]
        for node in kept:
            node.start()
        self.cluster.wait_for_leader(20)
        self.cluster.wait_until_caught_up()

        for node in kept:
            node.stop()
            self.forget(node, 3)
        for node in self.cluster.nodes:
            node.start()
        self.cluster.wait_for_leader(20)
        self.cluster.wait_until_caught_up()

        self.assert_holds_everything(self.cluster.node(3))

    def test_nothing_is_forgotten_while_the_node_runs(self):
        node = self.cluster.node(1)
        node.start()
        cluster.wait_until(node.status, 20, "node 1 does not come up")

        done = self.forget_peer(node, 3)

        self.assertEqual(8, done.returncode, done.stderr)

    def forget_peer(self, node, peer):
        mainstayctl = pathlib.Path(os.environ["MAINSTAYD"]).parent / "mainstayctl"
        return subprocess.run([mainstayctl, "--json", "forget-peer", "--data", node.directory,
                               "--node", str(peer)], capture_output=True, text=True, timeout=20)

    def forget(self, node, peer):
        done = self.forget_peer(node, peer)
        self.assertEqual(0, done.returncode, done.stderr)
        self.assertTrue(json.loads(done.stdout)["forgotten"])


if __name__ == "__main__":
    unittest.main()
