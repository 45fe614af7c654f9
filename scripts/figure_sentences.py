"""The figures that stand in sentences: where each is, and the result that it comes from. Reads and writes no file.

A sentence is given as it is written, with {} for each figure; white space of any kind and line breaks are one blank.
A text that lacks its sentence is refused, so that nobody rewords a sentence and leaves its figures behind.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from results import numbers, result

FIGURE = r"(\d[\d.,]*)"


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence of one file, and what writes its figures in English."""

    file: str
    text: str
    figures: Callable[[], tuple[str, ...]]

    def pattern(self) -> re.Pattern[str]:
        """What finds the sentence; each figure is a group."""
        words = (re.escape(part) for part in self.text.split("{}"))
        return re.compile(re.sub(r"(\\ |\\\n|\s)+", r"\\s+", FIGURE.join(words)))


class SentenceMissingError(ValueError):
    """A text lacks a sentence whose figures are written here."""


def filled(text: str, file: str, *, decimal_comma: bool = False) -> str:
    """A text with the figures of its sentences written again.

    Raises:
        SentenceMissingError: it lacks one of them.
    """
    swap = str.maketrans(",.", ".,") if decimal_comma else {}
    for one in SENTENCES:
        if one.file == file:
            found = one.pattern().search(text)
            if found is None:
                raise SentenceMissingError(
                    f"{file} has no sentence '{one.text}': write it as it is now into scripts/figure_sentences.py"
                )
            for group, figure in reversed(list(enumerate(one.figures(), start=1))):
                text = text[: found.start(group)] + figure.translate(swap) + text[found.end(group) :]
    return text


def among_asian_people() -> tuple[str, ...]:
    """FMR among Asian people at the card's threshold for 1e-3, in percent: the embedded and the recommended model."""
    found = result("recognizers")["recognizers"]
    cards = (
        next(one for one in found[name]["thresholds of the card"] if one["fmr"] == 1e-3)
        for name in ("dlib-resnet", "face-reid-0095")
    )
    return tuple(f"{100 * card['strata']['asian | asian'][0]:.1f}" for card in cards)


def wrong_labels() -> tuple[str, ...]:
    """How many labels were swapped, and how many of a hundred reported ones are wrong; only where all are found."""
    runs = [one for one in result("labels")["runs"] if (one["kind"], one["share"]) == ("swapped", 0.01)]
    if any(one["mien audit"]["recall"] < 1 for one in runs):
        raise ValueError("mien audit does not find all swapped labels any more: reword the READMEs, which say 'all'")
    precision = min(one["mien audit"]["precision"] for one in runs)
    return str(runs[0]["wrong"]), f"{100 * precision:.0f}"


def speed() -> tuple[str, ...]:
    """Times InsightFace on small and on large photographs, with the same two files."""
    found = result("folders")
    shown = []
    for name in ("LFW 250x250", "photographs 3000x2000"):
        one = found[name]
        peer = one["the peer's size that suits"]
        ratio = one[f"mien, SCRFD-2.5G and MobileFaceNet: times {peer}"]
        shown.append(f"{ratio['speed, median of the blocks']:.1f}")
    return tuple(shown)


def times_face_recognition() -> tuple[str, ...]:
    """Times face_recognition: the default system, whose network is the same."""
    return (f"{next(iter(result('lfw')['systems'].values()))['times face_recognition']:.1f}",)


def training() -> tuple[str, ...]:
    """Times arcface_torch's step with IR-50 on a processor."""
    return (f"{result('training')['backbones']['IR-50']['ratio']:.1f}",)


def kills() -> tuple[str, ...]:
    """Enrolments that were lost, of so many that were acknowledged, in so many kills."""
    found = result("durability")
    return f"{found['lost']}", f"{found['acknowledged']:,}", f"{found['runs']}"


def strict() -> tuple[str, ...]:
    """FNMR of the embedded default at FMR 1e-4, in percent."""
    return (f"{100 * numbers('default-mated')['fnmr@1e-04']['value']:.0f}",)


def packs() -> tuple[str, ...]:
    """Crops per second from a pack, a folder and RecordIO; peak memory of the pack in three sizes."""
    found = result("packs")
    speeds = (f"{found['reading, crops per second'][way]:,}" for way in ("pack", "folder", "RecordIO"))
    return (*speeds, *(str(one["peak after opening and reading, MB"]) for one in found["memory"]))


