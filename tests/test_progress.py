"""One callback type for long work."""

from mien.progress import Progress, report_progress


def test_an_item_is_reported_after_the_caller_has_finished_with_it():
    reports: list[Progress] = []
    done_when_seen = [(item, len(reports)) for item in report_progress("ab", "reading", 2, reports.append)]
    assert done_when_seen == [("a", 0), ("b", 1)]
    assert reports == [
        Progress(stage="reading", done=1, total=2),
        Progress(stage="reading", done=2, total=2),
    ]
