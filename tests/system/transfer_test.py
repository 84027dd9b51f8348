"""Leadership handed over between real nodes under load: on command, before a leader stops, and to a
target that dies meanwhile. Nothing is lost, and writes pause no longer than a transfer takes."""

import json
import os
import signal
import subprocess
import time
import unittest

import cluster
import write_stream
from system_test import SystemTest

# Two election timeouts of 300 ms for the transfer, and the rest for a busy machine.
LONGEST_PAUSE = 2.0


class Transfers(SystemTest):
    def setUp(self):
        super().setUp()
        self.leader = self.cluster.start()

    def ctl(self, *arguments, nodes=None):
        """mainstayctl with all admin ports, started; `finished` waits for it."""
        ports = ",".join(f"127.0.0.1:{node.http_port}" for node in nodes or self.cluster.nodes)
        return subprocess.Popen(
            [os.environ["MAINSTAYCTL"], "--admin", ports, "--json", *arguments],
            stdout=subprocess.PIPE, text=True)

    def finished(self, process):
        """(exit status, the object that it printed)."""
        text, _ = process.communicate(timeout=30)
        return process.returncode, json.loads(text)

    def assert_writes_go_on(self, streams):
        before = sum(len(s.acknowledged) for s in streams)
        cluster.wait_until(lambda: sum(len(s.acknowledged) for s in streams) > before + 100, 20,
                           "no write is acknowledged any more")

    def end(self, streams, since):
        self.assert_writes_go_on(streams)
        for stream in streams:
            stream.stop()
        self.assert_nothing_lost(streams)
        self.assertLess(write_stream.longest_silence(streams, since), LONGEST_PAUSE)

    def test_leadership_goes_where_it_is_told_under_load(self):
        streams = self.load()
        since = time.monotonic()

        for _ in range(5):
            old = self.cluster.wait_for_leader()
            heir = self.followers(old)[0]
            status, said = self.finished(self.ctl("transfer", "--to", str(heir.id)))
            self.assertEqual((0, heir.id), (status, said.get("leader")), said)
            self.assert_writes_go_on(streams)

        # A leader that hands over leaves no command without a word of what became of it.
        self.end(streams, since)
        self.assertEqual([], [n for stream in streams for n in stream.unknown])

    def test_a_leader_that_is_told_to_stop_hands_over_first(self):
        streams = self.load()
        term = self.leader.status()["term"]
        since = time.monotonic()

        self.assertEqual(0, self.leader.stop())

        heir = self.cluster.wait_for_leader(besides=self.leader)
        self.end(streams, since)
        self.assertEqual(term + 1, heir.status()["term"])
        log = self.leader.log.read_text(errors="replace")
        self.assertRegex(log, r"a transfer of leadership ended.*outcome=\"?won")

    def test_a_node_without_others_stops_as_it_did(self):
        for node in self.followers(self.leader):
            node.kill()

        self.assertEqual(0, self.leader.stop())

    def test_a_target_that_dies_does_not_keep_leadership_from_going_on(self):
        streams = self.load()
        target = self.followers(self.leader)[0]
        since = time.monotonic()

        target.signal(signal.SIGSTOP)
        asked = self.ctl("transfer", "--to", str(target.id), nodes=[self.leader])
        cluster.wait_until(
            lambda: "handing leadership over" in self.leader.log.read_text(errors="replace"), 10,
            "no transfer begins")
        target.kill()
        status, said = self.finished(asked)

        self.assertIn(status, (3, 4), said)
        self.assertIn(f"node {self.leader.id} leads on", said["message"])
        self.assertIs(self.leader, self.cluster.leader())
        self.end(streams, since)
        target.start()
        cluster.wait_until(target.status, 20, "the target does not come back")
        self.assert_nothing_lost(streams)

    def test_leadership_goes_to_the_higher_priority(self):
        streams = self.load()
        since = time.monotonic()
        wanted = self.followers(self.leader)[1]

        status, said = self.finished(self.ctl(
            "member", "add", f"{wanted.id}=127.0.0.1:{wanted.raft_port}", "--priority", "9"))

        self.assertEqual(0, status, said)
        cluster.wait_until(lambda: self.cluster.leader() is wanted, 30,
                           "leadership does not go where it is wanted", pause=0.1)
        self.end(streams, since)

    def test_one_node_after_the_other_is_restarted_under_load(self):
        streams = self.load()
        since = time.monotonic()

        for node in [*self.followers(self.leader), self.leader]:
            self.assertEqual(0, node.stop())
            node.start()
            cluster.wait_until(node.status, 20, f"node {node.id} does not come back")
            cluster.wait_until(lambda n=node: n.get("/readyz")[0] == 200, 20, "it is not ready")

        self.end(streams, since)


if __name__ == "__main__":
    unittest.main()
