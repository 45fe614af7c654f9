"""Recognizers side by side: error rates on LFW, its Asian part, small grey copies and people of CelebA; what the
thresholds of their cards let pass in groups and under conditions; DETs in one chart.

All recognizers get the same faces: MTCNN looks once at every image, and takes the most prominent face. A rate has the
threshold that the set itself gives, so that recognizers are compared where they make the same number of false
matches. People of CelebA are those that nothing shipped was trained on. Groups of LFW are by the list of names
lfw/names-asian.txt. Conditions: one image of each person, changed in one image of each comparison or in both, and the
worse of the two counts, if there are enough comparisons to show it. For `pose` no image is changed: those of LFW that
are turned by more than the scope's limit are compared with one another, and with one other image of each person.

FNMR is over all pairs of at most 20 images per person, as `mien evaluate mated` has it.

    python benchmarks/recognizers.py [--write-cards] [--only NAME ...]
    python benchmarks/recognizers.py --rates    # error rates and chart alone; the rest of the result stays as it was
    python benchmarks/recognizers.py --conditions CODE ... [--write-cards]    # of the shipped cards' own thresholds
"""

import json
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import cv2
import numpy as np

import command
import inputs
import machine
from mien.align import align_face, cut_out
from mien.data.importing import import_set
from mien.data.manifest_io import read_manifest
from mien.data.split import split
from mien.detect.prominence import most_prominent
from mien.evaluate.charts import draw
from mien.evaluate.corruptions import corrupt
from mien.evaluate.mated_rates import MAX_SAMPLES, capped
from mien.evaluate.report import Chart, Series
from mien.evaluate.thresholds import choose_thresholds
from mien.image import read_image
from mien.models import defaults, store
from mien.models.card import ModelCard, ThresholdRow, format_card
from mien.pairwise.all_pairs import PairStatistics, compare_all
from mien.pairwise.operating_points import SHOWN_BY, ErrorCurve, error_curve, operating_point
from mien.pairwise.strata import strata_at
from mien.pipeline import open_pipeline
from mien.prefetch import prefetch
from mien.recognize.recognizer import Recognizer
from mien.scope import find_scope
from mien.types import Box, Face, Image, floats

RATES = (1e-2, 1e-3, 1e-4)
GROUP = "asian"
SIDES = (48, 32, 22)
"""Pixels of the longer side of a small face's box."""

MADE = 24
"""Made people of a smoke run."""

SHIPPED = ("dlib-resnet", "mien-r29", "face-reid-0095")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Found:
    """A face in a file."""

    path: Path
    subject: str
    face: Face


Change = Callable[[Image, Face, int], tuple[Image, Face]]
"""Changes an image and moves its face; the number is the image's place in the set."""


def main() -> None:
    parser = command.parser(__doc__)
    parser.add_argument("--write-cards", action="store_true", help="write groups and conditions to the shipped cards")
    parser.add_argument("--only", nargs="+", help="these recognizers alone; no result is written")
    parser.add_argument(
        "--conditions", nargs="+", metavar="CODE", choices=CONDITIONS, help="these alone, at the cards' thresholds"
    )
    parser.add_argument("--rates", action="store_true", help="the error rates and the chart alone")
    given = parser.parse_args()
    if given.conditions:
        measure_conditions(given.conditions, write=given.write_cards, smoke=given.smoke)
        return
    names = given.only or recognizers(smoke=given.smoke)
    with tempfile.TemporaryDirectory() as scratch:
        sets = find_sets(Path(scratch), smoke=given.smoke)
        measured = {name: measure(name, sets, smoke=given.smoke, rates_only=given.rates) for name in names}
    result = {name: value.rates for name, value in measured.items()}
    curves = {name: value.curve for name, value in measured.items()}
    rows = {name: value.rows for name, value in measured.items()}
    if given.write_cards and not given.smoke:
        for name in rows:
            if name in SHIPPED:
                write_card(name, rows[name])
    if not given.smoke and not given.only:
        draw_chart(curves)
    if given.rates:
        result = with_thresholds(result)
    else:
        for name, listed in rows.items():
            result[name]["thresholds of the card"] = [row.model_dump(exclude_none=True) for row in listed]
    found = {"sets": {name: describe(faces) for name, faces in sets.items()}, "recognizers": result}
    command.finish("recognizers", found, smoke=given.smoke or bool(given.only))


def with_thresholds(result: dict[str, dict]) -> dict[str, dict]:
    """The rates with the thresholds of the result that is there, and the commit that measured those."""
    before = json.loads((command.RESULTS / "recognizers.json").read_text(encoding="utf-8"))
    kept, commit = "thresholds of the card", before["machine"]["commit"]
    return {
        name: {kept: before["recognizers"][name][kept], f"{kept}, commit": commit} | rates
        for name, rates in result.items()
    }


