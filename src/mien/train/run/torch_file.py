"""Opens files of torch with the weights_only reader, which runs no code. Recognizes no network.

Besides tensors and plain values, a file may hold numpy's numbers and arrays and the options of a command line, since
trainers keep their best accuracy and their settings next to the weights; these types only hold values. Any other
object is refused by its name. What the file says of itself is checked: the checksums of a zip archive, and that
weights are numbers.
"""

import argparse
import importlib
import pickle
import re
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.serialization import safe_globals

from mien.errors import CheckpointError
from mien.models.archives import PACKED, SMALL
from mien.models.foreign_files import describe_foreign
from mien.train.run.safetensors_file import is_safetensors, read_safetensors


def load_file(path: Path, *, in_place: bool = False) -> Mapping[str, object]:
    """Read the content of a file of torch, or of a safetensors file, on the CPU.

    Args:
        path: the file.
        in_place: leave tensors in the file until they are read; not for files in torch's old format.

    Raises:
        CheckpointError: missing, damaged, or with objects that are not weights.
    """
    if is_safetensors(_head(path)):
        return read_safetensors(path)
    _require_torch_file(path)
    try:
        with safe_globals(list(_values())):
            content = torch.load(path, map_location="cpu", weights_only=True, mmap=in_place)
    except pickle.UnpicklingError as reason:
        raise CheckpointError(f"{path} {_unread(str(reason))}") from reason
    except MemoryError as reason:
        raise CheckpointError(f"{path} is damaged, or larger than the memory of this machine") from reason
    except Exception as reason:
        # A damaged pickle can make torch's reader raise anything, an AssertionError among it.
        raise CheckpointError(f"{path} is damaged or not a file of torch; copy it again") from reason
    if not isinstance(content, Mapping):
        raise CheckpointError(f"{path} has no weights by name; save the network's state_dict and use that")
    return content


def require_numbers(tensors: Mapping[str, object], path: Path, *, zeros: bool = False) -> None:
    """Refuse weights that are NaN or infinite, and matrices and kernels that are all zero.

    Args:
        tensors: by name; other values are left alone.
        path: of the file, for the message.
        zeros: whether zeros are nothing unusual, as in the state of an optimizer.

    Raises:
        CheckpointError: the message names the first such weight.
    """
    for name, value in tensors.items():
        if isinstance(value, Tensor) and value.is_floating_point() and not value.is_meta:
            fault = _fault(value, zeros=zeros)
            if fault:
                raise CheckpointError(
                    f"the weights '{name}' of {path} {fault}: the file is damaged, or its training diverged; copy it "
                    "again, or use an earlier checkpoint"
                )


def _fault(value: Tensor, *, zeros: bool) -> str:
    # A sum is NaN or infinite where a number of it is: one pass, and no copy of the weights.
    if not bool(torch.isfinite(value.sum(dtype=torch.float64))):
        bad = int((~torch.isfinite(value)).sum())
        if bad:
            return f"hold {bad} numbers of {value.numel()} that are NaN or infinite"
    if not zeros and value.dim() > 1 and value.numel() > 0 and not bool(value.any()):
        return "are all zero"
    return ""


class LightningCallback:
    """Stands for a class of Lightning, which before 1.5 wrote its callbacks' classes as keys of their states."""


def _values() -> Iterator[Any]:
    """Types that hold values and run nothing, by the names that numpy 1 and numpy 2 give them."""
    for callback in ("model_checkpoint.ModelCheckpoint", "early_stopping.EarlyStopping"):
        yield LightningCallback, f"pytorch_lightning.callbacks.{callback}"
    multiarray = importlib.import_module("numpy._core.multiarray")
    for function in (multiarray.scalar, multiarray._reconstruct):
        yield from ((function, f"numpy.{core}.multiarray.{function.__name__}") for core in ("core", "_core"))
    yield from (np.ndarray, np.dtype, argparse.Namespace)
    yield from {type(np.dtype(code)) for code in "?bBhHiIlLqQefd"}


def _unread(reason: str) -> str:
    """Why the weights_only reader gave up, as the end of a sentence."""
    named = re.search(r"GLOBAL (\S+) was not an allowed global", reason)
    if named is None:
        return (
            "does not contain only weights: it has objects whose code would have to be run, or it is damaged; save "
            "its state_dict and use that"
        )
    return (
        f"has an object of the type {named[1]}, whose code would have to be run, as a whole model was saved, or "
        "settings next to its weights: where the file was made, save its state_dict alone and use that"
    )


def _require_torch_file(path: Path) -> None:
    """Refuse other files before torch tries to read them: a checkpoint begins as a zip archive or as a pickle."""
    head = _head(path)
    if head.startswith(b"PK"):
        _require_archive(path)
    elif not head.startswith(b"\x80"):
        what = describe_foreign(head) or "is not a file of torch: use a checkpoint that torch.save has written"
        raise CheckpointError(f"{path} {what}")


def _head(path: Path) -> bytes:
    try:
        with path.open("rb") as stream:
            return stream.read(512)
    except OSError as reason:
        raise CheckpointError(f"{path} cannot be read: {reason.strerror or reason}") from reason


def _require_archive(path: Path) -> None:
    """Refuse an archive that is damaged, holds a program, or grows beyond reason; torch checks no checksums."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
            if any("/code/" in name or name.endswith("/constants.pkl") for name in names):
                raise CheckpointError(
                    f"{path} is TorchScript, which holds a program: where the model is made, save its weights with "
                    "torch.save(model.state_dict(), FILE) and use that, or export it to ONNX"
                )
            if not any(name.endswith("data.pkl") for name in names):
                raise CheckpointError(f"{path} is a zip archive and not a file of torch; unpack it first")
            if sum(one.file_size for one in archive.infolist()) > SMALL + PACKED * path.stat().st_size:
                raise CheckpointError(
                    f"{path} claims to be more than {PACKED} times larger than it is; copy it again"
                )
            damaged = archive.testzip()
    except CheckpointError:
        raise
    except Exception as reason:
        raise CheckpointError(f"{path} is damaged or not a file of torch; copy it again") from reason
    if damaged is not None:
        raise CheckpointError(f"{path} is damaged, as the checksum of {damaged} in it is another one; copy it again")
