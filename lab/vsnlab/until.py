"""Waiting for what nobody announces."""
import threading
import time

from .remote import WorldError


def until(what, predicate, timeout=10, every=0.03):
    """Asks again until 'predicate' answers something true, and returns that."""
    pause, deadline = threading.Event(), time.monotonic() + timeout
    while not (answer := predicate()):
        if time.monotonic() > deadline:
            raise WorldError(f"not within {timeout} s: {what}")
        pause.wait(every)
    return answer
