# SPDX-License-Identifier: GPL-2.0-or-later
"""Writes the generated files: the driver's C headers, and the tables of the pages in docs/.

`python -m nicrig_device.generate` writes them. With `--check` it writes nothing, and exits 1 when one is stale.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from importlib.resources import files
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from nicrig_device import recorder
from nicrig_device.faults.fault import Fault
from nicrig_device.faults.table import FAULTS
from nicrig_device.models.catalogue import KINDS
from nicrig_device.monitor.doc_rows import COMMAND_HEAD, EVENT_HEAD, Page
from nicrig_device.recorder import EVENT_DOC, HEADER_DOC, PACKED, RECORD, RECORD_DOC
from nicrig_device.spec import registers
from nicrig_device.spec.counters import COUNTER_BASE, COUNTER_INDEX, COUNTERS
from nicrig_device.spec.descriptors import (
    DESCRIPTOR,
    DESCRIPTOR_DOC,
    REFUSAL_DOC,
    STATUS_CODE_SHIFT,
    Flag,
    Refusal,
    Status,
)
from nicrig_device.spec.findings import FINDING_DOC, HAND_OVER_DOC
from nicrig_device.spec.layout import Register, RegisterBlock

CHECKOUT = Path(str(files("nicrig_guest_driver"))).parent
HEADER = CHECKOUT / "guest_driver" / "miniport" / "hardware.h"
RECORD_HEADER = CHECKOUT / "guest_driver" / "ndis" / "recorder" / "layout.h"
DATASHEET = CHECKOUT / "docs" / "datasheet.md"
SOCKETS = CHECKOUT / "docs" / "sockets.md"
FAULTS_PAGE = CHECKOUT / "docs" / "faults.md"

CONSTANTS = {
    "VENDOR_ID": registers.VENDOR_ID,
    **{f"DEVICE_ID_{name.upper().replace('-', '_')}": kind.device_id for name, kind in KINDS.items()},
    "MAGIC": registers.MAGIC,
    "VERSION_MAJOR": registers.VERSION_MAJOR,
    "BAR_CONTROL": registers.BAR_CONTROL,
    "BAR_DOORBELL": registers.BAR_DOORBELL,
    "BAR_RECORDER": registers.BAR_RECORDER,
    "BAR_PORTS": registers.BAR_PORTS,
    "BAR_BYTES": registers.BAR_BYTES,
    "RAM_BAR_BYTES": registers.RAM_BAR_BYTES,
    "PORTS": registers.PORTS,
    "RING_MIN": registers.RING_MIN,
    "RING_MAX": registers.RING_MAX,
    "RING_ALIGNMENT": registers.RING_ALIGNMENT,
    "INDEX_MASK": (1 << registers.INDEX_BITS) - 1,
    "FRAME_MIN": registers.FRAME_MIN,
    "FRAME_MAX": registers.FRAME_MAX,
    "BUFFER_MAX": registers.BUFFER_MAX,
    "CHAIN_MAX": registers.CHAIN_MAX,
    "FIFO_FRAMES": registers.FIFO_FRAMES,
    "FIFO_BYTES": registers.FIFO_BYTES,
    "PACK_PREFIX": registers.PACK_PREFIX,
    "PACK_ALIGNMENT": registers.PACK_ALIGNMENT,
    "SLOTS": registers.SLOTS,
    "SLOT_FRAME": registers.SLOT_FRAME,
}
C_TYPES = {"<u8": "ULONG64", "<u4": "ULONG", "<u2": "USHORT"}
KERNEL_TYPES = {"<u8": "u64", "<u4": "u32", "<u2": "u16", "|u1": "u8"}


def _define(name: str, value: int, note: str = "") -> str:
    text = f"{f'#define NICRIG_{name}':<47} 0x{value:x}"
    return f"{text:<59} /* {note} */" if note else text


def _register_defines(block: RegisterBlock, register: Register) -> Iterator[str]:
    name = f"{block.name}_{register.name}"
    yield _define(name, register.offset, f"{register.access.value}, reset 0x{register.reset:x}")
    if [item.name for item in register.fields] == ["VALUE"]:
        return
    for item in register.fields:
        yield _define(f"{name}_{item.name}", item.mask)
        if item.width > 1:
            yield _define(f"{name}_{item.name}_SHIFT", item.low)


def header() -> str:
    """The text of guest_driver/miniport/hardware.h."""
    lines = [
        "/* SPDX-License-Identifier: GPL-2.0-or-later */",
        "/* Generated from device/nicrig_device/spec/registers.py by `make generate`: do not edit. */",
        "#ifndef NICRIG_HARDWARE_H",
        "#define NICRIG_HARDWARE_H",
        "",
        *(_define(name, value) for name, value in CONSTANTS.items()),
    ]
    for block in registers.BLOCKS:
        lines += [
            "",
            f"/* BAR{block.bar}: {block.doc} Offsets are within the block. */",
            _define(f"{block.name}_BASE", block.base),
        ]
        if block.count > 1:
            lines.append(_define(f"{block.name}_STRIDE", block.stride))
        for register in block.registers:
            lines += _register_defines(block, register)
    lines += ["", "/* Datasheet section 5: the descriptor of both rings. */", "struct nicrig_descriptor {"]
    lines += [
        f"\t{C_TYPES[DESCRIPTOR[name].str]} {name};".ljust(24) + f"/* {DESCRIPTOR_DOC[name]} */"
        for name in DESCRIPTOR.names or ()
    ]
    lines += ["};", f"C_ASSERT(sizeof(struct nicrig_descriptor) == {DESCRIPTOR.itemsize});", ""]
    lines += [
        f"C_ASSERT(FIELD_OFFSET(struct nicrig_descriptor, {name}) == {DESCRIPTOR.fields[name][1]});"
        for name in DESCRIPTOR.names or ()
        if DESCRIPTOR.fields
    ]
    lines += [
        "",
        *(_define(f"FLAG_{flag.name}", flag) for flag in Flag),
        *(_define(f"STATUS_{status.name}", status) for status in Status),
    ]
    lines += [
        _define("STATUS_CODE_SHIFT", STATUS_CODE_SHIFT),
        *(_define(f"REFUSAL_{refusal.name}", refusal) for refusal in Refusal),
    ]
    lines += [
        "",
        "/* Datasheet section 11: 64-bit counters, low word first, and their names in order. */",
        _define("COUNTER_BASE", COUNTER_BASE),
        _define("COUNTERS", len(COUNTERS)),
    ]
    lines += [_define(f"COUNTER_{name.upper()}", index) for name, index in COUNTER_INDEX.items()]
    lines += ["#define NICRIG_COUNTER_NAMES \\", *(f'\t"{name}", \\' for name in COUNTERS)]
    lines[-1] = lines[-1].removesuffix(", \\")
    lines += ["", "#endif /* NICRIG_HARDWARE_H */", ""]
    return "\n".join(lines)


def record_header() -> str:
    """The text of guest_driver/ndis/recorder/layout.h."""
    lines = [
        "/* SPDX-License-Identifier: GPL-2.0-or-later */",
        "/*",
        " * The flight recorder's memory (docs/datasheet.md section 14).",
        " * Generated from device/nicrig_device/recorder.py by `make generate`: do not edit.",
        " */",
        "#ifndef NICRIG_LAYOUT_H",
        "#define NICRIG_LAYOUT_H",
        "",
        "/* The 64-bit words at the start, by index. */",
        *(_define(f"RECORDER_{name}", index, doc) for index, (name, doc) in enumerate(_short(HEADER_DOC))),
        "",
        f"{'#define NICRIG_RECORDER_MAGIC_VALUE':<47} 0x{recorder.MAGIC:x}ULL",
        _define("RECORDER_BYTES", recorder.RECORDER_BYTES),
        _define("RECORDER_RECORDS_OFFSET", recorder.RECORDS_OFFSET),
        _define("RECORDER_RECORDS", recorder.CAPACITY, "records that the ring holds"),
        _define("RECORDER_SLOTS_OFFSET", recorder.SLOTS_OFFSET),
        _define("RECORDER_SLOTS", recorder.SLOTS, "frames whose bytes are kept"),
        _define("RECORDER_SLOT_BYTES", recorder.SLOT_BYTES),
        "",
        "/* Records that the card understands: their kind, how memory is granted, what guard bytes hold. */",
        *(_define(f"RECORD_{kind.name}", kind.value) for kind in recorder.GuestRecord),
        *(_define(f"GRANT_{flag.name}", int(flag)) for flag in recorder.Grant),
        f"{'#define NICRIG_REVOKE_EVERYTHING':<47} 0x{recorder.EVERYTHING:x}ULL",
        _define("GUARD", recorder.GUARD),
        "",
        f"/* {recorder.RECORD.itemsize} bytes; the sequence is written last. */",
        "struct nicrig_record {",
    ]
    for name in recorder.RECORD.names or ():
        kind = KERNEL_TYPES[recorder.RECORD[name].str]
        parts = recorder.PACKED.get(name)
        lines += [f"\t{kind} {part} : {bits};" for part, bits in parts.items()] if parts else [f"\t{kind} {name};"]
    lines += ["};", "", "#endif /* NICRIG_LAYOUT_H */", ""]
    return "\n".join(lines)


def _short(docs: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Each name with the first clause of its text."""
    for name, doc in docs.items():
        yield name, re.split(r"[;:.]", doc)[0]


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _block_table(block: RegisterBlock) -> str:
    rows: list[tuple[str, ...]] = []
    for register in block.registers:
        offset = f"0x{block.base + register.offset:03x}" + (
            f" + {block.letter}·0x{block.stride:x}" if block.count > 1 else ""
        )
        single = [item.name for item in register.fields] == ["VALUE"]
        rows.append(
            (
                offset,
                f"**{register.name}**",
                "31:0" if single else "",
                register.access.value,
                f"0x{register.reset:x}",
                register.doc,
            )
        )
        if not single:
            rows += [
                ("", item.name, f"{item.low + item.width - 1}:{item.low}", "", f"0x{item.reset:x}", item.doc)
                for item in register.fields
            ]
    return _table(("offset", "register, field", "bits", "access", "reset", "meaning"), rows)


