"""A full disk: writes are refused, reads go on, nothing is lost, and room brings writes back.

The data lies on a small tmpfs. Mounting it takes root, or a namespace in which one is.
"""

import os
import subprocess
import sys
import unittest

import cluster
import resp
from system_test import SystemTest

VALUE = "x" * 8000


class FullDisk(SystemTest):
    tmpfs_megabytes = 64
    # Small segments, so that the three logs fit and fill the disk bit by bit.
    options = ("--segment-bytes", "4194304", "--max-command-bytes", "524288",
               "--max-value-bytes", "65536")

    def data_directory(self):
        data = self.scratch / "small"
        data.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={self.tmpfs_megabytes}m", "tmpfs",
                        str(data)], check=True)
        self.addCleanup(subprocess.run, ["umount", str(data)], check=True)
        return data

    def setUp(self):
        super().setUp()
        self.leader = self.cluster.start()

    def grow(self):
        subprocess.run(["mount", "-o", f"remount,size={8 * self.tmpfs_megabytes}m",
                        str(self.scratch / "small")], check=True)

    def fill(self, client):
        """Writes until the first refusal; (acknowledged numbers, the refusal)."""
        acknowledged = []
        for number in range(100000):
            try:
                client.call("SET", f"k{number}", VALUE + str(number))
            except resp.ServerError as refusal:
                return acknowledged, refusal
            acknowledged.append(number)
        raise AssertionError("the disk does not fill")

    def test_writes_are_refused_and_come_back_with_room(self):
        with self.leader.client(timeout=60) as client:
            acknowledged, refusal = self.fill(client)
            self.assertIn(refusal.code, ["UNAVAILABLE", "UNKNOWN"])
            self.assertGreater(len(acknowledged), 100)
        for node in self.cluster.nodes:
            self.assertTrue(node.running, node.log_tail())
            with node.client() as client:
                client.call("MAINSTAY", "CONSISTENCY", "stale")
                self.assertEqual((VALUE + "0").encode(), client.call("GET", "k0"))

        self.grow()

        def accepted():
            leader = self.cluster.leader()
            if leader is None:
                return False
            with leader.client() as client:
                try:
                    return client.call("SET", "after", "room") == b"OK"
                except resp.ServerError:
                    return False
        cluster.wait_until(accepted, 30, "writes do not come back", pause=0.1)
        self.cluster.wait_until_caught_up(30)
        for node in self.cluster.nodes:
            with node.client() as client:
                for number in acknowledged:
                    self.assertEqual((VALUE + str(number)).encode(),
                                     client.call("GET", f"k{number}"))


if __name__ == "__main__":
    if os.geteuid() != 0:
        os.execvp("unshare", ["unshare", "--map-root-user", "--mount", sys.executable, *sys.argv])
    unittest.main()
