"""Shares of sexes and ages among people and images, with intervals, and whom to add for the wanted shares.

Counts come from folders and manifests. Guesses of an attribute model are used only with its confusion matrix, which
corrects their shares; without one they are not used at all. Reads nothing from pixels.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

from mien.portrait.rules.schema import WantedShares
from mien.rates import wilson


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupShare:
    """A group's count and share, with the share's 95% interval and the wanted share."""

    name: str
    count: int
    share: float
    low: float
    high: float
    wanted: float


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupBalance:
    """How balanced a set is in one respect.

    Attributes:
        what: sex or age.
        unit: people or images.
        parts: the wanted groups.
        unknown: number of people or images whose group is not known.
        state: pass where every share is within the tolerance, fail where one is not, not assessed where fewer than
            half are known.
        source: where the counts come from.
    """

    what: str
    unit: str
    parts: tuple[GroupShare, ...]
    unknown: int
    state: str
    source: str


def balance(what: str, unit: str, groups: Sequence[str], wanted: WantedShares) -> GroupBalance:
    """Count groups and compare their shares with the wanted ones.

    Args:
        what: sex or age.
        unit: people or images.
        groups: the group of each; empty where it is not known.
        wanted: parts and tolerance.
    """
    counts = {name: sum(group == name for group in groups) for name in wanted.parts}
    known, shares = sum(counts.values()), _shares(wanted)
    unknown = len(groups) - known
    parts = tuple(_part(name, count, known, shares[name]) for name, count in counts.items())
    off = any(abs(part.share - part.wanted) > wanted.tolerance for part in parts)
    state = "not assessed" if known <= unknown else "fail" if off else "pass"
    return GroupBalance(
        what=what, unit=unit, parts=parts, unknown=unknown, state=state, source="folders and manifest"
    )


def _part(name: str, count: int, known: int, wanted: float) -> GroupShare:
    share = count / known if known else 0.0
    low, high = wilson(share, known) if known else (0.0, 1.0)
    return GroupShare(name=name, count=count, share=share, low=low, high=high, wanted=wanted)


def balance_of_guesses(what: str, guesses: Sequence[str], wanted: WantedShares) -> GroupBalance | None:
    """The balance of two groups from an attribute model's guesses, corrected by how often they are right.

    Args:
        what: sex or age.
        guesses: of each person; empty where there is none.
        wanted: with `guessed_right`; without it, or with other than two parts, guesses are not used: None.
    """
    right, names = wanted.guessed_right, list(wanted.parts)
    known = [guess for guess in guesses if guess in wanted.parts]
    if right is None or len(names) != 2 or not known or not set(names) <= set(right):
        return None
    shares, parts = _shares(wanted), []
    for name, other in (names, names[::-1]):
        count = known.count(name)
        share, low, high = corrected(count / len(known), len(known), right[name], 1 - right[other])
        parts.append(GroupShare(name=name, count=count, share=share, low=low, high=high, wanted=shares[name]))
    slack = wanted.tolerance
    off = any(part.low > part.wanted + slack or part.high < part.wanted - slack for part in parts)
    within = all(abs(part.share - part.wanted) <= slack for part in parts)
    state = "fail" if off else "pass" if within else "not assessed"
    unknown = len(guesses) - len(known)
    return GroupBalance(
        what=what, unit="people", parts=tuple(parts), unknown=unknown, state=state, source="guesses, corrected"
    )


def corrected(share: float, trials: int, hit: float, false: float) -> tuple[float, float, float]:
    """The true share of a group from the share that a classifier calls so, with a 95% interval.

    share = true * hit + (1 - true) * false, solved for true (Rogan and Gladen, American Journal of Epidemiology 107,
    1978); the interval is Wilson's of the classified share, taken the same way.

    Args:
        share: of those that the classifier puts into the group.
        trials: how many were classified.
        hit: the share of the group's own that it puts there.
        false: the share of others that it puts there.

    Raises:
        ValueError: the classifier carries no information, or is reversed.
    """
    if hit - false < 0.05:
        raise ValueError(
            f"a classifier with a hit rate of {hit:g} and a false rate of {false:g} cannot correct a share"
        )
    low, high = wilson(share, trials)
    true, lowest, highest = (min(1.0, max(0.0, (s - false) / (hit - false))) for s in (share, low, high))
    return true, lowest, highest


@dataclass(frozen=True, slots=True)
class MissingPeople:
    """How many people of a sex and an age are missing; either is empty where it is not balanced or not known."""

    sex: str
    age: str
    count: int


def missing_people(
    people: Sequence[tuple[str, str]], sex: WantedShares | None, age: WantedShares | None
) -> list[MissingPeople]:
    """The fewest people to add, with nobody removed, so that both shares are as wanted.

    People are counted in cells of sex and age whose wanted share is the product of both; people of whom one is not
    known are left out. The cell that is fullest for its share determines how large the whole must be.

    Args:
        people: sex and age of each person.
        sex: parts, or None where it is not asked for.
        age: parts, or None where it is not asked for.
    """
    sexes = _shares(sex) if sex and any(s for s, _ in people) else {"": 1.0}
    ages = _shares(age) if age and any(a for _, a in people) else {"": 1.0}
    cells = {(s, a): share * part for s, share in sexes.items() for a, part in ages.items()}
    have = dict.fromkeys(cells, 0)
    for s, a in people:
        cell = (s if "" not in sexes else "", a if "" not in ages else "")
        if cell in have:
            have[cell] += 1
    whole = max((have[cell] / share for cell, share in cells.items() if share > 0), default=0.0)
    missing = [MissingPeople(*cell, ceil(whole * share - 1e-9) - have[cell]) for cell, share in cells.items()]
    return [one for one in missing if one.count > 0] if len(cells) > 1 else []


def _shares(wanted: WantedShares) -> dict[str, float]:
    whole = sum(wanted.parts.values())
    return {name: part / whole for name, part in wanted.parts.items()}
