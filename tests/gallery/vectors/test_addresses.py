"""Addresses are taken apart, and none holds a password."""

import pytest

from mien.errors import GalleryError
from mien.gallery.records import Identity
from mien.gallery.vectors import open_vectors
from mien.gallery.vectors.addresses import read_address
from mien.gallery.vectors.postgres import OPTIONS


def test_an_address_has_a_host_a_user_a_path_and_options() -> None:
    place = read_address(
        "postgresql://mi%40en@db.example.org:6000/people?sslmode=disable&exact=true", "PGPASSWORD", OPTIONS
    )
    assert (place.host, place.port, place.user, place.path) == ("db.example.org", 6000, "mi@en", "people")
    assert place.options == {"sslmode": "disable", "exact": "true"} and not place.is_local


@pytest.mark.parametrize(
    ("address", "is_local"),
    [
        ("postgresql:///name?host=/run/postgresql", True),
        ("postgresql://localhost/name", True),
        ("postgresql://127.0.0.1/name", True),
        ("postgresql://[::1]/name", True),
        ("postgresql://10.0.0.4/name", False),
        ("milvus://db:19530", False),
    ],
)
def test_which_databases_are_on_this_machine(address: str, is_local: bool) -> None:
    assert read_address(address, "X", OPTIONS).is_local == is_local


def test_a_password_is_refused_and_not_repeated() -> None:
    with pytest.raises(GalleryError, match="leave it out and set PGPASSWORD") as refusal:
        read_address("postgresql://an:s3cret@host/db", "PGPASSWORD", OPTIONS)
    assert "s3cret" not in str(refusal.value)
    with pytest.raises(GalleryError, match="not an address") as refusal:
        read_address("postgresql://an:s3cret@host:port/db", "PGPASSWORD", OPTIONS)
    assert "s3cret" not in str(refusal.value)
    with pytest.raises(GalleryError, match="leave it out and set PGPASSWORD") as refusal:
        read_address("postgresql://host/db?password=s3cret", "PGPASSWORD", OPTIONS)
    assert "s3cret" not in str(refusal.value)
    for secret in ("12/cret", "12?cret", "12#cret", "cr?et"):
        with pytest.raises(
            GalleryError, match=r"leave it out and set PGPASSWORD|'postgresql://host/db' is not"
        ) as refusal:
            read_address(f"postgresql://an:{secret}@host/db", "PGPASSWORD", OPTIONS)
        assert "12" not in str(refusal.value) and "cr" not in str(refusal.value)
    with pytest.raises(GalleryError, match="cannot be kept at 'postgres://host/db'") as refusal:
        open_vectors("postgres://an:s3@cret@host/db?password=s3cret", "g", Identity("c", "m", "cosine", 4))
    assert "cret" not in str(refusal.value)


def test_a_misspelt_option_is_not_ignored() -> None:
    with pytest.raises(
        GalleryError, match=r"of host has an option 'sslmod' that is not known; did you mean sslmode\?"
    ):
        read_address("postgresql://host/db?sslmod=disable", "PGPASSWORD", OPTIONS)
    with pytest.raises(GalleryError, match="of host: exact is true or false, not 'True'"):
        read_address("postgresql://host/db?exact=True", "PGPASSWORD", OPTIONS)
