# SPDX-License-Identifier: GPL-2.0-or-later
"""The judge: a stream of events in, violations of the NDIS 5.1 contract out. Pure: no file, no socket, no clock.

`rules` is the catalogue, `judge` feeds events to `checks/` (a file a section of the rules) and then to `model/` (what
exists in the guest and in the card). The code of a rule is found by its id.
"""
