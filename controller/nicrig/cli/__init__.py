# SPDX-License-Identifier: GPL-2.0-or-later
"""The command `nicrig`, a file for each group of verbs. A verb imports what it needs when it runs: --help is fast."""

from typing import NoReturn

# --help lists the verbs in this order.
from nicrig.cli import card_verbs, frame_verbs, judge_verbs, rig_verbs, setup_verbs, view_verbs, wire_verbs
from nicrig.cli.app import app
from nicrig.process.output import exit_after

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


def main() -> NoReturn:
    """The entry point of the command."""
    exit_after(app)
