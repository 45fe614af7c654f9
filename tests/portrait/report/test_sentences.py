"""What an audit amounts to, in messages: facts, the verdict, and whom to collect."""

from dataclasses import replace

import pytest

from mien.messages import Message, languages
from mien.portrait.dataset.audit import Audit
from mien.portrait.dataset.balance import MissingPeople
from mien.portrait.report.sentences import accepted, facts, group_name, to_collect, verdict


def codes(messages: list[Message]) -> list[str]:
    return [message.code for message in messages]


def test_facts_count_images_people_and_errors(made_audit: Audit) -> None:
    found = {message.code: dict(message.arguments) for message in facts(made_audit)}
    assert found["audit.images-of-people"] == {"images": 5, "people": 2}
    assert found["audit.accepted"] == {"accepted": 1, "images": 5}
    assert found["audit.enough"] == {"enough": 0, "people": 2, "needed": 5}
    assert found["audit.errors"] == {"count": made_audit.errors}
    assert found["audit.unreadable"] == found["audit.no-face"] == {"count": 1}
    assert codes(facts(made_audit))[-1] == "audit.guesses-unused", "notes come last"


def test_people_have_enough_images_from_the_number_that_the_rules_ask_for(made_audit: Audit) -> None:
    people = tuple(replace(made_audit.people[0], accepted=count) for count in (4, 5, 6))
    found = {message.code: message.arguments for message in facts(replace(made_audit, people=people))}
    assert found["audit.enough"]["enough"] == 2


def test_files_that_cannot_be_read_are_mentioned_where_there_are_some(made_audit: Audit) -> None:
    readable = replace(made_audit, readable=~(made_audit.readable ^ made_audit.readable))
    assert "audit.unreadable" not in codes(facts(readable))


def test_the_verdict_is_that_of_the_audit(made_audit: Audit) -> None:
    assert verdict(made_audit) == Message("audit.not-met")
    assert verdict(replace(made_audit, results=(), findings=(), balances=())) == Message("audit.met")
    assert accepted(made_audit).text("en").startswith("1 of 5 images pass")


def test_missing_people_and_images_are_to_be_collected(made_audit: Audit) -> None:
    found = to_collect(made_audit)
    assert codes(found) == ["collect.male", "collect.images"]
    assert dict(found[0].arguments) == {"count": 2, "age": 7}
    assert dict(found[1].arguments) == {"count": 2 + 4, "people": 2, "needed": 5}, "3 and 1 of 5 different ones"


def test_nothing_is_to_be_collected_where_nothing_is_missing(made_audit: Audit) -> None:
    people = tuple(replace(one, distinct=5) for one in made_audit.people)
    assert to_collect(replace(made_audit, people=people, missing=())) == []


def test_where_groups_are_not_known_a_manifest_is_asked_for(made_audit: Audit) -> None:
    unknown = replace(made_audit.balances[0], state="not assessed")
    assert codes(to_collect(replace(made_audit, balances=(unknown,))))[-1] == "collect.unknown"


@pytest.mark.parametrize(
    ("sex", "age", "code"),
    [
        ("male", "child", "collect.male-child"),
        ("female", "adult", "collect.female-adult"),
        ("", "child", "collect.child"),
        ("female", "", "collect.female"),
        ("other", "senior", "collect.other"),
    ],
)
def test_people_to_collect_are_named_by_sex_and_age(made_audit: Audit, sex: str, age: str, code: str) -> None:
    first = to_collect(replace(made_audit, missing=(MissingPeople(sex, age, 3),)))[0]
    assert first.code == code
    for language in languages():
        text = first.text(language)
        assert "3" in text and "{" not in text


def test_a_group_of_a_users_own_rules_keeps_its_name() -> None:
    assert group_name("senior", 7) == "senior"
    assert group_name("child", 7) == Message("group.child", {"age": 7})
