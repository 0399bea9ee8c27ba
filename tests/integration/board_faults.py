#!/usr/bin/python3
"""`cubby board` when others misbehave: clients that leave in the middle, readers that stop reading, files that never end,
links and sockets of somebody else."""
import contextlib
import fcntl
import os
import pathlib
import pty
import re
import resource
import signal
import socket
import stat
import subprocess
import sys
import termios
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support/python"))
from boards import Board, Socket, Terminal, ask, on_pty, p1  # noqa: E402
from programs import expect, expect_equal, free_port, main, wait_until  # noqa: E402

READ, SHUT = p1(0x80, 1, 1, 0x33), p1(0x80, 1, 1, 0x11)
UNLOCK, UNLOCKED = p1(0x8A, 1, 1, 0x11), p1(0x8A, 1, 1, 0)
RECORDING = ("# cubby board recording 1\n# baud 9600\n"
             "1.000000 host 80 01 01 33 B3 | p1 board 1: read 1\n1.015210 board 1 80 01 01 11 91 | p1 board 1: status of 1 11\n")


def on_tcp(lab, name):
    port = free_port()
    log = lab.folder / f"{name}.log"
    return Board(lab, "--family", "p1", "--tcp", f"127.0.0.1:{port}", ready=lambda: "serving at" in log.read_text(), name=name), port


def all_that_comes(line, seconds=5):
    """Until the other side closes."""
    line.socket.settimeout(seconds)
    data = b""
    while chunk := line.receive():
        data += chunk
    return data


def a_client_that_comes_again_at_once(lab):
    board, port = on_tcp(lab, "lock-again")
    for attempt in range(30):
        line = Socket(port)
        expect_equal(ask(line, READ, 5)[0], SHUT, f"client {attempt}, as soon as the one before has closed")
        line.close()
    line = Socket(port)
    line.send(UNLOCK)  # Sent and closed at once: it still counts.
    line.close()
    line = Socket(port)
    time.sleep(0.7)
    expect_equal(ask(line, b"", 5, 0.1)[0], UNLOCKED, "what the client before has asked for goes over the wire")
    expect("turned" not in board.text(), board.text())
    second = Socket(port)
    expect_equal(second.receive(), b"", "a second client beside one that is there")
    # A peer that vanishes is missed: the kernel's timer 2 is the one that probes it.
    ends = f":{port:04X}", f":{line.socket.getsockname()[1]:04X}"
    rows = [row.split() for row in pathlib.Path("/proc/net/tcp").read_text().splitlines()]
    expect_equal([row[5][:2] for row in rows if (row[1][-5:], row[2][-5:]) == ends], ["02"], "timer of the connection")
    line.close()
    expect_equal(board.stop(), 0, "exit code")


def a_client_that_has_said_all(lab):
    board, port = on_tcp(lab, "lock-half")
    for question, answer in ((READ, SHUT), (UNLOCK, UNLOCKED)):
        line = Socket(port)
        line.send(question)
        line.socket.shutdown(socket.SHUT_WR)
        begin = time.monotonic()
        expect_equal(all_that_comes(line), answer, "the answer after the client has ended its own part")
        expect(time.monotonic() - begin < 2, "once the boards are quiet the connection ends")
        line.close()
    line = Socket(port)
    line.send(UNLOCK)
    line.socket.shutdown(socket.SHUT_WR)
    next_one = Socket(port)
    expect_equal(ask(next_one, READ, 5, 0.4)[0], p1(0x80, 1, 1, 0), "a new client does not wait for it")
    line.close()
    next_one.close()
    expect_equal(board.stop(), 0, "exit code")


def a_recording_without_end(lab):
    for path in ("/dev/zero", "."):
        result = subprocess.run([str(lab.binary("cubby")), "board", "--replay", path, "--pty", "x"], stdin=subprocess.DEVNULL, capture_output=True,
                                text=True, cwd=lab.folder, timeout=60, check=False,
                                preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30)))
        expect_equal((result.returncode, len(result.stderr.splitlines())), (2, 1), f"--replay {path}: {result.stderr}")
        expect(path in result.stderr, result.stderr)


