# SPDX-License-Identifier: GPL-2.0-or-later
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scapy.layers.inet import ICMP, IP, UDP
from scapy.layers.l2 import ARP, Dot1Q, Ether

from nicrig.errors import UsageError
from nicrig.traffic.addressing import BROADCAST
from nicrig.traffic.expression import MOST, frames_of

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
        ('Ether()/IP(dst="224.0.0.1")/UDP()', "01:00:5e:00:00:01"),
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


@pytest.mark.parametrize(
    ("expression", "column", "message"),
    [
        ("__import__('os').system('id')", 1, "a call of anything but a layer is not allowed here"),
        ("__import__('os')", 1, "name '__import__' is not defined"),
        ("[Ether(), open('/etc/passwd')]", 11, "name 'open' is not defined"),
        ("Ether()/rdpcap('x.pcap')", 9, "rdpcap is neither a layer nor a constant of scapy"),
        ("Ether()/sniff()", 9, "sniff is neither a layer nor a constant"),
        ("conf", 1, "conf is neither a layer nor a constant"),
        ("().__class__", 1, "a name after a dot is not allowed"),
        ("Ether()/IP().__class__", 9, "a name after a dot is not allowed"),
        ("Ether()[0]", 1, "an index is not allowed"),
        ("[Ether() for _ in [1]]", 1, "a comprehension is not allowed"),
        ("(lambda: Ether())()", 1, "a call of anything but a layer"),
        ('f"{Ether()}"', 1, "an f-string is not allowed"),
        ("(x := Ether())", 2, "NamedExpr is not allowed"),
        ("Ether(*[b'x'])", 7, "a star is not allowed"),
        ("Ether(**{'src': 1})", 9, "only a field of Ether may stand before ="),
        ("{**{}}", 1, "a double star is not allowed"),
        ("Ether(post_transform=IP)", 22, "only a field of Ether may stand before ="),
        ("Ether(_pkt=b'x')", 12, "only a field of Ether may stand before ="),
        ("Ether(b'x', 1)", 1, r"Ether\(\) takes the bytes of a packet, or field=value"),
        ("ETH_P_IP()", 1, "ETH_P_IP is a constant and cannot be called"),
        ("b'%1000000000d' % 1", 1, "bytes and int cannot be joined so"),
        ("'é' + Ether()", 1, "str and Ethernet cannot be joined so"),
        ("['é', foo]", 7, "name 'foo' is not defined"),
        ("1 if 1 else 2", 1, "IfExp is not allowed"),
        ("10**10**10", 1, "a number may have 1024 bits"),
        ("2**2**9**2", 1, "a number may have 1024 bits"),
        ("2**1000*2**1000", 1, "a number may have 1024 bits"),
        ("1<<10000000000", 1, "a number may have 1024 bits"),
        ('b"x"*10**10', 1, "an expression may make 1048576 bytes and list elements"),
        ('10**10*"x"', 1, "an expression may make 1048576"),
        ("Ether()*10**7", 1, "an expression may make 1048576"),
        ("[[[[]]*1000]*1000]*1000", 1, "an expression may make 1048576"),
        ("[" + "+".join(["b'x'*60000"] * 30) + "]", 2, "an expression may make 1048576"),
        ('Ether()/IP(src="0.0.0.0/0", dst=[])', 9, "the field dst of IP has no value in its list"),
    ],
)
def test_only_packets_can_be_described_and_only_so_large(expression: str, column: int, message: str) -> None:
    with pytest.raises(UsageError, match=f": column {column}: {message}") as caught:
        built(expression)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("-" * 60000 + "1", "nested too deeply|too many nested|recursion"),
        ("(" * 300 + ")" * 300, "too many nested parentheses"),
        ("1+" * 20000 + "1", "nested too deeply|recursion"),
        ("1" * 5000, "Exceeds the limit"),
        ("x" * 70000, "longer than 65536 characters"),
        ("\ud800", "no expression of Python|invalid"),
        ("[Ether(),\n  foo]", "line 2, column 3: name 'foo'"),
        ("Ether()/\u2028/foo", "invalid non-printable character"),
        ('Ether()/("x"*140000)', "a frame of 140014 bytes is longer than the 131072 of a card's wire"),
        ('[Ether()/("x"*60000)]*4000', "more than 67108864 bytes"),
    ],
)
def test_an_expression_of_any_shape_is_a_short_line(expression: str, message: str) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        built(expression)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 1000


@pytest.mark.parametrize("name", ["example.org", "localhost", "example.org/24", "dead.beef"])
def test_no_name_is_looked_up(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    def look_up(*_: object) -> None:
        raise AssertionError("scapy asked this host's resolver")

    monkeypatch.setattr("socket.getaddrinfo", look_up)
    built(f'Ether()/ARP(pdst="{name}")')
    expressions = [
        f'Ether()/IP(dst="{name}")',
        f'Ether()/IPv6(dst=["{name}"])',
        f'Ether()/IPv6(dst="fd00::2")/IPv6ExtHdrRouting(addresses=["{name}"])',
    ]
    for expression in expressions:
        with pytest.raises(UsageError, match="is no IP address: write the address"):
            built(expression)


def test_constants_literals_and_operators_are_python_s() -> None:
    expected = Ether(src=PEER, dst=STATION, type=0x0800 + 1) / (b"ab" * 30)
    assert built("Ether(type=(ETH_P_IP | 1) << 0)/(b'ab'*(60//2))") == [bytes(expected)]
    (segment,) = built('Ether()/IP(dst="10.0.0.2")/TCP(options=[("MSS", 1460), ("NOP", None)])')
    assert Ether(segment)["TCP"].options[:2] == [("MSS", 1460), ("NOP", None)]
    assert built("Ether(b'" + r"\x02" * 60 + "')") == [b"\2" * 60]
    assert len(built("[Ether()/Raw(b'x'*60)]*3 + [b'y'*(70-10)]")) == 4


def test_all_of_python_is_there_when_it_is_asked_for() -> None:
    expression = "[Ether()/Raw(bytes(n)) for n in range(60, 63)]"
    with pytest.raises(UsageError, match=r"a comprehension is not allowed here: .* --python allows all of Python"):
        built(expression)
    frames = frames_of(expression, station=STATION, python=True)
    assert [len(frame) for frame in frames] == [74, 75, 76]


WORDS = ["Ether()", "IP(dst='10.0.0.2')", "UDP(dport=", "Raw(", "[", "]", "(", ")", "{", "}", "for", "in", "lambda"]
SIGNS = [
    "/",
    "*",
    "**",
    "+",
    "-",
    "%",
    "<<",
    "b'x'",
    "'1.2.3.4/8'",
    "9" * 20,
    "1",
    "0",
    "=",
    ",",
    ":",
    ".",
    "é",
    "None",
]


@given(st.lists(st.sampled_from(WORDS + SIGNS), max_size=12).map(" ".join) | st.text(max_size=40))
@settings(deadline=None)
def test_any_text_makes_frames_or_one_line(expression: str) -> None:
    assert outcome(expression) in ("frames", "one line")


def outcome(expression: str) -> str:
    try:
        frames = built(expression)
    except UsageError as error:
        return "one line" if "\n" not in str(error) else str(error)
    return "frames" if 0 < len(frames) <= MOST else f"{len(frames)} frames"
