"""Snapshots of real nodes: on command and by themselves, sent to a follower that the log no longer
helps, found again after kill -9, and a disk whose use stays bounded."""

import json
import os
import pathlib
import subprocess
import time
import unittest

import cluster
import write_stream
from system_test import SystemTest


def disk_use(node):
    """Bytes that a node's directory takes."""
    total = 0
    for file in pathlib.Path(node.directory).iterdir():
        try:
            total += file.stat().st_blocks * 512
        except FileNotFoundError:  # dropped in between
            pass
    return total


class Snapshots(SystemTest):
    options = ("--snapshot-entries", "2000", "--compaction-tail-bytes", "65536",
               "--segment-bytes", "1048576", "--log-window-bytes", "262144",
               "--max-command-bytes", "131072", "--max-value-bytes", "65536",
               "--max-key-bytes", "1024")

    def setUp(self):
        super().setUp()
        self.leader = self.cluster.start()

    def ctl(self, *arguments):
        """mainstayctl with all admin ports; its standard output, as JSON lines."""
        ports = ",".join(f"127.0.0.1:{node.http_port}" for node in self.cluster.nodes)
        done = subprocess.run([os.environ["MAINSTAYCTL"], "--admin", ports, "--json", *arguments],
                              stdout=subprocess.PIPE, text=True, check=False, timeout=60)
        self.assertEqual(0, done.returncode, done.stdout)
        return [json.loads(line) for line in done.stdout.splitlines()]

    def write(self, count, size=100, start=0):
        with self.leader.client() as client:
            for first in range(start, start + count, 500):
                keys = range(first, min(first + 500, start + count))
                client.send([("SET", f"key-{i % 1000}", f"{i}:" + "v" * size) for i in keys])
                for _ in keys:
                    self.assertEqual(b"OK", client.receive())

    def assert_equal_everywhere(self):
        self.cluster.wait_until_caught_up(30)
        with self.leader.client() as client:
            expected = [client.call("GET", f"key-{i}") for i in range(0, 1000, 7)]
        for node in self.cluster.nodes:
            with node.client() as client:
                found = [client.call("GET", f"key-{i}") for i in range(0, 1000, 7)]
                self.assertEqual(expected, found, f"node {node.id}")

    def test_all_nodes_save_one_on_command(self):
        self.write(500)
        self.cluster.wait_until_caught_up()

        saved = self.ctl("snapshot", "save")

        self.assertEqual(3, len(saved))
        for node, one in zip(self.cluster.nodes, saved):
            status = node.status()
            self.assertEqual(status["snapshot_index"], one["last_included_index"])
            self.assertEqual(status["snapshot_bytes"], one["bytes"])

    def test_a_follower_that_was_away_gets_one_and_survives_a_kill(self):
        behind = self.followers(self.leader)[0]
        self.write(500)
        behind.kill()
        self.write(9000, start=500)
        cluster.wait_until(lambda: self.leader.status()["snapshot_index"] > 4000, 20,
                           "the leader saves no snapshot")

        behind.start()
        cluster.wait_until(lambda: (s := behind.status()) and s["snapshot_index"] > 4000, 20,
                           "the follower gets no snapshot")
        self.assert_equal_everywhere()
        self.assertIn("snapshot installed", behind.log.read_text(errors="replace"))

        for node in self.cluster.nodes:
            node.kill()
        for node in self.cluster.nodes:
            node.start()
        self.leader = self.cluster.wait_for_leader(20)
        self.assert_equal_everywhere()

    def test_kills_while_snapshots_are_saved_and_sent_lose_nothing(self):
        streams = write_stream.start_streams(self.cluster, count=3, depth=64)
        for round_number in range(6):
            victim = self.cluster.nodes[round_number % 3]
            time.sleep(0.7)
            victim.kill()
            time.sleep(0.7)
            victim.start()
            cluster.wait_until(victim.status, 20, f"node {victim.id} does not come back")
        nodes = self.cluster.nodes
        cluster.wait_until(lambda: max(n.status()["snapshot_index"] for n in nodes) > 0, 20,
                           "no snapshot was saved")
        for stream in streams:
            stream.stop()

        self.assert_made_progress(streams, 5000)
        self.assert_nothing_lost(streams)

    def test_the_disk_does_not_grow_with_history(self):
        most = 0
        for start in range(0, 120_000, 6000):
            self.write(6000, start=start)
            most = max(most, *(disk_use(node) for node in self.cluster.nodes))
        # The images (two while one is saved), 2,000 entries and the tail, two segments and two
        # spare ones, each below a megabyte.
        written = 120_000 * 170
        self.assertLess(most, 8 << 20)
        self.assertGreater(written, 2 * most)


if __name__ == "__main__":
    unittest.main()
