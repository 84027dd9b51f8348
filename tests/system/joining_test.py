"""Nodes that come with nothing but an admin port: a cluster grows by them, replaces them under
load, and takes one back that lost its disk; who has been removed is told, and disturbs nobody."""

import shutil
import time
import unittest

import cluster
import write_stream
from system_test import SystemTest


def address(node):
    return f"127.0.0.1:{node.raft_port}"


class Joining(SystemTest):
    size = 5

    def setUp(self):
        super().setUp()
        self.first = self.cluster.node(1)
        self.first.start_as(self.command(self.first, "--cluster", f"1={address(self.first)}"))
        self.cluster.wait_for_leader(20)

    def command(self, node, *members):
        """A node's command line with something else in place of the list of members."""
        command = self.cluster.command(node)
        at = command.index("--cluster")
        return [*command[:at], *members, *command[at + 2:]]

    def join(self, node, *more, through=None):
        through = through or self.first
        node.start_as(self.command(node, "--join", f"127.0.0.1:{through.http_port}",
                                   "--address", address(node), *more))

    def wait_for_voters(self, *ids):
        def settled():
            members = self.ask_members("list")
            found = [m["id"] for m in members["voters"]]
            return found == list(ids) and not members["outgoing_voters"]
        cluster.wait_until(settled, 30, f"the voters are not {ids}")

    def grow(self, *ids):
        for number in ids:
            self.join(self.cluster.node(number))
            self.wait_for_voters(*range(1, number + 1))

    def wait_for_line(self, node, text):
        cluster.wait_until(lambda: text in node.log.read_text(errors="replace"), 20,
                           f"node {node.id} does not say: {text}")

    def write(self, *keys):
        with self.cluster.wait_for_leader(20).client() as client:
            for key in keys:
                self.assertEqual(b"OK", client.call("SET", key, f"value of {key}"))

    def assert_reads(self, node, *keys):
        with node.client() as client:
            for key in keys:
                self.assertEqual(f"value of {key}".encode(), client.call("GET", key))

    def test_one_node_becomes_three_and_then_five(self):
        self.write("alone")
        self.grow(2, 3)
        self.write("three")
        self.grow(4, 5)

        leader = self.cluster.wait_for_leader(20)
        for node in [leader, self.followers(leader)[0]]:
            node.kill()
        self.write("two are gone")
        self.assert_reads(self.cluster.leader(), "alone", "three", "two are gone")

    def test_a_member_is_replaced_under_load_and_nothing_is_lost(self):
        self.grow(2, 3)
        streams = [write_stream.WriteStream(i, [n.resp_port for n in self.cluster.nodes[:3]], 16)
                   for i in range(3)]
        for stream in streams:
            stream.start()
        self.wait_until_going(streams)
        gone = self.cluster.leader()

        self.join(self.cluster.node(4))
        self.wait_for_voters(1, 2, 3, 4)
        self.ask_members("remove", str(gone.id))
        self.cluster.wait_for_leader(20, besides=gone)
        gone.stop()
        before = sum(len(s.acknowledged) for s in streams)
        cluster.wait_until(lambda: sum(len(s.acknowledged) for s in streams) > before + 300, 20,
                           "no write is acknowledged any more")
        for stream in streams:
            stream.stop()

        self.assert_made_progress(streams)
        self.assert_nothing_lost(streams)

    # Hazard 68.
    def test_a_node_that_lost_its_disk_is_told_what_to_do_and_comes_back(self):
        self.grow(2, 3)
        self.write("before")
        lost = self.cluster.node(3)
        lost.kill()
        shutil.rmtree(lost.directory)

        self.join(lost)
        self.assertEqual(1, lost.process.wait(20))
        self.assertIn("mainstayctl member remove 3", lost.log_tail())
        lost.process = None
        self.ask_members("remove", "3")
        self.join(lost)
        self.wait_for_voters(1, 2, 3)

        self.cluster.wait_until_caught_up()
        self.assert_reads(lost, "before")
        # It counts: with it, one of the others can be missed.
        self.cluster.node(2).kill()
        self.write("with the new disk")

    def test_a_node_that_has_joined_asks_nobody_when_it_starts_again(self):
        self.grow(2, 3)
        node = self.cluster.node(3)
        node.stop()
        nowhere = self.cluster.node(5)

        self.join(node, through=nowhere)

        self.cluster.wait_until_caught_up()
        self.assertEqual(3, node.status()["id"])

    def assert_undisturbed(self, leader, term):
        """The leader goes on in its term, for many election timeouts."""
        time.sleep(2)
        self.write("undisturbed")
        status = leader.status()
        self.assertEqual(("leader", term), (status["role"], status["term"]))

    def test_who_has_been_removed_is_told_and_disturbs_nobody(self):
        self.grow(2, 3)
        leader = self.cluster.wait_for_leader(20)
        removed = self.followers(leader)[0]

        self.ask_members("remove", str(removed.id))

        self.wait_for_line(removed, "this node has left the cluster")
        self.assert_undisturbed(leader, leader.status()["term"])

    def test_who_was_removed_while_it_was_down_disturbs_nobody(self):
        self.grow(2, 3)
        leader = self.cluster.wait_for_leader(20)
        removed = self.followers(leader)[0]
        removed.kill()
        self.ask_members("remove", str(removed.id))
        term = leader.status()["term"]

        self.join(removed)

        cluster.wait_until(removed.status, 20, "the removed node does not come up")
        self.assert_undisturbed(leader, term)

    def test_an_address_changes_and_the_id_stays(self):
        self.grow(2, 3)
        self.write("before")
        moved = self.cluster.node(2)
        moved.stop()
        moved.raft_port = cluster.free_ports(1)[0]

        self.ask_members("add", f"2={address(moved)}")
        self.join(moved)

        self.cluster.wait_until_caught_up()
        self.assert_reads(moved, "before")
        self.cluster.node(3).kill()
        self.write("after")


if __name__ == "__main__":
    unittest.main()