def measure_conditions(codes: Sequence[str], *, write: bool, smoke: bool) -> None:
    """Measure some conditions at the thresholds that shipped cards have; the result is in conditions.json."""
    result = {}
    with tempfile.TemporaryDirectory() as scratch:
        lfw = find_faces(inputs.lfw(Path(scratch), smoke=smoke, people=MADE, images=2), lambda path: path.parent.name)
        for name in ["dlib-resnet"] if smoke else SHIPPED:
            if name in inputs.MODELS:
                inputs.add_model(name)
            card = defaults.shipped_card(name)
            changed = conditions(Recognizer(store.load(name)), lfw, codes)
            rows = [_with_conditions(row, changed) for row in card.thresholds]
            result[name] = {
                f"FMR {row.fmr:g}": {code: (row.conditions or {}).get(code) for code in codes} for row in rows
            }
            if write and not smoke:
                write_card(name, [*rows, *card.group_thresholds])
    command.finish("conditions", {"at the thresholds of cards": result}, smoke=smoke)


def recognizers(*, smoke: bool) -> list[str]:
    if smoke:
        return ["dlib-resnet"]
    return ["dlib-resnet", "mien-r29", inputs.add_model("face-reid-0095"), inputs.add_model("mobilefacenet")]


def find_sets(scratch: Path, *, smoke: bool) -> dict[str, list[Found]]:
    """The faces of each set, found once."""
    lfw = find_faces(inputs.lfw(scratch, smoke=smoke, people=MADE, images=2), lambda path: path.parent.name)
    asian = asian_names(smoke=smoke)
    held = lfw if smoke else find_faces(*celeba_held(scratch))
    return {
        "LFW": lfw,
        "LFW, East and South-East Asian names": [one for one in lfw if one.subject in asian],
        "CelebA, people nothing was trained on": held,
    }


def asian_names(*, smoke: bool) -> set[str]:
    if smoke:
        return {f"Made_Person{number:03d}" for number in range(0, MADE, 2)}
    lines = inputs.need(inputs.DATA / "lfw" / "names-asian.txt").read_text(encoding="utf-8").splitlines()
    return {line.strip() for line in lines if line.strip() and not line.startswith("#")}


def celeba_held(scratch: Path) -> tuple[list[Path], Callable[[Path], str]]:
    """People of CelebA outside of the training of mien-r29 and mien-face; see the recipe finetune-dlib-celeba."""
    import_set(inputs.need(inputs.DATA / "celeba"), scratch / "celeba.parquet", source="celeba")
    held = split(read_manifest(scratch / "celeba.parquet"), {"train": 0.75, "held": 0.25}, seed=1)["held"]
    subjects = {sample.path: sample.subject for sample in held.samples() if sample.path is not None}
    return sorted(subjects), lambda path: subjects[path]


def find_faces(paths: list[Path], subject_of: Callable[[Path], str]) -> list[Found]:
    found = []
    for one in open_pipeline("mtcnn", None, many=True).analyse(paths):
        if one.faces:
            best, _ = most_prominent(one.faces, one.width, one.height)
            path = Path(one.name)
            found.append(Found(path=path, subject=subject_of(path), face=one.faces[best]))
    return found


def describe(faces: Sequence[Found]) -> dict:
    return {"faces": len(faces), "people": len({one.subject for one in faces})}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Measured:
    """One recognizer: its rates by set, its error curve on LFW, and thresholds for its card."""

    rates: dict
    curve: ErrorCurve
    rows: list[ThresholdRow]


def measure(name: str, sets: dict[str, list[Found]], *, smoke: bool, rates_only: bool) -> Measured:
    network = Recognizer(store.load(name))
    rates = (0.2,) if smoke else RATES
    lfw, asian, held = sets.values()
    embeddings = {key: embed(network, faces) for key, faces in sets.items() if faces is not asian}
    whole = embeddings["LFW"]
    inside = np.array([one.subject in {other.subject for other in asian} for one in lfw])
    grey = some_people(lfw, MADE if smoke else 300)
    tables = {
        "LFW": compare_capped(whole, lfw, network),
        "LFW, East and South-East Asian names": compare_capped(whole[inside], asian, network),
        "LFW, 300 people, small grey copies of 92x112": compare_capped(
            embed(network, grey, small_grey), grey, network
        ),
        "CelebA, people nothing was trained on": compare_capped(list(embeddings.values())[-1], held, network),
    }
    return Measured(
        rates={"FNMR with the set's own threshold": {key: points(pairs, rates) for key, pairs in tables.items()}},
        curve=error_curve(tables["LFW"]),
        rows=[] if rates_only else card_rows(network, whole, lfw, inside, rates),
    )


