# SPDX-License-Identifier: GPL-2.0-or-later
"""Mistakes of published drivers (docs/ndis51.md section 12) are caught."""

from nicrig.verifier.constants import CONTIGUOUS, FAILURE, NONCACHED
from tests.controller.verifier.script import Script


def broken(script: Script) -> set[str]:
    return set(script.judge().verdict.counts)


def test_1_shared_memory_before_the_attributes() -> None:
    """W2K nscirda, one card type: no attributes, no bus master, no channel."""
    script = Script().begin()
    script.shared(0x8000)
    assert broken(script) == {"R01", "R03"}


def test_2_map_registers_freed_that_were_never_allocated() -> None:
    """W2K e100bex, when NdisMMapIoSpace fails."""
    script = Script().begin().attributes().call("NdisMMapIoSpace", FAILURE, physical=0xFE000000, length=0x1000)
    script.call("NdisMFreeMapRegisters")
    script.free(script.context)
    assert broken(script.fail(FAILURE)) == {"R38"}


def test_3_a_packet_leaks_when_its_buffer_cannot_be_had() -> None:
    """W2K e100bex, BuildSwRfd."""
    script = Script().ready()
    packets, buffers, block = script.packet_pool(), script.buffer_pool(), script.shared()
    script.packet(packets)
    script.call("NdisAllocateBuffer", FAILURE, pool=buffers, address=block.address, length=0x800)
    script.free_shared(block).call("NdisFreeBufferPool", pool=buffers).call("NdisFreePacketPool", pool=packets)
    assert broken(script) == {"R73"}


def test_4_memory_freed_under_a_live_buffer() -> None:
    """E51, MpFreeAdapter."""
    script = Script().ready()
    pool = script.buffer_pool()
    item = script.receive_buffer(buffers=pool)
    script.succeed().halting().call("NdisUnchainBufferAtFront", packet=item.packet, buffer=item.buffer)
    script.free_shared(item.block).call("NdisFreeBuffer", buffer=item.buffer, length=0x800)
    assert broken(script) == {"R36"}


def test_5_an_empty_halt() -> None:
    """ROS nvnet."""
    script = Script().ready()
    script.shared()
    script.interrupt()
    assert broken(script.succeed().halting().returned()) == {"R27"}


def test_5_hardware_probed_before_its_ports() -> None:
    """ROS ne2000."""
    assert broken(Script().begin().attributes().call("NdisRawReadPort", port=0x300, bytes=1)) == {"R109"}


def test_a_dma_buffer_freed_as_plain_memory() -> None:
    script = Script().ready()
    script.free(script.flagged(0x2000, CONTIGUOUS | NONCACHED), 0x2000, 0)
    assert broken(script) == {"R40"}
