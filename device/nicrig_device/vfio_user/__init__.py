# SPDX-License-Identifier: GPL-2.0-or-later
"""The only room that uses libvfio-user."""
