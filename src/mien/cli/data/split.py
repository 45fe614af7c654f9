"""mien data split: parts of a manifest that share no subject."""

from pathlib import Path
from typing import Annotated

import typer

from mien.cli import options
from mien.cli.data.arguments import ManifestPath
from mien.cli.guarding import guarded
from mien.cli.left_out import LeftOut
from mien.cli.output_trial import output_folder
from mien.cli.terminal import PARTLY, WRONG, emit, fail, out, plural
from mien.data.manifest_io import read_manifest
from mien.data.split import split_set


def split(
    path: ManifestPath,
    target: Annotated[
        Path, typer.Option("--out", help="A folder for NAME.parquet of each part.", callback=output_folder)
    ],
    part: Annotated[
        list[str] | None,
        typer.Option(
            "--part", help="NAME=SHARE; repeat it for each part (default: train=0.8, test=0.2).", show_default=False
        ),
    ] = None,
    seed: Annotated[int, typer.Option("--seed", help="Random seed; the same seed always gives the same split.")] = 0,
    overwrite: options.Overwrite = False,
    json: options.Json = False,
) -> int:
    """Split a manifest by subject, so that nobody is in two parts.

    Example:

      mien data split celeba.parquet --out parts/ --part train=0.8 --part test=0.2
    """
    shares: dict[str, float] = {}
    for name, value in options.named(part or ["train=0.8", "test=0.2"], "--part", "NAME=SHARE").items():
        try:
            shares[name] = float(value)
        except ValueError:
            fail(f"--part takes NAME=SHARE, such as train=0.8, not {name}={value}", WRONG)
    left_out = LeftOut()
    with guarded([target / f"{name}.parquet" for name in shares], [path], overwrite=overwrite):
        dealt = split_set(read_manifest(path, left_out), shares, target, seed=seed)
    for name, manifest in dealt.items():
        subjects = len(set(manifest.subjects))
        if json:
            emit({"part": name, "rows": len(manifest), "subjects": subjects})
        else:
            out.print(f"{target / name}.parquet: {plural(len(manifest), 'row')}, {plural(subjects, 'subject')}")
    left_out.report()
    return PARTLY if left_out else 0
