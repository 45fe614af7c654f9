"""The audit as one self-contained page, in any language: what its template shows. Decides nothing.

The template is page.html next to this module; its sentences are in the catalogues of messages.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from mien.data.stored_paths import stored_path
from mien.html import Thumbnail, render_page
from mien.messages import Message, Text, text_of
from mien.portrait.dataset.audit import Audit, RuleResult, reasons
from mien.portrait.dataset.findings import KINDS, Finding, kind_title
from mien.portrait.measures.catalogue import place
from mien.portrait.report.histogram import Histogram, histogram
from mien.portrait.report.sentences import facts, group_name, to_collect
from mien.portrait.rules.text import (
    advice,
    limit_text,
    measure_name,
    rule_set_title,
    rule_title,
    unit_text,
    value_text,
)
from mien.portrait.rules.verdicts import FAIL, PASS, UNKNOWN
from mien.thumbnail import place_jpeg
from mien.types import Box

WORST = 8
"""Images shown for each failed rule."""
PAIRS = 24
"""Pairs shown of doubtful labels, and of duplicates."""
EXAMPLES = 8
"""Sentences shown for each kind of finding."""
LABELS = ("unlike-others", "two-people", "one-person-twice")
DUPLICATES = ("same-photo-two-people", "near-duplicate")


@dataclass(frozen=True, slots=True)
class Shown:
    """Thumbnails with lines about them; the last lines are small."""

    thumbnails: tuple[Thumbnail, ...]
    lines: tuple[Text, ...]
    small: tuple[str, ...] = ()


def audit_page(audit: Audit, language: str, made_with: Mapping[str, str]) -> str:
    """The page as HTML."""
    view = _AuditView(audit, language)
    return render_page(
        "mien.portrait.report",
        "page.html",
        language,
        title=Message("audit.title", {"name": audit.root.resolve().name}),
        passed=audit.passed,
        rules=rule_set_title(audit.rules, language),
        facts=facts(audit),
        results=list(view.results()),
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

    def __init__(self, audit: Audit, language: str) -> None:
        self._audit, self._language = audit, language

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
                "unknown": result.count(UNKNOWN),
            }

    def why_not(self) -> Iterator[Message]:
        """Why rules were not assessed."""
        for result in self._audit.results:
            if result.count(UNKNOWN):
                for reason, count in reasons(self._audit, result).items():
                    yield Message("audit.reason", {"rule": result.rule.id, "reason": reason, "count": count})

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
                "examples": [finding.message for finding in found[:EXAMPLES]],
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
        return [self._pair(f, Message("audit.certainty", {"certainty": f.certainty})) for f in found[:PAIRS]]

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
        region = place(self._audit.measurements.landmarks(row), rule.measure)
        value = value_text(float(result.values[row]), rule.unit, self._language)
        line = f"{value}; {limit_text(rule, self._language)}"
        return Shown((self._thumbnail(path, region),), (line,), (path,))

    def _thumbnail(self, path: str, region: Box | None = None) -> Thumbnail:
        return Thumbnail(place_jpeg(self._audit.root / stored_path(path), region), path)

    def _title(self, result: RuleResult) -> str:
        name, unit = text_of(measure_name(result.rule.measure), self._language), result.rule.unit
        shown = f"{name} ({unit_text(unit, self._language)})" if unit else name
        return Message("audit.shown-rule", {"measure": shown, "rule": result.rule.id}).text(self._language)
