"""What all system tests share: a cluster of their own in a scratch folder, and what is checked
after every fault. MAINSTAYD names the server; tools/ must be on the path."""

import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

import cluster
import write_stream


class SystemTest(unittest.TestCase):
    """Starts a cluster before each test; whatever happens, its processes end with the test."""

    size = 3
    options = ()

    def setUp(self):
        scratch = tempfile.TemporaryDirectory(prefix="mainstay-test-")
        self.addCleanup(scratch.cleanup)
        self.scratch = pathlib.Path(scratch.name)
        self.cluster = cluster.Cluster(os.environ["MAINSTAYD"], self.scratch,
                                       data=self.data_directory(), size=self.size,
                                       options=self.options)
        self.addCleanup(self._end)

    def data_directory(self):
        """Where the nodes keep their data."""
        return self.scratch

    def _end(self):
        if not self._outcome.success:
            print(self.cluster.logs(), file=sys.stderr)
        self.cluster.__exit__()

    def load(self, count=3, least=100):
        """Streams of writes that have got going."""
        streams = write_stream.start_streams(self.cluster, count=count, depth=16)
        self.wait_until_going(streams, least)
        return streams

    def wait_until_going(self, streams, least=100):
        """Waits until every stream has more than so many acknowledged writes."""
        cluster.wait_until(lambda: all(len(s.acknowledged) > least for s in streams), 20,
                           "the streams do not get going")

    def ask_members(self, *arguments, status=0):
        """What `mainstayctl member …` answers, asked of every admin port."""
        admin = [word for node in self.cluster.nodes
                 for word in ("--admin", f"127.0.0.1:{node.http_port}")]
        done = subprocess.run([os.environ["MAINSTAYCTL"], "--json", "--timeout", "20000", *admin,
                               "member", *arguments], capture_output=True, text=True, check=False)
        self.assertEqual(status, done.returncode, done.stdout + done.stderr)
        return json.loads(done.stdout)

    def followers(self, leader):
        """All nodes but the leader."""
        return [node for node in self.cluster.nodes if node is not leader]

    def assert_nothing_lost(self, streams):
        """Every running node holds every acknowledged write, and no refused one."""
        self.cluster.wait_until_caught_up(30)
        for node in self.cluster.nodes:
            if node.running:
                self.assertEqual([], write_stream.differences(node, streams)[:5])

    def assert_made_progress(self, streams, least=100):
        """The streams wrote enough for the test to mean something."""
        acknowledged = sum(len(stream.acknowledged) for stream in streams)
        self.assertGreaterEqual(acknowledged, least)
