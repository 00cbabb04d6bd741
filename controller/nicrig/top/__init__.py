# SPDX-License-Identifier: GPL-2.0-or-later
"""`nicrig top`: a running card on the terminal. `snapshot` asks it, `judging` judges beside it, `screen` draws."""