def a_host_that_never_pauses(lab):
    (lab.folder / "short.txt").write_text(RECORDING)
    board, path = on_pty(lab, "lock-flood", "--replay", str(lab.folder / "short.txt"))
    line = Terminal(path)
    taken, end = 0, time.monotonic() + 2
    while time.monotonic() < end:
        with contextlib.suppress(BlockingIOError):
            taken += os.write(line.fd, b"\x55" * 1024)
    expect(taken < 200_000, f"{taken} bytes were taken in 2 s at 9600 baud")
    lines = [text for text in board.text().splitlines() if " host " in text]
    expect(lines and all(text.split(" | ")[0].count(" 55") <= 256 for text in lines), "a line of the output has at most 256 bytes")
    line.close()
    expect_equal(board.stop(signal.SIGTERM), 1, "exit code when the host differed")


def what_is_somebody_elses(lab):
    def refused(*arguments):
        result = lab.run("cubby", "board", "--family", "p1", *arguments, seconds=15)
        expect_equal((result.returncode, len(result.stderr.splitlines())), (2, 1), f"{arguments}: {result.stderr}")

    board_end, terminal = os.openpty()
    theirs = lab.folder / "theirs"
    theirs.symlink_to(os.ttyname(terminal))
    refused("--pty", str(theirs))
    expect(theirs.is_symlink(), "a link to a terminal that is used is left alone")
    theirs.unlink()
    os.close(board_end)
    os.close(terminal)
    stale = lab.folder / "stale"
    stale.symlink_to("/dev/pts/987654")
    board, path = on_pty(lab, "stale", "--family", "p1")

    mail = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    mail.bind(str(lab.folder / "mail"))
    refused("--pty", str(lab.folder / "other"), "--ctl", str(lab.folder / "mail"))
    expect((lab.folder / "mail").exists(), "a socket of another kind is left alone")
    mail.close()
    (lab.folder / "mail").unlink()

    control = lab.folder / "stale.ctl"
    control.unlink()
    successor = socket.socket(socket.AF_UNIX)
    successor.bind(str(control))
    expect_equal(board.stop(), 0, "exit code")
    expect(control.exists() and not os.path.lexists(path), "its own link is gone, the socket of its successor is not")
    successor.close()
    control.unlink()


def a_reader_that_stops_reading(lab):
    path = lab.folder / "lock-unread"
    process = subprocess.Popen([str(lab.binary("cubby")), "board", "--family", "p1", "--pty", str(path)], stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE, cwd=lab.folder)
    try:
        fcntl.fcntl(process.stdout, fcntl.F_SETPIPE_SZ, 4096)
        wait_until((lab.folder / "lock-unread.ctl").exists, 10, "the board")
        process.stdin.write(b"doors\n" * 20)
        process.stdin.flush()
        line = Terminal(str(path))
        for number in range(60):
            expect_equal(ask(line, READ, 5)[0], SHUT, f"answer {number} while nobody reads what is printed")
        os.set_blocking(process.stdout.fileno(), False)
        shown = b""

        def goes_on():
            nonlocal shown
            ask(line, READ, 5)
            with contextlib.suppress(BlockingIOError):
                while chunk := os.read(process.stdout.fileno(), 65536):
                    shown += chunk
            missed, _, after = shown.partition(b" lines were not shown")
            return re.search(rb"^# [0-9]+$", missed, re.MULTILINE) and b"host 80 01 01 33 B3 | p1 board 1: read 1\n" in after

        wait_until(goes_on, 20, "the board to say how much was not shown, and to go on")
        line.close()
        process.stdin.write(b"quit\n")
        process.stdin.flush()
        expect_equal(process.wait(10), 0, "exit code")
    finally:
        process.kill()
        process.wait()


def in_the_background_of_a_terminal(lab):
    path, note = lab.folder / "lock-background", lab.folder / "pid"
    shell, screen = pty.fork()
    if shell == 0:
        settings = termios.tcgetattr(0)
        settings[3] |= termios.TOSTOP
        termios.tcsetattr(0, termios.TCSANOW, settings)
        job = subprocess.Popen([str(lab.binary("cubby")), "board", "--family", "p1", "--pty", str(path)], cwd=lab.folder,
                               preexec_fn=lambda: os.setpgid(0, 0))
        note.write_text(str(job.pid))
        os._exit(job.wait() & 255)
    try:
        wait_until(lambda: note.exists() and note.read_text(), 10, "the shell")
        job = int(note.read_text())
        wait_until(lambda: os.path.lexists(path) or state(job) in "TZ", 10, "the board")
        os.write(screen, b"typed for the shell\n")
        time.sleep(0.5)
        expect(state(job) not in "TtZ", f"the board is in state {state(job)}")
        line = Terminal(str(path))
        before = cpu_seconds(job)
        expect_equal(ask(line, READ, 5)[0], SHUT, "a board in the background")
        time.sleep(0.5)
        expect(cpu_seconds(job) - before < 0.25, "what was typed for others keeps it busy")
        line.close()
        os.kill(job, signal.SIGTERM)
        expect_equal(os.waitstatus_to_exitcode(os.waitpid(shell, 0)[1]), 0, "exit code")
    finally:
        with contextlib.suppress(OSError, ValueError):
            os.kill(int(note.read_text()), signal.SIGKILL)
        os.close(screen)


