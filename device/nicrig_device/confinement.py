# SPDX-License-Identifier: GPL-2.0-or-later
"""What the card gives up before it reads the first byte of a client.

When its sockets are open and your behaviour is loaded, a card needs nothing more of its host. It then gives up the
following for good. Each step that the host does not allow is named, and the card runs without it:

- new privileges: no program that it could start would have more rights than it has (prctl(2), PR_SET_NO_NEW_PRIVS)
- the network: a network namespace of its own has no interface. An ordinary user needs a user namespace for that.
- capabilities: none, and for root none to get back. Root is then only the owner of root's files.
- system calls: those in REFUSED fail with EPERM, in all threads
"""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import cffi

CAPABILITIES_LIBRARY, CALLS_LIBRARY = "libcap-ng.so.0", "libseccomp.so.2"

CLONE_THREAD, CLONE_NEWUSER, CLONE_NEWNET = 0x10000, 0x10000000, 0x40000000
PR_SET_NO_NEW_PRIVS = 38
CAPNG_SELECT_BOTH = 48

SCMP_ACT_ALLOW, SCMP_ACT_ERRNO = 0x7FFF0000, 0x00050000
SCMP_CMP_NE, SCMP_CMP_MASKED_EQ = 1, 7
SCMP_UNKNOWN = -1
SCMP_FLTATR_CTL_TSYNC, SCMP_FLTATR_CTL_SSB, SCMP_FLTATR_API_SYSRAWRC = 4, 7, 9

LIBC = "int prctl(int, unsigned long, unsigned long, unsigned long, unsigned long); int unshare(int);"
LIBCAP_NG = "void capng_clear(int); int capng_apply(int);"
LIBSECCOMP = """
struct scmp_arg_cmp { unsigned int arg; int op; uint64_t a; uint64_t b; };
void *seccomp_init(uint32_t);
void seccomp_release(void *);
int seccomp_attr_set(void *, int, uint32_t);
int seccomp_syscall_resolve_name(const char *);
int seccomp_rule_add_array(void *, uint32_t, int, unsigned int, const struct scmp_arg_cmp *);
int seccomp_load(void *);
"""

# A list of what is refused, not of what is allowed: each version of glibc, Python and numpy makes other calls for the
# same work, and a card that worked would break by a call that its list lacks. What a card never does stays the same.
REFUSED = (
    # programs and other processes
    *("execve", "execveat", "fork", "vfork", "ptrace", "process_vm_readv", "process_vm_writev", "process_madvise"),
    *("kcmp", "pidfd_getfd", "move_pages", "migrate_pages"),
    *("tkill", "pidfd_send_signal", "rt_sigqueueinfo", "rt_tgsigqueueinfo"),
    # files; removing a socket's file at the end is not among them
    *("creat", "truncate", "rename", "renameat", "renameat2", "link", "linkat", "symlink", "symlinkat"),
    *("mknod", "mknodat", "open_by_handle_at", "chmod", "fchmod", "fchmodat", "fchmodat2"),
    *("chown", "fchown", "lchown", "fchownat", "setxattr", "lsetxattr", "fsetxattr", "setxattrat"),
    *("removexattr", "lremovexattr", "fremovexattr", "removexattrat"),
    # mounts and namespaces
    *("mount", "umount2", "pivot_root", "chroot", "open_tree", "open_tree_attr", "move_mount", "mount_setattr"),
    *("fsopen", "fsconfig", "fsmount", "fspick", "unshare", "setns"),
    *("swapon", "swapoff", "quotactl", "quotactl_fd", "fanotify_init", "acct"),
    # the kernel; io_uring makes calls that no filter sees
    *("init_module", "finit_module", "delete_module", "kexec_load", "kexec_file_load", "reboot", "bpf", "syslog"),
    *("perf_event_open", "userfaultfd", "add_key", "request_key", "keyctl", "iopl", "ioperm", "modify_ldt"),
    *("personality", "settimeofday", "clock_settime", "clock_adjtime", "adjtimex"),
    *("io_uring_setup", "io_uring_enter", "io_uring_register"),
)

UNKNOWN = ("clone3", "openat2")
"""Their arguments are in memory, where a filter sees nothing: ENOSYS, so that glibc takes clone and openat instead."""


class Argument(NamedTuple):
    """A condition on argument `number` of a call: not equal to `value`, or equal to it in the bits of `mask`."""

    number: int
    value: int
    mask: int | None = None


