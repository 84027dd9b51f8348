"""Keys that expire: with redis-cli, at followers, in an idle cluster, and across a restart."""

import subprocess
import time
import unittest

import cluster
from system_test import SystemTest


class Expiry(SystemTest):
    def setUp(self):
        super().setUp()
        self.leader = self.cluster.start()

    def redis_cli(self, node, *commands):
        done = subprocess.run(["redis-cli", "-p", str(node.resp_port)], text=True, timeout=60,
                              input="\n".join(commands) + "\n", stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, check=True)
        return [line for line in done.stdout.split("\n") if line]

    def stale_client(self, node):
        client = node.client()
        self.addCleanup(client.close)
        client.call("MAINSTAY", "CONSISTENCY", "stale")
        return client

    def test_a_session_with_redis_cli_at_every_node(self):
        session = ["FLUSHALL", "SET a 1 EX 100", "TTL a", "INCR a", "EXPIRE a 50 GT",
                   "EXPIRE a 200 NX", "EXPIRE a 200 GT", "TTL a", "GETEX a PERSIST", "TTL a",
                   "TTL none", "PEXPIREAT a 32503680000000", "PEXPIRETIME a", "EXPIRETIME a",
                   "SET a 3 KEEPTTL", "PERSIST a", "PERSIST a", "SETEX a 10 4", "EXPIRE a 0",
                   "EXISTS a", "SET a 1 PX 0", "EXPIRE a 9223372036854775807"]
        for node in self.cluster.nodes:
            self.assertEqual(
                ["OK", "OK", "100", "2", "0", "0", "1", "200", "2", "-1", "-2", "1",
                 "32503680000000", "32503680000", "OK", "1", "0", "OK", "1", "0",
                 "ERR invalid expire time in 'set' command",
                 "ERR invalid expire time in 'expire' command"], self.redis_cli(node, *session))

    def test_keys_vanish_from_every_replica_of_an_idle_cluster(self):
        with self.leader.client() as client:
            for number in range(3000):
                client.send([("SET", f"k{number}", "v", "PX", 400 + number % 100)])
            for number in range(3000):
                self.assertEqual(b"OK", client.receive())
            client.call("SET", "stays", "v")
        clients = [self.stale_client(node) for node in self.cluster.nodes]
        self.assertGreater(clients[0].call("DBSIZE"), 1)

        # Nobody writes, and stale reads ask nobody.
        for client in clients:
            cluster.wait_until(lambda c=client: c.call("DBSIZE") == 1, 10, "keys stay")
        self.assertEqual([b"stays"], clients[0].call("KEYS", "*"))
        before = self.leader.status()["last_index"]
        time.sleep(1)
        self.assertLessEqual(self.leader.status()["last_index"] - before, 10)

    def test_time_left_counts_down_though_nothing_is_written(self):
        follower = self.followers(self.leader)[0]
        with follower.client() as client:
            client.call("SET", "k", "v", "PX", 60_000)
            time.sleep(1)
            left = client.call("PTTL", "k")

        self.assertLessEqual(left, 59_100)
        self.assertGreater(left, 30_000)

    def test_deadlines_outlive_a_restart_of_all(self):
        with self.leader.client() as client:
            client.call("SET", "short", "v", "PX", 1500)
            client.call("SET", "long", "v", "EX", 1000)
        for node in self.cluster.nodes:
            node.kill()
        leader = self.cluster.start()

        with leader.client() as client:
            left = client.call("TTL", "long")
            self.assertTrue(900 < left <= 1000, left)
            cluster.wait_until(lambda: client.call("GET", "short") is None, 10, "it stays")
            self.assertEqual(b"v", client.call("GET", "long"))


if __name__ == "__main__":
    unittest.main()
