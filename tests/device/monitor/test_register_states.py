# SPDX-License-Identifier: GPL-2.0-or-later
"""query-registers and query-rings: the answers for each kind, and that reading them changes nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from nicrig_device.spec import registers
from nicrig_device.spec.layout import Register
from tests.device.monitor.conftest import Client
from tests.fakes.driver import FakeDriver
from tests.fakes.memory_bus import MAC
from tests.fakes.non_dma_driver import NonDmaDriver
from tests.fakes.subordinate_driver import SubordinateDriver

StartClient = Callable[[str], Client]
MEMORY_AT, MEMORY_BYTES = 0x100000, 16 << 20
BLOCKS = {
    "bus-master": {"CARD": 11, "RX": 4, "TX": 4, "QUEUE": 6, "EVENT": 4},
    "subordinate": {"CARD": 11, "EVENT": 4, "DMA": 1, "CHANNEL": 6, "TRANSFER": 7},
    "non-dma": {"CARD": 11, "QUEUE": 6, "EVENT": 4, "RX_SLOT": 64, "TX_SLOT": 128, "PORT": 2},
}


def states(client: Client) -> dict[tuple[str, str], dict[str, Any]]:
    """The first copy of each register by block and name."""
    answer = client.returned("query-registers")
    return {(state["block"], state["name"]): state for state in reversed(answer)}


def test_each_kind_has_its_registers_and_no_other(start_client: StartClient, kind: str) -> None:
    found: dict[str, int] = {}
    for state in start_client(kind).returned("query-registers"):
        found[state["block"]] = found.get(state["block"], 0) + 1
    assert found == BLOCKS[kind]


def test_a_register_comes_with_its_declaration_and_its_fields(ready: Client) -> None:
    limit = states(ready)["CARD", "LIMIT"]
    assert (limit["bar"], limit["offset"], limit["width"], limit["access"]) == (0, 0x00C, 32, "RO")
    assert limit["value"] == registers.LIMIT.reset
    assert limit["doc"] == registers.LIMIT.doc
    assert limit["fields"][0] == {"name": "FRAME_MAX", "low": 0, "width": 16, "value": registers.FRAME_MAX}


def test_values_are_those_of_now(ready: Client) -> None:
    ready.bus.write_control(registers.CARD_BLOCK.address(registers.MODERATION), 0x0003_0002)
    ready.bus.doorbells[registers.QUEUE_BLOCK.address(registers.RX_TAIL) // 4] = 9
    found = states(ready)
    assert found["CARD", "MODERATION"]["value"] == 0x0003_0002
    assert found["QUEUE", "RX_TAIL"]["value"] == 9
    assert found["CARD", "MAC_LOW"]["value"] == int.from_bytes(MAC[:4], "little")
    assert found["CARD", "KICK"]["value"] is None
    assert found["EVENT", "LINK"]["value"] == 1


def seen(client: Client) -> tuple[dict[str, int], int, bytes]:
    """Everything that an access would change."""
    card = client.bus.card
    return card.counters.snapshot(), card.refusals.fault, card.page.bytes().tobytes()


def test_looking_changes_nothing(start_client: StartClient, kind: str) -> None:
    client = start_client(kind)
    client.bus.read_control(0xFFC)  # refused, so that FAULT holds something
    before = seen(client)
    client.returned("query-registers")
    client.returned("query-rings")
    assert seen(client) == before


def test_the_ports_show_the_register_that_they_stand_for(start_client: StartClient) -> None:
    client = start_client("non-dma")
    client.bus.access(registers.BAR_PORTS, 0, 4, registers.VERSION.offset.to_bytes(4, "little"))
    found = states(client)
    assert found["PORT", "INDEX"]["value"] == registers.VERSION.offset
    assert found["PORT", "DATA"]["value"] == registers.VERSION.reset


def ring(client: Client, name: str) -> dict[str, Any]:
    found: list[dict[str, Any]] = [state for state in client.returned("query-rings") if state["name"] == name]
    assert len(found) == 1
    return found[0]


def test_a_ring_has_its_address_and_how_far_both_sides_are(ready: Client) -> None:
    assert ring(ready, "rx") == {
        **{"name": "rx", "queue": 0, "enabled": False, "base": 0, "size": 0, "head": 0, "tail": 0, "posted": 0}
    }
    ready.bus.memory.map(MEMORY_AT, MEMORY_BYTES)
    driver = FakeDriver(ready.bus)
    driver.start(rx_size=64, tx_size=32)
    driver.post_receives(10)
    ready.bus.peer.send([bytes(60)] * 3)
    rx = ring(ready, "rx")
    assert (rx["enabled"], rx["size"], rx["head"], rx["tail"], rx["posted"]) == (True, 64, 3, 10, 7)
    assert MEMORY_AT <= rx["base"] < MEMORY_AT + MEMORY_BYTES
    driver.receive_exactly(3)
    driver.send_and_reap([bytes(60)] * 5)
    assert {**ring(ready, "tx"), "base": 0} == {
        **{"name": "tx", "queue": 0, "enabled": True, "base": 0, "size": 32, "head": 5, "tail": 5, "posted": 0}
    }
    driver.stop()


def test_a_doorbell_out_of_range_is_shown_and_not_obeyed(ready: Client) -> None:
    ready.bus.memory.map(MEMORY_AT, MEMORY_BYTES)
    driver = FakeDriver(ready.bus)
    driver.start(rx_size=64)
    write_word(ready, registers.RX_TAIL, 0x1_0000)
    rx = ring(ready, "rx")
    assert (rx["tail"], rx["posted"]) == (0x1_0000, 0)
    assert ready.returned("query-counters")["refused_doorbell"] == 0
    write_word(ready, registers.RX_TAIL, 0)
    driver.stop()


def write_word(client: Client, register: Register, value: int) -> None:
    client.bus.doorbells[registers.QUEUE_BLOCK.address(register) // 4] = value


def test_slots_are_rings_without_an_address(start_client: StartClient) -> None:
    client = start_client("non-dma")
    driver = NonDmaDriver(client.bus)
    driver.start()
    driver.prepare()
    client.bus.peer.send([bytes(60)] * 2)
    rx = ring(client, "rx")
    assert (rx["base"], rx["size"], rx["head"], rx["posted"]) == (None, registers.SLOTS, 2, registers.SLOTS - 2)
    driver.stop()


def test_a_subordinate_card_has_a_fifo_and_a_channel(start_client: StartClient) -> None:
    client = start_client("subordinate")
    client.bus.memory.map(MEMORY_AT, MEMORY_BYTES)
    driver = SubordinateDriver(client.bus)
    driver.start()
    client.bus.peer.send([bytes(60)] * 2)
    fifo = ring(client, "fifo")
    assert (fifo["size"], fifo["head"], fifo["tail"], fifo["posted"]) == (registers.FIFO_FRAMES, 0, 2, 2)
    driver.receive_exactly(2)
    assert (ring(client, "fifo")["head"], ring(client, "fifo")["posted"]) == (2, 0)
    channel = ring(client, "channel")
    assert (channel["head"], channel["tail"], channel["posted"]) == (1, 1, 0)
    driver.stop()
