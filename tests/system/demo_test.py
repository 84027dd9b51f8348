"""The demo itself: that it tells a true story, and that nothing stays behind, however it ends."""

import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time
import unittest

import cluster

DEMO = pathlib.Path(cluster.__file__).with_name("demo.py")
CLUSTER = pathlib.Path(cluster.__file__).with_name("run_cluster.py")


class Demo(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory(prefix="mainstay-test-")
        self.addCleanup(scratch.cleanup)
        self.scratch = pathlib.Path(scratch.name)

    def start(self, script):
        process = subprocess.Popen(
            [sys.executable, str(script), "--mainstayd", os.environ["MAINSTAYD"]],
            env={**os.environ, "TMPDIR": str(self.scratch)}, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process

    def servers(self):
        """The process ids of all servers that keep their data in our scratch folder."""
        found = []
        for entry in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
            try:
                if str(self.scratch).encode() in entry.read_bytes():
                    found.append(int(entry.parent.name))
            except OSError:
                continue
        return found

    def assert_nothing_left(self):
        cluster.wait_until(lambda: not self.servers(), 5, "servers are left behind")

    def test_nothing_is_lost_in_less_than_a_minute(self):
        started = time.monotonic()

        out, _ = self.start(DEMO).communicate(timeout=120)

        self.assertRegex(out, r"lost +0 writes", out)
        self.assertRegex(out, r"acknowledged +\d{3,} writes")
        self.assertLess(time.monotonic() - started, 60)
        self.assert_nothing_left()
        self.assertEqual([], list(self.scratch.iterdir()))

    def test_whatever_ends_it_no_server_stays(self):
        for script in [DEMO, CLUSTER]:
            for end in [signal.SIGINT, signal.SIGTERM, signal.SIGKILL]:
                process = self.start(script)
                cluster.wait_until(lambda: len(self.servers()) == 3, 20, "no servers")
                time.sleep(0.5)

                process.send_signal(end)
                process.communicate(timeout=20)

                self.assert_nothing_left()


if __name__ == "__main__":
    unittest.main()
