# SPDX-License-Identifier: GPL-2.0-or-later
from __future__ import annotations

from tests.guest_driver.sources import calls, constants, declared, defined_functions, includes


def test_an_include_is_found_with_its_brackets() -> None:
    assert includes('#include <linux/io.h>\n # include "miniport.h"\n') == ["<linux/io.h>", '"miniport.h"']


def test_a_constant_is_followed_through_casts_and_aliases() -> None:
    text = "#define A ((NTSTATUS)0x10)\n#define B ((NDIS_STATUS)A)\n#define C sizeof(x)\n"
    assert constants(text) == {"A": 0x10, "B": 0x10}


def test_a_circular_alias_has_no_value() -> None:
    assert constants("#define A B\n#define B A\n") == {}


def test_enumerators_count_on_from_an_explicit_one() -> None:
    assert constants("typedef enum _E { One, Two = 7, /* not Three */ Four } E;") == {"One": 0, "Two": 7, "Four": 8}


def test_a_commented_call_is_no_call() -> None:
    assert calls("/* NdisFoo(1) */ NdisBar(2);") == {"NdisBar"}


def test_a_declaration_is_not_a_definition() -> None:
    text = "VOID NdisFoo(UINT a,\n\t    UINT b);\nVOID NdisBar(UINT a)\n{\n}\n"
    assert defined_functions(text) == {"NdisBar"}
    assert declared(text) == {"NdisFoo", "NdisBar"}
