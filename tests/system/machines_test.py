"""Logs, locks and counters of mainstayd: with redis-cli, across snapshots, restarts and a dead
leader, and once only however often a command is sent."""

import http.client
import subprocess
import unittest

import cluster
import resp
from system_test import SystemTest

WRONG = "WRONGTYPE Operation against a key holding the wrong kind of value"


class Machines(SystemTest):
    def setUp(self):
        super().setUp()
        self.leader = self.cluster.start()

    def redis_cli(self, node, *commands):
        done = subprocess.run(["redis-cli", "-p", str(node.resp_port)], text=True, timeout=60,
                              input="\n".join(commands) + "\n", stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, check=True)
        return [line for line in done.stdout.split("\n") if line]

    def save(self, node):
        connection = http.client.HTTPConnection("127.0.0.1", node.http_port, timeout=20)
        self.addCleanup(connection.close)
        connection.request("POST", "/v1/snapshot")
        self.assertEqual(200, connection.getresponse().status)

    def test_a_session_with_redis_cli_at_every_node(self):
        for node in self.cluster.nodes:
            self.assertEqual(
                ["OK", "1-1", "2-0", "2", "1-1", "f", "v", "2-0", "g", "w", "stream", WRONG,
                 "OK", "1", "11", "10", WRONG, "1", "2-1", "1"],
                self.redis_cli(
                    node, "FLUSHALL", "XADD log 1-1 f v", "XADD log 2 g w", "XLEN log",
                    "XRANGE log - +", "TYPE log", "INCR log", "SET text 0", "INCR text",
                    "INCRBY text 10", "DECR text", "XADD text * f v", "XTRIM log MAXLEN 1",
                    "XADD log 2-* f v", "DEL log"))

    def test_a_lock_passes_on_though_the_leader_dies_and_nobody_writes(self):
        follower = self.followers(self.leader)[0]
        with follower.client() as client:
            first = client.call("MAINSTAY", "LOCK", "door", "ann", "1500")
            second = client.call("MAINSTAY", "LOCK", "door", "bob", "60000", "WAIT")
            self.assertEqual([0, 1], second)
            self.assertEqual(0, first[1])
            self.leader.kill()

            def holder():
                try:
                    return client.call("MAINSTAY", "HOLDER", "door")
                except resp.ServerError:
                    return None
            cluster.wait_until(lambda: (holder() or [b""])[0] == b"bob", 20, "the lock stays")
            token = holder()[1]
            self.assertGreater(token, first[0])
            self.assertEqual(0, client.call("MAINSTAY", "UNLOCK", "door", "ann"))
            self.assertEqual(1, client.call("MAINSTAY", "UNLOCK", "door", "bob"))
            self.assertIsNone(client.call("MAINSTAY", "HOLDER", "door"))

    def test_a_command_of_a_session_is_carried_out_once(self):
        with self.leader.client() as client:
            client.call("MAINSTAY", "SESSION", "OPEN")
            for serial, command, answer in (
                    ("1", ("XADD", "log", "*", "f", "v"), None), ("2", ("INCR", "count"), 1),
                    ("3", ("MAINSTAY", "LOCK", "door", "ann", "60000"), [1, 0]),
                    ("4", ("MAINSTAY", "UNLOCK", "door", "ann"), 1)):
                replies = [client.call("MAINSTAY", "SESSION", "EXEC", serial, *command)
                           for _ in range(3)]
                self.assertEqual([answer or replies[0]] * 3, replies)
            self.assertEqual(1, client.call("XLEN", "log"))
            self.assertEqual(b"1", client.call("GET", "count"))

    def test_everything_is_there_after_a_snapshot_and_a_restart(self):
        with self.leader.client() as client:
            for i in range(600):
                client.send([("XADD", "log", "*", "number", str(i))])
            ids = [client.receive() for _ in range(600)]
            lock = client.call("MAINSTAY", "LOCK", "door", "ann", "600000")
            client.call("SET", "text", "kept")
        for node in self.cluster.nodes:
            self.save(node)
        with self.leader.client() as client:
            ids.append(client.call("XADD", "log", "*", "number", "600"))
        for node in self.cluster.nodes:
            node.kill()
        self.cluster.start()

        for node in self.cluster.nodes:
            with node.client() as client:
                records = client.call("XRANGE", "log", "-", "+")
                self.assertEqual(ids, [record[0] for record in records])
                self.assertEqual([b"number", b"600"], records[-1][1])
                self.assertEqual(b"kept", client.call("GET", "text"))
                self.assertEqual(lock, client.call("MAINSTAY", "LOCK", "door", "ann", "600000"))


if __name__ == "__main__":
    unittest.main()
