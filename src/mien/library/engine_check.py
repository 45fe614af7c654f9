"""Tries a network on every engine that is installed, with several sizes of batches, before it is stored.

A network that only one engine runs would fail later, on another machine. Where the file fixes its batch, the batch is
made free if that helps. Chooses no engine and makes no card.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from mien.errors import CardError, MienError
from mien.models.batches import batches_agree
from mien.models.card import Golden, InputSpec
from mien.models.engines import ENGINES, REFERENCE
from mien.models.golden import AGREEMENT, ALL_ZERO, FREE_SIDE, NOT_FINITE, SEED, cosine, measure
from mien.models.onnx_graph import with_free_batch
from mien.models.options import DEFAULT_OPTIONS
from mien.models.session import Session, single_run
from mien.models.weight_check import REMEDY

BATCHES = (1, 2, 32)
"""Images at a time that every engine must take, together or one by one."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """An engine that does not run a network, and why."""

    engine: str
    reason: str


@dataclass(frozen=True, slots=True, eq=False)
class Answered:
    """A network on the first engine that opened it, which is the reference one, and its golden vector there."""

    session: Session
    golden: Golden


@dataclass(frozen=True, slots=True, eq=False)
class Trial:
    """What the installed engines made of a network.

    Attributes:
        data: the ONNX file.
        refusals: the engines that cannot run it, or do not give what the reference engine gives.
        answered: None where no engine opened it.
    """

    data: bytes
    refusals: tuple[Refusal, ...]
    answered: Answered | None


@dataclass(frozen=True, slots=True, eq=False)
class Fitted:
    """A network that every installed engine runs.

    Attributes:
        data: the ONNX file, perhaps with its batch made free.
        session: of the reference engine.
        golden: what it answers to the golden image.
    """

    data: bytes
    session: Session
    golden: Golden


def fit_to_engines(data: bytes, spec: InputSpec, name: str) -> Fitted:
    """Run a network on every installed engine; where that fails and the file fixes its batch, with a free batch.

    Args:
        data: an ONNX file.
        spec: how pixels enter it.
        name: what messages call it.

    Raises:
        CardError: an engine cannot run it; the message says which one and what to do.
    """
    trial = try_engines(data, spec)
    freed = with_free_batch(data) if trial.refusals else None
    fits = trial if freed is None else try_engines(freed, spec)
    if fits.answered is not None and not fits.refusals:
        return Fitted(fits.data, fits.answered.session, fits.answered.golden)
    reasons = {one.reason for one in trial.refusals}
    if reasons <= {NOT_FINITE, ALL_ZERO}:
        raise CardError(f"{name} cannot be used: {next(iter(reasons))}; {REMEDY}")
    said = "; ".join(f"{one.engine}: {one.reason}" for one in trial.refusals)
    raise CardError(
        f"{name} does not run on every engine that is installed here ({said}). Export it again with float32 numbers, "
        "a free first dimension and opset 17 or lower"
    )


def try_engines(data: bytes, spec: InputSpec) -> Trial:
    """Open a network on the installed engines, the reference one first, and compare their answers."""
    size = spec.width or FREE_SIDE, spec.height or FREE_SIDE
    reference = ENGINES[REFERENCE]
    installed = [reference, *(one for one in ENGINES.values() if one.installed and one.name != REFERENCE)]
    refusals: list[Refusal] = []
    first: Answered | None = None
    for engine in installed:
        try:
            session = engine.open(data, spec, DEFAULT_OPTIONS, engine.precisions[-1])
            answer = measure(single_run(session), SEED, *size)
        except MienError as reason:
            refusals.append(Refusal(engine.name, str(reason)))
            continue
        first = first or Answered(session, answer)
        refusals += [Refusal(engine.name, reason) for reason in _faults(session, answer, first.golden, size)]
    return Trial(data, tuple(refusals), first)


def _faults(session: Session, answer: Golden, golden: Golden, size: tuple[int, int]) -> Iterator[str]:
    """What is wrong with an engine's answers."""
    if not cosine(golden, answer) >= AGREEMENT:  # NaN agrees with nothing
        yield f"its answer differs from the one of {REFERENCE}"
    wrong = [count for count in BATCHES if not batches_agree(session.run, *size, count)]
    if wrong:
        yield f"{wrong[0]} images together are not what each gives alone"
