# SPDX-License-Identifier: GPL-2.0-or-later
"""What `nicrig demo --thorough` does: its legs, each with a fresh driver, as data. leg_run.py takes their steps."""

from dataclasses import dataclass
from typing import Literal

from nicrig_interface.vocabulary import CardKind

KINDS: tuple[CardKind, ...] = ("bus-master", "subordinate", "non-dma")
BUS_MASTER: tuple[CardKind, ...] = ("bus-master",)
RINGS = ("rx_ring_size=256", "tx_ring_size=256")
"""Rings that a thousand frames wrap, and that hold more than a burst."""
BURST = 160
"""Frames at once: more than a batch of a driver, and not more than a card's FIFO holds of the longest."""
APART = 0.005
"""Seconds between two frames: ten times as long as a card stays awake without work."""
SMALLEST_RINGS = ("rx_ring_size=16", "tx_ring_size=8")
CACHES = "noncoherent=64:1"
"""The non-coherent machine. A guest with more than one processor cannot have it, and goes without."""

Sizes = Literal["every", "limits", "short"]


@dataclass(frozen=True)
class Echo:
    """Frames that the guest sends back, at most `window` at a time; 0 is a window that the rings hold."""

    frames: int
    sizes: Sizes = "every"
    window: int = 0


@dataclass(frozen=True)
class Overload:
    """Twice as many frames at once as the card can hold. It drops some; the driver goes on."""


@dataclass(frozen=True)
class Keep:
    """Frames that the guest keeps: it only receives. With `pause` they come one by one, so many seconds apart."""

    frames: int
    pause: float = 0.0


@dataclass(frozen=True)
class Send:
    """Frames that the guest sends by itself: it only sends. With `pause` they go one by one, so many seconds apart."""

    frames: int
    pause: float = 0.0


@dataclass(frozen=True)
class Unkind:
    """From here on the card is unkind, unless the user has chosen its timing."""


@dataclass(frozen=True)
class Idle:
    """Nothing happens for so many seconds."""

    seconds: float


@dataclass(frozen=True)
class DownUp:
    """The interface goes down and comes up, with `frames` under way, which may be lost."""

    frames: int = 0


@dataclass(frozen=True)
class LinkFlap:
    """The cable is pulled and plugged."""


@dataclass(frozen=True)
class Fault:
    """The card has a fault from frame `at` of the next echo on, `count` times. Each costs up to `losing` frames.

    A kind of card that cannot have the fault goes without. `dropping`: the driver must drop each of these frames, and
    the next echo has no other fault.
    """

    name: str
    at: int
    count: int = 2
    losing: int = 1
    dropping: bool = False


@dataclass(frozen=True)
class Hang:
    """The guest sends by itself, and no send ends until the driver resets the card, or NDIS does: one of them must."""

    frames: int


Step = Echo | Overload | Keep | Send | Unkind | Idle | DownUp | LinkFlap | Fault | Hang


@dataclass(frozen=True)
class Leg:
    """One driver, from its load to its unload: its module's `parameters`, and its steps in order.

    `does` completes "It ...". `excused` names trouble of the guest that a step causes, once.
    """

    name: str
    does: str
    steps: tuple[Step, ...]
    parameters: tuple[str, ...] = ()
    kinds: tuple[CardKind, ...] = KINDS
    excused: tuple[str, ...] = ()

    @property
    def frames(self) -> int:
        """How many frames it echoes at least: an overload has more."""
        return sum(step.frames for step in self.steps if isinstance(step, Echo))


def one_path(frames: int) -> Leg:
    """The only leg of `nicrig demo` without --thorough."""
    return Leg("echo", "", (Echo(frames - frames // 2), Unkind(), Echo(frames // 2)), RINGS)


LEGS = (
    Leg(
        "small-rings",
        "wraps the smallest rings many times with frames at the limits of size, and overloads them",
        (Echo(300, "limits"), Overload(), Echo(100), Unkind(), Echo(300, "limits"), Overload(), Echo(100)),
        SMALLEST_RINGS,
    ),
    Leg(
        "pauses",
        "sends frames one by one, also one way to a card that sleeps in between, is idle past two checks for a hang, "
        "sends bursts over a batch, pulls the cable, and takes the interface down and up, also under load",
        (
            Echo(200, window=1),
            Keep(120, APART),
            Send(60, APART),
            Idle(4.5),
            Echo(600, window=BURST),
            LinkFlap(),
            Echo(50),
            DownUp(),
            Echo(200),
            Unkind(),
            Echo(100, window=1),
            Echo(400, window=BURST),
            DownUp(frames=2000),
            Echo(200),
        ),
        RINGS,
    ),
    Leg(
        "card-errors",
        "meets errors of the card, which cost only the frames that they strike, and a card that sends nothing until it "
        "is reset",
        (
            Fault("completion-refused", at=10, dropping=True),
            Echo(60, window=16),
            Fault("interrupt-doubled", at=1),
            Fault("completion-out-of-order", at=20, losing=0),
            Fault("length-too-short", at=60),
            Fault("length-too-long", at=80),
            Fault("send-refused", at=50, losing=0),
            Echo(200, window=16),
            Echo(100),
            Hang(frames=32),
            Echo(200),
        ),
        RINGS,
        excused=("hang-reset", "transmit-timeout"),
    ),
    Leg(
        "index-wrap",
        "brings the indices near 65,536, and then over it on an unkind card",
        (Echo(64_800, "short", window=BURST), Unkind(), Echo(1500)),
    ),
    Leg(
        "fragments",
        "sends packets of 1 to 15 buffers over scattered memory, also without receiving, and receives without sending, "
        "on the non-coherent machine",
        (Echo(300), Send(300), Keep(300), Unkind(), Echo(300), Send(300), Keep(300)),
        (*RINGS, "fragments=15", "scattered=1", "cached_memory=1", CACHES),
    ),
    Leg(
        "older-calls",
        "uses map registers, pool memory and asynchronous shared memory, on the non-coherent machine",
        (Echo(300), DownUp(), Unkind(), Echo(300)),
        (*RINGS, "map_registers=1", "pool_memory=1", "async_memory=1", "update_memory=1", CACHES),
        BUS_MASTER,
    ),
)
"""In the order in which they run: the cheap ones first."""
