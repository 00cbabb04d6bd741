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
from nicrig.verifier.verifier import Verifier
from nicrig.witnesses.judge import Witnesses

PART = 1000
MOST_LIVE = 1 << 17
"""Most blocks, mappings, packets and so on that may exist at once: more than any guest's driver makes."""

See = Callable[[list[Event]], object]
"""Gets the events as they pass, in parts."""


@dataclass(frozen=True)
class OfflineVerdict:
    """The findings: `verifier` judged the calls, `witnesses` judged the frames, device against CPU."""

    detail: Detail
    verifier: Verifier
    witnesses: Witnesses

    @property
    def clean(self) -> bool:
        """Whether no rule was broken and no frame differs."""
        return self.verifier.verdict.clean and not self.witnesses.counts


def judge(path: Path, see: See = lambda part: None) -> OfflineVerdict:
    """Judge the recording. Raises RecordingError for a file that is not a recording of a driver."""
    detail, first, events = recording.load(path)
    judged = OfflineVerdict(detail, Verifier(detail, first=first), Witnesses(first=first))
    judged.witnesses.judge_stream(_on_the_way(path, judged.verifier, events, see))
    judged.verifier.finish()
    return judged


def _on_the_way(path: Path, verifier: Verifier, found: Iterable[Event], see: See) -> Iterator[Event]:
    """The same events, after the verifier has judged them. Raises RecordingError before they take too much memory."""
    events = iter(found)
    while part := list(islice(events, PART)):
        verifier.feed(part)
        if verifier.live > MOST_LIVE:
            raise RecordingError(f"{path}: more than {MOST_LIVE} objects exist at once: this is no driver's recording")
        see(part)
        yield from part
