"""Writes a report into a folder: report.json, one self-contained report.html, report.md and its pictures.

The page holds its charts and thumbnails inside itself and asks nothing of the network. Files appear when all of them
are written. Computes nothing.
"""

import base64
import html
import shutil
from collections.abc import Callable
from pathlib import Path

from mien.data.encoded import read_encoded
from mien.data.pack import Pack, is_pack
from mien.data.sample import Sample
from mien.errors import MienError
from mien.evaluate.charts import draw
from mien.evaluate.report import Cell, Gallery, GalleryRow, PairRow, Pairs, Report, Table
from mien.image import decode
from mien.thumbnail import place_jpeg, small_jpeg
from mien.types import Box

THUMBNAIL = 140
"""Pixels along the longer side of a thumbnail."""

STYLE = """
body{font:15px/1.5 system-ui,sans-serif;color:#1b1b1b;max-width:980px;margin:2em auto;padding:0 1em}
h1{font-size:1.6em;margin-bottom:.2em}h2{font-size:1.2em;margin-top:2em;border-bottom:1px solid #ddd}
table{border-collapse:collapse;margin:.6em 0;font-size:.93em}td,th{padding:.25em .8em;text-align:left;
border-bottom:1px solid #e4e4e4;vertical-align:top}th{background:#f5f6f8}
.headline li{font-size:1.08em;margin:.3em 0}.warning{background:#fff4d6;border-left:4px solid #e69f00;padding:.5em}
.note{color:#555;font-size:.92em}figure{margin:1em 0}figure svg{max-width:100%;height:auto}
.pairs{display:flex;flex-wrap:wrap;gap:1em}.pair{border:1px solid #ddd;border-radius:6px;padding:.5em;width:300px;
font-size:.85em;overflow-wrap:anywhere}.pair img{width:138px;height:138px;object-fit:contain;background:#eee}
.place{width:210px;font-size:.85em;overflow-wrap:anywhere}
"""

Thumbnails = Callable[[PairRow], tuple[bytes | None, bytes | None]]


def write_report(report: Report, out: Path) -> None:
    """Write all forms of a report; an older one in the folder is replaced when the new one is whole."""
    partial = out.with_name(out.name + ".part")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    charts = [(chart, *draw(chart)) for chart in report.charts]
    left_out = None if report.thresholds else {"thresholds"}
    (partial / "report.json").write_text(report.model_dump_json(indent=1, exclude=left_out), encoding="utf-8")
    for chart, _, png in charts:
        (partial / f"{chart.name}.png").write_bytes(png)
    pictures = _pictures(report)
    (partial / "report.html").write_text(_page(report, [svg for _, svg, _ in charts], pictures), encoding="utf-8")
    (partial / "report.md").write_text(_markdown(report), encoding="utf-8")
    out.mkdir(parents=True, exist_ok=True)
    for file in partial.iterdir():
        file.replace(out / file.name)
    partial.rmdir()


def _pictures(report: Report) -> dict[tuple[str, int], bytes | None]:
    """Thumbnails of all samples in the report's pairs; None where one cannot be read."""
    wanted = {
        key for pairs in report.pairs for row in pairs.rows for key in ((row.a, row.record_a), (row.b, row.record_b))
    }
    return {key: thumbnail(*key) for key in sorted(wanted)}


def thumbnail(path: str, record: int) -> bytes | None:
    """A small JPEG of a sample: a file, a record of a RecordIO file, or a crop of a pack."""
    try:
        if record >= 0 and is_pack(Path(path)):
            image = Pack(Path(path)).read(record)
        else:
            sample = Sample(Path(path), "", record=None if record < 0 else record)
            image = decode(read_encoded(sample), path, longest=2 * THUMBNAIL).image
    except MienError:
        return None
    return small_jpeg(image, THUMBNAIL)


def _page(report: Report, charts: list[str], pictures: dict[tuple[str, int], bytes | None]) -> str:
    parts = [
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{html.escape(report.title)}</title>'
        f"<style>{STYLE}</style><h1>{html.escape(report.title)}</h1>",
        f'<p class="note">{html.escape(_about(report))}</p>',
        *(f'<p class="warning">{html.escape(text)}</p>' for text in report.warnings),
        '<ul class="headline">',
        *(f"<li>{html.escape(text)}</li>" for text in report.headline),
        "</ul>",
    ]
    parts += [_html_table(table) for table in report.tables]
    for chart, svg in zip(report.charts, charts, strict=True):
        caption = f'<figcaption class="note">{html.escape(chart.caption)}</figcaption>' if chart.caption else ""
        parts.append(f"<h2>{html.escape(chart.title)}</h2><figure>{svg}{caption}</figure>")
    parts += [_html_pairs(pairs, pictures) for pairs in report.pairs]
    parts += [_html_gallery(gallery) for gallery in report.galleries]
    made = ", ".join(f"{name} {value}" for name, value in report.made_with.items())
    parts.append(f'<p class="note">{html.escape(made)}</p></html>\n')
    return "\n".join(parts)


