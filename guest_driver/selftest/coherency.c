// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * docs/ndis51.md section 5 on the non-coherent machine: what a driver that flushes sees, and one that does not. Every
 * call of the layer may evict a line, so these checks look before the next call, or count lines.
 */
#include "selftest.h"

#define SELFTEST_BYTES PAGE_SIZE
#define SELFTEST_HALF (SELFTEST_BYTES / 2)
#define SELFTEST_MAPPINGS 4

enum { OLD = 0x11, NEW = 0x22, OTHER = 0x33 };

static NDIS_STATUS status;
static ULONG line, lines;
static NDIS_HANDLE pool;
static PUCHAR memory, shared;
static NDIS_PHYSICAL_ADDRESS pa;
static PNDIS_BUFFER buffer, second_half, stream;
static UCHAR copy[SELFTEST_BYTES];

/* Whether the line has this value. What the card sees for noise has its first byte once in 256 times. */
static BOOLEAN has(const UCHAR *bytes, UCHAR value)
{
	ULONG i;

	for (i = 0; i < sizeof(ULONG64); i++)
		if (bytes[i] != value)
			return FALSE;
	return TRUE;
}

/* Lines with this value, as the CPU sees them, and as the card does. */
static ULONG count(const UCHAR *bytes, UCHAR value)
{
	ULONG at, found = 0;

	for (at = 0; at < SELFTEST_BYTES; at += line)
		found += has(bytes + at, value);
	return found;
}

static ULONG cpu_sees(UCHAR value)
{
	return count(shared, value);
}

static ULONG card_sees(ULONGLONG address, UCHAR value)
{
	selftest_card_reads(copy, address, SELFTEST_BYTES);
	return count(copy, value);
}

static VOID card_fills(UCHAR value)
{
	NdisFillMemory(copy, SELFTEST_BYTES, value);
	selftest_card_writes(pa.QuadPart, copy, SELFTEST_BYTES);
}

/* Both see the same. What the card wrote comes in first, so that every store changes a value. */
static VOID begin(UCHAR value)
{
	NdisFlushBuffer(buffer, FALSE);
	NdisFillMemory(shared, SELFTEST_BYTES, value);
	NdisFlushBuffer(buffer, TRUE);
	CHECK(card_sees(pa.QuadPart, value) == lines && cpu_sees(value) == lines);
}

static VOID stores_wait_for_the_flush(VOID)
{
	begin(OLD);
	NdisFillMemory(shared, SELFTEST_BYTES, NEW);
	CHECK(card_sees(pa.QuadPart, OLD) == lines);
	NdisFlushBuffer(buffer, TRUE);
	CHECK(card_sees(pa.QuadPart, NEW) == lines);
	/* A store while the card has the buffer comes too late. */
	NdisFillMemory(shared, SELFTEST_BYTES, OTHER);
	CHECK(card_sees(pa.QuadPart, NEW) == lines);
}

static VOID receives_wait_for_the_flush(VOID)
{
	begin(OLD);
	card_fills(NEW);
	CHECK(cpu_sees(OLD) == lines);
	NdisFlushBuffer(buffer, TRUE);
	CHECK(cpu_sees(OLD) >= lines - 1);
	NdisFlushBuffer(buffer, FALSE);
	CHECK(cpu_sees(NEW) == lines);
}

/* R98: either of the two is enough. */
static VOID an_update_is_enough_for_a_receive(NDIS_HANDLE adapter)
{
	begin(OLD);
	card_fills(NEW);
	NdisMUpdateSharedMemory(adapter, SELFTEST_BYTES / 2, shared, pa);
	CHECK(cpu_sees(NEW) >= lines / 2 && cpu_sees(OLD) >= lines / 2 - 1);
	NdisMUpdateSharedMemory(adapter, SELFTEST_BYTES, shared, pa);
	CHECK(cpu_sees(NEW) == lines);
}

