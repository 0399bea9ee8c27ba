#!/usr/bin/python3
"""`cubby-controller` before cabinets of emulated lock boards, on a pseudo-terminal and through a TCP converter, reporting to an
aggregator: deposit, wrong code, collect, jam, adapter pulled in mid-unlock, kill -9, a centre that is away. The aggregator's
statistics are what was done here, no more and no less.
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
from journals import exported, marks  # noqa: E402
from programs import Program, expect, expect_equal, free_port, main, thorough, wait_until  # noqa: E402

SIZES = "SMLX"
PULSE_S = 0.2

# A board each on the segment: how `cubby board` and the configuration name it, how many doors it has, and what an unlock looks
# like on the wire. All the doors of a board have one size, so that a person's choice of a size is one of a board.
Family = collections.namedtuple("Family", "board toml doors is_unlock")
MIXED = [
    Family("p5:1:8", 'family = "p5"\naddress = 1\nchannels = 8', 8, lambda data: data[0] == 1 and data[1:3] == b"\x05\x02"),
    Family("p1:1:8", 'family = "p1"\naddress = 1\nchannels = 8', 8, lambda data: data[0] == 0x8A),
    Family("p6:1:12", 'family = "p6"\naddress = 1\nchannels = 12', 12, lambda data: data[0] == 0xDC and data[3] == 0x10),
    Family("p7:0:8", 'family = "p7"\naddress = 0\nchannels = 8', 8, lambda data: data[:4] == b"WKLY" and data[6] == 0x82),
]
FAST = [Family("p2:0:12", 'family = "p2"\naddress = 0\nchannels = 12', 12, None)]


class Cabinet:
    """Boards, controller, panel; what was done, for comparing."""

    def __init__(self, lab, station, families, baud):
        self.lab, self.station, self.families = lab, station, families
        self.folder = lab.folder / station
        self.folder.mkdir()
        self.door_count = sum(family.doors for family in families)
        self.panel_port = free_port()
        self.control = self.folder / "boards.ctl"
        keys = lab.run("cubby", "station-keys", "--station", station, "--to", str(self.folder))
        expect_equal(keys.returncode, 0, f"cubby station-keys: {keys.stderr}")
        self.pass_key = bytes.fromhex((self.folder / "pass.key").read_text())
        self.notifier = Notifier(lab.store, station, bytes.fromhex((self.folder / "station.key").read_text()))
        self.config = self.folder / "controller.toml"
        self.baud = baud
        self.controller = self.panel = self.adapter = None
        self.done = collections.Counter()
        self.at_door = collections.defaultdict(collections.Counter)
        self.codes = []

    def serve_boards(self, *where):
        arguments = [word for family in self.families for word in ("--board", family.board)]
        self.boards = Board(self.lab, *arguments, *where, "--ctl", str(self.control), ready=self.control.exists, name=f"boards-{self.station}")

    def on_an_adapter(self):
        self.serve_boards("--pty", str(self.folder / "segment"))
        self.adapter = Adapter(self.folder, str(self.folder / "segment"), lambda data: any(family.is_unlock(data) for family in self.families))
        self.configure(f"{self.folder}/adapter-*")
        return self

    def on_a_converter(self):
        port = free_port()
        self.serve_boards("--tcp", f"127.0.0.1:{port}")
        self.configure(f"tcp://127.0.0.1:{port}")
        return self

    def configure(self, device):
        text = f"""
[bus]
device = "{device}"
baud = {self.baud}
[panel]
device = "tcp://127.0.0.1:{self.panel_port}"
[journal]
file = "{self.folder}/journal"
[uplink]
aggregator = "127.0.0.1:{self.lab.uplink}"
[keys]
station = "{self.folder}/station.key"
pass = "{self.folder}/pass.key"
[station]
name = "{self.station}"
city = "Testville"
utc_offset = "+00:00"
lock_pulse_ms = {round(PULSE_S * 1000)}
[rules]
upsizing_steps = 0
"""
        for number, family in enumerate(self.families, 1):
            sizes = SIZES[number - 1] * family.doors
            text += f'[[board]]\n{family.toml}\n[[doors]]\nboard = {number}\nchannels = "1-{family.doors}"\nsizes = "{sizes}"\nheights_cm = 60\n'
        self.config.write_text(text)

    def start(self):
        self.controller = Program(self.lab, "cubby-controller", ["--config", str(self.config)])
        self.panel = Panel(self.panel_port)
        self.panel.wait("IDLE", 20)
        self.done["boots"] += 1

    def check(self, *more):
        return self.lab.run("cubby-controller", "--config", str(self.config), "--check", *more)

    def order(self, *words):
        result = self.lab.run("cubby", "board-ctl", "--to", str(self.control), *map(str, words))
        expect_equal(result.returncode, 0, f"board-ctl {words}: {result.stderr}")

    def count(self, what, door=None):
        self.done[what] += 1
        if door is not None:
            self.at_door[door][what] += 1

    def begin_deposit(self, size):
        """A courier chooses the size; the parcel's number."""
        self.done["parcels"] += 1
        parcel = f"PARCEL{self.done['parcels']:04d}"
        self.panel.courier(self.pass_key)
        self.panel.wait("COURIER_READY")
        self.panel.scan(parcel)
        self.panel.wait("CHOOSE_SIZE")
        self.panel.key(size)
        self.panel.wait("OPENING")
        return parcel

    def shut(self, door):
        time.sleep(PULSE_S + 0.3)  # A door that is pushed shut while its coil is pulsed opens again.
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

    def type_wrong_code(self, code):
        self.panel.type_code(code)
        self.panel.wait("WRONG_CODE")
        self.count("wrong_codes")

    def openings(self):
        """How often each door has opened, as the boards tell it."""
        opened = collections.Counter(int(door) for door in re.findall(r"^door (\d+) opens$", self.boards.text(), re.MULTILINE))
        return {door: opened[door] for door in range(1, self.door_count + 1)}


