"""How far the FPIR of a set moves without each person: of those who search, and of those who are enrolled.

A false positive belongs to two people, the stranger who searches and the enrolled person who is returned. Strangers
differ in how often they find somebody, and enrolled people in how often they are found (Doddington's lambs), and both
are a sample. Chooses no threshold; see mien.evaluate.searches.
"""

from dataclasses import replace
from math import ceil

import numpy as np
from numpy.typing import NDArray

from mien.rates import Estimate, Indices, Moves, moves_of_subjects, rate_of_moves, rate_of_subjects

MIN_PEOPLE = 20
"""People who search, counted as equal ones, and people who are enrolled, from which on intervals of the FPIR hold
(docs/guide/intervals.md); with fewer, none was measured."""


def moves_of_fpir(
    returned: NDArray[np.bool_], alone: NDArray[np.bool_], who: Indices, host: Indices, enrolled: Indices, people: int
) -> Moves:
    """How far an FPIR moves when one person is left out, from the searches or from the gallery.

    Without an enrolled person those searches return nobody that had found this one alone. What a sum over searching
    and enrolled people counts twice is that of each pair of them, as for FMR (Aronow, Samii and Assenova, Political
    Analysis 23(4), 2015).

    Args:
        returned: (Q,) which searches of strangers return somebody.
        alone: (Q,) which of them return one enrolled person alone.
        who: (Q,) number of the person who searches.
        host: (Q,) number of the enrolled person who is most alike.
        enrolled: (E,) numbers of the enrolled people.
        people: how many numbers there are.
    """
    searches = np.bincount(who, minlength=people)
    moves = moves_of_subjects(np.bincount(who, returned, minlength=people), searches)
    found = np.bincount(host, alone, minlength=people)[enrolled]
    each = moves.each.copy()
    each[enrolled] -= (found - found.mean()) / len(who)
    together = np.unique(who[alone] * people + host[alone], return_counts=True)[1].astype(np.float64)
    by_pair = float((together**2).sum()) - float(found.sum()) ** 2 / (moves.subjects * len(enrolled))
    return Moves(
        each=each,
        subjects=moves.subjects + len(enrolled),
        effective=min(moves.effective, float(len(enrolled))),
        twice=max(0.0, by_pair) / len(who) ** 2,
    )


def fpir_of_moves(returned: NDArray[np.bool_], who: Indices, moves: Moves) -> Estimate:
    """The share of searches of strangers that return somebody, with its interval.

    Args:
        returned: (Q,) which searches do.
        who: (Q,) number of the person who searches.
        moves: see `moves_of_fpir`.
    """
    value = float(returned.mean())
    if 0 < value < 1:
        found = rate_of_moves(value, moves, len(returned))
    else:
        found = rate_of_subjects(np.bincount(who, returned), np.bincount(who))
    return replace(found, missing=max(0, ceil(MIN_PEOPLE - moves.effective)))
