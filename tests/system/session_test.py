"""Sessions: what is sent again is counted once, whoever dies in between."""

import shutil
import subprocess
import time
import unittest

import resp
from system_test import SystemTest


class Sessions(SystemTest):
    def setUp(self):
        super().setUp()
        self.leader = self.cluster.start()

    def open_session(self):
        with self.leader.client() as client:
            return client.call("MAINSTAY", "SESSION", "OPEN")

    def ask(self, node, session, serial, *command):
        """The reply, or the code of a failure; any node may be asked."""
        try:
            with node.client(timeout=8) as client:
                client.call("MAINSTAY", "SESSION", "USE", session)
                return client.call("MAINSTAY", "SESSION", "EXEC", serial, *command)
        except resp.ServerError as failure:
            return failure.code
        except (OSError, resp.ConnectionLost):
            return "DISCONNECTED"

    def retry(self, session, serial, *command):
        """Asks one node after the other, and as often as it takes."""
        for attempt in range(500):
            nodes = [node for node in self.cluster.nodes if node.running]
            reply = self.ask(nodes[attempt % len(nodes)], session, serial, *command)
            if not isinstance(reply, str):
                return reply
            self.assertIn(reply, ["UNAVAILABLE", "UNKNOWN", "DISCONNECTED"])
            time.sleep(0.02)
        self.fail("no answer")

    def test_counts_are_exact_while_leaders_are_killed(self):
        session = self.open_session()
        for serial in range(1, 61):
            if serial % 20 == 0:
                # Sent, and perhaps applied, when the leader dies; nobody hears the answer.
                leader = self.cluster.wait_for_leader()
                client = leader.client()
                client.send([("MAINSTAY", "SESSION", "USE", session),
                             ("MAINSTAY", "SESSION", "EXEC", serial, "INCR", "n")])
                leader.kill()
                client.close()
                self.retry(session, serial, "INCR", "n")
                leader.start()
            replies = [self.retry(session, serial, "INCR", "n") for _ in range(2)]
            self.assertEqual([serial, serial], replies)

    def test_closed_sessions_and_old_serials_are_refused(self):
        session = self.open_session()
        self.assertEqual(1, self.ask(self.leader, session, "5/5", "INCR", "n"))
        self.assertEqual("STALESERIAL", self.ask(self.leader, session, 4, "INCR", "n"))
        with self.followers(self.leader)[0].client() as client:
            client.call("MAINSTAY", "SESSION", "USE", session)
            client.call("MAINSTAY", "SESSION", "CLOSE")

        self.assertEqual("SESSIONEXPIRED", self.ask(self.leader, session, 5, "INCR", "n"))

    @unittest.skipUnless(shutil.which("redis-cli"), "redis-cli is not installed")
    def test_redis_cli_speaks_it(self):
        lines = "MAINSTAY SESSION OPEN\nMAINSTAY SESSION EXEC 1 INCR n\n" \
                "MAINSTAY SESSION EXEC 1 INCR n\nMAINSTAY SESSION EXEC 2 INCR n\n"
        port = str(self.leader.resp_port)
        done = subprocess.run(["redis-cli", "-p", port], input=lines, text=True,
                              capture_output=True, timeout=30, check=True)

        self.assertEqual(["1", "1", "2"], done.stdout.split()[1:])


class ShortSessions(SystemTest):
    options = ("--session-time", "1000")

    def test_a_session_that_nobody_uses_ends(self):
        with self.cluster.start().client() as client:
            client.call("MAINSTAY", "SESSION", "OPEN")
            client.call("MAINSTAY", "SESSION", "EXEC", 1, "INCR", "n")
            time.sleep(1.1)

            with self.assertRaises(resp.ServerError) as caught:
                client.call("MAINSTAY", "SESSION", "EXEC", 1, "INCR", "n")
            self.assertEqual("SESSIONEXPIRED", caught.exception.code)
            self.assertEqual(b"1", client.call("GET", "n"))


if __name__ == "__main__":
    unittest.main()
