# SPDX-License-Identifier: GPL-2.0-or-later
"""Three witnesses for every frame: the wire, the device and the CPU.

The wire has the bytes. The device records the CRC32C of what its DMA moved (card.frame_in, card.frame_out). The NDIS
layer records the CRC32C of what the CPU sees: on receive at NdisMIndicateReceivePacket, after the driver's flush; on
send when the packet goes down, before the driver's doorbell, and again at NdisMSendComplete. A frame goes in hops from
one witness to the next. A fault is named once, at the hop where the frame changed:

    in:  wire -> device -> cpu          out:  cpu -> device -> wire

Pure: no I/O, no clock. `sighting.py` is what a witness saw, `collector.py` gathers sightings from the recorder's
events, `pairing.py` finds the sightings of the same frame at two witnesses, `classify.py` names what happened between
them, `judge.py` puts it together chunk by chunk, `finding_text.py` writes what people read.
"""
