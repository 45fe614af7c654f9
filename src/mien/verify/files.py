"""Writes a decision log: decisions.csv for people, decisions.jsonl for programs, report.json, and the page.

Files are private to the account, since faces and decisions on people are in them. Computes nothing.
"""

import json
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from mien.messages import text_of
from mien.rates import Estimate
from mien.scope import Doubt
from mien.spreadsheets import write_csv
from mien.types import Threshold
from mien.verify.compared_images import ComparedImage
from mien.verify.decisions import PairDecision, Reason, order_for_review
from mien.verify.log import DecisionLog
from mien.verify.page import log_page
from mien.whole_files import write_whole_bytes, write_whole_text

CSV, JSONL, SUMMARY, PAGE = "decisions.csv", "decisions.jsonl", "report.json", "report.html"
FILES = (CSV, JSONL, SUMMARY, PAGE)
"""All files of a log."""

COLUMNS = (
    "row", "id", "a", "b", "outcome", "score", "unit", "threshold", "fmr", "fmr_low", "fmr_high", "rate_for", "label",
    "right", "review", "reasons", "faces_a", "faces_b",
)  # fmt: skip
"""Columns of decisions.csv."""


def write_log(log: DecisionLog, language: str) -> None:
    """Write all files of a log into its folder; every file is complete, and replaces an older one.

    Args:
        log: the decisions.
        language: of the page, and of the reasons in the table.
    """
    page = log_page(log, language)
    lines = "".join(f"{json.dumps(as_json(one, log, language))}\n" for one in log.decisions)
    write_whole_text(log.out / JSONL, lines, private=True)
    write_whole_text(log.out / SUMMARY, json.dumps(summary(log), indent=1), private=True)
    # A file name may hold bytes that are not UTF-8; they are written out.
    write_whole_bytes(log.out / PAGE, page.encode("utf-8", "backslashreplace"), private=True)
    # The table is written last: where it is, the log is complete.
    write_csv(log.out / CSV, COLUMNS, (_row(one, log, language) for one in log.decisions), private=True)


def _row(one: PairDecision, log: DecisionLog, language: str) -> list[object]:
    threshold, score = log.threshold, None if one.decision is None else round(one.decision.score.value, 5)
    low, high = threshold.fmr_interval or (None, None)
    faces = [None if image is None or image.box is None else image.others + 1 for image in one.images]
    reasons = "; ".join(sentence(reason, log, language) for reason in one.reasons)
    label = {True: "same", False: "different", None: None}[one.pair.label]
    right = {True: "yes", False: "no", None: None}[one.is_right]
    return [
        one.pair.row, one.pair.id, one.pair.a, one.pair.b, one.outcome, score, threshold.unit, threshold.value,
        threshold.fmr, low, high, log.group, label, right, "yes" if one.review else "no", reasons, *faces,
    ]  # fmt: skip


def sentence(reason: Reason, log: DecisionLog, language: str) -> str:
    """A reason with the column of the image that it is about."""
    text = text_of(reason.text, language)
    return f"{log.columns['ab'.index(reason.side)]}: {text}" if reason.side else text


def as_json(one: PairDecision, log: DecisionLog, language: str) -> dict[str, Any]:
    """A decision for programs: everything that is known of the pair."""
    decision = one.decision
    return {
        "row": one.pair.row,
        "id": one.pair.id,
        "a": one.pair.a,
        "b": one.pair.b,
        "decision": one.outcome,
        "score": None if decision is None else round(decision.score.value, 5),
        "accepted": None if decision is None else decision.accepted,
        "threshold": _threshold(log.threshold),
        "rate_for": log.group,
        "label": {True: "same", False: "different", None: None}[one.pair.label],
        "right": one.is_right,
        "review": one.review,
        "reasons": [
            {"code": r.code, "image": r.side or None, "review": r.review, "text": text_of(r.text, language)}
            for r in one.reasons
        ],
        "images": [None if image is None else _image(image) for image in one.images],
        "doubts": [] if decision is None else [_doubt(doubt) for doubt in decision.doubts],
    }


def _threshold(threshold: Threshold) -> dict[str, Any]:
    return {
        "value": threshold.value,
        "unit": threshold.unit,
        "fmr": threshold.fmr,
        "fmr_interval": threshold.fmr_interval,
        "protocol": threshold.protocol,
        "contract": threshold.contract,
    }


def _image(image: ComparedImage) -> dict[str, Any]:
    scope = None if image.scope is None else {code: round(value, 3) for code, value in image.scope.values.items()}
    return {
        "path": image.path,
        "sha256": image.sha256 or None,
        "box": image.box,
        "faces": 0 if image.box is None else image.others + 1,
        "scope": scope,
        "problem": None if image.problem is None else text_of(image.problem, "en"),
    }


def _doubt(doubt: Doubt) -> dict[str, Any]:
    rate = None if doubt.rate is None else doubt.rate.value
    interval = None if doubt.rate is None else [doubt.rate.low, doubt.rate.high]
    return {"code": doubt.code, "fmr": rate, "fmr_interval": interval, "holds": doubt.holds}


def summary(log: DecisionLog) -> dict[str, Any]:
    """The log as a whole: counts, the threshold and whom it holds for, errors by label, failed images, the review."""
    order = order_for_review(log.decisions, log.threshold.value)
    return {
        "written": datetime.now(UTC).isoformat(timespec="seconds"),
        "pairs": len(log.decisions),
        "counts": log.counts,
        "threshold": _threshold(log.threshold),
        "rate_for": log.group,
        "rates_within_groups": {name: list(rate) for name, rate in log.threshold.strata.items()},
        "notes": [note.text("en") for note in log.notes],
        "review": {
            "band": None if log.band is None else asdict(log.band),
            "rows": [log.decisions[place].pair.row for place in order],
        },
        "labelled": None if log.rates is None else _rates(log),
        "failed_images": log.failed_images,
        "failed_rows": {one.pair.row: one.pair.problem for one in log.decisions if one.pair.problem},
        "made_with": dict(log.made_with),
    }


def _rates(log: DecisionLog) -> dict[str, Any]:
    assert log.rates is not None
    return {
        "same": dict(log.rates.same),
        "different": dict(log.rates.different),
        "fnmr": _estimate(log.rates.fnmr),
        "fmr": _estimate(log.rates.fmr),
    }


def _estimate(rate: Estimate | None) -> dict[str, Any] | None:
    return None if rate is None else {"value": rate.value, "interval": rate.interval, "count": rate.count}
