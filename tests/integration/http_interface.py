#!/usr/bin/python3
"""The aggregator's HTTP interface beside a living fleet: metrics, the description of itself, pages of the log and its
stream, who may do what, and what is in the way of orders."""
import json
import pathlib
import re
import socket
import stat
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support/python"))
from programs import expect, expect_equal, main, wait_until  # noqa: E402

STATIONS = 4


def metrics(lab):
    """Value of each series."""
    status, body = lab.get("/metrics")
    expect_equal(status, 200, "/metrics")
    values = {}
    for line in body.splitlines():
        if line and not line.startswith("#"):
            name, _, value = line.rpartition(" ")
            expect(name not in values, f"{name} twice")
            values[name] = float(value)
    helped = set(re.findall(r"^# HELP (\S+) ", body, re.MULTILINE))
    for name in values:
        bare = re.sub(r"_(bucket|sum|count)$", "", name.split("{")[0])
        expect(name.split("{")[0] in helped or bare in helped, f"{name} has no help")
        expect(name.startswith("cubby_aggregator_"), f"{name} is not ours")
        expect("SX-" not in name, f"{name} names a station")
    return values


class Stream:
    """One reader of the live log, on a socket of its own."""

    def __init__(self, lab, path="/v1/events/stream", last_event_id=None, receive_buffer=None, token="http.token"):
        token = (lab.home / token).read_text().strip()
        self.socket = socket.socket()
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.connect(("127.0.0.1", lab.http))
        self.socket.settimeout(10)
        last = f"Last-Event-ID: {last_event_id}\r\n" if last_event_id else ""
        self.socket.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n{last}\r\n".encode())
        self.rest = b""

    def block(self):
        """Lines up to the next empty one."""
        while b"\n\n" not in self.rest.replace(b"\r\n", b"\n"):
            more = self.socket.recv(65536)
            expect(more, f"the stream ended after {self.rest!r}")
            self.rest += more
        block, self.rest = self.rest.replace(b"\r\n", b"\n").split(b"\n\n", 1)
        return block.decode().splitlines()

    def begin(self):
        """Passes over the answer's header."""
        first = self.block()[0]
        expect(first.startswith("HTTP/1.1 200"), f"the stream begins with {first!r}")
        return self

    def event(self):
        """(id, what) of the next event, heartbeats passed over."""
        while True:
            fields = dict(line.split(": ", 1) for line in self.block() if not line.startswith(":"))
            if "data" in fields:
                data = json.loads(fields["data"])
                expect_equal(str(data["id"]), fields["id"], "the id")
                expect(fields["event"] in data["event"], f"{fields['event']} of {data}")
                return data

    def close(self):
        self.socket.close()


def metrics_follow_the_fleet(lab):
    wait_until(lambda: metrics(lab)["cubby_aggregator_sessions"] == STATIONS, 10, "the sessions to be counted")
    before = metrics(lab)
    expect_equal(before["cubby_aggregator_store_up"], 1, "the store")
    expect(before["cubby_aggregator_last_commit_timestamp_seconds"] <= time.time(), "the newest commit")
    expect(time.time() - before["cubby_aggregator_start_time_seconds"] < 300, "the start")
    expect_equal(before["cubby_aggregator_commits_total"], before["cubby_aggregator_commit_duration_seconds_count"], "commits")
    deposit(lab)
    wait_until(lambda: metrics(lab)["cubby_aggregator_events_applied_total"] > before["cubby_aggregator_events_applied_total"], 5,
               "the deposit's event to be counted")
    lab.get("/v1/nothing")
    after = metrics(lab)
    expect_equal(after['cubby_aggregator_http_requests_total{status="4xx"}'],
                 before['cubby_aggregator_http_requests_total{status="4xx"}'] + 1, "answers of 4xx")
    expect(after["cubby_aggregator_commits_total"] > before["cubby_aggregator_commits_total"], "the commit is not counted")


def deposit(lab, station="SX-TY-0001"):
    result = lab.inject("deposit", "--station", station, "--size", "S", "--carrier", "sf", "--parcel", f"PARCEL{time.monotonic_ns()}")
    expect_equal(result.returncode, 0, f"inject deposit: {result.stderr}; exit code")


