# SPDX-License-Identifier: GPL-2.0-or-later
from __future__ import annotations

from base64 import b64decode
from collections.abc import Callable

import msgspec
import numpy as np
import pytest

from nicrig.verifier.events import CARD_EVENTS
from nicrig_device.spec import registers
from nicrig_device.spec.counters import COUNTERS
from nicrig_device.spec.findings import HandOverFinding, LedgerFinding
from nicrig_interface.answers import RecorderLayout
from tests.device.monitor.conftest import Client
from tests.fakes import recorder as datasheet
from tests.fakes.memory_bus import MAC
from tests.fakes.recorder import DETAIL, HEAD, SETTLED, Granting, Record, RecorderMemory
from tests.fakes.wire_peer import WirePeer


def test_counters_come_by_name_and_the_id_comes_back(ready: Client) -> None:
    assert ready.execute("query-counters") == {"return": dict.fromkeys(COUNTERS, 0), "id": 7}


def test_set_link_changes_the_card(ready: Client) -> None:
    assert ready.returned("set-link", up=False) == {}
    assert ready.returned("query-card")["link"] is False
    assert not ready.bus.card.link_up


def test_query_card_describes_the_card(start_client: Callable[[str], Client], kind: str) -> None:
    answer = start_client(kind).returned("query-card")
    assert (answer["kind"], answer["mac"], answer["client"]) == (kind, MAC.hex(":"), False)
    assert answer["version"] == f"{registers.VERSION_MAJOR}.{registers.VERSION_MINOR}"


def test_a_capture_lasts_until_it_is_ended_or_its_session_is_over(ready: Client) -> None:
    captures = ready.bus.card.trace.captures
    assert ready.returned("set-capture", on=True) == ready.returned("set-capture", on=True) == {}
    assert captures == {ready.session}
    assert ready.returned("query-card")["capture"] is True
    ready.returned("set-capture", on=False)
    assert ready.returned("query-card")["capture"] is False
    captures.update((ready.session, "another session"))
    ready.commands.forget(ready.session)
    assert captures == {"another session"}


def test_reset_resets_the_card(ready: Client) -> None:
    ready.bus.card.receiving = True
    assert ready.returned("reset") == {}
    assert not ready.returned("query-card")["receiving"]
    assert ready.returned("query-counters")["resets"] == 1


def test_query_wire_lists_the_peers(ready: Client) -> None:
    assert ready.returned("query-wire") == []
    with WirePeer(ready.wire.listener.getsockname()):
        ready.wire.accept()
        assert ready.returned("query-wire") == [{"unsent": 0, "lost": 0, "listening": True}]


def test_the_commands_are_those_that_there_are(ready: Client) -> None:
    names = [command["name"] for command in ready.returned("query-commands")]
    assert names == sorted(ready.commands.table)
    assert {"query-card", "query-qmp-schema", "set-link"} <= set(names)


def test_the_version_is_the_greeting_s(ready: Client) -> None:
    assert ready.returned("query-version") == ready.greeting["QMP"]["version"]


def test_the_timing_is_queried_and_set(ready: Client) -> None:
    none = dict.fromkeys([finding.name.lower() for finding in HandOverFinding], 0)
    assert ready.returned("query-timing") == {"timing": "kind", "findings": none, "noise": ""}
    assert ready.returned("set-timing", timing="unkind:5") == {}
    unkind = ready.returned("query-timing")
    assert unkind["timing"] == "unkind:5"
    assert b64decode(unkind["noise"]) == ready.bus.card.timing.noise.tobytes()
    assert ready.returned("set-timing", timing="unkind") == {}
    assert ready.returned("query-timing")["timing"] == "unkind:1"
    for wrong in ("cruel", "unkind:", "unkind:-1", "unkind:x", "kind:1", "unkind:1:2"):
        assert "kind, unkind or unkind:SEED" in ready.refused("set-timing", timing=wrong)[1]
    assert ready.returned("query-timing")["timing"] == "unkind:1"


def test_the_ledger_is_queried_and_set(ready: Client) -> None:
    off = ready.returned("query-ledger")
    assert (off["policy"], off["blind"], off["ranges"]) == ("off", "no driver has begun to record", 0)
    assert ready.returned("set-ledger", policy="report") == {}
    grants = Granting(RecorderMemory(ready.bus.recorder()))
    grants.grant(0x1000, 0x100)
    assert ready.returned("query-ledger") == {
        "policy": "report",
        "blind": None,
        "ranges": 1,
        "bytes": 0x100,
        "generation": 1,
        "records": 2,
        "findings": dict.fromkeys([finding.name.lower() for finding in LedgerFinding], 0),
    }


@pytest.mark.parametrize("arguments", [{}, {"policy": "on"}, {"policy": 1}, {"policy": "off", "seed": 1}])
def test_set_ledger_takes_a_policy_and_nothing_else(ready: Client, arguments: dict[str, object]) -> None:
    assert ready.refused("set-ledger", **arguments)[0] == "GenericError"


def test_query_recorder_gives_a_reader_all_it_needs(ready: Client) -> None:
    layout = msgspec.convert(ready.returned("query-recorder"), RecorderLayout)
    assert (layout.recorder, layout.trace) == ("/run/card/recorder", "/run/card/trace")
    record = np.dtype(layout.record)
    parts = [name for field in record.names or () for name in layout.packed.get(field, (field,))]
    assert parts == list(Record._fields)
    assert record.itemsize == datasheet.RECORD.size
    assert layout.offset == datasheet.RECORDS_AT
    assert (layout.head, layout.detail, layout.settled) == (HEAD // 8, DETAIL // 8, SETTLED // 8)
    assert layout.build == datasheet.BUILD // 8
    assert layout.capacity == ready.bus.card.recorder.words[1]
    assert set(layout.events.values()) == set(CARD_EVENTS)
