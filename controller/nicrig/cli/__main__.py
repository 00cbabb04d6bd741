# SPDX-License-Identifier: GPL-2.0-or-later
"""`python -m nicrig.cli` is `nicrig`."""

from nicrig.cli import main

main()
