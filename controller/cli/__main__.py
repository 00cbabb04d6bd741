# SPDX-License-Identifier: GPL-2.0-or-later
"""`python -m controller.cli` is `nicrig`."""

from controller.cli import main

main()
