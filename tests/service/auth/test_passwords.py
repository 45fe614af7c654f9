"""Passwords are hashed with argon2id, and an unknown account looks like a wrong password."""

import pytest

from mien.errors import SettingsError
from mien.service.auth.passwords import hash_password, verify_password


def test_a_password_is_right_or_wrong_and_nobody_has_none() -> None:
    hashed = hash_password("correct horse")
    assert hashed.startswith("$argon2id$") and "correct" not in hashed
    assert verify_password(hashed, "correct horse") and not verify_password(hashed, "correct horse ")
    assert not verify_password(None, "nobody has this password") and not verify_password("rubbish", "correct horse")


@pytest.mark.parametrize("password", ["", "short", "x" * 257])
def test_passwords_that_are_too_short_or_too_long_are_refused_with_the_limits(password: str) -> None:
    with pytest.raises(SettingsError, match="10 to 256 characters"):
        hash_password(password)
