#!/usr/bin/python3
"""One identity, two histories: a cloned station, an image put back, a factory reset, twins that take the session from each other, and
strangers. Each is seen, kept out and shown; nothing of the two is mixed, what was refused lies in its journal, and others report on.
"""
import contextlib
import json
import pathlib
import re
import shutil
import signal
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support/python"))
from honest import Fleet  # noqa: E402
from journals import exported, marks  # noqa: E402
from programs import Failure, Program, expect, expect_equal, free_port, main, wait_until  # noqa: E402
from uplink import CONFLICT, PING, REFUSE, WELCOME, Peer, station_key  # noqa: E402

STATION = "SX-TY-0001"
SPEED = 300  # The hourly look of a station that was refused is due after 12 to 13 s.
BYSTANDERS = [f"TW-{i:04}" for i in range(3)]
LATE_S = 5
BOOT_S = 10  # Until its panel is there.


class Site:
    """An aggregator with a store of its own, and stations that report all the time and must not notice anything."""

    def __init__(self, lab, name, *options, bystanders=True):
        self.lab, self.name = lab, name
        lab.store = lab.folder / f"{name}.db"
        self.aggregator = lab.aggregator(*options)
        self.fleet_key = bytes.fromhex((lab.home / "fleet.key").read_text().strip())
        self.bystanders = Fleet(lab.uplink, self.fleet_key, BYSTANDERS) if bystanders else None

    def end(self):
        if self.bystanders:
            samples = self.bystanders.end()
            expect(len(samples) > 10, f"the others said next to nothing: {len(samples)} events")
            expect(max(waited for _, waited in samples) < LATE_S, f"the others waited {max(waited for _, waited in samples):.1f} s for an Ack")
        expect_equal(self.aggregator.stop(), 0, f"{self.name}: stopping the aggregator: exit code")

    def stations(self, *words, code=0):
        result = self.lab.run("cubby", "stations", *words, "--http", f"127.0.0.1:{self.lab.http}")
        expect_equal(result.returncode, code, f"cubby stations {' '.join(words)}: {result.stdout}{result.stderr}; exit code")
        return result.stdout if code == 0 else result.stderr

    def row(self):
        """Of `cubby stations list`; None: it is not there."""
        rows = json.loads(self.stations("list", "--format", "json"))["rows"]
        return next((row for row in rows if row["station"] == STATION), None)

    def quarantined(self, *reasons, times=1):
        """Waits until the station is, for one of these, and so often until now; its row."""
        row = wait_until(lambda: (row := self.row()) and row["state"] == "quarantined" and row, 30, f"{self.name}: a quarantine")
        expect(row["reason"] in reasons, f"{self.name}: quarantined for {row['reason']}, not {reasons}")
        told = json.loads(self.lab.get("/v1/stations?state=quarantined")[1])["rows"]
        expect_equal([(other["station"], other["reason"]) for other in told], [(STATION, row["reason"])], "what HTTP lists")
        metrics = self.lab.get("/metrics")[1]
        expect('cubby_aggregator_stations{state="quarantined"} 1\n' in metrics, "the gauge of quarantined stations is not 1")
        expect(f'cubby_aggregator_quarantines_total{{reason="{row["reason"]}"}} {times}\n' in metrics, f"{row['reason']} is not counted")
        expect(f"station {STATION} is quarantined: {row['reason']}" in self.aggregator.log.read_text(), "the log says nothing of it")
        table = self.stations("list", "--state", "quarantined").splitlines()
        expect(len(table) == 2 and STATION in table[1] and row["reason"] in table[1], f"the table: {table}")
        return row

    def deposits(self):
        return sum(int(row["deposits"]) for row in self.lab.stats("--by", "station") if row["station"] == STATION)

    def expect_deposits(self, count):
        with contextlib.suppress(Failure):
            wait_until(lambda: self.deposits() == count, 40, "the deposits")
        expect_equal(self.deposits(), count, f"{self.name}: deposits at the centre")

    def mark(self):
        return marks(self.lab.store)[STATION]


