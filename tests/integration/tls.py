#!/usr/bin/python3
"""The uplink over TLS: an authority, an aggregator, an emulated fleet, a controller, and all those who may not come in. Each of them is
refused and counted by reason; the fleet reports on as if nobody had been there.
"""
import contextlib
import json
import pathlib
import re
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support/python"))
from programs import Program, expect, expect_equal, free_port, main, wait_until  # noqa: E402
from uplink import ACK, CERTIFICATE, PING, REFUSE, UNKNOWN_STATION, WELCOME, Peer, Stalled, tls_context  # noqa: E402

PENDING, PENDING_OF_ADDRESS = 40, 25


def pki(lab, *words, code=0):
    result = lab.run("cubby", "pki", *map(str, words))
    expect_equal(result.returncode, code, f"cubby pki {' '.join(map(str, words))}: {result.stderr.strip()}; exit code")
    return pathlib.Path(result.stdout.strip()) if code == 0 and words[0] == "issue" else result


def status(lab):
    return json.loads(lab.get("/v1/status")[1])


@contextlib.contextmanager
def counted(lab, **reasons):
    """What is done inside is refused exactly so often for these reasons, and for no other."""
    before = status(lab)["refused_connections"]
    yield
    def now():
        after = status(lab)["refused_connections"]
        return {name: after[name] - before[name] for name in after if after[name] != before[name]}
    with contextlib.suppress(Exception):
        wait_until(lambda: now() == reasons, 20, "the counters")
    expect_equal(now(), reasons, "refused connections")


class Site:
    """The aggregator and the honest fleet."""

    def __init__(self, lab):
        self.lab = lab
        pki(lab, "init")
        self.centre = pki(lab, "issue", "aggregator", "centre", "--host", "127.0.0.1", "--host", "centre.example")
        self.gateway = pki(lab, "issue", "concentrator", "gateway", "--station", "SX-*")
        self.station = pki(lab, "issue", "station", "TW-0001")
        self.ca = self.station / "ca.pem"
        self.aggregator = lab.aggregator("--tls", str(self.centre), "--pending-max", str(PENDING),
                                         "--pending-per-address", str(PENDING_OF_ADDRESS))
        self.fleet = lab.live_emulator("--stations", "2", "--no-demand", "--speed", "10", "--tls", str(self.gateway))
        wait_until(lambda: len(lab.stats("--by", "station")) == 2, 30, "the fleet to report over TLS")
        self.honest = sorted(row["station"] for row in lab.stats("--by", "station"))
        self.deposits = 0

    def key_of(self, station):
        folder = self.lab.folder / f"keys-{station}"
        if not folder.exists():
            folder.mkdir()
            self.lab.run("cubby", "station-keys", "--station", station, "--to", str(folder))
        return bytes.fromhex((folder / "station.key").read_text())

    def deposit(self):
        result = self.lab.inject("deposit", "--station", self.honest[0], "--size", "M")
        expect_equal(result.returncode, 0, f"inject deposit: {result.stdout}{result.stderr}")
        self.deposits += 1
        wait_until(lambda: int(self.lab.stats("--by", "station", "--station", self.honest[0])[0]["deposits"]) == self.deposits, 60,
                   "the deposit to be counted")

    def peer(self, folder, **options):
        return Peer(self.lab.uplink, tls_context(folder, ca=self.ca), **options)

    def refused(self, context):
        """Somebody who comes with this context; TLS 1.3 tells a client of its refusal after its own part of the handshake."""
        with contextlib.suppress(ssl.SSLError, ConnectionError):
            peer = Peer(self.lab.uplink, context)
            expect(peer.ended(5), "the aggregator keeps somebody whom it should refuse")


def wrong_certificates(site):
    lab = site.lab
    with counted(lab, no_certificate=1):
        site.refused(tls_context(None, ca=site.ca))
    other = lab.folder / "foreign"
    pki(lab, "init", "--pki", other)
    foreign = pki(lab, "issue", "station", site.honest[0], "--pki", other)
    with counted(lab, foreign_authority=1):
        site.refused(tls_context(foreign, ca=site.ca))
    short = pki(lab, "issue", "station", "TW-0002", "--valid", "1s")
    time.sleep(1.2)
    with counted(lab, expired=1):
        site.refused(tls_context(short, ca=site.ca))
    notifier = pki(lab, "issue", "notifier", "sms")
    with counted(lab, wrong_role=2):
        site.refused(tls_context(notifier, ca=site.ca))
        site.refused(tls_context(site.centre))
    with counted(lab, tls_version=1):
        site.refused(tls_context(site.station, version=ssl.TLSVersion.TLSv1_2))