def refused_arguments() -> list[tuple[str, Argument]]:
    """Calls that are refused with some arguments: sockets of a network, processes, files to write, others' signals."""
    flags = ((os.O_WRONLY, os.O_ACCMODE), (os.O_RDWR, os.O_ACCMODE), *((bit, bit) for bit in (os.O_CREAT, os.O_TRUNC)))
    writing = [Argument(0, value, mask) for value, mask in flags]
    return [
        ("socket", Argument(0, socket.AF_UNIX)),
        ("clone", Argument(0, 0, CLONE_THREAD)),
        *(("open", flag._replace(number=1)) for flag in writing),
        *(("openat", flag._replace(number=2)) for flag in writing),
        *((call, Argument(0, os.getpid())) for call in ("kill", "tgkill")),
    ]


def confine() -> list[str]:
    """Give it all up. Returns what is not in force, each with the reason."""
    steps: tuple[tuple[str, Callable[[], None]], ...] = (
        ("no new privileges", _refuse_new_privileges),
        ("no network", _leave_network),
        ("no capabilities", _drop_capabilities),
        ("no dangerous system calls", _filter_calls),
    )
    return [f"{what} ({why})" for what, step in steps if (why := _failure(step)) is not None]


def _failure(step: Callable[[], None]) -> str | None:
    try:
        step()
    except OSError as error:
        return error.strerror or str(error)  # dlopen's errors have only a text
    return None


def _refuse_new_privileges() -> None:
    ffi, libc = _library(LIBC, None)
    _check(libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), -ffi.errno)


def _leave_network() -> None:
    _check_one_thread()
    ffi, libc = _library(LIBC, None)
    user, group = os.geteuid(), os.getegid()
    if libc.unshare(CLONE_NEWNET) == 0:
        return
    if not os.access("/proc/self/uid_map", os.W_OK):  # then the user would lose its number
        raise OSError(errno.EPERM, os.strerror(errno.EPERM))
    _check(libc.unshare(CLONE_NEWUSER | CLONE_NEWNET), -ffi.errno)
    for name, text in (("setgroups", "deny"), ("uid_map", f"{user} {user} 1"), ("gid_map", f"{group} {group} 1")):
        Path("/proc/self", name).write_text(text)


def _drop_capabilities() -> None:
    _check_one_thread()
    _, libcap_ng = _library(LIBCAP_NG, CAPABILITIES_LIBRARY)
    libcap_ng.capng_clear(CAPNG_SELECT_BOTH)
    # Its result is no use: it is an error too when a user without capabilities may not shrink the bounding set.
    libcap_ng.capng_apply(CAPNG_SELECT_BOTH)
    status = dict(line.split(":\t", 1) for line in Path("/proc/self/status").read_text().splitlines())
    if int(status["CapPrm"], 16):
        raise OSError(errno.EPERM, os.strerror(errno.EPERM))


def _filter_calls() -> None:
    ffi, libseccomp = _library(LIBSECCOMP, CALLS_LIBRARY)
    made = libseccomp.seccomp_init(SCMP_ACT_ALLOW)
    if made == ffi.NULL:
        raise OSError(errno.ENOMEM, os.strerror(errno.ENOMEM))

    def refuse(call: str, number: int, *arguments: Any) -> None:
        found = libseccomp.seccomp_syscall_resolve_name(call.encode())
        if found != SCMP_UNKNOWN:  # an older library does not have the newest calls
            action = SCMP_ACT_ERRNO | number
            _check(libseccomp.seccomp_rule_add_array(made, action, found, len(arguments), arguments))

    try:
        _check(libseccomp.seccomp_attr_set(made, SCMP_FLTATR_CTL_TSYNC, 1))
        # Older libraries lack both. Before Linux 5.16 a filter slows down loads and stores, unless it asks for SSB.
        for wish in (SCMP_FLTATR_CTL_SSB, SCMP_FLTATR_API_SYSRAWRC):
            libseccomp.seccomp_attr_set(made, wish, 1)
        for call in REFUSED:
            refuse(call, errno.EPERM)
        for call in UNKNOWN:
            refuse(call, errno.ENOSYS)
        for call, argument in refused_arguments():
            refuse(call, errno.EPERM, _comparison(argument))
        _check(libseccomp.seccomp_load(made))
    finally:
        libseccomp.seccomp_release(made)


def _comparison(argument: Argument) -> tuple[int, int, int, int]:
    number, value, mask = argument
    return (number, SCMP_CMP_NE, value, 0) if mask is None else (number, SCMP_CMP_MASKED_EQ, mask, value)


def _library(declarations: str, name: str | None) -> tuple[Any, Any]:
    ffi = cffi.FFI()
    ffi.cdef(declarations)
    return ffi, ffi.dlopen(name)


def _check(result: int, error: int | None = None) -> None:
    """Raise OSError when a call has failed. `error`: minus its errno, when the result is not that."""
    if result < 0:
        number = -(result if error is None else error)
        raise OSError(number, os.strerror(number))


def _check_one_thread() -> None:
    if len(list(Path("/proc/self/task").iterdir())) > 1:
        raise OSError(errno.EBUSY, "the behaviour has started a thread, which would keep its rights")
