"""Members come and go: a cluster grows from one to three, lets its leader go, and keeps a newcomer
out whose operator does not know the token."""

import unittest

import cluster
from system_test import SystemTest

TOKEN = "it is us"


class Membership(SystemTest):
    options = ("--cluster-id", "77", "--join-token", TOKEN)

    def setUp(self):
        super().setUp()
        first, *others = self.cluster.nodes
        members = self.member(first)
        self.start(first, members)
        self.cluster.wait_for_leader(20)
        for node in others:
            self.start(node, f"{members},{self.member(node)}", "--learner")

    def member(self, node):
        return f"{node.id}=127.0.0.1:{node.raft_port}"

    def start(self, node, members, *more):
        """Starts a node with a list of its own."""
        command = self.cluster.command(node)
        command[command.index("--cluster") + 1] = members
        node.start_as([*command, *more])

    def grow(self):
        for node in self.cluster.nodes[1:]:
            self.ask_members("add", self.member(node), "--token", TOKEN)

    def voters(self):
        return [m["id"] for m in self.ask_members("list")["voters"]]

    def test_one_node_becomes_three_and_two_are_enough(self):
        self.grow()
        self.assertEqual([1, 2, 3], self.voters())
        self.cluster.node(1).kill()
        leader = self.cluster.wait_for_leader(20, besides=self.cluster.node(1))
        with leader.client() as client:
            self.assertEqual(b"OK", client.call("SET", "key", "value"))

    def test_a_leader_that_is_removed_makes_way(self):
        self.grow()
        leader = self.cluster.wait_for_leader(20)
        with leader.client() as client:
            self.assertEqual(b"OK", client.call("SET", "key", "value"))
        self.ask_members("remove", str(leader.id))
        successor = self.cluster.wait_for_leader(20, besides=leader)
        with successor.client() as client:
            self.assertEqual(b"value", client.call("GET", "key"))
        self.assertNotEqual("leader", leader.status()["role"])

    def test_nobody_comes_without_the_token(self):
        newcomer = self.member(self.cluster.node(2))
        refused = self.ask_members("add", newcomer, "--token", "guess", status=6)
        self.assertEqual("wrong_identity", refused["error"])
        self.assertEqual([1], self.voters())

    def test_a_plan_shows_the_steps_and_takes_none(self):
        newcomer = self.member(self.cluster.node(2))
        plan = self.ask_members("add", newcomer, "--token", TOKEN, "--plan")
        self.assertEqual(3, len(plan["steps"]))
        self.assertEqual([1], self.voters())


if __name__ == "__main__":
    unittest.main()
