"""report.json: version 1, whose keys never change, with numbers that add up."""

import json
from dataclasses import replace

from mien.messages import languages
from mien.portrait.dataset.audit import Audit
from mien.portrait.report.as_json import audit_as_json

MADE_WITH = {"mien": "1.2"}


def test_the_keys_of_version_1(made_audit: Audit) -> None:
    value = audit_as_json(made_audit, MADE_WITH)
    assert (value["format"], value["version"]) == ("mien audit", 1)
    assert set(value) == {
        "format", "version", "folder", "passed", "rules", "models", "counts", "by_rule", "findings_by_kind",
        "findings", "balance", "collect", "notes", "made_with",
    }  # fmt: skip
    assert set(value["by_rule"][0]) == {
        "id", "part", "measure", "unit", "min", "max", "severity", "pass", "fail", "not_assessed", "reasons",
    }  # fmt: skip
    assert set(value["findings"][0]) == {"kind", "severity", "place", "others", "certainty", *languages()}
    assert set(value["balance"][0]) == {"what", "unit", "state", "unknown", "source", "parts"}
    assert set(value["balance"][0]["parts"][0]) == {"name", "count", "share", "interval", "wanted"}
    assert set(value["models"]) == {"detector", "recognizer", "experts"}


def test_it_is_json_as_it_stands(made_audit: Audit) -> None:
    value = audit_as_json(made_audit, MADE_WITH)
    assert json.loads(json.dumps(value)) == value


def test_what_was_checked_and_with_what(made_audit: Audit) -> None:
    value = audit_as_json(made_audit, MADE_WITH)
    assert value["folder"] == "set" and value["rules"] == {"name": "mine", "version": 1}
    assert value["models"]["recognizer"] == "" and value["models"]["experts"] == ["extra"]
    assert value["made_with"] == MADE_WITH
    assert value["passed"] is False
    assert audit_as_json(replace(made_audit, results=(), findings=(), balances=()), MADE_WITH)["passed"] is True


def test_counts_of_images_and_of_each_rule(made_audit: Audit) -> None:
    value = audit_as_json(made_audit, MADE_WITH)
    assert value["counts"] == {"images": 5, "people": 2, "accepted": 1, "unreadable": 1, "no_face": 1}
    width, height = value["by_rule"]
    assert (width["pass"], width["fail"], width["not_assessed"]) == (1, 2, 2)
    assert sum(width["reasons"].values()) == 2 and any("parsing" in reason for reason in width["reasons"])
    assert (height["pass"], height["fail"], height["not_assessed"]) == (3, 1, 1)
    assert (width["min"], width["max"], width["severity"]) == (100, None, "error")


def test_a_finding_has_its_sentence_in_every_language(made_audit: Audit) -> None:
    value = audit_as_json(made_audit, MADE_WITH)
    assert value["findings_by_kind"] == {"stray-file": 2, "same-file": 1}
    same = value["findings"][1]
    assert (same["place"], same["others"], same["certainty"]) == ("An/a.jpg", ["An/b.jpg"], 0.9)
    sentences = [same[language] for language in languages()]
    assert len(set(sentences)) == len(sentences) >= 2 and all("An/b.jpg" in text for text in sentences)


def test_balance_and_whom_to_collect(made_audit: Audit) -> None:
    value = audit_as_json(made_audit, MADE_WITH)
    (balance,) = value["balance"]
    assert (balance["what"], balance["unit"], balance["unknown"]) == ("sex", "people", 0)
    parts = {part["name"]: part for part in balance["parts"]}
    assert (parts["male"]["count"], parts["female"]["count"]) == (0, 2)
    assert (parts["male"]["share"], parts["male"]["wanted"]) == (0, 0.5)
    assert parts["female"]["interval"][0] < parts["female"]["share"] == 1 == parts["female"]["interval"][1]
    assert value["collect"] == [{"sex": "male", "age": "", "people": 2}]
    assert len(value["notes"]) == 1 and value["notes"][0].startswith("guesses of sex were not used")
