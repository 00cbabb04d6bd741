# SPDX-License-Identifier: GPL-2.0-or-later
import re

import pytest
from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import ARP, Ether

from nicrig.captures import filter as module
from nicrig.captures.filter import capture_filter
from nicrig.errors import UsageError

ETHERNET = Ether(src="02:00:00:00:00:01", dst="52:54:00:6e:69:63")
ECHO = bytes(ETHERNET / IP(src="10.0.0.1", dst="10.0.0.2") / UDP(sport=1024, dport=7) / b"hi")
OTHER = bytes(ETHERNET / IP(src="10.0.0.1", dst="10.0.0.2") / UDP(sport=1024, dport=9) / b"hi")
ASKING = bytes(ETHERNET / ARP(psrc="10.0.0.1", pdst="10.0.0.2", hwsrc="02:00:00:00:00:01"))


@pytest.mark.parametrize(
    ("expression", "passing"),
    [
        ("", [ECHO, OTHER, ASKING]),
        ("udp", [ECHO, OTHER]),
        ("udp port 7", [ECHO]),
        ("arp or udp dst port 9", [OTHER, ASKING]),
        ("ether src 02:00:00:00:00:02", []),
        ("greater 43", [ECHO, OTHER]),
    ],
)
def test_libpcap_decides(expression: str, passing: list[bytes]) -> None:
    assert list(filter(capture_filter(expression), [ECHO, OTHER, ASKING])) == passing


def test_a_filter_that_reads_past_the_end_of_a_frame_does_not_match() -> None:
    assert not capture_filter("udp port 7")(ECHO[:14])


def test_an_invalid_filter_is_an_error_with_libpcaps_message() -> None:
    with pytest.raises(UsageError, match=r"'udp pport 7' is not valid: .*syntax error") as caught:
        capture_filter("udp pport 7")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "expression",
    [
        "inbound",
        "outbound",
        "not inbound",
        "ifindex 2",
        "not ifindex 2",
        "udp port 7 and inbound",
        "ip or (outbound and arp)",
    ],
)
def test_a_filter_that_asks_for_more_than_the_bytes_of_a_frame_is_an_error(expression: str) -> None:
    with pytest.raises(UsageError, match=f"the filter '{re.escape(expression)}' ") as caught:
        capture_filter(expression)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("expression", ["udp\0 port 7", "host \udcff", "host é"])
def test_a_filter_that_is_not_ascii_is_an_error(expression: str) -> None:
    with pytest.raises(UsageError, match=r"holds characters outside ASCII: pcap-filter\(7\)") as caught:
        capture_filter(expression)
    assert str(caught.value).isprintable()


def test_without_libpcap_a_filter_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "find_library", {}.get)
    with pytest.raises(UsageError, match=r"apt-get install libpcap0\.8"):
        capture_filter("udp")
    assert capture_filter("")(ECHO)
