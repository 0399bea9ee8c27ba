#!/usr/bin/python3
"""What a user types wrongly: one line that names the option, exit code 2, and nothing half-started."""
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support/python"))
from programs import Failure, expect_equal, free_port, main  # noqa: E402

PROGRAMS = ("cubby-aggregator", "cubby-emulator", "cubby")


class Table:
    """Collects every broken row, so that one run tells all."""

    def __init__(self, lab):
        self.lab = lab
        self.broken = []
        self.rows = 0

    def fail(self, row, why):
        self.broken.append(f"{row}: {why}")

    def row(self, program, arguments, code=2, names=(), lines_max=1):
        """Runs it; wants the exit code, at most so many lines on stderr, and each of `names` in them."""
        self.rows += 1
        shown = f"{program} {' '.join(arguments)}"
        try:
            result = self.lab.run(program, *arguments, seconds=15)
        except Failure as failure:
            self.fail(shown, str(failure))
            return
        talk = [line for line in result.stderr.splitlines() if line.strip()]
        if result.returncode != code:
            self.fail(shown, f"exit code {result.returncode}, expected {code}: {result.stderr.strip()!r}")
        elif not talk:
            self.fail(shown, "says nothing on standard error")
        elif len(talk) > lines_max:
            self.fail(shown, f"{len(talk)} lines where one is enough: {result.stderr.strip()!r}")
        for name in names:
            if name.lower() not in result.stderr.lower():
                self.fail(shown, f"does not name {name!r}: {result.stderr.strip()!r}")
        if re.search(r"terminate called|Assertion|std::", result.stderr):
            self.fail(shown, f"talks about the program's insides: {result.stderr.strip()!r}")


def help_and_version(lab, table):
    for program in PROGRAMS:
        result = lab.run(program, "--help")
        table.rows += 1
        if result.returncode != 0 or "--help" not in result.stdout or result.stderr:
            table.fail(f"{program} --help", f"exit code {result.returncode}, {len(result.stdout)} characters on standard output")
        elif "example" not in result.stdout.lower():
            table.fail(f"{program} --help", "shows no examples")
    for words in (("stats",), ("export", "events"), ("export", "stats"), ("verify",), ("inject",), ("inject", "deposit"), ("inject", "collect"), ("inject", "fault"),
                  ("inject", "replay"), ("panel",), ("pki",), ("pki", "issue")):
        result = lab.run("cubby", *words, "--help")
        table.rows += 1
        if result.returncode != 0 or not result.stdout:
            table.fail(f"cubby {' '.join(words)} --help", f"exit code {result.returncode}")


def emulator_rows(table):
    row = lambda *arguments, **options: table.row("cubby-emulator", list(arguments), **options)
    row("--no-such-option", names=["--no-such-option"])
    row("--station", "5", names=["--station"])  # No abbreviations: it is --stations.
    row("--stations", names=["--stations"])
    row("--seed", "1", "--seed", "2", names=["--seed"])
    for value in ("0", "-1", "1000000000", "NaN", "99999999999999999999", "2.5", "ten", ""):
        row("--stations", value, names=["--stations"])
    for value in ("0", "-1", "NaN", "1e9999", "99999999999999999999"):
        row("--days", value, names=["--days"])
    for value in ("0", "-1", "1001", "NaN", "fast", ""):
        row("--speed", value, names=["--speed"])
    for value in ("0", "-1", "100000", "x"):
        row("--threads", value, names=["--threads"])
    for value in ("-1", "x", "18446744073709551616"):
        row("--seed", value, names=["--seed"])
    row("--profile", "shanxl", names=["--profile", "shanxi"])  # The nearest name is offered.
    row("--profile", "/no/such/profile.toml", names=["--profile", "/no/such/profile.toml"])
    row("--profile", "/", names=["--profile", "folder"])
    row("--set", names=["--set"])
    row("--set", "burst_mun=3", names=["--set burst_mun", "burst_min"])
    row("--set", "burst_min=3", "--set", "dwell=weekly", names=["--set dwell", "lognormal"])
    row("--set", "stations", names=["--set stations", "KEY=VALUE"])
    row("--set", "burst_min=26", names=["burst_max"])
    row("--aggregator", "localhost", names=["--aggregator"])
    row("--aggregator", "127.0.0.1:0", names=["--aggregator"])
    row("--aggregator", "127.0.0.1:70000", names=["--aggregator"])
    row("--ledger", "/no/such/folder/ledger.csv", "--stations", "1", "--days", "1", "--speed", "max", names=["/no/such/folder"])
    row("--ledger", "/", "--stations", "1", "--days", "1", "--speed", "max", names=["--ledger"])
    row("--trace", "/no/such/trace.csv", names=["/no/such/trace.csv"])
    row("left-over", names=["left-over"])


