"""Tasks and the threads that do them: progress, success, failure, cancelling, and a master that dies meanwhile."""
import threading
import traceback

from .schema import NULL
from .values import Failure

VOID = "<value></value>"


class Gone(Exception):
    """The master that did this work is no more."""


class Job:
    """
    task     the task's ref: the key under which machines and hosts carry the operation
    """

    def __init__(self, pool, name, parent=NULL, internal=False):
        self.pool, self.name = pool, name
        self._wake, self._cancelled, self.gone = threading.Event(), False, False
        with pool.database.lock:
            self.task = pool.database.create(
                "task", name_label=name, created=pool.now(), finished=pool.now(), status="pending", type="<none/>",
                resident_on=pool.master.ref, backtrace="()", subtask_of=parent)
            if not internal:
                pool.database.write("task", self.task, allowed_operations=["cancel"])

    def wait(self, seconds):
        """Goes on after that time; TASK_CANCELLED when it is cancelled, Gone when the master is gone."""
        self._wake.wait(seconds)
        if self.gone:
            raise Gone
        if self._cancelled:
            raise Failure("TASK_CANCELLED", self.task)

    def cancel(self):
        self._cancelled = True
        self.pool.database.write("task", self.task, status="cancelling")
        self._wake.set()

    def abandon(self):
        self.gone = True
        self._wake.set()

    def progress(self, part):
        if not self.gone:
            self.pool.database.write("task", self.task, progress=float(part))

    def end(self, result=VOID, failure=None):
        """Last of all: what it was about has been written before."""
        database = self.pool.database
        with database.lock:
            if self.gone or not database.has("task", self.task):
                return
            database.write("task", self.task, finished=self.pool.now())
            database.write("task", self.task, allowed_operations=[])
            if failure is None:
                database.write("task", self.task, progress=1.0, result=result, status="success")
            else:
                status = "cancelled" if failure.code == "TASK_CANCELLED" else "failure"
                database.write("task", self.task, progress=1.0, error_info=failure.words, status=status)


class Jobs:
    def __init__(self, pool):
        self._pool, self._lock, self._running = pool, threading.Lock(), set()

    def _begin(self, name, **more):
        job = Job(self._pool, name, **more)
        with self._lock:
            self._running.add(job)
        return job

    def _do(self, job, work):
        """(value, failure)"""
        try:
            return work(job), None
        except Failure as failure:
            return None, failure
        except Gone:
            return None, Failure("HOST_NOT_LIVE")
        except Exception as error:      # a fault of ours is an answer, too
            traceback.print_exc()
            return None, Failure("INTERNAL_ERROR", repr(error))
        finally:
            with self._lock:
                self._running.discard(job)

    def start(self, name, work, parent=NULL, after=None):
        """The Async. form: answers the task at once. 'after' is called with the failure or None at the end."""
        job = self._begin(name, parent=parent)
        def run():
            value, failure = self._do(job, work)
            job.end(self._result(value), failure)
            if after:
                after(failure)
        threading.Thread(target=run, daemon=True).start()
        return job.task

    def _result(self, value):
        return VOID if value in (None, "") else self._pool.encoder.xml(value)

    def run(self, name, work, internal=False, parent=NULL):
        """The plain form: has a task as long as it runs, and answers the value."""
        job = self._begin(name, internal=internal, parent=parent)
        value, failure = self._do(job, work)
        job.end(self._result(value), failure)
        if not job.gone and self._pool.database.has("task", job.task):
            self._pool.database.destroy("task", job.task)
        if failure:
            raise failure
        return "" if value is None else value

    def find(self, task):
        with self._lock:
            return next((job for job in self._running if job.task == task), None)

    def abandon(self):
        """The master is gone: nothing of it goes on, and its tasks stay as they are."""
        with self._lock:
            running, self._running = self._running, set()
        for job in running:
            job.abandon()

    @property
    def running(self):
        with self._lock:
            return [job.name for job in self._running]
