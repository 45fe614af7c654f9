"""Transactions of PostgreSQL, and what its errors say. Opens no connection and knows no table."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def transaction(connection: Any) -> Iterator[None]:  # noqa: ANN401
    """What fails within it is not taken back here: close the connection, or roll back."""
    connection.run("BEGIN")
    yield
    connection.run("COMMIT")


def code_of(reason: BaseException) -> str:
    """The code of an error of PostgreSQL (its documentation, appendix A); empty where it is another one."""
    return _details(reason).get("C", "")


def message_of(reason: BaseException) -> str:
    """What an error says, without an end that is long."""
    return _details(reason).get("M", str(reason))[:200]


def lacks_shared_memory(reason: BaseException) -> bool:
    """Whether the memory that processes of the server share was full, which has the code of a full disk (53100).

    Docker gives a container 64 MB of that. The field R names the function of the server, which no language changes
    (PostgreSQL's documentation, "Error and Notice Message Fields").
    """
    return _details(reason).get("R", "").startswith("dsm_impl")


def _details(reason: BaseException) -> dict[str, str]:
    found = reason.args[0] if reason.args else None
    return found if isinstance(found, dict) else {}
