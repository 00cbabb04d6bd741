# SPDX-License-Identifier: GPL-2.0-or-later
"""The time axis as HTML: names beside lanes of marks, which the page's script enlarges on demand."""

from html import escape

from nicrig.report.lanes import FINEST, Axis, Lane
from nicrig.report.series import Span
from nicrig.text.units import duration, number

LANE = 20
MARK = 14
"""The height of a lane and of its marks."""


def timeline(axis: Axis, driver: Span, frames: Span) -> str:
    """The lanes, with buttons for all of it and for two parts; the page opens with the driver's part."""
    names = "".join(
        f'<li title="{lane.count} records">{escape(lane.name)} <i>{number(lane.count)}</i></li>' for lane in axis.lanes
    )
    paths = "".join(_path(lane, row) for row, lane in enumerate(axis.lanes))
    height = LANE * len(axis.lanes)
    return f"""
<p class="buttons"><button data-do="all">all</button>
<button data-do="part" id="driver" {_part(axis, driver)}>driver</button>
<button data-do="part" {_part(axis, frames)}>frames</button>
<button data-do="in">+</button><button data-do="out">&minus;</button><button data-do="left">&larr;</button>
<button data-do="right">&rarr;</button> <span id="view"></span></p>
<div class="lanes"><ul>{names}</ul><div><svg id="axis" data-seconds="{axis.seconds:.9f}" data-places="{axis.places}"
 viewBox="0 0 {axis.places} {height}" preserveAspectRatio="none" style="height:{height}px" role="img"
 aria-label="calls and frames over time">{paths}<rect id="drag" y="0" width="0" height="{height}"/>
<line id="cursor" y1="0" y2="{height}"/></svg><div id="ticks"></div></div></div>
<p class="note">{_resolution(axis)} Drag over the lanes to enlarge a part, double-click for all of it; a click shows the
nearest record below.</p>"""


def _part(axis: Axis, span: Span) -> str:
    scale = axis.places / axis.seconds if axis.seconds else 0.0
    return f'data-begin="{span.begin * scale:.3f}" data-end="{min(span.end * scale, axis.places):.3f}"'


def _resolution(axis: Axis) -> str:
    marks, records = sum(len(lane.marks) for lane in axis.lanes), sum(lane.count for lane in axis.lanes)
    place = duration(axis.seconds / axis.places) if axis.seconds else "0 s"
    fewer = "" if axis.places == FINEST else " (coarser than usual: there are too many marks otherwise)"
    return f"{marks} marks for {records} records: those of a lane within {place}{fewer} share a mark."


def _path(lane: Lane, row: int) -> str:
    """One path for all marks of a lane: each goes down, and the next starts at the top."""
    top, last = row * LANE + (LANE - MARK) // 2, 0
    made: list[str] = []
    for mark in lane.marks.tolist():
        made.append(f"m{mark - last} {-MARK if made else top}v{MARK}")
        last = mark
    return f'<path class="lane {lane.group}" d="M0 0{"".join(made)}"><title>{escape(lane.name)}</title></path>'
