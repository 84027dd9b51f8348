"""A data directory that an earlier version wrote: this one opens it, has all of it, and goes on.

tests/system/golden/ keeps one directory for each generation of formats; none is ever written anew.
To add one when a format changes, run this file before the change with MAINSTAY_WRITE_GOLDEN=NAME:
it leaves golden/NAME.tar.gz.
"""

import http.client
import os
import pathlib
import tarfile
import unittest

import resp
from system_test import SystemTest

GOLDEN = pathlib.Path(__file__).resolve().parent / "golden"
FAR_AWAY = 4_000_000_000_000  # milliseconds since 1970: in the year 2096


class Upgrade(SystemTest):
    """A lone voter, because a directory of several would need their ports."""

    size = 1
    options = ("--cluster-id", "7", "--segment-bytes", "65536", "--max-command-bytes", "8192",
               "--max-value-bytes", "4096", "--max-key-bytes", "1024", "--snapshot-entries", "0",
               "--snapshot-bytes", "0", "--compaction-tail-bytes", "4096")

    def setUp(self):
        super().setUp()
        self.node = self.cluster.node(1)

    def use(self, session, *requests):
        """What (serial, command…) are answered in a session; failures by their codes."""
        with self.node.client() as client:
            client.call("MAINSTAY", "SESSION", "USE", session)
            client.send([("MAINSTAY", "SESSION", "EXEC", *one) for one in requests])
            answers = [client.receive() for _ in requests]
            return [a.code if isinstance(a, resp.ServerError) else a for a in answers]

    def save(self):
        status, body = self.post("/v1/snapshot")
        self.assertEqual(200, status, body)

    def post(self, path):
        connection = http.client.HTTPConnection("127.0.0.1", self.node.http_port, timeout=20)
        try:
            connection.request("POST", path)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()

    def write_one(self, name):
        """The directory's whole story: a snapshot, a log behind it, and a session over both."""
        self.cluster.options += ["--session-time", "2000"]  # over, whenever it is opened again
        self.cluster.start()
        with self.node.client() as client:
            for i in range(1000):
                client.call("SET", f"key-{i % 100}", f"value-{i}")
            client.call("SET", "lasts", "long", "PXAT", FAR_AWAY)
            client.call("SET", "binary", bytes(range(256)))
            session = client.call("MAINSTAY", "SESSION", "OPEN")
        self.assertEqual([1], self.use(session, (1, "INCR", "counted")))
        self.save()
        self.assertEqual([2], self.use(session, (2, "INCR", "counted")))
        with self.node.client() as client:
            client.call("DEL", *(f"key-{i}" for i in range(90, 100)))
            client.call("SET", "session", session)
        self.node.stop()
        with tarfile.open(GOLDEN / f"{name}.tar.gz", "w:gz") as archive:
            for file in sorted(pathlib.Path(self.node.directory).iterdir()):
                if file.suffix != ".spare":
                    archive.add(file, file.name)

    def assert_has_all(self, counted):
        with self.node.client() as client:
            expected = [f"value-{900 + i}".encode() for i in range(90)] + [None] * 10
            self.assertEqual(expected, client.call("MGET", *(f"key-{i}" for i in range(100))))
            self.assertEqual(FAR_AWAY // 1000, client.call("EXPIRETIME", "lasts"))
            self.assertEqual(bytes(range(256)), client.call("GET", "binary"))
            self.assertEqual(str(counted).encode(), client.call("GET", "counted"))
            return int(client.call("GET", "session"))

    def goes_on_from(self, archive):
        # Each in a directory of its own.
        self.node.directory = self.scratch / archive.name
        self.node.directory.mkdir(parents=True)
        with tarfile.open(archive) as opened:
            opened.extractall(self.node.directory)
        self.cluster.start()
        # Its time is over, by the log's clock.
        session = self.assert_has_all(counted=2)
        self.assertEqual(["SESSIONEXPIRED"], self.use(session, (2, "INCR", "counted")))
        with self.node.client() as client:
            session = client.call("MAINSTAY", "SESSION", "OPEN")
            self.assertEqual(b"OK", client.call("SET", "session", session))
        self.assertEqual([3], self.use(session, (1, "INCR", "counted")))
        before = self.node.status()["snapshot_index"]
        self.save()
        self.assertGreater(self.node.status()["snapshot_index"], before)

        self.node.kill()
        self.cluster.start()
        self.assertEqual([3, 4],
                         self.use(session, (1, "INCR", "counted"), (2, "INCR", "counted")))
        self.assertEqual(session, self.assert_has_all(counted=4))
        self.node.kill()

    def test_every_generation_of_formats_goes_on(self):
        name = os.environ.get("MAINSTAY_WRITE_GOLDEN")
        if name:
            self.write_one(name)
            return
        archives = sorted(GOLDEN.glob("*.tar.gz"))
        self.assertTrue(archives)
        for archive in archives:
            with self.subTest(archive.name):
                self.goes_on_from(archive)


if __name__ == "__main__":
    unittest.main()
