"""Every node serves: followers pass writes on, and their reads are as fresh as the leader's."""

import threading
import unittest

import cluster
import resp
from system_test import SystemTest


class Forwarding(SystemTest):
    def setUp(self):
        super().setUp()
        self.leader = self.cluster.start()

    def test_a_write_at_any_node_is_read_at_every_node(self):
        clients = [node.client() for node in self.cluster.nodes]
        for number in range(60):
            clients[number % 3].call("SET", "k", number)

            seen = [client.call("GET", "k") for client in clients]

            self.assertEqual([str(number).encode()] * 3, seen)

    def test_counts_through_all_nodes_add_up(self):
        def count(node):
            with node.client() as client:
                client.send([("INCR", "n")] * 300)
                for _ in range(300):
                    client.receive()
        threads = [threading.Thread(target=count, args=[node]) for node in self.cluster.nodes]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        with self.leader.client() as client:
            self.assertEqual(b"900", client.call("GET", "n"))

    def test_answers_of_one_connection_keep_their_order(self):
        with self.followers(self.leader)[0].client() as client:
            client.send([command for n in range(200)
                         for command in (("SET", "k", n), ("GET", "k"))])
            replies = [client.receive() for _ in range(400)]

        expected = [reply for n in range(200) for reply in (b"OK", str(n).encode())]
        self.assertEqual(expected, replies)


class WithoutMajority(SystemTest):
    def setUp(self):
        super().setUp()
        leader = self.cluster.start()
        with leader.client() as client:
            client.call("SET", "k", "v")
        self.cluster.wait_until_caught_up()
        self.last, *others = self.followers(leader)
        for node in [leader, *others]:
            node.kill()

    def test_nothing_is_promised(self):
        with self.last.client(timeout=30) as client:
            for command in [("SET", "k", "w"), ("GET", "k"), ("INCR", "n")]:
                with self.assertRaises(resp.ServerError) as caught:
                    client.call(*command)
                self.assertIn(caught.exception.code, ["UNAVAILABLE", "UNKNOWN"])

    def test_stale_reads_go_on(self):
        with self.last.client() as client:
            client.call("MAINSTAY", "CONSISTENCY", "stale")
            self.assertEqual(b"v", client.call("GET", "k"))

    def test_the_node_lives_but_is_not_ready(self):
        cluster.wait_until(lambda: self.last.get("/readyz")[0] == 503, 10, "still ready")
        self.assertEqual(200, self.last.get("/healthz")[0])


if __name__ == "__main__":
    unittest.main()
