/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The nicrig miniport: what its three kinds share, and the table that each of them fills in. MiniportInitialize takes
 * the kind from the function's PCI device id. A kind's own files are in its folder; its context begins with struct
 * nic_adapter. The files include <ndis.h> and the miniport's own headers only; they compile for Linux with this
 * project's NDIS layer and for Windows with the genuine headers.
 *
 * Locks: sends.lock guards struct nic_sends and what a kind keeps of its sends. A kind may have further locks, always
 * taken after it. None is held while NDIS is called with packets (R67).
 */
#ifndef NICRIG_MINIPORT_H
#define NICRIG_MINIPORT_H

#include <ndis.h>

#include "hardware.h"

#define NIC_TAG                 0x6772636e      /* "ncrg" in memory */
#define NIC_HANG_SECONDS        2
#define NIC_HANG_CHECKS         2               /* checks without progress that mean a hang */

#define NIC_BATCH               64              /* packets in one indication */
#define NIC_FRAME_BYTES         2048            /* room for one frame */
#define NIC_ETHERNET_HEADER     14
#define NIC_VLAN_TAGS           8               /* two, outer and inner */
#define NIC_ADDRESS_BYTES       6
#define NIC_MULTICAST_MAX       32              /* addresses of groups that NDIS may set */
#define NIC_ALL_ONES            0xffffffff      /* a read that got no answer */

C_ASSERT(NIC_FRAME_BYTES >= NICRIG_FRAME_MAX);

struct nic_adapter;

/* Packets in order, linked through the first pointer of their MiniportReserved (R86). */
struct nic_packets {
	PNDIS_PACKET first;
	PNDIS_PACKET last;
};

/* How a kind reaches the control registers (datasheet section 2). */
struct nic_access {
	NDIS_STATUS (*claim)(struct nic_adapter *nic);
	VOID (*release)(struct nic_adapter *nic);
	ULONG (*read)(struct nic_adapter *nic, ULONG offset);
	VOID (*write)(struct nic_adapter *nic, ULONG offset, ULONG value);
	/* Any level, no lock: resets the card when the system goes down, or has crashed. */
	VOID (*silence)(struct nic_adapter *nic);
};

/* What a kind is and does. NULL: nothing to do. */
struct nic_kind {
	USHORT device;                  /* PCI device id */
	const CHAR *description;        /* with the NUL at its end */
	ULONG description_bytes;
	ULONG bytes;                    /* of its context */
	ULONG words_bytes;              /* of BAR2 that it maps */
	ULONG attributes;               /* besides those of every kind */
	ULONG mac_options;              /* likewise */
	const struct nic_access *access;

	/* PASSIVE_LEVEL, in this order: configuration, memory before the attributes, the rest after the registers. */
	VOID (*configure)(struct nic_adapter *nic, NDIS_HANDLE configuration);
	NDIS_STATUS (*allocate)(struct nic_adapter *nic);
	NDIS_STATUS (*claim)(struct nic_adapter *nic);
	VOID (*release)(struct nic_adapter *nic);
	VOID (*free)(struct nic_adapter *nic);

	/* The card has been reset: makes it ready to receive and send, from index 0. <= DISPATCH_LEVEL. */
	NDIS_STATUS (*start)(struct nic_adapter *nic);

	/* Sends. PENDING: the packet can be sent. The others are called with sends.lock held. */
	NDIS_STATUS (*check)(const struct nic_adapter *nic, PNDIS_PACKET packet);
	/* Hands waiting packets over while there is room. */
	VOID (*push)(struct nic_adapter *nic, struct nic_packets *done);
	/* Takes back the packets that the card is done with. */
	VOID (*reap)(struct nic_adapter *nic, struct nic_packets *done);
	/* The card is reset or gone: takes back all packets. */
	VOID (*abandon)(struct nic_adapter *nic, struct nic_packets *done, NDIS_STATUS status);

