#!/usr/bin/python3
"""The dependency rule, read from the #include lines and independent of CMake.

Usage: check_includes.py [--self-test]
"""
import re
import sys

from source import ROOT, bare, code_files, finish, line_of, self_test

# A room may include itself, the rooms named here and what those may include.
ROOMS = {
    "firmware/base": (),
    "firmware/hal": ("firmware/base",),
    "firmware/wire/framing": ("firmware/base",),
    "firmware/wire": ("firmware/hal", "firmware/wire/framing"),
    "firmware/wire/lockstep": ("firmware/hal",),
    "firmware/drivers": ("firmware/hal",),
    "firmware/store": ("firmware/hal",),
    "firmware/core": ("firmware/wire", "firmware/drivers", "firmware/store"),
    "firmware/app": ("firmware/core",),
    "firmware/ports": ("firmware/app",),
    "firmware/ports/cortex_m3": ("firmware/app", "firmware/ports/lockstep"),
    "firmware/tls": ("firmware/base",),
    "firmware/toml": ("firmware/base",),
    "firmware/ports/lockstep": ("firmware/app", "firmware/wire/lockstep"),
    "firmware/ports/posix": ("firmware/app", "firmware/tls", "firmware/toml"),
    "emulator/world": ("firmware/base",),
    "emulator/hardware": ("emulator/world", "firmware/hal"),
    "emulator/hardware/boards": ("emulator/hardware",),
    "emulator/faults": ("emulator/hardware",),
    "emulator/people": ("emulator/faults", "firmware/wire"),
    "emulator/station": ("emulator/people", "emulator/hardware/boards", "firmware/app"),
    "emulator/fleet": ("emulator/station",),
    "emulator/lockstep": ("emulator/station", "firmware/wire/lockstep"),
    "emulator/scenario": ("emulator/fleet", "firmware/toml"),
    "tools/support": ("firmware/base", "firmware/toml"),
    "tools/aggregator/core": ("firmware/base", "firmware/wire/framing"),
    "tools/aggregator/storage": ("tools/aggregator/core",),
    "tools/aggregator/http": ("tools/aggregator/storage", "tools/support"),
    "tools/aggregator/io": ("tools/aggregator/storage", "tools/support", "firmware/tls"),
    "tools/aggregator": ("tools/aggregator/http", "tools/aggregator/io"),
    "tools/cubby": ("tools/aggregator/storage", "tools/support", "tools/emulator", "emulator/hardware/boards", "firmware/store", "firmware/tls"),
    "tools/emulator": ("emulator/scenario", "emulator/lockstep", "tools/support", "firmware/tls"),
    "tools/dev": ("emulator/scenario", "tools/support"),
}
# Nothing includes these from outside; the tests may include a port that is a room, to try its parts.
LEAVES = ("firmware/ports", "firmware/ports/cortex_m3", "firmware/ports/lockstep", "firmware/ports/posix", "tests")
# ... but these, from these.
INTO_LEAVES = {("tests", "firmware/ports/posix"), ("tests", "firmware/ports/lockstep"),
               ("firmware/ports/cortex_m3", "firmware/ports/lockstep")}
# tests may include every room but those ports that are programs only, and their own headers by the path from tests/.
TEST_FOLDERS = {"unit", "power_loss", "sim", "model", "mutants", "golden", "fuzz", "integration", "qemu", "bench", "support"}

