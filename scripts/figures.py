"""Writes the figures of README.md, README.vi.md, docs/benchmarks.md and guides from the results of benchmarks.

    python scripts/figures.py            # write the tables between <!-- figures: NAME --> and <!-- end -->
    python scripts/figures.py --check    # exit code 1 where a figure is older than the result that it shows

Each table is one function in TABLES, which reads benchmarks/results/NAME.json or docs/reports/NAME/report.json and
nothing else: no figure is typed by hand. Figures within sentences are those of figure_sentences.py. Runs nothing;
`python benchmarks/NAME.py` makes a result again.
"""

import json
import re
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import figure_sentences

from results import numbers, result

ROOT = Path(__file__).resolve().parent.parent
TABLED = (
    "README.md",
    "README.vi.md",
    "docs/benchmarks.md",
    "docs/guide/portraits-measured.md",
    "docs/guide/pre-processing.md",
    "docs/guide/sizing.md",
)
FILES = tuple(dict.fromkeys((*TABLED, *(one.file for one in figure_sentences.SENTENCES))))
MARK = re.compile(r"(<!-- figures: ([a-z-]+) -->\n).*?(<!-- end -->)", re.DOTALL)
DETECTORS = ("mien-face", "scrfd-2.5g", "mtcnn", "yunet", "ultra-light-rfb-320", "dlib-hog", "haar", "dlib-mmod")
RECOGNIZERS = ("dlib-resnet", "mien-r29", "face-reid-0095", "mobilefacenet")
LANGUAGES = {"README.vi.md": "vi"}
VI = {
    "system": "hệ thống",
    "licence of the weights": "giấy phép của trọng số",
    "LFW View 2": "LFW View 2",
    "FNMR at FMR 1e-3": "FNMR ở FMR 1e-3",
    "images per second": "ảnh mỗi giây",
    "mien, embedded default": "mien, mặc định đi kèm",
    "mien, recommended": "mien, nên dùng",
    "mien with InsightFace's files": "mien với tệp của InsightFace",
    "face_recognition, the default's network": "face_recognition, cùng mạng với mặc định",
    "InsightFace's FaceAnalysis, the same files": "FaceAnalysis của InsightFace, cùng các tệp",
    "any use": "mọi mục đích",
    "research only": "chỉ cho nghiên cứu",
    "not measured": "chưa đo",
}


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A Markdown table."""
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return "\n".join([*lines, *("| " + " | ".join(map(str, row)) + " |" for row in rows)]) + "\n"


def interval(rate: dict[str, float]) -> str:
    """A rate with its 95% interval, from shares."""
    return f"{rate['value']:.2%} ({rate['low']:.2%} to {rate['high']:.2%})"


def percents(value: float, low: float, high: float) -> str:
    """A rate with its 95% interval, from percentages."""
    digits = 2 if value < 5 else 1
    return f"{value:.{digits}f}% ({low:.1f} to {high:.1f})"


def view2(system: dict[str, Any]) -> str:
    """Accuracy over the ten folds of LFW's View 2, with their deviation."""
    return f"{system['View 2 accuracy']:.2%} ± {system['deviation of the 10 folds']:.2%}"


