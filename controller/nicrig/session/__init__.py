# SPDX-License-Identifier: GPL-2.0-or-later
"""What users start: a rig of card, machine and guest, and the daemon that serves one."""
