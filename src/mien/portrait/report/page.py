"""The audit as one self-contained page in English or Vietnamese, with its charts and thumbnails inside.

Asks nothing of the network and runs no script. Computes no verdict.
"""

import base64
import html
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mien.data.stored_paths import stored_path
from mien.portrait.dataset.audit import Audit, RuleResult, reasons
from mien.portrait.dataset.findings import KINDS, Finding
from mien.portrait.measures.catalogue import MEASURES, place
from mien.portrait.report.words import collect_name, group_name, limit, say, unit_name
from mien.portrait.rules import FAIL, PASS, UNKNOWN, Language
from mien.thumbnail import place_jpeg
from mien.types import Floats, floats

WORST = 8
"""Images shown for each rule that is not kept."""
PAIRS = 24
"""Pairs shown of doubtful labels, and of copies."""
EXAMPLES = 8
BINS = 40

STYLE = """
body{font:15px/1.5 system-ui,sans-serif;color:#1b1b1b;max-width:1060px;margin:2em auto;padding:0 1em}
h1{font-size:1.6em;margin-bottom:.2em}h2{font-size:1.25em;margin-top:2em;border-bottom:1px solid #ddd}
h3{font-size:1.02em;margin:1.2em 0 .2em}table{border-collapse:collapse;margin:.6em 0;font-size:.93em;width:100%}
td,th{padding:.25em .7em;text-align:left;border-bottom:1px solid #e4e4e4;vertical-align:top}th{background:#f5f6f8}
td.n{text-align:right;white-space:nowrap}.verdict{padding:.7em 1em;border-radius:6px;font-size:1.1em}
.good{background:#e3f4ec;border-left:5px solid #009e73}.bad{background:#fde9df;border-left:5px solid #d55e00}
.note{color:#555;font-size:.92em}.fail{color:#b34700;font-weight:600}.pass{color:#00734f}
.places{display:flex;flex-wrap:wrap;gap:.9em}.place{width:206px;font-size:.84em;overflow-wrap:anywhere}
.place img,.pair img{max-width:200px;max-height:200px;background:#eee}.pair{border:1px solid #ddd;border-radius:6px;
padding:.5em;width:316px;font-size:.84em;overflow-wrap:anywhere}.pair img{width:152px;height:152px;object-fit:contain}
.charts{display:flex;flex-wrap:wrap;gap:1em}.chart{width:330px;font-size:.84em}svg{display:block}
.bar{position:relative;height:1em;background:#eef1f4;width:180px;display:inline-block;vertical-align:middle}
.bar i{position:absolute;top:0;bottom:0;left:0;background:#56b4e9}.bar b{position:absolute;top:-.2em;bottom:-.2em;
width:2px;background:#d55e00}.bar u{position:absolute;top:42%;height:2px;background:#1b1b1b}
"""


def page(audit: Audit, language: Language, made_with: dict[str, str]) -> str:
    """The page."""
    title = say("title", language, audit.root.resolve().name)
    parts = [
        f'<!doctype html><html lang="{language}"><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width"><title>{html.escape(title)}</title>'
        f"<style>{STYLE}</style><h1>{html.escape(title)}</h1>",
        _headline(audit, language),
        _rules(audit, language),
        _findings(audit, language),
        _balance(audit, language),
        _collect(audit, language),
        _labels(audit, language),
        _copies(audit, language),
        _distributions(audit, language),
        _worst(audit, language),
        f'<p class="note">{html.escape(", ".join(f"{k} {v}" for k, v in made_with.items()))}</p></html>\n',
    ]
    return "\n".join(part for part in parts if part)


