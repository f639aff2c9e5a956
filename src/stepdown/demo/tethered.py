"""``python -m stepdown.demo.tethered ARGUMENTS`` is ``stepdown ARGUMENTS`` until stdin ends.

A demo that is killed cannot end what it started. Its end of the pipe closes all the same, and the
gateway at the other end takes that for a SIGTERM.
"""

import os
import runpy
import signal
import sys
import threading


def main() -> None:
    """Run the command line that follows, in this process."""
    threading.Thread(target=_end_with_stdin, name="tether", daemon=True).start()
    sys.argv[0] = "stepdown"
    runpy.run_module("stepdown", run_name="__main__")


def _end_with_stdin() -> None:
    while os.read(0, 4096):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    main()