def _about(report: Report) -> str:
    about = report.about
    if about.sentence:
        return about.sentence
    lost = "; ".join(f"{count} {status}" for status, count in about.not_embedded.items()) or "none"
    return (
        f"{about.source}: {about.samples:,} samples of {about.subjects:,} subjects; without an embedding: {lost}. "
        f"Model {about.model}, contract {about.contract}, scores in {about.unit}, "
        f"{'detector ' + about.detector if about.detector else 'crops taken as they are'}."
    )


def _text(cell: Cell) -> str:
    if cell is None:
        return ""
    return f"{cell:.4g}" if isinstance(cell, float) else f"{cell:,}" if isinstance(cell, int) else cell


def _html_table(table: Table) -> str:
    head = "".join(f"<th>{html.escape(name)}</th>" for name in table.columns)
    rows = "".join(
        "<tr>" + "".join(f"<td>{html.escape(_text(cell))}</td>" for cell in row) + "</tr>" for row in table.rows
    )
    note = f'<p class="note">{html.escape(table.note)}</p>' if table.note else ""
    return f"<h2>{html.escape(table.title)}</h2><table><tr>{head}</tr>{rows}</table>{note}"


def _html_pairs(pairs: Pairs, pictures: dict[tuple[str, int], bytes | None]) -> str:
    boxes = []
    for row in pairs.rows:
        images = "".join(
            _img(pictures.get(key), name)
            for key, name in (((row.a, row.record_a), row.a), ((row.b, row.record_b), row.b))
        )
        words = f"{row.subject_a} | {row.subject_b}" + (f" ({row.note})" if row.note else "")
        boxes.append(
            f'<div class="pair">{images}<br>{pairs.unit} {row.score:.4f}<br>{html.escape(words)}<br>'
            f'<span class="note">{html.escape(Path(row.a).name)} | {html.escape(Path(row.b).name)}</span></div>'
        )
    note = f'<p class="note">{html.escape(pairs.note)}</p>' if pairs.note else ""
    return f'<h2>{html.escape(pairs.title)}</h2>{note}<div class="pairs">{"".join(boxes)}</div>'


def _html_gallery(gallery: Gallery) -> str:
    places = "".join(
        f'<div class="place">{_img(cutting(row), row.path)}<br>{html.escape(row.words)}<br>'
        f'<span class="note">{html.escape(Path(row.path).name)}</span></div>'
        for row in gallery.rows
    )
    note = f'<p class="note">{html.escape(gallery.note)}</p>' if gallery.note else ""
    return f'<h2>{html.escape(gallery.title)}</h2>{note}<div class="pairs">{places}</div>'


def cutting(row: GalleryRow) -> bytes | None:
    """A small JPEG of a place with its surroundings, its box drawn in; None where the picture cannot be read."""
    place = None if row.box is None else Box(*row.box)
    return place_jpeg(Path(row.path), place, [Box(*box) for box in row.boxes])


def _img(data: bytes | None, name: str) -> str:
    if data is None:
        return f'<span class="note">{html.escape(Path(name).name)} cannot be read</span>'
    return (
        f'<img alt="{html.escape(Path(name).name)}" src="data:image/jpeg;base64,{base64.b64encode(data).decode()}">'
    )


def _markdown(report: Report) -> str:
    lines = [f"# {report.title}", "", _about(report), ""]
    lines += [line for text in report.warnings for line in (f"> {text}", "")]
    lines += [f"- {text}" for text in report.headline]
    for table in report.tables:
        lines += ["", f"## {table.title}", "", _row(table.columns), _row(["---"] * len(table.columns))]
        lines += [_row([_text(cell) for cell in row]) for row in table.rows]
        lines += ["", table.note] if table.note else []
    for chart in report.charts:
        lines += ["", f"## {chart.title}", "", f"![{chart.title}]({chart.name}.png)"]
        lines += ["", chart.caption] if chart.caption else []
    for pairs in report.pairs:
        lines += ["", f"## {pairs.title}", "", *([pairs.note, ""] if pairs.note else [])]
        lines += [_row(("score", "subject", "subject", "file", "file", "")), _row(["---"] * 6)]
        lines += [
            _row((f"{row.score:.4f}", row.subject_a, row.subject_b, row.a, row.b, row.note)) for row in pairs.rows
        ]
    for gallery in report.galleries:
        lines += ["", f"## {gallery.title}", "", *([gallery.note, ""] if gallery.note else [])]
        lines += [_row(("file", "box", "")), _row(["---"] * 3)]
        lines += [
            _row((row.path, " ".join(f"{side:.0f}" for side in row.box or ()), row.words)) for row in gallery.rows
        ]
    lines += ["", ", ".join(f"{name} {value}" for name, value in report.made_with.items()), ""]
    return "\n".join(lines)


def _row(cells: tuple[str, ...] | list[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"
