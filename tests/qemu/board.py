"""Starts images on QEMU's board mps2-an385, one process each, for the tests here. Needs nothing but Python's own library."""
import pathlib
import shutil
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support" / "python"))
from programs import Failure, expect, free_port  # noqa: E402,F401

QEMU = "qemu-system-arm"
IMAGES = pathlib.Path(__file__).resolve().parents[2] / "build/cortex-m3/bin"


def image(folder, name):
    """Path of an image; without it, or without QEMU, the test is skipped."""
    path = pathlib.Path(folder) / f"{name}.elf"
    if not path.is_file() or shutil.which(QEMU) is None:
        print(f"SKIPPED: {path if not path.is_file() else QEMU} is missing; tools/test has both")
        sys.exit(77)
    return path


def command(image, serials=(), more=()):
    """QEMU's command line; `serials` are the character devices of UARTs 0 to 3, None: nobody listens there."""
    arguments = [QEMU, "-M", "mps2-an385", "-kernel", str(image), "-display", "none", "-monitor", "none"]
    for serial in serials:
        arguments += ["-serial", serial or "null"]
    return arguments + list(more)


def start(image, serials, log, more=()):
    """A running board; what QEMU itself complains of goes to the file `log`."""
    with open(log, "ab") as out:
        return subprocess.Popen(command(image, serials, more), stdin=subprocess.DEVNULL, stdout=out, stderr=out)


def end(process):
    """As the power would go."""
    process.kill()
    process.wait(30)
