# SPDX-License-Identifier: GPL-2.0-or-later
"""The bus master: rings of descriptors in guest memory."""