def verified() -> tuple[str, ...]:
    """Seconds of `mien verify` and `mien embed`, and how many times as long one command per pair takes."""
    found = result("verify")["seconds"]
    return (
        f"{found['mien verify']:.1f}",
        f"{found['mien embed of the same images']:.1f}",
        f"{int(found['compare / verify'])}",
    )


def reviewed() -> tuple[str, ...]:
    """Pairs near the threshold, and pairs on the review list."""
    found = result("verify")
    return str(found["near the threshold"]), str(found["to review"])


def moved() -> tuple[str, ...]:
    """Minutes of moving a million templates to PostgreSQL, of its index alone, and of the way back."""
    found = result("stores-moved")
    if (
        found["differences after the way there"]
        or found["differences after the way back"]
        or found["recall there"] < 1
    ):
        raise ValueError("a million templates were not moved without a difference: reword docs/guide/sizing.md")
    _, there, back = found["seconds: export, import there with the comparison, back"]
    ends = found["seconds from the start of the import to the end of a stage"]
    return tuple(f"{seconds / 60:.0f}" for seconds in (there, ends["indexing"] - ends["importing"], back))


SENTENCES = (
    Sentence(
        "README.md",
        "is {}% [among Asian people](docs/benchmarks.md#recognizers-side-by-side) with the "
        "embedded model and {}% with the recommended one",
        among_asian_people,
    ),
    Sentence(
        "README.vi.md",
        "là {}% [giữa những người châu Á](docs/benchmarks.md#recognizers-side-by-side) với mô "
        "hình đi kèm và {}% với mô hình nên dùng",
        among_asian_people,
    ),
    Sentence(
        "README.md",
        "Of {} labels swapped on purpose it finds [all](docs/benchmarks.md#portraits); of 100 labels "
        "that it reports, {} are swapped ones",
        wrong_labels,
    ),
    Sentence(
        "README.vi.md",
        "trong {} nhãn bị đổi có chủ ý mien tìm ra [tất cả](docs/benchmarks.md#portraits); trong "
        "100 nhãn mà nó báo, {} nhãn đúng là đã bị đổi",
        wrong_labels,
    ),
    Sentence(
        "README.md",
        "[{} times](docs/benchmarks.md#whole-folders) InsightFace on photographs of 250x250 and {} "
        "times on those of 3000x2000",
        speed,
    ),
    Sentence(
        "README.vi.md",
        "[{} lần](docs/benchmarks.md#whole-folders) InsightFace với ảnh 250x250 và {} lần với ảnh 3000x2000",
        speed,
    ),
    Sentence("README.md", "{} times face_recognition", times_face_recognition),
    Sentence("README.vi.md", "{} lần face_recognition", times_face_recognition),
    Sentence("README.md", "[{} times](docs/benchmarks.md#training-speed-on-a-cpu) arcface_torch's step", training),
    Sentence("README.vi.md", "[{} lần](docs/benchmarks.md#training-speed-on-a-cpu) arcface_torch", training),
    Sentence("README.md", "[{} of {}](docs/benchmarks.md#durability) enrolments lost in {} kills", kills),
    Sentence(
        "README.vi.md",
        "[{} trên {}](docs/benchmarks.md#durability) lần ghi danh bị mất sau {} lần tắt đột ngột",
        kills,
    ),
    Sentence("README.md", "false match rates of 1 in 10,000 or below ({}% FNMR)", strict),
    Sentence("README.vi.md", "tỉ lệ nhận nhầm 1 phần 10.000 hay thấp hơn (FNMR {}%)", strict),
    Sentence(
        "docs/benchmarks.md",
        "pack {} per second, folder of JPEGs {}, RecordIO {} (all from the disk's cache; "
        "decoding is the limit). Peak memory of a process that writes and reads a pack of 10,000, 100,000 and "
        "1,000,000 synthetic crops: {}, {}, {} MB",
        packs,
    ),
    Sentence(
        "docs/guide/verify.md",
        "300 pairs (592 photographs of LFW) take {} seconds on two cores, models opened "
        "and page written; `mien embed` of the same photographs takes {}. One `mien compare` per pair takes {} "
        "times as long",
        verified,
    ),
    Sentence(
        "docs/guide/sizing.md",
        "Moving a million templates of 512 numbers to PostgreSQL took {} minutes, {} of them for the index, and "
        "moving them back {}.",
        moved,
    ),
    Sentence(
        "docs/guide/verify.md", "Of the 300 decisions {} are near the threshold and {} on the review list", reviewed
    ),
)
"""Every sentence whose figures are written by scripts/figures.py."""
