"""Personal fields come out of a vault as they went in, and nothing comes out in the place of another."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mien.errors import GalleryError
from mien.gallery.profiles import new_id
from mien.gallery.stores.key_file import KeyFile, key_path
from mien.gallery.stores.sealed_vault import SealedVault, require_master_key
from mien.gallery.stores.vault import PlainVault

pytest.importorskip("cryptography", reason="encrypted galleries need cryptography")

MASTER = b"m" * 32
AN, BINH = new_id(), new_id()


@pytest.fixture(scope="module")
def vault(tmp_path_factory: pytest.TempPathFactory) -> SealedVault:
    made = SealedVault(KeyFile.create(tmp_path_factory.mktemp("vault") / "g.keys", new_id(), MASTER))
    made.make(AN), made.make(BINH)
    return made


@given(text=st.text(), data=st.binary())
def test_what_is_sealed_opens_to_the_same_value(vault: SealedVault, text: str, data: bytes) -> None:
    opener = vault.opener()
    try:
        text.encode()
    except UnicodeEncodeError:
        return
    sealed = opener.seal(AN, "row", "name", text)
    assert opener.text(AN, "row", "name", sealed) == text
    assert opener.data(AN, "row", "jpeg", opener.seal(AN, "row", "jpeg", data)) == data
    assert opener.seal(AN, "row", "name", text) != sealed, "the same value is never the same twice"


@pytest.mark.parametrize(
    ("subject", "row", "column"),
    [(BINH, "row", "name"), (AN, "other", "name"), (AN, "row", "x")],
    ids=["another subject", "another row", "another column"],
)
def test_a_value_is_bound_to_its_subject_row_and_column(
    vault: SealedVault, subject: str, row: str, column: str
) -> None:
    opener = vault.opener()
    sealed = opener.seal(AN, "row", "name", "An")
    with pytest.raises(ValueError, match="is not what was encrypted"):
        opener.text(subject, row, column, sealed)
    assert isinstance(sealed, bytes)
    with pytest.raises(ValueError, match="is not what was encrypted"):
        opener.text(AN, "row", "name", sealed[:-1] + bytes([sealed[-1] ^ 1]))
    with pytest.raises(TypeError, match="is not encrypted"):
        opener.text(AN, "row", "name", "An")


def test_nothing_is_nothing(vault: SealedVault) -> None:
    opener = vault.opener()
    assert opener.seal(AN, "row", "source", None) is None and opener.text(AN, "row", "source", None) is None


def test_vectors_come_back_bit_by_bit_and_those_of_the_erased_are_zeros(vault: SealedVault) -> None:
    gone, vectors = new_id(), np.random.default_rng(0).normal(size=(3, 16)).astype(np.float32)
    vault.make(gone)
    opener, rows = vault.opener(), []
    for subject, vector in zip((AN, gone, BINH), vectors, strict=True):
        rows.append((subject, "row", opener.seal(subject, "row", "embedding", vector.tobytes())))
    assert np.array_equal(opener.vectors(rows, 16), vectors)
    assert vault.erase(gone) == "erased" and vault.opener().is_erased(gone)
    again = vault.opener().vectors(rows, 16)
    assert np.array_equal(again[[0, 2]], vectors[[0, 2]]) and not again[1].any()
    with pytest.raises(GalleryError, match="was erased"):
        vault.opener().seal(gone, "row", "name", "x")
    with pytest.raises(ValueError, match="is not what was encrypted"):
        vault.opener().vectors([(AN, "another row", rows[0][2])], 16)


def test_names_are_found_by_a_keyed_hash_that_no_other_gallery_has(vault: SealedVault, tmp_path: Path) -> None:
    other = SealedVault(KeyFile.create(tmp_path / "g.keys", new_id(), MASTER))
    assert vault.lookup("name", "An") == vault.lookup("name", "An") != vault.lookup("source", "An")
    assert vault.lookup("name", "An") != other.lookup("name", "An") and "An" not in vault.lookup("name", "An")


def test_a_plain_vault_keeps_values_as_they_are() -> None:
    plain = PlainVault()
    assert plain.seal(AN, "row", "name", "An") == plain.text(AN, "row", "name", "An") == plain.lookup("name", "An")
    assert plain.erase(AN) == "none" and not plain.is_erased(AN)
    with pytest.raises(TypeError):
        plain.text(AN, "row", "name", b"sealed")
    with pytest.raises(TypeError):
        plain.data(AN, "row", "jpeg", "text")


def test_a_master_key_is_asked_for_by_the_names_of_its_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MIEN_MASTER_KEY", raising=False)
    monkeypatch.delenv("MIEN_MASTER_KEY_FILE", raising=False)
    with pytest.raises(
        GalleryError, match="set MIEN_MASTER_KEY_FILE to the file of its master key, or MIEN_MASTER_KEY"
    ):
        require_master_key("people.gallery")
    monkeypatch.setenv("MIEN_MASTER_KEY", "5a" * 32)
    assert require_master_key("people.gallery") == b"\x5a" * 32
    assert key_path(Path("a/people.gallery")) == Path("a/people.gallery.keys")
