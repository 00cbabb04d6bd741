# SPDX-License-Identifier: GPL-2.0-or-later
import subprocess
import sys
from pathlib import Path
from typing import cast

import pytest
import typer
from typer.core import TyperGroup, TyperOption
from typer.testing import CliRunner

from nicrig.cli import app
from nicrig.cli.app import DEADLINE, INTERRUPTED, RIG_FAILED, USAGE, progress, run
from nicrig.errors import DeadlineError, RigError

RUNNER = CliRunner()
GROUP = cast(TyperGroup, typer.main.get_command(app))


def test_help_names_every_option_with_its_environment_variable() -> None:
    shown = RUNNER.invoke(app, ["demo", "--help"], env={"COLUMNS": "200", "NO_COLOR": "1"}).output
    for option, variable in {
        "--accelerator": "NICRIG_ACCELERATOR",
        "--interrupts": "NICRIG_DEMO_INTERRUPTS",
        "--ledger": "NICRIG_DEMO_LEDGER",
        "--frames": "NICRIG_DEMO_FRAMES",
        "--seed": "NICRIG_DEMO_SEED",
        "--keep-logs": "NICRIG_DEMO_KEEP_LOGS",
        "--json": "NICRIG_DEMO_JSON",
    }.items():
        assert option in shown
        assert variable in shown


def test_a_wrong_option_is_a_usage_error() -> None:
    assert RUNNER.invoke(app, ["demo", "--accelerator", "warp"]).exit_code == USAGE
    assert RUNNER.invoke(app, ["demo", "--frames", "0"]).exit_code == USAGE
    assert RUNNER.invoke(app, ["mutants", "--only", "NdisNoSuch:*"]).exit_code == USAGE
    assert RUNNER.invoke(app, ["mutants", "--only", "NdisNoSuch:*"]).stdout == ""


HEAVY = {"trio", "scapy", "numpy", "qemu.qmp", "rich"}


def test_help_imports_nothing_heavy() -> None:
    code = f"import sys, nicrig.cli; sys.exit(bool({HEAVY} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize(
    ("error", "code"),
    [(RigError("no root"), RIG_FAILED), (DeadlineError("late"), DEADLINE), (KeyboardInterrupt(), INTERRUPTED)],
)
def test_a_failure_becomes_one_message_and_its_exit_code(
    error: BaseException, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    async def fail() -> None:
        raise error

    with pytest.raises(typer.Exit) as caught:
        run(fail)
    assert caught.value.exit_code == code
    assert capsys.readouterr().err.startswith(f"nicrig: {error or 'interrupted'}")


def options() -> list[tuple[str, TyperOption]]:
    """Every option of every verb, with the verb's name."""
    return [
        (name, parameter)
        for name, verb in GROUP.commands.items()
        for parameter in verb.params
        if isinstance(parameter, TyperOption) and parameter.name != "help"
    ]


each_option = pytest.mark.parametrize(("verb", "parameter"), options(), ids=lambda value: getattr(value, "name", value))


def long_name(parameter: TyperOption) -> str:
    return next(name for name in parameter.opts if name.startswith("--"))


def variable_of(verb: str, parameter: TyperOption) -> str:
    """The variable of this option alone: nicrig demo --keep-logs is NICRIG_DEMO_KEEP_LOGS."""
    return f"NICRIG_{verb}_{long_name(parameter).removeprefix('--')}".replace("-", "_").upper()


@each_option
def test_help_explains_every_option_and_names_its_environment_variable(verb: str, parameter: TyperOption) -> None:
    assert parameter.help
    shown = " ".join(RUNNER.invoke(app, [verb, "--help"], env={"NO_COLOR": "1"}).output.split())
    assert long_name(parameter) in shown
    assert f"[env var: {parameter.envvar or variable_of(verb, parameter)}" in shown


@each_option
def test_every_option_is_read_from_its_own_variable_and_from_no_other_but_the_shared(
    verb: str, parameter: TyperOption, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = GROUP.make_context("nicrig", [verb], resilient_parsing=True)
    context = GROUP.commands[verb].make_context(verb, [], parent=whole, resilient_parsing=True)
    assert parameter.resolve_envvar_value(context) is None
    for variable in filter(None, (variable_of(verb, parameter), parameter.envvar)):
        monkeypatch.setenv(str(variable), "from there")
        assert parameter.resolve_envvar_value(context) == "from there"
        monkeypatch.delenv(str(variable))


def test_a_variable_that_several_verbs_share_means_the_same_in_each() -> None:
    shared: dict[str, set[str]] = {}
    for _, parameter in options():
        if parameter.envvar is not None:
            shared.setdefault(str(parameter.envvar), set()).add(f"{long_name(parameter)}: {parameter.help}")
    assert set(shared) == {"NICRIG_RIG", "NICRIG_KIND", "NICRIG_ACCELERATOR", "NICRIG_FAIL_ON"}
    assert [meanings for meanings in shared.values() if len(meanings) > 1] == []


def complete(shell: str, line: str, **environment: str) -> str:
    """The completions that `nicrig` gives a shell for this line."""
    words = {
        "bash": {"COMP_WORDS": line, "COMP_CWORD": str(len(line.split(" ")) - 1)},
        "zsh": {"_TYPER_COMPLETE_ARGS": line},
        "fish": {"_TYPER_COMPLETE_ARGS": line, "_TYPER_COMPLETE_FISH_ACTION": "get-args"},
    }[shell]
    asked = {**environment, "_NICRIG_COMPLETE": f"complete_{shell}", **words}
    return RUNNER.invoke(app, prog_name="nicrig", env=asked).stdout


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_completes_verbs_options_values_and_names(shell: str, tmp_path: Path) -> None:
    (tmp_path / "dev").symlink_to("nicrig-run-x")
    assert "doctor" in complete(shell, "nicrig do")
    assert "--keep-logs" in complete(shell, "nicrig demo --ke")
    assert "subordinate" in complete(shell, "nicrig demo --kind sub")
    assert "dev" in complete(shell, "nicrig shell d", NICRIG_RIGS=str(tmp_path))


def test_progress_is_for_terminals_only(capsys: pytest.CaptureFixture[str]) -> None:
    progress("building")
    assert capsys.readouterr().err == ""


def test_no_line_of_the_list_of_verbs_is_cut_short() -> None:
    shown = RUNNER.invoke(app, ["--help"], env={"COLUMNS": "80"}).output
    assert "..." not in shown.partition("Commands:")[2]


def test_a_bad_name_for_a_rig_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    done = RUNNER.invoke(app, ["up", "--name", "../other"], env={"NICRIG_RIGS": str(tmp_path / "rigs")})
    assert done.exit_code == USAGE
    assert "is no name for a rig" in done.stderr
    assert list(tmp_path.iterdir()) == []
