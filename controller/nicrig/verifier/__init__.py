# SPDX-License-Identifier: GPL-2.0-or-later
"""The verifier: a stream of events in, violations of the NDIS 5.1 contract out. Pure: no file, no socket, no clock.

`rules` is the catalogue. `decoder` makes events; `records` has their classes. `verifier` feeds each event to `checks/`,
a file for each section of the rules, and then to `model/`, which holds what exists in the guest and in the card. Search
for a rule's id to find its code.
"""
