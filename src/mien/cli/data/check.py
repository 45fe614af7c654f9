"""mien data check: whether a pack is still what was written."""

from mien.cli import options
from mien.cli.data.arguments import PackPath
from mien.cli.progress import progress_bar
from mien.cli.terminal import FAILED, emit, err, out, plural
from mien.data.pack import Pack
from mien.data.pack_check import check_pack


def check(path: PackPath, json: options.Json = False) -> int:
    """Compare every shard of a pack with its sha256 and every crop with its checksum, and decode the crops.

    Example:

      mien data check celeba-112
    """
    pack = Pack(path)
    with progress_bar() as on_progress:
        problems = check_pack(pack, on_progress=on_progress)
    for problem in problems:
        if json:
            emit({"where": problem.where, "reason": problem.reason})
        else:
            err.print(f"mien: {problem.where}: {problem.reason}")
    if json:
        emit({"pack": str(path), "crops": len(pack), "subjects": len(pack.subjects), "problems": len(problems)})
    else:
        out.print(
            f"{path}: {len(pack):,} crops of {len(pack.subjects):,} subjects, {plural(len(problems), 'problem')}"
        )
    return FAILED if problems else 0
