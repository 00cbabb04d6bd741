# SPDX-License-Identifier: GPL-2.0-or-later
"""How the verifier judges events of the card in a gap of the guest's records."""

from nicrig.verifier.decoder import make_event
from nicrig.verifier.events import Event
from nicrig.verifier.functions import BY_NAME, Detail, Irql, Phase, RecordKind
from nicrig.verifier.verdict import Verdict
from nicrig.verifier.verifier import Verifier

PACKET, BUFFER, ADDRESS, LENGTH = 0x1000, 0x2000, 0x3000, 60


def driver(sequence: int, function: str, kind: RecordKind, *arguments: int) -> Event:
    assert function in BY_NAME
    return make_event(sequence, function, kind, Phase.RUN, Irql.DISPATCH, 0, 0, sequence, *arguments)


SENT_AND_COMPLETED = [
    driver(1, "MiniportSendPackets", RecordKind.ENTER, PACKET, BUFFER, LENGTH, 1),
    driver(2, "ScatterGatherElement", RecordKind.CALL, PACKET, 0, ADDRESS, LENGTH),
    driver(3, "NdisFlushBuffer", RecordKind.CALL, BUFFER, 0, LENGTH, 1),
    driver(4, "MiniportSendPackets", RecordKind.LEAVE),
    driver(5, "NdisMSendComplete", RecordKind.CALL, PACKET, 0),
]


def verdict_of_a_read(*, after: int) -> Verdict:
    """The card reads the completed send's address after `after` guest records were begun."""
    verifier = Verifier(Detail.FRAMES)
    read = make_event(1, "card.read", RecordKind.CALL, Phase.NONE, 0, 0, 0, 0, 0, ADDRESS, LENGTH, 1, after)
    verifier.feed([*SENT_AND_COMPLETED, read])
    return verifier.verdict


def test_a_read_after_the_completion_is_found() -> None:
    verdict = verdict_of_a_read(after=5)
    assert verdict.lost == 0
    assert "R88" in verdict.counts


def test_a_read_after_lost_records_may_be_of_what_they_handed_over() -> None:
    verdict = verdict_of_a_read(after=9)
    assert verdict.lost == 4
    assert "R88" not in verdict.counts


def test_a_loss_that_the_card_showed_is_counted_once() -> None:
    verifier = Verifier(Detail.FRAMES)
    read = make_event(1, "card.read", RecordKind.CALL, Phase.NONE, 0, 0, 0, 0, 0, ADDRESS, LENGTH, 1, 9)
    following = driver(10, "NdisSetEvent", RecordKind.CALL, 0x4000)
    verifier.feed([*SENT_AND_COMPLETED, read, following])
    assert verifier.verdict.lost == 4
