#!/usr/bin/python3
"""`cubby board` against clients that know nothing of it: a P1 client over a pseudo-terminal, TCP; exclusive use,
doors moved by hand, recordings, and what a user types wrongly."""
import errno
import fcntl
import os
import pathlib
import signal
import socket
import stat
import subprocess
import sys
import termios
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support/python"))
from boards import Board, Socket, Terminal, ask, on_pty, p1, p2, p5, p6, p7, silent  # noqa: E402
from programs import expect, expect_equal, free_port, main, wait_until  # noqa: E402


def control(lab, path, *order):
    return lab.run("cubby", "board-ctl", "--to", f"{path}.ctl", *order)


def a_p1_client(lab):
    board, path = on_pty(lab, "lock-p1", "--family", "p1", "--channels", "24", "--address", "1", "--set", "status_order=first")
    line = Terminal(path)
    expect_equal(ask(line, p1(0x80, 1, 0, 0x33), 7)[0], p1(0x80, 1, 0xFF, 0xFF, 0xFF, 0x33), "read all, every door shut")
    answer, first, _ = ask(line, p1(0x8A, 1, 3, 0x11), 5)
    expect_equal(answer, p1(0x8A, 1, 3, 0), "unlock 3")
    expect(0.5 <= first < 1.0, f"the unlock was answered after {first:.3f} s, about 0.5 s expected")
    expect_equal(ask(line, p1(0x80, 1, 0, 0x33), 7)[0], p1(0x80, 1, 0xFB, 0xFF, 0xFF, 0x33), "read all, door 3 open")
    expect(silent(line, p1(0x8A, 2, 3, 0x11)), "another board's address was answered")
    expect(silent(line, bytes([0x8A, 1, 4, 0x11, 0])), "a broken checksum was answered")

    expect_equal(control(lab, path, "shut", "3").returncode, 0, "board-ctl shut 3")
    time.sleep(0.1)
    expect_equal(ask(line, p1(0x80, 1, 3, 0x33), 5)[0], p1(0x80, 1, 3, 0x11), "door 3 was pushed shut by board-ctl")
    board.type("jam 4 1h")
    board.saw("door 4 (p1 board 1, channel 4): shut, jammed")
    expect_equal(ask(line, p1(0x8A, 1, 4, 0x11), 5)[0], p1(0x8A, 1, 4, 0x11), "the jammed door stays shut")
    board.type("open 5")
    board.type("nonsense")
    board.saw("'nonsense' is not known here")
    time.sleep(0.1)
    expect_equal(ask(line, p1(0x80, 1, 5, 0x33), 5)[0], p1(0x80, 1, 5, 0), "door 5 was forced")
    refused = control(lab, path, "shut", "6")
    expect_equal((refused.returncode, refused.stderr.strip()), (2, "cubby board-ctl: door 6 is shut already"), "a door that is shut")
    expect("door 24" in control(lab, path, "doors").stdout, "board-ctl doors lists all doors")
    board.saw("host 8A 01 03 11 99 | p1 board 1: unlock 3")
    board.saw("board 1 8A 01 03 00 88 | p1 board 1: unlocked 3, status 00")
    board.saw("door 4 does not move")

    line.close()
    board.saw("the last client has closed the terminal")
    line = Terminal(path)
    expect_equal(ask(line, p1(0x80, 1, 1, 0x33), 5)[0], p1(0x80, 1, 1, 0x11), "a client that comes after another")
    line.close()
    expect_equal(board.stop(signal.SIGINT), 0, "exit code after Ctrl-C")
    expect(not os.path.lexists(path) and not os.path.lexists(f"{path}.ctl"), "link and socket are gone")


