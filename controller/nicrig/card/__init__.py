# SPDX-License-Identifier: GPL-2.0-or-later
"""The card as the controller reaches it: its process, its wire and its monitor."""
