# SPDX-License-Identifier: GPL-2.0-or-later
import re

from nicrig.provision.sources import GUEST_DRIVER
from nicrig.verifier.constants import STATUS_NAMES


def test_the_statuses_are_those_of_the_header() -> None:
    include = GUEST_DRIVER / "ndis" / "include"
    text = "".join(path.read_text() for path in include.glob("*.h"))
    values = {
        name: int(value, 16) for name, value in re.findall(r"#define (STATUS_\w+) +\(\(NTSTATUS\)(0x\w+)\)", text)
    }
    named = re.findall(r"#define NDIS_STATUS_(\w+) +\(\(NDIS_STATUS\)(\w+)\)", text)
    assert {values[value] if value in values else int(value, 16): name for name, value in named} == STATUS_NAMES
