"""mainstayd on the other engines: a log in RocksDB survives kill -9 and is compacted, a directory
stays with its engine, and a node in memory says that it keeps nothing."""

import os
import subprocess
import unittest

import cluster
from system_test import SystemTest

SMALL_LOG = ("--snapshot-entries", "500", "--compaction-tail-bytes", "65536")


class Rocksdb(SystemTest):
    options = (*SMALL_LOG, "--persistence", "rocksdb")

    def ctl(self, *arguments):
        return subprocess.run([os.environ["MAINSTAYCTL"], *arguments], capture_output=True,
                              text=True, check=False)

    def test_kills_under_load_lose_nothing_while_snapshots_shorten_the_log(self):
        leader = self.cluster.start()
        streams = self.load(count=2, least=600)
        leader.kill()
        self.cluster.wait_for_leader(10, besides=leader)
        before = sum(len(s.acknowledged) for s in streams)
        cluster.wait_until(lambda: sum(len(s.acknowledged) for s in streams) > before + 600, 20,
                           "no write is acknowledged any more")
        for stream in streams:
            stream.stop()
        leader.start()
        self.assert_nothing_lost(streams)

        for node in self.cluster.nodes:
            cluster.wait_until(lambda n=node: n.status()["snapshot_index"] > 500, 20,
                               f"node {node.id} saves no snapshot")
            node.kill()
        for node in self.cluster.nodes:
            node.start()
        self.cluster.wait_for_leader(20)
        self.assert_nothing_lost(streams)

    def test_a_directory_stays_with_its_engine(self):
        self.cluster.start()
        node = self.cluster.node(3)
        node.stop()
        for engine in ("wal", "memory"):
            command = self.cluster.command(node)
            command[command.index("rocksdb")] = engine
            refused = subprocess.run(command, capture_output=True, text=True, check=False,
                                     timeout=20)
            self.assertEqual(1, refused.returncode)
            self.assertIn(f'rocksdb is of the persistence engine "rocksdb", not of "{engine}"',
                          refused.stderr)

        for command in (("logdump",), ("recover", "--data")):
            refused = self.ctl(*command, str(node.directory))
            self.assertNotEqual(0, refused.returncode)
            self.assertIn('of the persistence engine "rocksdb", not of "wal"', refused.stderr)

        node.start()
        self.cluster.wait_until_caught_up()


class Memory(SystemTest):
    options = ("--persistence", "memory")

    def test_a_cluster_serves_and_a_node_that_stops_has_lost_its_disk(self):
        leader = self.cluster.start()
        with leader.client() as client:
            self.assertEqual(b"OK", client.call("SET", "key", "value"))
        stopped = self.followers(leader)[0]
        stopped.kill()
        stopped.start()

        for node in self.cluster.nodes:
            self.assertIn("NOTHING IS DURABLE", node.log.read_text(errors="replace"))
        cluster.wait_until(
            lambda: "not the one known under its id" in stopped.log.read_text(errors="replace"),
            20, "the node that lost everything is not refused")
        with leader.client() as client:
            self.assertEqual(b"value", client.call("GET", "key"))


if __name__ == "__main__":
    unittest.main()
