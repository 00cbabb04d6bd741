// SPDX-License-Identifier: GPL-2.0-or-later
/* The platform's DMA controller for a subordinate card: the card's channel words (datasheet section 15). */
#include "edge.h"

static void word_write(struct edge *edge, u32 offset, u32 value)
{
	iowrite32(value, edge->words + NICRIG_CHANNEL_BASE + offset);
}

static u32 word_read(struct edge *edge, u32 offset)
{
	return ioread32(edge->words + NICRIG_CHANNEL_BASE + offset);
}

/* "Setting up", steps 1 to 3. */
static void channel_program(void *context, dma_addr_t address, u32 length, bool write_to_device)
{
	struct edge *edge = context;

	word_write(edge, NICRIG_CHANNEL_ADDRESS_LOW, lower_32_bits(address));
	word_write(edge, NICRIG_CHANNEL_ADDRESS_HIGH, upper_32_bits(address));
	word_write(edge, NICRIG_CHANNEL_LENGTH, length);
	word_write(edge, NICRIG_CHANNEL_COUNT, length);
	/* The words above must be visible to the card before ENABLE is. */
	wmb();
	word_write(edge, NICRIG_CHANNEL_CONTROL,
		   NICRIG_CHANNEL_CONTROL_ENABLE | (write_to_device ? NICRIG_CHANNEL_CONTROL_WRITE_TO_DEVICE : 0));
}

/* "Taking down", steps 1 to 4. */
static u32 channel_stop(void *context)
{
	struct edge *edge = context;

	word_write(edge, NICRIG_CHANNEL_CONTROL, 0);
	/* The zero must be visible to the card before ACTIVE is read: it writes ACTIVE, then reads CONTROL. */
	mb();
	if (word_read(edge, NICRIG_CHANNEL_ACTIVE))
		iowrite32(1, edge->control + NICRIG_DMA_BASE + NICRIG_DMA_STOP);
	return word_read(edge, NICRIG_CHANNEL_COUNT);
}

static u32 channel_counter(void *context)
{
	return word_read(context, NICRIG_CHANNEL_COUNT);
}

static const struct ndis_dma_controller channel = {
	.program = channel_program,
	.stop = channel_stop,
	.counter = channel_counter,
};

/* Maps what the channel needs, for a card that has one: only then is edge->controller set. */
int edge_channel_open(struct edge *edge)
{
	if (edge->pdev->device != NICRIG_DEVICE_ID_SUBORDINATE)
		return 0;
	edge->control = pci_iomap(edge->pdev, NICRIG_BAR_CONTROL, 0);
	if (!edge->control)
		return -ENOMEM;
	edge->words = pci_iomap(edge->pdev, NICRIG_BAR_DOORBELL, 0);
	if (!edge->words) {
		pci_iounmap(edge->pdev, edge->control);
		return -ENOMEM;
	}
	edge->controller = &channel;
	return 0;
}

void edge_channel_close(struct edge *edge)
{
	if (!edge->controller)
		return;
	pci_iounmap(edge->pdev, edge->words);
	pci_iounmap(edge->pdev, edge->control);
}