def the_description_is_served(lab):
    status, body = lab.get("/v1/openapi.json")
    expect_equal(status, 200, "/v1/openapi.json")
    document = json.loads(body)
    expect(document["openapi"].startswith("3."), "the version")
    for path, operations in document["paths"].items():
        if "get" in operations and "{" not in path and not path.endswith("/stream"):
            status, body = lab.get(path)
            expect_equal(status, 200, f"GET {path}")
            kinds = operations["get"]["responses"]["200"]["content"]
            if "application/json" in kinds:
                json.loads(body)
            expect_equal(lab.get(path, token=False)[0], 200 if operations["get"].get("security") == [] else 401, f"GET {path} without a token")


def the_stream_tells_what_is_durable_once(lab):
    stream = Stream(lab).begin()
    deposit(lab)
    first = stream.event()
    while "deposited" not in first["event"]:
        first = stream.event()
    stream.close()
    other = next(row["station"] for row in json.loads(lab.get("/v1/stations")[1])["rows"] if row["online"] and row["station"] != "SX-TY-0001")
    deposit(lab, other)
    deposit(lab)
    again = Stream(lab, last_event_id=first["id"]).begin()
    seen = [again.event() for _ in range(2)]
    again.close()
    status, body = lab.get(f"/v1/events?after={first['id']}&limit=2")
    expect_equal(status, 200, "a page of events")
    expect_equal(json.loads(body)["rows"], seen, "page and stream")
    own = Stream(lab, f"/v1/events/stream?station={other}&after=0").begin()
    expect_equal({own.event()["station"] for _ in range(4)}, {other}, "stations of a stream of one")
    own.close()
    wait_until(lambda: metrics(lab)["cubby_aggregator_event_streams"] == 0, 5, "the streams to be let go of")


def who_does_not_read_is_dropped(lab):
    """The reader takes nothing of a log that is longer than what its socket holds."""
    before = metrics(lab)["cubby_aggregator_event_streams_dropped_total"]
    lazy = Stream(lab, "/v1/events/stream?after=0", receive_buffer=4096)
    wait_until(lambda: metrics(lab)["cubby_aggregator_event_streams_dropped_total"] == before + 1, 25, "the slow reader to be dropped")
    expect_equal(metrics(lab)["cubby_aggregator_event_streams"], 0, "streams")
    lazy.close()


TOKENS = {"viewer": "http.viewer.token", "notifier": "http.notifier.token", "operator": "http.token", "admin": "http.admin.token"}
MAY = {"viewer": {"viewer", "operator", "admin"}, "notifier": {"notifier", "operator", "admin"}, "operator": {"operator", "admin"},
       "admin": {"admin"}}


def every_role_has_its_routes(lab):
    """As the served description says, with the tokens that the aggregator has made."""
    for name in TOKENS.values():
        expect_equal(stat.S_IMODE((lab.home / name).stat().st_mode), 0o600, f"mode of {name}")
    expect_equal(len({(lab.home / name).read_text() for name in TOKENS.values()}), 4, "different tokens")
    cells = 0
    for path, operations in json.loads(lab.get("/v1/openapi.json")[1])["paths"].items():
        for method, operation in operations.items():
            least = operation["x-least-role"]
            path = path.replace("{station}", "SX-TY-0001").replace("{id}", "0" * 32)
            if least == "nobody" or path.endswith("/stream"):
                continue
            for role, token in TOKENS.items():
                status, body, _ = lab.ask(method.upper(), path, token, body="no order" if method == "post" else None)
                forbidden = status == 403 and json.loads(body)["code"] == "forbidden"
                expect_equal(forbidden, role not in MAY[least], f"{method} {path} as {role} is forbidden ({status})")
                cells += 1
            expect_equal(lab.ask(method.upper(), path, None)[0], 401, f"{method} {path} as nobody")
    expect(cells >= 48, f"only {cells} questions")
    expect_equal(Stream(lab, token="http.notifier.token").begin().close(), None, "the notifier's stream")
    refused = Stream(lab, token="http.viewer.token")
    expect(refused.block()[0].startswith("HTTP/1.1 403"), "a viewer reads the stream")
    refused.close()


