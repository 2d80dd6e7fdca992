"""A network namespace without a name: it lives as long as this process or anything running in it."""
import ctypes
import os
import threading

CLONE_NEWNET = 0x40000000
_libc = ctypes.CDLL(None, use_errno=True)


def _check(result):
    if result != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def _in_thread(function):
    """Runs 'function' in a thread of its own, because a namespace belongs to a thread."""
    outcome = {}
    def body():
        try:
            outcome["value"] = function()
        except BaseException as error:      # handed to the caller, whatever it is
            outcome["error"] = error
    thread = threading.Thread(target=body)
    thread.start()
    thread.join()
    if "error" in outcome:
        raise outcome["error"]
    return outcome["value"]


class NetNs:
    def __init__(self):
        def make():
            _check(_libc.unshare(CLONE_NEWNET))
            return os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        self.fd = _in_thread(make)

    @property
    def path(self):
        """For nsenter --net=."""
        return f"/proc/{os.getpid()}/fd/{self.fd}"

    def call(self, function):
        """Runs 'function' in the namespace; a socket that it makes stays there."""
        def inside():
            _check(_libc.setns(self.fd, CLONE_NEWNET))
            return function()
        return _in_thread(inside)

    def close(self):
        if self.fd is not None:
            os.close(self.fd)
            self.fd = None