def _headline(audit: Audit, language: Language) -> str:
    least = audit.rules.structure.least_images
    enough = sum(one.passed >= least for one in audit.subjects)
    people, count = len(audit.subjects), len(audit.entries)
    facts = [
        say("images-of-people", language, count, people),
        say("accepted", language, int(audit.accepted.sum()), count),
        say("enough", language, enough, people, least),
        say("structure-errors", language, audit.errors),
    ]
    facts += [say("unreadable", language, audit.unreadable)] if audit.unreadable else []
    facts += [say("no-face", language, audit.no_face)] if audit.no_face else []
    facts += list(audit.notes)
    verdict = say("kept" if audit.passed else "not-kept", language)
    return (
        f'<p class="verdict {"good" if audit.passed else "bad"}">{verdict}</p>'
        f'<p class="note">{html.escape(say("rules-are", language, audit.rules.title(language)))}</p>'
        f"<ul>{''.join(f'<li>{html.escape(fact)}</li>' for fact in facts)}</ul>"
    )


def _rules(audit: Audit, language: Language) -> str:
    names = ("", "rule", "limit", "severity", "pass", "fail", "not assessed")
    head = "".join(f"<th>{say(name, language) if name else ''}</th>" for name in names)
    rows = "".join(
        f"<tr><td>{result.rule.part}</td><td>{html.escape(result.rule.says(language))}</td>"
        f"<td>{html.escape(limit(result.rule.min, result.rule.max, result.rule.unit, language))}</td>"
        f"<td>{say(result.rule.severity, language)}</td><td class=n>{result.count(PASS):,}</td>"
        f'<td class="n {"fail" if result.count(FAIL) else ""}">{result.count(FAIL):,}</td>'
        f"<td class=n>{result.count(UNKNOWN):,}</td></tr>"
        for result in audit.results
    )
    return f"<h2>{say('rules', language)}</h2><table><tr>{head}</tr>{rows}</table>{_why_not(audit, language)}"


def _why_not(audit: Audit, language: Language) -> str:
    rows = [
        f"<li>{html.escape(result.rule.id)}: {html.escape(reason)} ({count:,})</li>"
        for result in audit.results
        if result.count(UNKNOWN)
        for reason, count in reasons(audit, result).items()
    ]
    if not rows:
        return ""
    return f'<details class="note"><summary>{say("why-not", language)}</summary><ul>{"".join(rows)}</ul></details>'


def _findings(audit: Audit, language: Language) -> str:
    kinds: dict[str, list[Finding]] = defaultdict(list)
    for finding in audit.findings:
        kinds[finding.code].append(finding)
    if not kinds:
        return ""
    rows = []
    for code in KINDS:
        found = kinds.get(code, [])
        if not found:
            continue
        shown = "<br>".join(html.escape(f.says(language)) for f in found[:EXAMPLES])
        more = f"<br>{say('and-more', language, len(found) - EXAMPLES)}" if len(found) > EXAMPLES else ""
        rows.append(
            f"<tr><td>{html.escape(KINDS[code].title(language))}</td><td>{say(KINDS[code].severity, language)}</td>"
            f"<td class=n>{len(found):,}</td><td>{shown}{more}</td></tr>"
        )
    head = "".join(f"<th>{say(name, language)}</th>" for name in ("finding", "severity", "count", "examples"))
    return f"<h2>{say('findings', language)}</h2><table><tr>{head}</tr>{''.join(rows)}</table>"


def _balance(audit: Audit, language: Language) -> str:
    if not audit.balances:
        return ""
    rows = []
    for one in audit.balances:
        for part in one.parts:
            name = group_name(part.name, language, audit.rules.structure.child_age)
            bar = (
                f'<span class="bar"><i style="width:{100 * part.share:.1f}%"></i>'
                f'<u style="left:{100 * part.low:.1f}%;width:{100 * (part.high - part.low):.1f}%"></u>'
                f'<b style="left:{100 * part.wanted:.1f}%"></b></span>'
            )
            rows.append(
                f"<tr><td>{say(one.what, language)}, {say(one.unit, language)}</td><td>{html.escape(name)}</td>"
                f"<td class=n>{part.count:,}</td><td>{bar} {100 * part.share:.1f}% ({100 * part.low:.1f} – "
                f"{100 * part.high:.1f})</td><td class=n>{100 * part.wanted:.0f}%</td>"
                f'<td class="{one.state}">{say(one.state, language)}</td><td class=n>{one.unknown:,}</td></tr>'
            )
    names = ("of", "group", "count", "share", "wanted")
    head = "".join(f"<th>{say(name, language)}</th>" for name in names)
    return (
        f"<h2>{say('balance', language)}</h2><table><tr>{head}<th></th><th>{say('unknown', language)}</th></tr>"
        f'{"".join(rows)}</table><p class="note">{say("estimated", language)}</p>'
    )


