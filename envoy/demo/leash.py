"""`python leash.py PARENT COMMAND...` becomes COMMAND, which the kernel ends when the process PARENT ends, however that happens."""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1  # prctl(2), Linux

parent, command = int(sys.argv[1]), sys.argv[2:]
if sys.platform == "linux":
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
if os.getppid() != parent:
    sys.exit("the parent has ended already")
os.execv(command[0], command)
