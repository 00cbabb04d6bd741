# SPDX-License-Identifier: GPL-2.0-or-later
"""Writes the generated files. With --check it writes nothing and exits 1 when a file is stale."""

from __future__ import annotations

import sys
from pathlib import Path

from nicrig.generate.doc_tables import COHERENCY, PAGE, coherency, page
from nicrig.generate.guest_headers import CALLS, FUNCTION_IDS, MUTABLE, VERSION, calls, function_ids, mutable, version
from nicrig.generate.ndis_headers import CHECKOUT
from nicrig.generate.record_classes import RECORDS, records


def stale() -> list[tuple[Path, str]]:
    """The generated files that differ from what they should hold, with that text."""
    wanted = [
        (FUNCTION_IDS, function_ids()),
        (CALLS, calls()),
        (MUTABLE, mutable()),
        (VERSION, version()),
        (PAGE, page(PAGE.read_text())),
        (COHERENCY, coherency(COHERENCY.read_text())),
        (RECORDS, records()),
    ]
    return [(path, text) for path, text in wanted if not path.exists() or path.read_text() != text]


def main(arguments: list[str]) -> int:
    """Write the stale files, or with --check name them and return 1. Returns 2 outside a checkout."""
    if not PAGE.exists():
        print("generate: this needs a checkout of nicrig, and this nicrig was installed without one", file=sys.stderr)
        return 2
    out_of_date = stale()
    for path, text in out_of_date:
        if "--check" in arguments:
            print(f"{path.relative_to(CHECKOUT)} is stale: run `python -m nicrig.generate`", file=sys.stderr)
        else:
            path.write_text(text)
            print(f"wrote {path.relative_to(CHECKOUT)}")
    return 1 if out_of_date and "--check" in arguments else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
