"""Writes what an audit found: report.json, images.parquet and .csv, subjects.csv; the page is made beside it.

Version 1 of report.json: a key never changes its meaning within a version. Files appear when all of them are written.
"""

import csv
import json
import shutil
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from mien.errors import AuditError
from mien.portrait.dataset.audit import Audit, RuleResult, reasons, verdicts
from mien.portrait.report.page import page
from mien.portrait.rules import FAIL, PASS, UNKNOWN, Language

FORMAT, VERSION = "mien audit", 1


def write_audit(audit: Audit, out: Path, language: Language, made_with: dict[str, str]) -> dict[str, Any]:
    """Write all files of an audit; older ones are replaced when the new ones are whole.

    Returns:
        What report.json holds.

    Raises:
        AuditError: the folder cannot be written to.
    """
    partial = out / ".report"
    try:
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        table = images(audit)
        pyarrow.parquet.write_table(table, partial / "images.parquet")
        pyarrow.csv.write_csv(table, partial / "images.csv")
        _write_subjects(audit, partial / "subjects.csv")
        value = as_json(audit, made_with)
        text = json.dumps(value, ensure_ascii=False, indent=1)
        (partial / "report.json").write_text(text, encoding="utf-8")
        (partial / "report.html").write_text(page(audit, language, made_with), encoding="utf-8")
        for file in partial.iterdir():
            file.replace(out / file.name)
        partial.rmdir()
        return value
    except OSError as reason:
        raise AuditError(
            f"{out} cannot be written to ({reason.strerror or reason}): give another place with --out"
        ) from reason


def images(audit: Audit) -> pa.Table:
    """Every measure of every image, its verdict, and the rules that it fails."""
    table = audit.recorded.table.drop_columns(["bytes", "changed", "phash", "face_phash", "landmarks", "reasons"])
    judged = list(verdicts(audit))
    columns: dict[str, list[Any]] = {
        "subject": [entry.subject for entry in audit.entries],
        "group": [entry.group for entry in audit.entries],
        "sex": [entry.sex for entry in audit.entries],
        "verdict": [word for word, _, _ in judged],
        "failed": [" ".join(failed) for _, failed, _ in judged],
        "not_assessed": [" ".join(unknown) for _, _, unknown in judged],
        "accepted": audit.accepted.tolist(),
    }
    for place, (name, values) in enumerate(columns.items(), start=1):
        table = table.add_column(place, name, pa.array(values))
    return table


def _write_subjects(audit: Audit, path: Path) -> None:
    with path.open("w", encoding="utf-8", newline="") as stream:
        rows = csv.writer(stream)
        rows.writerow(("subject", "group", "sex", "images", "distinct", "accepted", "enough"))
        for one in audit.subjects:
            enough = one.distinct >= audit.rules.structure.least_images
            rows.writerow((one.name, one.group, one.sex, one.images, one.distinct, one.passed, enough))


def as_json(audit: Audit, made_with: dict[str, str]) -> dict[str, Any]:
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
            "people": len(audit.subjects),
            "accepted": int(audit.accepted.sum()),
            "unreadable": audit.unreadable,
            "no_face": audit.no_face,
        },
        "by_rule": [_rule_json(audit, result) for result in audit.results],
        "findings_by_kind": dict(audit.by_kind),
        "findings": [
            {
                "kind": f.code, "severity": f.severity, "place": f.place, "others": list(f.others),
                "certainty": f.certainty, "en": f.says("en"), "vi": f.says("vi"),
            }
            for f in audit.findings
        ],
        "balance": [
            {
                "what": b.what, "unit": b.unit, "state": b.state, "unknown": b.unknown, "source": b.source,
                "parts": [
                    {
                        "name": p.name, "count": p.count, "share": round(p.share, 4),
                        "interval": [round(p.low, 4), round(p.high, 4)], "wanted": round(p.wanted, 4),
                    }
                    for p in b.parts
                ],
            }
            for b in audit.balances
        ],
        "collect": [{"sex": w.sex, "age": w.age, "people": w.count} for w in audit.collect],
        "notes": list(audit.notes),
        "made_with": made_with,
    }  # fmt: skip


def _rule_json(audit: Audit, result: RuleResult) -> dict[str, Any]:
    rule = result.rule
    return {
        "id": rule.id, "part": rule.part, "measure": rule.measure, "unit": rule.unit, "min": rule.min,
        "max": rule.max,
        "severity": rule.severity, "pass": result.count(PASS), "fail": result.count(FAIL),
        "not_assessed": result.count(UNKNOWN), "reasons": reasons(audit, result) if result.count(UNKNOWN) else {},
    }  # fmt: skip
