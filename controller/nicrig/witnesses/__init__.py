# SPDX-License-Identifier: GPL-2.0-or-later
"""Three witnesses for every frame: the wire, the device and the CPU.

The wire knows the bytes. The device records the CRC32C of what its DMA moved (card.frame_in, card.frame_out), the NDIS
layer that of what the CPU sees: on receive at NdisMIndicateReceivePacket, after the driver's flush; on send when the
packet goes down, before the driver's doorbell, and again at NdisMSendComplete. A frame's way is a row of hops from one
witness to the next, and a fault is named once, at the hop where the frame is not any more what it was before:

    in:  wire -> device -> cpu          out:  cpu -> device -> wire

Pure: no I/O, no clock. `sighting.py` says what a witness saw, `collector.py` gathers that from the recorder's events,
`join.py` finds out which sighting of one witness is which of the next, `classify.py` names what happened in between,
`judge.py` puts it together chunk by chunk, `report.py` writes down what people read.
"""
