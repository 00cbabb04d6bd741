# SPDX-License-Identifier: GPL-2.0-or-later
"""The guest driver's sources as a package, which importlib.resources finds in a checkout and in an installed wheel."""
