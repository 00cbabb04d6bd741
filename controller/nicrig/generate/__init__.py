# SPDX-License-Identifier: GPL-2.0-or-later
"""Makes files from the declarations of the NDIS functions and of the verdict's words: `python -m nicrig.generate`."""