def peers(language: str) -> str:
    """mien and what people use today, on the same files."""
    say = (lambda text: VI[text]) if language == "vi" else (lambda text: text)
    lfw, folders = result("lfw"), result("folders")
    small, quiet = folders["LFW 250x250"], folders.get("processes that ran before", 1) < 1
    default, recommended, same = lfw["systems"].values()
    head = ("system", "licence of the weights", "LFW View 2", "FNMR at FMR 1e-3", "images per second")
    link = "(docs/benchmarks.md)"
    rows = (
        ("mien, embedded default", "any use", view2(default), "default-mated", default["images per second"]),
        (
            "mien, recommended",
            "any use",
            view2(recommended),
            "face-reid-0095-mated",
            recommended["images per second"],
        ),
        (
            "face_recognition, the default's network",
            "any use",
            None,
            None,
            lfw["face_recognition"]["images per second"],
        ),
        (
            "mien with InsightFace's files",
            "research only",
            view2(same),
            "mobilefacenet-mated",
            same["images per second"],
        ),
        (
            "InsightFace's FaceAnalysis, the same files",
            "research only",
            None,
            None,
            small[small["the peer's size that suits"]]["images per second"],
        ),
    )
    shown = []
    for name, licence, accuracy, report, speed in rows:
        fnmr = interval(numbers(report)["fnmr@1e-03"]) if report else say("not measured")
        fnmr = fnmr.replace(" to ", " – ")
        # A speed on a busy machine says nothing next to speeds of a quiet one.
        known = f"{speed:.0f}" if quiet or "FaceAnalysis" not in name else say("not measured")
        shown.append((f"[{say(name)}]{link}", say(licence), accuracy or say("not measured"), fnmr, known))
    return table([say(one) for one in head], shown)


def lfw(language: str) -> str:
    """Three systems on LFW, all pairs of all images."""
    head = ("system", "View 2", "without a face", "FNMR at FMR 1e-2", "1e-3", "1e-4", "images per second")
    head = (*head, "times face_recognition")
    rows = []
    for name, one in result("lfw")["systems"].items():
        rates = [one["all pairs"][f"FMR {fmr}"] for fmr in ("0.01", "0.001", "0.0001")]
        shown = [percents(*(100 * x for x in (rate["FNMR"], *rate["FNMR interval"]))) for rate in rates]
        missed = f"{len(one['View 2 images without a face'])} of {one['View 2 images']:,}"
        rows.append(
            (name, view2(one), missed, *shown, f"{one['images per second']:.0f}", one["times face_recognition"])
        )
    return table(head, rows)


def capped(language: str) -> str:
    """Four systems on LFW, at most 20 images per person."""
    systems = ("default", "face-reid-0095", "mien-r29", "mobilefacenet")
    rows = []
    for key, report, label in (
        ("accuracy", "verification", "View 2 accuracy"),
        ("fnmr@1e-02", "mated", "FNMR at FMR 1e-2"),
        ("fnmr@1e-03", "mated", "FNMR at FMR 1e-3"),
        ("fnmr@1e-04", "mated", "FNMR at FMR 1e-4"),
        ("fnmr@1e-05", "mated", "FNMR at FMR 1e-5"),
        ("fmr@1e-03", "calibration", "FMR on other people at the threshold for 1e-3"),
    ):
        rows.append((label, f"`{report}`", *(interval(numbers(f"{one}-{report}")[key]) for one in systems)))
    names = ("default (mtcnn, dlib-resnet)", "recommended (mtcnn, face-reid-0095)", "mtcnn, mien-r29")
    return table(("figure", "protocol", *names, "SCRFD-2.5G, MobileFaceNet"), rows)


def alignment(language: str) -> str:
    """FNMR with landmarks of MTCNN and of the face mesh, and their difference."""
    rows = []
    for name, sets in result("alignment")["FNMR %"].items():
        for where, found in sets.items():
            for rate in ("FMR 0.01", "FMR 0.001"):
                plain, shifted = (f"{found[way][rate]['FNMR %']:.2f}" for way in ("MTCNN", "mesh, shifted"))
                gap = found["mesh, shifted less MTCNN"][rate]
                less, more = gap["interval"]
                difference = f"{gap['difference %']:+.2f} ({less:+.2f} to {more:+.2f})"
                rows.append((f"{name}, {where.split(',')[0]}, {rate.split()[1]}", plain, shifted, difference))
    return table(("recognizer, set, FMR", "MTCNN", "mesh, shifted", "difference"), rows)


