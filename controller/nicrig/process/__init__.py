# SPDX-License-Identifier: GPL-2.0-or-later
"""Processes, sockets and deadlines: what every other room uses."""
