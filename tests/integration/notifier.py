#!/usr/bin/python3
"""`cubby notify` between a living fleet and a webhook that is slow, broken, busy or gone: every deposit arrives exactly once by
its key, also if the notifier is killed in between, the code that arrives opens the door, and no log has a secret.
"""
import hashlib
import hmac
import http.server
import json
import pathlib
import re
import shutil
import ssl
import stat
import subprocess
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support/python"))
from programs import Program, expect, expect_equal, free_port, main, wait_until  # noqa: E402

STATION = "SX-TY-0001"
PARCEL = "PARCEL7"  # How every parcel's number begins, so that a log can be searched for them.


class Webhook:
    """A receiver that plays a script, one act a request, and takes everything when it is at its end."""

    def __init__(self, certificate=None, clients=None):
        self.port = free_port()
        self.acts = []
        self.asked = []  # (key, act) of each request, in order.
        self.taken = {}  # Notice by its key.
        self.twice = []
        self.wrong = []
        self.secret = None
        hook = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):  # noqa: N802
                body = self.rfile.read(int(self.headers["Content-Length"]))
                hook.receive(self, body)

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            allow_reuse_address = True
            daemon_threads = True

            def handle_error(self, *_):
                pass

        self.server = Server(("127.0.0.1", self.port), Handler)
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*certificate)
            if clients:
                context.verify_mode = ssl.CERT_REQUIRED
                context.load_verify_locations(clients)
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True, do_handshake_on_connect=False)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def receive(self, request, body):
        key = request.headers["Idempotency-Key"]
        act = self.acts.pop(0) if self.acts else "take"
        self.asked.append((key, act))
        signature = "sha256=" + hmac.new(self.secret().encode(), body, hashlib.sha256).hexdigest()
        if not hmac.compare_digest(signature, request.headers["Cubby-Signature"]):
            self.wrong.append(f"signature of {key}")
        if act == "close":
            request.close_connection = True
            return
        if act == "slow":
            time.sleep(3)  # Longer than the notifier waits.
            request.close_connection = True
            return
        if act == "take, then silence":  # The receiver has it, the notifier does not hear of it.
            self.take(key, body)
            request.close_connection = True
            return
        if act == "take":
            self.take(key, body)
            request.send_response(204)
        elif act == "busy":
            request.send_response(429)
            request.send_header("Retry-After", "2")
        elif act == "endless":
            self.take(key, body)
            request.send_response(200)
            request.send_header("Content-Length", str(1 << 40))
            request.end_headers()
            request.close_connection = True
            return
        elif act == "elsewhere":
            request.send_response(307)
            request.send_header("Location", f"http://127.0.0.1:{self.port}/")
        else:
            request.send_response(int(act))
        request.send_header("Content-Length", "0")
        request.end_headers()

    def take(self, key, body):
        """What a receiver is asked to do: one effect a key."""
        notice = json.loads(body)
        if key in self.taken:
            self.twice.append(key)
            if self.taken[key] != notice:
                self.wrong.append(f"{key} says something else the second time")
        self.taken[key] = notice

    def of_parcel(self, parcel):
        found = [notice for notice in list(self.taken.values()) if notice.get("parcel") == parcel]
        return found[0] if found else None

    def close(self):
        self.server.shutdown()
        self.server.server_close()


def notify(lab, hook, *more, scheme="http"):
    patience = [] if "--timeout" in more else ["--timeout", "2s"]
    return Program(lab, "cubby", ["notify", "--webhook", f"{scheme}://127.0.0.1:{hook.port}/a-secret-path",
                                  "--http", f"127.0.0.1:{lab.http}", *patience, *more])


def deposit(lab, parcel, station=STATION):
    """(compartment, code) as the emulated courier and recipient know them."""
    result = lab.inject("deposit", "--station", station, "--size", "S", "--carrier", "sf", "--parcel", parcel)
    expect_equal(result.returncode, 0, f"inject deposit: {result.stdout}{result.stderr}; exit code")
    words = result.stdout.split()  # "compartment 12 code 12345678"
    return int(words[1]), words[3]


def started(program):
    """Once it has said where it begins; all runs write into one log."""
    wait_until(lambda: "notices to" in program.log.read_text().rpartition("\n$ ")[2], 20, "the notifier to say where it begins")
    return program


