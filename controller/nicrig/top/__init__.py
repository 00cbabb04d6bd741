# SPDX-License-Identifier: GPL-2.0-or-later
"""`nicrig top`: shows a running card in the terminal. `snapshot` queries it, `judging` judges it, `screen` draws."""
