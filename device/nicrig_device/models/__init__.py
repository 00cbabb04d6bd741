# SPDX-License-Identifier: GPL-2.0-or-later
"""The three kinds of card behind one interface."""
