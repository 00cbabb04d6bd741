# SPDX-License-Identifier: GPL-2.0-or-later
"""`make bench`: measures speed, as ratios to peers in the same run."""
