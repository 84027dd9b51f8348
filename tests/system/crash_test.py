"""kill -9 of every role under load: no acknowledged write is lost, no refused one appears."""

import time
import unittest

import cluster
from system_test import SystemTest


class Crashes(SystemTest):
    def setUp(self):
        super().setUp()
        self.leader = self.cluster.start()

    def settle(self, streams, seconds=1.0):
        """Goes on for a while with what is there, and stops the load."""
        before = [len(s.acknowledged) for s in streams]
        cluster.wait_until(lambda: sum(len(s.acknowledged) for s in streams) > sum(before) + 100,
                           20, "no write is acknowledged any more")
        time.sleep(seconds)
        for stream in streams:
            stream.stop()

    def restart(self, *nodes):
        for node in nodes:
            node.start()
        for node in nodes:
            cluster.wait_until(node.status, 20, f"node {node.id} does not come back")

    def test_the_leader_is_killed_under_load(self):
        streams = self.load()

        self.leader.kill()
        self.cluster.wait_for_leader(10, besides=self.leader)
        self.settle(streams)

        self.assert_nothing_lost(streams)
        self.restart(self.leader)
        self.assert_nothing_lost(streams)

    def test_a_follower_is_killed_under_load(self):
        streams = self.load()
        follower = self.followers(self.leader)[0]

        follower.kill()
        self.settle(streams)

        self.assert_nothing_lost(streams)
        self.assertIs(self.leader, self.cluster.leader())
        self.restart(follower)
        self.assert_nothing_lost(streams)

    def test_leaders_are_killed_one_after_the_other(self):
        streams = self.load()

        for _ in range(3):
            leader = self.cluster.wait_for_leader(10)
            leader.kill()
            self.cluster.wait_for_leader(10, besides=leader)
            self.restart(leader)
        self.settle(streams)

        self.assert_nothing_lost(streams)

    def test_all_nodes_are_killed_at_once_under_load(self):
        streams = self.load()

        for node in self.cluster.nodes:
            node.kill()
        self.restart(*self.cluster.nodes)
        self.cluster.wait_for_leader(10)
        self.settle(streams)

        self.assert_nothing_lost(streams)

    def test_all_nodes_shut_down_and_start_again(self):
        streams = self.load()
        self.settle(streams, 0)

        statuses = [node.stop() for node in self.cluster.nodes]
        self.cluster.start()

        self.assertEqual([0, 0, 0], statuses)
        self.assert_nothing_lost(streams)


if __name__ == "__main__":
    unittest.main()
