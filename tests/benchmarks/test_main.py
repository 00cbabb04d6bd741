# SPDX-License-Identifier: GPL-2.0-or-later
from typer.testing import CliRunner

from benchmarks.__main__ import Part, app


def test_an_unknown_part_is_a_usage_error_that_lists_the_parts() -> None:
    done = CliRunner().invoke(app, ["speed"])
    assert done.exit_code == 2
    assert [part for part in Part if part not in done.stderr] == []
