"""How fresh reads are, level by level, on real processes; a leader that was frozen serves nothing
that another has overwritten meanwhile."""

import signal
import time
import unittest

import cluster
import resp
from system_test import SystemTest


class Reads(SystemTest):
    options = ("--lease-reads",)

    def setUp(self):
        super().setUp()
        self.leader = self.cluster.start()

    def reader(self, node, *level, timeout=15.0):
        client = node.client(timeout=timeout)
        self.assertEqual(b"OK", client.call("MAINSTAY", "CONSISTENCY", *level))
        return client

    def freeze_leader(self):
        """The old leader stands still; gives the one that leads next."""
        self.leader.signal(signal.SIGSTOP)

        def other_leader():
            for node in self.followers(self.leader):
                status = node.status()
                if status and status["role"] == "leader":
                    return node
            return None
        return cluster.wait_until(other_leader, 10, "no other leader")

    def test_every_level_sees_what_it_promises_at_every_node(self):
        with self.leader.client() as writer:
            for turn in range(20):
                writer.call("SET", "x", str(turn))
                token = str(writer.call("MAINSTAY", "TOKEN"))
                for node in self.cluster.nodes:
                    for level in ("linearizable",), ("lease",), ("bounded", "0"):
                        with self.reader(node, *level) as client:
                            self.assertEqual(str(turn).encode(), client.call("GET", "x"), level)
                    with self.reader(node, "token") as client:
                        client.call("MAINSTAY", "TOKEN", token)
                        self.assertEqual(str(turn).encode(), client.call("GET", "x"))

    def test_a_bound_is_kept_by_a_node_that_is_cut_off(self):
        follower = self.followers(self.leader)[0]
        with self.leader.client() as writer, self.reader(follower, "bounded", "300") as client:
            writer.call("SET", "x", "old")
            client.call("GET", "x")
            self.leader.signal(signal.SIGSTOP)
            for other in self.followers(self.leader):
                if other is not follower:
                    other.signal(signal.SIGSTOP)
            self.assertEqual(b"old", client.call("GET", "x"))  # within the bound, asking nobody
            time.sleep(0.4)
            with self.assertRaises(resp.ServerError):
                client.call("GET", "x")

    # Hazards 46, 47: the reads are in its sockets when it wakes.
    def test_a_frozen_leader_serves_no_stale_read_on_a_lease(self):
        for level in "lease", "linearizable":
            self.leader = self.cluster.wait_for_leader()
            with self.leader.client() as client:
                client.call("SET", "x", "old")
            waiting = [self.reader(self.leader, level) for _ in range(8)]
            for client in waiting:
                self.assertEqual(b"old", client.call("GET", "x"))
            successor = self.freeze_leader()
            for client in waiting:
                client.send([("GET", "x")])
            with successor.client() as client:
                client.call("SET", "x", "new")

            self.leader.signal(signal.SIGCONT)

            for client in waiting:
                with client:
                    reply = client.receive()
                if not isinstance(reply, resp.ServerError):
                    self.assertEqual(b"new", reply)
            self.cluster.wait_until_caught_up(30)

    def test_a_token_leads_from_a_write_to_every_node(self):
        first, second = self.followers(self.leader)
        with first.client() as writer, self.reader(second, "token") as client:
            for turn in range(50):
                writer.call("SET", "x", str(turn))  # passed on to the leader
                client.call("MAINSTAY", "TOKEN", str(writer.call("MAINSTAY", "TOKEN")))
                self.assertEqual(str(turn).encode(), client.call("GET", "x"))

    def test_wait_ends_when_the_index_is_applied_or_the_time_is_over(self):
        follower = self.followers(self.leader)[0]
        with self.leader.client() as writer, follower.client() as client:
            writer.call("SET", "x", "1")
            token = writer.call("MAINSTAY", "TOKEN")
            self.assertEqual(token, client.call("MAINSTAY", "WAIT", str(token)))
            self.assertIsNone(client.call("MAINSTAY", "WAIT", str(token + 1000), "50"))
            client.send([("MAINSTAY", "WAIT", str(token + 1))])
            writer.call("SET", "x", "2")
            self.assertEqual(token + 1, client.receive())


if __name__ == "__main__":
    unittest.main()
