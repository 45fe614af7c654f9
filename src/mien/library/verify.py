"""Checks stored models: files against sha256, and what networks answer against golden vectors. Repairs nothing."""

from collections.abc import Sequence
from dataclasses import dataclass

from mien.errors import MienError
from mien.models import store
from mien.models.options import DEFAULT_OPTIONS, EngineOptions
from mien.progress import OnProgress, no_progress, report_progress

GOOD = "good"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What was found of one file of a model. It is true where nothing is wrong.

    Attributes:
        model: its name.
        file: the part; empty where the model itself could not be opened.
        verdict: good, or a sentence that says what is wrong.
        engine: that gave the golden vector; empty where none did.
        precision: in which it did; empty where it did not.
    """

    model: str
    file: str
    verdict: str
    engine: str = ""
    precision: str = ""

    @property
    def good(self) -> bool:
        """Whether nothing is wrong."""
        return self.verdict == GOOD

    def __bool__(self) -> bool:
        return self.good


def verify_models(
    names: Sequence[str] | None = None,
    *,
    options: EngineOptions = DEFAULT_OPTIONS,
    on_progress: OnProgress = no_progress,
) -> list[Verdict]:
    """Check models.

    Args:
        names: which; None checks all in the store and those that are made from packages.
        options: of the engine that must give the golden vectors.
        on_progress: called after each model.

    Returns:
        One verdict for each file. A model that cannot be opened has one verdict of its own.

    Example:
        >>> [(one.file, one.verdict) for one in mien.verify_models(["my-r50"])]
        [('model', 'good')]
    """
    chosen = list(names) if names else store.names()
    found = report_progress(chosen, "verifying", len(chosen), on_progress)
    return [verdict for name in found for verdict in _verify(name, options)]


def _verify(name: str, options: EngineOptions) -> list[Verdict]:
    try:
        model = store.load(name)
    except MienError as reason:
        return [Verdict(model=name, file="", verdict=str(reason))]
    return [_verify_file(model, part, options) for part in model.card.files]


def _verify_file(model: store.Model, part: str, options: EngineOptions) -> Verdict:
    name = model.card.name
    try:
        session = model.session(part, options)
    except MienError as reason:
        return Verdict(model=name, file=part, verdict=str(reason))
    return Verdict(model=name, file=part, verdict=GOOD, engine=session.engine, precision=session.precision)
