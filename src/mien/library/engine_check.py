"""Tries a network on every engine that is installed, with several sizes of batches, before it is stored.

A network that only one engine runs would fail later, on another machine. Where the file fixes its batch, the batch is
made free if that helps. Chooses no engine and makes no card.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from mien.errors import CardError, MienError
from mien.models.batches import batches_agree
from mien.models.card import Golden, InputSpec
from mien.models.engines import ENGINES, REFERENCE
from mien.models.golden import AGREEMENT, agreement, measure
from mien.models.onnx_graph import with_free_batch
from mien.models.options import DEFAULT_OPTIONS
from mien.models.session import Session
from mien.types import Floats, Image

BATCHES = (1, 2, 32)
"""Images at a time that every engine must take, together or one by one."""

FREE_SIZE = (128, 128)
"""Width and height of the images on which a network of any size is tried."""

SEED = 7


@dataclass(frozen=True, slots=True)
class Refusal:
    """An engine that does not run a network, and why."""

    engine: str
    reason: str


def fit_to_engines(data: bytes, spec: InputSpec, name: str) -> bytes:
    """The file, perhaps with its batch made free, after every installed engine has run it.

    Args:
        data: an ONNX file.
        spec: how pixels enter it.
        name: what messages call it.

    Raises:
        CardError: an engine cannot run it; the message says which one and what to do.
    """
    refusals = try_engines(data, spec)
    if not refusals:
        return data
    freed = with_free_batch(data)
    if freed is not None and not try_engines(freed, spec):
        return freed
    said = "; ".join(f"{one.engine}: {one.reason}" for one in refusals)
    raise CardError(
        f"{name} does not run on every engine that is installed here ({said}). Export it again with float32 numbers, "
        "a free first dimension and opset 17 or lower"
    )


def try_engines(data: bytes, spec: InputSpec) -> list[Refusal]:
    """The installed engines that cannot run a network, or do not give what the reference engine gives."""
    size = spec.width or FREE_SIZE[0], spec.height or FREE_SIZE[1]
    reference = ENGINES[REFERENCE]
    installed = [reference, *(one for one in ENGINES.values() if one.installed and one.name != REFERENCE)]
    refusals: list[Refusal] = []
    golden: Golden | None = None
    for engine in installed:
        try:
            session = engine.open(data, spec, DEFAULT_OPTIONS, engine.precisions[-1])
            answer = measure(_single(session), SEED, *size)
        except MienError as reason:
            refusals.append(Refusal(engine.name, str(reason)))
            continue
        golden = golden or answer
        refusals += [Refusal(engine.name, reason) for reason in _faults(session, answer, golden, size)]
    return refusals


def _faults(session: Session, answer: Golden, golden: Golden, size: tuple[int, int]) -> Iterator[str]:
    """What is wrong with an engine's answers."""
    if not np.isfinite(answer.output).all():
        yield "its answer has numbers that are not finite"
        return
    if agreement(golden, _single(session)) < AGREEMENT:
        yield f"its answer differs from the one of {REFERENCE}"
    wrong = [count for count in BATCHES if not batches_agree(session.run, *size, count)]
    if wrong:
        yield f"{wrong[0]} images together are not what each gives alone"


def _single(session: Session) -> Callable[[Image], Sequence[Floats]]:
    return lambda image: session.run(image[None])