class Station:
    """An emulated station that keeps its flash in a folder, while it runs."""

    def __init__(self, lab, folder, *options, uplink=None, run_id=1):
        self.lab, self.folder = lab, folder
        self.control, self.ledger = free_port(), lab.folder / f"{folder.name}.csv"
        self.program = Program(lab, "cubby-emulator", [
            "--profile", "shanxi", "--stations", "1", "--no-demand", "--seed", "3", "--run-id", str(run_id), "--speed", str(SPEED), "--state",
            str(folder), "--ledger", str(self.ledger), "--control", f"127.0.0.1:{self.control}", "--aggregator",
            f"127.0.0.1:{uplink or lab.uplink}", *options])
        lab.wait_for_port(self.program, self.control)
        self.place = ["--control", f"127.0.0.1:{self.control}", "--station", STATION]
        wait_until(lambda: "English" in lab.run("cubby", "panel", *self.place).stdout, BOOT_S, "the panel to wait for people")

    def deposit(self, size="S"):
        """People are served, whatever the uplink is."""
        result = self.lab.run("cubby", "inject", "deposit", *self.place, "--size", size)
        expect_equal(result.returncode, 0, f"a deposit at {self.folder.name}: {result.stdout}{result.stderr}; exit code")
        expect(re.search(r"compartment \d+", result.stdout), f"what a deposit prints: {result.stdout}")

    def stop(self):
        """Its events, by their numbers, as the journal has them now."""
        self.program.stop(90, signal.SIGINT)
        return self.events()

    def events(self):
        image = self.lab.folder / f"{self.folder.name}.flash"
        image.unlink(missing_ok=True)
        result = self.lab.run("cubby", "flash", "pull", "--state", str(self.folder), "--station", STATION, "--out", str(image))
        expect_equal(result.returncode, 0, f"flash pull of {self.folder.name}: {result.stderr}; exit code")
        return {int(line["seq"]): line for line in exported(self.lab, image)}


def deposits_in(events):
    return sum("deposited" in json.dumps(line["event"]) for line in events.values())


def first_life(lab, site, folder):
    """A station with one parcel, all of it acknowledged, that has been switched off."""
    station = Station(lab, folder)
    station.deposit()
    site.expect_deposits(1)
    return station.stop()


def expect_whole(site, events):
    """Everything in this journal is at the centre, to the last link of the chain."""
    seq, chain = site.mark()
    expect_equal((max(events), int(events[seq]["chain"])), (seq, chain), f"{site.name}: the journal's end and the mark")


def verify(lab, ledger):
    """With what people and doors did at the station that was right."""
    lab.ledger = ledger
    expect_equal(lab.verify(), "verify: exact", "the centre's log and the ledger")


def clone(lab):
    site = Site(lab, "clone")
    true, copy = lab.folder / "true", lab.folder / "copy"
    first_life(lab, site, true)
    shutil.copytree(true, copy)
    alone = Station(lab, copy, uplink=free_port())  # Away from the centre for a while, so that its history is the longer one.
    for _ in range(3):
        alone.deposit("M")  # Not what the other one does at the same virtual time.
    expect_equal(deposits_in(alone.stop()), 4, "deposits in the clone's journal")
    honest = Station(lab, true)
    honest.deposit()
    site.expect_deposits(2)
    before = site.mark()
    second = Station(lab, copy)
    site.quarantined("chain", "rolled_back")
    honest.deposit()
    second.deposit()
    time.sleep(2)
    expect_equal((site.mark(), site.deposits()), (before, 2), "what the centre has while nobody may report")
    refused = second.stop()
    expect_equal(deposits_in(refused), 5, "deposits in the journal of the one that was refused")
    expect(any(chain != before[1] for seq, chain in ((seq, int(line["chain"])) for seq, line in refused.items()) if seq == before[0]),
           "the two histories are the same")
    expect_equal(site.row()["state"], "quarantined", "the state after the clone has gone")
    site.stations("release", STATION)
    expect("state" in site.stations("release", STATION, code=1), "a second release")
    site.expect_deposits(3)  # With its next look: what it held back comes.
    honest.deposit()
    site.expect_deposits(4)
    expect_whole(site, honest.stop())
    verify(lab, honest.ledger)
    site.end()


