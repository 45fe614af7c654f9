"""Tracks become people: who returns keeps a number, who crosses keeps theirs, and each gets one decision."""

from collections.abc import Callable, Iterable
from dataclasses import replace

import cv2
import numpy as np
import pytest

from mien.detect.stream import TrackedFrame
from mien.types import Floats
from mien.watch.events import WatchEvent
from mien.watch.watcher import Watcher
from watch.conftest import BLUE, BLURRED, GREEN, RED, embed_colours, frame

Make = Callable[..., Watcher]


def run(watcher: Watcher, frames: Iterable[TrackedFrame]) -> list[WatchEvent]:
    events, last = list[WatchEvent](), 0.0
    for one in frames:
        events += watcher.step(one).events
        last = one.frame.seconds
    return events + watcher.finish(last)


def said(events: Iterable[WatchEvent]) -> list[tuple[str, int | None, str]]:
    return [(one.kind, one.track, one.decision) for one in events]


def steps(count: int, start: float = 0.0) -> list[float]:
    return [start + place / 5 for place in range(count)]


def test_a_known_person_is_identified_once_at_the_first_sample_and_leaves_by_name(make_watcher: Make) -> None:
    events = run(make_watcher(), [frame(at, (1, RED, 50)) for at in steps(40)])
    assert said(events) == [("appeared", 1, "unknown"), ("identified", 1, "Mrs Red"), ("left", 1, "Mrs Red")]
    left = events[-1]
    assert (left.start, left.end, left.frames) == (0, 7.8, 40) and 8 <= left.samples <= 20 and not left.reasons
    assert left.person is not None and left.person.candidates[0].score.value == pytest.approx(1, abs=0.01)


def test_a_stranger_stays_unknown_with_the_reason(make_watcher: Make) -> None:
    events = run(make_watcher(), [frame(at, (1, GREEN, 50)) for at in steps(10)])
    assert said(events) == [("appeared", 1, "unknown"), ("left", 1, "unknown")]
    assert "nobody in the gallery is alike enough" in events[-1].reasons[0].text("en")


def test_a_blurred_track_is_never_compared_and_says_that_it_was_blurred(make_watcher: Make) -> None:
    watcher = make_watcher()
    events = run(watcher, [frame(at, (1, BLURRED, 50)) for at in steps(10)])
    assert said(events) == [("appeared", 1, "unknown"), ("left", 1, "unknown")]
    assert [one.text("en") for one in events[-1].reasons][1:] == ["the face is not sharp"]
    assert watcher.setting.recognizer.embedded == 0, "nothing was embedded"


def test_a_face_that_is_found_in_one_frame_alone_is_not_reported(make_watcher: Make) -> None:
    assert run(make_watcher(), [frame(0, (1, RED, 50)), *(frame(at) for at in steps(40, 0.2))]) == []


def test_a_camera_of_one_frame_a_minute_reports_whom_each_frame_shows(make_watcher: Make) -> None:
    events = run(make_watcher(), [frame(60.0 * place, (place, RED, 50)) for place in range(1, 4)])
    assert [(one.kind, one.track) for one in events if one.kind != "appeared"] == [
        *(("identified", 1), ("left", 1), ("identified", 2), ("left", 2), ("identified", 3), ("left", 3)),
    ]


def test_faces_are_embedded_on_a_schedule_and_not_in_every_frame(make_watcher: Make) -> None:
    watcher = make_watcher()
    run(watcher, [frame(place / 25, (1, RED, 50), detected=place % 5 == 0) for place in range(250)])
    assert 10 <= watcher.setting.recognizer.embedded <= 20


def test_a_face_that_turns_away_and_returns_within_five_seconds_keeps_its_number(make_watcher: Make) -> None:
    here = [frame(at, (1, RED, 50)) for at in steps(10)]
    away = [frame(at) for at in steps(18, 2.0)]
    back = [frame(at, (2, RED, 300)) for at in steps(10, 5.6)]
    events = run(make_watcher(), [*here, *away, *back])
    assert said(events) == [("appeared", 1, "unknown"), ("identified", 1, "Mrs Red"), ("left", 1, "Mrs Red")]
    assert events[-1].end == pytest.approx(7.4) and events[-1].frames == 20


def test_a_face_that_returns_later_gets_a_new_number_and_a_decision_of_its_own(make_watcher: Make) -> None:
    here = [frame(at, (1, RED, 50)) for at in steps(10)]
    away = [frame(at) for at in steps(40, 2.0)]
    back = [frame(at, (2, RED, 300)) for at in steps(10, 10)]
    events = run(make_watcher(), [*here, *away, *back])
    assert [(one.track, one.decision) for one in events if one.kind == "left"] == [(1, "Mrs Red"), (2, "Mrs Red")]


def test_somebody_else_who_comes_soon_after_gets_a_new_number(make_watcher: Make) -> None:
    first = [frame(at, (1, RED, 50)) for at in steps(10)]
    second = [frame(at, (2, BLUE, 50)) for at in steps(10, 3.2)]
    events = run(make_watcher(), [*first, *second])
    assert [(one.track, one.decision) for one in events if one.kind == "left"] == [(1, "Mrs Red"), (2, "unknown")]


