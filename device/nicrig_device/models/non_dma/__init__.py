# SPDX-License-Identifier: GPL-2.0-or-later
"""The non-DMA card: slots in its own memory."""
