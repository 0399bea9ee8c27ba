#!/usr/bin/python3
"""Looks for inputs that break something, and keeps what it learnt: tests/fuzz/README.md.

  fuzz.py run [TARGET...] [--seconds N] [--seed N]   looks for N seconds a target; all without a name
  fuzz.py merge [TARGET...]                          what the runs found that the corpus lacks, minimised, goes into it
  fuzz.py add TARGET FILE "what it was about"        puts a finding into the corpus for good

Needs what `cmake --preset fuzz && cmake --build --preset fuzz` builds. Ends with 0, 1: something was found, 2: usage.
"""
import argparse
import json
import os
import pathlib
import random
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
CORPUS = ROOT / "tests/fuzz/corpus"
BUILD = ROOT / "build/fuzz"
PROGRAM = BUILD / "bin/cubby_fuzz"
INPUT_MAX = 512
# A board with every pulse of a sequence and P2's 250 s of delay are virtual time: no input takes a second of ours.
TIMEOUT_SECONDS = 10
PROFILE_BYTES = 16  # tests/fuzz/board_targets.cpp
SETTINGS_BYTES = 8  # tests/fuzz/settings.h
FAMILIES = ("P1", "P2", "P5", "P6", "P7")


def targets():
    said = subprocess.run([PROGRAM], env={**os.environ, "FUZZ": ""}, capture_output=True, text=True, check=False)
    names = said.stderr.split()[said.stderr.split().index("of:") + 1:] if "of:" in said.stderr else []
    if not names:
        sys.exit(f"fuzz: {PROGRAM} names no targets: {said.stderr}")
    return names


def corpus_lines(target):
    """(bytes, remark) of each input that is committed; a remark keeps it for good."""
    path = CORPUS / f"{target}.hex"
    for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else []:
        text, _, remark = line.partition("#")
        if text.strip():
            yield bytes.fromhex(text.strip()), remark.strip()


def write_corpus(target, kept, found):
    """`kept`: (bytes, remark); `found`: bytes."""
    lines = [f"{data.hex()}  # {remark}" for data, remark in kept]
    lines += sorted({data.hex() for data in found} - {data.hex() for data, _ in kept}, key=lambda text: (len(text), text))
    CORPUS.mkdir(exist_ok=True)
    (CORPUS / f"{target}.hex").write_text("".join(line + "\n" for line in lines), encoding="utf-8")
    return len(lines)


def chunk(data, flags=0):
    return bytes([flags | (len(data) - 1)]) + data


def panel_frame(kind, data):
    return chunk(data, 0x20 | (0x40 if kind == 2 else 0))


