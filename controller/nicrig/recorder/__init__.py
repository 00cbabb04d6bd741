# SPDX-License-Identifier: GPL-2.0-or-later
"""The flight recorder: records read in order, and events as text."""

CALL_SITES_FILE = "call-sites.json"
"""The lines of the driver, in an image's folder and in a rig's: see `call_sites`, which is slow to import."""