	/* DISPATCH_LEVEL, the deferred half. */
	VOID (*receive)(struct nic_adapter *nic);
	/* For a kind that lets NDIS keep receives. */
	VOID (*return_packet)(struct nic_adapter *nic, PNDIS_PACKET packet);
	/* For a kind that asks for shared memory while it runs: what it asked for, or NULL. DISPATCH_LEVEL. */
	VOID (*allocated)(struct nic_adapter *nic, PVOID va, PNDIS_PHYSICAL_ADDRESS pa, PVOID context);
	/* The kind's arm words, and the second look for what came before them (datasheet section 7). */
	VOID (*arm)(struct nic_adapter *nic);
	VOID (*disarm)(struct nic_adapter *nic);
	BOOLEAN (*pending)(struct nic_adapter *nic);
	/* For a kind that begins its receives: one has begun and has not been ended. */
	BOOLEAN (*receiving)(struct nic_adapter *nic);
};

extern const struct nic_kind nic_bus_master;
extern const struct nic_kind nic_subordinate;
extern const struct nic_kind nic_non_dma;

/* What the system gave the function. */
struct nic_resources {
	NDIS_PHYSICAL_ADDRESS control;
	NDIS_PHYSICAL_ADDRESS words;
	ULONG first_port;               /* 0 without ports */
	ULONG interrupt_vector;
	ULONG interrupt_level;
};

/* Counts every packet that NDIS has handed down and that is not completed. It waits here, or the kind has it. */
struct nic_sends {
	NDIS_SPIN_LOCK lock;
	struct nic_packets waiting;
	ULONG outstanding;
	ULONG completed;
	ULONG hang_completed;
	ULONG hang_checks;
};

struct nic_statistics {
	ULONG64 rx_ok;
	ULONG64 rx_error;
	ULONG64 tx_ok;
	ULONG64 tx_error;
};

struct nic_adapter {
	NDIS_HANDLE handle;
	const struct nic_kind *kind;
	struct nic_resources resources;
	NDIS_MINIPORT_INTERRUPT interrupt;
	PVOID control;                  /* the control registers, as kind->access reaches them: tens of microseconds */
	volatile ULONG *words;          /* BAR2: mapped, as fast as memory */
	UCHAR address[NIC_ADDRESS_BYTES];
	ULONG rx_frames;                /* frames that the receive and the send side hold */
	ULONG tx_frames;

	BOOLEAN gone;                   /* the card no longer answers: touch nothing, wait for nothing */
	BOOLEAN link;
	ULONG packet_filter;
	UCHAR multicast[NIC_MULTICAST_MAX * NIC_ADDRESS_BYTES];
	ULONG multicast_bytes;
	ULONG control_bits;             /* last value written to CONTROL */
	USHORT arm_sequence;
	USHORT event;                   /* EVENT as last seen */
	struct nic_statistics statistics;
	ULONG64 hang_taken;             /* receives at the last check for a hang */
	ULONG hang_checks;              /* checks that found receives waiting, and none taken */
	struct nic_sends sends;
};

/* Distance between two indices. */
static inline USHORT nic_span(USHORT from, USHORT to)
{
	return (USHORT)(to - from);
}

static inline ULONG nic_read(struct nic_adapter *nic, ULONG offset)
{
	return nic->kind->access->read(nic, offset);
}

static inline VOID nic_write(struct nic_adapter *nic, ULONG offset, ULONG value)
{
	nic->kind->access->write(nic, offset, value);
}

static inline ULONG nic_word_read(struct nic_adapter *nic, ULONG offset)
{
	ULONG value;

	NdisReadRegisterUlong(&nic->words[offset / sizeof(ULONG)], &value);
	return value;
}

static inline VOID nic_word_write(struct nic_adapter *nic, ULONG offset, ULONG value)
{
	NdisWriteRegisterUlong(&nic->words[offset / sizeof(ULONG)], value);
}

/* packets.c */
VOID nic_packets_add(struct nic_packets *packets, PNDIS_PACKET packet);
PNDIS_PACKET nic_packets_take(struct nic_packets *packets);
BOOLEAN nic_packet_copy(PNDIS_PACKET packet, PVOID to, ULONG length,
			VOID (*move)(PVOID to, PVOID from, ULONG length));

/* registers.c */
extern const struct nic_access nic_mapped_access;
NDIS_STATUS nic_identify(struct nic_adapter *nic);
VOID nic_reset_card(struct nic_adapter *nic);
VOID nic_control(struct nic_adapter *nic, ULONG bits);
BOOLEAN nic_answers(struct nic_adapter *nic);
BOOLEAN nic_link_up(struct nic_adapter *nic);
VOID nic_doorbell(struct nic_adapter *nic, ULONG offset, ULONG value);
VOID nic_kick_if_asleep(struct nic_adapter *nic);
ULONG64 nic_counter(struct nic_adapter *nic, ULONG counter);