def some_people(faces: Sequence[Found], people: int) -> list[Found]:
    """People with several images, the same ones in every run."""
    counts: dict[str, int] = {}
    for one in faces:
        counts[one.subject] = counts.get(one.subject, 0) + 1
    several = sorted(name for name, count in counts.items() if count > 1)
    chosen = set(np.random.default_rng(0).permutation(several)[:people].tolist())
    return [one for one in faces if one.subject in chosen]


def compare(embeddings: np.ndarray, faces: Sequence[Found], network: Recognizer, **more: object) -> PairStatistics:
    _, numbers = np.unique([one.subject for one in faces], return_inverse=True)
    return compare_all(embeddings, numbers.astype(np.int64), network.spec.metric, **more)  # type: ignore[arg-type]


def compare_capped(embeddings: np.ndarray, faces: Sequence[Found], network: Recognizer) -> PairStatistics:
    """All pairs of at most MAX_SAMPLES images of each person."""
    _, numbers = np.unique([one.subject for one in faces], return_inverse=True)
    chosen = capped(numbers.astype(np.int64), MAX_SAMPLES, 0)
    return compare(embeddings[chosen], [faces[place] for place in chosen], network)


def points(pairs: PairStatistics, rates: Sequence[float]) -> dict:
    rows = {}
    for rate in rates:
        try:
            point = operating_point(pairs, rate)
        except ValueError:
            rows[f"FMR {rate:g}"] = "too few comparisons"
            continue
        assert point.fnmr is not None
        ends = [round(100 * end, 2) for end in (point.fnmr.low, point.fnmr.high)]
        rows[f"FMR {rate:g}"] = {"FNMR %": round(100 * point.fnmr.value, 2), "interval": ends}
    return rows


def card_rows(
    network: Recognizer,
    whole: np.ndarray,
    faces: Sequence[Found],
    inside: np.ndarray,
    rates: Sequence[float],
) -> list[ThresholdRow]:
    """Thresholds chosen and scored on halves of LFW's people, with the rates of groups and conditions."""
    groups = np.where(inside, GROUP, "others").tolist()
    subjects = [one.subject for one in faces]
    data = f"LFW deep-funneled, all pairs of {len(faces)} images, detector mtcnn"
    chosen = choose_thresholds(whole, subjects, network.spec.metric, data, rates).rows
    own = choose_thresholds(
        whole[inside],
        [name for name, yes in zip(subjects, inside, strict=True) if yes],
        network.spec.metric,
        f"LFW, people with East and South-East Asian names, {int(inside.sum())} images, detector mtcnn",
        rates[:2],
    ).rows
    grouped = compare(whole, faces, network, strata=groups)
    changed = conditions(network, faces)
    return [
        *(_with_rates(row, grouped, changed) for row in chosen),
        *(row.model_copy(update={"group": GROUP}) for row in own),
    ]


def _with_rates(row: ThresholdRow, grouped: PairStatistics, changed: dict[str, PairStatistics]) -> ThresholdRow:
    strata = {f"{one.a} | {one.b}": _three(one.fmr) for one in strata_at(grouped, row.value)}
    return _with_conditions(row.model_copy(update={"strata": strata}), changed)


def _with_conditions(row: ThresholdRow, changed: dict[str, PairStatistics]) -> ThresholdRow:
    """The row with the rate of each condition: the worse one of comparisons of one changed image, and of two."""
    worse = dict(row.conditions or {})
    for code, pairs in changed.items():
        rates = [one.fmr for one in strata_at(pairs, row.value) if "changed" in (one.a, one.b)]
        shown = [rate for rate in rates if rate.count * max(rate.value, row.fmr) >= SHOWN_BY]
        worse.pop(code, None)
        if shown:
            worse[code] = _three(max(shown, key=lambda rate: rate.value))
    return row.model_copy(update={"conditions": worse})


def _three(rate: object) -> tuple[float, float, float]:
    return tuple(float(f"{value:.3g}") for value in (rate.value, rate.low, rate.high))  # type: ignore[attr-defined,return-value]


