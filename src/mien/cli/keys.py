"""mien keys: the keys of encrypted galleries."""

from pathlib import Path
from typing import Annotated

import typer

from mien.cli import options
from mien.cli.terminal import OK, WRONG, emit, fail, out, plural
from mien.errors import MissingExtraError
from mien.gallery.keys import backup_keys, restore_keys, rotate_master_key
from mien.gallery.stores.master_key import KEY_FILE, write_master_key

app = typer.Typer(no_args_is_help=True, help="Keys of encrypted galleries: make, rotate, back up and restore them.")

Passphrase = Annotated[
    Path | None,
    typer.Option(
        "--passphrase-file", help="A file whose first line is the passphrase.", show_default="asked at the terminal"
    ),
]


@app.command("new")
def new(file: Annotated[Path, typer.Argument(help="The file to write.", show_default=False)]) -> int:
    """Write a new master key to a file that only its owner may read.

    New galleries are encrypted while MIEN_MASTER_KEY_FILE names such a file, or MIEN_MASTER_KEY holds a key; `mien
    gallery encrypt` encrypts one that is there. Without its master key nobody can read a gallery: keep a copy of the
    file apart from the gallery.

    Example:

      mien keys new master.key
    """
    write_master_key(file)
    out.print(f"{file} holds a new master key: `export {KEY_FILE}={file}` lets mien use it; keep a copy elsewhere")
    return OK


@app.command("rotate")
def rotate(
    gallery: Annotated[str, typer.Argument(help="The gallery file, or the folder of a service.", show_default=False)],
    to: Annotated[Path, typer.Option("--to", help="The file of the new master key.", show_default=False)],
) -> int:
    """Encrypt the keys of a gallery, or of all that a service keeps, with another master key.

    The environment has the former key; from then on it must have the new one, and other processes must open the
    gallery again. The folder of a service stands for all that it keeps: galleries, addresses of cameras and webhooks,
    faces that cameras saw, and what is kept of jobs. Stop the service first. If this is interrupted, do it again with
    the same two keys.

    Examples:

      mien keys rotate staff.gallery --to new.key

      mien keys rotate ~/.local/share/mien/service --to new.key
    """
    if Path(gallery).is_dir():
        return _rotate_service(Path(gallery), to)
    if (service := _service_of(Path(gallery))) is not None:
        fail(
            f"{gallery} is a gallery of the service in {service}, whose cameras and webhooks have the same master "
            f"key: `mien keys rotate {service} --to {to}` changes all of it",
            WRONG,
        )
    rotate_master_key(gallery, to)
    out.print(f"the keys of {gallery} are encrypted with the master key in {to}: `export {KEY_FILE}={to}`")
    return OK


def _rotate_service(folder: Path, to: Path) -> int:
    try:
        from mien.service.key_rotation import rotate_service_keys
    except ImportError:
        raise MissingExtraError("the keys of a service need more packages: pip install 'mien[serve]'") from None
    done = rotate_service_keys(folder, to)
    out.print(
        f"{plural(done.files, 'file')} of keys and {plural(done.values, 'value')} of the service in {folder} are "
        f"encrypted with the master key in {to}: `export {KEY_FILE}={to}`, and start the service again"
    )
    return OK


def _service_of(gallery: Path) -> Path | None:
    """The folder of the service that a gallery is of; None where it is of none."""
    try:
        from mien.service.key_rotation import service_of
    except ImportError:
        # Without its packages there is no service here.
        return None
    return service_of(gallery)


@app.command("backup")
def backup(
    gallery: options.Gallery,
    file: Annotated[Path, typer.Argument(help="The file to write.", show_default=False)],
    days: Annotated[float, typer.Option("--days", help="Days after which the file is refused.")] = 30,
    passphrase_file: Passphrase = None,
    json: options.Json = False,
) -> int:
    """Write the keys of a gallery to a file of their own, encrypted with a passphrase.

    Whoever has this file, its passphrase and a backup of the gallery can read whoever was enrolled, also those who
    were erased since. Keep it apart from the backups, and destroy it when its days are over.

    Example:

      mien keys backup staff.gallery staff.keys --days 30
    """
    count = backup_keys(gallery, file, _passphrase(passphrase_file, confirm=True), days)
    if json:
        emit({"file": str(file), "keys": count, "days": days})
    else:
        out.print(f"{plural(count, 'key')} of {gallery} in {file}, for {days:g} days")
    return OK


@app.command("restore")
def restore(
    file: Annotated[Path, typer.Argument(help="A file that `mien keys backup` wrote.", show_default=False)],
    gallery: options.Gallery,
    passphrase_file: Passphrase = None,
    json: options.Json = False,
) -> int:
    """Bring back keys that a gallery lacks, but none that was erased.

    Example:

      mien keys restore staff.keys staff.gallery
    """
    count = restore_keys(file, gallery, _passphrase(passphrase_file, confirm=False))
    if json:
        emit({"gallery": gallery, "keys": count})
    else:
        out.print(f"{plural(count, 'key')} brought back to {gallery}")
    return OK


def _passphrase(file: Path | None, *, confirm: bool) -> str:
    if file is None:
        return str(typer.prompt("Passphrase", hide_input=True, confirmation_prompt=confirm, err=True))
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as reason:
        raise typer.BadParameter(f"the passphrase cannot be read from {file}: {reason}") from None
    return lines[0] if lines else ""
