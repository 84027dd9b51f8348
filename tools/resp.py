"""A small RESP client over a plain socket, with pipelines: for the demo and the system tests.

It retries nothing and hides nothing: what a server answered, or that it did not, is the caller's.
"""

import socket


class ServerError(Exception):
    """A reply that begins with `-`. `code` is its first word, such as UNKNOWN."""

    def __init__(self, text):
        super().__init__(text)
        self.code = text.split(" ", 1)[0]


class ConnectionLost(Exception):
    """The connection ended, or nothing came in time; what was asked may have happened."""


def encode(arguments):
    """One command as a RESP array of bulk strings."""
    parts = [b"*%d\r\n" % len(arguments)]
    for argument in arguments:
        data = argument if isinstance(argument, bytes) else str(argument).encode()
        parts.append(b"$%d\r\n%s\r\n" % (len(data), data))
    return b"".join(parts)


class Client:
    """One connection. Replies come as bytes, int, None, list, or ServerError (as a value)."""

    def __init__(self, port, host="127.0.0.1", timeout=5.0):
        try:
            self._socket = socket.create_connection((host, port), timeout)
        except OSError as failure:
            raise ConnectionLost(str(failure)) from failure
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._buffer = b""
        self._position = 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        """Closes the connection; idempotent."""
        self._socket.close()

    def send(self, commands):
        """Sends commands without waiting for their replies."""
        self.send_bytes(b"".join(map(encode, commands)))

    def send_bytes(self, data):
        """Sends bytes as they are."""
        try:
            self._socket.sendall(data)
        except OSError as failure:
            raise ConnectionLost(str(failure)) from failure

    def receive(self):
        """The next reply."""
        line = self._line()
        kind, rest = line[:1], line[1:]
        if kind == b"+":
            return rest
        if kind == b"-":
            return ServerError(rest.decode(errors="replace"))
        if kind in (b":", b"("):
            return int(rest)
        if kind == b"$":
            return None if rest == b"-1" else self._exactly(int(rest))
        if kind in (b"*", b"~"):
            return None if rest == b"-1" else [self.receive() for _ in range(int(rest))]
        if kind == b"%":
            return {self.receive(): self.receive() for _ in range(int(rest))}
        if kind == b"_":
            return None
        raise ConnectionLost(f"not RESP: {line[:40]!r}")

    def call(self, *arguments):
        """Sends one command and gives its reply; raises ServerError."""
        self.send([arguments])
        reply = self.receive()
        if isinstance(reply, ServerError):
            raise reply
        return reply

    def _fill(self):
        self._buffer = self._buffer[self._position:]
        self._position = 0
        try:
            data = self._socket.recv(1 << 16)
        except OSError as failure:
            raise ConnectionLost(str(failure) or "no answer in time") from failure
        if not data:
            raise ConnectionLost("closed by the server")
        self._buffer += data

    def _line(self):
        while (end := self._buffer.find(b"\r\n", self._position)) < 0:
            self._fill()
        line = self._buffer[self._position:end]
        self._position = end + 2
        return line

    def _exactly(self, length):
        while len(self._buffer) - self._position < length + 2:
            self._fill()
        data = self._buffer[self._position:self._position + length]
        self._position += length + 2
        return data