def collected(audit: Audit, language: Language) -> list[str]:
    """What to collect, as sentences."""
    least, age = audit.rules.structure.least_images, audit.rules.structure.child_age
    found = [
        say("more", language, wanted.count, collect_name(wanted.sex, wanted.age, language, age))
        for wanted in audit.collect
    ]
    few = [one for one in audit.subjects if one.distinct < least]
    if few:
        found.append(say("more-images", language, sum(least - one.distinct for one in few), len(few), least))
    if any(one.state == "not assessed" for one in audit.balances):
        found.append(say("collect-unknown", language))
    return found


def _collect(audit: Audit, language: Language) -> str:
    found = collected(audit, language) or [say("collect-none", language)]
    return f"<h2>{say('collect', language)}</h2><ul>{''.join(f'<li>{html.escape(text)}</li>' for text in found)}</ul>"


def _labels(audit: Audit, language: Language) -> str:
    doubtful = [f for f in audit.findings if f.code in ("unlike-others", "two-people", "one-person-twice")]
    doubtful.sort(key=lambda f: -f.certainty)
    if not doubtful:
        return ""
    pairs = "".join(
        _pair(audit, *_shown(audit, f), f"{f.says(language)} ({f.certainty:.2f})") for f in doubtful[:PAIRS]
    )
    return (
        f"<h2>{say('labels', language)}</h2><p class=note>{say('labels-note', language)}</p>"
        f'<div class="places">{pairs}</div>{_more(len(doubtful), PAIRS, language)}'
    )


def _shown(audit: Audit, finding: Finding) -> tuple[str, str]:
    """The two images to look at."""
    if finding.code == "one-person-twice":
        one, _, other = finding.detail.partition("|")
        return one, other
    if finding.code == "two-people":
        others = set(finding.others)
        own = next(e.path for e in audit.entries if e.subject == finding.place and e.path not in others)
        return own, finding.others[0]
    return finding.place, finding.others[0]


def _copies(audit: Audit, language: Language) -> str:
    copies = [f for f in audit.findings if f.code in ("near-duplicate", "same-photo-two-people")]
    if not copies:
        return ""
    copies.sort(key=lambda f: f.code != "same-photo-two-people")
    pairs = "".join(_pair(audit, f.place, f.others[0], f.says(language)) for f in copies[:PAIRS])
    return f'<h2>{say("copies", language)}</h2><div class="places">{pairs}</div>{_more(len(copies), PAIRS, language)}'


def _more(count: int, shown: int, language: Language) -> str:
    return f'<p class="note">{say("and-more", language, count - shown)}</p>' if count > shown else ""


def _pair(audit: Audit, a: str, b: str, words: str) -> str:
    pictures = "".join(_img(place_jpeg(audit.root / stored_path(path), None), path) for path in (a, b))
    return f'<div class="pair">{pictures}<br>{html.escape(words)}</div>'


def _img(data: bytes | None, name: str) -> str:
    alt = html.escape(Path(name).name)
    if data is None:
        return f'<span class="note">{alt}</span>'
    return f'<img alt="{alt}" src="data:image/jpeg;base64,{base64.b64encode(data).decode()}">'


def _distributions(audit: Audit, language: Language) -> str:
    charts = [_chart(result, language) for result in audit.results if np.isfinite(result.values).sum() > 1]
    overall = audit.recorded.values("overall")
    if np.isfinite(overall).sum() > 1:
        charts.append(f'<div class="chart">{histogram(overall, None, None)}{say("overall", language)}</div>')
    return f'<h2>{say("distributions", language)}</h2><div class="charts">{"".join(charts)}</div>'