def nothing_before_the_first_start(lab, hook):
    deposit(lab, PARCEL + "OLD")
    time.sleep(1)  # For its event to be durable.
    program = started(notify(lab, hook))
    door, code = deposit(lab, PARCEL + "FIRST")
    notice = wait_until(lambda: hook.of_parcel(PARCEL + "FIRST"), 10, "the first notice")
    expect_equal((notice["kind"], notice["station"], notice["compartment"], notice["carrier"], notice["size"], notice["second_input"]),
                 ("deposited", STATION, door, "sf", "S", "none"), "what it says")
    expect_equal(notice["code"], code, "the code")
    expect(hook.of_parcel(PARCEL + "OLD") is None, "a notice of what was before the first start")
    key = f"{STATION}/{notice['journal']}/{notice['seq']}"
    expect_equal(list(hook.taken.values()).count(notice), 1, "the notice")
    expect(key in hook.taken, f"the key is not {key}")
    result = lab.inject("collect", "--station", STATION, "--code", notice["code"])
    expect_equal(result.stdout.split()[:2], ["compartment", str(door)], f"the door that the notice's code opens ({result.stderr})")
    return program


def every_failure_is_tried_again(lab, hook, program):
    acts = ["500", "close", "slow", "busy", "elsewhere", "404", "take, then silence", "take"]
    before = len(hook.asked)
    hook.acts = list(acts)
    deposit(lab, PARCEL + "A")
    deposit(lab, PARCEL + "B")
    wait_until(lambda: hook.of_parcel(PARCEL + "B"), 120, "the notices behind a receiver that fails in every way")
    wait_until(lambda: not hook.acts, 5, "the script to end")
    asked = hook.asked[before:]
    first = asked[0][0]
    expect_equal([act for key, act in asked if key == first], acts, "what the first of them met")
    expect_equal(hook.twice, [first], "keys that came twice")
    expect_equal(asked[-1][1], "take", "the other one")
    hook.acts = ["endless"]
    deposit(lab, PARCEL + "C")
    deposit(lab, PARCEL + "D")
    wait_until(lambda: hook.of_parcel(PARCEL + "D"), 20, "the notice after an endless answer")
    expect_equal(program.running(), True, "the notifier")


def what_was_put_aside_is_sent_again(lab, hook):
    """While the receiver still refuses one of two, that one stays."""
    refused = lab.home / "notify.refused"
    running = started(notify(lab, hook))
    hook.acts = ["422"]
    deposit(lab, PARCEL + "WORSE")
    wait_until(lambda: len(refused.read_text().splitlines()) == 2, 20, "the second notice to be put aside")
    second = notify(lab, hook, "--replay")
    expect_equal(second.wait(20), 1, "a replay beside the notifier: exit code")
    expect("another notifier is using it" in second.log.read_text(), "a replay beside the notifier says")
    expect_equal(running.stop(10), 0, "SIGTERM: exit code")
    ids = [json.loads(line)["id"] for line in refused.read_text().splitlines()]
    # What happens to a list by hand: a line that is none, and one of an event that there is not.
    strange = json.dumps({"id": ids[0], "station": STATION, "journal": "00" * 16, "seq": 7, "kind": "deposited", "reason": "x"})
    refused.write_text(refused.read_text() + "rubbish\n" + strange + "\n")
    hook.acts = ["500", "take", "422"]
    program = notify(lab, hook, "--replay")
    expect_equal(program.wait(30), 1, "a replay that leaves some: exit code")
    lines = refused.read_text().splitlines()
    expect_equal([json.loads(lines[0])["id"], lines[1], json.loads(lines[2])["reason"], len(lines)],
                 [ids[1], "rubbish", "the event is not in the log any more", 3], "what is left")
    expect(hook.of_parcel(PARCEL + "BAD"), "the first one's notice was not sent again")
    expect_equal(stat.S_IMODE(refused.stat().st_mode), 0o600, "the list's mode")
    refused.write_text(lines[0] + "\n")
    expect_equal(notify(lab, hook, "--replay").wait(30), 0, "a replay that leaves none: exit code")
    expect(hook.of_parcel(PARCEL + "WORSE"), "the second one's notice was not sent again")
    expect_equal(refused.read_text(), "", "the list in the end")
    expect_equal(notify(lab, hook, "--replay").wait(30), 0, "a replay of nothing: exit code")


