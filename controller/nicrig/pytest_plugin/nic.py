# SPDX-License-Identifier: GPL-2.0-or-later
"""What a test uses: card, guest, monitor and machine, for any asynchronous loop, and the same without await."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial, wraps
from random import Random
from typing import Concatenate, Generic, ParamSpec, TypeVar

from scapy.packet import Packet

from nicrig.machine.guest_agent import GuestAgent as GuestInThread
from nicrig.pytest_plugin.expected_packets import Wanted
from nicrig.pytest_plugin.machine_control import MachineControl
from nicrig.pytest_plugin.rig_thread import RigThread
from nicrig.pytest_plugin.test_session import TestSession

Inner = TypeVar("Inner")
P = ParamSpec("P")
T = TypeVar("T")

Method = Callable[Concatenate[Inner, P], Awaitable[T]]


class Face(Generic[Inner]):
    """The test's side of an object that lives in the rig's thread."""

    def __init__(self, thread: RigThread, inner: Inner) -> None:
        self._thread = thread
        self._inner = inner


def awaited(method: Method[Inner, P, T]) -> Callable[Concatenate[Face[Inner], P], Awaitable[T]]:
    """The method, awaited on the test's loop."""

    @wraps(method)
    async def call(face: Face[Inner], /, *args: P.args, **kwargs: P.kwargs) -> T:
        __tracebackhide__ = True
        return await face._thread.call(partial(method, face._inner, *args, **kwargs))

    return call


def blocking(method: Method[Inner, P, T]) -> Callable[Concatenate[Face[Inner], P], T]:
    """The method, for synchronous tests."""

    @wraps(method)
    def call(face: Face[Inner], /, *args: P.args, **kwargs: P.kwargs) -> T:
        __tracebackhide__ = True
        return face._thread.wait(partial(method, face._inner, *args, **kwargs))

    return call


class _NicFacts(Face[TestSession]):
    @property
    def name(self) -> str | None:
        """The interface's name in the guest; None while no driver is loaded."""
        interface = self._inner.interface
        return None if interface is None else interface.name

    @property
    def mac(self) -> str:
        """The card's address."""
        return self._inner.addresses.mac

    @property
    def guest_ip(self) -> str:
        """The guest's address on the card."""
        return self._inner.addresses.guest_ip

    @property
    def mac_of_bench(self) -> str:
        """The bench's MAC address, from which injected frames come."""
        return self._inner.addresses.bench_mac

    @property
    def ip(self) -> str:
        """The bench's IP address, from which injected packets come."""
        return self._inner.addresses.bench_ip

    @property
    def random(self) -> Random:
        """Draws the same values for this test in each run with the same seed."""
        return self._inner.random


class Nic(_NicFacts):
    """The card, its driver and its wire."""

    inject = awaited(TestSession.inject)
    expect = awaited(TestSession.expect)
    expect_none = awaited(TestSession.expect_none)
    echo = awaited(TestSession.echo)
    set_link = awaited(TestSession.set_link)
    counters = awaited(TestSession.counters)
    verdict = awaited(TestSession.verdict)
    load = awaited(TestSession.load)
    unload = awaited(TestSession.unload)


class SyncNic(_NicFacts):
    """The same without await."""

    inject = blocking(TestSession.inject)
    expect = blocking(TestSession.expect)
    expect_none = blocking(TestSession.expect_none)
    echo = blocking(TestSession.echo)
    set_link = blocking(TestSession.set_link)
    counters = blocking(TestSession.counters)
    verdict = blocking(TestSession.verdict)
    load = blocking(TestSession.load)
    unload = blocking(TestSession.unload)


class Guest(Face[GuestInThread]):
    """The guest's system."""

    run = awaited(GuestInThread.run)
    put = awaited(GuestInThread.put)


class SyncGuest(Face[GuestInThread]):
    """The same without await."""

    run = blocking(GuestInThread.run)
    put = blocking(GuestInThread.put)


class Monitor(Face[TestSession]):
    """The card's monitor, which speaks QMP."""

    execute = awaited(TestSession.execute)


class SyncMonitor(Face[TestSession]):
    """The same without await."""

    execute = blocking(TestSession.execute)


class Machine(Face[MachineControl]):
    """The virtual machine, and the life and death of its card."""

    unplug = awaited(MachineControl.unplug)
    plug = awaited(MachineControl.plug)
    kill_card = awaited(MachineControl.kill_card)
    restart_card = awaited(MachineControl.restart_card)
    reboot = awaited(MachineControl.reboot)


class SyncMachine(Face[MachineControl]):
    """The same without await."""

    unplug = blocking(MachineControl.unplug)
    plug = blocking(MachineControl.plug)
    kill_card = blocking(MachineControl.kill_card)
    restart_card = blocking(MachineControl.restart_card)
    reboot = blocking(MachineControl.reboot)


__all__ = [
    "Guest",
    "Machine",
    "Monitor",
    "Nic",
    "Packet",
    "SyncGuest",
    "SyncMachine",
    "SyncMonitor",
    "SyncNic",
    "Wanted",
]
