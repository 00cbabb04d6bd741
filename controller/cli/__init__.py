# SPDX-License-Identifier: GPL-2.0-or-later
"""The command `nicrig`, a file a group of verbs. What a verb needs is imported when it runs: --help answers fast."""

# The order here is the order of the help.
from controller.cli import build, judge, rigs, frames, card, look, wires  # isort: skip
from controller.cli.app import app

__all__ = [
    "app",
    "build",
    "card",
    "frames",
    "judge",
    "look",
    "main",
    "rigs",
    "wires",
]


def main() -> None:
    """The entry point of the command."""
    app()
