"""One process at a time holds a lock, and it is given back when its holder is killed."""

import subprocess
import sys
import threading
from pathlib import Path

from stepdown.demo.lock import locked

HOLD = """
import sys, time
from pathlib import Path
from stepdown.demo.lock import locked
with locked(Path(sys.argv[1]), lambda: None):
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_lock_is_waited_for_until_its_holder_dies(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)], stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        waited = threading.Event()

        def waiting() -> None:
            waited.set()
            holder.kill()

        with locked(path, waiting):
            assert waited.is_set()
            assert holder.wait(30) != 0


def test_a_free_lock_is_not_waited_for(tmp_path: Path) -> None:
    waited: list[bool] = []
    for _ in range(2):
        with locked(tmp_path / "lock", lambda: waited.append(True)):
            pass
    assert not waited
