# SPDX-License-Identifier: GPL-2.0-or-later
"""The page, and the command that writes it. tests/system/test_report.py opens it in a browser."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from nicrig.cli import app
from nicrig.cli.app import COHERENT, RIG_FAILED, USAGE
from nicrig.errors import RecordingError
from nicrig.recorder import recording
from nicrig.report import columns, sections
from nicrig.report.page import page
from nicrig.verifier.functions import Detail, RecordKind
from tests.controller.report import MS, US, Story, run_of

VOID = {"meta", "br"}


class Wellformed(HTMLParser):
    """Asserts that each tag that begins also ends; `tags` has all of them, with attributes."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self._open: list[str] = []
        self.feed(html)
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag


def traffic(frames: int = 20) -> Story:
    """A driver that breaks R01, then echoes frames."""
    story = Story()
    story.guest(0, "MiniportInitialize", 0x10F0, kind=RecordKind.ENTER)
    story.tie(10 * US)
    story.guest(20 * US, "NdisMInitializeScatterGatherDma", 1, 1514)
    story.card(1 * MS, "card.doorbell", 0, frames, 0, 64)
    story.card(5 * MS, "card.interrupt")
    for number in range(frames):
        story.card((number + 2) * MS, "card.write", number)
        story.card((number + 2) * MS, "card.frame_in", number, 0, 60, number)
        story.card((number + 3) * MS, "card.frame_out", number, 0, 60, number)
    return story


def nicrig(*arguments: str | Path, **environment: str) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments], env=environment)


def save(path: Path, story: Story) -> Path:
    path.write_bytes(recording.header(Detail.FRAMES) + b"".join(map(recording.line, story.events)) + recording.end(0))
    return path


def test_the_page_shows_verdict_plots_lanes_and_records() -> None:
    html = page(traffic().run())
    tags = Wellformed(html).tags
    titles = [attributes["aria-label"] for tag, attributes in tags if tag == "svg"]
    assert titles == [
        "Frames (per second)",
        "Bytes (bit/s)",
        "Signals (per second)",
        "Receive ring (buffers)",
        "turn-around: 20",
        "calls and frames over time",
    ]
    assert "R01 1 times" in html
    assert "bus-master" in html
    assert "p50 1 ms" in html
    assert sum("data-t" in attributes for _, attributes in tags) == len(traffic().events)


def test_the_page_groups_broken_rules_by_call_site() -> None:
    story = traffic()
    for number in range(3):
        story.guest(MS * (100 + number), "NdisStallExecution", 1000)
        story.events[-1] = story.events[-1]._replace(site="miniport/send.c:50")
    html = page(story.run())
    assert html.count("<code>miniport/send.c:50</code>") == 1
    assert "2 more there" in html
    assert " at miniport/send.c:50</td>" in html


def test_the_page_asks_for_nothing() -> None:
    tags = Wellformed(page(traffic().run())).tags
    assert not {"link", "img", "iframe", "object"} & {tag for tag, _ in tags}
    assert not any({"src", "href", "action"} & attributes.keys() for _, attributes in tags)


def test_a_name_with_control_characters_is_escaped() -> None:
    assert r"\x1b[2J.json" in page(run_of(traffic().events, Path("\x1b[2J.json")))


def test_a_hostile_name_is_only_text() -> None:
    html = page(run_of(traffic().events, Path("<script>alert(1)<script>&.json")))
    assert "<script>alert" not in html
    assert [tag for tag, _ in Wellformed(html).tags].count("script") == 1
    assert "&lt;script&gt;alert(1)&lt;script&gt;&amp;.json" in html


@pytest.mark.parametrize("detail", Detail)
def test_a_recording_of_nothing_is_a_page_too(tmp_path: Path, detail: Detail) -> None:
    path = tmp_path / "empty"
    path.write_bytes(recording.header(detail) + recording.end(0))
    assert nicrig("report", path).exit_code == COHERENT
    html = path.with_suffix(".html").read_text()
    Wellformed(html)
    assert "None was recorded." in html
    assert "unknown: the driver recorded nothing" in html
    assert ("recorder=2" in html) == (detail < Detail.FRAMES)


def test_the_page_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("FIRST", "FRAMES", "LAST", "AROUND_MAX"):
        monkeypatch.setattr(sections, name, 10)
    html = page(traffic(3000).run())
    assert html.count("data-t=") <= 3 * 10 + 2 * 10 * 10
    assert re.search(r"\d+ of 9007 records: <code>nicrig recorder FILE</code> prints all", html)


@pytest.mark.parametrize("option", ["", "-o", "--output"])
def test_report_writes_beside_the_recording_or_where_the_option_says(tmp_path: Path, option: str) -> None:
    source = save(tmp_path / "run.json", traffic())
    wanted = tmp_path / ("other.html" if option else "run.html")
    done = nicrig("report", source, *([option, str(wanted)] if option else []))
    assert (done.exit_code, done.stdout) == (COHERENT, f"{wanted}\n")
    assert "R01" in wanted.read_text()
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(["run.json", wanted.name])


def test_the_output_is_also_an_environment_variable(tmp_path: Path) -> None:
    source = save(tmp_path / "run.json", traffic())
    assert nicrig("report", source, NICRIG_REPORT_OUTPUT=str(tmp_path / "x.html")).exit_code == COHERENT
    assert (tmp_path / "x.html").exists()


def test_a_page_has_a_bounded_number_of_records(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(columns, "MOST_RECORDS", 100)
    save(tmp_path / "run", traffic(200))
    with pytest.raises(RecordingError, match="run: a page shows 100 records at most: use nicrig verify"):
        columns.read_run(tmp_path / "run")


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["none"], USAGE, "none: No such file"),
        (["."], USAGE, "is a folder, not a file"),
        (["bad"], USAGE, "bad: line 1 is not the head"),
        (["large"], USAGE, "large: a number in a record is too large for a recorder's"),
        (["run.html"], USAGE, "run.html is the recording itself: name another file with -o"),
        (["run.html", "-o", "none/x.html"], RIG_FAILED, "No such file"),
    ],
)
def test_what_cannot_be_reported_is_one_line_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], code: int, words: str
) -> None:
    monkeypatch.chdir(tmp_path)
    save(Path("run.html"), traffic())
    Path("bad").write_text("not a recording\n")
    story = traffic()
    story.events[3] = story.events[3]._replace(time=1 << 63)
    save(Path("large"), story)
    before = sorted(Path().iterdir())
    done = nicrig("report", *arguments)
    assert (done.exit_code, done.stdout) == (code, "")
    assert re.fullmatch(r"nicrig: [^\n]+\n", done.stderr)
    assert words in done.stderr
    assert sorted(Path().iterdir()) == before


def test_advice_is_shown_and_leaves_the_verdict_clean() -> None:
    story = Story()
    story.guest(0, "MiniportInitialize", 0x10F0, kind=RecordKind.ENTER)
    story.guest(20 * US, "NdisStallExecution", 51)
    run = story.run()
    assert ">clean: no rule is broken" in sections.verdict(run).replace("</b> ", ">")
    assert "not counted, as --fail-on says: R132 1" in sections.verdict(run)
    assert "W<br><small>risky</small>" in sections.violations(run)
