"""The policy of scope in a gallery: what `auto` means there, and what is known of each face before it is used.

A gallery that is made now demands images within the scope of its recognizer when subjects are enrolled, also when the
same command runs again; galleries of older versions warn. Of poor portraits, which are within the scope, `auto` warns
in both. What was doubtful of a face when it was enrolled stays with it. Measures faces in threads of their own, since
a face takes some milliseconds. Decides nothing; see mien.gallery.decide.
"""

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mien.faults import describe
from mien.gallery.records import KeptDoubt
from mien.models.card import ModelCard
from mien.pipeline import Analysis, Policy, Refused
from mien.prefetch import prefetch
from mien.scope import (
    Doubt,
    Scope,
    ScopePolicy,
    beyond,
    doubt_about,
    doubts_about,
    find_scope,
    find_scopes,
    scope_policy,
    unsuited,
)
from mien.settings import load_settings
from mien.types import Threshold

if TYPE_CHECKING:
    from mien.gallery.stores.base import Store

KEPT = "scope"
"""The name under which a gallery keeps what `auto` means for its enrolments."""


def keep_policy(store: "Store") -> None:
    """Let enrolment in a new gallery demand images within the scope."""
    store.write_kept(KEPT, "demand")


@dataclass(frozen=True, slots=True)
class EnrolmentPolicy:
    """What follows from the doubts about a face that is to be enrolled. One policy was asked for, or `auto` differs.

    Attributes:
        scope: where the recognizer's rates do not hold for it.
        portrait: where they hold, but it is a poor portrait.
    """

    scope: ScopePolicy
    portrait: ScopePolicy

    def refused(self, doubts: Sequence[Doubt]) -> tuple[Doubt, ...]:
        """The doubts because of which a face is not enrolled."""
        found = {False: self.scope, True: self.portrait}
        return tuple(one for one in unsuited(doubts) if found[one.is_poor_portrait] == "demand")


WARNING = EnrolmentPolicy(scope="warn", portrait="warn")
"""Nothing is left out because of doubts."""


def enrolment_policy(store: "Store", chosen: str | None) -> EnrolmentPolicy:
    """The policy of an enrolment: what was asked for, else the setting, else what the gallery keeps."""
    return EnrolmentPolicy(
        scope=scope_policy(chosen, otherwise="demand" if store.read_kept(KEPT) == "demand" else "warn"),
        portrait=scope_policy(chosen, otherwise="warn"),
    )


def keep_doubts(doubts: Iterable[Doubt]) -> tuple[KeptDoubt, ...]:
    """What a gallery keeps of doubts; rates are looked up again, since thresholds change."""
    return tuple(KeptDoubt(one.code, one.value) for one in doubts)


def recall_doubts(kept: Iterable[KeptDoubt], threshold: Threshold | None) -> tuple[Doubt, ...]:
    """Kept doubts with what a threshold knows of them."""
    return tuple(doubt_about(one.code, one.value, threshold) for one in kept)


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
    analyses: Iterable[Analysis], policy: ScopePolicy, workers: int, enrolled: Policy | None = None
) -> Iterator[Scoped]:
    """Measure the scopes of the faces of images that were analysed with cutouts.

    Args:
        analyses: of images, in their order.
        policy: nothing is measured where it ignores scope.
        workers: threads; 0 measures in the caller's, for a single image.
        enrolled: measure the face alone that this policy takes for enrolment, with the aspects of portraits.
    """
    if policy == "ignore":
        yield from map(Scoped, analyses)
        return
    if not workers:
        yield from (_scoped(one, enrolled) for one in analyses)
        return
    with ThreadPoolExecutor(workers) as pool:
        yield from prefetch(pool, lambda one: _scoped(one, enrolled), analyses, workers + 1)


def _scoped(analysis: Analysis, enrolled: Policy | None) -> Scoped:
    try:
        return Scoped(analysis, _scopes(analysis, enrolled))
    except Exception as reason:  # noqa: BLE001 - one image's fault, whatever it is
        return Scoped(Analysis(item=analysis.item, error=describe(reason, analysis.name)))


def _scopes(analysis: Analysis, enrolled: Policy | None) -> tuple[Scope, ...]:
    if enrolled is None:
        return find_scopes(analysis)
    place = analysis.choose(enrolled)
    if isinstance(place, Refused):
        return ()
    return (find_scope(analysis.cutouts[place], analysis.faces[place], portrait=True),)


def card_threshold(card: ModelCard) -> Threshold | None:
    """The card's threshold for identification, whose rates count when subjects are enrolled.

    Without one for the rate of the settings it is the strictest; None where the card has none.
    """
    if not card.thresholds:
        return None
    wanted, rates = load_settings().identification_fmr, [row.fmr for row in card.thresholds]
    return card.threshold(wanted if wanted in rates else min(rates))


def refusal(doubts: Sequence[Doubt]) -> str:
    """Why an image is refused because of doubts, as a sentence without its subject, which is the image."""
    reasons = "; ".join(one.message.text("en") for one in doubts)
    what = "is outside of what the recognizer was measured on" if beyond(doubts) else "is a poor portrait"
    return f"{what} ({reasons}): use another image, or --scope warn"
