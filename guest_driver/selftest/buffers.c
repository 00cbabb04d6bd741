// SPDX-License-Identifier: GPL-2.0-or-later
/* docs/ndis51.md section 4.6 */
#include "selftest.h"

#define SELFTEST_BYTES (2 * PAGE_SIZE)

static NDIS_STATUS status;
static NDIS_HANDLE pool, packets;
static PUCHAR memory;
static PNDIS_PACKET packet;

static PNDIS_BUFFER buffer_of(PUCHAR va, UINT length)
{
	PNDIS_BUFFER buffer;

	NdisAllocateBuffer(&status, &buffer, pool, va, length);
	CHECK(status == NDIS_STATUS_SUCCESS && buffer);
	return buffer;
}

static VOID pools(VOID)
{
	NDIS_HANDLE other;

	NdisAllocateBufferPool(&status, &other, 0);
	CHECK(status == NDIS_STATUS_RESOURCES);
	AT_DISPATCH(NdisAllocateBufferPool(&status, &other, 1));
	CHECK(status == NDIS_STATUS_SUCCESS);
	NdisFreeBufferPool(other);
	REFUSED(NdisFreeBufferPool(other));
	NdisFreeBufferPool(NULL);
}

static VOID limits(VOID)
{
	PNDIS_BUFFER first, second, third;
	NDIS_HANDLE two;
	UCHAR local;

	NdisAllocateBufferPool(&status, &two, 2);
	NdisAllocateBuffer(&status, &first, two, memory, 100);
	NdisAllocateBuffer(&status, &second, two, memory + 100, 100);
	CHECK(status == NDIS_STATUS_SUCCESS && second);
	NdisAllocateBuffer(&status, &third, two, memory, 100);
	CHECK(status == NDIS_STATUS_FAILURE && !third);
	REFUSED(NdisFreeBufferPool(two));
	NdisFreeBuffer(first);
	REFUSED(NdisFreeBuffer(first));
	NdisAllocateBuffer(&status, &first, two, memory, 0);
	CHECK(status == NDIS_STATUS_FAILURE && !first);
	NdisAllocateBuffer(&status, &first, two, NULL, 100);
	CHECK(status == NDIS_STATUS_FAILURE && !first);
	/* A stack is not nonpaged pool (R70). */
	NdisAllocateBuffer(&status, &first, two, &local, 1);
	CHECK(status == NDIS_STATUS_FAILURE && !first);
	NdisFreeBuffer(second);
	NdisFreeBufferPool(two);
	/* The pool whose handle is NULL (R21). */
	NdisAllocateBuffer(&status, &first, NULL, memory, 100);
	CHECK(status == NDIS_STATUS_SUCCESS && first);
	NdisFreeBuffer(first);
	NdisFreeBuffer(NULL);
}

static VOID queries(VOID)
{
	PNDIS_BUFFER buffer = buffer_of(memory + 10, PAGE_SIZE), next = buffer;
	UINT length, offset, pages;
	PVOID va;

	NdisQueryBuffer(buffer, &va, &length);
	CHECK(va == memory + 10 && length == PAGE_SIZE);
	NdisQueryBuffer(buffer, NULL, &length);
	NdisQueryBufferSafe(buffer, &va, &length, NormalPagePriority);
	CHECK(va == memory + 10 && length == PAGE_SIZE);
	NdisQueryBufferSafe(buffer, NULL, &length, LowPagePriority);
	NdisQueryBufferOffset(buffer, &offset, &length);
	CHECK(offset == 10 && length == PAGE_SIZE);
	NdisGetBufferPhysicalArraySize(buffer, &pages);
	CHECK(pages == 2);
	CHECK(NdisBufferLength(buffer) == PAGE_SIZE);
	CHECK(NdisBufferVirtualAddress(buffer) == memory + 10);
	NdisGetNextBuffer(buffer, &next);
	CHECK(!next);
	NdisFreeBuffer(buffer);
}

static VOID copies(VOID)
{
	PNDIS_BUFFER source = buffer_of(memory, 100), part;
	UINT length;
	PVOID va;

	NdisCopyBuffer(&status, &part, pool, source, 40, 60);
	CHECK(status == NDIS_STATUS_SUCCESS && part && part != source);
	NdisQueryBuffer(part, &va, &length);
	CHECK(va == memory + 40 && length == 60);
	NdisFreeBuffer(part);
	NdisCopyBuffer(&status, &part, pool, source, 40, 61);
	CHECK(status == NDIS_STATUS_FAILURE && !part);
	NdisCopyBuffer(&status, &part, pool, source, 101, 0);
	CHECK(status == NDIS_STATUS_FAILURE && !part);
	NdisCopyBuffer(&status, &part, pool, source, 1, 0xffffffff);
	CHECK(status == NDIS_STATUS_FAILURE && !part);
	NdisFreeBuffer(source);
}