def seeds(target):
    """Inputs to begin with: the golden frames and whatever a person would try first."""
    golden = json.loads((ROOT / "tests/vectors/lock_boards.json").read_text(encoding="utf-8"))
    family = target[-2:].upper()
    if target.startswith("board_"):
        for frame in golden:
            data = bytes.fromhex(frame["hex"].replace(" ", ""))
            if frame["dialect"] == family:
                yield bytes(PROFILE_BYTES) + chunk(data, 0x40)
                yield bytes([1] * PROFILE_BYTES) + chunk(data, 0xC0)
    elif target.startswith("driver_"):
        for frame in golden:
            data = bytes.fromhex(frame["hex"].replace(" ", ""))
            if frame["dialect"] == family:
                for request in range(3):
                    yield bytes(SETTINGS_BYTES) + bytes([request, 0, 0, len(data)]) + data
        for request in range(3):
            for flags in range(16):
                yield bytes(SETTINGS_BYTES) + bytes([request, 0, 1, flags]) + bytes([0xA5] * 8)
    elif target == "bus_exchange":
        for family_index in range(5):
            for echo in range(2):
                for request in range(3):
                    answer = bytes([request, 0, 3, 0, 4, 5, 1, 8]) + bytes([0x5A] * 8) + bytes([1, 1, 0])
                    yield bytes([family_index, echo]) + bytes(SETTINGS_BYTES) + answer
    elif target == "door_bank":
        for family_index in range(5):
            for echo in range(2):
                head = bytes([echo, 0, family_index]) + bytes(SETTINGS_BYTES)
                yield head + bytes([2, 0, 0, 1, 8]) + bytes([0xFF] * 8) + bytes([5, 1, 0] * 10)
                yield bytes([echo, 1, family_index]) + bytes(SETTINGS_BYTES) + head[2:] + bytes([0, 1, 0] * 20)
    elif target == "panel_link":
        yield b"\x03" + panel_frame(1, b"5") + panel_frame(2, b"PASS-123") + chunk(b"\x55\x01")
        yield b"\x00" + chunk(b"\x55\x55\x02", 0x80) + bytes(range(40))
    elif target == "lockstep_guest":
        # Greets, boots, ticks; programs, once where something is, reads, erases, asks for everything once.
        boots, ticked = bytes([1, 1, 0, 1]), bytes([3] + [0] * 16 + [0])
        yield boots + (bytes([4, 9]) + ticked) * 3
        for talk in ([6, 2, 0, 8] + [7] * 8, [6, 2, 0, 4] + [7] * 4 + [6, 2, 0, 1, 3], [4, 2], [5, 2, 0, 1, 0], [9, 0, 9, 1], [10] + [1] * 8, [11, 1, 2, 3]):
            yield boots + bytes([4, 9] + talk) + ticked + bytes([1, 1, 0, 1])
        for which in range(4):
            yield boots + bytes([4, 9, 7, which, 0, 32]) + ticked
            yield boots + bytes([4, 9, 8, which, 12] + [5] * 12) + ticked + bytes([2, 0] + [0] * 8 + [1, 1, 3, 1, 2] + [127] * 8)
        yield boots + bytes([0, 1, 4, 9, 6, 2, 0, 1, 9]) + ticked + bytes([1, 1, 0, 1, 4, 9]) + ticked
    elif target == "session_station":
        # Some events; a good Challenge, a Welcome, an Ack; then time.
        hello = bytes([5, 9, 9, 9, 9, 9, 0, 0, 0, 8])
        good = bytes([7, 0, 0, 0, 0, 0, 0, 0]) + bytes([15, 4] + [0] * 10) + bytes([31, 0] + [0] * 8)
        yield hello + good + bytes([0, 200, 10]) * 8
        yield hello + bytes([7] + [0] * 8 + [15] + [255] * 40)
    elif target == "session_centre":
        # Hello, Proof, batches, a commit; the same on the other connection; a Gap.
        opening = bytes([7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9, 0, 0, 1, 12, 0, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0, 0])
        yield b"\x00" + opening + bytes([0, 0]) + opening.replace(b"\x07\x00", b"\x07\x01") + bytes([0, 0, 11, 0, 0, 8, 0, 9, 0, 0])
        yield b"\x01" + bytes([3, 0, 0, 0, 3, 0, 0, 1]) + opening + bytes([3, 0, 0, 1, 0, 0])
    elif target == "http_api":
        for method in range(4):
            for route in range(12):
                yield bytes([method, 0, 0, 1, route, 0, 3, 0, 0, 3, 4, 7, 8, 1, 1, 2, 0, 0, 0, 1, 2, 3])
    elif target == "configuration_file":
        yield b""
        yield b"\xff[station]\nname = \"A\"\n"
        yield b"\xff[=]"
        for at in range(0, 600, 40):
            yield bytes([1, at >> 8, at & 255, 1]) + b"x"
    elif target == "profile_file":
        for number in range(4):
            yield bytes([number, 0])
            for setting in (b"dwell=constant", b"stations=5", b"nights=1", b"carriers=[]"):
                yield bytes([number, 1, len(setting)]) + setting
            for at in range(0, 4000, 250):
                yield bytes([number, 0, 1, at >> 8, at & 255, 3]) + b"7"
    elif target == "configuration_message":
        yield bytes([0x08, 1, 0x12, 1, 0x41, 0x18, 1])
        yield bytes([0x10, 72, 0x18, 2])
    else:
        yield b"\xff\x01" + bytes([3, 1, 0xAA, 0xBB, 1, 7])
        yield b"\x02\x00" + bytes([0x85, 0x00, 0x80])


def unpack(target, folder):
    folder.mkdir(parents=True, exist_ok=True)
    for number, data in enumerate([data for data, _ in corpus_lines(target)] + list(seeds(target))):
        (folder / f"known-{number:04}").write_bytes(data)