def welcomed(site, folder, station):
    peer = site.peer(folder)
    kind, body = peer.greet(station, site.key_of(station))
    expect_equal(kind, WELCOME, f"the answer to {station}, {body}")
    return peer


def steal_an_identity(site):
    """Somebody has the key of an honest station, and the certificate of another."""
    victim = site.honest[0]
    with counted(site.lab, other_station=1):
        peer = site.peer(site.station)
        kind, body = peer.greet(victim, site.key_of(victim))
        expect_equal((kind, body.get(1)), (REFUSE, UNKNOWN_STATION), "the answer to a Hello with another's certificate")
        peer.close()
    expect_equal(site.peer(site.station).greet("TW-0001", bytes(32))[0], REFUSE, "the right certificate with a wrong key")


def stations(lab, *words):
    result = lab.run("cubby", "stations", *words, "--http", f"127.0.0.1:{lab.http}")
    expect_equal(result.returncode, 0, f"cubby stations {' '.join(words)}: {result.stdout}{result.stderr}; exit code")
    return result.stdout


def row_of(lab, station):
    return next(row for row in json.loads(stations(lab, "list", "--format", "json"))["rows"] if row["station"] == station)


def keys_of(lab):
    """Of every certificate: (role, name) and serial by the SHA-256 of its key."""
    return {row["key"]: (row["role"], row["name"]) for row in json.loads(pki(lab, "list", "--format", "json").stdout)["rows"]}


def bound(site, folder, station):
    with counted(site.lab, other_certificate=1):
        peer = site.peer(folder)
        kind, body = peer.greet(station, site.key_of(station))
        expect_equal((kind, body.get(1), body.get(2)), (REFUSE, CERTIFICATE, None), f"the answer to {station} with another certificate")
        peer.close()


def one_certificate_one_station(site):
    """A station's second certificate and a concentrator's wide one do not speak for a station that came with another, until somebody says so."""
    lab, name = site.lab, "SX-ZZ-0009"
    own = pki(lab, "issue", "station", name)
    rightful = welcomed(site, own, name)
    second = pki(lab, "issue", "station", name, "--renew", "--to", lab.folder / "second")
    for folder in (second, site.gateway, second):
        bound(site, folder, name)
    rightful.line.sendall(PING)
    expect_equal(rightful.receive()[0], ACK, "the answer to a Ping of the rightful one")
    row = row_of(lab, name)
    expect_equal((row["certificate_holder"], row["refused_holder"]), (f"station {name}",) * 2, "the certificates in the list")
    expect(row["certificate_key"] != row["refused_key"], "both keys are the same")
    for key in (row["certificate_key"], row["refused_key"]):
        expect_equal(keys_of(lab)[key], ("station", name), "whose key cubby pki list says that it is")
        expect(f"station {name} {key[:16]}" in stations(lab, "list"), "the table does not have it")
    expect('cubby_aggregator_refusals_total{code="certificate"} 3\n' in lab.get("/metrics")[1], "the metric")
    expect(f"refused station {name} with the certificate of concentrator gateway" in site.aggregator.log.read_text(), "the log")

    same_key = lab.folder / "same-key"
    expect_equal(subprocess.run(["openssl", "req", "-new", "-key", str(own / "key.pem"), "-subj", f"/CN={name}", "-out",
                                 str(lab.folder / "same.csr")], capture_output=True, check=False).returncode, 0, "openssl")
    pki(lab, "issue", "station", name, "--renew", "--csr", lab.folder / "same.csr", "--to", same_key)
    shutil.copy(own / "key.pem", same_key)
    rightful = welcomed(site, same_key, name)
    expect("rebind" not in row_of(lab, name), "somebody has let another key in")

    expect("the next other key is let in" in stations(lab, "rebind", name), "what rebind says")
    stations(lab, "rebind", name, "--withdraw")
    bound(site, second, name)
    stations(lab, "rebind", name, "--key", row["refused_key"])
    bound(site, site.gateway, name)
    welcomed(site, own, name).close()  # It goes on until the other one comes.
    welcomed(site, second, name).close()
    bound(site, own, name)
    expect("refused_holder" in row_of(lab, name), "the old one is not shown as refused")

    # For a station that came by a concentrator, a certificate of its own is another one.
    welcomed(site, site.gateway, "SX-ZZ-0010").close()
    bound(site, pki(lab, "issue", "station", "SX-ZZ-0010"), "SX-ZZ-0010")
    expect_equal({row_of(lab, station)["certificate_holder"] for station in (*site.honest, "SX-ZZ-0010")}, {"concentrator gateway"},
                 "whom the fleet is bound to")


