"""Bad flags are refused before anything starts, in a sentence that names the flag."""

import os
import pathlib
import subprocess
import tempfile
import unittest

import cluster


class Flags(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory(prefix="mainstay-test-")
        self.addCleanup(scratch.cleanup)
        self.data = pathlib.Path(scratch.name) / "data"
        ports = cluster.free_ports(5)
        self.flags = {
            "--id": "1", "--data": str(self.data),
            "--cluster": ",".join(f"{i}=127.0.0.1:{ports[i]}" for i in (1, 2, 3)),
            "--resp": f"127.0.0.1:{ports[4]}", "--http": f"127.0.0.1:{ports[0]}"}

    def run_with(self, *more, **changed):
        flags = {**self.flags, **{f"--{name}": value for name, value in changed.items()}}
        command = [os.environ["MAINSTAYD"], "--check-config", *more]
        for name, value in flags.items():
            if value is not None:
                command += [name, value]
        return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              timeout=10, check=False)

    def assert_refused(self, word, done):
        self.assertGreater(done.returncode, 0, done.stdout)
        self.assertIn(word, done.stdout)
        self.assertLess(len(done.stdout), 2000)

    def test_sound_flags_are_accepted_and_leave_no_trace(self):
        done = self.run_with()

        self.assertEqual(0, done.returncode, done.stdout)
        self.assertFalse(self.data.exists())

    def test_missing_flags_are_named(self):
        for name in ["id", "data", "cluster"]:
            self.assert_refused(name, self.run_with(**{name: None}))

    def test_an_id_outside_the_cluster_is_refused(self):
        self.assert_refused("4", self.run_with(id="4"))
        self.assert_refused("id", self.run_with(id="0"))
        self.assert_refused("id", self.run_with(id="one"))

    def test_impossible_members_are_refused(self):
        for members in ["1=127.0.0.1", "1=127.0.0.1:99999", "1=127.0.0.1:7101,1=127.0.0.1:7102",
                        "=127.0.0.1:7101", "1", ","]:
            self.assert_refused("cluster", self.run_with(cluster=members))

    def test_plaintext_beyond_loopback_must_be_said(self):
        members = "1=192.0.2.1:7101,2=192.0.2.2:7101,3=192.0.2.3:7101"

        self.assert_refused("--insecure", self.run_with(cluster=members))
        self.assertEqual(0, self.run_with("--insecure", cluster=members).returncode)

    def test_unknown_flags_are_refused(self):
        self.assert_refused("--nonsense", self.run_with("--nonsense"))


if __name__ == "__main__":
    unittest.main()
