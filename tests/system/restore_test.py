"""Disaster recovery with real nodes: a cluster is lost for good, and a new one with another id is
made from an image; nodes of the old one do not get in."""

import json
import os
import pathlib
import shlex
import shutil
import subprocess
import unittest

import cluster
from system_test import SystemTest


def keys_and_values(node):
    """All that a node holds, as its followers would read it."""
    with node.client() as client:
        found = client.call("MGET", *(f"key-{i}" for i in range(2000)))
        return found, client.call("DBSIZE")


class Restore(SystemTest):
    options = ("--snapshot-entries", "0", "--snapshot-bytes", "0")

    def setUp(self):
        super().setUp()
        self.leader = self.cluster.start()
        with self.leader.client() as client:
            client.send([("SET", f"key-{i}", f"value-{i}" * 20) for i in range(2000)])
            for _ in range(2000):
                self.assertEqual(b"OK", client.receive())
            self.assertEqual(1000, client.call("DEL", *(f"key-{i}" for i in range(0, 2000, 2))))
        self.cluster.wait_until_caught_up()
        self.before = keys_and_values(self.leader)
        self.image = self.save_and_copy()

    def ctl(self, *arguments):
        """One report of mainstayctl."""
        return self.run_ctl([os.environ["MAINSTAYCTL"], "--json", *arguments])

    def run_ctl(self, command):
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
        self.assertEqual(0, done.returncode, done.stderr)
        return json.loads(done.stdout)

    def save_and_copy(self):
        self.ctl("--admin", f"127.0.0.1:{self.leader.http_port}", "snapshot", "save")
        found, = pathlib.Path(self.leader.directory).glob("*.image")
        copy = self.scratch / "backup.image"
        shutil.copy(found, copy)
        return copy

    def restore(self, fresh):
        """Makes the directories of a new cluster as the tool says; the new id."""
        members = ",".join(f"{n.id}=127.0.0.1:{n.raft_port}" for n in fresh.nodes)
        first = fresh.node(1)
        report = self.ctl("snapshot", "restore", str(self.image), "--data", str(first.directory),
                          "--id", "1", "--cluster", members)
        self.assertEqual(2, len(report["restore_others"]))
        for command, node in zip(report["restore_others"], fresh.nodes[1:]):
            # On other machines the directory has the same name; here it must not.
            command = command.replace(str(first.directory), str(node.directory))
            other = self.run_ctl([os.environ["MAINSTAYCTL"], "--json", *shlex.split(command)[1:]])
            self.assertEqual((report["cluster"], node.id), (other["cluster"], other["node"]))
            self.assertEqual(report["digest"], other["digest"])
        self.assertIn(f"--cluster-id {report['cluster']}", report["start"])
        return report["cluster"]

    def lose_everything_but_the_image(self):
        for node in self.cluster.nodes:
            node.kill()
        for node in self.cluster.nodes[1:]:
            shutil.rmtree(node.directory)

    def fresh_cluster(self):
        """A cluster made from the image: two of its nodes on the lost machines' addresses."""
        place = self.scratch / "fresh"
        place.mkdir()
        fresh = cluster.Cluster(os.environ["MAINSTAYD"], place, options=self.options)
        for node, lost in zip(fresh.nodes[1:], self.cluster.nodes[1:]):
            node.raft_port = lost.raft_port
        fresh.options += ["--cluster-id", str(self.restore(fresh))]
        return fresh

    def test_a_lost_cluster_starts_over_with_all_that_the_image_holds(self):
        self.lose_everything_but_the_image()

        with self.fresh_cluster() as fresh:
            leader = fresh.start()
            for node in fresh.nodes:
                self.assertEqual(self.before, keys_and_values(node), f"node {node.id}")
            with leader.client() as client:
                self.assertEqual(b"OK", client.call("SET", "after", "all"))
            fresh.wait_until_caught_up()

            for node in fresh.nodes:
                node.kill()
            leader = fresh.start()
            with leader.client() as client:
                self.assertEqual(b"all", client.call("GET", "after"))

    def test_a_node_of_the_lost_cluster_does_not_get_in(self):
        self.lose_everything_but_the_image()
        old = self.cluster.node(1)

        with self.fresh_cluster() as fresh:
            leader = fresh.start()
            term = leader.status()["term"]
            old.start()
            cluster.wait_until(
                lambda: "different cluster ids" in old.log.read_text(errors="replace"), 20,
                "the old node is not refused")

            self.assertNotEqual("leader", old.status()["role"])
            for node in fresh.nodes:
                self.assertEqual((term, leader.id),
                                 (node.status()["term"], node.status()["leader"]))


if __name__ == "__main__":
    unittest.main()
