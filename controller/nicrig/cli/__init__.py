# SPDX-License-Identifier: GPL-2.0-or-later
"""The command `nicrig`, a file a group of verbs. What a verb needs is imported when it runs: --help answers fast."""

# The order here is the order of the help.
from nicrig.cli import card_verbs, frame_verbs, judge_verbs, rig_verbs, setup_verbs, view_verbs, wire_verbs
from nicrig.cli.app import app

__all__ = [
    "app",
    "card_verbs",
    "frame_verbs",
    "judge_verbs",
    "rig_verbs",
    "setup_verbs",
    "view_verbs",
    "wire_verbs",
]


def main() -> None:
    """The entry point of the command."""
    app()
