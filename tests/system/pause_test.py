"""A leader that stands still (SIGSTOP) and comes back believing it still leads."""

import signal
import time
import unittest

import cluster
import resp
import write_stream
from system_test import SystemTest


class Pauses(SystemTest):
    def setUp(self):
        super().setUp()
        self.leader = self.cluster.start()

    def depose_by_pausing(self):
        self.leader.signal(signal.SIGSTOP)
        return cluster.wait_until(self.other_leader, 10, "no other leader")

    def other_leader(self):
        for node in self.followers(self.leader):
            status = node.status()
            if status and status["role"] == "leader":
                return node
        return None

    # Hazards 47, 49: stopped past every timeout, it wakes with reads in its sockets.
    def test_a_deposed_leader_never_serves_what_it_missed(self):
        with self.leader.client() as client:
            client.call("SET", "x", "old")
        # These are on their way to the old leader before it is paused and answered after it wakes.
        waiting = [self.leader.client(timeout=15) for _ in range(8)]
        successor = self.depose_by_pausing()
        for client in waiting:
            client.send([("GET", "x")])
        with successor.client() as client:
            client.call("SET", "x", "new")

        self.leader.signal(signal.SIGCONT)

        for client in waiting:
            with client:
                reply = client.receive()
            if not isinstance(reply, resp.ServerError):
                self.assertEqual(b"new", reply)

    def test_writes_under_load_survive_pauses_of_the_leader(self):
        streams = write_stream.start_streams(self.cluster, count=3, depth=16)
        cluster.wait_until(lambda: all(s.acknowledged for s in streams), 20, "no load")

        for _ in range(3):
            self.leader = self.cluster.wait_for_leader(10)
            self.depose_by_pausing()
            time.sleep(0.3)
            self.leader.signal(signal.SIGCONT)
            cluster.wait_until(lambda: self.leader.status()["role"] == "follower", 10,
                               "the old leader does not step down")
        time.sleep(0.5)
        for stream in streams:
            stream.stop()

        self.assert_made_progress(streams)
        self.assert_nothing_lost(streams)

    # Hazard 49: stopped and continued, a member stays behind and serves what it has.
    def test_a_paused_follower_catches_up(self):
        follower = self.followers(self.leader)[0]
        follower.signal(signal.SIGSTOP)
        streams = [write_stream.WriteStream(0, [self.leader.resp_port], 64)]
        streams[0].start()
        cluster.wait_until(lambda: len(streams[0].acknowledged) > 2000, 20, "no load")
        streams[0].stop()

        follower.signal(signal.SIGCONT)

        self.assertIs(self.leader, self.cluster.leader())
        self.assert_nothing_lost(streams)


if __name__ == "__main__":
    unittest.main()
