"""Opens one file of a model against its card. The engine seam.

Owns the check of a file (sha256, golden vector) and the choice of precision. Does not know what outputs mean; which
engine runs a network is in mien.models.engines.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Protocol, runtime_checkable

from mien.errors import CardError
from mien.models import compiled_cache
from mien.models.card import InputSpec, ModelCard
from mien.models.engines import ENGINES, REFERENCE, choose_engine
from mien.models.golden import AGREEMENT, agreement
from mien.models.options import DEFAULT_OPTIONS, EngineOptions
from mien.types import Floats, Image


class Session(Protocol):
    """One open network. Safe to call from several threads.

    Attributes:
        engine: that runs it.
        precision: in which it runs.
        batchable: whether several images go through it together; else one after the other.
        batch: images that are worth being run together; more gain nothing.
        on_gpu: whether a GPU runs it.
    """

    engine: str
    precision: str
    batchable: bool
    batch: int
    on_gpu: bool

    def run(self, images: Sequence[Image] | Image) -> list[Floats]:
        """Run images of one size through the network.

        Args:
            images: (N, H, W, 3) uint8 RGB; the card's colour order, mean and scale are applied inside.

        Returns:
            The outputs in the file's order, float32.
        """
        ...


@runtime_checkable
class CompiledSession(Session, Protocol):
    """A network whose engine compiles it, and may keep that for the next process.

    Attributes:
        from_cache: whether it was opened from what an earlier process compiled.
    """

    from_cache: bool

    def keep(self) -> None:
        """Keep the compiled network, where the options say so."""
        ...


def open_session(card: ModelCard, folder: Path, part: str, options: EngineOptions = DEFAULT_OPTIONS) -> Session:
    """Open one file of a model.

    Args:
        card: its card.
        folder: that holds the card's files.
        part: which of the card's files.
        options: engine, precision, threads.

    Raises:
        CardError: the file is missing, has another sha256, another input, or does not give the golden vector.
        MissingExtraError: the engine asked for is not installed.
    """
    data = read_verified(card, folder, part)
    options = replace(options, keep_as=card.files[part].sha256)
    engine = choose_engine(options.engine)
    *faster, last = engine.candidates(options.precision)
    for precision in faster:
        if session := _open_agreeing(card, part, data, options, precision):
            return session
    if session := _open_agreeing(card, part, data, options, last):
        return session
    raise CardError(
        f"{card.name} does not give its golden vector on {engine.name} in {last}: the card "
        f"and the file do not belong together; {_remedy(card)}"
    )


def _open_agreeing(card: ModelCard, part: str, data: bytes, options: EngineOptions, precision: str) -> Session | None:
    """Open a file in one precision; None where it does not give its golden vector in that.

    What an earlier process compiled is not believed either: where that disagrees, the network is compiled again.
    """
    engine = choose_engine(options.engine)
    session = engine.open(data, card.input, options, precision)
    agrees = _agrees(card, part, session)
    if isinstance(session, CompiledSession) and session.from_cache and not agrees:
        compiled_cache.forget(options.keep_as)
        session = engine.open(data, card.input, options, precision)
        agrees = _agrees(card, part, session)
    if agrees and isinstance(session, CompiledSession):
        session.keep()
    return session if agrees else None


def single_run(session: Session) -> Callable[[Image], list[Floats]]:
    """Runs one (H, W, 3) image at a time; what golden vectors are measured with."""
    return lambda image: session.run(image[None])


def open_unchecked(data: bytes, spec: InputSpec) -> Session:
    """Open a network that has no card yet, on the reference engine, to measure its golden vector.

    Raises:
        CardError: the engine cannot open it.
    """
    engine = ENGINES[REFERENCE]
    return engine.open(data, spec, DEFAULT_OPTIONS, engine.precisions[-1])


def read_verified(card: ModelCard, folder: Path, part: str) -> bytes:
    """The bytes of a model file whose sha256 is the card's.

    Raises:
        CardError: the card names no such file, it is missing, or it has other bytes.
    """
    if part not in card.files:
        raise CardError(f"the card of {card.name} names no file '{part}'; write it again with `mien models add`")
    file = card.files[part]
    path = folder / file.path
    try:
        data = path.read_bytes()
    except OSError as reason:
        raise CardError(f"{path} cannot be read ({reason.strerror}); {_remedy(card)}") from reason
    found = hashlib.sha256(data).hexdigest()
    if found != file.sha256:
        raise CardError(f"{path} has sha256 {found[:12]}..., its card says {file.sha256[:12]}...; {_remedy(card)}")
    return data


def _remedy(card: ModelCard) -> str:
    return f"`mien models remove {card.name}`, then pull or add it again"


def _agrees(card: ModelCard, part: str, session: Session) -> bool:
    golden = card.golden.get(part)
    if golden is None:
        raise CardError(f"the card of {card.name} has no golden vector for '{part}'; write it with `mien models add`")
    return agreement(golden, single_run(session)) >= AGREEMENT
