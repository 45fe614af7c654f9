"""The page of groups: what it shows, marks, leaves out and escapes."""

import re

import pytest

from mien.cluster import page as pages
from mien.cluster.album import Album
from mien.cluster.page import album_page, shown_faces, thumbnails


def write_page(album: Album, language: str = "en") -> str:
    small = thumbnails(enumerate(album.faces), shown_faces(album))
    return album_page(album, small, language)


def test_groups_with_their_faces_and_what_is_not_shown(album: Album) -> None:
    page = write_page(album)
    assert re.findall(r'<section id="([^"]+)">', page) == ["person-001", "person-002"]
    # 24 of 30 faces, 4, and the face of no group.
    assert page.count("data:image/jpeg") == 24 + 4 + 1 and "and 6 more in faces.csv" in page
    assert (
        "Faces in 2 groups" in page and "34 faces are in groups, 1 are of no group" in page and "<script" not in page
    )
    assert "Các khuôn mặt trong 2 nhóm" in write_page(album, "vi")


def test_doubtful_faces_are_marked_and_names_are_escaped(album: Album, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "MAX_FACES", 40)
    page = write_page(album)
    (figure,) = re.findall(r'<figure class="doubtful" title="([^"]+)">', page)
    assert figure.startswith("=&lt;b&gt;1.jpg: the lower face is covered") and "<b>1" not in page
    assert "&lt;i&gt;x" in page


def test_an_album_of_many_groups_shows_the_first(album: Album, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "MAX_GROUPS", 1)
    page = write_page(album)
    assert page.count("<section") == 1 and "and 1 more groups in faces.csv" in page
