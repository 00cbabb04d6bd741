# SPDX-License-Identifier: GPL-2.0-or-later
"""The fake generation-B library, over a stand-in for generation A."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.fakes.generation_b import build_generation_b

OLD = """
int vfu_setup_device_dma(void *context, void *added, void *removed)
{
	return (long)context + (long)added + (long)removed;
}
int vfu_run_ctx(void *context) { return (long)context; }
"""


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("generation-b")
    old = folder / "old.so"
    command = ["cc", "-shared", "-fPIC", "-Wl,-soname,libvfio-user.so.0", "-x", "c", "-", "-o", str(old)]
    subprocess.run(command, input=OLD, text=True, check=True)
    return build_generation_b(folder, old)


def call(library: Path, expression: str) -> subprocess.CompletedProcess[str]:
    """Evaluate a call of the library in a process of its own, which may abort."""
    program = f"import ctypes; lib = ctypes.CDLL({str(library)!r}); print(lib.{expression})"
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)


def test_new_signature_reaches_the_old_function(library: Path) -> None:
    assert call(library, "vfu_setup_device_dma(1, 16, 20, 300)").stdout == "321\n"


def test_every_other_function_is_found_in_the_old_library(library: Path) -> None:
    assert call(library, "vfu_run_ctx(7)").stdout == "7\n"


def test_old_signature_aborts_with_a_reason(library: Path) -> None:
    done = call(library, "vfu_setup_device_dma(1, ctypes.c_void_p(0x7F0000001000), ctypes.c_void_p(0x7F0000002000))")
    assert done.returncode < 0
    assert "the old signature?" in done.stderr
