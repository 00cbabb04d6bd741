# SPDX-License-Identifier: GPL-2.0-or-later
"""The other ends of the card: a guest, its bus and memory, a wire; each asserts the rules of its protocol."""
