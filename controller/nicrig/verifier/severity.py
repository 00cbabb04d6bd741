# SPDX-License-Identifier: GPL-2.0-or-later
"""How bad a broken rule is, and from which severity on it fails a run. Nothing else is imported with it."""

from __future__ import annotations

import enum


class Severity(enum.Enum):
    """How bad it is; the values are the letters of docs/ndis51.md section 9, the worst first."""

    FATAL = "F"  # the contract is broken: Windows would stop, or memory is corrupted
    ERROR = "E"  # the contract is broken: a documented must
    WARNING = "W"  # risky: works, but against documented advice, or wasteful
    NOTE = "I"  # advice: documented as allowed, and something else is better

    @property
    def meaning(self) -> str:
        """What the letter means, in words."""
        return {Severity.WARNING: "risky", Severity.NOTE: "advice"}.get(self, "the contract is broken")

    def fails(self, fail_on: Severity) -> bool:
        """Whether this is as bad as `fail_on`, or worse."""
        return _ORDER.index(self) <= _ORDER.index(fail_on)


_ORDER = tuple(Severity)

FAIL_ON = Severity.ERROR
"""From which severity on a broken rule fails a run, unless the user says otherwise (`--fail-on`)."""
FAIL_ON_HELP = "From which severity on a broken rule fails: F or E, the contract is broken; W, risky; I, advice."
