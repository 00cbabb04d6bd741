# SPDX-License-Identifier: GPL-2.0-or-later
"""What exists in the guest and in the card, according to the stream. Events update it; it judges nothing."""
