# SPDX-License-Identifier: GPL-2.0-or-later
"""The ledger: what the driver granted, and every DMA held against it."""
