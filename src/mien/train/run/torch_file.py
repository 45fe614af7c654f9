"""Opens files of torch with the weights_only reader, which runs no code. Recognizes no network."""

import pickle
from collections.abc import Mapping
from pathlib import Path

import torch

from mien.errors import CheckpointError


def load_file(path: Path, *, in_place: bool = False) -> Mapping[str, object]:
    """Read the content of a file of torch, on the CPU.

    Args:
        path: the file.
        in_place: leave tensors in the file until they are read; not for files in torch's old format.

    Raises:
        CheckpointError: missing, damaged, or with objects that are not weights.
    """
    _require_torch_file(path)
    try:
        content = torch.load(path, map_location="cpu", weights_only=True, mmap=in_place)
    except pickle.UnpicklingError as reason:
        raise CheckpointError(
            f"{path} does not contain only weights: it has objects whose code would have to be run, or it is "
            "damaged; save its state_dict and use that"
        ) from reason
    except (OSError, RuntimeError, EOFError, ValueError, KeyError, AttributeError) as reason:
        raise CheckpointError(f"{path} is damaged or not a file of torch; copy it again") from reason
    if not isinstance(content, Mapping):
        raise CheckpointError(f"{path} has no weights by name; save the network's state_dict and use that")
    return content


def _require_torch_file(path: Path) -> None:
    """Refuse other files before torch tries to read them: a checkpoint begins as a zip archive or as a pickle."""
    try:
        with path.open("rb") as stream:
            head = stream.read(2)
    except OSError as reason:
        raise CheckpointError(f"{path} cannot be read: {reason.strerror or reason}") from reason
    if head != b"PK" and not head.startswith(b"\x80"):
        raise CheckpointError(f"{path} is not a file of torch: use a checkpoint that torch.save has written")