def what_is_refused_is_put_aside(lab, hook):
    hook.acts = ["422"]
    deposit(lab, PARCEL + "BAD")
    deposit(lab, PARCEL + "GOOD")
    wait_until(lambda: hook.of_parcel(PARCEL + "GOOD"), 20, "the notice behind a refused one")
    refused = lab.home / "notify.refused"
    lines = [json.loads(line) for line in refused.read_text().splitlines()]
    expect_equal([(line["kind"], line["reason"]) for line in lines], [("deposited", "HTTP status 422")], "what was put aside")
    row = json.loads(lab.ask("GET", f"/v1/events?after={lines[0]['id'] - 1}&limit=1", "http.notifier.token")[1])["rows"][0]
    expect_equal(row["event"]["deposited"]["parcel"], PARCEL + "BAD", "the event that it names")
    expect_equal(stat.S_IMODE(refused.stat().st_mode), 0o600, "its mode")


def killed_at_any_time_it_loses_nothing(lab, hook, program):
    """Killed while the receiver takes and fails in turns; a second one at the same time is refused."""
    other = notify(lab, hook)
    expect_equal(other.wait(20), 1, "a second notifier: exit code")
    expect("another notifier is using it" in other.log.read_text(), "a second notifier says")
    codes = {}
    for number in range(12):
        hook.acts = ["500", "take, then silence", "take"][:1 + number % 3]
        parcel = f"{PARCEL}K{number}"
        codes[parcel] = deposit(lab, parcel)[1]
        time.sleep(0.13 * (number % 5))
        program.kill()
        program = notify(lab, hook)
    wait_until(lambda: all(hook.of_parcel(parcel) for parcel in codes), 60, "all notices after twelve kills")
    for parcel, code in codes.items():
        notices = [notice for notice in hook.taken.values() if notice.get("parcel") == parcel]
        expect_equal([notice["code"] for notice in notices], [code], f"notices of {parcel} by key")
    return program


def the_aggregator_may_be_away(lab, hook, aggregator):
    aggregator.kill()
    time.sleep(2)
    again = lab.aggregator("--open-per-station", "0")
    wait_until(lambda: json.loads(lab.get(f"/v1/stations/{STATION}")[1])["online"], 60, "the station to be back")
    deposit(lab, PARCEL + "BACK")
    wait_until(lambda: hook.of_parcel(PARCEL + "BACK"), 30, "the notice after the aggregator was away")
    return again


def a_new_code_is_told(lab, hook):
    door, old = deposit(lab, PARCEL + "REISSUED")
    first = wait_until(lambda: hook.of_parcel(PARCEL + "REISSUED"), 20, "the first code")
    order = json.dumps({"action": "reissue", "compartment": door, "life_s": 3600})
    expect_equal(lab.ask("POST", f"/v1/stations/{STATION}/commands", "http.token", order)[0], 202, "the order")
    def reissued():
        return [notice for notice in list(hook.taken.values()) if notice["kind"] == "code_reissued" and notice["compartment"] == door]
    notice = wait_until(reissued, 20, "the new code")[0]
    expect_equal((notice["journal"], notice["counter"]), (first["journal"], first["counter"]), "whose code it is")
    expect(notice["code"] != old, "the code is the old one")
    expect_equal(lab.inject("collect", "--station", STATION, "--code", old).returncode, 1, "the dead code: exit code")
    result = lab.inject("collect", "--station", STATION, "--code", notice["code"])
    expect_equal(result.returncode, 0, f"the new code: {result.stdout}{result.stderr}; exit code")
    order = json.dumps({"action": "expire", "compartment": deposit(lab, PARCEL + "LATE")[0], "life_s": 3600})
    expect_equal(lab.ask("POST", f"/v1/stations/{STATION}/commands", "http.token", order)[0], 202, "the order")
    late = wait_until(lambda: [notice for notice in list(hook.taken.values()) if notice["kind"] == "overdue"], 20, "the overdue parcel")
    expect_equal(late[0]["counter"], hook.of_parcel(PARCEL + "LATE")["counter"], "which parcel is overdue")
    expect("code" not in late[0], "a dead code is told")


def self_signed(lab, name, host):
    """(certificate, key)"""
    expect_equal(subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                                 "-subj", "/CN=x", "-addext", f"subjectAltName={host}", "-keyout", str(lab.folder / f"{name}.key"),
                                 "-out", str(lab.folder / f"{name}.pem")], capture_output=True, check=False).returncode, 0, "openssl")
    return str(lab.folder / f"{name}.pem"), str(lab.folder / f"{name}.key")


