# SPDX-License-Identifier: GPL-2.0-or-later
"""Verbs that build and check what a rig needs."""

import subprocess
import sys
from typing import Annotated

import typer

from nicrig.cli.app import RIG_FAILED, JsonOption, app, progress, report, run


@app.command()
def setup() -> None:
    """Build what the rig needs, once.

    Builds libvfio-user, QEMU, and the guest's kernel, module and image.
    """
    from nicrig.provision import provide

    made = run(lambda: provide(progress))
    print(made.image.parent.parent)


@app.command()
def windows() -> None:
    """Build the miniport as a Windows driver.

    Makes nicrig.sys for x86 and x64, with mingw-w64's NDIS headers.
    """
    from nicrig.provision.cache import folder
    from nicrig.provision.windows import DRIVER, MACHINES, provide

    run(lambda: provide(progress))
    for machine in MACHINES:
        print(folder() / "windows" / machine / DRIVER)


@app.command()
def tools() -> None:
    """Install what only nicrig's own tests need.

    Installs Debian packages on this host, as `make test` does.
    """
    from nicrig.provision.sources import checkout
    from nicrig.provision.tools import provide

    report(lambda: checkout("nicrig tools"))
    run(lambda: provide(progress))


@app.command()
def doctor(json: JsonOption = False) -> None:
    """Check whether a rig can run here.

    Prints a line for each check. If a check fails, its line shows the command that fixes it, and the exit code is 125.
    """
    from nicrig.session.doctor import Health, examine, show

    findings = report(examine)
    for line in show(findings, json=json):
        print(line)
    if any(finding.state is Health.FAIL for finding in findings):
        raise typer.Exit(RIG_FAILED)


@app.command(context_settings={"ignore_unknown_options": True})
def bench(
    parts: Annotated[
        list[str], typer.Argument(metavar="PART...", help="Measure only these parts. An unknown name lists them.")
    ] = [],
) -> None:
    """Measure speed, as ratios to peers in the same run.

    `make bench` does the same.
    """
    from nicrig.provision.sources import checkout

    def measure() -> int:
        argv = [sys.executable, "-m", "benchmarks", *parts]
        return subprocess.run(argv, cwd=checkout("nicrig bench"), check=False).returncode

    raise typer.Exit(report(measure))
