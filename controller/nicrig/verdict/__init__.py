# SPDX-License-Identifier: GPL-2.0-or-later
"""The verdict over a run: live while it goes on, offline from a file, and the echo run of nicrig demo."""