def only_our_authority_is_believed(lab):
    """Over TLS: a certificate of the wrong name or of nobody's authority takes no notice."""
    good = self_signed(lab, "good", "IP:127.0.0.1")
    other = self_signed(lab, "other", "DNS:elsewhere.example")
    cursor = str(lab.folder / "tls.cursor")
    for what, served, believed in (("nobody's authority", good, ()), ("another name", other, ("--ca", other[0]))):
        hook = Webhook(served)
        hook.secret = (lab.home / "notify.secret").read_text().strip
        program = started(notify(lab, hook, "--cursor", cursor, "--from-beginning", "--give-up", "1s", *believed, scheme="https"))
        expect_equal(program.wait(30), 1, f"{what}: exit code")
        expect("certificate verify failed" in program.tail(4), f"{what}: {program.tail(4)}")
        expect_equal(hook.asked, [], f"{what}: requests")
        hook.close()
    hook = Webhook(good)
    hook.secret = (lab.home / "notify.secret").read_text().strip
    program = started(notify(lab, hook, "--cursor", cursor, "--ca", good[0], scheme="https"))
    wait_until(lambda: hook.of_parcel(PARCEL + "OLD") and hook.of_parcel(PARCEL + "LATE"), 60, "the whole history over TLS")
    expect_equal((hook.wrong, hook.twice), ([], []), "over TLS")
    expect_equal(program.stop(10), 0, "SIGTERM: exit code")
    hook.close()


def a_receiver_that_wants_to_know_us(lab):
    """It takes notices only from who has a certificate of its authority."""
    server = self_signed(lab, "server", "IP:127.0.0.1")
    client = self_signed(lab, "client", "DNS:notifier.example")
    pathlib.Path(client[1]).chmod(0o600)
    hook = Webhook(server, clients=client[0])
    hook.secret = (lab.home / "notify.secret").read_text().strip
    place = ("--cursor", str(lab.folder / "mutual.cursor"), "--ca", server[0], "--from-beginning")
    program = started(notify(lab, hook, *place, "--give-up", "1s", scheme="https"))
    expect_equal(program.wait(30), 1, "without a certificate: exit code")
    expect_equal(hook.asked, [], "requests of somebody without a certificate")
    known = ("--client-cert", client[0], "--client-key", client[1])
    program = started(notify(lab, hook, *place, *known, scheme="https"))
    wait_until(lambda: hook.of_parcel(PARCEL + "OLD"), 60, "notices with a certificate")
    expect_equal((program.stop(10), hook.wrong), (0, []), "with a certificate")
    pathlib.Path(client[1]).chmod(0o644)
    result = lab.run("cubby", "notify", "--webhook", f"https://127.0.0.1:{hook.port}/", *known)
    expect(result.returncode == 1 and "can be read by others" in result.stderr, f"a key that others can read: {result.stderr}")
    pathlib.Path(client[1]).chmod(0o600)
    program = notify(lab, hook, *place, "--client-cert", client[0], "--client-key", server[1], scheme="https")
    expect_equal(program.wait(30), 1, "another one's key: exit code")
    expect("--client-cert, --client-key: they cannot be used" in program.tail(3), f"another one's key: {program.tail(3)}")
    hook.close()


def one_station_only(lab, secret):
    other = next(row["station"] for row in json.loads(lab.get("/v1/stations")[1])["rows"] if row["station"] != STATION)
    deposit(lab, PARCEL + "OTHER", other)
    hook = Webhook()
    hook.secret = secret
    program = started(notify(lab, hook, "--cursor", str(lab.folder / "one.cursor"), "--from-beginning", "--station", other))
    wait_until(lambda: hook.of_parcel(PARCEL + "OTHER"), 30, "the notice of one station")
    expect_equal({notice["station"] for notice in hook.taken.values()}, {other}, "stations of the notices")
    expect_equal(program.stop(10), 0, "SIGTERM: exit code")
    hook.close()


def a_signal_ends_what_hangs(lab, hook):
    """SIGTERM while the receiver says nothing: the notice comes at the next start."""
    program = started(notify(lab, hook, "--timeout", "60s"))
    hook.acts = ["slow"]
    deposit(lab, PARCEL + "HUNG")
    wait_until(lambda: not hook.acts, 20, "the receiver to be asked")
    began = time.monotonic()
    expect_equal(program.stop(10), 0, "SIGTERM while the receiver hangs: exit code")
    expect(time.monotonic() - began < 2, f"it ended after {time.monotonic() - began:.1f} s")
    program = started(notify(lab, hook))
    wait_until(lambda: hook.of_parcel(PARCEL + "HUNG"), 20, "the notice after the next start")
    expect_equal(program.stop(10), 0, "SIGTERM: exit code")
    for number in range(10):  # Between any two steps, while it sends the whole history.
        program = started(notify(lab, hook, "--cursor", str(lab.folder / f"{number}.cursor"), "--from-beginning"))
        time.sleep(0.007 * number)
        expect_equal(program.stop(10), 0, f"SIGTERM {7 * number} ms after the beginning: exit code")


