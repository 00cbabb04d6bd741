/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The nicrig bus-master miniport. Its files include <ndis.h>, this header and the card's own; they compile for Linux
 * with this project's NDIS layer and for Windows with the genuine headers.
 *
 * Locks: rx.lock guards everything in struct nic_rx, tx.lock everything in struct nic_tx. They are never held
 * together, and neither is held while NDIS is called with packets (R67).
 */
#ifndef NICRIG_MINIPORT_H
#define NICRIG_MINIPORT_H

#include <ndis.h>

#include "hardware.h"

#define NIC_TAG                 0x6772636e      /* "ncrg" in memory */
#define NIC_HANG_SECONDS        2
#define NIC_HANG_CHECKS         2               /* checks without a completed send that mean a hang */

#define NIC_RX_RING_DEFAULT     1024
#define NIC_TX_RING_DEFAULT     512
#define NIC_RX_BUFFER_BYTES     2048
#define NIC_RX_BATCH            64              /* receives a deferred call, and reposts a doorbell */

#define NIC_ETHERNET_HEADER     14
#define NIC_ADDRESS_BYTES       6
#define NIC_LINK_SPEED          100000000       /* 10 Gbit/s in units of 100 bit/s: what the card may call itself */
#define NIC_ALL_ONES            0xffffffff      /* a read that nobody answered */

C_ASSERT(NIC_RX_BUFFER_BYTES >= NICRIG_FRAME_MAX);

/* One receive buffer: a cached shared block with the packet and buffer descriptors that stay with it for life. */
struct nic_rx_buffer {
	PVOID va;
	NDIS_PHYSICAL_ADDRESS pa;
	PNDIS_BUFFER buffer;
	PNDIS_PACKET packet;
	BOOLEAN indicated;
};

/* Receive ring. Indices run freely: slots [head, tail) are posted, and the card knows of those up to doorbell. */
struct nic_rx {
	NDIS_SPIN_LOCK lock;
	ULONG size;
	volatile struct nicrig_descriptor *ring;
	NDIS_PHYSICAL_ADDRESS ring_pa;
	struct nic_rx_buffer **slots;
	struct nic_rx_buffer *buffers;
	NDIS_HANDLE packet_pool;
	NDIS_HANDLE buffer_pool;
	USHORT head;
	USHORT tail;
	USHORT doorbell;
	ULONG indicated;        /* buffers that NDIS has */
	PNDIS_PACKET batch[NIC_RX_BATCH];
};

/* Transmit ring. slots[] holds a frame's packet at its last descriptor; the queue is what found no room yet. */
struct nic_tx {
	NDIS_SPIN_LOCK lock;
	ULONG size;
	volatile struct nicrig_descriptor *ring;
	NDIS_PHYSICAL_ADDRESS ring_pa;
	PNDIS_PACKET *slots;
	USHORT head;
	USHORT tail;
	USHORT doorbell;
	BOOLEAN frame_error;    /* a descriptor of the frame at head was refused */
	PNDIS_PACKET queue_first;
	PNDIS_PACKET queue_last;
	USHORT hang_head;
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
	volatile ULONG *control;        /* BAR0: trapped, tens of microseconds */
	volatile ULONG *doorbells;      /* BAR2: mapped, as fast as memory */
	NDIS_PHYSICAL_ADDRESS control_pa;
	NDIS_PHYSICAL_ADDRESS doorbells_pa;
	ULONG interrupt_vector;
	ULONG interrupt_level;
	NDIS_MINIPORT_INTERRUPT interrupt;
	ULONG alignment;
	UCHAR address[NIC_ADDRESS_BYTES];

	BOOLEAN gone;           /* the card does not answer any more: touch nothing, wait for nothing */
	BOOLEAN link;
	ULONG packet_filter;
	ULONG control_bits;     /* what CONTROL was last told */
	USHORT arm_sequence;
	USHORT event;           /* EVENT as last seen */
	struct nic_statistics statistics;

	struct nic_rx rx;
	struct nic_tx tx;
};

/* What a list of packets that await completion is made of: the first pointer of MiniportReserved (R86). */
static inline PNDIS_PACKET *nic_next(PNDIS_PACKET packet)
{
	return (PNDIS_PACKET *)packet->MiniportReserved;
}

/* The receive buffer behind a packet of the receive pool. */
static inline struct nic_rx_buffer **nic_rx_buffer_of(PNDIS_PACKET packet)
{
	return (struct nic_rx_buffer **)packet->MiniportReserved;
}

/* Distance between two ring indices. */
static inline USHORT nic_span(USHORT from, USHORT to)
{
	return (USHORT)(to - from);
}

static inline ULONG nic_read(struct nic_adapter *nic, ULONG offset)
{
	ULONG value;

	NdisReadRegisterUlong(&nic->control[offset / sizeof(ULONG)], &value);
	return value;
}

