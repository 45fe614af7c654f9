"""The files of groups: every face in the table, every group in the report."""

import csv
import json

from mien.cluster.album import Album
from mien.cluster.files import COLUMNS, write_files


def test_the_table_has_every_face_and_the_report_every_group(album: Album) -> None:
    write_files(album, "<html>\udcff</html>")
    with (album.out / "faces.csv").open(encoding="utf-8-sig", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert tuple(rows[0]) == COLUMNS and len(rows) == 35
    (doubtful,) = [row for row in rows if row["outside"]]
    assert (doubtful["outside"], doubtful["person"]) == ("mask", "person-001")
    assert sum(row["person"] == "person-001" for row in rows) == 30
    report = json.loads((album.out / "report.json").read_text())
    assert [len(group["faces"]) for group in report["groups"]] == [30, 4]
    assert report["failed_images"] == {"x": "<i>x</i> is broken"} and report["counts"]["faces"] == 35
    assert report["limits"]["found"]["score"] == album.grouping.strictness.found
