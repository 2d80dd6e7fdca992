#!/usr/bin/python3
"""Runs PROGRAM ARGUMENTS... with a stream socket on descriptor 3, as vsnd does, and copies between that socket and
this process's standard input and output. Says "pid NUMBER" first. When the input ends, the socket is closed; the
program's exit status becomes this process's."""
import fcntl
import os
import socket
import subprocess
import sys
import threading

def away_from_3(end):
    """The same socket on a higher descriptor, so that the program's end can be put on 3."""
    with end:
        return socket.socket(fileno=fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 10))


ours, theirs = map(away_from_3, socket.socketpair())
os.dup2(theirs.fileno(), 3)
program = subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL, pass_fds=[3])
os.close(3)
theirs.close()
print("pid", program.pid, flush=True)


def feed():
    while data := os.read(0, 65536):
        ours.sendall(data)
    ours.shutdown(socket.SHUT_WR)


threading.Thread(target=feed, daemon=True).start()
while data := ours.recv(65536):
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()
sys.exit(program.wait())
