#!/usr/bin/python3
"""`cubby board` when others misbehave (clients that leave in the middle, readers that stop reading, files that never end,
links and sockets of somebody else) and when it is told to misbehave itself: lines, adapters, locks and doors."""
import contextlib
import errno
import fcntl
import os
import pathlib
import pty
import re
import resource
import select
import signal
import socket
import stat
import subprocess
import sys
import termios
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support/python"))
from boards import Board, Socket, Terminal, ask, on_pty, p1, silent  # noqa: E402
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


def order(lab, path, *words):
    """What a running board says to it."""
    result = lab.run("cubby", "board-ctl", "--to", f"{path}.ctl", *words)
    expect_equal(result.returncode, 0, f"{words}: {result.stderr}")
    return result.stdout.rstrip()


def refused(lab, path, *words):
    result = lab.run("cubby", "board-ctl", "--to", f"{path}.ctl", *words)
    expect_equal((result.returncode, len(result.stderr.splitlines())), (2, 1), f"{words}: {result.stdout}{result.stderr}")
    return result.stderr.strip().removeprefix("cubby board-ctl: ")


def an_adapter_that_vanishes(lab):
    board, path = on_pty(lab, "lock-unplug", "--family", "p1")
    line = Terminal(path)
    expect_equal(ask(line, READ, 5)[0], SHUT, "before")
    old, begin = os.path.realpath(path), time.monotonic()
    expect_equal(order(lab, path, "unplug", "2s"), "the adapter is unplugged for 2s", "unplug")
    expect(not os.path.lexists(path), "the link is gone")
    hung_up = select.poll()
    hung_up.register(line.fd)
    expect(hung_up.poll(0)[0][1] & select.POLLHUP, "the client is hung up")
    expect_equal(line.receive(), b"", "it reads the end")
    try:
        line.send(READ)
        expect(False, "it could write")
    except OSError as error:
        expect_equal(error.errno, errno.EIO, "what a write says")
    expect_equal(refused(lab, path, "unplug", "1s"), "the adapter is unplugged already", "unplug twice")
    wait_until(lambda: os.path.lexists(path), 10, "the adapter to come back")
    expect(time.monotonic() - begin >= 2, "it was back too soon")
    new = os.path.realpath(path)
    expect(new != old, f"it is {new} again")
    board.saw(f"the adapter is back as {new}")
    line.close()
    line = Terminal(path)
    expect_equal(ask(line, READ, 5)[0], SHUT, "the same board through the new one")
    line.close()  # Nobody has it: another name all the same.
    order(lab, path, "unplug", "1s")
    wait_until(lambda: os.path.lexists(path), 10, "the adapter to come back")
    expect(os.path.realpath(path) != new, "a terminal that nobody held has its name again")
    order(lab, path, "unplug", "1s")
    pathlib.Path(path).write_text("mine")
    expect_equal(board.process.wait(10), 1, "exit code when its path was taken")
    expect_equal(pathlib.Path(path).read_text(), "mine", "what stands there is left alone")

    (lab.folder / "unplug.txt").write_text(RECORDING)
    board, path = on_pty(lab, "lock-unplug-replay", "--replay", str(lab.folder / "unplug.txt"))
    order(lab, path, "unplug", "1s")
    wait_until(lambda: os.path.lexists(path), 10, "the adapter of a replay to come back")
    line = Terminal(path)
    expect_equal(ask(line, READ, 5)[0], SHUT, "the replay through it")
    line.close()
    expect_equal(board.stop(), 0, "exit code")


def a_port_that_is_closed(lab):
    board, port = on_tcp(lab, "lock-closed")
    line = Socket(port)
    expect_equal(ask(line, READ, 5)[0], SHUT, "before")
    board.type("unplug 2s")
    board.saw("the port is closed")
    begin = time.monotonic()
    expect_equal(line.receive(), b"", "the connection is closed")
    line.close()
    with contextlib.suppress(ConnectionRefusedError):
        Socket(port).close()
        expect(False, "somebody could connect")
    board.saw("the port is open again", 10)
    expect(time.monotonic() - begin > 1.5, "it was open again too soon")
    line = Socket(port)
    expect_equal(ask(line, READ, 5)[0], SHUT, "afterwards")
    line.close()
    expect_equal(board.stop(), 0, "exit code")

    board_end, terminal = os.openpty()
    control = lab.folder / "serial-unplug.ctl"
    board = Board(lab, "--family", "p1", "--serial", os.ttyname(terminal), "--ctl", str(control), ready=control.exists, name="serial-unplug")
    expect(refused(lab, str(control).removesuffix(".ctl"), "unplug", "5s").startswith("unplug is for --pty and --tcp"), "--serial")
    expect_equal(board.stop(), 0, "exit code")
    os.close(terminal)
    os.close(board_end)


