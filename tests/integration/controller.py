#!/usr/bin/python3
"""`cubby-controller` before a cabinet of emulated lock boards on a pseudo-terminal, reporting to an aggregator: deposit, wrong
code, collect, jam, adapter pulled in mid-unlock, kill -9. The aggregator's statistics are what was done here, no more and no less.
"""
import collections
import pathlib
import re
import signal
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support/python"))
from boards import Board  # noqa: E402
from cabinet import Adapter, Notifier, Panel  # noqa: E402
from programs import Program, expect, expect_equal, free_port, main, wait_until  # noqa: E402

STATION = "TEST-CTL-0001"
SIZES = "SMLX"
PULSE_S = 0.2

# One board each on the segment, all at 9600 baud: how `cubby board` and the configuration name it, how many doors, and what an
# unlock looks like on the wire.
Family = collections.namedtuple("Family", "board toml doors is_unlock")
FAMILIES = [
    Family("p5:1:8", 'family = "p5"\naddress = 1\nchannels = 8', 8, lambda data: len(data) == 8 and data[0] == 1 and data[1:3] == b"\x05\x02"),
    Family("p5:2:8", 'family = "p5"\naddress = 2\nchannels = 8', 8, lambda data: len(data) == 8 and data[0] == 2 and data[1:3] == b"\x05\x02"),
]


class Cabinet:
    """Boards, adapter, controller, panel; what was done, for comparing."""

    def __init__(self, lab):
        self.lab = lab
        self.panel_port = free_port()
        self.path = lab.folder / "cabinet"
        arguments = [word for family in FAMILIES for word in ("--board", family.board)]
        self.boards = Board(lab, *arguments, "--pty", str(self.path), ready=lambda: pathlib.Path(f"{self.path}.ctl").exists(), name="boards")
        self.adapter = Adapter(lab.folder, str(self.path), lambda data: any(family.is_unlock(data) for family in FAMILIES))
        keys = lab.run("cubby", "station-keys", "--station", STATION, "--to", str(lab.folder))
        expect_equal(keys.returncode, 0, f"cubby station-keys: {keys.stderr}")
        self.pass_key = bytes.fromhex((lab.folder / "pass.key").read_text())
        self.notifier = Notifier(lab.store, bytes.fromhex((lab.folder / "station.key").read_text()))
        self.config = lab.folder / "controller.toml"
        self.config.write_text(self.toml())
        self.controller = self.panel = None
        self.done = collections.Counter()
        self.at_door = collections.defaultdict(collections.Counter)
        self.parcels = 0
        self.codes = []

    def toml(self):
        text = f"""
[bus]
device = "{self.lab.folder}/adapter-*"
[panel]
device = "tcp://127.0.0.1:{self.panel_port}"
[journal]
file = "{self.lab.folder}/journal"
[uplink]
aggregator = "127.0.0.1:{self.lab.uplink}"
[keys]
station = "{self.lab.folder}/station.key"
pass = "{self.lab.folder}/pass.key"
[station]
name = "{STATION}"
city = "Testville"
utc_offset = "+00:00"
lock_pulse_ms = {round(PULSE_S * 1000)}
[rules]
upsizing_steps = 0
"""
        for number, family in enumerate(FAMILIES, 1):
            size = SIZES[number - 1]
            text += f'[[board]]\n{family.toml}\n[[doors]]\nboard = {number}\nchannels = "1-{family.doors}"\nsizes = "{size * family.doors}"\nheights_cm = 60\n'
        return text

    def start(self):
        self.controller = Program(self.lab, "cubby-controller", ["--config", str(self.config)])
        self.panel = Panel(self.panel_port)
        self.panel.wait("IDLE", 20)
        self.done["boots"] += 1

    def order(self, *words):
        result = self.lab.run("cubby", "board-ctl", "--to", f"{self.path}.ctl", *map(str, words))
        expect_equal(result.returncode, 0, f"board-ctl {words}: {result.stderr}")

    def count(self, what, door=None):
        self.done[what] += 1
        if door is not None:
            self.at_door[door][what] += 1

    def new_parcel(self):
        self.parcels += 1
        return f"PARCEL{self.parcels:04d}"

    def begin_deposit(self, size):
        """A courier chooses the size; the parcel's number."""
        parcel = self.new_parcel()
        self.panel.courier(self.pass_key)
        self.panel.wait("COURIER_READY")
        self.panel.scan(parcel)
        self.panel.wait("CHOOSE_SIZE")
        self.panel.key(size)
        self.panel.wait("OPENING")
        return parcel

    def shut(self, door):
        time.sleep(PULSE_S + 0.1)  # A door that is pushed shut while its coil is pulsed opens again.
        self.order("shut", door)

    def finish_deposit(self):
        door, _ = self.panel.wait("PUT_IN")
        self.order("put", door)
        self.shut(door)
        expect_equal(self.panel.wait("STORED")[0], door, "the door that was shut")
        self.panel.key("*")
        self.panel.wait("IDLE")
        self.count("deposits", door)
        return door

    def deposit(self, size):
        parcel = self.begin_deposit(size)
        return self.finish_deposit(), self.notifier.code(parcel)

    def collect(self, door, code):
        self.codes.append(code)
        self.panel.type_code(code)
        expect_equal(self.panel.wait("TAKE_OUT")[0], door, "the door of that code")
        self.order("take", door)
        self.shut(door)
        self.panel.wait("COLLECTED")
        self.panel.wait("IDLE")
        self.count("collections", door)

    def wrong_code(self, code):
        self.panel.type_code(f"{(int(code) + 1) % 10**8:08d}")
        self.panel.wait("WRONG_CODE")
        self.count("wrong_codes")

    def openings_on_the_wire(self, door):
        """Of a door, as the boards tell it."""
        return len(re.findall(rf"door {door} opens\b", self.boards.text()))


