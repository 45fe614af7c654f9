"""An audit as report.json has it: version 1, whose keys never change their meaning. Writes nothing."""

from collections.abc import Mapping
from typing import Any

from mien.messages import languages
from mien.portrait.dataset.audit import Audit, RuleResult, reasons
from mien.portrait.dataset.balance import GroupBalance
from mien.portrait.dataset.findings import Finding
from mien.portrait.rules.verdicts import FAIL, PASS, UNKNOWN

FORMAT, VERSION = "mien audit", 1


def audit_as_json(audit: Audit, made_with: Mapping[str, str]) -> dict[str, Any]:
    """The audit for programs."""
    return {
        "format": FORMAT,
        "version": VERSION,
        "folder": str(audit.root),
        "passed": audit.passed,
        "rules": {"name": audit.rules.name, "version": audit.rules.version},
        "models": {
            "detector": audit.models.detector,
            "recognizer": audit.models.recognizer,
            "experts": list(audit.models.portrait_models),
        },
        "counts": {
            "images": len(audit.entries),
            "people": len(audit.people),
            "accepted": int(audit.accepted.sum()),
            "unreadable": audit.unreadable,
            "no_face": audit.no_face,
        },
        "by_rule": [_rule(audit, result) for result in audit.results],
        "findings_by_kind": dict(audit.by_kind),
        "findings": [_finding(finding) for finding in audit.findings],
        "balance": [_balance(one) for one in audit.balances],
        "collect": [{"sex": one.sex, "age": one.age, "people": one.count} for one in audit.missing],
        "notes": [note.text("en") for note in audit.notes],
        "made_with": dict(made_with),
    }


def _rule(audit: Audit, result: RuleResult) -> dict[str, Any]:
    rule = result.rule
    why = reasons(audit, result) if result.count(UNKNOWN) else {}
    return {
        "id": rule.id,
        "part": rule.part,
        "measure": rule.measure,
        "unit": rule.unit,
        "min": rule.min,
        "max": rule.max,
        "severity": rule.severity,
        "pass": result.count(PASS),
        "fail": result.count(FAIL),
        "not_assessed": result.count(UNKNOWN),
        "reasons": {reason.text("en"): count for reason, count in why.items()},
    }


def _finding(finding: Finding) -> dict[str, Any]:
    """A finding, with its sentence in every language that there is."""
    return {
        "kind": finding.kind,
        "severity": finding.severity,
        "place": finding.place,
        "others": list(finding.others),
        "certainty": finding.certainty,
        **{language: finding.message.text(language) for language in languages()},
    }


def _balance(one: GroupBalance) -> dict[str, Any]:
    return {
        "what": one.what,
        "unit": one.unit,
        "state": one.state,
        "unknown": one.unknown,
        "source": one.source,
        "parts": [
            {
                "name": part.name,
                "count": part.count,
                "share": round(part.share, 4),
                "interval": [round(part.low, 4), round(part.high, 4)],
                "wanted": round(part.wanted, 4),
            }
            for part in one.parts
        ],
    }
