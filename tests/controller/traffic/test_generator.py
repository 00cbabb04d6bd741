# SPDX-License-Identifier: GPL-2.0-or-later
import pytest
from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.l2 import ARP, Ether
from scapy.packet import Packet

from nicrig.machine.addresses import BENCH_MAC
from nicrig.text.packet_summary import summary
from nicrig.traffic.generator import FRAME_MAX, FRAME_MIN, LIMITS, bare, checksum, mixed, templates

FRAMES = mixed(600, seed=3)


def test_sizes_span_the_whole_range() -> None:
    sizes = {len(frame) for frame in FRAMES}
    assert min(sizes) == FRAME_MIN == 14
    assert max(sizes) == FRAME_MAX == 1522
    assert [len(frame) for frame in FRAMES[:2]] == [FRAME_MIN, FRAME_MAX]


def test_sizes_can_be_chosen() -> None:
    assert {len(frame) for frame in mixed(300, seed=1, sizes=LIMITS)} == set(LIMITS)


def test_a_frame_too_small_for_its_protocol_has_only_an_ethernet_header() -> None:
    tiny = [Ether(frame) for frame in mixed(300, seed=1, sizes=LIMITS) if len(frame) < 46]
    assert {packet.type for packet in tiny} == {0x88B5}


def test_every_frame_is_unique_even_at_the_smallest_size() -> None:
    small = [template.build(number, FRAME_MIN, b"") for number in range(300) for template in (*templates(), bare())]
    assert len(set(small)) == len(small)
    assert len(set(FRAMES)) == len(FRAMES)


def test_the_same_seed_gives_the_same_frames() -> None:
    assert mixed(50, seed=1) == mixed(50, seed=1)
    assert mixed(50, seed=1) != mixed(50, seed=2)


def test_frames_are_the_same_on_every_host() -> None:
    for frame in FRAMES[:12]:
        packet = Ether(frame)
        assert packet.src == BENCH_MAC
        if ARP in packet:
            assert packet[ARP].hwsrc == BENCH_MAC


def test_the_first_frames_have_all_protocols() -> None:
    text = "\n".join(summary(frame) for frame in FRAMES[:12])
    for name in ("ARP who has", "ICMP", "UDP", "TCP", "Dot1Q", "IPv6"):
        assert name in text, name


@pytest.mark.parametrize("number", range(24))
def test_lengths_and_checksums_equal_scapys(number: int) -> None:
    frame = FRAMES[number]
    packet = Ether(frame)
    layer: Packet = packet
    while layer:
        for field in ("chksum", "len", "plen"):
            if field in getattr(layer, "fields", {}):
                delattr(layer, field)
        layer = layer.payload
    assert bytes(packet) == frame


def test_a_udp_checksum_of_zero_is_written_as_all_ones() -> None:
    udp = next(template for template in templates() if template.name == "UDP")
    for filler in range(0x10000):
        frame = udp.build(0, 60, filler.to_bytes(2, "big") * 20)
        assert frame[40:42] != b"\0\0"
        if frame[40:42] == b"\xff\xff":
            return
    pytest.fail("no payload sums to zero")


def test_tcp_frames_are_syns_with_the_sequence_number() -> None:
    packet = Ether(next(frame for frame in FRAMES if TCP in Ether(frame)))
    assert packet[TCP].flags == "S"
    assert packet[TCP].seq == 3


def test_checksum_of_rfc_1071s_example() -> None:
    assert checksum(bytes.fromhex("0001f203f4f5f6f7")) == 0xFFFF - 0xDDF2


def test_checksum_of_words_that_add_up_to_all_ones_is_zero() -> None:
    assert checksum(bytes.fromhex("fffe0001")) == 0
    assert checksum(bytes(4)) == 0xFFFF


def test_udp_goes_to_the_echo_port() -> None:
    packet = Ether(next(frame for frame in FRAMES if UDP in Ether(frame) and IP in Ether(frame)))
    assert packet[UDP].dport == 7
