# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs a page of the documentation as its reader would: every command, in order, in one shell, with the files it names.

- In a ```console block, `$ ` begins a command, `> ` continues it, and the lines below are its output. The command must
  print each of these lines, in any order. Numbers may differ (but 0 is 0), and `...` stands for anything.
- A line that has only a number, as `echo $?` prints it, must be that number.
- Every command ends with 0. If one does not, the page shows its `echo $?` in the same line.
- A command that stays, `... &`, gets time until it has printed what is shown. It ends with the page.
- A block below "`name`:" becomes that file.
"""

from __future__ import annotations

import os
import re
import select
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

BLOCK = re.compile(r"(?:`(?P<file>[\w./-]+)`:\n\n)?^```(?P<kind>\w*)\n(?P<body>.*?)^```$", re.MULTILINE | re.DOTALL)
LOOSE = re.compile(r"(?P<any>\.\.\.)|(?P<hex>0x[0-9a-f]+)|(?P<number>\d+(?:\.\d+)?)|(?P<accelerator>\b(?:tcg|kvm)\b)")
SECONDS = 120
ROOT = Path(__file__).resolve().parents[1]
ENDED = "@ended"


@dataclass(frozen=True)
class File:
    """A file that the reader of the page writes."""

    name: str
    text: str


@dataclass(frozen=True)
class Command:
    """A command, and the lines that the page shows below it."""

    text: str
    shown: tuple[str, ...] = ()


def steps(page: str) -> Iterator[File | Command]:
    """The reader's actions, in order."""
    for block in BLOCK.finditer(page):
        if block["file"]:
            yield File(block["file"], block["body"])
        elif block["kind"] == "console":
            yield from _commands(block["body"])


def _commands(block: str) -> Iterator[Command]:
    for each in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
        first, *lines = each.splitlines()
        more = [line[2:] for line in lines if line.startswith("> ")]
        shown = [line for line in lines if line.strip() not in ("", "...") and not line.startswith("> ")]
        yield Command("\n".join([first, *more]), tuple(shown))


def is_printed(shown: str, printed: list[str]) -> bool:
    """Whether one of the lines is the one that the page shows."""
    shown, lines = _plain(shown), [_plain(line) for line in printed]
    if shown.isdecimal():
        return shown in lines
    pattern = re.compile(_pattern(shown))
    return any(pattern.fullmatch(line) for line in lines)


def _plain(line: str) -> str:
    """With single blanks: how many there are does not count."""
    return " ".join(line.split())


def _pattern(shown: str) -> str:
    parts, at = [], 0
    for found in LOOSE.finditer(shown):
        parts += [re.escape(shown[at : found.start()]), _loosely(found)]
        at = found.end()
    return "".join([*parts, re.escape(shown[at:])])


def _loosely(found: re.Match[str]) -> str:
    loose = {"any": ".*", "hex": "0x[0-9a-f]+", "number": r"\d+(?:\.\d+)?", "accelerator": "(?:tcg|kvm)"}
    return "0" if found[0] == "0" else loose[found.lastgroup or "any"]


class Shell:
    """A shell in a folder, whose jobs end with it."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self._process = subprocess.Popen(
            ["bash"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd=folder,
            env=dict(environment),
            start_new_session=True,
        )
        self._folder = folder
        self._printed = ""

    def __enter__(self) -> Shell:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for number in (signal.SIGTERM, signal.SIGKILL):
            os.killpg(self._process.pid, number)
            self._read_until(lambda: False)
        self._process.communicate()

    def do(self, step: File | Command) -> None:
        """Raises AssertionError when the command does not end as it should, or does not print what is shown."""
        if isinstance(step, File):
            (self._folder / step.name).parent.mkdir(parents=True, exist_ok=True)
            (self._folder / step.name).write_text(step.text)
        else:
            self._run(step)

    def _run(self, command: Command) -> None:
        assert self._process.stdin is not None
        self._printed = ""
        # In braces, so that the command does not read the lines after it as its standard input.
        line = f"{{\n{command.text}\n}} < /dev/null\necho {ENDED} $? $(jobs -rp | wc -w)\n"
        self._process.stdin.write(line.encode())
        self._process.stdin.flush()
        self._read_until(lambda: self._ended() and (not self._jobs() or not self._missing(command)))
        shown = f"$ {command.text}\n{self._printed}"
        assert self._ended(), f"not done after {SECONDS} s: {shown}"
        assert self._end()[1] == "0", f"exit code {self._end()[1]}: {shown}"
        assert not self._missing(command), f"not printed: {self._missing(command)}: {shown}"

    def _end(self) -> list[str]:
        # Not only at the start of a line: a job may have printed a part of one at the same moment.
        found = re.search(rf"({ENDED}) (\d+) (\d+)$", self._printed, re.MULTILINE)
        return [*found.groups()] if found else []

    def _ended(self) -> bool:
        return len(self._end()) == 3

    def _jobs(self) -> bool:
        return self._end()[2] != "0"

    def _missing(self, command: Command) -> list[str]:
        printed = self._printed.splitlines()
        return [line for line in command.shown if not is_printed(line, printed)]

    def _read_until(self, holds: Callable[[], bool]) -> None:
        """Read until it holds, or until all processes that may print have ended, or until the deadline."""
        assert self._process.stdout is not None
        deadline = time.monotonic() + SECONDS
        while not holds():
            ready, _, _ = select.select([self._process.stdout], [], [], max(0.0, deadline - time.monotonic()))
            data = os.read(self._process.stdout.fileno(), 1 << 16) if ready else b""
            if not data:
                return
            self._printed += data.decode(errors="replace")
