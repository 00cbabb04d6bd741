# SPDX-License-Identifier: GPL-2.0-or-later
"""`nicrig report`: a recording as one self-contained HTML page.

`run` reads the recording into columns and has it judged. From these `clock`, `series`, `latency` and `lanes` make
numbers, pure; `plot` draws numbers as SVG; `page` puts all of it into one file.
"""
