"""The policy of scope in a gallery: what `auto` means there, and what is known of each face before it is used.

A gallery that is made now demands images within the scope of its recognizer when subjects are enrolled, also when the
same command runs again; galleries of older versions warn. Measures faces in threads of their own, since a face takes
some milliseconds. Decides nothing; see mien.gallery.decide.
"""

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from mien.faults import describe
from mien.gallery.stores.base import Store
from mien.models.card import ModelCard
from mien.pipeline import Analysis, Policy, Refused
from mien.prefetch import prefetch
from mien.scope import Doubt, Scope, ScopePolicy, beyond, doubts_about, find_scope, find_scopes, scope_policy
from mien.settings import load_settings
from mien.types import Threshold

KEPT = "scope"
"""The name under which a gallery keeps what `auto` means for its enrolments."""


def keep_policy(store: Store) -> None:
    """Let enrolment in a new gallery demand images within the scope."""
    store.write_kept(KEPT, "demand")


def enrolment_policy(store: Store, chosen: str | None) -> ScopePolicy:
    """The policy of an enrolment: what was asked for, else the setting, else what the gallery keeps."""
    return scope_policy(chosen, otherwise="demand" if store.read_kept(KEPT) == "demand" else "warn")


@dataclass(frozen=True, slots=True, eq=False)
class Scoped:
    """An analysed image with the scopes of its faces.

    Attributes:
        analysis: of the image.
        scopes: of its faces in their order; empty where they were not measured.
    """

    analysis: Analysis
    scopes: tuple[Scope, ...] = ()

    def doubts(self, threshold: Threshold | None) -> tuple[tuple[Doubt, ...], ...]:
        """What is doubtful of each measured face."""
        return tuple(doubts_about(scope, threshold) for scope in self.scopes)


def measured(
    analyses: Iterable[Analysis], policy: ScopePolicy, workers: int, only: Policy | None = None
) -> Iterator[Scoped]:
    """Measure the scopes of the faces of images that were analysed with cutouts.

    Args:
        analyses: of images, in their order.
        policy: nothing is measured where it ignores scope.
        workers: threads.
        only: measure the face alone that this policy takes.
    """
    if policy == "ignore":
        yield from map(Scoped, analyses)
        return
    with ThreadPoolExecutor(workers) as pool:
        yield from prefetch(pool, lambda one: _scoped(one, only), analyses, workers + 1)


def _scoped(analysis: Analysis, only: Policy | None) -> Scoped:
    try:
        return Scoped(analysis, _scopes(analysis, only))
    except Exception as reason:  # noqa: BLE001 - one image's fault, whatever it is
        return Scoped(Analysis(item=analysis.item, error=describe(reason, analysis.name)))


def _scopes(analysis: Analysis, only: Policy | None) -> tuple[Scope, ...]:
    if only is None:
        return find_scopes(analysis)
    place = analysis.choose(only)
    return () if isinstance(place, Refused) else (find_scope(analysis.cutouts[place], analysis.faces[place]),)


def card_threshold(card: ModelCard) -> Threshold | None:
    """The card's threshold for identification, whose rates count when subjects are enrolled.

    Without one for the rate of the settings it is the strictest; None where the card has none.
    """
    if not card.thresholds:
        return None
    wanted, rates = load_settings().identification_fmr, [row.fmr for row in card.thresholds]
    return card.threshold(wanted if wanted in rates else min(rates))


def refusal(doubts: Sequence[Doubt]) -> str:
    """Why an image is refused, as a sentence without its subject, which is the image."""
    reasons = "; ".join(one.message.text("en") for one in beyond(doubts))
    return f"is outside of what the recognizer was measured on ({reasons}): use another image, or --scope warn"
