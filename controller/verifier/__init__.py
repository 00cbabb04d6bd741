# SPDX-License-Identifier: GPL-2.0-or-later
"""The judge: a stream of events in, violations of the NDIS 5.1 contract out. Pure: no file, no socket, no clock."""
