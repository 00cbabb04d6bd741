# SPDX-License-Identifier: GPL-2.0-or-later
"""One engine and one set of containers' names for the session; everything is taken down at its end."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.docker.engine import Engine, running


@pytest.fixture(scope="session")
def engine() -> Iterator[Engine]:
    with running() as engine:
        ours = Engine({**engine.environment, "COMPOSE_PROJECT_NAME": f"nicrig-test-{os.getpid()}"}, engine.compose)
        try:
            yield ours
        finally:
            ours.run("docker compose -f docker/compose.yaml --profile test down --volumes")