def _chart(result: RuleResult, language: Language) -> str:
    one = MEASURES[result.rule.measure]
    words = one.vi if language == "vi" else one.en
    unit = f" ({unit_name(one.unit, language)})" if one.unit else ""
    drawn = histogram(result.values, result.rule.min, result.rule.max)
    return f'<div class="chart">{drawn}{html.escape(words + unit)}: {html.escape(result.rule.id)}</div>'


def histogram(values: Floats, least: float | None, most: float | None) -> str:
    """A histogram as SVG with the limits drawn in; what lies beyond them is in another colour.

    Args:
        values: (N,) of which NaN is left out; the outermost half percent at each end is put into the last bars.
        least: the lower limit, or None.
        most: the upper limit, or None.
    """
    known = values[np.isfinite(values)]
    limits = [v for v in (least, most) if v is not None]
    ends = [*np.percentile(known, [0.5, 99.5]).tolist(), *limits]
    low, high = min(ends), max(ends)
    low, high = (
        (low - 0.5, high + 0.5) if high - low < 1e-9 else (low - 0.02 * (high - low), high + 0.02 * (high - low))
    )
    counts, edges = np.histogram(np.clip(known, low, high), BINS, (low, high))
    width, height, tallest = 320, 90, max(1, int(counts.max()))
    bars = []
    for index, count in enumerate(counts.tolist()):
        if not count:
            continue
        middle = (edges[index] + edges[index + 1]) / 2
        bad = (least is not None and middle < least) or (most is not None and middle > most)
        tall = height * count / tallest
        bars.append(
            f'<rect x="{index * width / BINS:.1f}" y="{height - tall:.1f}" width="{width / BINS - 0.6:.1f}" '
            f'height="{tall:.1f}" fill="{"#d55e00" if bad else "#0072b2"}"/>'
        )
    for value in limits:
        x = (value - low) / (high - low) * width
        bars.append(
            f'<line x1="{x:.1f}" x2="{x:.1f}" y1="0" y2="{height}" stroke="#1b1b1b" stroke-dasharray="3 2"/>'
            f'<text x="{min(x + 3, width - 30):.1f}" y="10" font-size="10">{value:g}</text>'
        )
    return (
        f'<svg width="{width}" height="{height + 14}" viewBox="0 0 {width} {height + 14}">{"".join(bars)}'
        f'<text x="0" y="{height + 12}" font-size="10" fill="#555">{low:.3g}</text>'
        f'<text x="{width}" y="{height + 12}" font-size="10" fill="#555" text-anchor="end">{high:.3g}</text></svg>'
    )


def _worst(audit: Audit, language: Language) -> str:
    parts = []
    for result in audit.results:
        rows = result.worst(WORST)
        if rows:
            shown = "".join(_place(audit, result, row, language) for row in rows)
            words = f"{result.rule.says(language)} ({result.count(FAIL):,})"
            advice = {w.of(language) for w in (result.rule.below, result.rule.above) if w}
            parts.append(
                f"<h3>{html.escape(words)}</h3><p class=note>{html.escape('; '.join(sorted(advice)))}</p>"
                f'<div class="places">{shown}</div>'
            )
    return f"<h2>{say('worst', language)}</h2>{''.join(parts)}" if parts else ""


def _place(audit: Audit, result: RuleResult, row: int, language: Language) -> str:
    landmarks: Sequence[float] | None = audit.recorded.table.column("landmarks")[row].as_py()
    points = floats(landmarks).reshape(5, 2) if landmarks else None
    region = place(points, result.rule.measure)
    path = audit.entries[row].path
    unit = f" {unit_name(result.rule.unit, language)}" if result.rule.unit else ""
    words = f"{result.values[row]:.3g}{unit}; {limit(result.rule.min, result.rule.max, '', language)}"
    picture = _img(place_jpeg(audit.root / stored_path(path), region), path)
    return (
        f'<div class="place">{picture}<br>{html.escape(words)}<br><span class="note">{html.escape(path)}</span></div>'
    )
