"""Batches on the card before they are needed: copied from pinned memory on a stream of their own.

Reads nothing itself. Only GPUs need it.
"""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from mien.prefetch import run_ahead
from mien.train.recognizers.dataset import CropBatch

AHEAD = 2
"""Batches that wait on the card: one for the next step, and one on its way."""


def on_card(batches: Iterator[CropBatch], device: torch.device) -> Iterator[CropBatch]:
    """Give batches whose crops are on the card, and are being copied there while the one before is trained on.

    Args:
        batches: they are taken in a thread of their own.
        device: the card.
    """
    stream: torch.cuda.Stream = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
    current = torch.cuda.current_stream(device)
    for batch, there, copied in run_ahead(_copied(batches, stream), AHEAD):
        current.wait_event(copied)
        # The memory must not be given to the copying stream again before this one is done with it.
        there.record_stream(current)
        yield replace(batch, crops=there)


def _copied(
    batches: Iterator[CropBatch], stream: torch.cuda.Stream
) -> Iterator[tuple[CropBatch, Tensor, torch.cuda.Event]]:
    """Start copying each batch; the copies go from two pinned blocks in turn."""
    blocks: list[tuple[Tensor, torch.cuda.Event]] = []
    for batch in batches:
        crops = np.asarray(batch.crops)
        if len(blocks) < 2:
            block = torch.empty(crops.shape, dtype=torch.uint8, pin_memory=True)
        else:
            block, before = blocks.pop(0)
            before.synchronize()
        np.copyto(block.numpy(), crops)
        copied: torch.cuda.Event = torch.cuda.Event(blocking=True)  # type: ignore[no-untyped-call]
        with torch.cuda.stream(stream):
            there = block.to(stream.device, non_blocking=True)
            copied.record(stream)
        blocks.append((block, copied))
        yield batch, there, copied