static inline VOID nic_write(struct nic_adapter *nic, ULONG offset, ULONG value)
{
	NdisWriteRegisterUlong(&nic->control[offset / sizeof(ULONG)], value);
}

static inline ULONG nic_word_read(struct nic_adapter *nic, ULONG offset)
{
	ULONG value;

	NdisReadRegisterUlong(&nic->doorbells[offset / sizeof(ULONG)], &value);
	return value;
}

static inline VOID nic_word_write(struct nic_adapter *nic, ULONG offset, ULONG value)
{
	NdisWriteRegisterUlong(&nic->doorbells[offset / sizeof(ULONG)], value);
}

/* registers.c */
NDIS_STATUS nic_identify(struct nic_adapter *nic);
NDIS_STATUS nic_start_rings(struct nic_adapter *nic);
VOID nic_reset_card(struct nic_adapter *nic);
VOID nic_control(struct nic_adapter *nic, ULONG bits);
BOOLEAN nic_answers(struct nic_adapter *nic);
BOOLEAN nic_link_up(struct nic_adapter *nic);
VOID nic_doorbell(struct nic_adapter *nic, ULONG offset, USHORT index);
VOID nic_kick_if_asleep(struct nic_adapter *nic);
ULONG64 nic_counter(struct nic_adapter *nic, ULONG counter);

/* setup.c */
NDIS_STATUS NTAPI MiniportInitialize(PNDIS_STATUS OpenErrorStatus, PUINT SelectedMediumIndex,
				     PNDIS_MEDIUM MediumArray, UINT MediumArraySize, NDIS_HANDLE MiniportAdapterHandle,
				     NDIS_HANDLE WrapperConfigurationContext);

/* halt.c */
VOID NTAPI MiniportHalt(NDIS_HANDLE MiniportAdapterContext);
VOID NTAPI MiniportShutdown(PVOID ShutdownContext);
VOID NTAPI MiniportPnPEventNotify(NDIS_HANDLE MiniportAdapterContext, NDIS_DEVICE_PNP_EVENT PnPEvent,
				  PVOID InformationBuffer, ULONG InformationBufferLength);
NDIS_STATUS NTAPI MiniportReset(PBOOLEAN AddressingReset, NDIS_HANDLE MiniportAdapterContext);
BOOLEAN NTAPI MiniportCheckForHang(NDIS_HANDLE MiniportAdapterContext);

/* rxring.c */
NDIS_STATUS nic_rx_allocate(struct nic_adapter *nic, ULONG size);
VOID nic_rx_free(struct nic_adapter *nic);

/* receive.c */
VOID nic_rx_rebuild(struct nic_adapter *nic);
VOID nic_rx_doorbell(struct nic_adapter *nic);
BOOLEAN nic_rx_pending(struct nic_adapter *nic);
VOID nic_rx_poll(struct nic_adapter *nic);
VOID NTAPI MiniportReturnPacket(NDIS_HANDLE MiniportAdapterContext, PNDIS_PACKET Packet);

/* txring.c */
NDIS_STATUS nic_tx_allocate(struct nic_adapter *nic, ULONG size);
VOID nic_tx_free(struct nic_adapter *nic);

/* send.c */
VOID nic_tx_poll(struct nic_adapter *nic);
BOOLEAN nic_tx_pending(struct nic_adapter *nic);
VOID nic_tx_abort(struct nic_adapter *nic, NDIS_STATUS status);
VOID NTAPI MiniportSendPackets(NDIS_HANDLE MiniportAdapterContext, PPNDIS_PACKET PacketArray, UINT NumberOfPackets);

/* interrupt.c */
VOID NTAPI MiniportISR(PBOOLEAN InterruptRecognized, PBOOLEAN QueueMiniportHandleInterrupt,
		       NDIS_HANDLE MiniportAdapterContext);
VOID NTAPI MiniportHandleInterrupt(NDIS_HANDLE MiniportAdapterContext);
VOID NTAPI MiniportEnableInterrupt(NDIS_HANDLE MiniportAdapterContext);
VOID NTAPI MiniportDisableInterrupt(NDIS_HANDLE MiniportAdapterContext);

/* information.c */
NDIS_STATUS NTAPI MiniportQueryInformation(NDIS_HANDLE MiniportAdapterContext, NDIS_OID Oid, PVOID InformationBuffer,
					   ULONG InformationBufferLength, PULONG BytesWritten, PULONG BytesNeeded);
NDIS_STATUS NTAPI MiniportSetInformation(NDIS_HANDLE MiniportAdapterContext, NDIS_OID Oid, PVOID InformationBuffer,
					 ULONG InformationBufferLength, PULONG BytesRead, PULONG BytesNeeded);

#endif /* NICRIG_MINIPORT_H */
