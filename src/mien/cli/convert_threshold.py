"""mien convert-threshold: units that are never mixed."""

from typing import Annotated

import typer

from mien.cli import options
from mien.cli.terminal import WRONG, emit, fail, out
from mien.units import UNITS, convert_unit_length

NAMES = {unit.lower().replace(" ", "-"): unit for unit in UNITS}
"""Units as they are typed."""


def convert_threshold(
    value: Annotated[float, typer.Argument(help="The threshold.", show_default=False)],
    source: Annotated[str, typer.Option("--from", help=f"Its unit: {', '.join(NAMES)}.", show_default=False)],
    to: Annotated[
        str | None, typer.Option("--to", help="The unit to convert to (default: all).", show_default=False)
    ] = None,
    json: options.Json = False,
) -> int:
    """Convert a threshold between cosine, L2 and squared L2 of embeddings of unit length.

    An L2 of 1.22 is a squared L2 of 1.49 and a cosine of 0.26: taking one for another makes a sound threshold look
    wrong.

    Example:

      mien convert-threshold 1.22 --from l2 --to cosine
    """
    for name in (source, to):
        if name is not None and name not in NAMES:
            fail(f"a unit is {', '.join(NAMES)}, not {name}", WRONG)
    try:
        by_unit = convert_unit_length(value, NAMES[source])
    except ValueError as reason:
        fail(str(reason))
    found = {name: by_unit[unit] for name, unit in NAMES.items()}
    if json:
        emit(found if to is None else {to: found[to]})
    elif to is not None:
        out.print(f"{found[to]:.4f}")
    else:
        for name, each in found.items():
            out.print(f"{NAMES[name]:<12}{each:.4f}")
    return 0