def _structure_table(
    structure: np.dtype[Any], docs: Mapping[str, str], packed: Mapping[str, Mapping[str, int]] = MappingProxyType({})
) -> str:
    """A table of the fields; `packed` says which of them have parts, and the bits of each part from the lowest up."""
    rows: list[tuple[str, ...]] = []
    fields: Mapping[str, Any] = structure.fields or {}
    for name, field in fields.items():
        offset, size = str(field[1]), str(field[0].itemsize)
        low = 0
        for part, bits in packed.get(name, {}).items():
            rows.append((offset, size, f"{part}, bits {low + bits - 1}:{low}", docs[part]))
            low += bits
        if not low:
            rows.append((offset, size, name, docs[name]))
    return _table(("offset", "bytes", "field", "meaning"), rows)


def monitor_tables() -> dict[str, str]:
    """The generated tables of docs/sockets.md."""
    made = Page()
    return {
        "commands": _table(COMMAND_HEAD, made.commands()),
        "monitor events": _table(EVENT_HEAD, made.events()),
    }


def tables() -> dict[str, str]:
    """The generated tables of the datasheet, by the name in their marker."""
    made = {f"block {block.name}": _block_table(block) for block in registers.BLOCKS}
    made["constants"] = _table(
        ("constant", "value"), ((name, f"0x{value:x} ({value})") for name, value in CONSTANTS.items())
    )
    made["descriptor"] = _structure_table(DESCRIPTOR, DESCRIPTOR_DOC)
    made["record"] = _structure_table(RECORD, RECORD_DOC, PACKED)
    made["recorder"] = _table(
        ("offset", "word", "meaning"),
        ((f"0x{8 * index:02x}", name, doc) for index, (name, doc) in enumerate(HEADER_DOC.items())),
    )
    made["events"] = _table(
        ("function", "event", "what happened: a, b, c, d"),
        ((str(int(event)), event.name, doc) for event, doc in EVENT_DOC.items()),
    )
    made["bits"] = _table(
        ("field", "bit", "value"),
        [
            *(("flags", str(flag.name), f"0x{flag:04x}") for flag in Flag),
            *(("status", str(status.name), f"0x{status:04x}") for status in Status),
        ],
    )
    made["refusals"] = _table(
        ("code", "name", "refused, and what then"),
        ((str(code.value), code.name, doc) for code, doc in REFUSAL_DOC.items()),
    )
    made["findings"] = _table(
        ("number", "finding", "what the card touched"),
        ((str(finding.value), finding.name, doc) for finding, doc in FINDING_DOC.items()),
    )
    made["hand-over"] = _table(
        ("number", "finding", "what the card found"),
        ((str(finding.value), finding.name, doc) for finding, doc in HAND_OVER_DOC.items()),
    )
    made["counters"] = _table(
        ("offset", "counter", "counts"),
        ((f"0x{COUNTER_BASE + 8 * index:03x}", name, doc) for index, (name, doc) in enumerate(COUNTERS.items())),
    )
    return made


