# SPDX-License-Identifier: GPL-2.0-or-later
"""The folder of a rig: its paths, who made it, and who may talk to the guest."""
