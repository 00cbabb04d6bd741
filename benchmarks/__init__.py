# SPDX-License-Identifier: GPL-2.0-or-later
"""Speed, shown as ratios to peers measured in the same run: `make bench`."""
