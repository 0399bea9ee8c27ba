#!/usr/bin/python3
"""mbpoll, which knows nothing of us, as the master of a `cubby board` on a pseudo-terminal."""
import pathlib
import shutil
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support/python"))
from boards import on_pty  # noqa: E402
from programs import expect_equal, main  # noqa: E402

SKIPPED = 77  # ctest shows it as skipped.


def mbpoll(lab):
    board, path = on_pty(lab, "lock-mbpoll", "--family", "p5", "--address", "3")

    def poll(*arguments):
        result = subprocess.run(["mbpoll", "-m", "rtu", "-a", "3", "-b", "9600", "-P", "none", "-1", "-q", *arguments[:4], path, *arguments[4:]],
                                capture_output=True, text=True, timeout=20, check=False)
        expect_equal(result.returncode, 0, f"mbpoll {arguments}: {result.stdout} {result.stderr}")
        return [line.split()[1] for line in result.stdout.splitlines() if line.startswith("[")]

    expect_equal(poll("-t", "1", "-c", "8"), ["1"] * 8, "mbpoll reads eight doors, all shut")
    poll("-t", "0", "-r", "3", "1")
    board.saw("door 3 opens")
    time.sleep(0.1)
    expect_equal(poll("-t", "1", "-c", "8"), ["1", "1", "0", "1", "1", "1", "1", "1"], "door 3 is open")
    expect_equal(poll("-t", "0", "-c", "8"), ["0", "0", "1", "0", "0", "0", "0", "0"], "its relay is on")
    poll("-t", "0", "-r", "3", "0")
    poll("-t", "4", "-r", "4097", "2")
    expect_equal(poll("-t", "4", "-r", "4097"), ["2"], "the control mode was set: toggle")
    expect_equal(lab.run("cubby", "board-ctl", "--to", f"{path}.ctl", "power-cycle").returncode, 0, "board-ctl power-cycle")
    time.sleep(0.3)
    expect_equal(poll("-t", "4", "-r", "4097"), ["0"], "and is lost with the power")
    expect_equal(board.stop(), 0, "exit code")


def run(lab):
    try:
        mbpoll(lab)
    finally:
        for board in getattr(lab, "boards", []):
            if board.process.poll() is None:
                board.process.kill()
                board.process.wait()


if shutil.which("mbpoll") is None:
    print("SKIPPED: mbpoll is not installed (tools/bootstrap --group test)")
    sys.exit(SKIPPED)
main("board_mbpoll", run)