def test_two_people_who_cross_do_not_exchange_their_numbers_although_the_tracker_did(make_watcher: Make) -> None:
    watcher, numbers = make_watcher(), list[tuple[int, int]]()
    for place in range(30):
        at, red, green = place / 5, 20 + 10.0 * place, 310 - 10.0 * place
        # From the crossing on, the tracker has the two the wrong way round.
        first, second = (1, 2) if place < 15 else (2, 1)
        watched = watcher.step(frame(at, (first, RED, red), (second, GREEN, green)))
        numbers.append((watched.people[0][0], watched.people[1][0]))
    assert numbers[5] == (1, 2) and set(numbers[20:]) == {(1, 2)}
    left = {one.track: one.decision for one in watcher.finish(6) if one.kind == "left"}
    assert left == {1: "Mrs Red", 2: "unknown"}


def test_of_two_people_who_cross_nobody_is_shown_by_the_others_face(make_watcher: Make) -> None:
    watcher, dim = make_watcher(), (200, 8, 8)
    for place in range(30):
        at, red, green = place / 5, 20 + 10.0 * place, 310 - 10.0 * place
        first, second = (1, 2) if place < 15 else (2, 1)
        watcher.step(frame(at, (first, dim, red), (second, GREEN, green)))
        for person in [one for one in watcher.people.in_sight.values() if one.number]:
            channel = person.number - 1
            assert person.thumbnail is not None and person.thumbnail[0, 0].argmax() == channel
            samples = [*person.book.samples, *person.pending]
            assert {int(one.embedding.argmax()) for one in samples} == {channel}


def test_whose_track_goes_on_with_somebody_else_before_the_first_look_is_compared_all_the_same(
    make_watcher: Make,
) -> None:
    frames = [*(frame(at, (1, RED, 50)) for at in steps(4)), *(frame(at, (1, BLUE, 50)) for at in steps(12, 0.8))]
    events = run(make_watcher((8,)), frames)
    assert {one.track: one.decision for one in events if one.kind == "left"} == {1: "Mrs Red", 2: "unknown"}


def test_two_people_who_cross_keep_their_numbers_where_the_tracker_was_right(make_watcher: Make) -> None:
    watcher = make_watcher()
    for place in range(30):
        at, red, green = place / 5, 20 + 10.0 * place, 310 - 10.0 * place
        watched = watcher.step(frame(at, (1, RED, red), (2, GREEN, green)))
    assert [number for number, _ in watched.people] == [1, 2]


def test_a_track_that_goes_on_with_somebody_else_is_two_tracks(make_watcher: Make) -> None:
    """As after a cut between scenes that was not noticed."""
    frames = [*(frame(at, (1, RED, 50)) for at in steps(10)), *(frame(at, (1, BLUE, 50)) for at in steps(12, 2.0))]
    events = run(make_watcher(), frames)
    assert {one.track: one.decision for one in events if one.kind == "left"} == {1: "Mrs Red", 2: "unknown"}


def test_after_a_cut_the_same_person_at_another_place_keeps_the_number(make_watcher: Make) -> None:
    before = [frame(at, (1, RED, 50)) for at in steps(6)]
    after = [frame(at, (2, RED, 200), cut=at == 1.2) for at in steps(6, 1.2)]
    events = run(make_watcher(), [*before, *after])
    assert [(one.kind, one.track) for one in events] == [("appeared", 1), ("identified", 1), ("left", 1)]


def test_a_decision_that_more_samples_refute_is_changed(make_watcher: Make) -> None:
    """The first samples look like Mrs Red by chance; those that follow do not."""
    shades = [(200, 40, 0)] * 2 + [(200, 170, 0)] * 12
    events = run(make_watcher(), [frame(place / 5, (1, shade, 50)) for place, shade in enumerate(shades)])
    assert said(events)[:3] == [("appeared", 1, "unknown"), ("identified", 1, "Mrs Red"), ("changed", 1, "unknown")]
    assert events[2].was == "Mrs Red" and events[-1].decision == "unknown"


def test_where_one_look_is_allowed_it_waits_for_samples_or_for_the_end(make_watcher: Make) -> None:
    long = run(make_watcher((8,)), [frame(at, (1, RED, 50)) for at in steps(20)])
    assert said(long)[1][:2] == ("identified", 1) and long[1].samples >= 8
    short = run(make_watcher((8,)), [frame(at, (1, RED, 50)) for at in steps(4)])
    assert said(short) == [("appeared", 1, "unknown"), ("identified", 1, "Mrs Red"), ("left", 1, "Mrs Red")]


def test_somebody_who_is_enrolled_meanwhile_is_found_from_the_next_track_on(make_watcher: Make) -> None:
    watcher = make_watcher()
    run(watcher, [frame(at, (1, RED, 50)) for at in steps(5)])
    watcher.setting.gallery.remove("Mrs Red")
    events = run(watcher, [frame(at, (2, RED, 50)) for at in steps(5, 20)])
    assert said(events)[-1] == ("left", 2, "unknown"), "an erased subject is not named again"