# Headers of others: path of the header -> the places that may include it.
THIRD_PARTY = (
    (r"cubby/v1/.*\.nanopb\.h", ("firmware/wire", "firmware/core", "firmware/app", "firmware/ports", "emulator", "tests")),
    (r"pb(_common|_encode|_decode)?\.h", ("firmware/wire", "tests")),
    (r"cubby/v1/.*\.pb\.h|google/protobuf/.*", ("tools", "tests")),
    (r"boost/.*", ("tools/aggregator/io", "tools/aggregator/http", "tools/aggregator", "tools/emulator", "tools/cubby",
                   "tools/dev", "tests")),
    (r"sqlite3\.h", ("tools/aggregator/storage", "tools/emulator", "tools/cubby", "tests")),
    (r"toml\+\+/.*", ("firmware/toml",)),
    (r"bearssl.*", ("firmware/ports/cortex_m3/digest_bearssl.cpp",)),
    (r"openssl/.*", ("firmware/base/digest_openssl.cpp", "firmware/tls", "tools", "tests")),
    (r"spdlog/.*|CLI/.*", ("tools", "firmware/ports/posix")),
    (r"gtest/.*|gmock/.*|rapidcheck.*|modbus/.*|modbus\.h", ("tests",)),
)
# What only a program may ask the machine for.
MACHINE = re.compile(
    r"thread|mutex|shared_mutex|condition_variable|future|stop_token|semaphore|barrier|latch|chrono|ctime|time\.h"
    r"|fstream|iostream|filesystem|random|csignal|signal\.h|unistd\.h|fcntl\.h|poll\.h|termios\.h|pthread\.h"
    r"|sys/.*|netinet/.*|arpa/.*|regex|locale|coroutine"
)
PURE = ("firmware", "emulator", "tools/aggregator/core")
# Of the standard library, what works without a heap and without an operating system.
FIRMWARE_HEADERS = set(
    "algorithm array atomic bit charconv climits compare concepts cstddef cstdint cstring functional initializer_list"
    " iterator limits memory new numeric optional span string_view tuple type_traits utility variant version".split()
)
HOST_PARTS = ("firmware/base/digest_openssl.cpp", "firmware/base/assert_host.cpp", "firmware/ports/lockstep/host_main.cpp", "firmware/ports/posix/",
              "firmware/tls/", "firmware/toml/")
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"\n]+)[>"]', re.MULTILINE)


def room_of(path):
    """The innermost room that holds `path`; tests are one room."""
    if path.startswith("tests/"):
        return "tests"
    return max((room for room in ROOMS if path.startswith(room + "/")), key=len, default=None)


def reachable(room):
    seen, todo = {room}, [room]
    while todo:
        for next_room in ROOMS[todo.pop()]:
            if next_room not in seen:
                seen.add(next_room)
                todo.append(next_room)
    return seen


REACHABLE = {room: reachable(room) for room in ROOMS}
REACHABLE["tests"] = {"tests"} | (set(ROOMS) - {"firmware/ports", "firmware/ports/cortex_m3"})


def judge(path, room, quoted, header):
    """Why this include is wrong, or None."""
    if ".." in header.split("/"):
        return "leaves its folder; write the full path from the root"
    if header.startswith(("firmware/", "emulator/", "tools/", "tests/")):
        target = room_of(header)
        if target is None:
            return "is in no room"
        if not quoted:
            return "is ours: write it in quotes"
        if target in LEAVES and target != room and (room, target) not in INTO_LEAVES:
            return f"{target} is a leaf that nothing includes"
        if target not in REACHABLE[room]:
            return f"{room} may not know {target} (docs/architecture.md)"
        return None
    for pattern, places in THIRD_PARTY:
        if re.fullmatch(pattern, header):
            if any(path == place or path.startswith(place + "/") for place in places):
                return None
            return f"belongs to {', '.join(places)} only"
    if room == "tests":
        return None if not quoted or header.split("/")[0] in TEST_FOLDERS else "is not a path from the root or from tests/"
    if quoted:
        return "is neither a path from the root nor a header that this room may use"
    if path.startswith(HOST_PARTS):
        return None
    if any(path.startswith(place + "/") for place in PURE) and MACHINE.fullmatch(header):
        return "asks the machine: time, randomness, threads and files are passed in, by a program in tools/"
    if path.startswith("firmware/") and header not in FIRMWARE_HEADERS:
        return "is not one of the standard headers that need neither heap nor operating system"
    return None


def check(path, text):
    room = room_of(path)
    if room is None:
        return [f"{path}: in no room; add the room to tests/rules/check_includes.py and to CMake"]
    found = []
    code = bare(text)
    for match in INCLUDE.finditer(text):
        if "#" not in code[match.start():match.end()]:
            continue  # Inside a comment or a text.
        reason = judge(path, room, match.group(1) == '"', match.group(2))
        if reason:
            found.append(f"{path}:{line_of(text, match.start())}: #include of {match.group(2)}: {reason}")
    return found


