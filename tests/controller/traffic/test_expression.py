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


def test_what_is_said_stays_as_it_is() -> None:
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
def test_a_frame_without_destination_goes_to_the_card_or_to_all(expression: str, destination: str) -> None:
    assert Ether(built(expression)[0]).dst == destination


def test_no_neighbour_is_asked_for_its_address(monkeypatch: pytest.MonkeyPatch) -> None:
    def asked(*_: object) -> None:
        raise AssertionError("scapy looked for a neighbour on this host's network")

    monkeypatch.setattr("scapy.layers.l2.getmacbyip", asked)
    monkeypatch.setattr("scapy.layers.inet.getmacbyip", asked)
    assert Ether(built('Ether()/IP(dst="192.0.2.77")/UDP()')[0])[IP].src == "10.0.0.1"
    assert Ether(built('Ether()/ARP(op=2, pdst="192.0.2.77")')[0])[ARP].hwsrc == PEER


def test_a_field_of_several_values_and_a_list_are_several_frames_and_bytes_are_one() -> None:
    assert [Ether(frame)[IP].dst for frame in built('Ether()/IP(dst="10.0.0.4/30")')] == [
        f"10.0.0.{number}" for number in (4, 5, 6, 7)
    ]
    frames = built('[Ether()/Dot1Q(vlan=[1, 2]), b"x" * 60, Raw(b"y" * 60)]')
    assert [Ether(frame)[Dot1Q].vlan for frame in frames[:2]] == [1, 2]
    assert frames[2:] == [b"x" * 60, b"y" * 60]


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ("Ether()/IP(dst=", r"column 11: '\(' was never closed"),
        ("import os", "column 1: invalid syntax"),
        ("", "invalid syntax"),
        ("Ehter()", r"name 'Ehter' is not defined: did you mean Ether\?"),
        ('Ether()/IP(dts="1")', "AttributeError: dts"),
        ("Ether()/UDP(dport=70000)", "'H' format requires"),
        ('IP(dst="10.0.0.2")', r"IP alone is no frame, put Ether\(\)/ before it"),
        ('"hi"', "of type str and no packet"),
        ("Ether", "of type Packet_metaclass and no packet"),
        ("[]", "this is no packets"),
        ("1/0", "ZeroDivisionError"),
        ('Ether()/IP(dst="0.0.0.0/0")', f"more than {MOST} packets"),
    ],
)
def test_what_is_no_packet_is_told_on_one_line_with_its_place_and_an_example(expression: str, said: str) -> None:
    with pytest.raises(UsageError, match=said) as caught:
        built(expression)
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith(f"{expression}: ")
    assert caught.value.exit_code == 2