/* R76 */
static VOID adjustments(VOID)
{
	PNDIS_BUFFER buffer = buffer_of(memory, 100);

	NdisAdjustBufferLength(buffer, 60);
	CHECK(NdisBufferLength(buffer) == 60);
	NdisAdjustBufferLength(buffer, 101);
	CHECK(NdisBufferLength(buffer) == 60);
	NdisAdjustBufferLength(buffer, 100);
	CHECK(NdisBufferLength(buffer) == 100);
	NdisFreeBuffer(buffer);
}

static VOID counts(UINT physical, UINT buffers, UINT total)
{
	UINT its_physical, its_buffers, its_total;

	NdisQueryPacket(packet, &its_physical, &its_buffers, NULL, &its_total);
	CHECK(its_physical == physical && its_buffers == buffers && its_total == total);
}

static VOID chains(VOID)
{
	PNDIS_BUFFER a = buffer_of(memory, 10), b = buffer_of(memory + PAGE_SIZE - 5, 10), c = buffer_of(memory, 30);
	PNDIS_BUFFER found;

	NdisChainBufferAtFront(packet, b);
	NdisChainBufferAtFront(packet, a);
	NdisChainBufferAtBack(packet, c);
	/* R78: a buffer that is in the chain is refused. */
	NdisChainBufferAtFront(packet, b);
	NdisChainBufferAtBack(packet, a);
	NdisQueryPacket(packet, NULL, NULL, &found, NULL);
	CHECK(found == a && a->Next == b && b->Next == c && !c->Next);
	counts(4, 3, 50);
	NdisAdjustBufferLength(a, 1);
	counts(4, 3, 50);
	NdisRecalculatePacketCounts(packet);
	counts(4, 3, 41);
	NdisAdjustBufferLength(a, 10);
	NdisUnchainBufferAtBack(packet, &found);
	CHECK(found == c && packet->Private.Tail == b);
	NdisUnchainBufferAtFront(packet, &found);
	CHECK(found == a && !a->Next);
	counts(2, 1, 10);
	/* A chain may be added whole. */
	a->Next = c;
	NdisChainBufferAtBack(packet, a);
	counts(4, 3, 50);
	NdisReinitializePacket(packet);
	NdisUnchainBufferAtFront(packet, &found);
	CHECK(!found);
	NdisUnchainBufferAtBack(packet, &found);
	CHECK(!found);
	counts(0, 0, 0);
	NdisFreeBuffer(a);
	NdisFreeBuffer(b);
	NdisFreeBuffer(c);
}

static VOID initialize(NDIS_HANDLE adapter, NDIS_HANDLE configuration)
{
	PVOID va;

	UNREFERENCED_PARAMETER(adapter);
	UNREFERENCED_PARAMETER(configuration);
	NdisAllocateMemoryWithTag(&va, SELFTEST_BYTES, SELFTEST_TAG);
	memory = va;
	NdisAllocateBufferPool(&status, &pool, 8);
	NdisAllocatePacketPool(&status, &packets, 1, 4 * sizeof(PVOID));
	NdisAllocatePacket(&status, &packet, packets);
	pools();
	limits();
	queries();
	copies();
	adjustments();
	chains();
}

static VOID run(NDIS_HANDLE adapter)
{
	UNREFERENCED_PARAMETER(adapter);
	chains();
	copies();
}

static VOID run_device(NDIS_HANDLE adapter)
{
	NDIS_HANDLE other;
	PNDIS_BUFFER buffer;

	UNREFERENCED_PARAMETER(adapter);
	NdisAllocateBufferPool(&status, &other, 1);
	CHECK(status == NDIS_STATUS_RESOURCES);
	NdisAllocateBuffer(&status, &buffer, pool, memory, 1);
	CHECK(status == NDIS_STATUS_FAILURE && !buffer);
	REFUSED(NdisFreeBufferPool(pool));
}

static VOID halt(NDIS_HANDLE adapter)
{
	UNREFERENCED_PARAMETER(adapter);
	NdisFreePacket(packet);
	NdisFreePacketPool(packets);
	NdisFreeBufferPool(pool);
	NdisFreeMemory(memory, SELFTEST_BYTES, 0);
}

const struct selftest_scenario selftest_buffers = {
	.name = "buffers",
	.initialize = initialize,
	.run = run,
	.run_device = run_device,
	.halt = halt,
};
