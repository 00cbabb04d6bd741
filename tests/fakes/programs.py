# SPDX-License-Identifier: GPL-2.0-or-later
"""Small executable scripts that stand in for other programs."""

import sys
from pathlib import Path


def script(path: Path, body: str) -> Path:
    """An executable Python script at `path`."""
    path.write_text(f"#!{sys.executable}\n{body}")
    path.chmod(0o755)
    return path
