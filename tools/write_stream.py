"""Streams of writes with unique keys, which keep account of what became of each one.

A write is acknowledged, refused (it surely did not happen) or unknown (it may have). Each key is
written once and never retried, so that the account can be checked against every node afterwards.
"""

import threading
import time

import resp

# The server's words for the two ways to fail (docs/operations.md).
REFUSED = "UNAVAILABLE"
UNKNOWN = "UNKNOWN"


def key_of(stream, number):
    """The key of one write."""
    return f"stream:{stream}:{number}"


def value_of(stream, number):
    """The value that belongs to a key, so that mixed-up values are seen."""
    return f"value-{stream}-{number}-{number * 2654435761 % (1 << 32):08x}"


class WriteStream(threading.Thread):
    """Writes through any node, `depth` at a time, until stopped; moves on when a node goes away."""

    def __init__(self, name, ports, depth=32):
        super().__init__(daemon=True)
        self.stream = name
        self.acknowledged = []
        self.refused = []
        self.unknown = []
        self.surprises = []
        self.acknowledged_at = []  # (time, how many by then), one pair a pipeline
        self._ports = list(ports)
        self._depth = depth
        self._next = 0
        self._stopping = threading.Event()

    def stop(self):
        """Lets the pipeline under way finish, and waits for that."""
        self._stopping.set()
        self.join(30)

    def run(self):
        turn = 0
        while not self._stopping.is_set():
            port = self._ports[turn % len(self._ports)]
            turn += 1
            try:
                with resp.Client(port, timeout=5.0) as client:
                    while not self._stopping.is_set():
                        self._pipeline(client)
            except resp.ConnectionLost:
                time.sleep(0.005)

    def _pipeline(self, client):
        numbers = range(self._next, self._next + self._depth)
        self._next += self._depth
        answered = 0
        try:
            client.send([("SET", key_of(self.stream, n), value_of(self.stream, n))
                         for n in numbers])
            for number in numbers:
                self._account(number, client.receive())
                answered += 1
        except resp.ConnectionLost:
            self.unknown += numbers[answered:]
            raise
        finally:
            self.acknowledged_at.append((time.monotonic(), len(self.acknowledged)))
        if self.refused and self.refused[-1] == numbers[-1]:
            time.sleep(0.005)  # no leader at the moment: do not spin

    def _account(self, number, reply):
        if reply == b"OK":
            self.acknowledged.append(number)
        elif isinstance(reply, resp.ServerError) and reply.code == REFUSED:
            self.refused.append(number)
        elif isinstance(reply, resp.ServerError) and reply.code == UNKNOWN:
            self.unknown.append(number)
        else:
            self.surprises.append((number, str(reply)))


def start_streams(cluster, count=2, depth=32):
    """Starts streams that spread over the cluster's nodes."""
    ports = [node.resp_port for node in cluster.nodes]
    streams = [WriteStream(i, ports[i % len(ports):] + ports[:i % len(ports)], depth)
               for i in range(count)]
    for stream in streams:
        stream.start()
    return streams


def _contradictions(client, stream, numbers, expected_of, batch=1000):
    """(number, value found) wherever a node's value is not the expected one."""
    for start in range(0, len(numbers), batch):
        part = numbers[start:start + batch]
        values = client.call("MGET", *(key_of(stream, n) for n in part))
        expected = [expected_of(n) for n in part]
        if values != expected:
            yield from ((n, value) for n, value, wanted in zip(part, values, expected)
                        if value != wanted)


def differences(node, streams, consistency="stale"):
    """Where a node's contents contradict the streams' accounts, as sentences."""
    found = []
    with node.client(timeout=30.0) as client:
        client.call("MAINSTAY", "CONSISTENCY", consistency)
        for stream in streams:
            name = stream.stream
            found += [f"surprising reply to write {n}: {text}" for n, text in stream.surprises]
            found += [f"node {node.id}: acknowledged {key_of(name, n)} reads {value!r}"
                      for n, value in _contradictions(client, name, stream.acknowledged,
                                                      lambda n, s=name: value_of(s, n).encode())]
            found += [f"node {node.id}: refused {key_of(name, n)} reads {value!r}"
                      for n, value in _contradictions(client, name, stream.refused, lambda n: None)]
    return found


def longest_silence(streams, since):
    """The longest time without any acknowledgement that began at or after `since`, in seconds."""
    moments = [since]
    for stream in streams:
        counts = [(moment, count) for moment, count in stream.acknowledged_at]
        for (_, before), (moment, count) in zip([(0, 0), *counts], counts):
            if count > before and moment >= since:
                moments.append(moment)
    moments.sort()
    return max((b - a for a, b in zip(moments, moments[1:])), default=0.0)