def aggregator_rows(lab, table):
    row = lambda *arguments, **options: table.row("cubby-aggregator", list(arguments), **options)
    listen = ["--listen", f"127.0.0.1:{free_port()}", "--http", f"127.0.0.1:{free_port()}"]
    store = ["--store", str(lab.folder / "bad-input.db")]
    row("--no-such-option", names=["--no-such-option"])
    row("--upgrade", "--store", "/no/such.db", names=["--store"])
    row("--upgrade", "--store", __file__, code=1, names=["--upgrade", __file__])
    row("--listen", names=["--listen"])
    for value in ("nonsense", "127.0.0.1:70000", "127.0.0.1:-1", "127.0.0.1:", ":"):
        row("--listen", value, *store, names=["--listen"])
    row(*listen, "--store", str(lab.folder), names=["--store"])
    row(*listen, "--store", "/no/such/folder/cubby.db", names=["/no/such/folder"])
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        row("--listen", f"127.0.0.1:{port}", *listen[2:], *store, code=1, names=[str(port), "in use"])
        row(*listen[:2], "--http", f"127.0.0.1:{port}", *store, code=1, names=[str(port), "in use"])
    garbage = lab.folder / "garbage.db"
    garbage.write_bytes(b"this is no store\n" * 500)
    row(*listen, "--store", str(garbage), code=1, names=["garbage.db"])
    expect_equal(garbage.read_bytes(), b"this is no store\n" * 500, "a file that is no store is left alone")


