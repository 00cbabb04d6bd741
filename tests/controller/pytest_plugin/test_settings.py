# SPDX-License-Identifier: GPL-2.0-or-later
"""The plugin before any machine boots: its cost, its settings, and what it refuses."""

from __future__ import annotations

import subprocess
import sys
from typing import get_args

import pytest

from nicrig.machine.accelerator import Wanted as Accelerator
from nicrig.pytest_plugin.settings import SETTINGS
from nicrig.pytest_plugin.wanted import Wanted
from nicrig_interface.vocabulary import CardKind

pytest_plugins = ["pytester"]

USES_NOTHING = "def test_nothing():\n    pass\n"
TELLS = """
from nicrig.pytest_plugin import SETTINGS

def test_told(request):
    told = request.config.stash[SETTINGS]
    assert told.{name} == {value!r}
"""
HEAVY = ("trio", "scapy", "numpy", "anyio", "msgspec", "nicrig.session.rig")


def test_it_costs_nothing_where_it_is_not_used() -> None:
    look = f"import sys, nicrig.pytest_plugin; print([name for name in {HEAVY} if name in sys.modules])"
    assert subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_the_choices_are_those_of_the_rig() -> None:
    choices = {setting.name: setting.choices for setting in SETTINGS}
    assert (choices["kind"], choices["accelerator"]) == (get_args(CardKind), get_args(Accelerator))
    assert choices["fail_on"] == ("F", "E", "W", "I")


def test_every_setting_is_in_the_help_with_its_variable(pytester: pytest.Pytester) -> None:
    shown = " ".join(pytester.runpytest_inprocess("--help").stdout.str().split())
    for setting in SETTINGS:
        assert f"--nicrig-{setting.name.replace('_', '-')}" in shown
        assert f"nicrig_{setting.name} (string)" in shown
        assert f"${setting.variable}" in shown.replace("[$ ", "[$")


@pytest.mark.parametrize(
    ("ini", "variable", "option", "value"),
    [
        (None, None, None, "bus-master"),
        ("non-dma", None, None, "non-dma"),
        ("non-dma", "subordinate", None, "subordinate"),
        ("non-dma", "subordinate", "bus-master", "bus-master"),
    ],
)
def test_the_command_line_goes_before_the_environment_and_that_before_the_ini_file(
    pytester: pytest.Pytester,
    monkeypatch: pytest.MonkeyPatch,
    ini: str | None,
    variable: str | None,
    option: str | None,
    value: str,
) -> None:
    pytester.makepyfile(TELLS.format(name="kind", value=value))
    if ini:
        pytester.makeini(f"[pytest]\nnicrig_kind = {ini}\n")
    if variable:
        monkeypatch.setenv("NICRIG_KIND", variable)
    arguments = [f"--nicrig-kind={option}"] if option else []
    pytester.runpytest_inprocess(*arguments).assert_outcomes(passed=1)


def test_the_seed_option_sets_the_seed(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(TELLS.format(name="seed", value=7))
    pytester.runpytest_inprocess("--nicrig-seed=7").assert_outcomes(passed=1)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--nicrig-kind=token-ring"], "--nicrig-kind: 'token-ring' is not one of bus-master, subordinate, non-dma"),
        (["--nicrig-seed=x"], "--nicrig-seed: 'x' is not a number"),
        (["-o", "nicrig_accelerator=xen"], "nicrig_accelerator: 'xen' is not one of auto, kvm, tcg"),
    ],
)
def test_a_wrong_setting_is_one_line(pytester: pytest.Pytester, arguments: list[str], told: str) -> None:
    pytester.makepyfile(USES_NOTHING)
    run = pytester.runpytest_inprocess(*arguments)
    assert run.ret == pytest.ExitCode.USAGE_ERROR
    assert [line for line in run.stderr.str().splitlines() if told in line]
    assert "Traceback" not in run.stderr.str()


@pytest.mark.parametrize(
    ("marker", "told"),
    [
        ('kind="token-ring"', "Invalid enum value 'token-ring' - at `$.kind`"),
        ("speed=9", "Object contains unknown field `speed`"),
        ('parameters="noncoherent=64"', "Expected `array`, got `str` - at `$.parameters`"),
        ('"subordinate"', "takes named arguments only"),
    ],
)
def test_a_wrong_argument_of_the_marker_is_one_line_before_anything_runs(
    pytester: pytest.Pytester, marker: str, told: str
) -> None:
    pytester.makepyfile(
        f"import pytest\n\ndef test_first(): pass\n\n@pytest.mark.nicrig({marker})\ndef test_that(nic): pass\n"
    )
    run = pytester.runpytest_inprocess()
    assert run.ret == pytest.ExitCode.USAGE_ERROR
    line = next(line for line in run.stderr.str().splitlines() if told in line)
    assert "::test_that: " in line
    assert line.endswith(", ".join(Wanted.__struct_fields__))


def test_tests_of_others_are_left_to_them(pytester: pytest.Pytester) -> None:
    """We run no asynchronous test without our fixtures, and none with another plugin's marker."""
    pytester.makepyfile("""
        import pytest

        @pytest.fixture
        def anyio_backend():
            return "asyncio"

        @pytest.mark.anyio
        async def test_on_asyncio(nicrig_session):
            import asyncio
            asyncio.get_running_loop()

        @pytest.fixture
        def nicrig_session():
            return "the user's own"

        async def test_on_trio(nicrig_session):
            import trio
            trio.lowlevel.current_task()
        """)
    pytester.runpytest_inprocess().assert_outcomes(passed=2)


def test_our_tests_run_while_others_keep_a_loop_for_the_whole_session(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("""
        import pytest

        @pytest.fixture(scope="session")
        def anyio_backend():
            return "trio"

        @pytest.fixture(scope="session")
        async def theirs():
            yield "a fixture of the session"

        @pytest.mark.anyio
        async def test_theirs(theirs):
            pass

        @pytest.fixture
        def nicrig_session():
            return "the user's own"

        async def test_ours(nicrig_session):
            import trio
            trio.lowlevel.current_task()
        """)
    pytester.runpytest_inprocess().assert_outcomes(passed=2)