def image_put_back(lab):
    site = Site(lab, "rollback")
    right, old = lab.folder / "right", lab.folder / "old"
    first_life(lab, site, right)
    shutil.copytree(right, old)
    station = Station(lab, right)
    for count in (2, 3, 4):
        station.deposit()
        site.expect_deposits(count)
    station.stop()
    before = site.mark()
    back = Station(lab, old)
    site.quarantined("rolled_back")
    back.deposit()
    events = back.stop()
    expect_equal(deposits_in(events), 2, "deposits in the image that was put back")
    expect_equal((site.mark(), site.deposits()), (before, 4), "what the centre has of it")
    with contextlib.closing(Peer(lab.uplink)) as peer:
        expect_equal(peer.greet(STATION, station_key(site.fleet_key, STATION))[1].get(1), CONFLICT, "the answer to anybody of that name")
    site.stations("release", STATION)
    station = Station(lab, right)
    station.deposit()
    site.expect_deposits(5)
    expect_whole(site, station.stop())
    verify(lab, station.ledger)
    site.end()


def factory_reset(lab):
    site = Site(lab, "reset")
    first_life(lab, site, lab.folder / "before")
    fresh = lab.folder / "fresh"
    station = Station(lab, fresh, run_id=2)
    row = site.quarantined("new_journal")
    expect(row["other_journal"] != row["journal"], f"both journals are the same: {row}")
    station.deposit()
    expect_equal(site.deposits(), 1, "deposits at the centre before the journal is announced")
    expect_equal(deposits_in(station.stop()), 1, "deposits in the fresh journal")
    announced = Station(lab, fresh, "--new-journals", run_id=2)
    site.expect_deposits(2)  # The total goes on, the parcel that was refused is in it.
    new = site.row()
    expect_equal((new["state"], new["journal"], new["journals"]), ("active", row["other_journal"], 2), "the station afterwards")
    expect_whole(site, announced.stop())
    # Once more, and a person accepts what was not announced.
    third = lab.folder / "third"
    station = Station(lab, third, run_id=3)
    row = site.quarantined("new_journal", times=2)
    station.deposit()
    site.stations("release", STATION, "--journal", "12", code=2)
    site.stations("release", STATION, "--journal", row["other_journal"])
    site.expect_deposits(3)
    expect_whole(site, station.stop())
    former = Station(lab, fresh, run_id=2)  # The reset one's flash comes back: that has been decided.
    former.deposit()
    time.sleep(1)
    expect_equal((site.row()["state"], site.deposits()), ("active", 3), "the station while a journal that was replaced is back")
    former.stop()
    result = lab.run("cubby", "verify", "--store", str(lab.store))
    expect_equal((result.returncode, result.stdout.strip().splitlines()[-1]), (0, "verify: exact"), "cubby verify")
    site.end()


def twins(lab):
    """Two that are alike to the last bit and say nothing that differs: real sockets, real time."""
    site = Site(lab, "twins")
    key = station_key(site.fleet_key, STATION)
    sessions, peers = [0, 0], [None, None]
    for turn in range(5):
        one = turn % 2
        peer = Peer(lab.uplink)
        kind, body = peer.greet(STATION, key, previous_session=sessions[one])
        if turn == 4:
            expect_equal((kind, body.get(1)), (REFUSE, CONFLICT), "the answer to the third take-over")
            break
        expect_equal(kind, WELCOME, f"the answer in turn {turn}, {body}")
        sessions[one], peers[one] = body[1], peer
        peer.line.sendall(PING)
        peer.receive()
    kind, body = peers[1].receive()
    expect_equal((kind, body.get(1)), (REFUSE, CONFLICT), "what the other one is told")
    site.quarantined("take_overs")
    site.aggregator.kill()  # What was decided is durable.
    site.bystanders = None
    site.aggregator = lab.aggregator()
    expect_equal((site.row()["state"], site.row()["reason"]), ("quarantined", "take_overs"), "after kill -9 of the aggregator")
    expect_equal(Peer(lab.uplink).greet(STATION, key)[1].get(1), CONFLICT, "the answer after kill -9")
    site.stations("release", STATION)
    expect_equal(Peer(lab.uplink).greet(STATION, key)[0], WELCOME, "the answer after the release")
    site.end()


