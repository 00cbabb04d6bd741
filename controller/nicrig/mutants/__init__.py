# SPDX-License-Identifier: GPL-2.0-or-later
"""Faults made on purpose between miniport and NDIS, one at a time, and the reports that must catch each."""