def revoke_while_connected(site):
    lab = site.lab
    folder = pki(lab, "issue", "station", "TW-0003")
    bystander, peer = welcomed(site, site.station, "TW-0001"), welcomed(site, folder, "TW-0003")
    with counted(lab, revoked=1):
        pki(lab, "revoke", "station", "TW-0003")
        expect(peer.ended(5), "the session of a revoked certificate goes on")
    with counted(lab, revoked=1):
        site.refused(tls_context(folder))
    expect(not bystander.ended(0.1), "a session with a good certificate has ended")
    stations(lab, "rebind", "TW-0003")
    welcomed(site, pki(lab, "issue", "station", "TW-0003", "--to", lab.folder / "again"), "TW-0003").close()
    with counted(lab, expired=1):
        peer = welcomed(site, pki(lab, "issue", "station", "TW-0004", "--valid", "3s"), "TW-0004")
        expect(peer.ended(8), "the session of an expired certificate goes on")
    bystander.close()


def renew_the_aggregator(site):
    """Files that are replaced are in force without a restart; ones that do not fit together are not."""
    lab = site.lab
    def serial():
        peer = site.peer(site.station)
        number = peer.line.getpeercert()["serialNumber"]
        peer.close()
        return number
    first = serial()
    good = (site.centre / "crl.pem").read_bytes()
    (site.centre / "crl.pem").write_text("garbage\n")
    wait_until(lambda: "stay in force" in site.aggregator.log.read_text(), 5, "the aggregator to notice")
    expect_equal(serial(), first, "the certificate while the folder is broken")
    newer = pki(lab, "issue", "aggregator", "centre", "--host", "127.0.0.1", "--renew", "--to", lab.folder / "newer")
    for name in ("key.pem", "cert.pem"):
        shutil.copyfile(newer / name, site.centre / name)
    (site.centre / "crl.pem").write_bytes(good)
    wait_until(lambda: serial() != first, 5, "the new certificate to be shown")
    site.aggregator.process.send_signal(signal.SIGHUP)
    time.sleep(0.3)
    expect(site.aggregator.running(), "SIGHUP has ended the aggregator")
    expires = status(lab)["certificate_expires_utc_ms"] / 1000 - time.time()
    expect(364 * 86400 < expires < 366 * 86400, f"the certificate is said to expire in {expires} s")


def say_nothing_or_nonsense(site):
    lab = site.lab
    with counted(lab, not_tls=2):
        for words in (b"GET / HTTP/1.1\r\n\r\n", b"\x03\x01\x32\x00"):
            peer = Peer(lab.uplink)
            peer.line.sendall(words)
            expect(peer.ended(3), "plaintext is heard in the port of TLS")
    with counted(lab, tls_timeout=2, hello_timeout=1):
        silent, half, late = Peer(lab.uplink), Peer(lab.uplink), site.peer(site.station)
        half.line.sendall(b"\x16\x03\x01\x02\x00\x01")
        begin = time.monotonic()
        expect(late.ended(5), "a connection without Hello stays")
        expect(1.5 < time.monotonic() - begin < 4, f"a Hello is waited for for {time.monotonic() - begin:.1f} s")
        expect(silent.ended(8) and half.ended(2), "a handshake that does not end stays")
        expect(4 < time.monotonic() - begin < 8, f"a handshake is waited for for {time.monotonic() - begin:.1f} s")
    with counted(lab, tls_other=1):
        flood = Peer(lab.uplink)
        with contextlib.suppress(ConnectionError):
            flood.line.sendall(b"\x16\x03\x01\x40\x00" + bytes(20_000))
        expect(flood.ended(3), "a handshake without a bound is heard")


def crowd(site):
    """More who say nothing than there may be; the honest station comes from another address."""
    with counted(site.lab, pending_of_address=5, pending_in_all=10, tls_timeout=PENDING):
        crowd_of_one = [Peer(site.lab.uplink, source="127.0.0.2") for _ in range(PENDING_OF_ADDRESS + 5)]
        peer = welcomed(site, site.station, "TW-0001")
        rest = [Peer(site.lab.uplink, source=f"127.0.0.{3 + i}") for i in range(PENDING - PENDING_OF_ADDRESS + 10)]
        expect(not peer.ended(0.2), "a session suffers from the crowd")
        expect(all(it.ended(10) for it in crowd_of_one + rest), "some of the crowd stay")
    welcomed(site, site.station, "TW-0001").close()
    peer.close()


