/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A miniport that does nothing but check the NDIS layer under it; each check is a line in the kernel's log. */
#ifndef NICRIG_SELFTEST_H
#define NICRIG_SELFTEST_H

#include <ndis.h>

#define SELFTEST_TAG    0x74736574      /* "test" */
#define SELFTEST_ANY    ((NDIS_PHYSICAL_ADDRESS){ .QuadPart = -1 })

/* One life of an adapter, with a function for each part of it; NULL: nothing to check. */
struct selftest_scenario {
	const char *name;
	ULONG attributes;
	VOID (*before_attributes)(NDIS_HANDLE adapter, NDIS_HANDLE configuration);
	VOID (*initialize)(NDIS_HANDLE adapter, NDIS_HANDLE configuration);
	VOID (*run)(NDIS_HANDLE adapter);               /* DISPATCH_LEVEL */
	VOID (*run_passive)(NDIS_HANDLE adapter);
	VOID (*run_device)(NDIS_HANDLE adapter);        /* as in an interrupt */
	VOID (*allocated)(NDIS_HANDLE adapter, PVOID va, PNDIS_PHYSICAL_ADDRESS pa, ULONG length, PVOID context);
	VOID (*send)(NDIS_HANDLE adapter, PNDIS_PACKET packet);
	VOID (*returned)(PNDIS_PACKET packet);
	VOID (*shutdown)(NDIS_HANDLE adapter);
	VOID (*halt)(NDIS_HANDLE adapter);
};

extern const struct selftest_scenario selftest_memory, selftest_pool, selftest_packets, selftest_buffers,
	selftest_busmaster, selftest_mapregisters, selftest_subordinate, selftest_card, selftest_ports,
	selftest_timing, selftest_transfers, selftest_coherency, selftest_coherency_channel;

/* One after the other, up to one without a name. */
extern const struct selftest_scenario selftest_seeds[];

/* shim.c: which one runs now. */
extern const struct selftest_scenario *selftest_now;

/* shim.c */
VOID selftest_check(BOOLEAN good, const CHAR *where, const CHAR *what);
ULONG selftest_alive(VOID);
ULONGLONG selftest_physical(PVOID va);
BOOLEAN selftest_scatters(VOID);

/* shim.c, the DMA channel: what the card has, and how it moves some bytes of the transfer that is set up. */
extern UCHAR selftest_card_memory[256];
VOID selftest_card_moves(ULONG bytes);
/* shim.c: the card's own access to memory, by device address. */
VOID selftest_card_reads(PVOID to, ULONGLONG address, ULONG bytes);
VOID selftest_card_writes(ULONGLONG address, PVOID from, ULONG bytes);
/* shim.c: bytes of a line if the card does not see the CPU's cache, otherwise 0; prints a value to the kernel's log. */
ULONG selftest_line(VOID);
VOID selftest_say(const CHAR *what, ULONGLONG value);
/* shim.c: what the protocol saw last. */
extern NDIS_STATUS selftest_completed;
extern UINT selftest_received;
/* The protocol frees what was sent when it is completed, as protocols do. */
extern BOOLEAN selftest_frees;

#define CHECK(Condition) selftest_check(!!(Condition), __func__, #Condition)

/* The call frees nothing and claims nothing. */
#define REFUSED(Call) do { \
	ULONG alive_ = selftest_alive(); \
	Call; \
	selftest_check(selftest_alive() == alive_, __func__, "refused: " #Call); \
} while (0)

/* The statement runs at DISPATCH_LEVEL. */
#define AT_DISPATCH(Statement) do { \
	NDIS_SPIN_LOCK lock_; \
	NdisAllocateSpinLock(&lock_); \
	NdisAcquireSpinLock(&lock_); \
	Statement; \
	NdisReleaseSpinLock(&lock_); \
	NdisFreeSpinLock(&lock_); \
} while (0)

static inline BOOLEAN selftest_aligned(PVOID va, ULONG alignment)
{
	return (ULONG_PTR)va % alignment == 0;
}

/* R120 */
static inline BOOLEAN selftest_placed(PVOID va, SIZE_T length)
{
	if (length >= PAGE_SIZE)
		return selftest_aligned(va, PAGE_SIZE);
	return selftest_aligned(va, 16) && ADDRESS_AND_SIZE_TO_SPAN_PAGES(va, length) == 1;
}

#endif /* NICRIG_SELFTEST_H */
