"""Where mien keeps what it makes and the models that it has. Makes no folder."""

import os
from pathlib import Path


def home() -> Path:
    """Where mien keeps what it makes: $MIEN_HOME, else $XDG_DATA_HOME/mien, else ~/.local/share/mien."""
    chosen = os.environ.get("MIEN_HOME")
    if chosen:
        return Path(chosen)
    shared = os.environ.get("XDG_DATA_HOME")
    return (Path(shared) if shared else Path.home() / ".local" / "share") / "mien"


def models_folder() -> Path:
    """The folder of the model store."""
    return home() / "models"
