// SPDX-License-Identifier: GPL-2.0-or-later
/* The non-DMA kind: what it claims (docs/ndis51.md section 8.3: plain memory and pools only, R07), and its table. */
#include "non_dma.h"

static NDIS_STATUS create_batch(struct nic_adapter *nic, ULONG size)
{
	return nic_batch_create(&to_non_dma(nic)->batch, size);
}

static NDIS_STATUS non_dma_claim(struct nic_adapter *nic)
{
	nic->rx_frames = NICRIG_SLOTS;
	/* The slots, and a batch that collects meanwhile. */
	nic->tx_frames = NICRIG_SLOTS + NIC_BATCH;
	return nic_allocate_halving(nic, NIC_BATCH, NIC_BATCH_MIN, create_batch);
}

static VOID non_dma_release(struct nic_adapter *nic)
{
	nic_batch_destroy(&to_non_dma(nic)->batch);
}

/* Datasheet section 16: receiving begins when all slots are the card's. */
static NDIS_STATUS non_dma_start(struct nic_adapter *nic)
{
	struct non_dma *card = to_non_dma(nic);

	card->rx_head = 0;
	non_dma_give_slots(card);
	return NDIS_STATUS_SUCCESS;
}

static VOID non_dma_arm(struct nic_adapter *nic)
{
	struct non_dma *card = to_non_dma(nic);

	nic_arm(nic, NICRIG_QUEUE_BASE + NICRIG_QUEUE_RX_ARM, card->rx_head);
	nic_arm(nic, NICRIG_QUEUE_BASE + NICRIG_QUEUE_TX_ARM, card->tx_head);
}

static VOID non_dma_disarm(struct nic_adapter *nic)
{
	nic_word_write(nic, NICRIG_QUEUE_BASE + NICRIG_QUEUE_RX_ARM, 0);
	nic_word_write(nic, NICRIG_QUEUE_BASE + NICRIG_QUEUE_TX_ARM, 0);
}

/* Any level. */
static BOOLEAN non_dma_pending(struct nic_adapter *nic)
{
	struct non_dma *card = to_non_dma(nic);

	return nic_word_read(nic, NICRIG_QUEUE_BASE + NICRIG_QUEUE_RX_HEAD) != card->rx_head ||
	       nic_word_read(nic, NICRIG_QUEUE_BASE + NICRIG_QUEUE_TX_HEAD) != card->tx_head;
}

static const CHAR description[] = "nicrig non-DMA network card";

const struct nic_kind nic_non_dma = {
	.device = NICRIG_DEVICE_ID_NON_DMA,
	.description = description,
	.description_bytes = sizeof(description),
	.bytes = sizeof(struct non_dma),
	.words_bytes = NICRIG_RAM_BAR_BYTES,
	.mac_options = NDIS_MAC_OPTION_FULL_DUPLEX,
	.access = &non_dma_port_access,
	.claim = non_dma_claim,
	.release = non_dma_release,
	.start = non_dma_start,
	.push = non_dma_push,
	.reap = non_dma_reap,
	.abandon = non_dma_abandon,
	.receive = non_dma_receive,
	.arm = non_dma_arm,
	.disarm = non_dma_disarm,
	.pending = non_dma_pending,
};
