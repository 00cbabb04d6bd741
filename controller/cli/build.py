# SPDX-License-Identifier: GPL-2.0-or-later
"""Verbs that make what the rig is started from."""

from controller.cli.app import app, progress, run


@app.command()
def setup() -> None:
    """Build what the rig needs, once: libvfio-user, QEMU, the guest's kernel, module and image."""
    from controller.provision import provide

    made = run(lambda: provide(progress))
    print(made.image.parent.parent)


@app.command()
def windows() -> None:
    """Build the miniport as a Windows driver, nicrig.sys for x86 and x64, with mingw-w64's NDIS headers."""
    from controller.provision.cache import folder
    from controller.provision.windows import DRIVER, MACHINES, provide

    run(lambda: provide(progress))
    for machine in MACHINES:
        print(folder() / "windows" / machine / DRIVER)


@app.command()
def tools() -> None:
    """Install on this host the programs that nicrig's own tests need, as `make test` does."""
    from controller.provision.tools import provide

    run(lambda: provide(progress))