def another_log_is_noticed(lab, hook):
    """The store is put back to an older copy: what comes then has ids that were read already."""
    text = (lab.home / "notify.cursor").read_text()
    place = json.loads(text)
    place["last"]["seq"] += 1
    (lab.home / "notify.cursor").write_text(json.dumps(place))
    program = notify(lab, hook)
    expect_equal(program.wait(30), 1, "another event at our place: exit code")
    expect("another event where one was read" in program.tail(3), f"another log: {program.tail(3)}")
    (lab.home / "notify.cursor").write_text(json.dumps({"after": 1 << 50}))
    program = notify(lab, hook)
    expect_equal(program.wait(30), 1, "a place beyond the log: exit code")
    expect("shorter than what was read" in program.tail(3), f"a shorter log: {program.tail(3)}")
    (lab.home / "notify.cursor").write_text("rubbish")
    expect_equal(notify(lab, hook).wait(30), 1, "a broken cursor: exit code")
    (lab.home / "notify.cursor").write_text(text)


def a_restored_store_is_followed(lab, hook, aggregator):
    """A backup, deposits that are told, the store is lost and the backup put back: what stations report again is told again under the same
    keys, what is new is told, and whoever had read further than the restored log goes is not passed over."""
    def cursor():
        return json.loads((lab.home / "notify.cursor").read_text())
    program = started(notify(lab, hook))
    deposit(lab, PARCEL + "BEFORE")
    wait_until(lambda: hook.of_parcel(PARCEL + "BEFORE"), 20, "the notice before the backup")
    backup = lab.folder / "notifier.backup"
    result = lab.run("cubby", "store", "backup", "--store", str(lab.store), "--to", str(backup))
    expect_equal(result.returncode, 0, f"cubby store backup: {result.stderr}; exit code")
    deposit(lab, PARCEL + "SINCE")
    wait_until(lambda: hook.of_parcel(PARCEL + "SINCE"), 20, "the notice since the backup")
    wait_until(lambda: cursor().get("last"), 5, "the place to be saved")
    expect_equal(program.stop(10), 0, "SIGTERM: exit code")
    before = cursor()
    for is_lost in (False, True):  # With the former store, and without it: then its ids are given again.
        aggregator.kill()
        for file in lab.folder.glob(lab.store.name + "*") if is_lost else ():
            file.unlink()
        result = lab.run("cubby", "store", "restore", "--from", str(backup), "--store", str(lab.store))
        expect_equal(result.returncode, 0, f"cubby store restore: {result.stderr}; exit code")
        aggregator = lab.aggregator("--open-per-station", "0")
        wait_until(lambda: all(row["online"] for row in json.loads(lab.get("/v1/stations")[1])["rows"]), 90, "the stations to be back")
        told = len(hook.twice)
        (lab.home / "notify.cursor").write_text(json.dumps(before))
        program = started(notify(lab, hook))
        parcel = f"{PARCEL}AFTER{int(is_lost)}"
        deposit(lab, parcel)
        wait_until(lambda parcel=parcel: hook.of_parcel(parcel), 60, "the notice of a deposit after the restore")
        wait_until(lambda told=told: len(hook.twice) > told, 30, "what was told since the backup to be told again")
        words = program.log.read_text().rpartition("\n$ ")[2]
        expect("restored from a backup: going on behind event" in words, "the log says nothing of it")
        expect("before which nothing has changed" in words if is_lost else "as before" in words, f"where it goes on: {words}")
        expect_equal(program.stop(10), 0, "SIGTERM: exit code")
        expect(cursor()["store"]["generation"] > before["store"]["generation"], "the generation in the cursor")
        expect_equal(cursor()["store"]["uid"], before["store"]["uid"], "the store in the cursor")
    for field, value, words in (("uid", "00" * 16, "has another store"), ("generation", 1 << 52, "put back to an older copy")):
        place = cursor()
        place["store"][field] = value
        (lab.folder / "other.cursor").write_text(json.dumps(place))
        asked = len(hook.asked)
        program = notify(lab, hook, "--cursor", str(lab.folder / "other.cursor"))
        expect_equal(program.wait(30), 1, f"a place of another {field}: exit code")
        expect(words in program.tail(3), f"a place of another {field}: {program.tail(3)}")
        expect_equal(len(hook.asked), asked, f"requests of a place of another {field}")