def forget_and_import(lab, site, reported):
    """A name that was imported by mistake goes; one that has reported stays. What a controller reads is a list, too."""
    config = lab.folder / "controller.toml"
    text = (pathlib.Path(__file__).resolve().parents[2] / "tools/packaging/controller.toml").read_text()
    config.write_text(text)
    name = re.search(r'^name *= *"([A-Z0-9-]+)"', text, re.MULTILINE).group(1)
    expect_equal(site.stations("import", str(config)), "1 stations, 1 approved by this\n", "the import of a controller's file")
    expect(f"{name}  approved" in site.stations("list"), "the station of the controller's file is not listed")
    config.write_text(text.replace("[station]", "[stations]"))
    expect(f"{config}:" in site.stations("import", str(config), code=1), "a controller's file that is not good")
    site.stations("forget", name)
    expect(name not in site.stations("list"), "a station that was forgotten is listed")
    expect("no such station" in site.stations("forget", name, code=1), "forgetting it again")
    expect("it has reported" in site.stations("forget", reported, code=1), "forgetting a station that has reported")
    operator = site.stations("forget", "TW-0009", "--token-file", str(lab.home / "http.token"), code=1)
    expect("the token's role is operator, this wants admin" in operator, f"an operator who forgets: {operator}")
    site.stations("forget", "TW-0009")  # It has had a session, and has said nothing in it.
    kind, body = Peer(lab.uplink).greet("TW-0009", station_key(site.fleet_key, "TW-0009"))
    expect_equal((kind, body.get(1)), (REFUSE, 3), "the answer to one that was forgotten")
    wait_until(lambda: "TW-0009  pending" in site.stations("list", "--state", "pending"), 5, "it to be a stranger as before")


def strangers(lab):
    site = Site(lab, "strangers", "--enrolment", "approved", bystanders=False)
    listed = lab.folder / "stations.jsonl"
    result = lab.run("cubby-emulator", "--stations", "3", "--seed", "3", "--write-stations", str(listed))
    expect_equal(result.returncode, 0, f"--write-stations: {result.stderr}; exit code")
    names = [json.loads(line)["station"] for line in listed.read_text().splitlines()]
    expect_equal(len(names), 3, "stations in the file")
    key = station_key(site.fleet_key, "TW-0009")
    kind, body = Peer(lab.uplink).greet("TW-0009", bytes(32))
    expect_equal((kind, site.stations("list").count("TW-0009")), (REFUSE, 0), "a stranger without the key is not even listed")
    for _ in range(2):
        kind, body = Peer(lab.uplink).greet("TW-0009", key)
        expect_equal((kind, body.get(1)), (REFUSE, 3), "the answer to a stranger")
    wait_until(lambda: "TW-0009  pending" in site.stations("list", "--state", "pending"), 5, "the stranger to be listed as pending")
    bad = lab.folder / "bad.jsonl"
    bad.write_text(listed.read_text() + '{"station": "no"}\n\n{\n' + listed.read_text().splitlines()[0] + "\n" + "x" * 70_000 + "\n")
    words = site.stations("import", str(bad), code=1)
    for line, problem in ((4, "station must be"), (6, "not a StationConfig"), (7, "named twice"), (8, "longer than")):
        expect(f"bad.jsonl:{line}: " in words and problem in words, f"what is wrong with line {line}: {words}")
    expect(names[0] not in site.stations("list"), "a part of a file with errors was imported")
    empty = lab.folder / "empty.jsonl"
    empty.touch()
    expect("holds no stations" in site.stations("import", str(empty), code=1), "an empty file")
    expect_equal(site.stations("import", str(listed)), "3 stations, 3 approved by this\n", "the import")
    expect_equal(site.stations("import", str(listed)), "3 stations, 0 approved by this\n", "the import once more")
    site.stations("approve", "TW-0009")
    expect_equal(Peer(lab.uplink).greet("TW-0009", key)[0], WELCOME, "the answer to the one that was approved")
    emulator = lab.emulator("--stations", "3", "--seed", "3", "--days", "0.2", "--speed", "max")
    expect_equal(emulator.wait(120), 0, "a run of the imported stations: exit code")
    states = {row["station"]: row["state"] for row in json.loads(site.stations("list", "--format", "json"))["rows"]}
    expect_equal(states, {name: "active" for name in [*names, "TW-0009"]}, "states in the end")
    expect("no such station" in site.stations("approve", "NOWHERE", code=1), "approving nobody")
    forget_and_import(lab, site, names[0])
    site.end()


def run(lab):
    for drill in (clone, image_put_back, factory_reset, twins, strangers):
        began = time.monotonic()
        drill(lab)
        print(f"{drill.__name__}: good, {time.monotonic() - began:.1f} s", flush=True)


main("identity-drills", run)
