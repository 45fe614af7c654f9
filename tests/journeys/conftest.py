"""Inputs of other rooms, for what goes through several of them."""

from evaluate.conftest import make_embedded, network, people
from portrait.conftest import portraits, small, write

__all__ = ["make_embedded", "network", "people", "portraits", "small", "write"]
