# SPDX-License-Identifier: GPL-2.0-or-later
"""The card's loop, turn by turn: an error in it costs a connection or a batch, never the card."""

from __future__ import annotations

import json
import os
import signal
import socket
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NoReturn

import pytest

from nicrig_device.hooks import Hook
from nicrig_device.models.bus_master.bus_master import BusMaster
from nicrig_device.service import Service
from nicrig_device.vfio_user.library import load
from tests.fakes.card_process import BUILT_LIBRARY
from tests.fakes.memory_bus import MAC
from tests.fakes.unix_socket import connect_unix
from tests.fakes.wire_peer import WirePeer

pytestmark = pytest.mark.real

ERRORS = [Exception, MemoryError, RecursionError, SystemExit, KeyboardInterrupt, GeneratorExit]


@pytest.fixture
def service() -> Iterator[Service]:
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT, signal.SIGALRM)}
    with tempfile.TemporaryDirectory(prefix="nicrig-") as folder:
        service = Service(Path(folder), load(BUILT_LIBRARY), BusMaster, MAC, "msix")
        with service:
            yield service
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture(params=ERRORS)
def fail(request: pytest.FixtureRequest) -> Callable[..., NoReturn]:
    """A function that raises."""

    def raises(*_: object, **__: object) -> NoReturn:
        raise request.param("on purpose")

    return raises


def turn(service: Service, times: int = 3) -> None:
    for _ in range(times):
        service._turn(0.0)


class Monitor:
    """A client of the monitor, after the negotiation."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self.socket = connect_unix(service._monitor.listener.getsockname(), 2)
        self.ask("qmp_capabilities")

    def ask(self, command: str) -> object:
        self.socket.sendall(json.dumps({"execute": command}).encode())
        turn(self._service)
        data = self.socket.recv(1 << 16)
        return json.loads(data.splitlines()[-1]) if data else None


def works(service: Service) -> bool:
    with Monitor(service).socket as connection, WirePeer(service._wire.listener.getsockname()) as peer:
        turn(service)
        before = service.card.counters["rx_disabled"]
        peer.send([bytes(60)])
        turn(service)
        connection.close()
        turn(service)
        return service.card.counters["rx_disabled"] == before + 1


def test_an_error_with_a_peer_costs_that_peer(
    service: Service, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, fail: Callable[..., NoReturn]
) -> None:
    with WirePeer(service._wire.listener.getsockname()) as peer:
        turn(service)
        with monkeypatch.context() as patch:
            patch.setattr(service._wire, "receive", fail)
            peer.send([bytes(60)])
            turn(service)
        assert service._wire.peers == ()
    assert sum("on purpose" in record.getMessage() for record in caplog.records) == 1
    assert works(service)


def test_an_error_with_a_batch_costs_that_batch(
    service: Service, caplog: pytest.LogCaptureFixture, fail: Callable[..., NoReturn]
) -> None:
    service.card.receiving = True
    hook = Hook()
    hook.frames_in = fail  # type: ignore[method-assign]
    with WirePeer(service._wire.listener.getsockname()) as peer:
        turn(service)
        service.card.hooks.armed = (hook,)
        for _ in range(20):
            peer.send([bytes(60)])
            turn(service)
        service.card.hooks.armed = ()
        assert len(service._wire.peers) == 1
    assert sum("on purpose" in record.getMessage() for record in caplog.records) == 1
    service.card.receiving = False
    assert works(service)


@pytest.mark.parametrize("part", ["transmit", "interrupt", "may_sleep"])
def test_an_error_in_the_card_s_own_work_costs_that_turn(
    service: Service, monkeypatch: pytest.MonkeyPatch, fail: Callable[..., NoReturn], part: str
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(service.card, part, fail)
        assert works(service)
        service._guard(service.card.may_sleep, 0.0)
    assert works(service)


def test_an_error_with_a_monitor_client_costs_that_client(
    service: Service, monkeypatch: pytest.MonkeyPatch, fail: Callable[..., NoReturn]
) -> None:
    other, broken = Monitor(service), Monitor(service)
    with monkeypatch.context() as patch:
        patch.setattr(service._monitor._sessions[1], "serve", fail)
        with pytest.raises(ConnectionResetError):
            broken.ask("query-card")
    assert other.ask("query-version") is not None
    for client in (other, broken):
        client.socket.close()


@pytest.mark.parametrize("part", ["_wire", "_monitor"])
def test_an_error_in_accept_costs_that_connection(
    service: Service, monkeypatch: pytest.MonkeyPatch, fail: Callable[..., NoReturn], part: str
) -> None:
    with monkeypatch.context() as patch:
        listener = getattr(service, part)
        patch.setattr(listener, "accept", lambda: fail(listener.listener.accept()[0].close()))
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(listener.listener.getsockname())
            turn(service)
    assert works(service)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_loop(service: Service, number: signal.Signals) -> None:
    os.kill(os.getpid(), number)
    service.run()
