"""What an audit amounts to, in messages: the facts at its head, and whom to collect. Holds no sentence itself."""

import numpy as np

from mien.messages import Message, has_message
from mien.portrait.dataset.audit import Audit
from mien.portrait.dataset.balance import MissingPeople
from mien.portrait.measures.catalogue import MEASURES
from mien.portrait.rules.text import rule_title
from mien.portrait.rules.verdicts import FAIL

MAX_RULES = 3
"""Rules that are named as reasons, those that most images fail."""


def facts(audit: Audit) -> list[Message]:
    """How many images and people there are, and how many pass."""
    needed, people, images = audit.rules.structure.min_images, len(audit.people), len(audit.entries)
    enough = sum(one.accepted >= needed for one in audit.people)
    counted = [("audit.unreadable", audit.unreadable), ("audit.no-face", audit.no_face)]
    return [
        Message("audit.images-of-people", {"images": images, "people": people}),
        accepted(audit),
        Message("audit.enough", {"enough": enough, "people": people, "needed": needed}),
        Message("audit.errors", {"count": audit.errors}),
        *(Message(code, {"count": count}) for code, count in counted if count),
        *audit.notes,
    ]


def accepted(audit: Audit) -> Message:
    """How many images pass."""
    return Message("audit.accepted", {"accepted": int(audit.accepted.sum()), "images": len(audit.entries)})


def verdict(audit: Audit) -> Message:
    """Whether the data set meets its requirements."""
    return Message("audit.met" if audit.passed else "audit.not-met")


def why_failed(audit: Audit, language: str) -> list[Message]:
    """Why the data set does not meet its requirements, with the rules that most images fail; empty where it does."""
    errors = [one for one in audit.results if one.rule.severity == "error"]
    worst = sorted((one for one in errors if one.count(FAIL)), key=lambda one: -one.count(FAIL))
    found = []
    if worst:
        fail = int(np.any([one.states == FAIL for one in errors], axis=0).sum())
        counts = [
            Message("audit.rule-count", {"rule": rule_title(one.rule, language), "count": one.count(FAIL)})
            for one in worst[:MAX_RULES]
        ]
        listed = "; ".join(one.text(language) for one in counts)
        found.append(Message("audit.fail-rules", {"count": fail, "images": len(audit.entries), "rules": listed}))
    if audit.errors:
        found.append(Message("audit.errors", {"count": audit.errors}))
    unbalanced = [Message(f"audit.of-{one.what}-{one.unit}") for one in audit.balances if one.state == "fail"]
    if unbalanced:
        found.append(
            Message("audit.unbalanced", {"what": ", ".join(f"“{one.text(language)}”" for one in unbalanced)})
        )
    return found


def never_judged(audit: Audit, language: str) -> list[Message]:
    """The rules of severity error that no image was judged by, and which models they need."""
    return [
        Message(
            "audit.never-judged",
            {"rule": rule_title(rule, language), "reason": MEASURES[rule.measure].absent},
        )
        for rule in audit.never_judged
    ]


def to_collect(audit: Audit) -> list[Message]:
    """Whom and what to collect."""
    needed, child_age = audit.rules.structure.min_images, audit.rules.structure.child_age
    found = [_collect(one, child_age) for one in audit.missing]
    lacking = [needed - one.distinct for one in audit.people if one.distinct < needed]
    if lacking:
        counts = {"count": sum(lacking), "people": len(lacking), "needed": needed}
        found.append(Message("collect.images", counts))
    if any(one.state == "not assessed" for one in audit.balances):
        found.append(Message("collect.unknown"))
    return found


def _collect(one: MissingPeople, child_age: int) -> Message:
    """People of a sex and an age; groups of a user's own rules are named as they are."""
    code = "collect." + "-".join(word for word in (one.sex, one.age) if word)
    if has_message(code):
        return Message(code, {"count": one.count, "age": child_age})
    return Message("collect.other", {"count": one.count, "sex": one.sex, "age": one.age})


def group_name(name: str, child_age: int) -> Message | str:
    """What a sex or an age group is called; a group of a user's own rules is named as it is."""
    code = f"group.{name}"
    return Message(code, {"age": child_age}) if has_message(code) else name
