"""Reads safetensors files: a header in JSON that says where each tensor's numbers are, and the numbers.

Such a file holds no code and no objects. What the header says is checked before any number is read: a tensor has the
bytes of its shape and type, and all of them are in the file. Writes none.
"""

import json
from collections.abc import Mapping
from math import prod
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from mien.errors import CheckpointError

LENGTH = 8
"""Bytes of the header's length, little-endian, that a file begins with."""

MAX_HEADER = 100_000_000
"""Bytes of a header, as the format's own reader limits them."""

METADATA = "__metadata__"

TYPES = {
    "F64": torch.float64,
    "F32": torch.float32,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "I64": torch.int64,
    "I32": torch.int32,
    "I16": torch.int16,
    "I8": torch.int8,
    "U8": torch.uint8,
    "BOOL": torch.bool,
}


def is_safetensors(head: bytes) -> bool:
    """Whether a file with these first bytes is one: the length of a header, and the header's brace."""
    return head[LENGTH : LENGTH + 1] == b"{" and 2 <= int.from_bytes(head[:LENGTH], "little") <= MAX_HEADER


def read_safetensors(path: Path) -> dict[str, Tensor]:
    """Read all tensors by name, on the CPU.

    Raises:
        CheckpointError: damaged, cut off, or with a type of number that weights do not have.
    """
    data = bytearray(path.read_bytes())
    start = LENGTH + int.from_bytes(data[:LENGTH], "little")
    try:
        header = json.loads(data[LENGTH:start].decode("utf-8"))
        entries = {name: entry for name, entry in header.items() if name != METADATA}
        return {name: _tensor(data, start, entry) for name, entry in entries.items()}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as reason:
        raise CheckpointError(f"{path} is a safetensors file that is damaged or cut off; copy it again") from reason


def _tensor(data: bytearray, start: int, entry: Mapping[str, Any]) -> Tensor:
    kind, shape = TYPES[entry["dtype"]], [int(size) for size in entry["shape"]]
    first, last = (int(offset) for offset in entry["data_offsets"])
    count = prod(shape)
    if min((first, *shape, count)) < 0 or last - first != count * kind.itemsize or start + last > len(data):
        raise ValueError("a tensor whose bytes are not there")
    if count == 0:
        return torch.empty(shape, dtype=kind)
    # A copy, as numbers may begin anywhere and not only at multiples of their size.
    return torch.frombuffer(data[start + first : start + last], dtype=kind).reshape(shape)
