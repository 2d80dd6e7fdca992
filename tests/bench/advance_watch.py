#!/usr/bin/python3
"""The independent watcher: an OVSDB client (RFC 7047) that writes down when each VLAN came to each port, and when it left.

    advance_watch.py SOCKET

Says READY when it follows the table; at the end of its input it prints {"came": {PORT: {VLAN: MS}}, "left": [[PORT, VLAN,
MS]...]} and ends. Times are milliseconds since the epoch, taken when the message was read: a little late, never early. What
was there at the beginning came at 0.
"""
import json
import select
import socket
import sys
import time

MONITOR = {"id": 1, "method": "monitor", "params": ["Open_vSwitch", "watch", {"Port": {"columns": ["name", "trunks"]}}]}


def numbers(value):
    """An OVSDB set, which stands without its brackets when it has one member."""
    return set(value[1]) if isinstance(value, list) else {value}


class Watch:
    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(path)
        self.came, self.left, self._trunks, self._text = {}, [], {}, ""
        self._say(MONITOR)

    def _say(self, message):
        self.socket.sendall(json.dumps(message).encode())

    def read(self):
        """One reading of the socket; False when the database is gone."""
        data = self.socket.recv(1 << 16)
        now = time.time() * 1000
        self._text += data.decode()
        decoder, at = json.JSONDecoder(), 0
        while at < len(self._text):
            try:
                message, at = decoder.raw_decode(self._text, at)
            except json.JSONDecodeError:
                break       # the rest is on its way
            self._take(message, now)
        self._text = self._text[at:]
        return bool(data)

    def _take(self, message, now):
        if message.get("method") == "echo":
            self._say({"id": message["id"], "result": message["params"], "error": None})
        elif message.get("method") == "update":
            self._note(message["params"][1], now)
        elif message.get("id") == 1:
            self._note(message["result"], 0)
            print("READY", flush=True)

    def _note(self, tables, now):
        for row in tables.get("Port", {}).values():
            if "new" not in row:
                continue
            port, trunks = row["new"]["name"], numbers(row["new"]["trunks"])
            before, self._trunks[port] = self._trunks.get(port, set()), trunks
            for vlan in trunks - before:
                self.came.setdefault(port, {}).setdefault(vlan, now)
            self.left += [(port, vlan, now) for vlan in before - trunks]


def main():
    watch = Watch(sys.argv[1])
    while True:
        ready, _, _ = select.select([watch.socket, sys.stdin], [], [])
        if watch.socket in ready and not watch.read():
            raise SystemExit("the database is gone")
        if sys.stdin in ready and watch.socket not in ready:
            break
    json.dump({"came": watch.came, "left": watch.left}, sys.stdout)


if __name__ == "__main__":
    main()
