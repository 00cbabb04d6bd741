# SPDX-License-Identifier: GPL-2.0-or-later
"""What exists in the guest and in the card, as the stream tells it. Moved on by events; judges nothing."""
