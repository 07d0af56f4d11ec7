"""Two trainings never hold one folder, with the system's locks or without them."""

import errno
import json
import multiprocessing
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.process import BaseProcess
from multiprocessing.synchronize import Event
from pathlib import Path

import pytest

from workflow_scripts.common import lock
from workflow_scripts.common.errors import InputError
from workflow_scripts.common.files import remove, set_aside
from workflow_scripts.common.lock import OWNER, locked


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    monkeypatch.setattr(lock, "HEARTBEAT", 0.1)
    monkeypatch.setattr(lock, "SILENCE", 1.5)
    monkeypatch.setattr(lock, "ENDING", 1.0)


def owner(folder: Path, beats: int, host: str = "elsewhere") -> None:
    folder.mkdir(exist_ok=True)
    about = {"id": "other", "beats": beats, "host": host, "process": 7, "job": "12"}
    (folder / OWNER).write_text(json.dumps(about))


def no_system_locks(*_arguments) -> None:
    raise OSError(errno.ENOLCK, "no locks available")


def hold(folder: Path, held: Event, release: Event, system_locks: bool, seconds: float) -> None:
    if not system_locks:
        lock.fcntl.lockf = no_system_locks
    with locked(folder):
        held.set()
        release.wait(seconds)


def test_a_folder_is_free_again_after_its_block(tmp_path):
    for _ in range(2):
        with locked(tmp_path / "state"):
            assert (tmp_path / "state" / OWNER).exists()
        assert not (tmp_path / "state" / OWNER).exists()


def test_a_silent_owner_on_another_machine_is_dead(tmp_path):
    owner(tmp_path, 3)
    started = time.monotonic()
    with locked(tmp_path):
        assert time.monotonic() - started >= lock.SILENCE


def test_an_owner_on_this_machine_without_the_systems_lock_is_dead_at_once(tmp_path):
    owner(tmp_path, 3, lock.socket.gethostname())
    started = time.monotonic()
    with locked(tmp_path):
        assert time.monotonic() - started < lock.SILENCE / 2


@pytest.fixture(params=[True, False], ids=["system's locks", "heartbeats"])
def system_locks(request, monkeypatch) -> bool:
    if not request.param:
        monkeypatch.setattr(lock.fcntl, "lockf", no_system_locks)
    return request.param


@contextmanager
def held(folder: Path, system_locks: bool, seconds: float = 20) -> Iterator[BaseProcess]:
    """Another process holds the folder until the block ends, or for some seconds."""
    context = multiprocessing.get_context("fork")
    holds, release = context.Event(), context.Event()
    other = context.Process(target=hold, args=(folder, holds, release, system_locks, seconds))
    other.start()
    try:
        assert holds.wait(20)
        yield other
    finally:
        release.set()
        other.join()
    assert other.exitcode == 0


def test_a_living_owner_is_named(tmp_path, system_locks):
    with held(tmp_path, system_locks) as other:
        with pytest.raises(InputError, match=f"another job .*process {other.pid} on "), locked(tmp_path):
            pass
        assert other.is_alive()


def test_an_owner_that_is_about_to_end_is_waited_for(tmp_path, system_locks):
    with held(tmp_path, system_locks, seconds=0.5) as other, locked(tmp_path):
        assert json.loads((tmp_path / OWNER).read_text())["process"] != other.pid


def hold_and_finish(folder: Path, held: Event, release: Event, system_locks: bool) -> None:
    if not system_locks:
        lock.fcntl.lockf = no_system_locks
    with locked(folder):
        held.set()
        release.wait(20)
        aside = set_aside(folder)
    remove(aside)


def test_an_owner_that_finishes_and_removes_the_folder_is_waited_for(tmp_path, system_locks, monkeypatch):
    """As a training does at its end, while the next try of it is waiting."""
    # It has the time that it takes on a busy machine.
    monkeypatch.setattr(lock, "ENDING", 20.0)
    context = multiprocessing.get_context("fork")
    holds, release, folder = context.Event(), context.Event(), tmp_path / "state"
    other = context.Process(target=hold_and_finish, args=(folder, holds, release, system_locks))
    other.start()
    assert holds.wait(20)
    threading.Timer(0.3, release.set).start()
    with locked(folder):
        assert (folder / lock.LOCK).exists()
        assert json.loads((folder / OWNER).read_text())["process"] == os.getpid()
    other.join()
    assert other.exitcode == 0
