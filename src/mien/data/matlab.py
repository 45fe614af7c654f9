"""MATLAB files, read in a process of their own: scipy's reader ends the process that reads some damaged files.

Knows nothing of what the files hold.
"""

import pickle
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mien.data.tables import plain
from mien.errors import ManifestError

CHILD = """
import pickle, sys
from scipy.io import loadmat
for name in sys.argv[1:]:
    try:
        content = {key: value for key, value in loadmat(name).items() if not key.startswith("__")}
        written = pickle.dumps((content, None))
    except Exception as reason:
        written = pickle.dumps((None, f"{type(reason).__name__}: {reason}"))
    sys.stdout.buffer.write(len(written).to_bytes(8, "little") + written)
    sys.stdout.buffer.flush()
"""
LIMIT = 600
"""Seconds after which a file that is still being read is refused."""


def read_matlab(paths: Sequence[Path]) -> list[dict[str, Any]]:
    """Read MATLAB files.

    Raises:
        ManifestError: one of them is not a MATLAB file, or is damaged.
    """
    command = [sys.executable, "-c", CHILD, *map(str, paths)]
    try:
        done = subprocess.run(command, capture_output=True, timeout=LIMIT, check=False).stdout  # noqa: S603 - own code
    except subprocess.TimeoutExpired as reason:
        raise ManifestError(f"{paths[0].parent}: its .mat files take too long to read; fetch them again") from reason
    found = []
    for path in paths:
        size = int.from_bytes(done[:8], "little")
        written, done = done[8 : 8 + size], done[8 + size :]
        if len(written) < size or not size:
            raise ManifestError(f"{path} is damaged: fetch it again")
        content, fault = pickle.loads(written)  # noqa: S301 - what the child above wrote
        if fault is not None:
            raise ManifestError(f"{path} is not a MATLAB file, or is damaged: {plain(ValueError(fault))}")
        found.append(content)
    return found
