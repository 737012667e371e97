"""A child that cannot outlive its parent, however the parent ends."""

from __future__ import annotations

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1
# Looked up here, not in the child: between fork and exec there is no safe time for an import.
_libc = ctypes.CDLL(None) if sys.platform == "linux" else None


def die_with(parent: int) -> None:
    """Have the kernel kill this process when its parent, process `parent`, ends.

    Linux only. Elsewhere a worker still ends with its connection, and other children are
    stopped by the supervisor unless it is killed outright.
    """
    if _libc is None:
        return
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it had ended before the call above
        os._exit(1)