def check_before_the_start(cabinet):
    result = cabinet.lab.run("cubby-controller", "--config", str(cabinet.config), "--check")
    expect_equal(result.returncode, 0, f"--check: {result.stdout}{result.stderr}; exit code")
    expect("not there yet" in result.stdout and "good" in result.stdout, f"--check of a new cabinet: {result.stdout}")
    expect(not (cabinet.lab.folder / "journal").exists(), "--check has made a journal")


def refuse_a_second_one(cabinet):
    result = cabinet.lab.run("cubby-controller", "--config", str(cabinet.config), "--panel-device", f"tcp://127.0.0.1:{free_port()}")
    expect_equal(result.returncode, 1, f"a second controller: {result.stderr}; exit code")
    expect("another controller has this journal" in result.stderr, f"a second controller: {result.stderr}")
    result = cabinet.lab.run("cubby-controller", "--config", str(cabinet.config), "--check")
    expect("a controller has it" in result.stdout, f"--check beside a controller: {result.stdout}{result.stderr}")


def serve_people(cabinet, size):
    door, code = cabinet.deposit(size)
    cabinet.wrong_code(code)
    cabinet.collect(door, code)
    cabinet.panel.type_code(code)  # Dead now.
    cabinet.panel.wait("WRONG_CODE")
    cabinet.count("wrong_codes")


def jam(cabinet, size):
    door, code = cabinet.deposit(size)
    cabinet.order("jam", door, "1h")
    cabinet.panel.type_code(code)
    expect_equal(cabinet.panel.wait("DOOR_FAILED", 20)[0], door, "the door that is jammed")
    cabinet.count("open_failed_jammed", door)
    def told():
        return [body for body in cabinet.notifier.named("open_failed") if body.get(1) == door and body.get(3) == 1]
    failed = wait_until(told, 10, "the centre to hear of the jam")
    expect_equal(failed[-1].get(4), 3, "attempts at the jammed door")
    cabinet.order("mend", door)
    cabinet.collect(door, code)


def pull_in_mid_unlock(cabinet, size, when, for_s):
    """The adapter goes with the answer outstanding, and comes back under another name."""
    adapter = cabinet.adapter
    before = {door: cabinet.openings_on_the_wire(door) for door in range(1, 1 + sum(family.doors for family in FAMILIES))}
    sent = len(adapter.unlocks)
    adapter.pull_at_unlock = when
    parcel = cabinet.begin_deposit(size)
    expect(adapter.pulled.wait(5), "the adapter was not pulled: no unlock passed")
    time.sleep(for_s)
    adapter.plug()
    door = cabinet.finish_deposit()
    opened = {it: cabinet.openings_on_the_wire(it) - before[it] for it in before}
    expect_equal(opened, {it: int(it == door) for it in before}, "how often each door was opened")
    expect_equal(len(adapter.unlocks) - sent, 2 if when == "before" else 1, "unlock frames that the controller sent")
    code = cabinet.notifier.code(parcel)
    cabinet.collect(door, code)