def detectors(language: str) -> str:
    """Detectors on scenes, in milliseconds, and on portraits."""
    found, rows = result("detectors")["numbers"], []
    for name in DETECTORS:
        own = {key.removeprefix(f"{name}/"): one["value"] for key, one in found.items() if key.startswith(f"{name}/")}
        size, work = own.get("parameters"), own.get("multiplications")
        middle, other = own.get("central face found"), own.get("other boxes per image")
        rows.append(
            (
                name,
                f"{size / 1e6:.2f} M" if size else "-",
                f"{work / 1e9:.2f} G" if work else "-",
                f"{own['ms 640x480 batch 1']:.1f}",
                f"{own['frames per second']:.0f}",
                f"{own['scenes/ap']:.1%}",
                f"{own['scenes/recall above 32 px@0.1']:.1%}",
                f"{own['scenes/portraits that fill the frame']:.1%}",
                f"{own['scenes/landmark error']:.1%}",
                f"{middle:.1%}" if middle is not None else "-",
                f"{other:.2f}" if other is not None else "-",
            )
        )
    head = ("detector", "parameters", "multiplications", "ms at 640x480", "frames per second", "AP on scenes")
    head = (*head, "above 32 px at 0.1 false boxes", "portraits that fill the frame", "landmark error")
    return table((*head, "LFW: middle found", "other boxes"), rows)


def recognizers(language: str) -> str:
    """Four recognizers on the same faces."""
    found, celeba = result("recognizers")["recognizers"], result("celeba")["FNMR %"]
    key, rows = "FNMR with the set's own threshold", []
    for name in ("LFW", "LFW, East and South-East Asian names", "LFW, 300 people, small grey copies of 92x112"):
        rates = [found[one][key][name]["FMR 0.001"] for one in RECOGNIZERS]
        rows.append((name, *(percents(rate["FNMR %"], *rate["interval"]) for rate in rates)))
    for label, part, figure in (
        ("CelebA, 47 people", "labels as they are", "fnmr@1e-03"),
        ("the same without 25 labels that are seen to be wrong", "without labels seen to be wrong", "fnmr@1e-03"),
        ("of these, faces within the scope", "without labels seen to be wrong", "fnmr@1e-03 within scope"),
    ):
        rows.append((label, *(percents(*celeba[one][part][figure]) for one in RECOGNIZERS)))
    cards = [next(t for t in found[one]["thresholds of the card"] if t["fmr"] == 1e-3) for one in RECOGNIZERS]
    rows.append(("FMR among Asian people", *(f"{100 * card['strata']['asian | asian'][0]:.1f}%" for card in cards)))
    for label, condition in (("FMR of drawn masks", "mask"), ("FMR of faces of 22 pixels", "size-22")):
        rows.append((label, *(f"{100 * card['conditions'][condition][0]:.2f}%" for card in cards)))
    return table(("", *RECOGNIZERS), rows)


def recognizer(language: str) -> str:
    """The embedded recognizer against dlib's own forward pass."""
    found = result("recognizer")
    one, two = found["1 threads"]["times dlib, one call"], found["2 threads"]
    rows = [
        (kind, one[kind], two["times dlib, one call"][kind], two["times dlib, all cores"][kind])
        for kind in ("f32 batch 1", "f32 batch 16", "bf16 batch 1", "bf16 batch 32")
    ]
    return table(("", "one thread", "two threads, against one call", "two threads, against two dlib processes"), rows)


OURS = "mien, SCRFD-2.5G and MobileFaceNet"
"""The system in the result of benchmarks/folders.py that has the files of the peer."""


