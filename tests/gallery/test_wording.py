"""What is said of a gallery."""

from mien.gallery.wording import interval, message
from mien.rates import Estimate


def test_a_rate_has_its_interval_in_percent() -> None:
    rate = Estimate(0.0242, 0.0153, 0.0382, 1000)
    assert interval(rate).text("en") == "2.42% (1.53% to 3.82%)"
    assert interval(rate).text("vi") == "2,42% (1,53% đến 3,82%)"


def test_one_of_a_kind_is_not_called_many() -> None:
    def said(count: int) -> str:
        parts = {name: message(f"count.{name}", count=count) for name in ("people", "templates", "several")}
        return message("health.people", model="m", **parts).text("en")

    assert said(1) == "1 person with 1 template by m; 1 of them has several images"
    assert said(2) == "2 people with 2 templates by m; 2 of them have several images"
    assert said(0).startswith("0 people with 0 templates")
    assert message("health.pairs", count=1).text("en") == "1 pair of different people, one template each"
    assert message("health.more", count=1).text("en") == "1 more person"
    assert message("health.more", count=1200).text("vi") == "thêm 1.200 người"
