# SPDX-License-Identifier: GPL-2.0-or-later
"""The verdict over a run: live beside it, offline from a file, and the echo run that nicrig demo does."""
