# SPDX-License-Identifier: GPL-2.0-or-later
import pytest

from nicrig.errors import RigError
from nicrig.machine.accelerator import KVM, TCG, choose, obstacle

VMX = "processor\t: 0\nflags\t\t: fpu vmx sse2\n"
SVM = "processor\t: 0\nflags\t\t: fpu svm sse2\n"
NEITHER = "processor\t: 0\nmodel name\t: vmx in its name only\nflags\t\t: fpu svm_lock sse2\n"


@pytest.mark.parametrize("cpuinfo", [VMX, SVM])
def test_kvm_needs_the_device_and_a_virtualization_flag(cpuinfo: str) -> None:
    assert obstacle(cpuinfo, None) is None


def test_a_device_that_opens_is_not_enough() -> None:
    assert "neither vmx nor svm" in str(obstacle(NEITHER, None))


def test_a_device_that_does_not_open_is_named_with_its_reason() -> None:
    assert "Permission denied" in str(obstacle(VMX, "Permission denied"))


def test_auto_takes_kvm_where_it_can() -> None:
    assert choose("auto", None) is KVM


def test_auto_falls_back_to_tcg() -> None:
    assert choose("auto", "no device") is TCG


def test_tcg_is_taken_when_asked_for_though_kvm_works() -> None:
    assert choose("tcg", None) is TCG


def test_asking_for_an_unusable_kvm_is_refused_with_the_reason() -> None:
    with pytest.raises(RigError, match="no device"):
        choose("kvm", "no device")


def test_deadlines_are_longer_under_tcg() -> None:
    assert TCG.scale > KVM.scale
