"""What an audit found, as one value: every image's verdicts, the findings, people, balance, and what is accepted.

Owns the values and what follows from them alone. Measures nothing, compares no images and writes nothing.
"""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mien.messages import Message
from mien.portrait.dataset.balance import GroupBalance, MissingPeople
from mien.portrait.dataset.findings import Finding
from mien.portrait.dataset.measure_files import AuditModels
from mien.portrait.dataset.measurements import Measurements
from mien.portrait.dataset.people import PersonSummary
from mien.portrait.dataset.structure import Entry
from mien.portrait.measures.catalogue import MEASURES
from mien.portrait.rules.schema import Rule, RuleSet
from mien.portrait.rules.verdicts import FAIL, PASS, UNKNOWN
from mien.types import Floats

Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class RuleResult:
    """A rule over all images.

    Attributes:
        rule: which.
        states: (N,) numbers of mien.portrait.rules.verdicts.STATES.
        values: (N,) what was measured.
    """

    rule: Rule
    states: NDArray[np.int8]
    values: Floats

    def count(self, state: int) -> int:
        """How many images have a state."""
        return int((self.states == state).sum())

    def worst(self, count: int) -> list[int]:
        """Rows that fail, those farthest beyond the limit first."""
        failed = np.flatnonzero(self.states == FAIL)
        min_, max_ = self.rule.limits
        beyond = np.maximum(min_ - self.values[failed], self.values[failed] - max_)
        return [int(row) for row in failed[np.argsort(-beyond, kind="stable")][:count]]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Audit:
    """What an audit found.

    Attributes:
        root: the data set's folder.
        rules: by which it was checked.
        models: what the portraits were measured with.
        entries: its images, with group and sex where they are known.
        measurements: what was measured, in the order of the entries.
        results: of each rule, in the rules' order.
        findings: what is wrong with structure, duplicates, labels and people.
        people: each identity with its numbers of images.
        balances: how balanced the set is.
        missing: how many more people of which sex and age would balance it.
        accepted: (N,) whether an image passes.
        readable: (N,) whether an image can be read.
        notes: what else is to be said.
    """

    root: Path
    rules: RuleSet
    models: AuditModels
    entries: Sequence[Entry]
    measurements: Measurements
    results: tuple[RuleResult, ...]
    findings: tuple[Finding, ...]
    people: tuple[PersonSummary, ...]
    balances: tuple[GroupBalance, ...]
    missing: tuple[MissingPeople, ...]
    accepted: Bools
    readable: Bools
    notes: tuple[Message, ...] = ()

    @property
    def unreadable(self) -> int:
        """Number of files that cannot be read."""
        return int((~self.readable).sum())

    @property
    def no_face(self) -> int:
        """Number of images that can be read and show no face."""
        return int((self.readable & ~(self.measurements.values("faces") >= 1)).sum())

    @property
    def with_face(self) -> Bools:
        """(N,) which images can be read and show a face."""
        return np.asarray(self.readable & (self.measurements.values("faces") >= 1), np.bool_)

    def open(self, result: RuleResult) -> int:
        """How many images a rule leaves open, without those that show no face, which are counted once."""
        return int(((result.states == UNKNOWN) & self.with_face).sum())

    @property
    def never_judged(self) -> list[Rule]:
        """The rules of severity error that no image could be judged by for lack of a model."""
        return [one.rule for one in self.results if one.rule.severity == "error" and lacks_model(one)]

    @property
    def by_kind(self) -> Counter[str]:
        """Number of findings of each kind."""
        return Counter(finding.kind for finding in self.findings)

    @property
    def errors(self) -> int:
        """Number of findings that are errors."""
        return sum(finding.severity == "error" for finding in self.findings)

    @property
    def passed(self) -> bool:
        """Whether the set meets every rule of severity error, and has no error of structure and balance."""
        failed = any(r.rule.severity == "error" and r.count(FAIL) for r in self.results)
        return not (failed or self.errors or any(b.state == "fail" for b in self.balances))


def lacks_model(result: RuleResult) -> bool:
    """Whether no image was measured for a rule, since it needs a model that is not there."""
    needs = MEASURES[result.rule.measure].absent.code.startswith("reason.needs")
    return needs and bool(np.isnan(result.values).all())


def reasons(audit: Audit, result: RuleResult) -> dict[Message, int]:
    """Why a rule could not be assessed, and for how many images."""
    unknown = result.states == UNKNOWN
    missing = unknown & audit.readable & np.isnan(result.values)
    # All reasons of an image are one text, and a set has few different ones.
    texts = audit.measurements.text_counts("reasons", np.flatnonzero(missing))
    counts: Counter[Message] = Counter()
    for text, count in texts.items():
        counts[Message.from_json(json.loads(text)[result.rule.measure])] += count
    counts[Message("reason.unreadable")] = int((unknown & ~audit.readable).sum())
    counts[Message("reason.uncertain")] = int((unknown & audit.readable & ~missing).sum())
    return {reason: count for reason, count in counts.items() if count}


def verdicts(audit: Audit, rows: slice) -> Iterator[tuple[str, list[str], list[str]]]:
    """For each of some images: pass, fail or not assessed by the rules of severity error; the ids of the rules
    that it fails; and of those that could not be assessed."""
    table = np.stack([r.states[rows] for r in audit.results], axis=1)
    names = [r.rule.id for r in audit.results]
    is_error = np.array([r.rule.severity == "error" for r in audit.results])
    for row in table:
        failed = [names[i] for i in np.flatnonzero(row == FAIL)]
        unknown = [names[i] for i in np.flatnonzero(row == UNKNOWN)]
        own = row[is_error]
        word = "fail" if (own == FAIL).any() else "pass" if (own == PASS).all() else "not assessed"
        yield word, failed, unknown