static VOID updates_put_stores_out(NDIS_HANDLE adapter)
{
	begin(OLD);
	NdisFillMemory(shared, SELFTEST_BYTES, NEW);
	NdisMUpdateSharedMemory(adapter, SELFTEST_BYTES, shared, pa);
	CHECK(card_sees(pa.QuadPart, NEW) == lines);
}

static VOID a_flush_is_of_its_range(VOID)
{
	begin(OLD);
	NdisFillMemory(shared, SELFTEST_BYTES, NEW);
	NdisFlushBuffer(second_half, TRUE);
	CHECK(card_sees(pa.QuadPart, OLD) >= lines / 2 - 1);
	CHECK(card_sees(pa.QuadPart + SELFTEST_HALF, NEW) >= lines / 2);
	begin(OLD);
	card_fills(NEW);
	NdisFlushBuffer(second_half, FALSE);
	CHECK(cpu_sees(OLD) >= lines / 2 - 1);
	CHECK(shared[SELFTEST_HALF] == NEW && shared[SELFTEST_BYTES - 1] == NEW);
}

/* The driver has data in each line that the card writes: the card's bytes are lost, the driver's data is not. */
static VOID a_store_beside_the_buffer_destroys_a_receive(VOID)
{
	ULONG at;

	begin(OLD);
	for (at = 0; at < SELFTEST_BYTES; at += line)
		shared[at + line - 1] = OTHER;
	card_fills(NEW);
	NdisFlushBuffer(buffer, FALSE);
	CHECK(cpu_sees(OLD) == lines && shared[line - 1] == OTHER);
	CHECK(card_sees(pa.QuadPart, OLD) == lines);
}

/* A word that the card wrote in a line that the driver flushes out is overwritten by its old value. */
static VOID a_send_beside_the_cards_word_brings_its_old_value_back(VOID)
{
	const ULONG word = 3 * line;

	begin(OLD);
	copy[0] = NEW;
	selftest_card_writes(pa.QuadPart + word, copy, 1);
	shared[word + 1] = OTHER;
	NdisFlushBuffer(buffer, TRUE);
	selftest_card_reads(copy, pa.QuadPart + word, 2);
	CHECK(copy[0] == OLD && copy[1] == OTHER);
}

static VOID a_store_that_changes_nothing_destroys_nothing(VOID)
{
	begin(OLD);
	card_fills(NEW);
	NdisFillMemory(shared, line, OLD);
	NdisFlushBuffer(buffer, FALSE);
	CHECK(cpu_sees(NEW) == lines);
}

static VOID noncached_memory_has_one_view(NDIS_HANDLE adapter)
{
	NDIS_PHYSICAL_ADDRESS its_pa;
	PVOID va;

	NdisMAllocateSharedMemory(adapter, SELFTEST_BYTES, FALSE, &va, &its_pa);
	NdisFillMemory(va, SELFTEST_BYTES, NEW);
	CHECK(card_sees(its_pa.QuadPart, NEW) == lines);
	NdisMFreeSharedMemory(adapter, SELFTEST_BYTES, FALSE, va, its_pa);
}

/* -- what is sent ------------------------------------------------------------------------------------ */

static ULONGLONG map(NDIS_HANDLE adapter)
{
	NDIS_PHYSICAL_ADDRESS_UNIT units[2];
	UINT found;

	NdisMStartBufferPhysicalMapping(adapter, stream, 0, TRUE, units, &found);
	CHECK(found != 0);
	return units[0].PhysicalAddress.QuadPart;
}

static VOID unmap(NDIS_HANDLE adapter)
{
	NdisMCompleteBufferPhysicalMapping(adapter, stream, 0);
}

