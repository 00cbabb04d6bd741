# SPDX-License-Identifier: GPL-2.0-or-later
"""What the drivers of all kinds have in common: shared code, and the methods that the shared contracts need."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

from nicrig_device.models.base import CardModel
from nicrig_device.spec import registers
from nicrig_device.spec.layout import Register
from tests.fakes.bus import WAIT_SECONDS, Bus, Control
from tests.fakes.card_registers import CardRegisters, event_word
from tests.fakes.driver_ring import RingWords
from tests.fakes.interrupt_account import ArmWord, InterruptAccount
from tests.fakes.recorder import MAY_READ, MAY_WRITE, Granting, RecorderMemory


def queue_arm(names: tuple[Register, Register, Register], pair: int = 0) -> ArmWord:
    """The arm word of a direction of a queue pair; `names` are its tail, arm word and head."""
    words = RingWords.of(names, pair)
    return ArmWord(words.arm, words.head, 0)


class CardDriver(ABC):
    """Drives one card. Call `start` first and `stop` at the end; you may repeat both."""

    def __init__(
        self,
        bus: Bus,
        kind: type[CardModel],
        rx_arm: ArmWord,
        tx_arm: ArmWord,
        pair: int = 0,
        by: Control | None = None,
    ) -> None:
        self.bus = bus
        self.card = CardRegisters(bus, kind, pair, by)
        self._buffers: dict[int, tuple[int, int]] = {}
        """Length of each by its address, and how it is granted."""
        self.granting: Granting | None = None
        self._running = False
        self.unkind = False
        """Whether the card writes noise into posted buffers (section 18)."""
        self._rx_arm, self._tx_arm = rx_arm, tx_arm
        event_vector = bus.vector_count - 1
        self._event_arm = ArmWord(event_word(registers.EVENT_ARM), event_word(registers.EVENT), event_vector)
        self._interrupts = InterruptAccount(bus)

    # -- what the contracts of all kinds ask for -----------------------------------------------------------

    @abstractmethod
    def start(self) -> None:
        """Check the card, reset it, let it receive and interrupt."""

    @abstractmethod
    def prepare(self) -> None:
        """Give the card all the room for frames."""

    @abstractmethod
    def stop(self) -> None:
        """Reset the card, then check that it has written nothing else."""

    @abstractmethod
    def receive_exactly(self, count: int, seconds: float = WAIT_SECONDS) -> list[bytes]:
        """Wait for `count` frames."""

    @abstractmethod
    def send(self, frames: Sequence[bytes]) -> None:
        """Have the card send frames; they must fit."""

    @abstractmethod
    def send_and_reap(self, frames: Sequence[bytes]) -> None:
        """Send frames, wait until the card is done with them; all must have been taken."""

    @abstractmethod
    def arm_receive(self) -> bool:
        """Ask for a message on receive; True when the second look finds frames, which the driver must take itself."""

    @abstractmethod
    def arm_transmit(self) -> bool:
        """Ask for a message on completion; True when the second look finds some."""

    # -- start and stop: sections 3 and 8 ---------------------------------------------------------------

    def reset(self) -> None:
        """Section 8, function reset: when this returns there is no DMA and no interrupt any more."""
        self.card.write(registers.CONTROL, registers.CONTROL.pack(RESET=1))
        self.after_reset()

    def after_reset(self) -> None:
        """Section 8: what every reset leaves; call it after `bus.reset` too. Only `start` may follow."""
        self._interrupts.forget()
        self.card.check_after_reset()

    def set_receiver(self, *, enabled: bool) -> None:
        self.card.set_control(RECEIVE=int(enabled))

    def set_interrupts(self, *, enabled: bool) -> None:
        """CONTROL.INTERRUPT. After masking, what had fired before is taken and counted."""
        self.card.set_control(INTERRUPT=int(enabled))
        if not enabled:
            for vector in range(self.bus.vector_count):
                self.take_interrupts(vector)
        self._interrupts.masked = not enabled

    def record_grants(self) -> None:
        """Section 14: from now on record what the card may touch. Before `start`."""
        self.granting = Granting(RecorderMemory(self.bus.recorder()))

    def _allocate(self, size: int, alignment: int, how: int = MAY_READ | MAY_WRITE) -> int:
        address = self.bus.memory.allocate(size, alignment)
        self._buffers[address] = (size, how)
        if self.granting:
            self.granting.grant(address, size, how)
        return address

    def _free(self, address: int) -> None:
        if address in self._buffers:
            size, how = self._buffers.pop(address)
            if self.granting:
                self.granting.revoke(address, size, how)
            self.bus.memory.free(address)

    def _free_buffers(self) -> None:
        for address in tuple(self._buffers):
            self._free(address)

    # -- interrupts: section 7 ----------------------------------------------------------------------------

    def arm_event(self) -> bool:
        """Ask for a message on a link change or fault from now on; True when one came while arming."""
        seen = self.card.events
        self._interrupts.arm(self._event_arm, seen)
        return self.card.events != seen

    def disarm(self) -> None:
        """Disarm all three."""
        for word in (self._rx_arm, self._tx_arm, self._event_arm):
            self._interrupts.disarm(word)

    def moderate(self, microseconds: int, frames: int) -> None:
        """Section 7: delay receive interrupts."""
        word = registers.MODERATION.pack(MICROSECONDS=microseconds, FRAMES=frames)
        self.card.write_through(registers.MODERATION, word)

    @property
    def queue_vector(self) -> int:
        return self._rx_arm.vector

    @property
    def event_vector(self) -> int:
        return self._event_arm.vector

    def take_interrupts(self, vector: int) -> int:
        """Messages of a vector since the last call; each must have been asked for."""
        return self._interrupts.take(vector)

    def wait_interrupt(self, vector: int, seconds: float = WAIT_SECONDS) -> int:
        """Wait for a message of a vector; how many came."""
        taken = 0

        def came() -> bool:
            nonlocal taken
            taken += self.take_interrupts(vector)
            return taken > 0

        self.bus.wait(came, f"a message of vector {vector}", seconds)
        return taken
