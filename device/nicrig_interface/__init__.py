# SPDX-License-Identifier: GPL-2.0-or-later
"""Words that the card and the controller both use: names, file names and the shapes of the monitor's answers.

The card (`nicrig_device`) and the controller (`nicrig`) never import each other; both may import this package. What may
live here: literal types, names of files and sockets, limits of the operating system, and msgspec structs without
methods. What may not: logic, and any number of the card that the verifier or the witnesses check. Those keep their
own copies, because a judge that imports a number from the card cannot find an error in it. For the same reason
`nicrig.verifier` and `nicrig.witnesses` do not import this package.
"""
