# SPDX-License-Identifier: GPL-2.0-or-later
"""The pytest plugin: a card, its guest and its driver as fixtures (docs/packet-tests.md).

It imports nothing of the rig before a test asks for one.
"""

from __future__ import annotations

import inspect
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from nicrig.pytest_plugin.folder_name import folder_name
from nicrig.pytest_plugin.settings import SEED_OF_ALL, Settings, add_options, settings

if TYPE_CHECKING:
    from nicrig.pytest_plugin.frame_capture import Capture
    from nicrig.pytest_plugin.machine_control import MachineControl
    from nicrig.pytest_plugin.nic import Guest, Machine, Monitor, Nic, SyncGuest, SyncMachine, SyncMonitor, SyncNic
    from nicrig.pytest_plugin.rig_pool import Rigs
    from nicrig.pytest_plugin.test_session import TestSession

SETTINGS = pytest.StashKey[Settings]()
SESSION = pytest.StashKey["TestSession"]()
LAST = pytest.StashKey[pytest.Item | None]()
"""The last test that uses a rig: after it, all machines end."""
NEEDED = "nicrig_session"
"""Every fixture of ours needs this one. Another plugin, too, may have a fixture that is called `nic`."""
OTHERS_RUN = ("anyio", "asyncio", "trio", "twisted")
"""The markers of plugins that run asynchronous tests."""


# -- hooks ---------------------------------------------------------------------------------------------------
def pytest_addoption(parser: pytest.Parser) -> None:
    add_options(parser)


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers",
        "nicrig(kind, accelerator, interrupts, cpus, memory, kernel_arguments, ledger, card_timing, parameters, "
        "fresh): the rig that the test needs (docs/packet-tests.md)",
    )
    config.stash[SETTINGS] = settings(config)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Give all workers of pytest-xdist the same seed."""
    node.workerinput[SEED_OF_ALL] = node.config.stash[SETTINGS].seed


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item], config: pytest.Config) -> None:
    """Check all markers: a wrong argument ends the run before the first machine boots."""
    ours = [item for item in items if isinstance(item, pytest.Function) and NEEDED in item.fixturenames]
    config.stash[LAST] = ours[-1] if ours else None
    marked = [item for item in items if item.get_closest_marker("nicrig")]
    if marked:
        from nicrig.pytest_plugin.wanted import wanted

        for item in marked:
            wanted(item, config.stash[SETTINGS])


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Generator[None, object, object]:
    """Have anyio run an asynchronous test with our fixtures, on trio, unless another plugin's marker is there."""
    ours = inspect.iscoroutinefunction(pyfuncitem.obj) and NEEDED in pyfuncitem.fixturenames
    if ours and not any(map(pyfuncitem.get_closest_marker, OTHERS_RUN)):
        pyfuncitem.funcargs.setdefault("anyio_backend", "trio")
    return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show in a failed test's report what the rig did."""
    report = yield
    session = item.stash.get(SESSION, None)
    if session is not None and call.when == "call" and report.failed:
        from nicrig.pytest_plugin.evidence import sections

        head = [f"seed {item.config.stash[SETTINGS].seed}", *(f"{name}: {path}" for name, path in session.files())]
        report.sections.append(("nicrig", "\n".join(head)))
        report.sections += [(f"nicrig: {title}", "\n".join(lines) or "none") for title, lines in sections(session)]
    return report


# -- fixtures ------------------------------------------------------------------------------------------------
@pytest.fixture(scope="session")
def nicrig_rigs(request: pytest.FixtureRequest) -> Iterator[Rigs]:
    """The rigs of this run. Each starts when the first test asks for it."""
    from nicrig.pytest_plugin.rig_pool import Rigs

    chosen = request.config.stash[SETTINGS]
    with Rigs(chosen.machines, chosen.rig) as rigs:
        yield rigs


