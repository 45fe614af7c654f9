"""The audit as one self-contained page, in any language: what its template shows. Decides nothing.

The template is page.html next to this module; its sentences are in the catalogues of messages.
"""

import os
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import numpy as np

from mien.data.stored_paths import stored_path
from mien.html import Thumbnail, render_page
from mien.messages import Message, Text, text_of
from mien.portrait.dataset.audit import Audit, RuleResult, reasons
from mien.portrait.dataset.findings import KINDS, Finding, kind_title
from mien.portrait.measures.catalogue import OF_FRAMING, place
from mien.portrait.report.histogram import Histogram, histogram
from mien.portrait.report.sentences import facts, group_name, never_judged, to_collect, why_failed
from mien.portrait.rules.text import (
    advice,
    limit_text,
    measure_name,
    rule_set_title,
    rule_title,
    unit_text,
    value_text,
)
from mien.portrait.rules.verdicts import FAIL, PASS
from mien.thumbnail import place_jpeg
from mien.types import Box

COUNTED_ONCE = (Message("reason.no-face"), Message("reason.unreadable"))
"""Reasons that do not belong to a rule: such images are counted at the head of the page."""

WORST = 8
"""Images shown for each failed rule."""
PAIRS = 24
"""Pairs shown of doubtful labels, and of duplicates."""
EXAMPLES = 8
"""Sentences shown for each kind of finding."""
LABELS = ("unlike-others", "two-people", "one-person-twice")
CONFUSABLE = ("confusable-people",)
DUPLICATES = ("same-photo-two-people", "near-duplicate")


@dataclass(frozen=True, slots=True)
class Shown:
    """Thumbnails with lines about them; the last lines are small."""

    thumbnails: tuple[Thumbnail, ...]
    lines: tuple[Text, ...]
    small: tuple[str, ...] = ()


def audit_page(audit: Audit, language: str, made_with: Mapping[str, str], folder: Path | None = None) -> str:
    """The page as HTML.

    Args:
        audit: what was found.
        language: of the page.
        made_with: name and version of what made it.
        folder: in which the page will be, so that it can link to the images; None links to nothing.
    """
    view = _AuditView(audit, language, folder)
    results = list(view.results())
    return render_page(
        "mien.portrait.report",
        "page.html",
        language,
        title=Message("audit.title", {"name": audit.root.resolve().name}),
        passed=audit.passed,
        rules=rule_set_title(audit.rules, language),
        facts=facts(audit),
        why_failed="; ".join(one.text(language) for one in why_failed(audit, language)),
        never_judged=never_judged(audit, language),
        results=[one for one in results if one["failed"] or one["unknown"]],
        met=[one for one in results if not one["failed"] and not one["unknown"]],
        why_not=list(view.why_not()),
        findings=list(view.findings()),
        balances=list(view.balances()),
        collect=to_collect(audit) or [Message("collect.nobody")],
        labels=view.labels(),
        more_labels=view.more(LABELS),
        duplicates=view.duplicates(),
        more_duplicates=view.more(DUPLICATES),
        histograms=list(view.histograms()),
        worst=list(view.worst()),
        made_with=made_with,
    )


