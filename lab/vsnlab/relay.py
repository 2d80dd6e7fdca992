"""A TCP relay: what listens on loopback out here is reached from a namespace that has no other way out."""
import socket
import threading


def _copy(source, target):
    try:
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        # One side is gone: the other learns it at once, as it would without a relay.
        for end in (source, target):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


class Relay:
    """Accepts on 'listener' and connects to 'target', an (address, port) of this side."""

    def __init__(self, listener, target):
        self._listener, self._target = listener, target
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                inner, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._join, args=(inner,), daemon=True).start()

    def _join(self, inner):
        with inner:
            try:
                outer = socket.create_connection(self._target, timeout=10)
            except OSError:
                return
            with outer:
                outer.settimeout(None)
                back = threading.Thread(target=_copy, args=(outer, inner), daemon=True)
                back.start()
                _copy(inner, outer)
                back.join()

    def close(self):
        try:
            self._listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self._listener.close()
