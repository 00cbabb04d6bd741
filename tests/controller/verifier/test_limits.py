# SPDX-License-Identifier: GPL-2.0-or-later
"""Section 9.8: time limits."""

from tests.controller.verifier.script import Script, fires, silent


def test_r130_send_took_too_long() -> None:
    script = Script().running()
    packet = script.sending()
    fires(script.wait(30.1).call("NdisMSendComplete", packet=packet.packet), "R130")


def test_r130_a_send_that_hangs_is_reported_once() -> None:
    script = Script().running()
    script.sending()
    script.wait(23).enter("MiniportCheckForHang").leave("MiniportCheckForHang")
    fires(script.enter("MiniportCheckForHang"), "R130", culprit=script.events[-3])


def test_r130_silent_in_time() -> None:
    script = Script().running()
    packet = script.sending()
    script.wait(21).enter("MiniportCheckForHang").leave("MiniportCheckForHang")
    silent(script.wait(8).complete(packet))


def test_r131_request_took_too_long() -> None:
    script = Script().running().enter("MiniportQueryInformation", oid=0x10101, length=4)
    fires(script.wait(12.1).leave("MiniportQueryInformation"), "R131")


def test_r131_two_at_once() -> None:
    script = Script().running().enter("MiniportQueryInformation", oid=0x10101, length=4)
    with script.at(cpu=1):
        fires(script.enter("MiniportSetInformation", oid=0x1010E, length=4), "R131")


def test_r131_silent_one_after_the_other() -> None:
    script = Script().running()
    for request in ("MiniportQueryInformation", "MiniportSetInformation"):
        script.enter(request, oid=0x10101, length=4).wait(11.9).leave(request)
    silent(script)


def test_r132_stalled_too_long() -> None:
    fires(Script().running().call("NdisStallExecution", microseconds=51), "R132")


def test_r132_silent_for_50_us() -> None:
    silent(Script().running().call("NdisStallExecution", microseconds=50))
