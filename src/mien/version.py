"""Which mien this is, for reports and logs."""

from importlib import metadata

UNPACKAGED = "not installed as a package"


def mien_version() -> str:
    """The version of the installed package; a sentence where mien runs from a folder that was not installed."""
    try:
        return metadata.version("mien")
    except metadata.PackageNotFoundError:
        return UNPACKAGED
