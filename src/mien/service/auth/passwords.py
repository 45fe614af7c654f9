"""Passwords to argon2id hashes and back to yes or no. Keeps nothing; RFC 9106, second recommended option."""

from functools import lru_cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from mien.errors import SettingsError

MIN_LENGTH, MAX_LENGTH = 10, 256
"""Characters of a password. The maximum bounds the time of hashing."""


@lru_cache(maxsize=1)
def _hasher() -> PasswordHasher:
    """64 MiB, three passes, four lanes: RFC 9106, section 4."""
    return PasswordHasher(time_cost=3, memory_cost=64 * 1024, parallelism=4)


def require_password(password: str) -> None:
    """Refuse a password that is too short or too long.

    Raises:
        SettingsError: with the limits.
    """
    if not MIN_LENGTH <= len(password) <= MAX_LENGTH:
        raise SettingsError(f"a password has {MIN_LENGTH} to {MAX_LENGTH} characters: choose another one")


def hash_password(password: str) -> str:
    """The hash of a password that was checked; see require_password."""
    require_password(password)
    return _hasher().hash(password)


@lru_cache(maxsize=1)
def _nobody() -> str:
    """A hash of no account, so that unknown names take as long as known ones."""
    return _hasher().hash("nobody has this password")


def verify_password(hashed: str | None, password: str) -> bool:
    """Whether a password is right; it takes as long where there is no account or no password yet."""
    try:
        right = _hasher().verify(hashed or _nobody(), password[: MAX_LENGTH + 1])
    except (VerificationError, InvalidHashError):
        return False
    return right and hashed is not None
