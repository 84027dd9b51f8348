"""Real clients: redis-cli, redis-benchmark, curl; and ones that misbehave."""

import pathlib
import re
import subprocess
import time
import unittest

import cluster
import resp
from system_test import SystemTest


class Clients(SystemTest):
    def setUp(self):
        super().setUp()
        self.leader = self.cluster.start()

    def run_client(self, *command, given=None):
        done = subprocess.run(command, input=given, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, timeout=60, check=False)
        self.assertEqual(0, done.returncode, done.stdout)
        return done.stdout

    def test_a_session_with_redis_cli(self):
        session = ["PING", "SET a 1", "GET a", "INCR a", "APPEND a x", "STRLEN a", "INCR a",
                   "MSET b 2 c 3", "MGET a b none", "EXISTS a b none", "DEL a b", "DBSIZE",
                   "TYPE c", "SET c 4 NX", "SET c 4 XX GET", "GETDEL c", "GET c"]
        for options in [["-2"], ["-3"]]:
            out = self.run_client("redis-cli", *options, "-p", str(self.leader.resp_port),
                                  given="\n".join(["FLUSHALL", *session]) + "\n")
            self.assertEqual(
                ["OK", "PONG", "OK", "1", "2", "2", "2",
                 "ERR value is not an integer or out of range", "", "OK", "2x", "2", "", "2", "2",
                 "1", "string", "", "3", "4", ""], out.split("\n")[:-1], out)

    def test_redis_benchmark_runs_against_every_node(self):
        for node in self.cluster.nodes:
            out = self.run_client("redis-benchmark", "-p", str(node.resp_port), "-t",
                                  "ping,set,get,incr,mset", "-n", "5000", "-c", "20", "-P", "8",
                                  "-q")
            self.assertIn("requests per second", out)
            self.assertNotIn("rror", out)

    def test_a_client_that_speaks_nonsense_hurts_nobody_else(self):
        with self.leader.client() as sound:
            for nonsense in [b"*1\r\n$99999999999\r\n", b"*-5\r\n", b"*2\r\n:1\r\n", b"\x00" * 4096,
                             b"*99999999\r\n", b"$5\r\nabc"]:
                with self.leader.client(timeout=2) as client:
                    try:
                        client.send_bytes(nonsense)
                        while not isinstance(client.receive(), resp.ServerError):
                            pass
                    except resp.ConnectionLost:
                        pass
                self.assertEqual(b"PONG", sound.call("PING"))

    def test_a_slow_reader_of_large_values_costs_little_memory(self):
        value = b"x" * (1 << 20)
        with self.leader.client(timeout=30) as client:
            client.call("SET", "large", value)
            client.call("GET", "large")
            before = self.peak_memory()
            client.send([("GET", "large")] * 1000)
            # Nothing is read until the server has done all that it will do ahead of its reader.
            asked = resp.Client(self.leader.resp_port)
            cluster.wait_until(lambda: self.is_quiet(asked), 20, "the server does not come to rest")
            asked.close()
            for _ in range(1000):
                self.assertEqual(value, client.receive())
        self.assertLess(self.peak_memory() - before, 64 << 20)

    def is_quiet(self, client):
        def used():
            stat = pathlib.Path(f"/proc/{self.leader.process.pid}/stat").read_text("ascii")
            return sum(map(int, stat.rsplit(")", 1)[1].split()[11:13]))
        before = used()
        for _ in range(100):
            client.call("PING")
            time.sleep(0.001)
        return used() - before <= 3

    def peak_memory(self):
        status = pathlib.Path(f"/proc/{self.leader.process.pid}/status").read_text("ascii")
        return int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) << 10

    def test_the_admin_port_tells_the_truth(self):
        statuses = [node.status() for node in self.cluster.nodes]

        self.assertEqual([1, 2, 3], [status["id"] for status in statuses])
        self.assertEqual(1, len({status["term"] for status in statuses}))
        self.assertEqual({self.leader.id}, {status["leader"] for status in statuses})
        self.assertEqual(1, [status["role"] for status in statuses].count("leader"))
        for node in self.cluster.nodes:
            members = node.status()["members"]
            self.assertEqual([f"127.0.0.1:{n.raft_port}" for n in self.cluster.nodes],
                             [member["address"] for member in members])
            cluster.wait_until(lambda n=node: n.get("/readyz")[0] == 200, 10, "not ready")
            code, text = node.get("/metrics")
            self.assertEqual(200, code)
            self.assertIn("# TYPE mainstay_", text)


if __name__ == "__main__":
    unittest.main()