def cubby_rows(lab, table):
    row = lambda *arguments, **options: table.row("cubby", list(arguments), **options)
    nobody = f"127.0.0.1:{free_port()}"
    row("frobnicate", names=["frobnicate"])
    row("inject", names=["deposit"])
    row("inject", "deposit", "--size", "M", names=["--station"])
    row("inject", "deposit", "--station", "SX-TY-0007", "--size", "Q", names=["--size"])
    row("inject", "deposit", "--station", "no spaces", "--size", "M", names=["--station"])
    row("inject", "collect", "--station", "SX-TY-0007", "--code", "1234", names=["--code"])
    row("inject", "collect", "--station", "SX-TY-0007", "--code", "1234567x", names=["--code"])
    row("inject", "fault", "--station", "SX-TY-0007", "--kind", "flood", names=["--kind", "jam"])
    row("inject", "fault", "--station", "SX-TY-0007", "--kind", "jam", "--door", "0", names=["--door"])
    row("inject", "fault", "--station", "SX-TY-0007", "--kind", "jam", "--door", "12", "--for", "soon", names=["--for"])
    row("inject", "replay", "/no/such/trace.csv", names=["/no/such/trace.csv"])
    row("inject", "deposit", "--control", nobody, "--station", "SX-TY-0007", "--size", "M", code=1, names=[nobody])
    at_panel = ("panel", "--control", nobody, "--station", "SX-TY-0007")
    row(*at_panel, code=1, names=[nobody])
    row("panel", names=["--station"])
    row(*at_panel, "--keys", "", names=["--keys"])
    row(*at_panel, "--keys", "1" * 33, names=["--keys", "32"])
    row(*at_panel, "--scan", "x" * 81, names=["--scan", "80"])
    row(*at_panel, "--shut", "193", names=["--shut", "192"])
    row(*at_panel, "--put", "0", names=["--put"])
    row(*at_panel, "--courier", "SF", names=["--courier"])
    row(*at_panel, "--keys", "1", "--scan", "P1", names=["--keys", "--scan"])
    row(*at_panel, "--for", "1m", names=["--watch"])
    row(*at_panel, "--watch", "--for", "soon", names=["--for"])
    row("stats", "--by", "colour", names=["--by", "city"])
    row("stats", "--format", "xml", names=["--format", "json"])
    row("stats", "--http", nobody, code=1, names=[nobody])
    a_file = ["--store", __file__]
    row("export", names=["events", "stats"])
    row("export", "events", names=["--store"])
    row("export", "events", "--store", "/no/such.db", names=["--store", "/no/such.db"])
    row("export", "events", *a_file, "--format", "xml", names=["--format", "epcis"])
    row("export", "events", *a_file, "--from", "yesterday", names=["--from", "2025-03-03"])
    row("export", "events", *a_file, "--from", "2025-03-04", "--to", "2025-03-04", names=["--from", "--to"])
    row("export", "events", *a_file, "--uri-prefix", "https://no slash", names=["--uri-prefix"])
    row("export", "events", *a_file, code=1, names=[__file__])
    row("export", "stats", *a_file, "--by", "colour", names=["--by", "city"])
    row("export", "stats", *a_file, "--format", "epcis", names=["--format", "jsonl"])
    row("export", "stats", *a_file, code=1, names=[__file__])
    row("store", names=["info, backup, restore"])
    row("store", "backup", *a_file, names=["--to"])
    row("store", "backup", *a_file, "--to", str(lab.folder), names=["--to", "directory"])
    row("store", "backup", *a_file, "--to", str(lab.folder / "copy.db"), code=1, names=[__file__])
    row("store", "restore", "--from", "/no/such.db", "--store", str(lab.folder / "x.db"), names=["--from", "/no/such.db"])
    row("store", "restore", "--from", __file__, "--store", str(lab.folder / "x.db"), code=1, names=[__file__])
    row("store", "info", *a_file, code=1, names=[__file__])
    row("verify", names=["--store"])
    row("verify", "--store", "/no/such/cubby.db", names=["/no/such/cubby.db"])
    row("verify", "--store", str(lab.folder), names=["--store"])
    row("verify", *a_file, code=1, names=["--store", __file__, "not a database"])
    trace = lab.folder / "trace.csv"
    trace.write_text("time,station,action,parcel,carrier,size\n1h,SX-TY-0001,explode,P1,sf,M\n2h,NOWHERE,deposit,P2,sf,Q\n")
    row("inject", "replay", str(trace), lines_max=4, names=["trace.csv:2", "explode", "trace.csv:3"])


def configuration_rows(lab, table):
    def configuration(program, text, names, lines_max=1):
        file = lab.folder / "options.toml"
        file.write_bytes(text)
        table.row(program, ["--config", str(file)], names=["options.toml", *names], lines_max=lines_max)
    for program in ("cubby-aggregator", "cubby-emulator"):
        configuration(program, b"no-such-key = 1\n", ["no-such-key"])
        configuration(program, b"http = 5 =\n", [":1:"])
        configuration(program, b"[=]\n", [":1:2"])
        configuration(program, b'"\\u001b[2J" = 1\n', ["?[2J"])
        table.row(program, ["--config", "/no/such/options.toml"], names=["/no/such/options.toml"])
        table.row(program, ["--config", str(lab.folder)], names=["--config"])
    configuration("cubby-emulator", b"\n\nstations = -4\n", ["stations"])
    configuration("cubby-emulator", b"stations = \"many\"\n", ["stations"])
    configuration("cubby-emulator", b"sttions = 4\n", ["sttions", "stations"])
    configuration("cubby-emulator", b"seed = 1\nseed = 2\n", ["seed"])


