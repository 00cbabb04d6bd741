# SPDX-License-Identifier: GPL-2.0-or-later
"""Guest memory: who mapped what, batches of frames, index arithmetic."""