def as_nobody(action):
    """Runs it in a process that is nobody's; what it returns."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        if os.getuid() == 0:
            os.setgroups([])
            os.setgid(65534)
            os.setuid(65534)
        os.write(writer, str(action()).encode())
        os._exit(0)
    os.close(writer)
    os.waitpid(child, 0)
    with os.fdopen(reader) as answer:
        return answer.read()


def exclusive_use(lab):
    board, path = on_pty(lab, "lock-exclusive", "--family", "p1")
    device = os.path.realpath(path)
    if os.getuid() == 0:
        os.chmod(device, 0o666)

    def attempt():
        try:
            os.close(os.open(device, os.O_RDWR | os.O_NOCTTY))
        except OSError as error:
            return errno.errorcode[error.errno]
        return "opened"

    first = Terminal(path)
    expect_equal(as_nobody(attempt), "opened", "a second client of a port that is not exclusive")
    fcntl.ioctl(first, termios.TIOCEXCL)
    expect_equal(as_nobody(attempt), "EBUSY", "a second client of a port in exclusive use")
    expect_equal(ask(first, p1(0x80, 1, 1, 0x33), 5)[0], p1(0x80, 1, 1, 0x11), "the exclusive client")
    before = board.text().count("the last client has closed the terminal")
    first.close()
    wait_until(lambda: board.text().count("the last client has closed the terminal") > before, 5, "the board to see the close")
    expect_equal(as_nobody(attempt), "opened", "after the exclusive client has gone")
    expect_equal(board.stop(), 0, "exit code of quit")


def what_nobody_read_is_gone(lab):
    board, path = on_pty(lab, "lock-stale", "--family", "p1")
    line = Terminal(path)
    line.send(p1(0x80, 1, 1, 0x33))
    board.saw("board 1 80 01 01 11 91")
    line.close()
    board.saw("the last client has closed the terminal")
    line = Terminal(path)
    expect_equal(ask(line, b"", 1, 0.3)[0], b"", "bytes for the client before")
    line.close()
    other = lab.run("cubby", "board", "--family", "p1", "--pty", path)
    expect_equal(other.returncode, 2, "a second board at the same path")
    expect("another cubby board" in other.stderr, other.stderr)
    # One that was killed leaves its link; the next takes its place.
    board.process.kill()
    board.process.wait()
    expect(os.path.islink(path), "a killed board leaves its link")
    board, path = on_pty(lab, "lock-stale", "--family", "p1")
    line = Terminal(path)
    expect_equal(ask(line, p1(0x80, 1, 1, 0x33), 5)[0], p1(0x80, 1, 1, 0x11), "at the path of one that was killed")
    line.close()
    expect_equal(board.stop(signal.SIGTERM), 0, "exit code after SIGTERM")


def tcp(lab):
    port = free_port()

    def listens():
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0
    board = Board(lab, "--family", "p2", "--address", "2", "--tcp", f"127.0.0.1:{port}", "--ctl", "tcp.ctl", ready=listens, name="lock-tcp")
    board.saw("the client has gone")
    line = Socket(port)
    expect_equal(ask(line, p2(0x20, 0x30), 9)[0], p2(0x20, 0x35, 0xFF, 0xFF, 0, 0), "status over TCP")
    second = Socket(port)
    expect_equal(second.receive(), b"", "a second client of the converter is turned away")
    second.close()
    expect(silent(line, p2(0x21, 0x31)), "an unlock is not answered")
    expect_equal(lab.run("cubby", "board-ctl", "--to", "tcp.ctl", "put", "2").returncode, 0, "board-ctl put 2")
    expect_equal(ask(line, p2(0x20, 0x30), 9)[0], p2(0x20, 0x35, 0xFD, 0xFF, 2, 0), "lock 2 open, an item behind it")
    line.close()
    wait_until(lambda: board.text().count("the client has gone") >= 2, 5, "the client to be missed")
    line = Socket(port)
    expect_equal(ask(line, p2(0x20, 0x30), 9)[0], p2(0x20, 0x35, 0xFD, 0xFF, 2, 0), "the next client")
    line.close()
    expect_equal(board.stop(signal.SIGINT), 0, "exit code after Ctrl-C")


def mixed_cabinet(lab):
    board, path = on_pty(lab, "lock-mixed", "--board", "p1:1:24", "--board", "p5:2", "--board", "p6:3:12,reply_form=B",
                         "--board", "p7:4:8,unsolicited=on", "--board", "p2:5,baud=9600")
    line = Terminal(path)
    expect_equal(ask(line, p1(0x80, 1, 1, 0x33), 5)[0], p1(0x80, 1, 1, 0x11), "p1")
    time.sleep(0.02)  # A Modbus board takes what comes without a pause for one frame, whoever said it.
    expect_equal(ask(line, p5(2, 2, 0, 0, 0, 8), 6)[0], p5(2, 2, 1, 0xFF), "p5")
    expect_equal(ask(line, p6(3, 0x11, 1, 1), 7)[0], bytes([0xDC, 0xFE, 3, 0x11, 1, 0, 0x15]), "p6")
    expect_equal(ask(line, p7(4, 0x83, 1), 11)[0], p7(4, 0x83, 0, 1, 1), "p7")
    expect_equal(ask(line, p2(0x50, 0x30), 9)[0], p2(0x50, 0x35, 0xFF, 0xFF, 0, 0), "p2")
    control(lab, path, "open", "45")  # 24 + 8 + 12 doors come before those of p7.
    expect_equal(ask(line, b"", 10)[0], p7(4, 0x85, 1, 0), "p7 tells by itself")
    line.close()
    expect_equal(board.stop(), 0, "exit code")


def recording(lab):
    file = lab.folder / "traffic.txt"
    questions = [(p1(0x80, 1, 0, 0x33), 7), (p1(0x8A, 1, 2, 0x11), 5), (p1(0x80, 1, 2, 0x33), 5)]
    board, path = on_pty(lab, "lock-record", "--family", "p1", "--record", str(file))
    line = Terminal(path)
    recorded = [ask(line, data, size)[0] for data, size in questions]
    line.close()
    expect_equal(board.stop(), 0, "exit code of the recorded board")
    again = lab.run("cubby", "board", "--family", "p1", "--pty", path, "--record", str(file))
    expect_equal(again.returncode, 2, "a recording is not overwritten")
    lines = file.read_text().splitlines()
    expect_equal(lines[:2], ["# cubby board recording 1", "# baud 9600"], "head of the recording")
    expect(any("host 8A 01 02 11 98 | p1 board 1: unlock 2" in text for text in lines), "the unlock stands in the recording")

    board, path = on_pty(lab, "lock-replay", "--replay", str(file))
    line = Terminal(path)
    expect_equal([ask(line, data, size)[0] for data, size in questions], recorded, "what the recording answers")
    line.close()
    board.saw("the recording is at its end")
    expect_equal(board.stop(), 0, "exit code when the host did the same")

    board, path = on_pty(lab, "lock-differs", "--replay", str(file))
    line = Terminal(path)
    expect_equal(ask(line, *questions[0])[0], recorded[0], "the first answer")
    expect(silent(line, p1(0x8A, 1, 7, 0x11)), "what is not recorded is not answered")
    board.saw("this one 8A 01 07 11 9D")
    expect_equal(ask(line, *questions[2])[0], recorded[2], "and it goes on with what is")
    line.close()
    expect_equal(board.stop(), 1, "exit code when the host differed")


def strict_baud(lab):
    board, path = on_pty(lab, "lock-baud", "--family", "p2", "--strict-baud")
    line = Terminal(path, 9600)
    expect(silent(line, p2(0, 0x30)), "a client at 9600 baud was understood by a board at 19200")
    line.close()
    line = Terminal(path, 19200)
    expect_equal(ask(line, p2(0, 0x30), 9)[0], p2(0, 0x35, 0xFF, 0xFF, 0, 0), "a client at the board's speed")
    line.send(p2(0, 0x40, 0))
    time.sleep(0.1)
    expect(silent(line, p2(0, 0x30)), "the board was told to talk at 9600")
    line.close()
    expect_equal(board.stop(), 0, "exit code")
    board, path = on_pty(lab, "lock-any-baud", "--family", "p2")
    line = Terminal(path, 9600)
    expect_equal(ask(line, p2(0, 0x30), 9)[0], p2(0, 0x35, 0xFF, 0xFF, 0, 0), "served all the same")
    board.saw("the client has set 9600 baud, the board talks at 19200")
    line.close()
    expect_equal(board.stop(), 0, "exit code")


def a_serial_port(lab):
    """The board on one end of a pseudo-terminal that stands for a port; the test is the wire behind it."""
    wire, port = os.openpty()
    settings = termios.tcgetattr(port)
    settings[0] |= termios.IXON | termios.IXOFF | termios.IXANY  # As a program before left it.
    settings[2] |= termios.CSTOPB | termios.CRTSCTS
    termios.tcsetattr(port, termios.TCSANOW, settings)
    board = Board(lab, "--family", "p1", "--serial", os.ttyname(port), ready=lambda: "serial port" in (lab.folder / "lock-serial.log").read_text(),
                  name="lock-serial")
    settings = termios.tcgetattr(port)
    expect_equal((settings[0] & (termios.IXON | termios.IXOFF | termios.IXANY), settings[2] & (termios.CSTOPB | termios.CRTSCTS)), (0, 0),
                 "one stop bit and no flow control")
    os.close(port)
    os.write(wire, p1(0x80, 1, 1, 0x33))
    answer = b""
    while len(answer) < 5:
        answer += os.read(wire, 5)
    expect_equal(answer, p1(0x80, 1, 1, 0x11), "over a serial port")
    os.close(wire)  # The adapter is pulled out.
    expect_equal(board.process.wait(10), 1, "exit code when the port is gone")
    board.saw("is gone")


def bad_input(lab):
    (lab.folder / "a-file").write_text("mine")
    taken = socket.socket()
    taken.bind(("127.0.0.1", 0))
    taken.listen()
    in_use = f"127.0.0.1:{taken.getsockname()[1]}"
    rows = [
        ([], 2, ["--pty", "--serial", "--tcp"]),
        (["--pty", "x"], 2, ["--family", "p1, p2, p5, p6 or p7"]),
        (["--family", "p3", "--pty", "x"], 2, ["--family", "'p3'", "p7"]),
        (["--family", "p1", "--channels", "16", "--pty", "x"], 2, ["--channels", "16", "8, 12, 18, 24, 32 or 50"]),
        (["--family", "p1", "--address", "0", "--pty", "x"], 2, ["--address", "1 to 31"]),
        (["--family", "p1", "--address", "1e9", "--pty", "x"], 2, ["--address", "1 to 31"]),
        (["--family", "p1", "--set", "colour=red", "--pty", "x"], 2, ["--set", "colour", "baud"]),
        (["--family", "p1", "--set", "status_order=mid", "--pty", "x"], 2, ["--set", "mid", "first or last"]),
        (["--family", "p1", "--set", "pulse_ms=99999999999", "--pty", "x"], 2, ["--set", "10 to 60000"]),
        (["--address", "1", "--pty", "x"], 2, ["--address", "--family"]),
        (["--board", "p1:1:24:7", "--pty", "x"], 2, ["--board", "FAMILY:ADDRESS:CHANNELS"]),
        (["--board", "p1", "--board", "p2", "--pty", "x"], 2, ["--board", "19200", "9600"]),
        (["--family", "p1", "--board", "p1", "--pty", "x"], 2, ["--family", "--board"]),
        (["--family", "p1", "--pty", "x", "--tcp", in_use], 2, ["one of"]),
        (["--family", "p1", "--pty", "x", "--pty", "y"], 2, ["--pty"]),
        (["--family", "p1", "--pty", "a-file"], 2, ["--pty", "a-file"]),
        (["--family", "p1", "--pty", "."], 2, ["--pty"]),
        (["--family", "p1", "--pty", "no/such/folder/x"], 2, ["--pty", "no/such/folder/x"]),
        (["--family", "p1", "--serial", "/dev/null"], 2, ["--serial", "/dev/null"]),
        (["--family", "p1", "--serial", "/dev/no-such-port"], 2, ["--serial"]),
        (["--family", "p1", "--tcp", "nonsense"], 2, ["--tcp"]),
        (["--family", "p1", "--tcp", "0.0.0.0:0"], 2, ["--tcp", "--allow-remote"]),
        (["--family", "p1", "--tcp", in_use], 1, ["--tcp", "in use"]),
        (["--family", "p1", "--pty", "x", "--record", "."], 2, ["--record"]),
        (["--family", "p1", "--pty", "x", "--record", "a-file"], 2, ["--record", "a-file"]),
        (["--family", "p1", "--pty", "x", "--ctl", "a-file"], 2, ["--ctl", "a-file"]),
        (["--family", "p1", "--pty", "x", "--ctl", "y" * 200], 2, ["--ctl"]),
        (["--replay", "a-file", "--pty", "x"], 2, ["--replay", "a-file", "line 1"]),
        (["--replay", "no-such-file", "--pty", "x"], 2, ["--replay", "no-such-file"]),
        (["--replay", "a-file", "--family", "p1", "--pty", "x"], 2, ["--replay", "--family"]),
        (["--family", "p1", "--pty", "x", "--seed", "-1"], 2, ["--seed"]),
        (["--family", "p1", "--pty", "x", "--noise", "1000001"], 2, ["--noise"]),
        (["--family", "p1", "--pty", "x", "--supply-amps", "NaN"], 2, ["--supply-amps"]),
        (["--family", "p1", "--tcp", "127.0.0.1:0", "--strict-baud"], 2, ["--strict-baud"]),
        (["--famly", "p1", "--pty", "x"], 2, ["--famly", "--family"]),
    ]
    broken = []
    for arguments, code, names in rows:
        result = lab.run("cubby", "board", *arguments, seconds=15)
        talk = [line for line in result.stderr.splitlines() if line.strip()]
        if result.returncode != code or len(talk) != 1 or not all(name.lower() in talk[0].lower() for name in names):
            broken.append(f"cubby board {' '.join(arguments)}: exit code {result.returncode}, expected {code} and {names}: {result.stderr.strip()!r}")
    for order, code in ((["--to", "nowhere.ctl", "doors"], 1), (["--to", "a-file", "doors"], 1), (["doors"], 2), (["--to", "nowhere.ctl"], 2)):
        result = lab.run("cubby", "board-ctl", *order)
        if result.returncode != code or len(result.stderr.splitlines()) != 1:
            broken.append(f"cubby board-ctl {' '.join(order)}: exit code {result.returncode}, expected {code}: {result.stderr!r}")
    taken.close()
    expect(not broken, "\n".join(broken))
    expect(not os.path.lexists(lab.folder / "x") and not os.path.lexists(lab.folder / "x.ctl"), "something was half-started")
    expect_equal((lab.folder / "a-file").read_text(), "mine", "a file of somebody's")
    with open("/dev/full", "w", encoding="ascii") as full:
        code = subprocess.run([str(lab.binary("cubby")), "board", "--family", "p1", "--pty", "x"], stdin=subprocess.DEVNULL, stdout=full,
                              stderr=subprocess.PIPE, cwd=lab.folder, timeout=15, check=False).returncode
    expect_equal(code, 1, "exit code when nothing can be printed")
    expect(not os.path.lexists(lab.folder / "x"), "it leaves no link")


def run(lab):
    try:
        for part in (a_p1_client, exclusive_use, what_nobody_read_is_gone, tcp, mixed_cabinet, recording, strict_baud,
                     a_serial_port, bad_input):
            begin = time.monotonic()
            part(lab)
            print(f"{part.__name__}: {time.monotonic() - begin:.1f} s", flush=True)
        expect(not [entry for entry in lab.folder.iterdir() if stat.S_ISSOCK(entry.lstat().st_mode)], "no socket is left")
    finally:
        for board in getattr(lab, "boards", []):
            if board.process.poll() is None:
                board.process.kill()
                board.process.wait()


main("board", run)