def folders(language: str) -> str:
    """Photographs to embeddings against InsightFace on the same two files, at the detection size that suits."""
    rows = []
    for name in ("LFW 250x250", "photographs 3000x2000"):
        one = result("folders")[name]
        peer = one["the peer's size that suits"]
        for system in (OURS, "mien, default system"):
            times = one[f"{system}: times {peer}"]
            low, high = times["speed, lowest and highest"]
            stages = list(one["processor ms per image by stage, one thread"][system].values())[:4]
            rows.append(
                (
                    f"{name}: {system}",
                    peer.rsplit(maxsplit=1)[1],
                    f"{times['speed, median of the blocks']} ({low} to {high})",
                    times["processor time, median of the blocks"],
                    f"{one[system]['recall']:.1%}, {one[peer]['recall']:.1%}",
                    ", ".join(map(str, stages)),
                )
            )
    head = (
        "",
        "InsightFace's det_size",
        "times its speed (blocks)",
        "its processor time over mien's",
        "recall: mien, its",
    )
    return table((*head, "read, detect, align, embed: processor ms per image"), rows)


def search(language: str) -> str:
    """Search in galleries of three sizes."""
    head = (
        "templates",
        "one query, p50 / p95 ms",
        "64 queries, p50 / p95 ms",
        "enrol all, s",
        "open, s",
        "memory, MB",
    )
    head = (*head, "recall against exact search, 1,000 probes")
    rows = []
    for name, one in result("search").items():
        if name.endswith(" templates"):
            times = (f"{one[kind]['p50, ms']} / {one[kind]['p95, ms']}" for kind in ("one query", "64 queries"))
            costs = (one["enrol all, s"], one["open and build the index, s"], one["memory of the open gallery, MB"])
            recall = one["recall of the top 10, templates, 1,000 probes"]
            rows.append((name.removesuffix(" templates"), *times, *costs, recall))
    return table(head, rows)


def templates(language: str) -> str:
    """What templates take: memory, disk, the time of a search, and how many identifications that leaves."""
    head = ("templates", "memory", "gallery file", "one search (p50)", "64 at once (p50)", "index")
    kinds = {"ExactIndex": "float32, exact", "QuantizedIndex": "8-bit codes, exact"}
    # A request while the cores are busy, without a search that takes a noticeable time.
    request = 1000 / max(one["per second"] for one in result("service")["service"])
    rows = []
    for name, one in result("search").items():
        if name.endswith(" templates"):
            alone, many = (one[kind]["p50, ms"] for kind in ("one query", "64 queries"))
            rate = f"{1000 / (request + alone):.0f}"
            sizes = f"{one['memory of the open gallery, MB']} MB", f"{one['file, MB']:,} MB"
            rows.append((name.split()[0], *sizes, f"{alone:.1f} ms", f"{many:,.0f} ms", kinds[one["index"]], rate))
    # A hundred times the largest, whose codes and ids take 520 bytes each.
    times = f"{alone / 10:.1f} s", f"{many / 10:,.0f} s"
    planned = "52 GB", f"{one['file, MB'] / 10:,.0f} GB", *times, kinds[one["index"]]
    rows.append(("100,000,000, planned", *planned, f"{1000 / (request + 100 * alone):.2f}"))
    return table((*head, "identifications per second, planned"), rows)


def stores(language: str) -> str:
    """The same templates in the gallery file and in databases: recall and time of a search, by effort."""
    found = result("stores-engines")
    head = ("place", "put and indexed", "a search weighs up", "recall", "one search, p50 / p95")
    own = found["SQLite, index in memory"]
    rows = [("gallery file, index in memory", "opened in " + f"{own['build, s']:.1f} s", "all", "1", _spread(own))]
    for name in ("PostgreSQL", "Milvus Lite"):
        built, chosen = f"{found[name]['build, s']:,.0f} s", found[name]["chosen"]["effort"]
        for effort, one in found[name].items():
            if isinstance(one, dict) and effort != "chosen":
                weighed = "all" if effort == "proven" else f"{int(effort):,}"
                mark = " (mien's choice)" if effort == chosen else ""
                rows.append((name, built, weighed + mark, f"{one['recall']:g}", _spread(one)))
    return table(head, rows)


