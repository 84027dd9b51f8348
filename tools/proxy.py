"""A proxy between a client and a server on loopback that can lose what passes: for system tests.

Connections go through until they are told otherwise: `freeze` keeps everything in both directions,
`answers_lost` passes what the client says and nothing back, `cut` ends what is there and refuses
what comes. `heal` lets bytes pass again; those that were kept or lost stay lost, with their
connections, as those of a partition that outlived its connections.
"""

import contextlib
import socket
import threading


class Proxy:
    """Listens on a port of its own. Use it as a context; its threads end with it."""

    def __init__(self, target):
        self._target = target
        self._lock = threading.Lock()
        self._mode = "pass"
        self._connections = set()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._set("cut")
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def freeze(self):
        self._set("freeze")

    def answers_lost(self):
        self._set("answers_lost")

    def cut(self):
        self._set("cut")

    def heal(self):
        """Everything passes again, on new connections."""
        self._set("cut")
        with self._lock:
            self._mode = "pass"

    def _set(self, mode):
        with self._lock:
            self._mode = mode
            ended = list(self._connections) if mode == "cut" else []
            if ended:
                self._connections.clear()
        for one in ended:
            self._end(one)

    @staticmethod
    def _end(connection):
        for one in connection:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def _accept(self):
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client):
        with client:
            try:
                server = socket.create_connection(("127.0.0.1", self._target), 5)
            except OSError:
                return
            server.settimeout(None)
            with server:
                connection = (client, server)
                with self._lock:
                    if self._mode == "cut":
                        return
                    self._connections.add(connection)
                back = threading.Thread(target=self._pump, args=(server, client, "answers"),
                                        daemon=True)
                back.start()
                self._pump(client, server, "questions")
                back.join()
                with self._lock:
                    self._connections.discard(connection)

    def _passes(self, direction):
        with self._lock:
            return self._mode == "pass" or (self._mode == "answers_lost"
                                            and direction == "questions")

    def _pump(self, source, sink, direction):
        """Copies one direction until it ends; what must not pass is dropped."""
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                if self._passes(direction):
                    sink.sendall(data)
        self._end((source, sink))
