"""Portraits checked by rules: one photograph with `check`, many with `check_files`, a whole data set with `audit`."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mien.portrait.auditing import AuditResult, audit
    from mien.portrait.checking import Checked, CheckedFile, check, check_files

__all__ = ["AuditResult", "Checked", "CheckedFile", "audit", "check", "check_files"]

HOMES = {
    "AuditResult": "auditing",
    "Checked": "checking",
    "CheckedFile": "checking",
    "audit": "auditing",
    "check": "checking",
    "check_files": "checking",
}
"""The module of each name, which is imported when the name is first used."""


def __getattr__(name: str) -> Any:  # noqa: ANN401
    if name not in HOMES:
        raise AttributeError(f"module 'mien.portrait' has no attribute '{name}'; it has {', '.join(__all__)}")
    from importlib import import_module

    return getattr(import_module(f"mien.portrait.{HOMES[name]}"), name)