def test_forty_faces_in_a_frame_are_forty_tracks(make_watcher: Make) -> None:
    places = [(number, GREEN, 9.0 * number) for number in range(40)]
    watched = [make_watcher().step(frame(0, *places))][0]
    assert len(watched.people) == 40


def test_a_stranger_who_leaves_gives_the_best_samples_with_portraits_where_they_are_kept(make_watcher: Make) -> None:
    frames = [frame(at, (1, GREEN, 50), (2, RED, 150), (3, BLURRED, 250)) for at in steps(30)]
    left = {one.track: one for one in run(make_watcher(keep_unknown=True), frames) if one.kind == "left"}
    assert len(left[1].unknown) == 5 and {len(left[2].unknown), len(left[3].unknown)} == {0}, "known, or never clear"
    portrait = left[1].unknown[0].portrait
    assert portrait is not None and portrait.landmarks.shape == (5, 2)
    image = cv2.imdecode(np.frombuffer(portrait.jpeg, np.uint8), cv2.IMREAD_COLOR_RGB)
    assert abs(image[40, round(image.shape[1] / 2)].astype(int) - GREEN).max() < 12, "it shows the face"
    assert not any(one.unknown for one in run(make_watcher(), frames)), "off by default"


def ignore(*colours: tuple[int, int, int]) -> Callable[[str], list[Floats]]:
    return lambda contract: [embed_colours([one]) for one in colours] if contract == "c" else []


def test_nothing_is_said_of_somebody_who_is_ignored(make_watcher: Make) -> None:
    frames = [frame(at, (1, GREEN, 50), (2, BLUE, 200)) for at in steps(30)]
    events = run(make_watcher(ignored=ignore(GREEN), keep_unknown=True), frames)
    assert said(events) == [("appeared", 1, "unknown"), ("left", 1, "unknown")]
    assert events[-1].unknown[0].embedding.argmax() == 2, "the other one is as unknown as before"


def test_somebody_enrolled_who_is_like_an_ignored_person_is_identified_all_the_same(make_watcher: Make) -> None:
    frames = [frame(at, (1, RED, 50)) for at in steps(30)]
    events = run(make_watcher(ignored=ignore((230, 70, 0))), frames)
    assert said(events) == [("appeared", 1, "unknown"), ("identified", 1, "Mrs Red"), ("left", 1, "Mrs Red")]


def test_somebody_who_is_more_like_an_ignored_person_than_like_the_subject_is_not_named(make_watcher: Make) -> None:
    frames = [frame(at, (1, (230, 70, 0), 50)) for at in steps(30)]
    assert said(run(make_watcher(), frames))[-1] == ("left", 1, "Mrs Red"), "as alike as that"
    assert run(make_watcher(ignored=ignore((225, 80, 0))), frames) == []


def test_an_ignored_person_who_is_seen_badly_at_first_is_not_announced(make_watcher: Make) -> None:
    early = [frame(at, (1, BLURRED, 50)) for at in steps(5)]
    like = [frame(at, (1, (120, 200, 10), 50)) for at in steps(2, 1.0)]
    clear = [frame(at, (1, GREEN, 50)) for at in steps(30, 1.4)]
    assert run(make_watcher(ignored=ignore(GREEN)), [*early, *like, *clear]) == []


def test_who_is_ignored_while_in_sight_leaves_without_a_word(make_watcher: Make) -> None:
    people = list[Floats]()
    watcher = make_watcher(ignored=lambda contract: people)
    before = run_on(watcher, [frame(at, (1, GREEN, 50)) for at in steps(3)])
    people.append(embed_colours([GREEN]))
    assert said(before) == [("appeared", 1, "unknown")]
    assert run(watcher, [frame(at, (1, GREEN, 50)) for at in steps(60, 0.6)]) == []


def run_on(watcher: Watcher, frames: Iterable[TrackedFrame]) -> list[WatchEvent]:
    return [event for one in frames for event in watcher.step(one).events]


def test_a_face_of_a_single_frame_after_a_gap_is_not_reported(make_watcher: Make) -> None:
    """As in the first frame of a camera that was lost for a while."""
    before = [frame(at) for at in steps(10)]
    after = [frame(12.0, (1, RED, 50)), *(frame(at) for at in steps(40, 12.2))]
    assert run(make_watcher(), [*before, *after]) == []


def test_a_track_keeps_the_plan_with_which_it_began(make_watcher: Make) -> None:
    watcher = make_watcher()
    begun = run_on(watcher, [frame(at, (1, GREEN, 50)) for at in steps(4)])
    stricter = replace(watcher.setting.plan, fmr=1e-9)
    watcher.setting = replace(watcher.setting, plan=stricter)
    events = run(watcher, [frame(at, (1, GREEN, 50), (2, BLUE, 200)) for at in steps(20, 0.8)])
    assert len(begun) == 1 and {one.track: one.fmr for one in events if one.kind == "left"} == {1: 4e-3, 2: 1e-9}