/* Where chance had written lines back before the mapping: the same for the same seed. */
static VOID a_mapping_alone_sends_noise(NDIS_HANDLE adapter)
{
	ULONGLONG lot = 0;
	ULONG i, at;

	for (i = 0; i < SELFTEST_MAPPINGS; i++) {
		NdisFillMemory(memory, SELFTEST_BYTES, OLD + i);
		CHECK(card_sees(map(adapter), OLD + i) < lines / 2);
		for (at = 0; at < SELFTEST_BYTES; at += line)
			lot = lot * 31 + has(copy + at, OLD + i);
		unmap(adapter);
	}
	selftest_say("lines written back by chance:", lot);
}

static VOID a_send_waits_for_the_flush(NDIS_HANDLE adapter)
{
	ULONGLONG address;

	NdisFillMemory(memory, SELFTEST_BYTES, NEW);
	address = map(adapter);
	/* The wrong direction: only lines that chance evicts go out. */
	NdisFlushBuffer(stream, FALSE);
	CHECK(card_sees(address, NEW) < lines / 2);
	NdisFlushBuffer(stream, TRUE);
	CHECK(card_sees(address, NEW) == lines);
	NdisFillMemory(memory, SELFTEST_BYTES, OTHER);
	CHECK(card_sees(address, NEW) == lines);
	unmap(adapter);
	CHECK(count(memory, OTHER) == lines);
}

/* Section 5: the time of the flush is free. What it was of is sent once. */
static VOID a_flush_may_come_before_the_mapping(NDIS_HANDLE adapter)
{
	NdisFillMemory(memory, SELFTEST_BYTES, NEW);
	NdisFlushBuffer(stream, TRUE);
	CHECK(card_sees(map(adapter), NEW) == lines);
	unmap(adapter);
	NdisFillMemory(memory, SELFTEST_BYTES, OLD);
	CHECK(card_sees(map(adapter), OLD) < lines / 2);
	unmap(adapter);
}

/* -- the scenarios ----------------------------------------------------------------------------------- */

static PNDIS_BUFFER describe(PUCHAR va, UINT length)
{
	PNDIS_BUFFER made;

	NdisAllocateBuffer(&status, &made, pool, va, length);
	CHECK(status == NDIS_STATUS_SUCCESS);
	return made;
}

static VOID claim_memory(VOID)
{
	PVOID va;

	CHECK(NdisAllocateMemoryWithTag(&va, SELFTEST_BYTES, SELFTEST_TAG) == NDIS_STATUS_SUCCESS);
	memory = va;
	NdisAllocateBufferPool(&status, &pool, 4);
	stream = describe(memory, SELFTEST_BYTES);
	line = selftest_line();
	lines = SELFTEST_BYTES / line;
}

static VOID release_memory(VOID)
{
	NdisFreeBuffer(stream);
	NdisFreeBufferPool(pool);
	NdisFreeMemory(memory, SELFTEST_BYTES, 0);
}

static VOID initialize(NDIS_HANDLE adapter, NDIS_HANDLE configuration)
{
	PVOID va;

	UNREFERENCED_PARAMETER(configuration);
	CHECK(NdisMAllocateMapRegisters(adapter, 0, NDIS_DMA_32BITS, 1, SELFTEST_BYTES) == NDIS_STATUS_SUCCESS);
	claim_memory();
	NdisMAllocateSharedMemory(adapter, SELFTEST_BYTES, TRUE, &va, &pa);
	CHECK(va != NULL && NdisMGetDmaAlignment(adapter) % line == 0);
	shared = va;
	buffer = describe(shared, SELFTEST_BYTES);
	second_half = describe(shared + SELFTEST_HALF, SELFTEST_HALF);
	noncached_memory_has_one_view(adapter);
}

static VOID run(NDIS_HANDLE adapter)
{
	stores_wait_for_the_flush();
	receives_wait_for_the_flush();
	an_update_is_enough_for_a_receive(adapter);
	updates_put_stores_out(adapter);
	a_flush_is_of_its_range();
	a_store_beside_the_buffer_destroys_a_receive();
	a_send_beside_the_cards_word_brings_its_old_value_back();
	a_store_that_changes_nothing_destroys_nothing();
	a_mapping_alone_sends_noise(adapter);
	a_send_waits_for_the_flush(adapter);
	a_flush_may_come_before_the_mapping(adapter);
}

