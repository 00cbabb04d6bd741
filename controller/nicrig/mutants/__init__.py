# SPDX-License-Identifier: GPL-2.0-or-later
"""Makes faults between miniport and NDIS on purpose, one at a time, and checks that the right reports catch each."""
