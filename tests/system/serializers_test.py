"""Every form of the messages between nodes carries a whole cluster; a mixed one is refused."""

import unittest

import cluster
from system_test import SystemTest


class Whole:
    """A cluster whose nodes speak one form, as a mix-in for its test case."""

    def test_a_cluster_loses_its_leader_and_no_write(self):
        leader = self.cluster.start()
        streams = self.load(count=2, least=200)
        leader.kill()
        before = sum(len(s.acknowledged) for s in streams)
        cluster.wait_until(lambda: sum(len(s.acknowledged) for s in streams) > before + 200, 20,
                           "no write is acknowledged any more")
        for stream in streams:
            stream.stop()
        leader.start()

        self.assert_nothing_lost(streams)

    def test_a_follower_catches_up_from_a_snapshot(self):
        leader = self.cluster.start()
        laggard = self.followers(leader)[0]
        laggard.stop()
        with leader.client(timeout=20) as client:
            for number in range(200):
                client.call("SET", f"key{number}", "x" * 2000)
        cluster.wait_until(lambda: leader.status()["snapshot_index"] > 150, 20,
                           "the leader saves no snapshot")
        laggard.start()
        self.cluster.wait_until_caught_up(30)
        self.assertIn("snapshot installed", laggard.log.read_text(errors="replace"))

        with laggard.client() as client:
            self.assertEqual(200, client.call("DBSIZE"))


SMALL_LOG = ("--snapshot-entries", "100", "--compaction-tail-bytes", "65536",
             "--segment-bytes", "1048576", "--max-command-bytes", "131072",
             "--max-value-bytes", "65536", "--max-key-bytes", "1024")


class Json(Whole, SystemTest):
    options = (*SMALL_LOG, "--serializer", "json")


class Cbor(Whole, SystemTest):
    options = (*SMALL_LOG, "--serializer", "cbor")


class Protobuf(Whole, SystemTest):
    options = (*SMALL_LOG, "--serializer", "protobuf")


class Mixed(SystemTest):
    def test_the_log_says_who_encodes_how(self):
        self.cluster.start()
        odd = self.cluster.node(3)
        odd.stop()
        odd.start("--serializer", "cbor")
        refusal = r'it encodes with \"binary\", this node with \"cbor\"'

        cluster.wait_until(lambda: refusal in odd.log_tail(200), 10, "no word of the refusal")
        self.cluster.wait_for_leader()


if __name__ == "__main__":
    unittest.main()