static VOID halt(NDIS_HANDLE adapter)
{
	NdisFreeBuffer(second_half);
	NdisFreeBuffer(buffer);
	NdisMFreeSharedMemory(adapter, SELFTEST_BYTES, TRUE, shared, pa);
	release_memory();
	NdisMFreeMapRegisters(adapter);
}

const struct selftest_scenario selftest_coherency = {
	.name = "coherency",
	.attributes = NDIS_ATTRIBUTE_BUS_MASTER,
	.initialize = initialize,
	.run = run,
	.halt = halt,
};

/* -- the channel: NDIS flushes by itself ------------------------------------------------------------- */

static NDIS_HANDLE channel;

static VOID initialize_channel(NDIS_HANDLE adapter, NDIS_HANDLE configuration)
{
	NDIS_DMA_DESCRIPTION description = {};

	UNREFERENCED_PARAMETER(configuration);
	claim_memory();
	CHECK(NdisMRegisterDmaChannel(&channel, adapter, 0, TRUE, &description, 200) == NDIS_STATUS_SUCCESS);
}

static VOID setup(ULONG offset, ULONG length, BOOLEAN write)
{
	NdisMSetupDmaTransfer(&status, channel, stream, offset, length, write);
	CHECK(status == NDIS_STATUS_SUCCESS);
}

static VOID complete(ULONG offset, ULONG length, BOOLEAN write)
{
	NdisMCompleteDmaTransfer(&status, channel, stream, offset, length, write);
	CHECK(status == NDIS_STATUS_SUCCESS);
}

/* The driver's data beside the range, in the same lines, keeps its value. */
static VOID a_receive_leaves_its_neighbours(VOID)
{
	NdisFillMemory(memory, SELFTEST_BYTES, OLD);
	NdisFillMemory(selftest_card_memory, 200, NEW);
	setup(10, 200, FALSE);
	selftest_card_moves(200);
	CHECK(memory[10] == OLD);
	complete(10, 200, FALSE);
	CHECK(memory[9] == OLD && memory[10] == NEW && memory[209] == NEW && memory[210] == OLD);
}

static VOID a_store_under_the_card_destroys_a_receive(VOID)
{
	NdisFillMemory(memory, SELFTEST_BYTES, OLD);
	setup(0, 200, FALSE);
	memory[line - 1] = OTHER;
	selftest_card_moves(200);
	complete(0, 200, FALSE);
	CHECK(memory[0] == OLD && memory[line - 1] == OTHER && memory[line] == NEW);
}

static VOID a_store_after_the_setup_is_not_sent(VOID)
{
	NdisFillMemory(memory, SELFTEST_BYTES, OLD);
	setup(0, 200, TRUE);
	NdisFillMemory(memory, SELFTEST_BYTES, OTHER);
	selftest_card_moves(200);
	complete(0, 200, TRUE);
	CHECK(selftest_card_memory[0] == OLD && selftest_card_memory[199] == OLD && memory[0] == OTHER);
}

static VOID run_channel(NDIS_HANDLE adapter)
{
	UNREFERENCED_PARAMETER(adapter);
	a_receive_leaves_its_neighbours();
	a_store_under_the_card_destroys_a_receive();
	a_store_after_the_setup_is_not_sent();
}

static VOID halt_channel(NDIS_HANDLE adapter)
{
	UNREFERENCED_PARAMETER(adapter);
	NdisMDeregisterDmaChannel(channel);
	release_memory();
}

const struct selftest_scenario selftest_coherency_channel = {
	.name = "coherency of a channel",
	.initialize = initialize_channel,
	.run = run_channel,
	.halt = halt_channel,
};
