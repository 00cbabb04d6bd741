# SPDX-License-Identifier: GPL-2.0-or-later
"""One vfio-user server: the card's face to QEMU. Not thread-safe, like the library: one thread calls everything."""

from __future__ import annotations

import errno
import os
import signal
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Any, NamedTuple, Protocol

import numpy as np

from nicrig_device.dma.frames import Bytes
from nicrig_device.dma.shared_memory import Area, LostMemory, replace
from nicrig_device.log import ONCE, log, traced
from nicrig_device.spec import registers
from nicrig_device.spec.layout import Bar
from nicrig_device.vfio_user import pci
from nicrig_device.vfio_user.abi import (
    ATTACH_NON_BLOCKING,
    DEVICE_TYPE_PCI,
    PCI_TYPE_EXPRESS,
    PROT_WRITE,
    REGION_MEMORY,
    REGION_READ_WRITE,
    TRANSPORT_SOCKET,
    Generation,
    Interrupt,
)
from nicrig_device.vfio_user.gate import MESSAGE_MAX, BrokenMessageError, Gate, Seen
from nicrig_device.vfio_user.library import Library
from nicrig_device.wire.listener import listen, unlisten

CLIENT_SECONDS = 2
"""How long a client may take to complete a message, or the handshake, before it is disconnected."""
WAITING_MAX = 8
"""Most clients whose version has not come. One more takes the place of the first."""
MESSAGES_A_TURN = 16
"""Most messages that are handled before the wire, the rings and the monitor have their turn."""
WATCHDOG_SECONDS = 1.0
"""A client can make its eventfds block. A write to one is interrupted after at most this long."""


class PciFunction(Protocol):
    """The calls that the endpoint makes to the card."""

    device_id: int

    def read(self, bar: int, offset: int, size: int) -> bytes: ...

    def write(self, bar: int, offset: int, data: bytes) -> None: ...

    def reset(self) -> None: ...

    def map_memory(self, start: int, data: Bytes) -> None: ...

    def refuse_memory(self) -> None: ...

    def unmap_memory(self, start: int) -> None: ...

    def forget_memory(self) -> None: ...


class Loop(NamedTuple):
    """The loop around the endpoint: it watches the clients' connections, and learns whether there is a client."""

    watch: Callable[[socket.socket, Callable[[], None]], None]
    unwatch: Callable[[socket.socket], None]
    changed: Callable[[bool], None]


class EndpointError(OSError):
    """The library cannot set the function up."""


@contextmanager
def private_listener(folder: Path) -> Iterator[tuple[socket.socket, socket.socket]]:
    """A listening socket and a connection that waits there. No other process can connect to it."""
    with socket.socket(socket.AF_UNIX) as listener, socket.socket(socket.AF_UNIX) as connection:
        with TemporaryDirectory(dir=folder) as made:
            listener.bind(f"{made}/s")
            listener.listen(1)
            connection.connect(f"{made}/s")
        connection.setblocking(False)
        yield listener, connection


class VfioUserClient:
    """The connection of a client. The library has a descriptor of its own for it."""

    def __init__(self, connection: socket.socket, ranges: set[tuple[int, int]], ranges_max: int, vectors: int) -> None:
        self.connection = connection
        self.late = time.monotonic() + CLIENT_SECONDS
        """When its version must have come."""
        self.gate = Gate(self.connection, ranges, ranges_max, vectors)
        self.broken: str | None = None
        """Why the client must be disconnected: what it shares with the card does not work."""
        self._late: float | None = None

    def deadline(self, now: float) -> float | None:
        """When the message that has begun must be complete; None while there is none. Raises BrokenMessageError."""
        if not self.gate.incomplete:
            self._late = None
        elif self._late is None:
            self._late = now + CLIENT_SECONDS
        elif now >= self._late:
            raise BrokenMessageError(f"message incomplete after {CLIENT_SECONDS} s")
        return self._late

    def hang_up(self) -> None:
        """End the connection, and throw away what has come in: the library would still act on it."""
        with suppress(OSError):  # the other end has closed it already
            self.connection.shutdown(socket.SHUT_RDWR)
            while self.connection.recv(MESSAGE_MAX):
                pass


