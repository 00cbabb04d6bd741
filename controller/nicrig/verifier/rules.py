# SPDX-License-Identifier: GPL-2.0-or-later
"""The catalogue: every rule of docs/ndis51.md section 9, declared once.

A rule that cannot be broken in a way that this stream shows says why, as `hidden`. Where only a part can be seen, the
text says which.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Iterator
from dataclasses import dataclass


class Severity(enum.Enum):
    """How bad it is; the values are the letters of section 9, the worst first."""

    FATAL = "F"  # Windows would stop, or memory is corrupted
    ERROR = "E"  # breaks a documented must
    WARNING = "W"  # against documented advice, or wasteful
    NOTE = "I"


@dataclass(frozen=True)
class Rule:
    """One rule. `group` names the file in checks/ that holds it, `test` is pytest's id of the test that breaks it."""

    id: str
    group: str
    name: str
    text: str
    severity: Severity
    source: str
    hidden: str = ""

    @property
    def observable(self) -> bool:
        return not self.hidden

    @property
    def test(self) -> str:
        return f"tests/controller/verifier/test_{self.group}.py::test_{self.id.lower()}_{self.name}"


# [group], then for each rule: id, severity, name of its test, source; condition and violation; why it is hidden.
_DECLARED = """
[phase] 9.1 Phase and order

R01 E claim_before_attributes (DDI:ndismsetattributesex; NT4:101mini_8)
    A call that claims a resource (map registers, scatter-gather, shared memory, channel, ports, device
    memory, interrupt) comes before NdisMSetAttributesEx.
R02 E bus_master_call_without_the_attribute (MS51:ff553543; NT4:103ndisx_85)
    Map registers, scatter-gather or asynchronous shared memory are asked for without the BUS_MASTER
    attribute.
R03 E shared_memory_before_its_gate (SEED1; NT4:103ndisx_86)
    Shared memory is asked for before scatter-gather, map registers or a DMA channel was granted.
R04 E claim_outside_initialize (DDI; WDD:ndis-ndismmapiospace, ndis-ndismregisterioportrange)
    Scatter-gather, map registers, channel, ports, device memory or interrupt are claimed outside
    MiniportInitialize.
R05 E shared_memory_outside_initialize (DDI:ndismallocatesharedmemory)
    NdisMAllocateSharedMemory is called outside MiniportInitialize; at run time only the asynchronous call may
    be.
R06 E flagged_memory_outside_initialize (SEED2)
    Contiguous or noncached memory is asked for outside MiniportInitialize.
R07 E call_of_another_kind (NT4:103ndisx_85; SEED1)
    A subordinate or non-DMA miniport calls for map registers, scatter-gather or asynchronous shared memory,
    or a non-DMA one for any shared memory (W: a flush).
R08 E transfer_without_a_channel (DDI:ndismregisterdmachannel)
    NdisMSetupDmaTransfer or NdisMCompleteDmaTransfer on a channel that is not registered.
R09 W two_dma_models (OSR:103ndisx_48aa; NDW)
    Scatter-gather and map registers are both in use, or a buffer is mapped by hand in scatter-gather mode.
R10 W map_registers_in_a_51_bus_master (E51; MS51:ff548933)
    An NDIS 5.1 bus master uses map registers instead of scatter-gather.
R11 E map_registers_twice (NDW)
    Map registers are granted a second time without a free between.
R12 W isa_choices_on_pci (OSR:103ndisx_44j6)
    Map registers with a DMA channel on a bus that is not ISA, or with 24-bit addresses on PCI.
R13 W interrupt_registered_too_early (DDI:ndismregisterinterruptex; NT4:103ndisx_123)
    The interrupt is registered while the card's CONTROL.INTERRUPT is set, or before shared memory, pools,
    registers or channel that MiniportInitialize still claims.
R14 E sharable_line_claimed_alone (NT4:103ndisx_123)
    A level-sensitive line, which may be shared, is registered without SharedInterrupt or RequestIsr.
R15 E traffic_before_initialize_succeeded (NT4:101mini_8)
    Before MiniportInitialize returned success the miniport indicates or completes a packet, or one of its
    handlers is called (sends and deferred calls are R126, DMA is R90 and R91).
R16 F context_not_live (DDI:ndismsetattributesex)
    The adapter context is not inside live nonpaged memory, or is freed while a handler may still get it:
    outside MiniportHalt, under a registered interrupt, or before a handler that is entered later.

[teardown] 9.2 Failures and tear-down

R20 F failed_allocation_used (all pages; WDD:low-resources-simulation)
    What a failed allocation left in the out pointer (NULL) is used in a later call; other uses are not seen.
R21 E failed_void_allocator_used (MS51:ff550741)
    Shared memory whose address is NULL, or a buffer pool whose status is a failure, is used: success was
    judged by something else.
R22 E failed_initialize_left_objects (NT4:203entry_24; WDD:0x7C, ndis-init-*)
    MiniportInitialize failed and something is still allocated or registered (F: interrupt or timer).
R23 W retry_that_cannot_help (SEED2; DDI:ndismallocatesharedmemory)
    After a failure the same call is repeated at once for no less, or fails more than 16 times in a row.
R24 I gave_up_without_asking_for_less (SEED2)
    MiniportInitialize failed with a contiguous, noncached or shared request that was never repeated smaller;
    whether less would have done is not seen.
R25 W pool_failure_reported_otherwise (SEED2)
    ExAllocatePool returned NULL in a handler that then failed with another status than
    STATUS_INSUFFICIENT_RESOURCES.
R26 W allocation_failure_ends_initialize_unlogged (NT4:101mini_8)
    An allocation failure ends MiniportInitialize with another status than RESOURCES, or without an error-log
    entry.
R27 E halt_left_objects (MS51:ff546517; WDD)
    MiniportHalt returned and something is still allocated or registered (F: interrupt or timer).
R28 F halt_before_packets_returned (MS51:ff546517)
    MiniportHalt returned while the protocol still has received packets.
R29 E halt_with_sends_pending (W2K:e100bex)
    MiniportHalt returned with sends that were never completed.
R30 E shared_memory_after_map_registers (MS51:ff553523)
    Map registers are freed while shared memory lives, which must go first.
R31 W freed_under_the_interrupt (NT4:101mini_6; DDI:ndismderegisterinterruptex)
    MiniportHalt frees memory or pools before NdisMDeregisterInterrupt (E: a service routine or deferred call
    ran after that), or deregisters it with the card's CONTROL.INTERRUPT still set.
R32 I context_freed_first (NT4:101mini_6)
    MiniportHalt frees the adapter context, which was acquired first, before other things; the finer order is
    not judged, as R30 to R37 allow exceptions.
R33 E shutdown_releases (WDD:ndis-ndismfreesharedmemory; MS51:ff546517)
    MiniportShutdown frees memory or releases a resource.
R34 F halt_with_asynchronous_memory_pending (NT4:101mini_2)
    MiniportHalt returned before the callback of an asynchronous allocation.
R35 F freed_under_the_card (W2K:e100bex; LNX:dbg)
    Shared memory is freed while an enabled ring lies in it, or the card reads or writes it after it was
    freed.
R36 W memory_freed_under_a_buffer (E51)
    Memory is freed while a live NDIS_BUFFER describes it (F: the buffer is used later).
R37 E halt_did_not_wait_for_a_timer (MS51:ff546517)
    NdisMCancelTimer could not cancel a timer that was set, and MiniportHalt returned without waiting for it.
R38 E release_without_a_claim (DDI)
    Ports, device memory, channel or map registers are released without a matching claim, with other values,
    or outside MiniportInitialize and MiniportHalt.

[matching] 9.3 Allocation and free

R40 E memory_freed_otherwise (MS51:ff551990)
    NdisFreeMemory with other flags than the allocation's, or with another length when it had flags.
R41 F freed_what_is_not_allocated (WDD)
    Something is freed that was never allocated, was freed already, or begins inside a block.
R42 F freed_by_the_wrong_family (WDD:0xC2)
    Something is freed by another family's call (E: ExFreePoolWithTag with another tag, a NonInterlocked
    packet by the interlocked call or the other way round).
R43 E shared_memory_freed_otherwise (DDI:ndismfreesharedmemory)
    NdisMFreeSharedMemory with another length, Cached, virtual or physical address than the allocation's.
R44 F used_after_free (WDD:special-pool)
    A call is given a packet, buffer, pool, timer, lock or shared range that was freed; loads and stores are
    not seen.
R45 F access_beyond_a_block (WDD)
    The card reads or writes beyond the length of a shared block, its last page's slack included, or bytes
    behind a plain block were changed when it is freed; loads are not seen.
R46 E empty_allocation (WDD; DDI:exallocatepool)
    Zero bytes are asked for.
R47 W bad_tag (DDI:exallocatepoolwithtag; WDD)
    A tag of 0 or of other characters than 0x20 to 0x7E, or plain memory without a tag.
R48 E unload_left_memory (WDD:pool-tracking)
    The driver is unloaded with something still allocated, or allocates while it is.
R49 F block_with_an_active_object_freed (WDD:0xC4)
    A block is freed that contains an active timer, a lock or a registered interrupt.
R50 W uninitialised_contents_used (DDI:exallocatepool)
    The pattern of fresh memory (0x5a in every byte) is given to a call as a pointer, or to the card as a
    register value or address.
R51 W scarce_memory_wasted (SEED2; DDI)
    Contiguous or noncached memory that was never used for the card, or more than four times what its rings
    need; growth without a cap is not judged.
R52 E too_many_map_registers (MS51:ff552300)
    Map registers times the pages of the longest buffer are more than 64.
R53 E asynchronous_result_wrong (MS51:ff552304)
    MiniportAllocateComplete without a pending request, or with another length or context.

[levels] 9.4 Levels and context

R60 E level_too_high (section 4)
    A call above its highest level (F: NdisMAllocateSharedMemory).
R61 E flagged_memory_above_passive (SEED2)
    Contiguous or noncached memory is asked for above PASSIVE_LEVEL.
R62 E memory_freed_too_high (MS51:ff551990)
    NdisFreeMemory of contiguous memory above PASSIVE_LEVEL, of noncached memory at DISPATCH_LEVEL, or of any
    above it.
R63 E dpr_call_at_another_level (NT4:103ndisx_30)
    An NdisDpr call at another level than DISPATCH_LEVEL.
R64 F pool_at_the_wrong_level (WDD)
    Paged pool above APC_LEVEL, or nonpaged pool above DISPATCH_LEVEL.
R65 E call_from_the_service_routine (NT4:101mini_9)
    Code at a device level (MiniportISR, MiniportDisableInterrupt) makes a call that is not for any level.
R66 F waits_at_dispatch (WDD:force-irql-checking)
    A wait or sleep at DISPATCH_LEVEL or above, or under a spin lock; touching pageable memory is not seen.
R67 W packets_handed_over_under_a_lock (W2K:e100bex)
    NdisMIndicateReceivePacket or NdisMSendComplete is called with a spin lock held.
R68 W pool_call_under_a_lock (DDI:ndisfreepacketpool; MS51:ff552033)
    NdisAllocateBufferPool, NdisFreeBufferPool, NdisFreePacketPool or NdisFreeBuffer is called with a spin
    lock held.
R69 F handler_returns_changed (WDD:0xC4)
    A handler returns at another level, or with other locks held.

[packets] 9.5 Packets and buffers

R70 F buffer_over_unknown_memory (DDI:ndisallocatebuffer)
    NdisAllocateBuffer over what is not inside one live nonpaged block, or of length 0.
R71 W pool_gives_more_than_it_has (DDI)
    A pool has more descriptors out than it was made for.
R72 E packet_freed_with_its_chain (MS51:ff551981)
    A packet is freed with buffers chained to it that are never freed or chained again.
R73 E pool_freed_in_use (DDI:ndisfreepacketpool; MS51:ff551984)
    A pool is freed before all its descriptors are back.
R74 E packet_reinitialised_with_its_chain (NT4:101mini_13)
    A packet is reinitialised with buffers chained to it that are never freed or chained again.
R75 F packet_descriptor_overwritten (NT4:103ndisx_107)
    A packet's chain is empty although buffers were chained and never unchained: the descriptor was
    overwritten; other stores to it are not seen.
R76 E buffer_length_not_restored (DDI:ndisadjustmdllength)
    A buffer is adjusted beyond its original length, by somebody else than its allocator, or not restored
    before it is freed or the card writes into it again.
R77 W totals_not_recalculated (HDR)
    A packet's total length is not the sum of its buffers' lengths.
R78 F buffer_chained_twice (chain macros)
    A buffer is chained while it is in a chain already.
R79 E indicated_packet_unfit (NT4:103ndisx_11,107)
    A packet is indicated that is not from a live pool of the miniport's, has no buffer, or has less than four
    pointers for the protocol; or one is sent without a buffer.
R80 E unsafe_buffer_query (MS51:ff554417; DDI:ndismsetattributesex)
    NdisQueryBuffer on a protocol's buffer, or at all after USES_SAFE_BUFFER_APIS; whether a NULL was tested
    is not seen.
R81 F indicated_while_above (WDD:0x7C)
    A packet is indicated that the protocol still has.
R82 F written_while_above (NT4:103ndisx_107)
    A packet that the protocol has, or its buffer, is changed by a call, or written by the card.
R83 E success_after_resources (NT4:103ndisx_107; W2K)
    In an indicated array a packet marked SUCCESS follows one marked RESOURCES; a driver that waits for one
    back shows as R27.
R84 F send_touched_after_completion (NT4:101mini_14,15)
    A send is completed twice or never was one (F), or queried or flushed after its completion (F); one that
    is never completed is R29.
R85 E completed_with_resources (NT4:101mini_15; DDI:ndismsetattributesex)
    NdisMSendComplete with status RESOURCES; what a send handler returned is not recorded.
R86 E protocols_packet_changed (NT4:101mini_14)
    The miniport chains, unchains, reinitialises or frees a packet that was sent down to it; stores are not
    seen.
R87 W sends_reordered (NT4:101mini_15)
    The card reads the packets of one array in another order than they were given.
R88 E list_used_after_completion (section 4.3)
    The card reads an element of a scatter-gather list after the packet was completed.

[dma] 9.6 DMA and coherency

R90 F ungranted_address_given (NT4:103ndisx_86; WDD:0xE6)
    The card was given a ring outside granted memory, or a descriptor whose address it refused.
R91 F ungranted_memory_accessed (WDD:0xE6; LNX:dbg)
    The card reads or writes outside everything that was granted, or writes what was granted for reading.
R92 E bad_start_of_a_mapping (MS51:ff553646; WDD)
    NdisMStartBufferPhysicalMapping with an index beyond the registers or in use, for receiving, of no bytes
    or of more than was declared; the size of the caller's array is not recorded.
R93 E bad_end_of_a_mapping (NT4:103ndisx_93)
    NdisMCompleteBufferPhysicalMapping without a Start, of another buffer, twice, or before the card has read
    it.
R94 E map_registers_freed_in_use (WDD)
    Map registers are freed, or MiniportHalt returned, with one still mapped.
R95 E completed_before_the_mapping (WDD:dma-verification)
    A send is completed while one of its buffers is still mapped.
R96 E sent_without_a_flush (NT4:204trnsf_8)
    The card reads a send whose buffers were not all flushed with TRUE before its doorbell, or a cached shared
    block that never was.
R97 F stored_under_the_card (MS51:ff551975)
    The bytes of a packet are not the same at NdisMSendComplete as when it was sent; a store that is undone, or to
    a descriptor, is not seen.
R98 E received_without_a_flush (NT4:204trnsf_14)
    A packet is indicated whose cached buffer the card wrote, without NdisFlushBuffer(FALSE) or
    NdisMUpdateSharedMemory of all that it wrote since; loads are not seen.
R99 E receive_buffer_unaligned (MS51:ff551975; WDD)
    The card writes into a cached buffer whose start or size is not a multiple of the DMA alignment.
R100 E frames_share_a_line (NT4:103ndisx_86)
    In cached memory the card writes two frames into one cache line, or frames into the block of a ring.
R101 W cached_ring_not_flushed (samples)
    A ring lies in cached memory and is neither flushed nor updated before a doorbell.
R102 E update_outside_a_block (MS51:ff553662)
    NdisMUpdateSharedMemory of a range that is not inside one shared block, or whose addresses do not
    correspond.
R103 E descriptor_written_after_ownership (LNX:howto)
    Address or length are written after the ownership bit, or no barrier stands between them and the doorbell.
    hidden: the order of stores is seen by nobody but the processor
R104 E transfer_too_long (DDI; MS51:ff553543)
    A send is longer than MaximumPhysicalMapping, or a channel's transfer longer than its MaximumLength.
R105 E address_too_wide (OSR:103ndisx_44j6)
    A send or mapping gets an address beyond what the miniport said that its card can reach.
R106 E bad_setup_of_a_transfer (DDI:ndismsetupdmatransfer)
    NdisMSetupDmaTransfer on a busy channel or outside the buffer, or the card is started without one that
    succeeded.
R107 E bad_end_of_a_transfer (DDI:ndismcompletedmatransfer)
    NdisMCompleteDmaTransfer with other arguments than the Setup's, or without one; a packet over the
    transfer's memory is indicated, or its send reported, before it succeeded.
R108 F guard_bytes_changed (WDD:0xE6)
    Guard bytes behind a DMA buffer were changed, as the card's ledger sees when it next writes there.
R109 E port_outside_its_range (DDI; NT4:101mini_8)
    A port is read or written outside the registered ranges; the buffer's size is not recorded.
R110 E mapped_memory_is_not_the_cards (DDI:ndismmapiospace)
    NdisMMapIoSpace of memory that was granted for DMA, which is RAM, or NdisMUnmapIoSpace with another
    length.
R111 W counter_without_a_channel (DDI)
    NdisMReadDmaCounter without a registered channel.

[layer] 9.7 What the NDIS layer owes the miniport

R120 E block_misplaced (section 4.9)
    A block of a page or less crosses a page, one of a page or more is not page-aligned, a smaller one not
    16-byte aligned, or a new block overlaps a live one.
R121 E contiguous_block_in_pieces (section 4.1)
    A contiguous block does not start on a page, or, as its mapped units show, is not one run or not below the
    bound.
R122 E shared_block_misplaced (section 4.3)
    A shared block's addresses are not page-aligned, beyond the declared width, or overlap another block's.
R123 E failure_told_wrongly (section 4)
    A call fails with another status than its documented ones or without NULL, or succeeds with NULL.
R124 E packet_handed_over_wrongly (section 4.5)
    A packet is allocated that is out already, is returned without being PENDING, or is kept although marked
    RESOURCES; its contents are not recorded.
R125 E injected_failure_not_survived (section 9.7)
    The stream ends inside MiniportInitialize after an allocation failed in it.
R126 E handler_called_out_of_turn (section 9.7)
    MiniportHandleInterrupt or MiniportSendPackets is called while MiniportInitialize or MiniportHalt runs, or
    without an adapter.

[limits] 9.8 Time limits

R130 E send_took_too_long (WDD:0xC4)
    A send is completed after more than 30 s, or is pending for more than 22 s at a hang check.
R131 E request_took_too_long (WDD:0xC4)
    A request is answered after more than 12 s, or made before the last one was answered; a PENDING answer's
    completion is not recorded.
R132 W stalled_too_long (SDV)
    NdisStallExecution of more than 50 us.
"""

_GROUP = re.compile(r"^\[(\w+)\].*\n", re.MULTILINE)
_RULE = re.compile(r"^(R\d+) ([FEWI]) (\w+) \((.*)\)\n((?: {4}.*\n)+)", re.MULTILINE)


def _rules() -> Iterator[Rule]:
    parts = _GROUP.split(_DECLARED)
    for group, declared in zip(parts[1::2], parts[2::2], strict=True):
        for each in _RULE.finditer(declared):
            rule, severity, name, source, body = each.groups()
            text, _, hidden = " ".join(body.split()).partition(" hidden: ")
            yield Rule(rule, group, name, text, Severity(severity), source, hidden)


RULES = {rule.id: rule for rule in _rules()}
"""Every rule, by its id."""