class _AuditView:
    """The rows and thumbnails of the page, in one language."""

    def __init__(self, audit: Audit, language: str, folder: Path | None) -> None:
        self._audit, self._language = audit, language
        self._base = None if folder is None else os.path.relpath(audit.root.resolve(), folder.resolve())
        self._listed = {entry.path for entry in audit.entries}

    def results(self) -> Iterator[dict[str, object]]:
        """A row for each rule."""
        for result in self._audit.results:
            rule = result.rule
            yield {
                "part": rule.part,
                "title": rule_title(rule, self._language),
                "limit": limit_text(rule, self._language),
                "severity": rule.severity,
                "passed": result.count(PASS),
                "failed": result.count(FAIL),
                "unknown": self._audit.open(result),
            }

    def why_not(self) -> Iterator[Message]:
        """Why rules were not assessed, in images that show a face."""
        found: dict[Message, list[Message]] = defaultdict(list)
        for result in self._audit.results:
            for reason, count in reasons(self._audit, result).items() if self._audit.open(result) else ():
                if reason not in COUNTED_ONCE:
                    title = rule_title(result.rule, self._language)
                    found[reason].append(Message("audit.rule-count", {"rule": title, "count": count}))
        for reason, rules in found.items():
            listed = "; ".join(one.text(self._language) for one in rules)
            yield Message("check.unjudged", {"rule": reason, "reason": listed})

    def findings(self) -> Iterator[dict[str, object]]:
        """A row for each kind of finding, with some examples."""
        by_kind: dict[str, list[Finding]] = defaultdict(list)
        for finding in self._audit.findings:
            by_kind[finding.kind].append(finding)
        for kind in (kind for kind in KINDS if kind in by_kind):
            found = by_kind[kind]
            yield {
                "title": kind_title(kind),
                "severity": KINDS[kind],
                "count": len(found),
                "examples": [(finding.message, self._links(finding)) for finding in found[:EXAMPLES]],
                "more": len(found) - EXAMPLES,
            }

    def balances(self) -> Iterator[dict[str, object]]:
        """A row for each group of each balance, in percent."""
        for one in self._audit.balances:
            for part in one.parts:
                yield {
                    "of": f"audit.of-{one.what}-{one.unit}",
                    "group": group_name(part.name, self._audit.rules.structure.child_age),
                    "count": part.count,
                    "share": 100 * part.share,
                    "low": 100 * part.low,
                    "high": 100 * part.high,
                    "wanted": 100 * part.wanted,
                    "state": one.state,
                    "unknown": one.unknown,
                }

    def labels(self) -> list[Shown]:
        """Pairs of doubtful labels, the surest first."""
        found = sorted(self._of(LABELS), key=lambda finding: -finding.certainty)
        sure = [self._pair(f, Message("audit.certainty", {"certainty": f.certainty})) for f in found[:PAIRS]]
        return [*sure, *(self._pair(f, kind_title(f.kind)) for f in self._of(CONFUSABLE)[:PAIRS])]

    def duplicates(self) -> list[Shown]:
        """Pairs of duplicates, those of two people first."""
        found = sorted(self._of(DUPLICATES), key=lambda finding: DUPLICATES.index(finding.kind))
        return [self._pair(finding) for finding in found[:PAIRS]]

    def more(self, kinds: Sequence[str]) -> int:
        """How many pairs of some kinds are not shown."""
        return max(0, len(self._of(kinds)) - PAIRS)

    def histograms(self) -> Iterator[Histogram]:
        """A histogram for each rule's measure, and one of the overall quality."""
        for result in self._audit.results:
            if np.isfinite(result.values).sum() > 1:
                yield histogram(self._title(result), result.values, result.rule.min, result.rule.max)
        overall = self._audit.measurements.values("overall")
        if np.isfinite(overall).sum() > 1:
            yield histogram(Message("audit.overall").text(self._language), overall, None, None)

    def worst(self) -> Iterator[dict[str, object]]:
        """The worst images of each failed rule, each with the region that the rule looks at."""
        for result in self._audit.results:
            rows = result.worst(WORST)
            if rows:
                advised = {advice(result.rule, float(result.values[row]), self._language) for row in rows}
                yield {
                    "title": rule_title(result.rule, self._language),
                    "count": result.count(FAIL),
                    "severity": result.rule.severity,
                    "advice": "; ".join(sorted(advised)),
                    "places": [self._place(result, row) for row in rows],
                }

    def _of(self, kinds: Sequence[str]) -> list[Finding]:
        return [finding for finding in self._audit.findings if finding.kind in kinds]

    def _pair(self, finding: Finding, *lines: Message) -> Shown:
        thumbnails = tuple(self._thumbnail(path) for path in finding.shown)
        return Shown(thumbnails, (finding.message, *lines))

    def _place(self, result: RuleResult, row: int) -> Shown:
        path, rule = self._audit.entries[row].path, result.rule
        value = value_text(float(result.values[row]), rule.unit, self._language)
        line = f"{value}; {limit_text(rule, self._language)}"
        if rule.measure in OF_FRAMING:
            face = self._audit.measurements.face_box(row)
            thumbnail = self._thumbnail(path, boxes=[face] if face else [])
        else:
            thumbnail = self._thumbnail(path, place(self._audit.measurements.landmarks(row), rule.measure))
        return Shown((thumbnail,), (line,), (path,))

    def _thumbnail(self, path: str, region: Box | None = None, boxes: Sequence[Box] = ()) -> Thumbnail:
        image = place_jpeg(self._audit.root / stored_path(path), region, boxes)
        return Thumbnail(image, path, self._link(path))

    def _link(self, path: str) -> str:
        """The address of a file of the data set, from the page; empty where the page is not to link."""
        return "" if self._base is None else quote(os.fsencode(Path(self._base) / stored_path(path)))

    def _links(self, finding: Finding) -> list[tuple[str, str]]:
        """Names and addresses of the images of a finding."""
        paths = dict.fromkeys((finding.place, *finding.others, *finding.shown))
        return [(path, self._link(path)) for path in paths if self._base is not None and path in self._listed]

    def _title(self, result: RuleResult) -> str:
        name, unit = text_of(measure_name(result.rule.measure), self._language), result.rule.unit
        shown = f"{name} ({unit_text(unit, self._language)})" if unit else name
        return f"{shown}: {rule_title(result.rule, self._language)}"
