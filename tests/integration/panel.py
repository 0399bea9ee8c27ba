#!/usr/bin/python3
"""`cubby panel` at a live emulator: an engineer plays a courier, a recipient and a technician key by key, the display
says in Chinese and English what the controller answers, and the books are exact at the end.
"""
import pathlib
import re
import signal
import sys
import time
import unicodedata

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support/python"))
from programs import expect, expect_equal, main, wait_until  # noqa: E402

STATION = "SX-TY-0001"


def columns(text):
    return sum(2 if unicodedata.east_asian_width(sign) in "WF" else 1 for sign in text)


class Face:
    """What `cubby panel` printed."""

    def __init__(self, text):
        lines = text.splitlines()
        expect(len(lines) >= 9 and lines[0] == lines[5] == "+" + 20 * "-" + "+", f"a frame of 4 rows: {text!r}")
        self.rows = [line[1:-1] for line in lines[1:5]]
        for row, line in zip(self.rows, lines[1:5]):
            expect(line[0] == line[-1] == "|" and columns(row) == 20, f"a row of 20 columns: {line!r}")
        rest = [line.split(None, 1) for line in lines[6:]]
        self.screen, self.buzzer, self.open = (entry[1] for entry in rest[:3])
        self.codes = re.findall(r"^code +(\d{8}) .* door (\d+)$", text, re.MULTILINE)


def panel(lab, *move, code=0):
    result = lab.run("cubby", "panel", "--control", f"127.0.0.1:{lab.control}", "--station", STATION, *move)
    expect_equal(result.returncode, code, f"cubby panel {' '.join(move)}: {result.stdout}{result.stderr}; exit code")
    return Face(result.stdout) if code == 0 else result.stderr


def expect_screen(face, screen, buzzer=None, row=None):
    expect_equal(face.screen, screen, f"screen of {face.rows}")
    expect(buzzer is None or face.buzzer.startswith(buzzer), f"buzzer at {screen}: {face.buzzer!r}, expected {buzzer!r}")
    expect(row is None or row in [text.rstrip() for text in face.rows], f"{screen} shows {face.rows}, expected a row {row!r}")


def deposit_and_collect(lab):
    expect_screen(panel(lab), "IDLE", row="请输入取件码并按#")
    expect_screen(panel(lab, "--courier", "sf"), "COURIER_READY", "ok", "投递员您好")
    expect_screen(panel(lab, "--scan", "RB473124829CN"), "CHOOSE_SIZE", "ok")
    face = panel(lab, "--keys", "S")
    expect_screen(face, "PUT_IN", "ok", "并关好柜门")
    door = face.open
    expect_screen(panel(lab, "--keys", "G"), "PUT_IN", row=f"Door {door} is open.")
    expect("nothing is in" in panel(lab, "--take", door, code=1), "taking out of an empty door")
    panel(lab, "--put", door)
    face = panel(lab, "--shut", door)
    expect_screen(face, "STORED", "ok", f"Stored in door {door}")
    expect_equal(face.open, "-", "open doors")
    expect("is shut" in panel(lab, "--shut", door, code=1), "shutting a door that is shut")
    expect_screen(panel(lab, "--keys", "*"), "IDLE", row="请输入取件码并按#")  # The station's language again.
    codes = wait_until(lambda: panel(lab).codes, 20, "the recipient to be told a code")
    code, at = codes[0]
    expect_equal(at, door, "the door that the code is for")

    expect_screen(panel(lab, "--keys", f"{(int(code) + 1) % 10**8:08d}#"), "WRONG_CODE", "error", "还可尝试4次")
    expect_screen(panel(lab, "--keys", code[:3]), "WRONG_CODE", row="***")
    expect_screen(panel(lab, "--keys", "*" + code + "#"), "TAKE_OUT", "ok", f"{door}号格口已打开")
    panel(lab, "--take", door)
    face = panel(lab, "--shut", door)
    expect_screen(face, "COLLECTED", "ok", "取件成功，谢谢")
    expect_equal(face.codes, [], "codes of parcels inside")


def technician_and_refusals(lab):
    expect_screen(panel(lab, "--technician", "li"), "SERVICE_MENU", "ok")
    expect_screen(panel(lab, "--keys", "G4"), "DOOR_NUMBER", row="Take out of service")
    expect_screen(panel(lab, "--keys", "12"), "DOOR_NUMBER", row="12")
    face = panel(lab, "--keys", "#")
    expect(face.screen in ("SERVICE_DONE", "SERVICE_MENU") and face.buzzer.startswith("ok"), f"taking out: {face.rows}")
    expect_screen(panel(lab, "--keys", "*"), "IDLE")
    expect_screen(panel(lab, "--keys", "X"), "IDLE", "error")
    expect("0123456789#*" in panel(lab, "--keys", "1Q", code=2), "a key that there is not is named")
    expect("1 to 72" in panel(lab, "--shut", "192", code=2), "a door that there is not")
    result = lab.run("cubby", "panel", "--control", f"127.0.0.1:{lab.control}", "--station", "SX-TY-9999")
    expect(result.returncode == 2 and "no such station" in result.stderr, f"no such station: {result.stderr}")
    expect_screen(panel(lab, "--keys", "*"), "IDLE")  # Whoever waits behind comes when the panel is at rest.
    result = lab.inject("collect", "--station", STATION, "--code", "00000000", seconds=15)
    expect("Wrong code / Please try again." in result.stderr, f"inject says it in the panel's words: {result.stderr}")
    result = lab.inject("collect", "--station", STATION, "--code", "00000000", "--second", "4829")
    expect(result.returncode == 2 and "typed alone" in result.stderr, f"no second input here: {result.stderr}")


def watch(lab):
    result = lab.run("cubby", "panel", "--control", f"127.0.0.1:{lab.control}", "--station", STATION, "--watch", "--for", "1s",
                     seconds=10)
    expect(result.returncode == 0 and "WRONG_CODE" in result.stdout, f"watching for a second: {result.stdout}{result.stderr}")
    watcher = lab.begin("cubby", "panel", "--control", f"127.0.0.1:{lab.control}", "--station", STATION, "--watch")
    time.sleep(0.5)
    watcher.send_signal(signal.SIGINT)
    expect_equal(watcher.wait(10), 0, "Ctrl-C while watching: exit code")


def run(lab):
    aggregator = lab.aggregator()
    # From midnight on: nobody else comes before the test is over.
    emulator = lab.live_emulator("--stations", "5", "--speed", "4", "--seed", "11", "--start", "2025-03-02T16:00:00Z")
    wait_until(lambda: len(lab.stats("--by", "station")) == 5, 60, "all stations to report")
    deposit_and_collect(lab)
    technician_and_refusals(lab)
    watch(lab)
    expect_equal(emulator.stop(signal_number=signal.SIGINT), 0, "Ctrl-C of the emulator: exit code")
    last_line = lab.verify()
    expect(last_line.startswith("verify: exact"), f"verify: {last_line}")
    expect_equal(aggregator.stop(), 0, "stopping the aggregator: exit code")
    print(last_line)


main("panel", run)