def controller(site):
    """cubby-controller reports over TLS too; without its certificate it serves and does not report."""
    lab, station = site.lab, "TW-0005"
    site.key_of(station)
    keys = lab.folder / f"keys-{station}"
    folder = pki(lab, "issue", "station", station)
    config = lab.folder / "controller.toml"
    config.write_text(f"""
[bus]
device = "{lab.folder}/no-adapter"
[journal]
file = "{lab.folder}/journal"
[uplink]
aggregator = "127.0.0.1:{lab.uplink}"
tls = "{folder}"
server_name = "127.0.0.1"
[keys]
station = "{keys}/station.key"
pass = "{keys}/pass.key"
[station]
name = "{station}"
city = "Testville"
utc_offset = "+00:00"
[[board]]
family = "p5"
address = 1
channels = 8
[[doors]]
board = 1
channels = "1-8"
sizes = "SSSSSSSS"
heights_cm = 60
""")
    check = lab.run("cubby-controller", "--config", str(config), "--check")
    expect_equal(check.returncode, 0, f"--check: {check.stdout}{check.stderr}")
    expect(f"certificate: {folder}: good until " in check.stdout, f"--check tells of the certificate: {check.stdout}")
    check = lab.run("cubby-controller", "--config", str(config), "--check", "--uplink-tls", str(site.station))
    expect_equal(check.returncode, 1, f"--check with another's certificate: {check.stdout}")
    expect("is of station TW-0001, not of station TW-0005" in check.stdout, check.stdout)

    def boots():
        return sum(int(row["boots"]) for row in lab.stats("--by", "station") if row["station"] == station)
    (folder / "key.pem").rename(folder / "key.away")
    program = Program(lab, "cubby-controller", ["--config", str(config)])
    wait_until(lambda: "nothing is reported until this is mended" in program.log.read_text(), 10, "the controller to say what is missing")
    expect(program.running() and boots() == 0, "without its key it serves and does not report")
    expect_equal(program.stop(), 0, "stopping the controller: exit code")
    (folder / "key.away").rename(folder / "key.pem")
    program = Program(lab, "cubby-controller", ["--config", str(config)])
    wait_until(lambda: boots() == 2, 15, "the controller's two boots to be counted")
    expect_equal(program.stop(), 0, "stopping the controller: exit code")


def no_falling_back(site):
    """An emulator with certificates says nothing to an aggregator without, and the reverse."""
    lab = site.lab
    short = ["--stations", "1", "--no-demand", "--days", "0.001", "--control", "none", "--new-journals"]
    with counted(lab, not_tls=1):
        peer = Peer(lab.uplink)
        peer.line.sendall(b"\x05\x00\x3a\x02\x08\x01")  # As an emulator without certificates begins.
        expect(peer.ended(3), "plaintext is heard in the port of TLS")
    for speed in ("max", "60"):
        told = lab.run("cubby-emulator", "--profile", "shanxi", "--aggregator", f"127.0.0.1:{lab.uplink}", *short, "--speed", speed)
        expect("wants --tls here" in told.stderr, f"--speed {speed}: what an emulator without certificates says of an aggregator with them: {told.stderr}")
    port, web = free_port(), free_port()
    plain = Program(lab, "cubby-aggregator", ["--listen", f"127.0.0.1:{port}", "--http", f"127.0.0.1:{web}", "--store", str(lab.folder / "plain.db")])
    lab.wait_for_port(plain, port)
    lab.run("cubby-emulator", "--profile", "shanxi", "--aggregator", f"127.0.0.1:{port}", "--tls", str(site.gateway), *short, "--speed", "60")
    rows = lab.run("cubby", "stats", "--http", f"127.0.0.1:{web}", "--format", "json", "--by", "station")
    expect_equal(json.loads(rows.stdout)["rows"], [], "what an aggregator without TLS heard of an emulator with it")
    expect_equal(plain.stop(), 0, "stopping the aggregator without TLS: exit code")


