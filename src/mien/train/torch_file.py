"""Opens files of torch with the weights_only reader, which runs no code. Recognizes no network."""

import pickle
from collections.abc import Mapping
from pathlib import Path

import torch

from mien.errors import CheckpointError


def load_file(path: Path, *, in_place: bool = False) -> Mapping[str, object]:
    """The content of a file of torch, on the CPU.

    Args:
        path: the file.
        in_place: leave tensors in the file until they are read; not for files of torch's old kind.

    Raises:
        CheckpointError: missing, damaged, or with objects that are no weights.
    """
    _require_torch_file(path)
    try:
        content = torch.load(path, map_location="cpu", weights_only=True, mmap=in_place)
    except pickle.UnpicklingError as reason:
        raise CheckpointError(
            f"{path} is no file of weights alone: it holds objects that would have to be run to be read, or is "
            "damaged; save its state_dict and give that"
        ) from reason
    except (OSError, RuntimeError, EOFError, ValueError, KeyError, AttributeError) as reason:
        raise CheckpointError(f"{path} is damaged or no file of torch; copy it again") from reason
    if not isinstance(content, Mapping):
        raise CheckpointError(f"{path} holds no weights by name; save the network's state_dict and give that")
    return content


def _require_torch_file(path: Path) -> None:
    """Tell what is no checkpoint before torch tries to read it: one begins as a zip archive or as a pickle."""
    try:
        with path.open("rb") as stream:
            head = stream.read(2)
    except OSError as reason:
        raise CheckpointError(f"{path} cannot be read: {reason.strerror or reason}") from reason
    if head != b"PK" and not head.startswith(b"\x80"):
        raise CheckpointError(f"{path} is no file of torch: give a checkpoint that torch.save has written")
