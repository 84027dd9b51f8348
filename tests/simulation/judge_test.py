"""mainstay-judge as whoever runs it sees it: exit codes, and what it says."""

import os
import subprocess
import tempfile
import unittest

GOOD = """\
{"client":1,"op":"set","key":"k","arg":"a","result":"OK","start":0,"end":5,"outcome":"done"}
{"client":2,"op":"get","key":"k","arg":"","result":"a","start":6,"end":7,"outcome":"done"}
"""
STALE = GOOD.replace('"result":"a"', '"result":null')


class Judge(unittest.TestCase):
    def run_on(self, text):
        with tempfile.TemporaryDirectory() as folder:
            name = os.path.join(folder, "history.jsonl")
            with open(name, "w", encoding="ascii") as file:
                file.write(text)
            return subprocess.run([os.environ["MAINSTAY_JUDGE"], name], capture_output=True,
                                  text=True, check=False)

    def test_a_linearizable_history_gives_0(self):
        ended = self.run_on(GOOD)
        self.assertEqual(ended.returncode, 0, ended.stderr)
        self.assertIn("2 operations", ended.stdout)
        self.assertIn("linearizable", ended.stdout)

    def test_another_gives_1_and_is_shown(self):
        ended = self.run_on(STALE)
        self.assertEqual(ended.returncode, 1, ended.stderr)
        self.assertIn('not linearizable: key "k"', ended.stdout)
        self.assertIn(STALE, ended.stdout)

    def test_what_is_no_history_gives_2_and_names_the_line(self):
        ended = self.run_on(GOOD + "{}\n")
        self.assertEqual(ended.returncode, 2)
        self.assertIn("line 3", ended.stderr)

    def test_an_unknown_operation_gives_2_and_is_named(self):
        ended = self.run_on(GOOD.replace('"op":"get"', '"op":"frobnicate"'))
        self.assertEqual(ended.returncode, 2)
        self.assertIn("line 2", ended.stderr)
        self.assertIn("frobnicate", ended.stderr)

    def test_wrong_use_gives_2(self):
        for arguments in ([], ["--help"], ["/no/such/file"], ["a", "b"]):
            ended = subprocess.run([os.environ["MAINSTAY_JUDGE"], *arguments],
                                   capture_output=True, check=False)
            self.assertEqual(ended.returncode, 2, arguments)


if __name__ == "__main__":
    unittest.main()
