"""One owner of a folder at a time, whatever its file system and wherever the other process runs."""

import fcntl
import json
import logging
import os
import socket
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from workflow_scripts.common.ending import end
from workflow_scripts.common.errors import InputError

LOCK = "lock"
OWNER = "owner.json"
HEARTBEAT = 10.0  # seconds
# A living owner on another machine shows a heartbeat in this time, slow file systems included.
SILENCE = 60.0
# Slurm reports a job that it ends before the processes have ended, so a new try can meet the one before.
ENDING = 60.0


@contextmanager
def locked(folder: Path, patience: float | None = None) -> Iterator[None]:
    """Hold `folder`. Raises `InputError` where another process, here or elsewhere, holds it for too long.

    The system's lock ends with its process, at once, but some network file systems keep it to one
    machine, or have none. So the owner also shows a heartbeat; an owner without one is taken for dead.
    """
    with _taken_over(folder, ENDING if patience is None else patience) as trusted:
        owner = _Owner(folder)
        folder.mkdir(parents=True, exist_ok=True)
        owner.beat()
        if not trusted:
            time.sleep(HEARTBEAT / 5)
            owner.check()
        threading.Thread(target=owner.live, daemon=True).start()
        try:
            yield
        finally:
            owner.ended.set()
            if _read(folder).get("id") == owner.id:
                (folder / OWNER).unlink(missing_ok=True)


@contextmanager
def _taken_over(folder: Path, patience: float) -> Iterator[bool]:
    """Hold the file of the lock of a folder that nobody else holds; gives whether the system's lock could be had."""
    while True:
        folder.mkdir(parents=True, exist_ok=True)
        try:
            file = (folder / LOCK).open("a")
        except FileNotFoundError:
            continue  # The owner has just finished, and removed the folder.
        with file:
            trusted = _lock(file, folder, patience)
            _wait_for_silence(folder, trusted)
            # An owner that finished meanwhile has removed the folder, and the lock is on a file that has no name.
            if _is_at(file, folder / LOCK):
                yield trusted
                return


def _is_at(file: Any, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False


class _Owner:
    """What the owner of a folder writes into it."""

    def __init__(self, folder: Path):
        self.folder, self.id, self.beats = folder, uuid.uuid4().hex, 0
        self.ended = threading.Event()

    def beat(self) -> None:
        self.beats += 1
        about = {"host": socket.gethostname(), "process": os.getpid(), "job": os.environ.get("SLURM_JOB_ID")}
        temporary = self.folder / f".{OWNER}.{self.id}.tmp"
        temporary.write_text(json.dumps({"id": self.id, "beats": self.beats, **about}))
        temporary.replace(self.folder / OWNER)

    def check(self) -> None:
        if (other := _read(self.folder)) and other.get("id") != self.id:
            raise _taken(self.folder, other)

    def live(self) -> None:
        """Show a heartbeat until the end; end the process at once if another owner has taken over."""
        while not self.ended.wait(HEARTBEAT):
            try:
                self.check()
                self.beat()
            except InputError as error:
                logging.error("error: %s", error)
                end(1)
            except OSError as error:
                logging.warning("%s: no heartbeat could be written (%s)", self.folder, error)


def _lock(file: Any, folder: Path, patience: float) -> bool:
    """Whether the system's lock could be had; raises `InputError` where somebody else keeps it."""
    deadline = time.monotonic() + patience
    while True:
        try:
            # A POSIX lock: the workers of a killed job inherit the other kind and would keep it for a while.
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except (BlockingIOError, PermissionError) as error:
            if time.monotonic() > deadline:
                raise _taken(folder, _read(folder)) from error
            time.sleep(ENDING / 60)
        except OSError as error:
            logging.warning("%s: no locks on this file system (%s); relying on heartbeats", folder, error)
            return False
        else:
            return True


def _wait_for_silence(folder: Path, trusted: bool) -> None:
    """Return once the owner noted in `folder` is surely dead; raises `InputError` where it lives on."""
    owner = _read(folder)
    if not owner or (trusted and owner["host"] == socket.gethostname()):
        return
    logging.info("%s was held by %s; looking for a sign of life", folder, _describe(owner))
    started = heard = time.monotonic()
    while (now := _read(folder)) and time.monotonic() < heard + SILENCE:
        if now != owner:
            owner, heard = now, time.monotonic()
            if heard > started + ENDING:
                raise _taken(folder, now)
        time.sleep(SILENCE / 60)


def _read(folder: Path) -> dict[str, Any]:
    try:
        return json.loads((folder / OWNER).read_text())
    except (OSError, ValueError):
        return {}


def _describe(owner: dict[str, Any]) -> str:
    job = f"Slurm job {owner['job']}, " if owner.get("job") else ""
    return f"{job}process {owner.get('process')} on {owner.get('host')}"


def _taken(folder: Path, owner: dict[str, Any]) -> InputError:
    who = f" ({_describe(owner)})" if owner else ""
    return InputError(f"{folder}: another job is at work here{who}; wait for it to end, or end it first")