def filled(path: Path, text: str, made: Mapping[str, str]) -> str:
    """A page's text with new tables. Raises ValueError when a table has no marker, or a marker no table."""
    markers = re.findall(r"<!-- table: (.*?) -->", text)
    if sorted(markers) != sorted(made):
        raise ValueError(f"docs/{path.name}: markers {sorted(markers)} do not match the tables {sorted(made)}")
    return re.sub(
        r"(<!-- table: (.*?) -->\n).*?(<!-- end -->)",
        lambda match: f"{match[1]}{made[match[2]]}\n{match[3]}",
        text,
        flags=re.DOTALL,
    )


def fault_tables() -> dict[str, str]:
    """The table of faults.md."""
    head = ("fault", "kinds", "counts", "what the card does", "what a correct driver does")
    rows = (
        (f"`{name}`", "all" if fault.kinds == tuple(KINDS) else ", ".join(fault.kinds), *_texts(fault))
        for name, fault in FAULTS.items()
    )
    return {"faults": _table(head, rows)}


def _texts(fault: Fault) -> tuple[str, str, str]:
    return fault.counts, fault.does, fault.driver


PAGES = {DATASHEET: tables, SOCKETS: monitor_tables, FAULTS_PAGE: fault_tables}


def stale() -> list[tuple[Path, str]]:
    """The generated files that are stale, each with the text that it should have."""
    wanted = [(HEADER, header()), (RECORD_HEADER, record_header())]
    wanted += [(path, filled(path, path.read_text(), made())) for path, made in PAGES.items()]
    return [(path, text) for path, text in wanted if not path.exists() or path.read_text() != text]


def main(arguments: list[str]) -> int:
    """Write the stale files. With --check, only name them and return 1. Returns 2 outside a checkout."""
    if not DATASHEET.exists():
        print("generate: this needs a checkout of nicrig, and this nicrig was installed without one", file=sys.stderr)
        return 2
    out_of_date = stale()
    for path, text in out_of_date:
        if "--check" in arguments:
            print(f"{path.relative_to(CHECKOUT)} is stale: run `python -m nicrig_device.generate`", file=sys.stderr)
        else:
            path.write_text(text)
            print(f"wrote {path.relative_to(CHECKOUT)}")
    return 1 if out_of_date and "--check" in arguments else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