def a_line_that_is_disturbed(lab):
    board, path = on_pty(lab, "lock-noise", "--board", "p1:1:8", "--board", "p1:2:8", "--noise", "drop=1000000")
    line = Terminal(path)
    expect(silent(line, READ), "no byte arrives")
    expect_equal(order(lab, path, "noise", "off"), "noise off", "noise off")
    expect_equal(ask(line, READ, 5)[0], SHUT, "without noise")
    order(lab, path, "noise", "double=1000000")
    expect(silent(line, READ), "every byte comes twice")
    order(lab, path, "noise", "double=0,glue=1000000")
    expect(silent(line, READ), "the question is kept back")
    order(lab, path, "noise", "off")
    expect_equal(ask(line, b"", 5)[0], SHUT, "and comes late")

    order(lab, path, "hold-line", "2", "1h")
    expect(ask(line, READ, 5, 0.5)[0] != SHUT, "under a stuck transmitter")
    order(lab, path, "hold-line", "2", "off")
    ask(line, b"", 99, 0.2)
    expect_equal(ask(line, READ, 5)[0], SHUT, "it has let go")

    order(lab, path, "break", "600ms")
    expect_equal(ask(line, READ, 5, 0.4)[0], b"\0", "in a break")
    time.sleep(0.4)
    expect_equal(ask(line, READ, 5)[0], SHUT, "after it")

    order(lab, path, "babble", "2", "3000")
    expect(len(ask(line, b"", 99, 1)[0]) > 10, "a board babbles")
    order(lab, path, "babble", "2", "off")
    board.saw("board 2 ")

    ask(line, b"", 99, 0.2)
    order(lab, path, "reboot", "1", "next")
    expect(len(ask(line, UNLOCK, 5, 1)[0]) < 5, "a board that starts again in its command")
    board.saw("board 1 starts again")
    time.sleep(0.3)
    order(lab, path, "echo", "on")
    time.sleep(0.1)
    expect_equal(ask(line, READ, 10)[0][:5], READ, "the host's own bytes")
    told = order(lab, path, "heal-line")
    expect(told.startswith("noise off, echo on\nso far: 0 flips"), told)
    expect(all(text in told for text in (" 1 break, ", " 1 restart, ", " 1 talk glued")), told)
    line.close()
    expect_equal(board.stop(), 0, "exit code")


def locks_and_doors_that_make_trouble(lab):
    board, path = on_pty(lab, "lock-doors", "--family", "p1", "--supply-amps", "3", "--order", "lock 1 driven", "--order", "group 3 4",
                         "--order", "temperature -35")
    line = Terminal(path)
    expect_equal(order(lab, path, "temperature"), "the cabinet is at -35 C", "--order")
    expect(silent(line, UNLOCK, 0.8), "the inrush of one coil is too much")
    board.saw("the supply breaks down, every board starts again")
    line.close()
    expect_equal(board.stop(), 0, "exit code")

    board, path = on_pty(lab, "lock-doors", "--family", "p1", "--supply-amps", "4", "--order", "lock 1 driven", "--order", "group 3 4")
    line = Terminal(path)
    expect_equal(ask(line, UNLOCK, 5)[0], p1(0x8A, 1, 1, 0x11), "a driven lock after a short pulse")
    expect_equal(refused(lab, path, "pull", "1"), "door 1 is open already, locked or jammed", "pull")
    ask(line, p1(0x8A, 1, 1, 0x11, 1), 5)
    board.saw("lock 1 lets go", 5)
    order(lab, path, "pull", "1")
    time.sleep(0.6)  # The supply is enough for one coil: its second must be over.
    expect_equal(ask(line, READ, 5)[0], p1(0x80, 1, 1, 0), "a driven lock that was pulled open")
    ask(line, p1(0x8A, 1, 3, 0x11), 5)
    expect_equal(ask(line, p1(0x8A, 1, 4, 0x11), 5)[0], p1(0x8A, 1, 4, 0), "both locks of one door within 2 s")
    order(lab, path, "temperature", "-35")
    expect_equal(ask(line, p1(0x8A, 1, 5, 0x11), 5)[0], p1(0x8A, 1, 5, 0x11), "a frozen door")
    for _ in range(4):
        answer = ask(line, p1(0x8A, 1, 5, 0x11), 5)[0]
        if answer == p1(0x8A, 1, 5, 0):
            break
    expect_equal(answer, p1(0x8A, 1, 5, 0), "the frozen door after some pulses")
    line.close()
    expect_equal(board.stop(), 0, "exit code")


def faults_that_are_typed_wrongly(lab):
    for arguments, what in ((("--noise", "hum=1"), "noise has flip, burst, drop, double and glue"),
                            (("--noise", "flip=-1"), "0 to 1000000"),
                            (("--order", "babble 2 60"), "babble takes a board, 1 to 1, not '2'"),
                            (("--order", "quit"), "served already"), (("--order", "unplug 5s"), "served already")):
        result = lab.run("cubby", "board", "--family", "p1", "--pty", "x", *arguments)
        expect_equal((result.returncode, len(result.stderr.splitlines())), (2, 1), f"{arguments}: {result.stderr}")
        expect(arguments[0] in result.stderr and what in result.stderr, result.stderr)
        expect(not os.path.lexists(lab.folder / "x"), "nothing was started")
    (lab.folder / "order.txt").write_text(RECORDING)
    result = lab.run("cubby", "board", "--replay", "order.txt", "--pty", "x", "--order", "doors")
    expect_equal((result.returncode, len(result.stderr.splitlines())), (2, 1), f"--replay with --order: {result.stderr}")


PARTS = (a_client_that_comes_again_at_once, a_client_that_has_said_all, a_recording_without_end, a_host_that_never_pauses, what_is_somebody_elses,
         a_reader_that_stops_reading, in_the_background_of_a_terminal, a_terminal_that_is_closed, a_start_that_fails,
         control_clients_that_say_nothing, an_adapter_that_vanishes, a_port_that_is_closed, a_line_that_is_disturbed,
         locks_and_doors_that_make_trouble, faults_that_are_typed_wrongly)


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
