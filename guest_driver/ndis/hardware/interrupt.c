// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The interrupt: its service routine, and the deferred half that the protocol shim schedules (docs/ndis51.md 4.7,
 * 4.8).
 */
#include <linux/interrupt.h>

#include "../faults/inject.h"
#include "../layer.h"

/*
 * Section 4.7: with RequestIsr, or while the adapter initializes or halts, the miniport's routine decides whether the
 * interrupt is its own and whether to defer. Otherwise NDIS masks the card and always defers. No deferred half runs
 * during Initialize or Halt (R126).
 */
static irqreturn_t ndis_interrupt(int irq, void *data)
{
	struct ndis_adapter *adapter = data;
	const NDIS_MINIPORT_CHARACTERISTICS *miniport = adapter->miniport;
	BOOLEAN recognized = TRUE, queue = TRUE;
	bool running = READ_ONCE(adapter->phase) == NDIS_PHASE_RUN;
	struct ndis_caller before;

	if (adapter->interrupt->IsrRequested || !running) {
		before = ndis_enter_phase(NDIS_PHASE_RUN);
		ndis_entered(MiniportISR, adapter->miniport->ISRHandler, 0, 0, 0, 0);
		miniport->ISRHandler(&recognized, &queue, adapter->context);
		ndis_leave(MiniportISR, adapter->miniport->ISRHandler, before, recognized | queue << 1);
	} else {
		ndis_disable_interrupt(adapter);
	}
	if (!recognized)
		return IRQ_NONE;
	if (queue && running)
		adapter->protocol->interrupt(adapter->protocol_context);
	return IRQ_HANDLED;
}

static void free_vectors(struct ndis_adapter *adapter, unsigned int count)
{
	while (count--)
		free_irq(pci_irq_vector(adapter->pdev, count), adapter);
}

static NDIS_STATUS connect_interrupt(struct ndis_adapter *adapter, PNDIS_MINIPORT_INTERRUPT interrupt)
{
	unsigned int vector;
	int error;

	for (vector = 0; vector < adapter->vectors; vector++) {
		error = request_irq(pci_irq_vector(adapter->pdev, vector), ndis_interrupt,
				    interrupt->SharedInterrupt ? IRQF_SHARED : 0, pci_name(adapter->pdev), adapter);
		if (error) {
			free_vectors(adapter, vector);
			return error == -EBUSY ? NDIS_STATUS_RESOURCE_CONFLICT : NDIS_STATUS_RESOURCES;
		}
	}
	return NDIS_STATUS_SUCCESS;
}

static NDIS_STATUS register_interrupt(struct ndis_adapter *adapter, PNDIS_MINIPORT_INTERRUPT interrupt, UINT vector,
				      UINT level, BOOLEAN request_isr, BOOLEAN shared, NDIS_INTERRUPT_MODE mode)
{
	NDIS_STATUS status;

	if (!ndis_may_claim(adapter) ||
	    (int)vector != pci_irq_vector(adapter->pdev, 0) || level != NDIS_INTERRUPT_LEVEL ||
	    mode != NdisInterruptLatched)
		return NDIS_STATUS_FAILURE;
	if (adapter->interrupt)
		return NDIS_STATUS_RESOURCE_CONFLICT;
	if (ndis_fail(NdisMRegisterInterrupt, 0))
		return NDIS_STATUS_RESOURCES;

	interrupt->InterruptObject = adapter;
	interrupt->Miniport = adapter;
	interrupt->IsrRequested = request_isr;
	interrupt->SharedInterrupt = shared;
	adapter->interrupt = interrupt;
	status = connect_interrupt(adapter, interrupt);
	if (status != NDIS_STATUS_SUCCESS) {
		adapter->interrupt = NULL;
		interrupt->InterruptObject = NULL;
		return status;
	}
	ndis_object_count(NDIS_OBJECT_INTERRUPT, 1);
	return NDIS_STATUS_SUCCESS;
}

