# SPDX-License-Identifier: GPL-2.0-or-later
"""The command `nicrig`, a file for each group of verbs. A verb imports what it needs when it runs: --help is fast."""

import sys

# --help lists the verbs in this order.
from nicrig.cli import card_verbs, frame_verbs, judge_verbs, rig_verbs, setup_verbs, view_verbs, wire_verbs
from nicrig.cli.app import RIG_FAILED, app
from nicrig.process.output import complaint, make_fallible

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
    """The entry point of the command. Exit code 125 when standard output did not take all that was printed."""
    make_fallible()
    code: str | int | None = 0
    try:
        app()
    except SystemExit as done:
        code = done.code
    sys.stdout.flush()
    if text := complaint():
        print(f"nicrig: {text}", file=sys.stderr)
        code = RIG_FAILED
    sys.exit(code)
