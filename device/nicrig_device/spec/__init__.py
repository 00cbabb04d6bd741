# SPDX-License-Identifier: GPL-2.0-or-later
"""What the datasheet declares: registers, descriptors, counters, findings. Data only."""
