# SPDX-License-Identifier: GPL-2.0-or-later
import pytest
from scapy.layers.inet import ICMP, IP, UDP
from scapy.layers.l2 import ARP, Dot1Q, Ether

from nicrig.errors import UsageError
from nicrig.traffic.expression import BROADCAST, MOST, frames_of

STATION = "52:54:00:6e:69:63"
PEER = "02:00:00:00:00:01"


def built(expression: str) -> list[bytes]:
    return frames_of(expression, station=STATION)


def test_the_packet_of_the_readme_is_built_whole_with_the_addresses_of_the_wire() -> None:
    (frame,) = built('Ether()/IP(dst="10.0.0.2")/UDP(dport=7)/"hi"')
    expected = Ether(src=PEER, dst=STATION) / IP(src="10.0.0.1", dst="10.0.0.2") / UDP(dport=7) / b"hi"
    assert frame == bytes(expected)


def test_given_addresses_are_kept() -> None:
    expression = 'Ether(src="02:00:00:00:00:07", dst="02:00:00:00:00:08")/IP(src="10.0.0.7", dst="10.0.0.8")/ICMP()'
    packet = Ether(built(expression)[0])
    assert (packet.src, packet.dst, packet[IP].src, packet[IP].dst) == (
        "02:00:00:00:00:07",
        "02:00:00:00:00:08",
        "10.0.0.7",
        "10.0.0.8",
    )
    assert ICMP in packet


@pytest.mark.parametrize(
    ("expression", "destination"),
    [
        ('Ether()/ARP(pdst="10.0.0.2")', BROADCAST),
        ('Ether()/ARP(op="is-at", pdst="10.0.0.2")', STATION),
        ('Ether()/IP(dst="255.255.255.255")/UDP()', BROADCAST),
        ('Ether()/IP(dst="224.0.0.1")/UDP()', BROADCAST),
        ('Ether()/Dot1Q(vlan=5)/IP(dst="10.0.0.2")/UDP()', STATION),
        ('Ether()/IPv6(dst="fd00::2")/UDP()', STATION),
        ('Ether()/"payload"', STATION),
    ],
)
def test_a_frame_without_destination_goes_to_the_card_or_is_broadcast(expression: str, destination: str) -> None:
    assert Ether(built(expression)[0]).dst == destination


def test_no_neighbour_of_this_host_is_looked_up(monkeypatch: pytest.MonkeyPatch) -> None:
    def look_up(*_: object) -> None:
        raise AssertionError("scapy looked up a neighbour on this host's network")

    monkeypatch.setattr("scapy.layers.l2.getmacbyip", look_up)
    monkeypatch.setattr("scapy.layers.inet.getmacbyip", look_up)
    assert Ether(built('Ether()/IP(dst="192.0.2.77")/UDP()')[0])[IP].src == "10.0.0.1"
    assert Ether(built('Ether()/ARP(op=2, pdst="192.0.2.77")')[0])[ARP].hwsrc == PEER


def test_many_values_or_a_list_make_many_frames_and_bytes_make_one() -> None:
    assert [Ether(frame)[IP].dst for frame in built('Ether()/IP(dst="10.0.0.4/30")')] == [
        f"10.0.0.{number}" for number in (4, 5, 6, 7)
    ]
    frames = built('[Ether()/Dot1Q(vlan=[1, 2]), b"x" * 60, Raw(b"y" * 60)]')
    assert [Ether(frame)[Dot1Q].vlan for frame in frames[:2]] == [1, 2]
    assert frames[2:] == [b"x" * 60, b"y" * 60]


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("Ether()/IP(dst=", r"column 11: '\(' was never closed"),
        ("import os", "column 1: invalid syntax"),
        ("", "invalid syntax"),
        ("Ehter()", r"name 'Ehter' is not defined: did you mean Ether\?"),
        ('Ether()/IP(dts="1")', "AttributeError: dts"),
        ("Ether()/UDP(dport=70000)", "'H' format requires"),
        ('IP(dst="10.0.0.2")', r"IP is not a frame: put Ether\(\)/ before it"),
        ('"hi"', "is a str, not a packet"),
        ("Ether", "is a Packet_metaclass, not a packet"),
        ("[]", "makes no packets"),
        ("1/0", "ZeroDivisionError"),
        ('Ether()/IP(dst="0.0.0.0/0")', f"more than {MOST} packets"),
    ],
)
def test_an_error_is_one_line_that_names_the_expression(expression: str, message: str) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        built(expression)
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith(f"{expression}: ")
    assert caught.value.exit_code == 2