BAD = [
    ("firmware/base/a.h", '#include "firmware/hal/clock.h"\n'),
    ("firmware/store/a.cpp", '#include "firmware/core/controller.h"\n'),
    ("firmware/core/a.cpp", '#include "emulator/world/world.h"\n'),
    ("firmware/core/a.cpp", "#include <chrono>\n"),
    ("firmware/core/a.cpp", "#include <vector>\n"),
    ("firmware/store/a.cpp", '#include "../base/status.h"\n'),
    ("firmware/store/a.cpp", '#include "layout.h"\n'),
    ("firmware/store/a.cpp", '#include "cubby/v1/event.nanopb.h"\n'),
    ("firmware/core/a.cpp", "#include <pb_decode.h>\n"),
    ("tests/unit/core/a.cpp", '#include "a.h"\n'),
    ("emulator/hardware/a.cpp", '#include "emulator/people/profile.h"\n'),
    ("emulator/station/a.cpp", "#include <thread>\n"),
    ("emulator/people/a.cpp", "#include <random>\n"),
    ("emulator/fleet/a.cpp", '#include "cubby/v1/event.pb.h"\n'),
    ("tools/aggregator/core/a.cpp", '#include "firmware/core/controller.h"\n'),
    ("tools/aggregator/core/a.cpp", '#include "emulator/fleet/fleet.h"\n'),
    ("tools/aggregator/core/a.cpp", "#include <sqlite3.h>\n"),
    ("tools/cubby/a.cpp", '#include "tests/support/world.h"\n'),
    ("tests/unit/a.cpp", '#include "firmware/ports/cortex_m3/startup.h"\n'),
    ("firmware/ports/posix/a.cpp", '#include "firmware/ports/cortex_m3/uart.h"\n'),
    ("firmware/ports/cortex_m3/a.cpp", "#include <vector>\n"),
    ("tools/cubby/a.cpp", '#include "firmware/ports/posix/file_flash.h"\n'),
    ("firmware/ports/posix/a.cpp", '#include "tools/support/text.h"\n'),
    ("firmware/app/a.cpp", "#include <spdlog/spdlog.h>\n"),
    ("firmware/new_room/a.cpp", "#include <array>\n"),
    ("firmware/wire/framing/a.cpp", '#include "firmware/wire/codec/codec.h"\n'),
    ("firmware/tls/a.cpp", '#include "firmware/core/controller.h"\n'),
    ("tools/aggregator/core/a.cpp", '#include "firmware/tls/session.h"\n'),
]
GOOD = [
    ("firmware/base/a.cpp", "#include <array>\n"),
    ("firmware/app/a.cpp", '#include "firmware/store/journal.h"\n'),
    ("firmware/wire/codec/a.cpp", '#include "cubby/v1/event.nanopb.h"\n'),
    ("emulator/fleet/a.cpp", '#include "firmware/app/assembly.h"\n#include <vector>\n'),
    ("tools/emulator/a.cpp", '#include "emulator/people/profile.h"\n#include <boost/asio/ip/tcp.hpp>\n#include <thread>\n'),
    ("firmware/base/a.h", '// e.g. #include "emulator/world/world.h"\n'),
    ("firmware/base/digest_openssl.cpp", "#include <openssl/evp.h>\n#include <cstdio>\n"),
    ("tests/unit/core/a.cpp", '#include <gtest/gtest.h>\n#include "firmware/core/controller.h"\n#include "support/a.h"\n'),
    ("tests/unit/ports/a.cpp", '#include "firmware/ports/posix/file_flash.h"\n'),
    ("firmware/ports/posix/a.cpp", '#include <CLI/CLI.hpp>\n#include <termios.h>\n#include "firmware/app/assembly.h"\n'),
]

if __name__ == "__main__":
    if sys.argv[1:] == ["--self-test"]:
        self_test(check, BAD, GOOD)
    files = list(code_files(ROOT))
    finish("includes", [finding for path, text in files for finding in check(path, text)], len(files))