def check_before_the_start(cabinet):
    result = cabinet.check()
    expect_equal(result.returncode, 0, f"--check: {result.stdout}{result.stderr}; exit code")
    expect("not there yet" in result.stdout and "good" in result.stdout, f"--check of a new cabinet: {result.stdout}")
    expect(not (cabinet.folder / "journal").exists(), "--check has made a journal")


def refuse_a_second_one(cabinet):
    result = cabinet.lab.run("cubby-controller", "--config", str(cabinet.config), "--panel-device", f"tcp://127.0.0.1:{free_port()}")
    expect_equal(result.returncode, 1, f"a second controller: {result.stderr}; exit code")
    expect("another controller has this journal" in result.stderr, f"a second controller: {result.stderr}")
    result = cabinet.check()
    expect("a controller has it" in result.stdout, f"--check beside a controller: {result.stdout}{result.stderr}")


def serve_people(cabinet, size):
    door, code = cabinet.deposit(size)
    cabinet.type_wrong_code(f"{(int(code) + 1) % 10**8:08d}")
    cabinet.collect(door, code)
    cabinet.type_wrong_code(code)  # Dead now.


def jam(cabinet, size):
    door, code = cabinet.deposit(size)
    cabinet.order("jam", door, "1h")
    cabinet.panel.type_code(code)
    expect_equal(cabinet.panel.wait("DOOR_FAILED", 30)[0], door, "the door that is jammed")
    cabinet.count("open_failed_jammed", door)
    failed = wait_until(lambda: [body for body in cabinet.notifier.named("open_failed") if body.get(1) == door], 10,
                        "the centre to hear of the jam")
    expect_equal((failed[-1].get(3), failed[-1].get(4)), (1, 3), "cause (1: jammed) and attempts")
    cabinet.order("mend", door)
    cabinet.collect(door, code)


def pull_in_mid_unlock(cabinet, size, when, for_s):
    """The adapter goes with the answer outstanding, and comes back under another name."""
    adapter = cabinet.adapter
    before, sent = cabinet.openings(), len(adapter.unlocks)
    adapter.pull_at_unlock = when
    parcel = cabinet.begin_deposit(size)
    expect(adapter.pulled.wait(5), "the adapter was not pulled: no unlock passed")
    time.sleep(for_s)
    adapter.plug()
    door = cabinet.finish_deposit()
    opened = {it: number - before[it] for it, number in cabinet.openings().items()}
    expect_equal(opened, {it: int(it == door) for it in before}, "how often each door was opened")
    expect_equal(len(adapter.unlocks) - sent, 2 if when == "before" else 1, "unlock frames that the controller sent")
    cabinet.collect(door, cabinet.notifier.code(parcel))
    wait_until(lambda: len(cabinet.notifier.named("board_silent")) == len(cabinet.notifier.named("board_answered")), 20,
               "all boards to answer again")
    time.sleep(1.5)  # Doors are vacant once a second reading has agreed; more than a round of the slowest segment here.


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
    causes = [body.get(1) for body in cabinet.notifier.named("booted")]
    expect_equal(causes, [1, 3], "causes of the boots (1: the journal's first, 3: it was killed)")


