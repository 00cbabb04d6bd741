// SPDX-License-Identifier: GPL-2.0-or-later
/* The platform's DMA controller for a subordinate card: the card's channel words (datasheet section 15). */
#include "shim.h"

static void word_write(struct shim *shim, u32 offset, u32 value)
{
	iowrite32(value, shim->words + NICRIG_CHANNEL_BASE + offset);
}

static u32 word_read(struct shim *shim, u32 offset)
{
	return ioread32(shim->words + NICRIG_CHANNEL_BASE + offset);
}

/* "Setting up", steps 1 to 3. */
static void channel_program(void *context, dma_addr_t address, u32 length, bool write_to_device)
{
	struct shim *shim = context;

	word_write(shim, NICRIG_CHANNEL_ADDRESS_LOW, lower_32_bits(address));
	word_write(shim, NICRIG_CHANNEL_ADDRESS_HIGH, upper_32_bits(address));
	word_write(shim, NICRIG_CHANNEL_LENGTH, length);
	word_write(shim, NICRIG_CHANNEL_COUNT, length);
	/* The words above must be visible to the card before ENABLE is. */
	wmb();
	word_write(shim, NICRIG_CHANNEL_CONTROL,
		   NICRIG_CHANNEL_CONTROL_ENABLE | (write_to_device ? NICRIG_CHANNEL_CONTROL_WRITE_TO_DEVICE : 0));
}

/* "Taking down", steps 1 to 4. */
static u32 channel_stop(void *context)
{
	struct shim *shim = context;

	word_write(shim, NICRIG_CHANNEL_CONTROL, 0);
	/* The zero must be visible to the card before ACTIVE is read: it writes ACTIVE, then reads CONTROL. */
	mb();
	if (word_read(shim, NICRIG_CHANNEL_ACTIVE))
		iowrite32(1, shim->control + NICRIG_DMA_BASE + NICRIG_DMA_STOP);
	return word_read(shim, NICRIG_CHANNEL_COUNT);
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

/* Maps what the channel needs. Only a card that has a channel gets a shim->controller. */
int shim_channel_open(struct shim *shim)
{
	if (!shim->kind->channel)
		return 0;
	shim->control = pci_iomap(shim->pdev, NICRIG_BAR_CONTROL, 0);
	if (!shim->control)
		return -ENOMEM;
	shim->words = pci_iomap(shim->pdev, NICRIG_BAR_DOORBELL, 0);
	if (!shim->words) {
		pci_iounmap(shim->pdev, shim->control);
		return -ENOMEM;
	}
	shim->controller = &channel;
	return 0;
}

void shim_channel_close(struct shim *shim)
{
	if (!shim->controller)
		return;
	pci_iounmap(shim->pdev, shim->words);
	pci_iounmap(shim->pdev, shim->control);
}
