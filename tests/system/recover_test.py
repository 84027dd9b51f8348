"""Two of three disks are lost for good: what is left is made a new cluster, which grows again, and
in which nobody of the old one takes part."""

import json
import os
import pathlib
import shutil
import subprocess
import unittest

import cluster
from system_test import SystemTest

MAINSTAYCTL = pathlib.Path(os.environ["MAINSTAYD"]).parent / "mainstayctl"


class Recovery(SystemTest):
    def setUp(self):
        super().setUp()
        self.cluster.start()
        with self.cluster.node(1).client() as client:
            for i in range(50):
                self.assertEqual(b"OK", client.call("SET", f"key-{i}", f"value-{i}"))
        self.cluster.wait_until_caught_up()
        self.survivor = self.cluster.node(1)
        self.others = self.cluster.nodes[1:]
        for node in self.others:
            node.kill()

    def ctl(self, *arguments, status=0):
        done = subprocess.run([MAINSTAYCTL, "--json", *arguments], capture_output=True, text=True,
                              check=False)
        self.assertEqual(status, done.returncode, done.stdout + done.stderr)
        return json.loads(done.stdout)

    def recover(self, *more, status=0):
        return self.ctl("recover", "--data", str(self.survivor.directory), *more, status=status)

    def start_alone(self, made):
        command = self.cluster.command(self.survivor)
        command[command.index("--cluster") + 1] = f"1={made['address']}"
        self.survivor.start_as([*command, "--cluster-id", str(made["cluster"])])
        cluster.wait_until(lambda: (s := self.survivor.status()) and s["role"] == "leader", 20,
                           "the survivor does not lead")

    def join(self, node):
        command = self.cluster.command(node)
        at = command.index("--cluster")
        command[at:at + 2] = ["--join", f"127.0.0.1:{self.survivor.http_port}",
                              "--address", f"127.0.0.1:{node.raft_port}"]
        node.start_as(command)

    def voters(self):
        members = self.ctl("--admin", f"127.0.0.1:{self.survivor.http_port}", "member", "list")
        return [m["id"] for m in members["voters"]], members["outgoing_voters"]

    def assert_holds_everything(self, node):
        with node.client() as client:
            for i in range(50):
                self.assertEqual(f"value-{i}".encode(), client.call("GET", f"key-{i}"))

    def test_a_running_node_is_left_alone(self):
        self.recover("--force-new-cluster", status=8)

        self.assertTrue(self.survivor.running)

    def test_the_survivor_serves_what_it_holds_and_the_cluster_grows_again(self):
        self.survivor.stop()
        seen = self.recover()
        made = self.recover("--force-new-cluster")
        self.assertEqual(seen["last_index"], made["last_index"])

        self.start_alone(made)
        self.assert_holds_everything(self.survivor)
        for count, node in enumerate(self.others, start=2):
            shutil.rmtree(node.directory)
            self.join(node)
            cluster.wait_until(lambda n=count: self.voters() == (list(range(1, n + 1)), []), 30,
                               f"node {node.id} does not become a voter")

        self.survivor.kill()
        leader = self.cluster.wait_for_leader(20)
        self.assert_holds_everything(leader)

    def test_the_others_do_not_get_into_the_new_cluster_with_their_old_disks(self):
        self.survivor.stop()
        made = self.recover("--force-new-cluster")
        self.start_alone(made)
        term = self.survivor.status()["term"]

        for node in self.others:
            node.start()

        # They are a majority of the old cluster, and go on as that: it is a cluster of its own.
        def leading():
            found = [(node, node.status()) for node in self.others]
            return next((n for n, status in found if status and status["role"] == "leader"), None)
        old_leader = cluster.wait_until(leading, 20, "the others do not elect a leader")
        self.assertNotEqual(old_leader.status()["cluster_id"],
                            self.survivor.status()["cluster_id"])
        with self.survivor.client() as client:
            self.assertEqual(b"OK", client.call("SET", "new", "cluster"))
        with old_leader.client() as client:
            self.assertIsNone(client.call("GET", "new"))
        self.assertEqual(term, self.survivor.status()["term"])


if __name__ == "__main__":
    unittest.main()