def compare(cabinet):
    lab, station = cabinet.lab, cabinet.station
    def row():
        return lab.stats("--by", "station", "--station", station)[0]
    wait_until(lambda: int(row()["collections"]) == cabinet.done["collections"], 10, "the last event to be counted")
    counted = row()
    for name in ("deposits", "collections", "wrong_codes", "open_failed_jammed", "boots"):
        expect_equal(int(counted[name]), cabinet.done[name], f"{name} of {station}")
    for name in ("open_failed_board_silent", "open_failed_not_sent", "open_failed_refused", "open_failed_elsewhere", "custody_uncertain",
                 "forced", "turned_away", "opaque_events", "occupied"):
        expect_equal(int(counted[name]), 0, f"{name} of {station}")
    table = {int(line["compartment"]): line for line in lab.stats("--by", "compartment", "--station", station)}
    for door in range(1, cabinet.door_count + 1):
        for name in ("deposits", "collections", "open_failed_jammed"):
            expect_equal(int(table[door][name]) if door in table else 0, cabinet.at_door[door][name], f"{name} of compartment {door}")


def no_secrets_in_the_log(cabinet):
    text = cabinet.controller.log.read_text()
    expect("deposited behind door" in text and "it is jammed" in text, "the log tells in words what happens")
    for word in [*cabinet.codes, "PARCEL", cabinet.pass_key.hex(), cabinet.notifier.key.hex()]:
        expect(word not in text, f"a code, a parcel or a key is in the log: {word}")


def look_into_journal(cabinet):
    """What the centre has stands in the file, to the last link of the chain."""
    journal = cabinet.folder / "journal"
    verdict = cabinet.lab.run("cubby", "flash", "verify", str(journal))
    expect_equal((verdict.returncode, verdict.stdout + verdict.stderr), (0, ""), "flash verify of the journal")
    seq, chain = marks(cabinet.lab.store)[cabinet.station]
    events = exported(cabinet.lab, journal)
    expect_equal((int(events[seq - 1]["seq"]), int(events[seq - 1]["chain"])), (seq, chain), "the event that was acknowledged last")
    expect_equal(sum("deposited" in line["event"] for line in events), cabinet.done["deposits"], "deposits in the journal")


def stop(cabinet):
    expect_equal(cabinet.controller.stop(10), 0, "SIGTERM: exit code")
    cabinet.panel.close()
    if cabinet.adapter is not None:
        cabinet.adapter.close()
    result = cabinet.check()
    expect(result.returncode == 0 and "events up to now" in result.stdout and " 0 parcels inside" in result.stdout,
           f"--check afterwards: {result.stdout}{result.stderr}")
    look_into_journal(cabinet)
    expect_equal(cabinet.boards.stop(signal.SIGTERM), 0, "stopping the boards: exit code")


def mixed_families_on_an_adapter(lab):
    cabinet = Cabinet(lab, "TEST-MIXED-0001", MIXED, 9600).on_an_adapter()
    check_before_the_start(cabinet)
    cabinet.start()
    expect_equal(cabinet.panel.language, 1, "the language that the panel was told")
    wait_until(lambda: lab.stats("--by", "station"), 20, "the station to report")
    refuse_a_second_one(cabinet)
    for number, size in enumerate(SIZES[:len(MIXED)]):
        serve_people(cabinet, size)
        # The door opened, and nobody heard of it: the next reading says so, also seconds later.
        pull_in_mid_unlock(cabinet, size, "after", 2.5)
        if number < thorough(2, len(MIXED)):
            # It did not open: once it was read shut, another attempt follows.
            pull_in_mid_unlock(cabinet, size, "before", 0.3)
            jam(cabinet, size)
    kill(cabinet, SIZES[0])
    compare(cabinet)
    no_secrets_in_the_log(cabinet)
    stop(cabinet)
    return cabinet.done


def a_faster_family_through_a_converter(lab, aggregator):
    cabinet = Cabinet(lab, "TEST-FAST-0001", FAST, 19200).on_a_converter()
    cabinet.start()
    serve_people(cabinet, SIZES[0])
    expect_equal(aggregator.stop(), 0, "stopping the aggregator: exit code")
    parcel = cabinet.begin_deposit(SIZES[0])  # The cabinet serves without its centre.
    door = cabinet.finish_deposit()
    aggregator = lab.aggregator()
    cabinet.collect(door, cabinet.notifier.code(parcel, 60))
    compare(cabinet)
    stop(cabinet)
    return cabinet.done, aggregator


def serve(lab):
    aggregator = lab.aggregator()
    mixed = mixed_families_on_an_adapter(lab)
    fast, aggregator = a_faster_family_through_a_converter(lab, aggregator)
    result = lab.run("cubby", "verify", "--store", str(lab.store))
    expect_equal((result.returncode, result.stdout.strip().splitlines()[-1]), (0, "verify: exact"), f"cubby verify: {result.stdout}")
    expect_equal(aggregator.stop(), 0, "stopping the aggregator: exit code")
    print(f"{dict(mixed)}, {dict(fast)}, verify: exact")


def run(lab):
    try:
        serve(lab)
    finally:
        for board in getattr(lab, "boards", []):
            if board.process.poll() is None:
                board.process.kill()
                board.process.wait()


if __name__ == "__main__":
    main("controller", run)