/*
 * Section 4.7: SUCCESS; RESOURCE_CONFLICT if the adapter or another driver has the vector; RESOURCES; FAILURE before
 * the attributes, outside MiniportInitialize, above PASSIVE_LEVEL, or for a vector or level that is not in the
 * resource list. The routine may run before this returns. Connects every message vector of the function to this one
 * interrupt.
 */
NDIS_STATUS NdisMRegisterInterrupt(PNDIS_MINIPORT_INTERRUPT Interrupt, NDIS_HANDLE MiniportAdapterHandle,
				   UINT InterruptVector, UINT InterruptLevel, BOOLEAN RequestIsr,
				   BOOLEAN SharedInterrupt, NDIS_INTERRUPT_MODE InterruptMode)
{
	NDIS_STATUS status = register_interrupt(MiniportAdapterHandle, Interrupt, InterruptVector, InterruptLevel,
						RequestIsr, SharedInterrupt, InterruptMode);

	ndis_record(NdisMRegisterInterrupt, Interrupt, InterruptVector, InterruptLevel,
		    (RequestIsr ? 1 : 0) | (SharedInterrupt ? 2 : 0) | InterruptMode << 2, status);
	return status;
}

static void release(struct ndis_adapter *adapter)
{
	free_vectors(adapter, adapter->vectors);
	adapter->interrupt = NULL;
	ndis_object_count(NDIS_OBJECT_INTERRUPT, -1);
}

/*
 * Section 4.7: no service routine runs after this returns. The miniport has masked the card before. Inside Initialize
 * or Halt, PASSIVE_LEVEL. Refuses anything else, and an interrupt that is not registered.
 */
VOID NdisMDeregisterInterrupt(PNDIS_MINIPORT_INTERRUPT Interrupt)
{
	struct ndis_adapter *adapter = Interrupt->InterruptObject;

	ndis_record(NdisMDeregisterInterrupt, Interrupt, 0, 0, 0, 0);
	if (WARN_ON_ONCE(!adapter || adapter->interrupt != Interrupt || !ndis_may_release(adapter)))
		return;
	release(adapter);
	Interrupt->InterruptObject = NULL;
}

/*
 * R22, R27: Windows stops if Initialize fails or Halt returns with the interrupt still registered. Here NDIS releases
 * it.
 */
void ndis_interrupt_check_released(struct ndis_adapter *adapter)
{
	if (WARN_ON(adapter->interrupt))
		release(adapter);
}

/* Section 4.8: DISPATCH_LEVEL. One call may cover several interrupts. */
void ndis_handle_interrupt(struct ndis_adapter *adapter)
{
	struct ndis_caller before = ndis_enter_phase(NDIS_PHASE_RUN);

	ndis_entered(MiniportHandleInterrupt, adapter->miniport->HandleInterruptHandler, 0, 0, 0, 0);
	adapter->miniport->HandleInterruptHandler(adapter->context);
	ndis_leave(MiniportHandleInterrupt, adapter->miniport->HandleInterruptHandler, before, 0);
}

/* Lets the card interrupt again. DISPATCH_LEVEL, after the handler. */
void ndis_enable_interrupt(struct ndis_adapter *adapter)
{
	struct ndis_caller before;

	if (!adapter->miniport->EnableInterruptHandler)
		return;
	before = ndis_enter_phase(NDIS_PHASE_RUN);
	ndis_entered(MiniportEnableInterrupt, adapter->miniport->EnableInterruptHandler, 0, 0, 0, 0);
	adapter->miniport->EnableInterruptHandler(adapter->context);
	ndis_leave_quietly(MiniportEnableInterrupt, adapter->miniport->EnableInterruptHandler, before);
}

void ndis_disable_interrupt(struct ndis_adapter *adapter)
{
	struct ndis_caller before;

	if (!adapter->miniport->DisableInterruptHandler)
		return;
	before = ndis_enter_phase(NDIS_PHASE_RUN);
	ndis_entered(MiniportDisableInterrupt, adapter->miniport->DisableInterruptHandler, 0, 0, 0, 0);
	adapter->miniport->DisableInterruptHandler(adapter->context);
	ndis_leave_quietly(MiniportDisableInterrupt, adapter->miniport->DisableInterruptHandler, before);
}
