# SPDX-License-Identifier: GPL-2.0-or-later
"""What can go wrong, by situation. Each class is one answer to "what does the user do now?"."""

from collections.abc import Iterator


class RigError(Exception):
    """The rig itself cannot run (exit code 125). The text says what failed, where, and what to do."""

    exit_code = 125


class CommandError(RigError):
    """A command that the set-up needs failed; the text ends with the command's own last lines."""


class PartDeathError(RigError):
    """The card or QEMU ended while it was needed. This is the cause of whatever else failed at that moment."""


class GuestPanicError(PartDeathError):
    """The guest's kernel panicked."""


class ConnectionLostError(RigError):
    """The other end of a socket went away, mostly because of a PartDeathError."""


class RefusedError(RigError):
    """A monitor (VM's, card's or guest agent's) answered a command with an error."""

    def __init__(self, command: str, error_class: str, description: str) -> None:
        super().__init__(f"{command}: {description} ({error_class})")
        self.error_class = error_class


class GuestCommandError(RigError):
    """A command in the guest ended with an exit code other than 0, or had no effect."""


class ParameterError(GuestCommandError):
    """The driver's module refused a parameter, or does not have it."""


class UsageError(RigError):
    """The command line or a setting is wrong: a name, a file, an expression (exit code 2)."""

    exit_code = 2


class RecordingError(UsageError):
    """A file is not a recording, or cannot be read (exit code 2)."""


class DeadlineError(RigError):
    """Something did not happen in time (exit code 124)."""

    exit_code = 124


def leaves(error: BaseException) -> Iterator[BaseException]:
    """Every exception of a tree of exception groups that is not a group itself, in order."""
    if isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions:
            yield from leaves(inner)
    else:
        yield error


def cause(error: BaseException) -> BaseException:
    """The one exception of a group to show to the user: a part's death explains what else failed."""
    found = list(leaves(error))
    for kind in (KeyboardInterrupt, PartDeathError):
        for leaf in found:
            if isinstance(leaf, kind):
                return leaf
    others = [leaf for leaf in found if not isinstance(leaf, ConnectionLostError)] or found
    # Several parts may fail for one reason, such as a full disk: the first of them is enough.
    one_will_do = len(others) == 1 or all(isinstance(leaf, RigError | OSError) for leaf in others)
    return others[0] if one_will_do else error
