"""Which images and videos a command reads: the files and cameras that are named, and what is in folders.

Nothing is left out in silence: files that are neither, links that lead nowhere and folders that cannot be read are
listed. Decodes nothing.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mien.image import has_image_suffix, is_folder
from mien.image.files import find_files
from mien.output_names import OutputGuard
from mien.video import is_video

LISTED = 6
"""Maximum number of endings in a sentence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaFiles:
    """What is read.

    Attributes:
        images: files, in the order in which they were named, those of a folder sorted.
        videos: files and cameras, in the same order.
        roots: the folders that were searched.
        skipped: files in these folders that are neither.
        faults: a sentence for each link and folder that could not be followed.
        empty: folders without images and videos.
        outputs: files that an earlier run wrote into the folders of outputs; they are not read.
    """

    images: tuple[Path, ...] = ()
    videos: tuple[str, ...] = ()
    roots: tuple[Path, ...] = ()
    skipped: tuple[Path, ...] = ()
    faults: tuple[str, ...] = ()
    empty: tuple[Path, ...] = ()
    outputs: tuple[Path, ...] = ()

    @property
    def sources(self) -> tuple[str, ...]:
        """Everything that is read."""
        return (*(str(path) for path in self.images), *self.videos)


def find_media(paths: Sequence[Path], writes: Sequence[Path] = ()) -> MediaFiles:
    """Sort files, cameras and what is in folders into images and videos; a named file that is neither is an image.

    Args:
        paths: files, folders, cameras.
        writes: the folders of outputs; what mien wrote there is not read again where a folder above is searched.
    """
    guard, places = OutputGuard(), [place.absolute().resolve() for place in writes]
    outputs = list[Path]()
    images, videos = list[Path](), list[str]()
    roots, skipped, faults, empty = list[Path](), list[Path](), list[str](), list[Path]()
    for path in paths:
        if not is_folder(path):
            if is_video(str(path)):
                videos.append(str(path))
            else:
                images.append(path)
            continue
        found = find_files(path)
        roots.append(path)
        faults += found.faults
        count = len(images) + len(videos)
        for file in found.files:
            if _is_output(file, places, guard):
                outputs.append(file)
            elif is_video(str(file)):
                videos.append(str(file))
            elif has_image_suffix(file):
                images.append(file)
            else:
                skipped.append(file)
        if len(images) + len(videos) == count:
            empty.append(path)
    return MediaFiles(
        images=tuple(images),
        videos=tuple(videos),
        roots=tuple(roots),
        skipped=tuple(skipped),
        faults=tuple(faults),
        empty=tuple(empty),
        outputs=tuple(outputs),
    )


def _is_output(file: Path, places: Sequence[Path], guard: OutputGuard) -> bool:
    """Whether an earlier run of mien wrote a file into one of some folders."""
    return bool(places) and any(file.resolve().is_relative_to(place) for place in places) and guard.made(file)


def skipped_sentence(skipped: Sequence[Path], what: str = "neither image nor video") -> str:
    """How many files were skipped, by their endings."""
    endings = Counter(path.suffix.lower() or "no ending" for path in skipped).most_common()
    listed = ", ".join(f"{ending} {count}" for ending, count in endings[:LISTED])
    more = ", ..." if len(endings) > LISTED else ""
    return f"skipped {len(skipped)} {'file' if len(skipped) == 1 else 'files'}: {what} ({listed}{more})"