@pytest.fixture
def nicrig_session(
    request: pytest.FixtureRequest,
    nicrig_rigs: Rigs,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[TestSession]:
    """This test on its rig: a fresh driver, and a live verdict over all that happens."""
    from nicrig.pytest_plugin.test_session import TestSession
    from nicrig.pytest_plugin.wanted import wanted

    chosen = request.config.stash[SETTINGS]
    asked = wanted(request.node, chosen)
    thread = nicrig_rigs.take(asked.machine(), fresh=asked.fresh)
    folder = _folder(request.node, chosen, tmp_path_factory)
    session = TestSession(thread, asked, folder, f"{chosen.seed} {request.node.nodeid}", chosen.fail_on)
    try:
        thread.wait(session.start)
        request.node.stash[SESSION] = session
        facts = thread.facts | {"seed": str(chosen.seed)} | {name: str(path) for name, path in session.files()}
        request.node.user_properties += [(f"nicrig_{name}", value) for name, value in facts.items()]
        yield session
    finally:
        if thread.alive or not thread.death_is_told:
            thread.wait(session.finish)
        else:
            thread.run(session.unwatch)
        session.save()
        if asked.fresh:
            nicrig_rigs.close(asked.machine())
        if request.node is request.config.stash[LAST]:
            nicrig_rigs.close_all()


def _folder(item: pytest.Item, chosen: Settings, factory: pytest.TempPathFactory) -> Path:
    """The folder for this test's files."""
    name = folder_name(item.nodeid)
    if not chosen.keep:
        return factory.mktemp(name[-60:].lstrip(".-"))
    folder = Path(chosen.keep, name).absolute()
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture
def nic(nicrig_session: TestSession) -> Nic:
    """The card: inject() and expect() packets, verdict(), counters(), set_link(), load() and unload() the driver."""
    from nicrig.pytest_plugin.nic import Nic

    return Nic(nicrig_session.thread, nicrig_session)


@pytest.fixture
def guest(nicrig_session: TestSession) -> Guest:
    """The guest's system: run() a command in it, put() a file there."""
    from nicrig.pytest_plugin.nic import Guest

    return Guest(nicrig_session.thread, nicrig_session.rig.guest)


@pytest.fixture
def monitor(nicrig_session: TestSession) -> Monitor:
    """The card's monitor: execute() a command."""
    from nicrig.pytest_plugin.nic import Monitor

    return Monitor(nicrig_session.thread, nicrig_session)


@pytest.fixture
def machine(nicrig_session: TestSession) -> Machine:
    """The machine: unplug() and plug() the card, kill_card() and restart_card(), reboot() the guest."""
    from nicrig.pytest_plugin.nic import Machine

    return Machine(nicrig_session.thread, _control(nicrig_session))


@pytest.fixture
def capture(nicrig_session: TestSession) -> Capture:
    """The frames of this test, both ways."""
    from nicrig.pytest_plugin.frame_capture import Capture

    return Capture(nicrig_session)


@pytest.fixture
def sync_nic(nicrig_session: TestSession) -> SyncNic:
    """`nic` without await."""
    from nicrig.pytest_plugin.nic import SyncNic

    return SyncNic(nicrig_session.thread, nicrig_session)


@pytest.fixture
def sync_guest(nicrig_session: TestSession) -> SyncGuest:
    """`guest` without await."""
    from nicrig.pytest_plugin.nic import SyncGuest

    return SyncGuest(nicrig_session.thread, nicrig_session.rig.guest)


@pytest.fixture
def sync_monitor(nicrig_session: TestSession) -> SyncMonitor:
    """`monitor` without await."""
    from nicrig.pytest_plugin.nic import SyncMonitor

    return SyncMonitor(nicrig_session.thread, nicrig_session)


@pytest.fixture
def sync_machine(nicrig_session: TestSession) -> SyncMachine:
    """`machine` without await."""
    from nicrig.pytest_plugin.nic import SyncMachine

    return SyncMachine(nicrig_session.thread, _control(nicrig_session))


def _control(session: TestSession) -> MachineControl:
    from nicrig.errors import UsageError
    from nicrig.pytest_plugin.machine_control import MachineControl

    try:
        return MachineControl(session)
    except UsageError as error:
        pytest.fail(str(error), pytrace=False)
