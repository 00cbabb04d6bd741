# SPDX-License-Identifier: GPL-2.0-or-later
"""`nicrig report`: a recording as one self-contained HTML page.

`columns` reads the recording into arrays and has it judged. `clock`, `series`, `latency` and `lanes` compute numbers
from the arrays, without I/O. `plot` draws numbers as SVG. `page` writes all of it into one file.
"""