def refuse_bad_options(site):
    lab = site.lab
    def row(program, *arguments, code, words):
        result = lab.run(program, *map(str, arguments), seconds=20)
        expect_equal(result.returncode, code, f"{program} {arguments}: {result.stderr}; exit code")
        expect(words in result.stderr, f"{program} {arguments} says {words!r}: {result.stderr}")
    ports = ["--listen", f"127.0.0.1:{free_port()}", "--http", f"127.0.0.1:{free_port()}", "--store", lab.folder / "none.db"]
    row("cubby-aggregator", *ports, "--tls", lab.folder / "nowhere", code=2, words="--tls")
    row("cubby-aggregator", *ports, "--tls", site.centre, "--allow-plaintext", code=2, words="no falling back")
    row("cubby-aggregator", *ports, "--tls", site.station, code=1, words="crl.pem")
    row("cubby-aggregator", "--listen", "192.0.2.1:7400", code=2, words="--tls, or --allow-plaintext")
    row("cubby-aggregator", "--http", "192.0.2.1:7480", code=2, words="give --allow-plaintext-http")
    row("cubby-emulator", "--aggregator", "192.0.2.1:7400", code=2, words="--tls, or --allow-plaintext")
    row("cubby-emulator", "--tls", site.gateway, code=2, words="--aggregator")
    row("cubby-emulator", "--aggregator", "127.0.0.1:1", "--tls", site.centre, code=2, words="not good with ca.pem")
    row("cubby", "pki", "init", code=1, words="never overwritten")
    row("cubby", "pki", "issue", "station", "tw-1", code=2, words="is not a station's name")
    row("cubby", "pki", "issue", "station", "TW-0001", code=1, words="--renew")
    row("cubby", "pki", "issue", "aggregator", "a", code=2, words="--host")
    row("cubby", "pki", "issue", "aggregator", "a", "--host", "x y", code=2, words="DNS name")
    row("cubby", "pki", "issue", "concentrator", "c", "--station", "S*X", code=2, words="S*X")
    row("cubby", "pki", "issue", "station", "TW-9", "--valid", "10y", code=2, words="--valid")
    row("cubby", "pki", "revoke", "station", code=2, words="a role and a name")
    row("cubby", "pki", "revoke", "station", "TW-9", code=1, words="no certificate")
    row("cubby", "pki", "list", "--pki", lab.folder / "nowhere", code=1, words="cubby pki init")


def stand_still(lab, folder):
    """Connections that stop within their handshake take what docs/design/security.md promises at most."""
    aggregator = lab.aggregator("--tls", str(folder), "--log-level", "error")
    def memory():
        return int(re.search(r"^VmRSS:\s+(\d+) kB", pathlib.Path(f"/proc/{aggregator.process.pid}/status").read_text(), re.MULTILINE).group(1))
    before = memory()
    stalled = Stalled(lab.uplink, 400)
    grown, alive = memory() - before, stalled.alive()
    stalled.close()
    expect(alive == len(stalled.lines) > 50, f"{alive} of {len(stalled.lines)} are there still")
    expect(grown / alive <= 96, f"{grown / alive:.1f} KiB for each of {alive} handshakes")
    expect_equal(aggregator.stop(), 0, "stopping the aggregator: exit code")


def run(lab):
    site = Site(lab)
    site.deposit()
    connections = status(lab)["connections"]
    honest_sessions = status(lab)["sessions"]
    expect_equal((connections, honest_sessions), (2, 2), "connections and sessions of the fleet")
    wrong_certificates(site)
    steal_an_identity(site)
    one_certificate_one_station(site)
    revoke_while_connected(site)
    renew_the_aggregator(site)
    say_nothing_or_nonsense(site)
    crowd(site)
    controller(site)
    no_falling_back(site)
    refuse_bad_options(site)
    site.deposit()
    wait_until(lambda: status(lab)["sessions"] == honest_sessions, 5, "only the fleet to be connected")
    states = [row["state"] for row in json.loads(pki(lab, "list", "--format", "json").stdout)["rows"]]
    expect(states.count("revoked") == 1 and "expired" in states and "valid" in states, f"states in pki list: {states}")
    log = site.aggregator.log.read_text()
    for station in site.honest:
        expect(f"station {station}" not in log and f"{station}: closed" not in log, "an honest station stands in the log of refusals")
    expect_equal(site.fleet.stop(signal_number=signal.SIGINT), 0, "Ctrl-C of the emulator: exit code")
    last_line = lab.verify()
    expect_equal(site.aggregator.stop(), 0, "stopping the aggregator: exit code")
    stand_still(lab, site.centre)
    print(last_line)


main("tls", run)
