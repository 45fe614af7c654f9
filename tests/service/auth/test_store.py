"""Accounts, sessions and keys: kept as hashes, ended when they end, and the last administrator stays."""

import stat
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from mien.service.auth import store
from mien.service.auth.store import AccessStore
from mien.service.errors import ServiceError

PASSWORD = "correct horse"


@pytest.fixture
def access(tmp_path: Path) -> Iterator[AccessStore]:
    opened = AccessStore(tmp_path)
    yield opened
    opened.close()


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hashing is tested by itself."""
    monkeypatch.setattr(store, "hash_password", lambda password: f"hash of {password}")
    monkeypatch.setattr(store, "verify_password", lambda hashed, password: hashed == f"hash of {password}")


def administrator(access: AccessStore) -> str:
    account, invitation = access.invite("An", "administrator")
    assert not access.has_administrator()
    access.accept(invitation, PASSWORD)
    return account.id


def test_an_invitation_works_once(access: AccessStore) -> None:
    _, invitation = access.invite("An", "viewer")
    assert access.accept(invitation, PASSWORD).invited is False
    with pytest.raises(ServiceError, match="ask for another one"):
        access.accept(invitation, PASSWORD)
    with pytest.raises(ServiceError, match="choose another"):
        access.invite("An", "viewer")


def test_a_session_lasts_until_it_is_idle_or_over_or_signed_out(
    access: AccessStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    administrator(access)
    assert access.sign_in("An", "wrong", None) is None and access.sign_in("Bình", PASSWORD, None) is None
    signed_in = access.sign_in("An", PASSWORD, None)
    assert signed_in is not None
    session, secret = signed_in
    assert access.session(secret) == session and access.session("another") is None
    now = time.time()
    monkeypatch.setattr(store.time, "time", lambda: now + store.IDLE_SECONDS + 1)
    assert access.session(secret) is None
    monkeypatch.setattr(store.time, "time", lambda: now)
    access.sign_out(secret)
    assert access.session(secret) is None


def test_signing_in_rotates_the_session(access: AccessStore) -> None:
    administrator(access)
    first = access.sign_in("An", PASSWORD, None)
    assert first is not None
    second = access.sign_in("An", PASSWORD, first[1])
    assert second is not None and access.session(first[1]) is None and access.session(second[1]) == second[0]
    assert second[0].csrf != first[0].csrf


def test_a_disabled_account_is_signed_out_and_stays_out(access: AccessStore) -> None:
    administrator(access)
    account, invitation = access.invite("Bình", "officer")
    access.accept(invitation, PASSWORD)
    signed_in = access.sign_in("Bình", PASSWORD, None)
    assert signed_in is not None
    access.change_account(account.id, None, True)
    assert access.session(signed_in[1]) is None and access.sign_in("Bình", PASSWORD, None) is None


def test_an_account_that_another_process_makes_counts_at_once(access: AccessStore, tmp_path: Path) -> None:
    other = AccessStore(tmp_path)
    assert not access.has_accounts and not other.has_accounts
    administrator(other)
    assert access.has_accounts and access.has_administrator()
    other.close()


def test_the_last_administrator_stays(access: AccessStore) -> None:
    first = administrator(access)
    for role, disabled in (("viewer", None), (None, True)):
        with pytest.raises(ServiceError, match="last administrator"):
            access.change_account(first, role, disabled)
    assert access.has_administrator()


def test_a_key_works_until_it_is_rotated_revoked_or_expired(
    access: AccessStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    key, secret = access.create_key("door", ["recognize"], ["abc"], time.time() + 100)
    found = access.find_key(secret)
    assert found is not None and found.scopes == ("recognize",) and found.galleries == ("abc",)
    for wrong in (
        "",
        "mien_",
        secret[:-1],
        secret + "x",
        secret.replace("mien", "main"),
        f"mien_{key.id}_",
        "\ud800",
    ):
        assert access.find_key(wrong) is None
    _, rotated = access.rotate_key(key.id)
    assert access.find_key(secret) is None and access.find_key(rotated) is not None
    now = time.time()
    monkeypatch.setattr(store.time, "time", lambda: now + 101)
    assert access.find_key(rotated) is None, "expired"
    monkeypatch.setattr(store.time, "time", lambda: now)
    access.revoke_key(key.id)
    assert access.find_key(rotated) is None and access.key(key.id).revoked
    with pytest.raises(ServiceError, match="revoked"):
        access.rotate_key(key.id)


def test_no_secret_is_in_the_file_which_only_its_owner_may_read(access: AccessStore, tmp_path: Path) -> None:
    administrator(access)
    _, invitation = access.invite("Bình", "viewer")
    _, key = access.create_key("door", ["read"], None, time.time() + 100)
    signed_in = access.sign_in("An", PASSWORD, None)
    assert signed_in is not None
    content = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert b"door" in content, "the names are there, so the scan reads what was written"
    for secret in (invitation, key.rpartition("_")[2], signed_in[1]):
        assert secret.encode() not in content
    assert stat.S_IMODE((tmp_path / store.FILE).stat().st_mode) == 0o600