def start(target, arguments, log):
    environment = {**os.environ, "FUZZ": target, "UBSAN_OPTIONS": "print_stacktrace=1", "ASAN_OPTIONS": "detect_leaks=0"}
    with log.open("w", encoding="utf-8") as out:
        return subprocess.run([PROGRAM, *map(str, arguments)], env=environment, stdout=out, stderr=out, check=False)


def shown(path):
    """As one types it at the root of the tree."""
    return path.relative_to(ROOT)


def run(target, seconds, seed):
    found = BUILD / "found" / target
    crashes = BUILD / "crashes" / target
    known = BUILD / "known" / target
    shutil.rmtree(known, ignore_errors=True)
    unpack(target, known)
    for folder in (found, crashes):
        folder.mkdir(parents=True, exist_ok=True)
    log = BUILD / f"{target}.log"
    before = set(crashes.iterdir())
    print(f"fuzz: {target}: {seconds} s, seed {seed}", flush=True)
    ended = start(target, [found, known, f"-max_total_time={seconds}", f"-seed={seed}", f"-max_len={INPUT_MAX}",
                           f"-timeout={TIMEOUT_SECONDS}", f"-artifact_prefix={crashes}/", "-print_final_stats=1"], log)
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    runs = next((line.split()[-1] for line in lines if "number_of_executed_units" in line), "0")
    if ended.returncode == 0 and runs != "0":
        print(f"fuzz: {target}: {runs} inputs, nothing found")
        return True
    print("\n".join(lines[-40:]))
    print(f"fuzz: {target}: ended with {ended.returncode}; the log is {shown(log)}")
    for crash in sorted(set(crashes.iterdir()) - before):
        print(f"fuzz: replay with   FUZZ={target} {shown(PROGRAM)} {shown(crash)}")
        print(f"fuzz: or            build/dev/bin/cubby_fuzz_replay {target} {shown(crash)}")
    return False


def merge(target):
    known = BUILD / "known" / target
    small = BUILD / "merged" / target
    for folder in (known, small):
        shutil.rmtree(folder, ignore_errors=True)
    small.mkdir(parents=True)
    unpack(target, known)
    found = BUILD / "found" / target
    found.mkdir(parents=True, exist_ok=True)
    log = BUILD / f"{target}.merge.log"
    if start(target, ["-merge=1", "-use_counters=0", f"-max_len={INPUT_MAX}", small, known, found], log).returncode != 0:
        print(f"fuzz: {target}: merging failed; the log is {shown(log)}")
        return False
    kept = [(data, remark) for data, remark in corpus_lines(target) if remark]
    count = write_corpus(target, kept, [path.read_bytes() for path in small.iterdir()])
    print(f"fuzz: {target}: {count} inputs in {shown(CORPUS / (target + '.hex'))}")
    return True


def add(target, path, remark):
    kept = list(corpus_lines(target))
    stories = [(data, text) for data, text in kept if text] + [(pathlib.Path(path).read_bytes(), remark)]
    write_corpus(target, stories, [data for data, text in kept if not text])
    return True


def parsed(arguments):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    for name in ("run", "merge"):
        command = commands.add_parser(name)
        command.add_argument("targets", nargs="*")
        if name == "run":
            command.add_argument("--seconds", type=int, default=20)
            command.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1, 2**31))
    command = commands.add_parser("add")
    command.add_argument("target")
    command.add_argument("file")
    command.add_argument("remark")
    return parser.parse_args(arguments)


def main():
    options = parsed(sys.argv[1:])
    if not PROGRAM.exists():
        sys.exit(f"fuzz: {shown(PROGRAM)} is missing: cmake --preset fuzz && cmake --build --preset fuzz")
    names = targets()
    wanted = [options.target] if options.command == "add" else options.targets or names
    for name in wanted:
        if name not in names:
            print(f"fuzz: no target '{name}'; there are {', '.join(names)}", file=sys.stderr)
            return 2
    if options.command == "add":
        return 0 if add(options.target, options.file, options.remark) else 1
    if options.command == "merge":
        return 0 if all([merge(name) for name in wanted]) else 1
    return 0 if all([run(name, options.seconds, options.seed) for name in wanted]) else 1


if __name__ == "__main__":
    sys.exit(main())
