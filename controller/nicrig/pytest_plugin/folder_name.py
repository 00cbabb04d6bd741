# SPDX-License-Identifier: GPL-2.0-or-later
"""The name of the folder that has a test's files."""

import re
from hashlib import sha256

LONGEST_NAME = 150
"""Most bytes of a test's name in the name of its folder; Linux takes 255."""
PLAIN = re.compile(r"[\w./]+(::\w+)+(\[[\w.-]*\])?(@\w+)?")
"""Node ids of which no two have the same name of a folder."""


def folder_name(test: str) -> str:
    """A name for the folder of the test with this node id. No other test has the same.

    It ends in a digest when the id is cut, or when signs are replaced that may differ in another id.
    """
    name = re.sub(r"[^\w.-]+", "-", test).strip("-")
    if PLAIN.fullmatch(test) and len(name.encode()) <= LONGEST_NAME:
        return name
    digest = sha256(test.encode(errors="backslashreplace")).hexdigest()[:12]
    return f"{name.encode()[:LONGEST_NAME].decode(errors='ignore')}-{digest}"
