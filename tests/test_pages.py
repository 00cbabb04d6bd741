# SPDX-License-Identifier: GPL-2.0-or-later
"""The runner of pages: what is a command, and what is an error."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.pages import Command, File, Shell, is_printed, steps

PAGE = """
Put this into `hello.sh`:

```sh
echo hello $1
```

```console
$ sh hello.sh you   # greets
hello you
$ cat <<'END'
> one
> END
one
...
```

```python
not_run()
```
"""


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Shell]:
    with Shell(tmp_path, os.environ) as shell:
        yield shell


def test_files_and_commands_stand_in_the_order_of_the_page() -> None:
    assert list(steps(PAGE)) == [
        File("hello.sh", "echo hello $1\n"),
        Command("sh hello.sh you   # greets", ("hello you",)),
        Command("cat <<'END'\none\nEND", ("one",)),
    ]


def test_a_page_runs_in_one_shell(shell: Shell) -> None:
    for step in [*steps(PAGE), Command("X=7"), Command("echo $X; cat", ("7",))]:
        shell.do(step)


def test_a_job_that_has_printed_half_a_line_hides_no_end(shell: Shell) -> None:
    shell.do(Command("printf 'half a line'"))


@pytest.mark.parametrize(
    ("shown", "printed", "same"),
    [
        ("injected 1000 in 1.5 s", "injected 200 in 3 s", True),
        ("injected 1000", "rejected 1000", False),
        ("lost 0", "lost 3", False),
        ("lost 3", "lost 0", True),
        ("at 0xff", "at 0x1a2b", True),
        ("(tcg) ... end", "(kvm) and so on, end", True),
        ("a (b)", "a (b) c", False),
        ("2", "125", False),
    ],
)
def test_numbers_may_be_others_but_zero_is_zero_and_an_exit_code_itself(shown: str, printed: str, same: bool) -> None:
    assert is_printed(shown, ["first", printed]) == same


def test_the_error_of_a_command_that_fails_has_its_output(shell: Shell) -> None:
    with pytest.raises(AssertionError, match=r"(?s)exit code 3: \$ \(echo why; exit 3\)\nwhy"):
        shell.do(Command("(echo why; exit 3)"))


def test_a_line_that_is_not_printed_is_an_error(shell: Shell) -> None:
    with pytest.raises(AssertionError, match=r"not printed: \['hello'\]"):
        shell.do(Command("echo hallo", ("hello",)))


def test_a_command_that_stays_is_waited_for_and_ends_with_the_page(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "go")
    with Shell(tmp_path, os.environ) as shell:
        shell.do(Command("(cat go; echo ready; exec sleep 1000) &"))
        shell.do(Command("echo $! > pid; echo > go", ("ready",)))
    command_line = Path("/proc", (tmp_path / "pid").read_text().strip(), "cmdline")
    assert not command_line.exists() or not command_line.read_bytes(), "it still runs"
