"""Arguments and options that several verbs share."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from mien.cli.terminal import WRONG, fail
from mien.image import find_images
from mien.models.defaults import DEFAULT_DETECTOR
from mien.models.options import EngineOptions

Paths = Annotated[list[Path], typer.Argument(help="Images, or folders of images.", show_default=False)]
GalleryPath = Annotated[Path, typer.Argument(help="The gallery file.", show_default=False)]
Json = Annotated[bool, typer.Option("--json", help="Write one JSON value a line.")]
Detector = Annotated[str, typer.Option("--detector", help="A model's name, or the path of its card; haar; dlib-hog.")]
Recognizer = Annotated[
    str | None, typer.Option("--recognizer", help="A model's name, or the path of its card.", show_default=False)
]
Fmr = Annotated[float, typer.Option("--fmr", help="The false match rate whose threshold decides.")]
Engine = Annotated[str, typer.Option("--engine", help="auto, openvino or onnxruntime.")]
Precision = Annotated[str, typer.Option("--precision", help="auto, f32 or bf16.")]
Out = Annotated[Path | None, typer.Option("--out", help="Write annotated pictures here.", show_default=False)]

DETECTOR = DEFAULT_DETECTOR


def engine_options(engine: str, precision: str) -> EngineOptions:
    """Check engine and precision."""
    if engine not in ("auto", "openvino", "onnxruntime"):
        fail(f"--engine is auto, openvino or onnxruntime, not {engine}", WRONG)
    if precision not in ("auto", "f32", "bf16"):
        fail(f"--precision is auto, f32 or bf16, not {precision}", WRONG)
    return EngineOptions(engine=engine, precision=precision)  # type: ignore[arg-type]


def expand(paths: Sequence[Path]) -> list[Path]:
    """Files as given, and the images of folders; an empty folder is an error."""
    files: list[Path] = []
    for path in paths:
        if path.is_dir():
            found = find_images(path)
            if not found:
                fail(f"{path} holds no images (JPEG, PNG, WebP, BMP, TIFF, HEIC)")
            files += found
        else:
            files.append(path)
    return files


def picture_names(files: Sequence[Path]) -> list[str]:
    """A file name for each annotated picture; equal ones get a number."""
    used: dict[str, int] = {}
    names = []
    for path in files:
        count = used[path.stem] = used.get(path.stem, 0) + 1
        names.append(f"{path.stem}.jpg" if count == 1 else f"{path.stem}-{count}.jpg")
    return names