def _spread(times: dict[str, float]) -> str:
    """Milliseconds, or seconds where they are long."""
    middle, late = times["p50, ms"], times["p95, ms"]
    return f"{middle:.1f} / {late:.1f} ms" if late < 1000 else f"{middle / 1000:.1f} / {late / 1000:.1f} s"


def load(language: str) -> str:
    """What identifications cost the service, by clients and workers."""
    head = ("clients at once", "workers", "per second", "processor ms per request", "p50, p95, p99 in ms")
    rows = [
        (
            one["clients"],
            one["workers"],
            f"{one['per second']:.1f}",
            f"{one['processor ms per request']:.1f}",
            ", ".join(f"{value:,.0f}" for value in one["p50, p95, p99 in ms"]),
            f"{one['memory before and after in MB'][1]} MB",
        )
        for one in result("service")["service"]
    ]
    return table((*head, "memory"), rows)


def preparation(language: str) -> str:
    """Photographs to aligned crops, against the field's usual way."""
    rows = []
    for name, one in result("preparation")["sets"].items():
        same, own = ("mien, the peer's settings", "mien, defaults")
        speeds = ((one[f"{way}, images per second"], one[f"{way}, times the peer"]) for way in (same, own))
        rows.append((name, one["peer, images per second"], *(value for pair in speeds for value in pair)))
    head = ("", "field's way, images per second", "mien with the same settings", "ratio", "mien's defaults", "ratio")
    return table(head, rows)


def recall(language: str) -> str:
    """Faces that are found, by their height as a share of the image's."""
    found = result("recall")
    ways, times = found["recall by face height"], found["milliseconds per image"]
    heights = next(iter(ways.values()))
    rows = [(height, *(f"{one[height]:.1%}" for one in ways.values())) for height in heights]
    return table(("face height", *ways), [*rows, ("ms per image", *(f"{times[way]:.2f}" for way in ways))])


def impostors(language: str) -> str:
    """All comparisons of a set, against the matrix products alone."""
    rows = []
    for one in result("impostors")["sizes"]:
        values = list(one.values())
        times = f"{values[2]} / {values[3]}"
        rows.append((f"{values[0]:,}", f"{values[1]:,}", times, one["protocol, s"], *values[5:6], f"{values[-1]:,}"))
    head = ("samples", "comparisons", "products, s (numpy / in blocks)", "whole protocol, s")
    return table((*head, "ratio to numpy's products", "peak memory, MB"), rows)


def backbones(language: str) -> str:
    """Training on a CPU against arcface_torch's step."""
    found = result("training")["backbones"]
    rows = [
        (name, *(f"{one[f'{side}, images per second']:.1f}" for side in ("peer", "mien")), f"{one['ratio']:.2f}")
        for name, one in found.items()
    ]
    return table(("", "arcface_torch, images per second", "mien", "ratio"), rows)


def heads(language: str) -> str:
    """One step of the head, and its memory, against arcface_torch."""
    rows = []
    for name, one in result("training")["heads"].items():
        seconds = (f"{one[side]['seconds']:.3f}" for side in ("peer", "mien"))
        memory = (f"{one[side]['peak memory, MB']:,}" for side in ("peer", "mien"))
        rows.append((name, *seconds, *memory))
    return table(("classes, rate", "arcface_torch, s", "mien, s", "arcface_torch, MB", "mien, MB"), rows)


def gpu(language: str) -> str:
    """Training on a GPU against arcface_torch's compiled step."""
    found, rows = result("training_gpu"), []
    for name, one in found.items():
        if isinstance(one, dict) and "way" in one:
            for classes, pair in one.items():
                if classes.endswith(" classes"):
                    speeds = (f"{pair[f'{side}, images per second']:,}" for side in ("peer", "mien"))
                    rows.append((f"{name}, {int(classes.split()[0]):,} classes", *speeds, pair["ratio"]))
    return table(("network and batch", "arcface_torch, images per second", "mien", "ratio"), rows)