def operate(lab, *arguments):
    return lab.run("cubby", "operate", *arguments, "--http", f"127.0.0.1:{lab.http}")


def order(lab, text='{"action":"open","compartment":1}'):
    """(status, answer, headers); the station's time is too fast for `cubby operate` to see an order live."""
    status, body, headers = lab.ask("POST", "/v1/stations/SX-TY-0001/commands", "http.token", text)
    return status, json.loads(body), headers


def refusal(lab):
    result = operate(lab, "open", "--station", "SX-TY-0001", "--door", "1")
    expect_equal(result.returncode, 1, "a refused opening: exit code")
    return result.stderr


def openings_are_limited(lab):
    """The aggregator takes two a minute and station; it has just been started."""
    for _ in range(2):
        expect_equal(order(lab)[0], 202, "the first openings")
    expect("too often from afar, at this station" in refusal(lab), "a third one")
    status, answer, headers = order(lab)
    expect_equal((status, answer["code"]), (429, "too_many_openings"), "what a program hears")
    expect(1 <= int(headers["Retry-After"]) <= 30, f"Retry-After {headers['Retry-After']}")
    expect_equal(order(lab, '{"action":"release_keypad"}')[0], 202, "an order that opens nothing")


def stopped_orders_stay_stopped(lab, aggregator):
    expect_equal(operate(lab, "state").stdout, "orders are allowed\n", "before")
    expect(operate(lab, "stop").stdout.startswith("orders are stopped by operator since 20"), "stop")
    aggregator.kill()
    again = lab.aggregator("--open-per-station", "0")
    wait_until(lambda: metrics(lab)["cubby_aggregator_sessions"] == STATIONS, 60, "the stations to be back")
    expect("all orders are stopped" in refusal(lab), "after a restart")
    expect_equal(json.loads(lab.get("/v1/status")[1])["orders"]["stopped_by"], "operator", "who")
    expect_equal(metrics(lab)["cubby_aggregator_orders_stopped"], 1, "the metric")
    result = operate(lab, "allow", "--token-file", str(lab.home / "http.token"))
    expect(result.returncode == 1 and "role is operator" in result.stderr, f"an operator allows: {result.stderr}")
    expect_equal(operate(lab, "allow").stdout, "orders are allowed\n", "allow")
    expect_equal(order(lab)[0], 202, "an opening afterwards")
    again.stop()


def the_log_tells_of_orders_and_no_secret(lab):
    log = (lab.folder / "cubby-aggregator.log").read_text()
    expect(re.search(r" info order [0-9a-f]{32}: open at SX-TY-0001 compartment 1 by operator\n", log), "the order's line")
    for words in ("order refused, too_many_openings: open at SX-TY-0001 compartment 1 by operator", "orders are stopped by operator",
                  "order refused, orders_stopped: open at SX-TY-0001 compartment 1 by operator", "orders are allowed by admin"):
        expect(words in log, f"the log says nothing of: {words}")
    for name in [*TOKENS.values(), "fleet.key", "control.token"]:
        expect((lab.home / name).read_text().strip() not in log, f"{name} is in the log")
    expect("PARCEL" not in log, "a parcel is in the log")


def test(lab):
    aggregator = lab.aggregator("--open-per-station", "2")
    history = lab.emulator("--stations", "20", "--days", "20", "--speed", "max", "--seed", "3")  # A log to read.
    expect_equal(history.wait(120), 0, "the emulator: exit code")
    lab.live_emulator("--stations", str(STATIONS), "--speed", "60", "--seed", "5", "--new-journals")
    metrics_follow_the_fleet(lab)
    the_description_is_served(lab)
    the_stream_tells_what_is_durable_once(lab)
    who_does_not_read_is_dropped(lab)
    every_role_has_its_routes(lab)
    openings_are_limited(lab)
    stopped_orders_stay_stopped(lab, aggregator)
    the_log_tells_of_orders_and_no_secret(lab)


if __name__ == "__main__":
    main("http-interface", test)
