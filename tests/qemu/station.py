"""A cabinet whose controller is the microcontroller's image on QEMU: cubby-cortex-m3, its flash in a file, `cubby board` on its bus,
the aggregator at its uplink, a person at its panel."""
import pathlib
import re
import subprocess
import sys

import board

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "integration"))
from cabinet import Panel  # noqa: E402
from controller import Cabinet  # noqa: E402
from programs import expect, expect_equal  # noqa: E402

# docs/cortex-m3.md: the region that is backed by a file, and what lies there.
FLASH_SIZE = 16 << 20
JOURNAL_SIZE = 128 << 10
ERASED_SIZE = JOURNAL_SIZE + (8 << 10)
PAGE_AT = 0x20000
SUPPLY_AT = 0x30000


class ImageStation(Cabinet):
    """Boots, cuts and looks at the image; everything that people do is the same as at any cabinet."""

    def __init__(self, lab, image, station, families, baud):
        super().__init__(lab, station, families, baud)
        self.image = image
        self.more = []  # Options of QEMU.
        self.flash = self.folder / "flash.img"
        self.page = self.folder / "station.page"
        self.console = self.folder / "console.log"
        self.qemu_log = self.folder / "qemu.log"
        self.qemu = None

    def set_up(self):
        """What a technician does once: the station page, and a blank flash."""
        self.on_a_converter()
        text = self.config.read_text().replace("[rules]\n", "[rules]\nresponse_deadline_s = 10\n")
        self.config.write_text(text)
        written = self.lab.run("cubby-controller", "--config", str(self.config), "--write-station-page", str(self.page))
        expect_equal(written.returncode, 0, f"--write-station-page: {written.stderr}; exit code")
        with open(self.flash, "wb") as file:
            file.write(b"\xff" * ERASED_SIZE)
            file.truncate(FLASH_SIZE)
        return self

    def boards_port(self):
        return self.config.read_text().split("tcp://127.0.0.1:", 1)[1].split('"', 1)[0]

    def arguments(self):
        link = f"socket,id=link,host=127.0.0.1,port={self.lab.uplink},nodelay=on,reconnect=1"
        return ["-M", "mps2-an385,memory-backend=flash",
                "-object", f"memory-backend-file,id=flash,size={FLASH_SIZE},mem-path={self.flash},share=on",
                "-kernel", str(self.image), "-device", f"loader,file={self.page},addr={PAGE_AT:#x},force-raw=on",
                "-display", "none", "-monitor", "none",
                "-chardev", link, "-serial", "chardev:link",
                "-serial", f"tcp:127.0.0.1:{self.boards_port()},nodelay=on",
                "-serial", f"tcp:127.0.0.1:{self.panel_port},server=on,wait=on,nodelay=on",
                "-chardev", f"file,id=console,path={self.console},append=on", "-serial", "chardev:console", *self.more]

    def power_on(self):
        """The board runs, and somebody stands before its panel."""
        with open(self.qemu_log, "ab") as log:
            self.qemu = subprocess.Popen([board.QEMU, *self.arguments()], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self.lab.programs.append(self)  # So that a failed test leaves none behind.
        self.panel = Panel(self.panel_port)

    def start(self):
        self.power_on()
        self.panel.wait("IDLE", 20)
        self.done["boots"] += 1

    def cut(self):
        """The power goes: nothing of the image runs any more, its flash is what it is."""
        self.qemu.kill()
        self.qemu.wait(30)
        self.panel.close()

    def ended_within(self, seconds):
        try:
            self.qemu.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        return True

    # As programs.Program, for Lab.kill_everything().
    def running(self):
        return self.qemu is not None and self.qemu.poll() is None

    def kill(self):
        self.cut()

    def journal(self):
        """A file with the journal alone, as it is now."""
        path = self.folder / "journal"
        with open(self.flash, "rb") as file:
            path.write_bytes(file.read(JOURNAL_SIZE))
        return path

    def set_supply(self, value):
        """The input register: 0 mains, 1 battery, 2 failing."""
        with open(self.flash, "r+b") as file:
            file.seek(SUPPLY_AT)
            file.write(value.to_bytes(4, "little"))

    def open_doors(self):
        """Those that stand open, as the boards tell it."""
        state = {}
        for door, what in re.findall(r"^door (\d+) (opens|is pushed shut)$", self.boards.text(), re.MULTILINE):
            state[int(door)] = what
        return [door for door, what in state.items() if what == "opens"]

    def said(self):
        return self.console.read_text(errors="replace") if self.console.exists() else ""

    def stack_used(self):
        """(bytes that were used, bytes that there are), as the image last said them."""
        lines = [line.split() for line in self.said().splitlines() if line.startswith("stack ")]
        expect(lines, "the image has said nothing of its stack")
        return max(int(line[1]) for line in lines), int(lines[-1][3])
