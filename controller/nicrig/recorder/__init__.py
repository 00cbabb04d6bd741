# SPDX-License-Identifier: GPL-2.0-or-later
"""The flight recorder: records read in order, and events as text."""