def kill(cabinet, size):
    """kill -9 with a parcel inside and a door open; the same journal goes on."""
    door, code = cabinet.deposit(size)
    parcel = cabinet.begin_deposit(size)
    open_door, _ = cabinet.panel.wait("PUT_IN")
    cabinet.controller.kill()
    cabinet.panel.close()
    cabinet.start()
    cabinet.order("put", open_door)
    cabinet.shut(open_door)
    cabinet.count("deposits", open_door)
    cabinet.collect(door, code)
    cabinet.collect(open_door, cabinet.notifier.code(parcel))


def compare(cabinet):
    lab = cabinet.lab
    def station():
        return lab.stats("--by", "station", "--station", STATION)[0]
    wait_until(lambda: int(station()["collections"]) == cabinet.done["collections"], 10, "the last event to be counted")
    row = station()
    for name in ("deposits", "collections", "wrong_codes", "open_failed_jammed", "boots", "custody_uncertain"):
        expect_equal(int(row[name]), cabinet.done[name], f"{name} of the station")
    for name in ("open_failed_board_silent", "open_failed_refused", "open_failed_elsewhere", "forced", "turned_away", "opaque_events"):
        expect_equal(int(row[name]), 0, f"{name} of the station")
    table = {int(row["compartment"]): row for row in lab.stats("--by", "compartment", "--station", STATION)}
    for door in range(1, 1 + sum(family.doors for family in FAMILIES)):
        for name in ("deposits", "collections", "open_failed_jammed"):
            expect_equal(int(table[door][name]) if door in table else 0, cabinet.at_door[door][name], f"{name} of compartment {door}")
    result = lab.run("cubby", "verify", "--store", str(lab.store))
    expect_equal((result.returncode, result.stdout.strip().splitlines()[-1]), (0, "verify: exact"), f"cubby verify: {result.stdout}")


def no_secrets_in_the_log(cabinet):
    text = cabinet.controller.log.read_text()
    expect("deposited behind door" in text and "it is jammed" in text, "the log tells in words what happens")
    for word in [*cabinet.codes, "PARCEL", cabinet.pass_key.hex(), cabinet.notifier.key.hex()]:
        expect(word not in text, f"a code, a parcel or a key is in the log: {word}")


def serve(lab):
    aggregator = lab.aggregator()
    cabinet = Cabinet(lab)
    check_before_the_start(cabinet)
    cabinet.start()
    expect_equal(cabinet.panel.language, 1, "the language that the panel was told")
    wait_until(lambda: lab.stats("--by", "station"), 20, "the station to report")
    refuse_a_second_one(cabinet)
    for size in SIZES[:len(FAMILIES)]:
        serve_people(cabinet, size)
        jam(cabinet, size)
        # The door opened, and nobody heard of it: the next reading says so, also seconds later.
        pull_in_mid_unlock(cabinet, size, "after", 2.5)
        # It did not open: once it was read shut, another attempt follows.
        pull_in_mid_unlock(cabinet, size, "before", 0.3)
    kill(cabinet, SIZES[0])
    compare(cabinet)
    no_secrets_in_the_log(cabinet)
    expect_equal(cabinet.controller.stop(10), 0, "SIGTERM: exit code")
    cabinet.adapter.close()
    result = lab.run("cubby-controller", "--config", str(cabinet.config), "--check")
    expect(result.returncode == 0 and "events up to now" in result.stdout, f"--check afterwards: {result.stdout}{result.stderr}")
    expect_equal(cabinet.boards.stop(signal.SIGTERM), 0, "stopping the boards: exit code")
    expect_equal(aggregator.stop(), 0, "stopping the aggregator: exit code")
    print(f"{dict(cabinet.done)}, verify: exact")


def run(lab):
    try:
        serve(lab)
    finally:
        for board in getattr(lab, "boards", []):
            if board.process.poll() is None:
                board.process.kill()
                board.process.wait()


main("controller", run)
