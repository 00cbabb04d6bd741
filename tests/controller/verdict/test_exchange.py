# SPDX-License-Identifier: GPL-2.0-or-later
import socket
from collections.abc import Callable

import pytest
import trio

from nicrig.card.wire import Deframer, Wire, pack
from nicrig.traffic.generator import mixed
from nicrig.verdict.exchange import SILENCES, Exchange

pytestmark = pytest.mark.anyio

FRAMES = mixed(50, seed=1)
QUIET = 0.05
STATION = bytes.fromhex("5254006e6963")


class Echo:
    """A card with a guest that echoes what `treat` makes of each batch; remembers the most that was under way."""

    def __init__(self, treat: Callable[[list[bytes]], list[bytes]] = list) -> None:
        self.treat = treat
        one, other = socket.socketpair()
        self.wire = Wire(trio.SocketStream(trio.socket.from_stdlib_socket(one)))
        self._stream = trio.SocketStream(trio.socket.from_stdlib_socket(other))
        self.received = 0
        self.most_ahead = 0
        self._echoed = 0

    async def serve(self) -> None:
        deframer = Deframer()
        async for data in self._stream:
            batch = deframer.feed(bytes(data))
            self.received += len(batch)
            self.most_ahead = max(self.most_ahead, self.received - self._echoed)
            back = self.treat(batch)
            self._echoed += len(back)
            await self._stream.send_all(pack(back))

    async def exchange(self, window: int = 8) -> list[bytes]:
        return (await self.made(window)).echoed

    async def made(self, window: int = 8) -> Exchange:
        made = Exchange(self.wire, FRAMES, quiet=QUIET, window=window, station=STATION)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self.serve)
            with trio.fail_after(5):
                await made.run()
            nursery.cancel_scope.cancel()
        return made


async def test_every_frame_goes_and_comes() -> None:
    assert await Echo().exchange() == FRAMES


async def test_no_more_than_the_window_is_under_way() -> None:
    echo = Echo()
    await echo.exchange(window=4)
    assert 0 < echo.most_ahead <= 4


async def test_a_lost_frame_does_not_stop_the_rest() -> None:
    echoed = await Echo(lambda batch: [frame for frame in batch if frame != FRAMES[3]]).exchange()
    assert echoed == FRAMES[:3] + FRAMES[4:]


async def test_what_a_doubled_frame_stood_in_for_is_waited_for() -> None:
    def double(batch: list[bytes]) -> list[bytes]:
        return [frame for one in batch for frame in ([one, one] if one == FRAMES[3] else [one])]

    assert await Echo(double).exchange() == FRAMES[:4] + FRAMES[3:]


async def test_a_card_that_repeats_itself_for_ever_is_not_listened_to() -> None:
    class Repeater(Echo):
        async def serve(self) -> None:
            while True:
                await self._stream.send_all(pack(FRAMES[:1]))

    with trio.fail_after(5):
        echoed = await Repeater().exchange()
    assert set(echoed) == {FRAMES[0]}


async def test_a_guest_that_never_echoes_still_gets_all_frames() -> None:
    echo = Echo(lambda _: [])
    assert await echo.exchange(window=50) == []
    assert echo.received == len(FRAMES)


async def test_frames_of_the_guest_s_own_are_counted_and_stand_in_for_no_echo() -> None:
    def chatter(batch: list[bytes]) -> list[bytes]:
        own = [bytes(6) + STATION + bytes([number]) * 48 for number in range(len(batch))]
        return [*own, *batch]

    made = await Echo(chatter).made()
    assert (made.echoed, made.own, made.sent) == (FRAMES, len(FRAMES), len(FRAMES))


async def test_an_injected_frame_from_the_guest_s_address_is_not_the_guest_s_own() -> None:
    echo, frame = Echo(), bytes(6) + STATION + bytes(48)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(echo.serve)
        made = Exchange(echo.wire, [frame], quiet=QUIET, station=STATION)
        await made.run()
        nursery.cancel_scope.cancel()
    assert (made.echoed, made.own) == ([frame], 0)


async def test_a_guest_that_echoes_nothing_any_more_gets_no_more_frames() -> None:
    echo = Echo(lambda batch: [frame for frame in batch if frame in FRAMES[:8]])
    made = await echo.made(window=4)
    assert made.stalled
    assert made.echoed == FRAMES[:8]
    assert echo.received == made.sent == 8 + 4 * SILENCES


async def test_what_is_known_when_it_is_cut_off() -> None:
    echo = Echo(lambda batch: [frame for frame in batch if frame in FRAMES[:3]])
    made = Exchange(echo.wire, FRAMES, quiet=5, window=4)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(echo.serve)
        with trio.move_on_after(0.5):
            await made.run()
        nursery.cancel_scope.cancel()
    assert (made.echoed, made.sent) == (FRAMES[:3], 7)