/* configuration.c */
const struct nic_kind *nic_find_kind(NDIS_HANDLE handle);
ULONG nic_read_number(NDIS_HANDLE configuration, PCWSTR name, ULONG otherwise);
VOID nic_read_configuration(struct nic_adapter *nic, NDIS_HANDLE context);
NDIS_STATUS nic_find_resources(struct nic_adapter *nic, NDIS_HANDLE context);

/* initialize.c */
NDIS_STATUS nic_allocate_halving(struct nic_adapter *nic, ULONG size, ULONG minimum,
				 NDIS_STATUS (*allocate)(struct nic_adapter *nic, ULONG size));
VOID nic_release(struct nic_adapter *nic);
NDIS_STATUS NTAPI MiniportInitialize(PNDIS_STATUS OpenErrorStatus, PUINT SelectedMediumIndex,
				     PNDIS_MEDIUM MediumArray, UINT MediumArraySize, NDIS_HANDLE MiniportAdapterHandle,
				     NDIS_HANDLE WrapperConfigurationContext);

/* halt.c */
VOID NTAPI MiniportHalt(NDIS_HANDLE MiniportAdapterContext);
NDIS_STATUS nic_set_power(struct nic_adapter *nic, NDIS_DEVICE_POWER_STATE state);
VOID NTAPI MiniportShutdown(PVOID ShutdownContext);
VOID NTAPI MiniportPnPEventNotify(NDIS_HANDLE MiniportAdapterContext, NDIS_DEVICE_PNP_EVENT PnPEvent,
				  PVOID InformationBuffer, ULONG InformationBufferLength);
NDIS_STATUS NTAPI MiniportReset(PBOOLEAN AddressingReset, NDIS_HANDLE MiniportAdapterContext);
BOOLEAN NTAPI MiniportCheckForHang(NDIS_HANDLE MiniportAdapterContext);

/* send.c */
VOID nic_send_done(struct nic_adapter *nic, struct nic_packets *done, PNDIS_PACKET packet, NDIS_STATUS status);
VOID nic_send_complete(struct nic_adapter *nic, struct nic_packets *done);
VOID nic_send_poll(struct nic_adapter *nic);
VOID nic_send_abort(struct nic_adapter *nic, NDIS_STATUS status);
BOOLEAN nic_send_hangs(struct nic_adapter *nic);
VOID NTAPI MiniportSendPackets(NDIS_HANDLE MiniportAdapterContext, PPNDIS_PACKET PacketArray, UINT NumberOfPackets);

/* interrupt.c */
VOID nic_arm(struct nic_adapter *nic, ULONG offset, USHORT index);
VOID NTAPI MiniportISR(PBOOLEAN InterruptRecognized, PBOOLEAN QueueMiniportHandleInterrupt,
		       NDIS_HANDLE MiniportAdapterContext);
VOID NTAPI MiniportHandleInterrupt(NDIS_HANDLE MiniportAdapterContext);
VOID NTAPI MiniportReturnPacket(NDIS_HANDLE MiniportAdapterContext, PNDIS_PACKET Packet);
VOID NTAPI MiniportAllocateComplete(NDIS_HANDLE MiniportAdapterContext, PVOID VirtualAddress,
				    PNDIS_PHYSICAL_ADDRESS PhysicalAddress, ULONG Length, PVOID Context);
VOID NTAPI MiniportEnableInterrupt(NDIS_HANDLE MiniportAdapterContext);
VOID NTAPI MiniportDisableInterrupt(NDIS_HANDLE MiniportAdapterContext);

/* information.c */
NDIS_STATUS NTAPI MiniportQueryInformation(NDIS_HANDLE MiniportAdapterContext, NDIS_OID Oid, PVOID InformationBuffer,
					   ULONG InformationBufferLength, PULONG BytesWritten, PULONG BytesNeeded);
NDIS_STATUS NTAPI MiniportSetInformation(NDIS_HANDLE MiniportAdapterContext, NDIS_OID Oid, PVOID InformationBuffer,
					 ULONG InformationBufferLength, PULONG BytesRead, PULONG BytesNeeded);

#endif /* NICRIG_MINIPORT_H */
