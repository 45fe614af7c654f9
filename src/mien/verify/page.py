"""The decision log as one self-contained page, in any language: what its template shows. Decides nothing.

The template is page.html next to this module; its sentences are in the catalogues of messages.
"""

from dataclasses import dataclass

import numpy as np

from mien.gallery.wording import interval
from mien.html import Thumbnail, render_page
from mien.messages import Message, Text, number
from mien.messages.figures import percent, score_text
from mien.rates import Estimate
from mien.settings import EVERYBODY
from mien.units import better_is_higher
from mien.verify.compared_images import ComparedImage
from mien.verify.decisions import OUTCOMES, PairDecision, order_for_review
from mien.verify.log import DecisionLog

MAX_SHOWN = 1000
"""Pairs whose faces are in the page; with more it is too large for a browser."""
MAX_LISTED = 200
"""Images and rows that failed and are named in the page."""
BINS = 48


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownPair:
    """One pair as the page shows it.

    Attributes:
        id: what the list calls it.
        row: its line in the list.
        outcome: "match", "no-match", "uncertain" or "failed".
        classes: the outcome, and "review" and "wrong" where they hold.
        faces: both images.
        files: what the list calls them.
        score: with its unit; empty where there is none.
        lines: the reasons.
    """

    id: str
    row: int
    outcome: str
    classes: str
    faces: tuple[Thumbnail, Thumbnail]
    files: tuple[str, str]
    score: str
    lines: tuple[Text, ...]


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar of the chart of scores: its place and height in parts of the chart, and what it counts."""

    x: float
    height: float
    y: float
    kind: str


def log_page(log: DecisionLog, language: str) -> str:
    """The page as HTML."""
    shown = _order(log)
    return render_page(
        "mien.verify",
        "page.html",
        language,
        title=Message("verify.title", {"count": len(log.decisions)}),
        log=log,
        facts=list(_facts(log)),
        notes=log.notes,
        filters=_filters(log),
        labelled=_labelled(log),
        chart=_chart(log),
        limits=_limits(log),
        pairs=[_pair(log.decisions[place], log, language) for place in shown[:MAX_SHOWN]],
        more=len(shown) - MAX_SHOWN,
        failed_images=list(_failed(log))[:MAX_LISTED],
        more_failed=len(log.failed_images) - MAX_LISTED,
        failed_rows=[one.pair.problem for one in log.decisions if one.pair.problem][:MAX_LISTED],
        made_with=log.made_with,
    )


def _order(log: DecisionLog) -> list[int]:
    """Pairs that a person should look at, nearest to the threshold first; then those that failed, then others."""
    first = order_for_review(log.decisions, log.threshold.value)
    rest = sorted(
        set(range(len(log.decisions))) - set(first),
        key=lambda place: (log.decisions[place].decision is not None, place),
    )
    return first + rest


def _facts(log: DecisionLog) -> list[Message]:
    threshold = log.threshold
    code = "at-least" if better_is_higher(threshold.unit) else "at-most"
    low, high = threshold.fmr_interval or (None, None)
    measured: Message = (
        percent(threshold.fmr) if low is None or high is None else interval(Estimate(threshold.fmr, low, high, 0))
    )
    found = [
        Message(f"verify.{code}", {"unit": threshold.unit, "value": score_text(threshold.value)}),
        Message("verify.rate", {"rate": measured, "protocol": threshold.protocol}),
    ]
    if log.group != EVERYBODY:
        found.append(Message("verify.group", {"group": log.group}))
    if log.band is not None:
        ends = {"low": score_text(log.band.low), "high": score_text(log.band.high)}
        found.append(Message("verify.band", {**ends, "unit": threshold.unit, "factor": log.band.factor}))
    return [*found, Message("verify.uncertain-means")]


def _filters(log: DecisionLog) -> list[tuple[str, str, int]]:
    """The class, the message and the count of each filter that shows anything."""
    counts = log.counts
    found = [("", "verify.all", len(log.decisions)), ("review", "verify.review", len(log.to_review))]
    found += [(_class(outcome), f"verify.{_class(outcome)}", counts[outcome]) for outcome in OUTCOMES]
    found.append(("wrong", "verify.wrong", sum(one.is_right is False for one in log.decisions)))
    return [one for one in found if one[2]]


def _labelled(log: DecisionLog) -> list[dict[str, object]]:
    """A row for the pairs of one person, and one for those of two."""
    if log.rates is None:
        return []
    sides = (
        ("same", log.rates.same, log.rates.fnmr, "fnmr"),
        ("different", log.rates.different, log.rates.fmr, "fmr"),
    )
    return [
        {
            "title": Message(f"verify.labelled-{name}"),
            "pairs": sum(counts.values()),
            "counts": [counts[outcome] for outcome in OUTCOMES],
            "rate": None if rate is None else Message(f"verify.{kind}", {"rate": interval(rate)}),
        }
        for name, counts, rate, kind in sides
        if sum(counts.values())
    ]


def _scores(log: DecisionLog) -> list[tuple[float, str]]:
    """The score of each pair that has one, and what the list says of it."""
    kinds = {True: "same", False: "different", None: "unknown"}
    return [(one.decision.score.value, kinds[one.pair.label]) for one in log.decisions if one.decision is not None]


def _range(log: DecisionLog) -> tuple[float, float]:
    values = [value for value, _ in _scores(log)] + [log.threshold.value]
    low, high = min(values), max(values)
    room = 0.03 * (high - low) or 0.1
    # A distance is not negative.
    lowest = low - room if better_is_higher(log.threshold.unit) else max(0.0, low - room)
    return lowest, high + room


def _chart(log: DecisionLog) -> list[Bar]:
    """How many pairs have each score; bars of one score are put on each other."""
    scores, (low, high) = _scores(log), _range(log)
    kinds = ("same", "different", "unknown")
    counts = {
        kind: np.histogram([value for value, of in scores if of == kind], BINS, (low, high))[0] for kind in kinds
    }
    highest = max(1, int(np.sum(list(counts.values()), axis=0).max()))
    bars = []
    for place in range(BINS):
        base = 0.0
        for kind in kinds:
            height = float(counts[kind][place]) / highest
            if height:
                bars.append(Bar(place / BINS, height, 1 - base - height, kind))
            base += height
    return bars


def _limits(log: DecisionLog) -> dict[str, float | None]:
    """Where the threshold and the band are in the chart, and what its ends are."""
    low, high = _range(log)

    def place(value: float) -> float:
        return float(np.clip((value - low) / (high - low), 0, 1))

    return {
        "low": low,
        "high": high,
        "threshold": place(log.threshold.value),
        "band_low": None if log.band is None else place(log.band.low),
        "band_high": None if log.band is None else place(log.band.high),
    }


def _pair(one: PairDecision, log: DecisionLog, language: str) -> ShownPair:
    outcome = _class(one.outcome)
    marks = [outcome, *(["review"] if one.review else []), *(["wrong"] if one.is_right is False else [])]
    score = "" if one.decision is None else number(one.decision.score.value, language, ".3f")
    lines: list[Text] = [
        Message("verify.about-image", {"image": log.columns["ab".index(reason.side)], "text": reason.text})
        if reason.side
        else reason.text
        for reason in one.reasons
    ]
    return ShownPair(
        id=one.pair.id,
        row=one.pair.row,
        outcome=outcome,
        classes=" ".join(marks),
        faces=(_thumbnail(one.images[0], one.pair.a), _thumbnail(one.images[1], one.pair.b)),
        files=(one.pair.a, one.pair.b),
        score=f"{log.threshold.unit} {score}" if score else "",
        lines=tuple(lines),
    )


def _thumbnail(image: ComparedImage | None, name: str) -> Thumbnail:
    return Thumbnail(image.jpeg if image is not None and image.jpeg else None, name)


def _failed(log: DecisionLog) -> list[tuple[str, Text]]:
    """Each image without a face that can be compared, by the list's name for it, and why."""
    found: dict[str, tuple[str, Text]] = {}
    for one in log.decisions:
        for image, name in zip(one.images, (one.pair.a, one.pair.b), strict=True):
            if image is not None and image.problem is not None:
                found.setdefault(image.path, (name, image.problem))
    return list(found.values())


def _class(outcome: str) -> str:
    return outcome.replace(" ", "-")
