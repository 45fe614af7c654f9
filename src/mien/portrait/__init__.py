"""Portraits judged by rules: one at once with `check`, a whole data set with `mien audit`."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mien.portrait.checking import Checked, check

__all__ = ["Checked", "check"]


def __getattr__(name: str) -> Any:  # noqa: ANN401
    if name not in __all__:
        raise AttributeError(f"module 'mien.portrait' has no attribute '{name}'; it has {', '.join(__all__)}")
    from mien.portrait import checking

    return getattr(checking, name)
