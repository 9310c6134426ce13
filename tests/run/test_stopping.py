"""A signal that comes while a module is imported, or where an error goes nowhere."""

import subprocess
import sys
from pathlib import Path

SLOW = """
import os, signal, time
try:
    os.kill(os.getpid(), signal.{signum})
    time.sleep(0.2)
except BaseException:
    swallowed = True
loaded = True
"""
MAIN = """
import os, signal, sys, time
from p2m.errors import Interrupted
from p2m.run import stopping
signal.signal(signal.SIGINT, signal.SIG_DFL)
stopping.listen()
try:
    {body}
except Interrupted as stopped:
    print(stopped.code, {shown})
"""
IMPORT = "import slow\n    time.sleep(5)\n    print('went on')"
FINALIZER = """
    class Last:
        def __del__(self):
            os.kill(os.getpid(), signal.SIGTERM)
    Last()
    stopping.check()"""


def run(folder: Path, body: str, shown: str) -> subprocess.CompletedProcess[str]:
    code = MAIN.format(body=body, shown=shown)
    command = [sys.executable, "-c", code]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def test_a_signal_during_an_import_ends_the_command_once_that_is_whole(tmp_path):
    for signum, code in (("SIGINT", 130), ("SIGTERM", 143)):
        (tmp_path / "slow.py").write_text(SLOW.format(signum=signum))
        done = run(
            tmp_path,
            IMPORT,
            "sys.modules['slow'].loaded, hasattr(sys.modules['slow'], 'swallowed')",
        )
        assert done.stdout.split() == [str(code), "True", "False"]
        assert done.stderr.strip() == "Stopping as soon as what is being loaded is loaded ..."


def test_a_signal_whose_error_went_nowhere_is_not_lost(tmp_path):
    assert run(tmp_path, FINALIZER, "''").stdout.strip() == "143"


def test_what_waited_for_an_import_is_not_raised_a_second_time(tmp_path):
    (tmp_path / "slow.py").write_text(SLOW.format(signum="SIGTERM"))
    done = run(tmp_path, "import slow\n    stopping.check()", "time.sleep(0.3)")
    assert (done.returncode, done.stdout.split()) == (0, ["143", "None"])
    assert "Traceback" not in done.stderr
