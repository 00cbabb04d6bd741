# SPDX-License-Identifier: GPL-2.0-or-later
from __future__ import annotations

import math

import numpy as np
import pytest

from nicrig.report.clock import Clock, fit
from nicrig.verifier.events import CARD_EVENTS, Event
from tests.controller.report import AHEAD, MS, SECOND, US, Story, run_of


def slower(event: Event, drift: float) -> Event:
    """The same events when the card's clock gains `drift` per nanosecond."""
    card = event.function in CARD_EVENTS
    return event._replace(time=event.time + round((event.time - AHEAD) * drift)) if card else event


def test_what_guest_and_card_did_is_on_one_axis() -> None:
    story = Story()
    for time in range(10 * US, 100 * US, 10 * US):
        story.tie(time)
    run = story.run()
    assert run.clock.offset == AHEAD
    assert run.clock.error == US
    assert np.allclose(run.times[:4] * 1e9, [0, US, 2 * US, 10 * US], atol=1)


def test_late_events_of_the_card_do_not_move_it() -> None:
    story = Story()
    for time in range(10 * US, 100 * US, 10 * US):
        story.tie(time)
        story.card(time + 5 * MS, "card.write")  # stamped early, recorded at the end of a batch
    assert story.run().clock.offset == AHEAD


@pytest.mark.parametrize("drift", [-50e-6, 20e-6])
def test_clocks_of_different_speed_are_followed(drift: float) -> None:
    story = Story()
    for time in range(0, 20 * SECOND, 100 * MS):
        story.tie(time)
    run = run_of([slower(event, drift) for event in story.events])
    assert run.clock.drift == pytest.approx(drift, rel=0.01)
    assert run.clock.error < 10 * US
    assert np.allclose(np.diff(run.times)[0::3], 1e-6, atol=run.clock.error / 1e9)


def test_nothing_ties_the_clocks_of_a_card_alone_or_a_guest_alone() -> None:
    card, guest = Story(), Story()
    card.card(0, "card.reset")
    guest.guest(0, "NdisMSleep")
    assert math.isinf(card.run().clock.error)
    assert math.isinf(guest.run().clock.error)
    assert fit(np.zeros(0, np.int64), np.zeros(0, bool), np.zeros(0, bool)) == Clock()


def test_times_that_no_clock_has_are_still_a_clock() -> None:
    story = Story()
    story.tie(1 << 62)
    story.tie(-(1 << 62))
    assert np.isfinite(story.run().times).all()