class Endpoint:
    """A PCI function on a unix socket, for one client at a time."""

    def __init__(
        self,
        library: Library,
        path: Path,
        function: PciFunction,
        interrupts: str,
        vectors: int,
        bars: Sequence[Bar],
        loop: Loop,
        lost_memory: LostMemory,
    ) -> None:
        self._ffi, self._lib = library.ffi, library.lib
        self._function = function
        self._callbacks: list[Any] = []
        self._vectors = vectors
        self._ranges_max = library.dma_regions
        self._lost_memory = lost_memory
        self._ranges: set[tuple[int, int]] = set()
        self._client: VfioUserClient | None = None
        self._waiting: list[VfioUserClient] = []
        self._due: float | None = None
        self._watch, self._unwatch, self._changed = loop
        self._path = path
        self.listener = listen(path)
        with TemporaryDirectory(dir=path.parent) as folder:  # no client connects here: `_attach` replaces the socket
            self._context = self._lib.vfu_create_ctx(
                TRANSPORT_SOCKET, os.fsencode(f"{folder}/s"), ATTACH_NON_BLOCKING, self._ffi.NULL, DEVICE_TYPE_PCI
            )
        if self._context == self._ffi.NULL:
            unlisten(self.listener)
            raise EndpointError(self._ffi.errno, f"{path}: {os.strerror(self._ffi.errno)}")
        try:
            self._set_up(library.generation, interrupts, vectors, bars)
        except EndpointError:
            self.close()
            raise

    # -- set-up -------------------------------------------------------------------------------------
    def _check(self, result: int, what: str) -> None:
        if result < 0:
            raise EndpointError(self._ffi.errno, f"libvfio-user: {what}: {os.strerror(self._ffi.errno)}")

    def _callback(self, signature: str, call: Callable[..., Any], error: int | None = None) -> Any:
        def report(_: type, value: BaseException, trace: TracebackType) -> None:
            log.error("refusing an access or a memory range: %s", traced(value.with_traceback(trace)), extra=ONCE)

        made = self._ffi.callback(signature, call, error=error, onerror=report)
        self._callbacks.append(made)
        return made

    def _set_up(self, generation: Generation, interrupts: str, vectors: int, bars: Sequence[Bar]) -> None:
        lib, context = self._lib, self._context
        self._check(lib.vfu_setup_log(context, self._callback("vfu_log_fn_t", self._on_log), 3), "log")
        self._check(lib.vfu_pci_init(context, PCI_TYPE_EXPRESS, 0, registers.REVISION), "PCI header")
        lib.vfu_pci_set_id(context, registers.VENDOR_ID, self._function.device_id, registers.VENDOR_ID, 1)
        lib.vfu_pci_set_class(context, *registers.CLASS_CODE)
        for bar in bars:
            self._set_up_bar(bar)
        self._add_capability(pci.express())
        offset = self._add_capability(pci.msix(vectors) if interrupts == "msix" else pci.msi_placeholder())
        kind = Interrupt.MSIX if interrupts == "msix" else Interrupt.MSI
        self._check(lib.vfu_setup_device_nr_irqs(context, kind, vectors), "vectors")
        for unused in (Interrupt.ERROR, Interrupt.REQUEST):
            # Otherwise QEMU's set-up of these overwrites vector 0's eventfd.
            self._check(lib.vfu_setup_device_nr_irqs(context, unused, 0), "vectors")
        reset = self._callback("vfu_reset_cb_t", self._on_reset, error=0)
        self._check(lib.vfu_setup_device_reset_cb(context, reset), "reset")
        dma = [self._callback("vfu_dma_cb_t", self._on_map), self._callback("vfu_dma_cb_t", self._on_unmap)]
        regions = [self._ranges_max] if generation is Generation.B else []
        self._check(lib.vfu_setup_device_dma(context, *regions, *dma), "DMA")
        self._check(lib.vfu_realize_ctx(context), "realize")
        if interrupts == "msi":
            self._become_msi(offset)
        self._listen_fd = self._poll_fd()

    def _set_up_bar(self, bar: Bar) -> None:
        area = self._ffi.new("struct iovec *", {"iov_base": self._ffi.NULL, "iov_len": bar.size})
        areas, count, fd = (self._ffi.NULL, 0, -1) if bar.fd is None else (area, 1, bar.fd)
        access = self._callback("vfu_region_access_cb_t", self._access_of(bar.number), error=-1)
        flags = REGION_READ_WRITE | (0 if bar.ports else REGION_MEMORY)
        result = self._lib.vfu_setup_region(self._context, bar.number, bar.size, access, flags, areas, count, fd, 0)
        self._check(result, f"BAR{bar.number}")

    def _add_capability(self, data: bytes) -> int:
        offset = int(self._lib.vfu_pci_add_capability(self._context, 0, 0, self._ffi.from_buffer(data)))
        self._check(offset, f"capability {data[0]:#x}")
        return offset

    def _become_msi(self, offset: int) -> None:
        """Write MSI over the placeholder: the library has no MSI, and QEMU reads it from config space."""
        config = self._ffi.buffer(self._lib.vfu_pci_get_config_space(self._context), 256)
        config[offset : offset + pci.MSI_BYTES] = pci.msi(config[offset + 1][0])

    # -- callbacks, all on the thread that calls work() ------------------------------------------------
    def _on_log(self, _: Any, level: int, text: Any) -> None:
        log.debug("libvfio-user: %s (level %d)", self._ffi.string(text).decode(errors="replace").strip(), level)

    def _access_of(self, bar: int) -> Callable[..., int]:
        def access(_: Any, buffer: Any, count: int, offset: int, is_write: bool) -> int:
            window = self._ffi.buffer(buffer, count)
            if is_write:
                self._function.write(bar, offset, bytes(window))
            else:
                window[:] = self._function.read(bar, offset, count)
            return count

        return access

    def _on_reset(self, _: Any, __: int) -> int:
        self._function.reset()
        return 0

    def _on_map(self, _: Any, info: Any) -> None:
        start, size = int(self._ffi.cast("uintptr_t", info.iova.iov_base)), int(info.iova.iov_len)
        self._ranges.add((start, size))
        # No file behind it (ROM, another device's BAR), or read-only: not a target.
        if info.vaddr == self._ffi.NULL or not info.prot & PROT_WRITE:
            return
        data = np.frombuffer(self._ffi.buffer(info.vaddr, size), np.uint8)
        mapping, pages = int(self._ffi.cast("uintptr_t", info.mapping.iov_base)), int(info.mapping.iov_len)
        self._lost_memory.add(Area(mapping, pages, partial(self._on_lost, start, mapping, pages)))
        self._function.map_memory(start, data)

    def _on_lost(self, start: int, mapping: int, pages: int) -> None:
        """A range has gone: give the card memory to finish its work on, and disconnect the client then."""
        replace(mapping, pages)
        if self._client is not None:
            self._client.broken = f"the file of its memory range {start:#x} was cut, or has no room on its disk"

    def _on_unmap(self, _: Any, info: Any) -> None:
        start, size = int(self._ffi.cast("uintptr_t", info.iova.iov_base)), int(info.iova.iov_len)
        self._ranges.discard((start, size))
        self._lost_memory.remove(int(self._ffi.cast("uintptr_t", info.mapping.iov_base)))
        self._function.unmap_memory(start)

    # -- clients that have not sent their version yet ----------------------------------------------------
    def accept(self) -> None:
        """Accept the next client. The library gets it with its first message, so that it waits for none."""
        connection, _ = self.listener.accept()
        if len(self._waiting) >= WAITING_MAX:
            self._turn_away(self._waiting[0], "another one needs its place")
        client = VfioUserClient(connection, self._ranges, self._ranges_max, self._vectors)
        self._waiting.append(client)
        self._watch(connection, partial(self._serve, client))

    def _shake_hands(self, client: VfioUserClient) -> None:
        try:
            with suppress(BlockingIOError):
                if message := client.gate.take():
                    self._attach(client, message)
                    return
            if time.monotonic() >= client.late:
                raise BrokenMessageError(f"no version after {CLIENT_SECONDS} s")
        except (BrokenMessageError, OSError) as error:
            self._turn_away(client, f"handshake failed: {error}")

    def _turn_away(self, client: VfioUserClient, why: str) -> None:
        log.warning("disconnecting a client: %s", why)
        self._waiting.remove(client)
        self._close(client)

    def _attach(self, client: VfioUserClient, message: bytes) -> None:
        """Let the library shake hands with us, and put the client's connection in our place."""
        with private_listener(self._path.parent) as (listener, inner):
            os.dup2(listener.fileno(), self._listen_fd, inheritable=False)
            inner.sendall(message)
            failed = self._lib.vfu_attach_ctx(self._context)
            why = os.strerror(self._ffi.errno)
            if not failed:
                os.dup2(client.connection.fileno(), self._poll_fd(), inheritable=False)
            with suppress(OSError):  # the client has left: the gate finds the end
                client.connection.send(inner.recv(MESSAGE_MAX))
        if failed:
            raise BrokenMessageError(why)
        self._waiting.remove(client)
        self._client = client
        self._due = 0.0  # more may have come with the version
        signal.setitimer(signal.ITIMER_REAL, WATCHDOG_SECONDS, WATCHDOG_SECONDS)
        self._changed(True)

    # -- the client --------------------------------------------------------------------------------------
    def _poll_fd(self) -> int:
        """The library's descriptor of the client's connection, or its listening one while there is no client."""
        return int(self._lib.vfu_get_poll_fd(self._context))

    def _gone(self) -> bool:
        """Whether the library has dropped the client. It does not report each time."""
        return self._poll_fd() == self._listen_fd

    def due(self) -> float | None:
        """When to call `work`, in seconds of the monotonic clock; None for never."""
        if self._client is not None:
            return 0.0 if self._client.broken else self._due
        return min((client.late for client in self._waiting), default=None)

    def work(self) -> None:
        """Do what is due."""
        for client in [self._client] if self._client is not None else list(self._waiting):
            self._serve(client)

    def _serve(self, client: VfioUserClient) -> None:
        """Handle what a client has sent. Whatever that raises costs the connection."""
        try:
            if client is self._client:
                self._serve_attached(client)
            elif self._client is None:
                self._shake_hands(client)
        except BaseException as error:
            log.error("disconnecting a client after an error in the card: %s", traced(error), extra=ONCE)
            if client is self._client:
                self._hang_up(client)
                self._forget(client)
            elif client in self._waiting:
                self._turn_away(client, "an error in the card")

    def _serve_attached(self, client: VfioUserClient) -> None:
        self._due = None
        try:
            if client.broken:
                raise BrokenMessageError(client.broken)
            self._due = self._serve_some(client)
        except BrokenMessageError as error:
            log.warning("disconnecting the client: %s", error)
            self._hang_up(client)
        if self._gone():
            self._forget(client)

    def _serve_some(self, client: VfioUserClient) -> float | None:
        """Handle what has come in. Returns when there is more to do. Raises BrokenMessageError."""
        for _ in range(MESSAGES_A_TURN):
            seen = client.gate.look()
            if seen is Seen.NOTHING:
                return client.deadline(time.monotonic())
            if seen is Seen.READY and self._lib.vfu_run_ctx(self._context) < 0:
                if not self._gone():
                    raise BrokenMessageError(os.strerror(self._ffi.errno))
                return None
            if client.gate.mapping is not None:
                self._check_mapped(*client.gate.mapping, passed=seen is Seen.READY)
        return 0.0

    def _check_mapped(self, start: int, size: int, *, passed: bool) -> None:
        """Count a range that the gate or the library has refused."""
        if passed and (start, size) in self._ranges:
            return
        self._function.refuse_memory()
        if passed:
            log.warning("refused a message of the client: the library cannot map range %#x+%#x", start, size)

    def _hang_up(self, client: VfioUserClient) -> None:
        client.hang_up()
        # The library finds the end, calls reset and unmaps the client's memory.
        while not self._gone():
            self._lib.vfu_run_ctx(self._context)

    def _forget(self, client: VfioUserClient) -> None:
        signal.setitimer(signal.ITIMER_REAL, 0)
        self._close(client)
        self._client = self._due = None
        self._ranges.clear()
        self._function.forget_memory()
        self._changed(False)
        for other in self._waiting:
            other.late = time.monotonic() + CLIENT_SECONDS
        self.work()

    def _close(self, client: VfioUserClient) -> None:
        self._unwatch(client.connection)
        client.connection.close()

    def trigger(self, vector: int) -> bool:
        """Send a vector's message. False when the client has not set the vector up, or makes it block."""
        if self._client is None:
            return False
        sent = bool(self._lib.vfu_irq_trigger(self._context, vector) == 0)
        if not sent and self._ffi.errno == errno.EINTR:
            self._client.broken = "it made a vector's eventfd block"
        return sent

    def close(self) -> None:
        signal.setitimer(signal.ITIMER_REAL, 0)
        for client in [*self._waiting, *([self._client] if self._client is not None else [])]:
            self._close(client)
        self._function.forget_memory()
        self._lib.vfu_destroy_ctx(self._context)
        unlisten(self.listener)
