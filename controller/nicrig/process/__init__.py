# SPDX-License-Identifier: GPL-2.0-or-later
"""Processes, sockets and deadlines, for all the parts."""
