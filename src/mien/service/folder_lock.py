"""Locks of files in a service's folder, by which its processes, and commands that need it alone, keep apart.

They end with the process that holds them, however it ends. A system without such locks has no workers, and there
every lock is given.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import IO

from mien.errors import SettingsError

FILE = "service.lock"


def try_lock(file: IO[str] | int, *, shared: bool = False) -> bool:
    """Lock an open file until it is closed, unless somebody else has locked it.

    Args:
        file: opened for writing, or its descriptor.
        shared: whether others may lock it so too.
    """
    if find_spec("fcntl") is None:
        return True
    import fcntl

    try:
        fcntl.flock(file, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def hold_folder(folder: Path) -> int:
    """Say that a process of the service uses the folder, until the descriptor that this gives is closed.

    Raises:
        OSError: the folder cannot be written.
        SettingsError: a command has the folder for itself.
    """
    descriptor = os.open(folder / FILE, os.O_RDWR | os.O_CREAT, 0o600)
    if try_lock(descriptor, shared=True):
        return descriptor
    os.close(descriptor)
    raise SettingsError(f"the keys of {folder} are being changed: start the service when that is done")


@contextmanager
def folder_alone(folder: Path) -> Iterator[None]:
    """Have the folder of a service for oneself.

    Raises:
        SettingsError: a service runs there.
    """
    with (folder / FILE).open("a") as file:
        if not try_lock(file):
            raise SettingsError(f"a service runs on {folder}: stop it first, and start it again afterwards")
        yield