def labels(language: str) -> str:
    """Wrong labels planted on LFW."""
    rows = []
    for one in result("labels")["runs"]:
        pairs = (
            f"{one[way]['precision']:.3f}, {one[way]['recall']:.3f}"
            for way in ("mien audit", "centroid rule, best threshold")
        )
        rows.append((f"{one['kind']} {one['share']:.0%}, seed {one['seed']}", *pairs))
    return table(("labels", "mien audit: precision, recall", "centroid rule"), rows)


def inventory(language: str) -> str:
    """Every result, the command that makes it, and where it was measured."""
    rows = []
    for path in sorted((ROOT / "benchmarks" / "results").glob("*.json")):
        found = json.loads(path.read_text(encoding="utf-8"))
        if isinstance(found, dict) and "command" in found:
            machine = found.get("machine", {})
            where = f"{machine.get('cores', '?')} cores, {machine.get('processor', 'not recorded')}"
            link = f"[{path.stem}](../benchmarks/results/{path.name})"
            rows.append((link, f"`{found['command']}`", where, machine.get("commit", "not recorded")))
    return table(("result", "command", "machine", "commit"), rows)


TRAINED = (
    ("lfw-arcface", "view1-test", "eer"),
    ("lfw-arcface", "dev-test-all", "fnmr@1e-02"),
    ("lfw-curricularface", "view1-test", "eer"),
    ("lfw-curricularface", "dev-test-all", "fnmr@1e-02"),
    ("finetune-mobilefacenet-celeba", "celeba-held", "fnmr@1e-03"),
    ("finetune-mobilefacenet-celeba", "lfw-dev-test", "fnmr@1e-03"),
    ("finetune-mobilefacenet-celeba", "view1-test", "eer"),
    ("finetune-dlib-celeba", "celeba-held", "fnmr@1e-03"),
)
"""Recipe, set and figure of each row: the EER of a small set, else the lowest rate that the set can show well."""


def trainings(language: str) -> str:
    """What trainings on two cores reached on people who were not trained on."""
    found = result("trainings")
    rows = []
    for recipe, data, figure in TRAINED:
        reached = found[recipe]["numbers"]
        shown = [_share(reached[f"{data}/{figure}{when}"]) for when in (" before", "")]
        rows.append((f"{recipe} ({found[recipe]['minutes of steps']:.0f} min of steps)", data, figure, *shown))
    return table(("recipe", "set", "figure", "before", "after"), rows)


def _share(rate: dict[str, Any]) -> str:
    """A share with its interval, where it has one."""
    value = f"{rate['value']:.2%}"
    return value if rate["low"] is None else f"{value} ({100 * rate['low']:.1f} to {100 * rate['high']:.1f})"


TABLES: dict[str, Callable[[str], str]] = {
    one.__name__: one
    for one in (
        *(peers, lfw, capped, alignment, detectors, recognizers, recognizer, folders, search, templates, load),
        *(stores, preparation, recall, impostors, backbones, heads, gpu, trainings, labels, inventory),
    )
}


def filled(text: str, language: str) -> str:
    """A text with its tables written again.

    Raises:
        KeyError: it names a table that there is not.
    """
    return MARK.sub(lambda found: found.group(1) + TABLES[found.group(2)](language) + found.group(3), text)


def main() -> int:
    """Write the tables, or compare them."""
    old = []
    for name in FILES:
        path = ROOT / name
        text = path.read_text(encoding="utf-8")
        language = LANGUAGES.get(name, "en")
        new = figure_sentences.filled(filled(text, language), name, decimal_comma=language == "vi")
        if new != text:
            old.append(name)
            if "--check" not in sys.argv:
                path.write_text(new, encoding="utf-8")
    if "--check" in sys.argv and old:
        print(f"older than benchmarks/results: {', '.join(old)}; run python scripts/figures.py")
        return 1
    print(f"written: {', '.join(old)}" if old else "all figures are those of the results")
    return 0


if __name__ == "__main__":
    sys.exit(main())
