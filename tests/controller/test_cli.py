# SPDX-License-Identifier: GPL-2.0-or-later
import subprocess
import sys

import pytest
import typer
from typer.testing import CliRunner

from controller.cli import app
from controller.cli.app import DEADLINE, INTERRUPTED, RIG_FAILED, USAGE, run
from controller.errors import DeadlineError, RigError

RUNNER = CliRunner()


def test_help_names_every_option_with_its_environment_variable() -> None:
    shown = RUNNER.invoke(app, ["demo", "--help"], env={"COLUMNS": "200", "NO_COLOR": "1"}).output
    for option, variable in {
        "--accelerator": "NICRIG_ACCELERATOR",
        "--interrupts": "NICRIG_INTERRUPTS",
        "--ledger": "NICRIG_LEDGER",
        "--frames": "NICRIG_FRAMES",
        "--seed": "NICRIG_SEED",
        "--keep-logs": "NICRIG_KEEP_LOGS",
        "--json": "NICRIG_JSON",
    }.items():
        assert option in shown
        assert variable in shown


def test_a_wrong_option_is_a_usage_error() -> None:
    assert RUNNER.invoke(app, ["demo", "--accelerator", "warp"]).exit_code == USAGE
    assert RUNNER.invoke(app, ["demo", "--frames", "0"]).exit_code == USAGE
    assert RUNNER.invoke(app, ["mutants", "--only", "NdisNoSuch:*"]).exit_code == USAGE
    assert RUNNER.invoke(app, ["mutants", "--only", "NdisNoSuch:*"]).stdout == ""


def test_help_imports_neither_trio_nor_scapy() -> None:
    code = "import sys, controller.cli; sys.exit(bool({'trio', 'scapy', 'numpy', 'qemu.qmp'} & set(sys.modules)))"
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