def bad_options(lab, hook):
    def refused(code, words, *arguments):
        result = lab.run("cubby", "notify", *arguments)
        expect(result.returncode == code and words in result.stderr, f"{arguments}: {result.returncode} {result.stderr}")
        expect(result.stderr.count("\n") <= 1, f"{arguments}: more than a line: {result.stderr}")
    here = f"http://127.0.0.1:{hook.port}/"
    refused(2, "--webhook", "--http", f"127.0.0.1:{lab.http}")
    refused(2, "must begin with https://", "--webhook", "ftp://127.0.0.1/")
    refused(2, "no name and password", "--webhook", "https://me:secret@127.0.0.1/")
    refused(2, "shows codes to everybody", "--webhook", "http://192.0.2.1/")
    refused(2, "is not 1s to 60s", "--webhook", here, "--timeout", "0")
    refused(2, "--ca", "--webhook", here, "--ca", "/nowhere")
    refused(2, "--client-key", "--webhook", here, "--client-cert", str(lab.home / "fleet.key"))
    key = str(lab.home / "fleet.key")
    refused(2, "goes with https://", "--webhook", here, "--client-cert", key, "--client-key", key)
    refused(1, "--fleet-key", "--webhook", here, "--fleet-key", str(lab.folder / "no.key"))
    shutil.copy(lab.home / "http.viewer.token", lab.folder / "viewer.token")
    result = lab.run("cubby", "notify", "--webhook", here, "--http", f"127.0.0.1:{lab.http}", "--token-file", str(lab.folder / "viewer.token"))
    expect(result.returncode == 1 and "does not take the token for a notifier's" in result.stderr, f"a viewer's token: {result.stderr}")


def no_log_has_a_secret(lab, hook):
    secrets = {(lab.home / name).read_text().strip() for name in
               ("fleet.key", "http.token", "http.notifier.token", "http.viewer.token", "http.admin.token", "notify.secret", "control.token")}
    secrets |= {notice["code"] for notice in hook.taken.values() if "code" in notice}
    secrets |= {PARCEL, "Bearer"}
    logs = {name: (lab.folder / f"{name}.log").read_text() for name in ("cubby", "cubby-aggregator", "cubby-emulator")}
    logs["notify.refused"] = (lab.home / "notify.refused").read_text()
    logs["notify.cursor"] = (lab.home / "notify.cursor").read_text()
    expect(len(secrets) > 20, f"only {len(secrets)} secrets to look for")
    for name, text in logs.items():
        text = "\n".join(line for line in text.splitlines() if not line.startswith("$ "))  # The test's own command lines.
        for secret in secrets | {"a-secret-path"}:
            expect(not re.search(rf"(?<![0-9a-f]){re.escape(secret)}", text), f"{name} has {secret}")


def test(lab):
    aggregator = lab.aggregator("--open-per-station", "0")
    lab.live_emulator("--stations", "3", "--speed", "20", "--seed", "5")
    hook = Webhook()
    hook.secret = lambda: (lab.home / "notify.secret").read_text().strip()
    program = nothing_before_the_first_start(lab, hook)
    every_failure_is_tried_again(lab, hook, program)
    what_is_refused_is_put_aside(lab, hook)
    program = killed_at_any_time_it_loses_nothing(lab, hook, program)
    aggregator = the_aggregator_may_be_away(lab, hook, aggregator)
    a_new_code_is_told(lab, hook)
    expect_equal(program.stop(10), 0, "SIGTERM: exit code")
    what_was_put_aside_is_sent_again(lab, hook)
    only_our_authority_is_believed(lab)
    a_receiver_that_wants_to_know_us(lab)
    one_station_only(lab, hook.secret)
    a_signal_ends_what_hangs(lab, hook)
    another_log_is_noticed(lab, hook)
    a_restored_store_is_followed(lab, hook, aggregator)
    bad_options(lab, hook)
    expect_equal(hook.wrong, [], "what the receiver found wrong")
    no_log_has_a_secret(lab, hook)


if __name__ == "__main__":
    main("notifier", test)
