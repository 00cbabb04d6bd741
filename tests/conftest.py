# SPDX-License-Identifier: GPL-2.0-or-later
"""What every test may use."""

import functools
import gc
import signal
from pathlib import Path

import pytest
import typer.main
import typer.testing
from hypothesis import settings
from hypothesis.configuration import set_hypothesis_home_dir

HERE = Path(__file__).resolve().parent
CACHE = HERE.parent / ".cache"
MARKS = {
    HERE / "contracts": [pytest.mark.contract],
    # As a user writes them (docs/packet-tests.md): they boot QEMU, and share machines.
    HERE / "examples": [pytest.mark.system, pytest.mark.xdist_group("examples")],
}
"""What all tests of a folder have."""

set_hypothesis_home_dir(CACHE / "hypothesis")
# `make test` has half of its examples from this profile, the same on each run, and half from "new", in `make fuzz`. No
# deadline: a busy machine is no failure.
settings.register_profile("nicrig", deadline=None, derandomize=True, max_examples=50)
# Hypothesis repeats its examples where the variable CI is set, unless a profile says otherwise.
settings.register_profile("new", settings.get_profile("nicrig"), derandomize=False)
settings.register_profile("soak", settings.get_profile("new"), max_examples=5000)
settings.load_profile("nicrig")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give each test the marks of its folder."""
    for item in items:
        for mark in MARKS.get(item.path.parent, ()):
            item.add_marker(mark)


def pytest_make_parametrize_id(val: object) -> str | None:
    """A name that can be read, for parameters of many bytes."""
    return f"{len(val)} bytes" if isinstance(val, bytes) and len(val) > 16 else None


def pytest_collection_finish() -> None:
    """Have the garbage collector leave out what stays: thousands of tests and their modules, a sixth of the time."""
    gc.collect()
    gc.freeze()


def pytest_report_header(config: pytest.Config) -> str | None:
    """The seed, where there is one."""
    seed = config.getoption("hypothesis_seed")
    return f"examples of seed {seed}" if seed else None


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """How to repeat what failed with new examples."""
    seed, failed = config.getoption("hypothesis_seed"), terminalreporter.stats.get("failed", [])
    if seed and failed:
        tests = " ".join(sorted({report.nodeid for report in failed}))
        options = f"--hypothesis-profile={config.getoption('hypothesis_profile')} --hypothesis-seed={seed}"
        terminalreporter.write_line(f"repeat it: .venv/bin/pytest {options} {tests}")


# Typer builds all verbs anew for each command line. Hundreds of tests give one.
typer.testing._get_command = functools.cache(typer.main.get_command)  # type: ignore[attr-defined]

# A shell in the background has its jobs ignore Ctrl-C, and what these start would too: tests send it.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """Asynchronous tests run on trio; session-wide, so that a rig may live as long as the session."""
    return "trio"
