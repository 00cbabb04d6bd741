# SPDX-License-Identifier: GPL-2.0-or-later
"""The miniport as a Windows driver: it asks Windows for nothing that the Linux layer does not offer as well."""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from nicrig.provision.windows import DRIVER, provide
from tests.apart import run_apart
from tests.guest_driver.sources import DRIVER as SOURCES
from tests.guest_driver.sources import MINIPORT, NDIS_HEADERS, constants, declared, sources

pytestmark = pytest.mark.real

STANDS_FOR = {
    # NDIS' spin locks are macros over the kernel's, whose names differ between x64 and x86.
    "KeAcquireSpinLockRaiseToDpc": "NdisAcquireSpinLock",
    "KfAcquireSpinLock": "NdisAcquireSpinLock",
    "KeReleaseSpinLock": "NdisReleaseSpinLock",
    "KfReleaseSpinLock": "NdisReleaseSpinLock",
    "KeAcquireSpinLockAtDpcLevel": "NdisDprAcquireSpinLock",
    "KefAcquireSpinLockAtDpcLevel": "NdisDprAcquireSpinLock",
    "KeReleaseSpinLockFromDpcLevel": "NdisDprReleaseSpinLock",
    "KefReleaseSpinLockFromDpcLevel": "NdisDprReleaseSpinLock",
    # A macro over the kernel's function that may fail.
    "MmMapLockedPagesSpecifyCache": "NdisQueryBufferSafe",
    # The miniport's names for two functions of NDIS.
    "NdisSetupDmaTransfer": "NdisMSetupDmaTransfer",
    "NdisCompleteDmaTransfer": "NdisMCompleteDmaTransfer",
    # Macros over C's functions, which the kernel exports.
    "memcpy": "RtlCopyMemory",
    "memset": "RtlZeroMemory",
}
"""What Windows' headers and compiler turn a name of our layer into."""


@dataclass(frozen=True)
class Machine:
    name: str
    tools: str
    format: str
    entry: str


MACHINES = [
    Machine("x86", "i686-w64-mingw32", "pei-i386", "_DriverEntry@8"),
    Machine("x64", "x86_64-w64-mingw32", "pei-x86-64", "DriverEntry"),
]


@dataclass(frozen=True)
class Image:
    """A .sys file as the cross binutils show it."""

    machine: Machine
    path: Path

    def headers(self) -> str:
        return self._show("objdump", "-p")

    def number(self, field: str) -> int:
        """A field of the optional header, by objdump's name."""
        found = re.search(rf"^{field}\s+([0-9a-f]+)", self.headers(), re.MULTILINE)
        assert found is not None, field
        return int(found[1], 16)

    def address(self, symbol: str) -> int:
        found = re.search(rf"^([0-9a-f]+) T {re.escape(symbol)}$", self._show("nm"), re.MULTILINE)
        assert found is not None, symbol
        return int(found[1], 16)

    def imports(self) -> dict[str, set[str]]:
        """The names that are imported from each module."""
        _, *modules = self.headers().split("DLL Name: ")
        # A line for each: its address, columns that differ between versions of objdump, its name.
        names = re.compile(r"^\t[0-9a-f]+\s.*\s(\w+)$", re.MULTILINE)
        return {text.split()[0]: set(names.findall(text.split("\n\n")[0])) for text in modules}

    def _show(self, tool: str, *options: str) -> str:
        argv = [f"{self.machine.tools}-{tool}", *options, str(self.path)]
        return subprocess.run(argv, capture_output=True, text=True, check=True).stdout


@pytest.fixture(scope="module", params=MACHINES, ids=lambda machine: machine.name)
def image(request: pytest.FixtureRequest) -> Image:
    machine: Machine = request.param
    return Image(machine, run_apart(provide, lambda _: None) / machine.name / DRIVER)


def compile_instead(folder: Path, text: str) -> subprocess.CompletedProcess[str]:
    """What the makefile does for x64 with this text in the miniport's place."""
    (folder / "driver.c").write_text(
        "#include <ndis.h>\n"
        f"{text}\n"
        "NTSTATUS NTAPI DriverEntry(PDRIVER_OBJECT DriverObject, PUNICODE_STRING RegistryPath)\n"
        "{ return DriverObject && RegistryPath ? STATUS_SUCCESS : STATUS_UNSUCCESSFUL; }\n"
    )
    product = folder / "x64" / DRIVER
    argv = ["make", "-C", str(SOURCES / "windows"), f"OUT={folder}", f"miniport={folder}", str(product)]
    return subprocess.run(argv, capture_output=True, text=True, check=False)


def test_it_is_a_native_image_of_its_machine(image: Image) -> None:
    assert image.headers().split()[3] == image.machine.format
    assert image.number("Subsystem") == 1


def test_it_is_entered_at_driver_entry(image: Image) -> None:
    entry = image.number("ImageBase") + image.number("AddressOfEntryPoint")
    assert entry == image.address(image.machine.entry)


def test_it_imports_from_ndis_kernel_and_hal_only(image: Image) -> None:
    modules = image.imports()
    assert set(modules) <= {"NDIS.SYS", "ntoskrnl.exe", "HAL.dll"}
    assert "NdisMRegisterMiniport" in modules["NDIS.SYS"]


def test_it_imports_nothing_that_the_linux_layer_lacks(image: Image) -> None:
    offered = set().union(*(declared(header.read_text()) for header in NDIS_HEADERS))
    imported = set().union(*image.imports().values())
    assert {STANDS_FOR.get(name, name) for name in imported} - offered == set()


def test_every_constant_of_our_headers_has_the_genuine_value(tmp_path: Path) -> None:
    """On x64, which is what the Linux layer is."""
    ours = constants("\n".join(header.read_text() for header in NDIS_HEADERS))
    asserted = [f'_Static_assert((ULONG){name} == {value}u, "{name}");' for name, value in ours.items()]
    compiled = compile_instead(tmp_path, "\n".join(asserted))
    assert compiled.returncode == 0, compiled.stderr


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("static int forgotten;", "unused-variable"),
        ("int ignored(int value) { return 0; }", "unused-parameter"),
        ("void undeclared(void) { NdisMNoSuchFunction(); }", "implicit-function-declaration"),
    ],
    ids=["all", "extra", "undeclared"],
)
def test_a_warning_ends_the_build(tmp_path: Path, text: str, complaint: str) -> None:
    compiled = compile_instead(tmp_path, text)
    assert compiled.returncode != 0
    assert f"-Werror={complaint}" in compiled.stderr


def test_no_warning_is_turned_off() -> None:
    makefile = (SOURCES / "windows" / "Makefile").read_text()
    assert re.findall(r"\s-W(?:no-|error=)\S+|\s-w\s", makefile) == []
    for path in [*sources(MINIPORT), *sources(SOURCES / "windows")]:
        assert "#pragma GCC" not in path.read_text()
