"""Accounts, sessions, invitations and API keys in one SQLite file. Holds hashes of secrets, never a secret.

Secrets are random (256 bits), so their SHA-256 is kept and compared in constant time; passwords go through argon2id
(mien.service.auth.passwords). Times are seconds since 1970 (UTC). Checks no permission.
"""

import hashlib
import hmac
import json
import secrets
import sqlite3
import threading
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from mien.service.auth.passwords import hash_password, verify_password
from mien.service.auth.permissions import Permission, Role
from mien.service.errors import ServiceError, not_found

FILE = "access.db"
SESSION_SECONDS, IDLE_SECONDS = 12 * 3600, 2 * 3600
INVITATION_SECONDS = 7 * 24 * 3600
KEY_MARK = "mien"

SCHEMA = """
CREATE TABLE IF NOT EXISTS accounts (
    id TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE, role TEXT NOT NULL, password TEXT,
    disabled INTEGER NOT NULL DEFAULT 0, created REAL NOT NULL, galleries TEXT
);
CREATE TABLE IF NOT EXISTS invitations (account TEXT PRIMARY KEY, secret TEXT NOT NULL, expires REAL NOT NULL);
CREATE TABLE IF NOT EXISTS sessions (
    secret TEXT PRIMARY KEY, account TEXT NOT NULL, csrf TEXT NOT NULL, created REAL NOT NULL, used REAL NOT NULL
);
CREATE TABLE IF NOT EXISTS keys (
    id TEXT PRIMARY KEY, name TEXT NOT NULL, secret TEXT NOT NULL, scopes TEXT NOT NULL, galleries TEXT,
    created REAL NOT NULL, expires REAL NOT NULL, used REAL, revoked INTEGER NOT NULL DEFAULT 0
);
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """A person who signs in.

    Attributes:
        id: opaque.
        name: by which they sign in.
        role: what they may do.
        galleries: ids of those that they may see; None is all.
        disabled: whether they may not sign in.
        invited: whether they have no password yet.
        created: when.
    """

    id: str
    name: str
    role: Role
    galleries: tuple[str, ...] | None
    disabled: bool
    invited: bool
    created: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKey:
    """A key of a program.

    Attributes:
        id: opaque; also the second part of the key itself.
        name: what it is for.
        scopes: what it may do.
        galleries: ids of those that it may see; None is all.
        created: when.
        expires: when it ends.
        used: when it was used last, to a minute; None where it was not.
        revoked: whether it was ended before.
    """

    id: str
    name: str
    scopes: tuple[Permission, ...]
    galleries: tuple[str, ...] | None
    created: float
    expires: float
    used: float | None
    revoked: bool


@dataclass(frozen=True, slots=True)
class Session:
    """A signed-in account.

    Attributes:
        account: whose.
        csrf: what requests that change something have to repeat in a header.
    """

    account: Account
    csrf: str


class AccessStore:
    """The file of accounts and keys; safe to call from several threads.

    Args:
        folder: of the service.
    """

    def __init__(self, folder: Path) -> None:
        path = folder / FILE
        self._lock = threading.RLock()
        self._db = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        path.chmod(0o600)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=FULL")
        self._db.execute("PRAGMA secure_delete=ON")
        self._db.executescript(SCHEMA)

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def _rows(self, sql: str, *values: object) -> list[tuple[object, ...]]:
        with self._lock, closing(self._db.execute(sql, values)) as found:
            return found.fetchall()

    def _change(self, sql: str, *values: object) -> int:
        with self._lock, closing(self._db.execute(sql, values)) as done:
            return done.rowcount

    # Accounts

    @property
    def has_accounts(self) -> bool:
        """Whether there is an account now; another process may have made one."""
        return bool(self._rows("SELECT 1 FROM accounts LIMIT 1"))

    def has_administrator(self) -> bool:
        """Whether an administrator can sign in."""
        return bool(
            self._rows(
                "SELECT 1 FROM accounts WHERE role = 'administrator' AND NOT disabled AND password IS NOT NULL"
            )
        )

    def accounts(self) -> list[Account]:
        """All accounts by name."""
        return [_account(row) for row in self._rows(ACCOUNTS + " ORDER BY name")]

    def account(self, account_id: str) -> Account:
        """One account.

        Raises:
            ServiceError: there is none.
        """
        rows = self._rows(ACCOUNTS + " WHERE id = ?", account_id)
        if not rows:
            raise not_found("account")
        return _account(rows[0])

    def invite(self, name: str, role: Role, galleries: Sequence[str] | None = None) -> tuple[Account, str]:
        """Make an account without a password.

        Returns:
            The account, and the secret with which its person chooses a password, once.

        Raises:
            ServiceError: there is an account of that name.
        """
        account_id, secret = secrets.token_hex(8), secrets.token_urlsafe(32)
        with self._lock:
            try:
                self._change(
                    "INSERT INTO accounts (id, name, role, created, galleries) VALUES (?, ?, ?, ?, ?)",
                    account_id,
                    name,
                    role,
                    time.time(),
                    _as_text(galleries),
                )
            except sqlite3.IntegrityError:
                raise ServiceError(409, "name_taken", "there is an account of that name: choose another") from None
            self._change(
                "INSERT INTO invitations VALUES (?, ?, ?)",
                account_id,
                _hash(secret),
                time.time() + INVITATION_SECONDS,
            )
        return self.account(account_id), secret

    def accept(self, secret: str, password: str) -> Account:
        """Give an invited account its password.

        Raises:
            ServiceError: the invitation is unknown or expired.
            SettingsError: the password is too short or too long.
        """
        hashed = hash_password(password)
        with self._lock:
            rows = self._rows(
                "SELECT account FROM invitations WHERE secret = ? AND expires > ?", _hash(secret), time.time()
            )
            if not rows:
                message = "this invitation is not known, was used, or has expired: ask for another one"
                raise ServiceError(404, "not_found", message)
            self._change("UPDATE accounts SET password = ? WHERE id = ?", hashed, rows[0][0])
            self._change("DELETE FROM invitations WHERE account = ?", rows[0][0])
        return self.account(str(rows[0][0]))

    def change_account(self, account_id: str, role: Role | None, disabled: bool | None) -> Account:
        """Change an account's role, or disable it; its sessions end.

        Raises:
            ServiceError: there is none, or no administrator would be left.
        """
        with self._lock:
            before = self.account(account_id)
            is_last = self._is_last_administrator(before)
            if is_last and (disabled or role not in (None, "administrator")):
                message = "this is the last administrator: make another one first"
                raise ServiceError(409, "last_administrator", message)
            self._change(
                "UPDATE accounts SET role = ?, disabled = ? WHERE id = ?",
                role or before.role,
                before.disabled if disabled is None else disabled,
                account_id,
            )
            self._change("DELETE FROM sessions WHERE account = ?", account_id)
        return self.account(account_id)

    def _is_last_administrator(self, account: Account) -> bool:
        active = [
            one.id for one in self.accounts() if one.role == "administrator" and not (one.disabled or one.invited)
        ]
        return active == [account.id]

    # Sessions

    def sign_in(self, name: str, password: str, former: str | None) -> tuple[Session, str] | None:
        """Begin a session under a new secret; the former one of this browser ends.

        Returns:
            The session and its secret; None where name or password is wrong, or the account is disabled.
        """
        rows = self._rows(ACCOUNTS + " WHERE name = ?", name)
        hashed = cast("str | None", rows[0][-1]) if rows else None
        right = verify_password(hashed, password)
        if not right or not rows or (account := _account(rows[0])).disabled:
            return None
        secret, csrf, now = secrets.token_urlsafe(32), secrets.token_urlsafe(24), time.time()
        if former:
            self.sign_out(former)
        self._change("DELETE FROM sessions WHERE created < ? OR used < ?", now - SESSION_SECONDS, now - IDLE_SECONDS)
        self._change("INSERT INTO sessions VALUES (?, ?, ?, ?, ?)", _hash(secret), account.id, csrf, now, now)
        return Session(account, csrf), secret

    def session(self, secret: str) -> Session | None:
        """The session of a secret; None where it is unknown or over."""
        now = time.time()
        rows = self._rows(
            "SELECT account, csrf, used FROM sessions WHERE secret = ? AND created > ? AND used > ?",
            _hash(secret),
            now - SESSION_SECONDS,
            now - IDLE_SECONDS,
        )
        if not rows:
            return None
        if now - cast("float", rows[0][2]) > 60:
            self._change("UPDATE sessions SET used = ? WHERE secret = ?", now, _hash(secret))
        return Session(self.account(str(rows[0][0])), str(rows[0][1]))

    def sign_out(self, secret: str) -> None:
        """End a session."""
        self._change("DELETE FROM sessions WHERE secret = ?", _hash(secret))

    # Keys

    def api_keys(self) -> list[ApiKey]:
        """All keys, the newest first."""
        return [_key(row) for row in self._rows(KEYS + " ORDER BY created DESC, id")]

    def key(self, key_id: str) -> ApiKey:
        """One key.

        Raises:
            ServiceError: there is none.
        """
        rows = self._rows(KEYS + " WHERE id = ?", key_id)
        if not rows:
            raise not_found("key")
        return _key(rows[0])

    def create_key(
        self, name: str, scopes: Sequence[Permission], galleries: Sequence[str] | None, expires: float
    ) -> tuple[ApiKey, str]:
        """Make a key.

        Returns:
            What is kept of it, and the key itself, which nobody can read again.
        """
        key_id, secret = secrets.token_hex(6), secrets.token_urlsafe(32)
        self._change(
            "INSERT INTO keys (id, name, secret, scopes, galleries, created, expires) VALUES (?, ?, ?, ?, ?, ?, ?)",
            key_id,
            name,
            _hash(secret),
            json.dumps(list(scopes)),
            _as_text(galleries),
            time.time(),
            expires,
        )
        return self.key(key_id), f"{KEY_MARK}_{key_id}_{secret}"

    def rotate_key(self, key_id: str) -> tuple[ApiKey, str]:
        """Give a key another secret; the former one ends at once.

        Raises:
            ServiceError: there is none, or it was revoked.
        """
        secret = secrets.token_urlsafe(32)
        self.key(key_id)
        if not self._change("UPDATE keys SET secret = ? WHERE id = ? AND NOT revoked", _hash(secret), key_id):
            raise ServiceError(409, "key_revoked", "this key was revoked: create another one")
        return self.key(key_id), f"{KEY_MARK}_{key_id}_{secret}"

    def revoke_key(self, key_id: str) -> ApiKey:
        """End a key for good.

        Raises:
            ServiceError: there is none.
        """
        self.key(key_id)
        self._change("UPDATE keys SET revoked = 1 WHERE id = ?", key_id)
        return self.key(key_id)

    def find_key(self, text: str) -> ApiKey | None:
        """The key that a program sent; None where it is unknown, expired or revoked, after the same comparison."""
        mark, _, rest = text.partition("_")
        key_id, _, secret = rest.partition("_")
        rows = self._rows(KEYS + " WHERE id = ?", key_id)
        kept = str(rows[0][-1]) if rows else _hash("no key")
        same = hmac.compare_digest(kept, _hash(secret))
        if not (same and rows and mark == KEY_MARK):
            return None
        found = _key(rows[0])
        if found.revoked or found.expires <= time.time():
            return None
        if found.used is None or time.time() - found.used > 60:
            self._change("UPDATE keys SET used = ? WHERE id = ?", time.time(), key_id)
        return found


ACCOUNTS = "SELECT id, name, role, galleries, disabled, created, password FROM accounts"
KEYS = "SELECT id, name, scopes, galleries, created, expires, used, revoked, secret FROM keys"


def _account(row: Sequence[object]) -> Account:
    return Account(
        id=str(row[0]),
        name=str(row[1]),
        role=cast("Role", row[2]),
        galleries=_from_text(row[3]),
        disabled=bool(row[4]),
        invited=row[6] is None,
        created=cast("float", row[5]),
    )


def _key(row: Sequence[object]) -> ApiKey:
    return ApiKey(
        id=str(row[0]),
        name=str(row[1]),
        scopes=tuple(json.loads(str(row[2]))),
        galleries=_from_text(row[3]),
        created=cast("float", row[4]),
        expires=cast("float", row[5]),
        used=cast("float | None", row[6]),
        revoked=bool(row[7]),
    )


def _as_text(galleries: Sequence[str] | None) -> str | None:
    return None if galleries is None else json.dumps(list(galleries))


def _from_text(text: object) -> tuple[str, ...] | None:
    return None if text is None else tuple(json.loads(str(text)))


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "replace")).hexdigest()