def http_rows(lab, table):
    aggregator = lab.aggregator()

    def ask(line, headers="", body=b"", token=True):
        authorization = f"Authorization: Bearer {(lab.home / 'http.token').read_text().strip()}\r\n" if token else ""
        with socket.create_connection(("127.0.0.1", lab.http), 5) as connection:
            connection.settimeout(15)
            connection.sendall(f"{line}\r\nHost: x\r\n{authorization}{headers}Connection: close\r\n\r\n".encode() + body)
            answer = b""
            while chunk := connection.recv(65536):
                answer += chunk
        return answer.decode(errors="replace")

    def row(line, wanted, **options):
        table.rows += 1
        answer = ask(line, **options)
        status = int(answer.split()[1]) if answer.startswith("HTTP/") else 0
        if status not in wanted:
            table.fail(f"HTTP {line[:70]}", f"status {status}, expected one of {wanted}")
        elif status >= 400 and "application/problem+json" not in answer:
            table.fail(f"HTTP {line[:70]}", f"not problem+json: {answer[:200]!r}")

    row("GET /health HTTP/1.1", (200,), token=False)
    row("GET /v1/stats?by=city HTTP/1.1", (200,))
    row("GET /v1/stats?by=city HTTP/1.1", (401,), token=False)
    row("GET /v1/stats?by=city HTTP/1.1", (401,), token=False, headers=f"Authorization: Bearer {'0' * 64}\r\n")
    row("GET /v1/stats?by=colour HTTP/1.1", (400,))
    row("GET /v1/stats?by=city&sort=deposits:desc HTTP/1.1", (200,))
    for sort in ("", ":desc", "deposits:up", "deposits:desc:desc", "no_such:desc", "x" * 7000):
        row(f"GET /v1/stats?by=city&sort={sort} HTTP/1.1", (400,))
    row("GET /v1/stats?by=compartment&station=NOWHERE HTTP/1.1", (404,))
    row("GET /v1/stats?by=compartment&station=%27%3B%20DROP%20TABLE%20station HTTP/1.1", (400, 404))
    row("GET /v1/stats?by=compartment&station=%FF%FE HTTP/1.1", (400, 404))
    row("GET /no/such/route HTTP/1.1", (404,))
    row("GET /../../etc/passwd HTTP/1.1", (400, 404))
    row("DELETE /v1/stats HTTP/1.1", (405,))
    row("GET /" + "a" * 9000 + " HTTP/1.1", (400, 404, 414, 431))
    row("POST /v1/stats HTTP/1.1", (400, 405, 413), headers="Content-Length: 100000\r\n")
    row("NONSENSE", (400,))
    row("GET /health HTTP/1.1", (200,), token=False)
    expect_equal(aggregator.stop(), 0, "stopping the aggregator after the bad requests: exit code")


def signals_and_pipes(lab, table):
    table.rows += 2
    # Standard output closed by its reader: an error, said once, and no death by signal.
    process = subprocess.Popen([str(lab.binary("cubby")), "--help"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=lab.environment)
    process.stdout.close()
    process.stderr.read()
    if process.wait(15) < 0:
        table.fail("cubby --help into a closed pipe", f"died by signal {-process.returncode}")
    # Two SIGINT: the second does not make it worse than "ended by the user".
    emulator = lab.emulator("--stations", "50", "--days", "2000", "--speed", "max", centre=False)
    time.sleep(1.5)
    for _ in range(2):
        if emulator.running():
            os.kill(emulator.process.pid, signal.SIGINT)
            time.sleep(0.05)
    code = emulator.wait(30)
    if code not in (0, 1, 130):
        table.fail("cubby-emulator, SIGINT twice", f"exit code {code}")


def other_keys(lab, table):
    """Stations that the centre refuses for good: the run fails, and says what the centre said."""
    table.rows += 1
    other = lab.folder / "other.key"
    other.touch(mode=0o600)
    other.write_text(32 * "a5" + "\n")
    aggregator = lab.aggregator()
    emulator = lab.emulator("--stations", "2", "--days", "0.1", "--speed", "max", "--fleet-key", str(other))
    code, said = emulator.wait(60), emulator.tail()
    if code != 1 or "refused" not in said or "BAD_PROOF" not in said or lab.read_report()["refused_by_centre"] == 0:
        table.fail("cubby-emulator with the keys of another fleet", f"exit code {code}, said: {said}")
    aggregator.stop()


def run(lab):
    table = Table(lab)
    help_and_version(lab, table)
    emulator_rows(table)
    aggregator_rows(lab, table)
    cubby_rows(lab, table)
    configuration_rows(lab, table)
    signals_and_pipes(lab, table)
    other_keys(lab, table)
    http_rows(lab, table)
    for line in table.broken:
        print(line)
    if table.broken:
        raise Failure(f"{len(table.broken)} of {table.rows} rows are broken")
    print(f"{table.rows} rows of bad input answered as they should")


main("bad-input", run)
