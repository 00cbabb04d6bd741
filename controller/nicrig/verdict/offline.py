# SPDX-License-Identifier: GPL-2.0-or-later
"""The offline verdict: a saved recording, judged as it is read."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from nicrig.errors import RecordingError
from nicrig.recorder import recording
from nicrig.verifier.events import Event
from nicrig.verifier.functions import Detail
from nicrig.verifier.severity import FAIL_ON, Severity
from nicrig.verifier.verdict import Finding, decide
from nicrig.verifier.verifier import Verifier
from nicrig.witnesses.judge import Witnesses

PART = 1000
WORDS = {Finding.GOOD: "clean", Finding.BAD: "violations", Finding.UNKNOWN: "unknown"}
"""What a verdict over a recording says."""
MOST_LIVE = 1 << 17
"""Most blocks, mappings, packets and so on that may exist at once: more than any guest's driver makes."""

See = Callable[[list[Event]], object]
"""Gets the events as they pass, in parts."""


@dataclass(frozen=True)
class OfflineVerdict:
    """The findings: `verifier` judged the calls, `witnesses` judged the frames, device against CPU.

    `cut`: the recording has no end.
    """

    detail: Detail
    verifier: Verifier
    witnesses: Witnesses
    cut: bool = False

    @property
    def clean(self) -> bool:
        """Whether all was judged, no rule was broken badly enough to fail the run, and no frame differs."""
        return self._finding is Finding.GOOD

    @property
    def word(self) -> str:
        """clean, violations or unknown."""
        return WORDS[self._finding]

    @property
    def unseen(self) -> str:
        """Why not all was judged; empty when all was."""
        return "; ".join(filter(None, (recording.CUT if self.cut else "", self.verifier.verdict.unseen)))

    @property
    def _finding(self) -> Finding:
        return decide(found=self.verifier.verdict.broken or self.witnesses.counts, unseen=self.unseen)


def judge(
    path: Path, see: See = lambda part: None, *, fail_on: Severity = FAIL_ON, under_way: bool = False
) -> OfflineVerdict:
    """Judge the recording: rules as severe as `fail_on` count. Raises RecordingError for another sort of file.

    With `under_way`, frames that are missing at its end may have been on their way.
    """
    saved = recording.load(path)
    verifier = Verifier(saved.detail, first=saved.first, fail_on=fail_on)
    witnesses = Witnesses(first=saved.first)
    witnesses.judge_stream(_on_the_way(path, verifier, saved.events, see), under_way=under_way)
    # What the recorder lost at its end, or lost of the card, leaves no gap in the numbers.
    if (more := saved.events.lost - verifier.verdict.lost) > 0:
        verifier.lost(more)
    verifier.finish()
    return OfflineVerdict(saved.detail, verifier, witnesses, saved.events.cut)


def _on_the_way(path: Path, verifier: Verifier, found: Iterable[Event], see: See) -> Iterator[Event]:
    """The same events, after the verifier has judged them. Raises RecordingError before they take too much memory."""
    events = iter(found)
    while part := list(islice(events, PART)):
        verifier.feed(part)
        if verifier.live > MOST_LIVE:
            raise RecordingError(f"{path}: more than {MOST_LIVE} objects exist at once: this is no driver's recording")
        see(part)
        yield from part