def state(process):
    try:
        return pathlib.Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except OSError:
        return "Z"


def cpu_seconds(process):
    fields = pathlib.Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def a_terminal_that_is_closed(lab):
    board, path = on_pty(lab, "lock-hangup", "--family", "p1")
    board.process.send_signal(signal.SIGHUP)
    expect_equal(board.stop(signal.SIGHUP), 0, "exit code after SIGHUP, twice as a shell does it")
    expect(not os.path.lexists(path) and not os.path.lexists(f"{path}.ctl"), "link and socket are gone")


def a_start_that_fails(lab):
    (lab.folder / "a-file").write_text("mine")
    result = lab.run("cubby", "board", "--family", "p1", "--pty", "x", "--record", "r.txt", "--ctl", "a-file")
    expect_equal(result.returncode, 2, "a control socket where a file is")
    expect(not os.path.lexists(lab.folder / "r.txt") and not os.path.lexists(lab.folder / "x"), "nothing is left behind")


def control_clients_that_say_nothing(lab):
    board, path = on_pty(lab, "lock-idle", "--family", "p1")
    idle = []
    for _ in range(18):  # Two more than it holds: they wait in the kernel.
        idle.append(socket.socket(socket.AF_UNIX))
        idle[-1].connect(f"{path}.ctl")
    time.sleep(0.3)
    before = cpu_seconds(board.process.pid)
    time.sleep(1)
    used = cpu_seconds(board.process.pid) - before
    expect(used < 0.3, f"{used} s of processor in a second with idle clients")
    for client in idle:
        client.settimeout(15)
        expect_equal(client.recv(1), b"", "an idle client is dropped")
        client.close()
    expect_equal(lab.run("cubby", "board-ctl", "--to", f"{path}.ctl", "open", "3").returncode, 0, "and another is served")
    expect_equal(board.stop(), 0, "exit code")

    slow = socket.socket(socket.AF_UNIX)
    slow.bind(str(lab.folder / "slow.ctl"))
    slow.listen()
    done = threading.Event()

    def drip():
        client, _ = slow.accept()
        with contextlib.suppress(OSError):
            while not done.wait(1):
                client.send(b"+")
        client.close()
    thread = threading.Thread(target=drip)
    thread.start()
    begin = time.monotonic()
    try:
        expect_equal(lab.run("cubby", "board-ctl", "--to", "slow.ctl", "doors", seconds=20).returncode, 1, "an answer that never ends")
    finally:
        done.set()
        thread.join()
        slow.close()
        (lab.folder / "slow.ctl").unlink()
    expect(time.monotonic() - begin < 8, "it was waited for longer than 5 s")


PARTS = (a_client_that_comes_again_at_once, a_client_that_has_said_all, a_recording_without_end, a_host_that_never_pauses, what_is_somebody_elses,
         a_reader_that_stops_reading, in_the_background_of_a_terminal, a_terminal_that_is_closed, a_start_that_fails,
         control_clients_that_say_nothing)


def run(lab):
    chosen = os.environ.get("CUBBY_PARTS", "").split()  # None: all of them.
    try:
        for part in PARTS:
            if chosen and part.__name__ not in chosen:
                continue
            begin = time.monotonic()
            part(lab)
            print(f"{part.__name__}: {time.monotonic() - begin:.1f} s", flush=True)
        expect(not [entry for entry in lab.folder.iterdir() if stat.S_ISSOCK(entry.lstat().st_mode)], "no socket is left")
    finally:
        for board in getattr(lab, "boards", []):
            if board.process.poll() is None:
                board.process.kill()
                board.process.wait()


main("board_faults", run)