def conditions(
    network: Recognizer, faces: Sequence[Found], codes: Sequence[str] | None = None
) -> dict[str, PairStatistics]:
    """One image of each person, as it is and changed, all in one comparison; and turned faces among the others."""
    first = list({one.subject: one for one in reversed(faces)}.values())
    plain = embed(network, first)
    marks = ["as it is"] * len(first) + ["changed"] * len(first)
    found = {}
    for code, change in CHANGES.items():
        if codes is None or code in codes:
            both = np.concatenate([plain, embed(network, first, change)])
            found[code] = compare(both, [*first, *first], network, strata=marks)
    if codes is None or POSE in codes:
        turned = [one for one in faces if is_turned(one)]
        if turned:
            ahead = [place for place, one in enumerate(first) if not is_turned(one)]
            both = np.concatenate([plain[ahead], embed(network, turned)])
            marks = ["as it is"] * len(ahead) + ["changed"] * len(turned)
            found[POSE] = compare(both, [*(first[place] for place in ahead), *turned], network, strata=marks)
    return found


@cache
def is_turned(found: Found) -> bool:
    """Whether a face is turned by more than the scope's limit."""
    return POSE in find_scope(cut_out(read_image(found.path), found.face), found.face).outside


def embed(network: Recognizer, faces: Sequence[Found], change: Change | None = None) -> np.ndarray:
    """(N, D) embeddings of faces whose places are known, perhaps in changed images."""

    def work(batch: list[tuple[int, Found]]) -> np.ndarray:
        crops = []
        for number, one in batch:
            image, face = read_image(one.path), one.face
            if change is not None:
                image, face = change(image, face, number)
            crops.append(align_face(image, face, network.template, network.size))
        return network.embed(np.stack(crops))

    with ThreadPoolExecutor(2) as pool:
        return np.concatenate(list(prefetch(pool, work, batches(faces), 4)))


def batches(faces: Iterable[Found], size: int = 32) -> Iterator[list[tuple[int, Found]]]:
    listed = list(enumerate(faces))
    for start in range(0, len(listed), size):
        yield listed[start : start + size]


def to_grey(image: Image, face: Face, number: int) -> tuple[Image, Face]:
    return np.repeat(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)[..., None], 3, axis=2), face


def masked(image: Image, face: Face, number: int) -> tuple[Image, Face]:
    return corrupt(image, face.landmarks, "mask", 3, number), face


def shrink_to(side: int) -> Change:
    """Shrinks the image until the longer side of the face's box has so many pixels."""

    def change(image: Image, face: Face, number: int) -> tuple[Image, Face]:
        return _resized(image, face, min(1.0, side / max(face.box.width, face.box.height)))

    return change


def _resized(image: Image, face: Face, scale: float) -> tuple[Image, Face]:
    size = max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale))
    small = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
    x, y = size[0] / image.shape[1], size[1] / image.shape[0]
    landmarks = (face.landmarks + np.float32(0.5)) * floats([x, y]) - np.float32(0.5)
    box = Box(face.box.x1 * x, face.box.y1 * y, face.box.x2 * x, face.box.y2 * y)
    return small, Face(box, face.score, landmarks)


def blurred(image: Image, face: Face, number: int) -> tuple[Image, Face]:
    """Blurred by 7% of the distance between the eyes, so that nearly all are below the scope's limit."""
    return corrupt(image, face.landmarks, "blur", 3, number), face


def small_grey(image: Image, face: Face, number: int) -> tuple[Image, Face]:
    """Grey and as small as ORL's images are: the head fills 92x112 pixels."""
    grey, _ = to_grey(image, face, number)
    return _resized(grey, face, min(1.0, 85 / face.box.height))


POSE = "pose"
CHANGES: dict[str, Change] = {
    "grey": to_grey,
    "mask": masked,
    **{f"size-{side}": shrink_to(side) for side in SIDES},
    "sharpness": blurred,
}
CONDITIONS = (*CHANGES, POSE)


def draw_chart(curves: dict) -> None:
    """DETs of all recognizers on LFW."""
    series = tuple(
        Series(name=name, x=tuple(c.fmr[:, 0].tolist()), y=tuple(c.fnmr[:, 0].tolist())) for name, c in curves.items()
    )
    chart = Chart(name="det", title="DET on LFW", kind="det", x_label="FMR", y_label="FNMR", series=series)
    (machine.ROOT / "docs/pictures/recognizers.png").write_bytes(draw(chart, "en").png)


def write_card(name: str, rows: list[ThresholdRow]) -> None:
    path = machine.ROOT / f"src/mien/models/cards/{name}.toml"
    card: ModelCard = defaults.shipped_card(name) if path.is_file() else store.load(name).card
    figures = {
        "thresholds": tuple(row for row in rows if row.group is None),
        "group_thresholds": tuple(row for row in rows if row.group is not None),
    }
    path.write_text(format_card(card.model_copy(update={**figures, "files": {}})), encoding="utf-8")


if __name__ == "__main__":
    main()
