# SPDX-License-Identifier: GPL-2.0-or-later
"""Each sentence of the seed documents, as a stream of records: the verdict is the one of tests/seeds.py."""

from __future__ import annotations

import pytest

from nicrig.verifier.severity import Severity
from tests.controller.verifier.script import Script
from tests.seeds import SENTENCES, Sentence


@pytest.mark.parametrize("sentence", SENTENCES, ids=lambda each: f"{each.document}.{each.number}: {each.text}")
def test_the_stream_of_a_sentence_gets_its_verdict(sentence: Sentence) -> None:
    script = Script()
    sentence.stream(script)
    verifier = script.judge()
    assert {f"{each.rule} {each.severity.value}" for each in verifier.violations} == sentence.verdict


def test_no_sentence_is_left_out() -> None:
    for document, count in (("SEED1", 19), ("SEED2", 22)):
        numbers = {each.number for each in SENTENCES if each.document == document}
        assert numbers == set(range(1, count + 1))


def test_what_a_sentence_allows_fails_no_run_and_is_at_most_advice() -> None:
    """Where the calls do what the sentence forbids, the text says so behind a colon."""
    worse = [each.text for each in SENTENCES if not {found[-1] for found in each.verdict} <= {Severity.NOTE.value}]
    assert [text for text in worse if ":" not in text] == []
    assert len(worse) < len(SENTENCES) / 2
