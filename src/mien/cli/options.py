"""Arguments and options that several verbs share."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal, cast, get_args

import typer

from mien.cli.output_trial import output_folder, output_gallery
from mien.cli.terminal import WRONG, err, fail
from mien.errors import LanguageError, SettingsError
from mien.models.options import EngineOptions
from mien.settings import about, load_settings, parse, scope_names

MultipleFacesName = Literal["reject", "largest"]

Paths = Annotated[list[Path], typer.Argument(help="Images, or folders of images.", show_default=False)]
Gallery = Annotated[str, typer.Argument(help="The gallery: a file, or an address with a scheme.", show_default=False)]
OutputGallery = Annotated[
    str,
    typer.Argument(
        metavar="GALLERY",
        help="The gallery: a file, or an address with a scheme.",
        show_default=False,
        callback=output_gallery,
    ),
]
"""A gallery that is written to."""
Json = Annotated[bool, typer.Option("--json", help="Write one JSON value per line.")]
Detector = Annotated[
    str | None,
    typer.Option(
        "--detector",
        help=f"{about('detector')} Built in: haar, dlib-hog.",
        show_default="setting detector",
    ),
]
Recognizer = Annotated[
    str | None, typer.Option("--recognizer", help=about("recognizer"), show_default="setting recognizer")
]
GalleryRecognizer = Annotated[
    str | None,
    typer.Option("--recognizer", help="A model's name or the path of its card.", show_default="the gallery's own"),
]
VerificationFmr = Annotated[
    float | None, typer.Option("--fmr", help=about("verification_fmr"), show_default="setting verification_fmr")
]
IdentificationFmr = Annotated[
    float | None, typer.Option("--fmr", help=about("identification_fmr"), show_default="setting identification_fmr")
]
Engine = Annotated[str | None, typer.Option("--engine", help=about("engine"), show_default="setting engine")]
Precision = Annotated[
    str | None, typer.Option("--precision", help=about("precision"), show_default="setting precision")
]
Scope = Annotated[
    str | None,
    typer.Option("--scope", help=about("scope"), metavar="|".join(scope_names()), show_default="setting scope"),
]
Language = Annotated[str | None, typer.Option("--language", help=about("language"), show_default="setting language")]
Workers = Annotated[
    int | None,
    typer.Option("--workers", min=1, help="Number of worker processes (default: one per core).", show_default=False),
]
Ray = Annotated[
    str | None,
    typer.Option("--ray", help="Work on a Ray cluster: auto, local or HOST:PORT.", show_default=False),
]
MultipleFaces = Annotated[
    str | None,
    typer.Option(
        "--multiple-faces",
        help="What to do with an image in which two faces are about as prominent: reject it, or take the largest.",
        metavar="reject|largest",
        show_default=False,
    ),
]
Several = Annotated[str | None, typer.Option("--several", hidden=True)]
"""The former name of --multiple-faces, with take for largest."""
Out = Annotated[
    Path | None,
    typer.Option("--out", help="Write annotated images here.", show_default=False, callback=output_folder),
]

Overwrite = Annotated[
    bool, typer.Option("--overwrite", help="Replace files that mien did not make, or that were changed since.")
]


def detector(chosen: str | None) -> str:
    """The detector that was asked for, or the one of the settings."""
    return chosen or load_settings().detector


def recognizer(chosen: str | None) -> str:
    """The recognizer that was asked for, or the one of the settings."""
    return chosen or load_settings().recognizer


def portrait_models(chosen: Sequence[str] | None) -> tuple[str, ...]:
    """The portrait models that were asked for, or those of the settings."""
    return tuple(chosen) if chosen else load_settings().portrait_model_names


def scope(chosen: str | None) -> str:
    """The policy of scope as asked for, checked, or the one of the settings."""
    return _asked("scope", chosen)


def language(chosen: str | None) -> str:
    """The language that was asked for, or the one of the settings, if there is a catalogue for it."""
    from mien.messages import check_language

    try:
        return check_language(chosen or load_settings().language)
    except LanguageError as reason:
        fail(f"--language: {reason}", WRONG)


def multiple_faces(chosen: str | None, several: str | None, default: MultipleFacesName) -> MultipleFacesName:
    """What to do with several faces as asked for, checked; the former option is read with a notice."""
    if several is not None:
        err.print("mien: --several is now --multiple-faces, and take is now largest")
        chosen = {"take": "largest"}.get(several, several) if chosen is None else chosen
    value = chosen or default
    if value not in get_args(MultipleFacesName):
        fail(f"--multiple-faces is reject or largest, not {value}", WRONG)
    return cast("MultipleFacesName", value)


def engine_options(engine: str | None, precision: str | None) -> EngineOptions:
    """Engine and precision as asked for, checked; what was not asked for comes from the settings."""
    return EngineOptions(
        engine=_asked("engine", engine),
        precision=_asked("precision", precision),
        threads=load_settings().threads,
    )


def _asked(name: str, text: str | None) -> str:
    """What the command line asks for, checked, or the setting."""
    if text is None:
        return str(getattr(load_settings(), name))
    try:
        return str(parse(name, text, f"--{name}"))
    except SettingsError as reason:
        fail(str(reason), WRONG)


def named(texts: Sequence[str] | None, option: str, form: str) -> dict[str, str]:
    """NAME=VALUE options as a dictionary."""
    pairs = [text.partition("=") for text in texts or ()]
    for name, equals, value in pairs:
        if not (name and equals and value):
            fail(f"{option} takes {form}, not {name}{equals}{value}", WRONG)
    return {name: value for name, _, value in pairs}


def expand(paths: Sequence[Path]) -> list[Path]:
    """Files as given, and the images of folders, saying what else is in them; an empty folder is an error."""
    from mien.image import FORMATS, is_folder
    from mien.media_files import find_media, skipped_sentence

    files: list[Path] = []
    others: list[Path] = []
    for path in paths:
        if is_folder(path):
            media = find_media([path])
            found, skipped = media.images, (*media.skipped, *map(Path, media.videos))
            for sentence in media.faults:
                err.print(f"mien: {sentence}")
            others += skipped
            if not found:
                fail(f"{path} holds no images ({', '.join(each.name for each in FORMATS.values())})")
            files += found
        else:
            files.append(path)
    if others:
        err.print(f"mien: {skipped_sentence(others, 'not an image')}")
    return files
