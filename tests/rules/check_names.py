#!/usr/bin/python3
"""Names that are banned in a folder, each with what to write instead.

Usage: check_names.py [--self-test]
"""
import re
import sys

from source import ROOT, bare, code_files, finish, line_of, self_test

CORE = ("firmware/", "emulator/")
PURE = CORE + ("tools/aggregator/core/",)
# The parts of firmware/ that stand for the host, not for the controller.
HOST = ("firmware/base/digest_openssl.cpp", "firmware/base/assert_host.cpp", "firmware/ports/lockstep/host_main.cpp", "firmware/ports/posix/",
        "firmware/tls/", "firmware/toml/")

# (folders, exceptions, pattern, what to do instead)
RULES = (
    (PURE, HOST, r"\b(steady_clock|system_clock|high_resolution_clock|clock_gettime|gettimeofday)\b|\bstd::time\b",
     "take `Instant now` as an argument"),
    (PURE, HOST, r"\bstd::(jthread|thread|async|mutex|shared_mutex|condition_variable|lock_guard|unique_lock)\b|\bthread_local\b",
     "one thread runs a station; threads belong to the programs in tools/"),
    (PURE, HOST, r"\b(fopen|freopen|tmpfile|FILE|ifstream|ofstream|fstream)\b|\bstd::filesystem\b",
     "take and give bytes; files belong to the programs in tools/"),
    (PURE, HOST, r"\b(random_device|mt19937(_64)?|minstd_rand0?|default_random_engine|random_shuffle)\b|\bs?rand\(",
     "use a named child of the seed (firmware/base/prng.h)"),
    (PURE, HOST, r"\bstd::\w+_distribution\b",
     "their numbers differ between libraries; use Prng and the tables of emulator/people"),
    (PURE, HOST, r"\b(sleep_for|sleep_until|usleep|nanosleep|sleep)\s*\(", "return when to be called next"),
    (PURE, HOST, r"\bgetenv\b", "pass the option in"),
    (CORE, HOST, r"\b(printf|fprintf|puts|perror)\s*\(|\bstd::(cout|cerr|clog)\b", "return a Status, or trace"),
    (CORE, HOST, r"\b(throw|try|catch)\b|\bdynamic_cast\b|\btypeid\b", "return a Status or a Result"),
    (CORE, HOST, r"\b(abort|exit|_exit|quick_exit)\s*\(|\bassert\s*\(", "CUBBY_ASSERT"),
    (("firmware/",), HOST, r"\b(malloc|calloc|realloc|free)\s*\(|\bnew\s+[A-Za-z_:]|\bnew\s*\[|\bdelete\s+[A-Za-z_:]|\bdelete\[\]"
     r"|\bstd::(make_unique|make_shared|unique_ptr|shared_ptr)\b",
     "nothing allocates in firmware/: a member, or an InplaceVector"),
    (("firmware/",), HOST, r"\bstd::(vector|string|map|set|unordered_map|unordered_set|deque|list|function|any)\b",
     "nothing allocates in firmware/: InplaceVector, InplaceString, std::array, std::span"),
    (("firmware/",), HOST, r"\b(float|double)\b", "integers in a named unit (milli, micro, per million)"),
    (("emulator/",), ("emulator/people/",), r"\b(float|double)\b",
     "integers, so that a hash does not depend on the machine; floating point is for emulator/people"),
    (("emulator/people/",), (), r"\bstd::(exp|exp2|log|log2|log10|pow|sin|cos|tan|cbrt|erf|tgamma|lgamma)\b",
     "a committed table and the four operations: libm differs between machines"),
    (("tests/unit/", "tests/sim/", "tests/power_loss/"), (), r"\b(sleep_for|sleep_until|usleep)\s*\(",
     "advance the virtual time, or run until a condition"),
    (("firmware/", "emulator/", "tools/"), (), r"\b(strcpy|strcat|sprintf|vsprintf|gets|strtok|alloca)\s*\(",
     "a function that knows the size"),
    (("firmware/", "emulator/", "tools/"), (), r"\bstd::regex\b", "a small parser that names the position of an error"),
)
COMPILED = [(folders, exceptions, re.compile(pattern), instead) for folders, exceptions, pattern, instead in RULES]
UNORDERED = re.compile(r"\bunordered_(?:multi)?(?:map|set)\s*<[^;{}]*?>\s+(\w+)\s*[;{=]")


def hash_ordered_loops(code):
    """Offsets of loops over a container whose order depends on a hash."""
    for name in set(UNORDERED.findall(code)):
        pattern = rf"for\s*\([^;()]*:\s*(?:\w+(?:\.|->))?{name}\s*\)|\b{name}\.(?:c?begin)\s*\("
        yield from (match.start() for match in re.finditer(pattern, code))


def check(path, text):
    code = bare(text)
    found = []
    for folders, exceptions, pattern, instead in COMPILED:
        if not path.startswith(folders) or (exceptions and path.startswith(exceptions)):
            continue
        for match in pattern.finditer(code):
            name = match.group(0).strip().rstrip("(")
            found.append(f"{path}:{line_of(code, match.start())}: `{name}` is banned here: {instead}")
    if path.startswith(PURE):
        for offset in hash_ordered_loops(code):
            found.append(f"{path}:{line_of(code, offset)}: iterates in hash order: use std::map, or sort first")
    if path.endswith(".h"):
        for match in re.finditer(r"^\s*using\s+namespace\b", code, re.MULTILINE):
            found.append(f"{path}:{line_of(code, match.start())}: `using namespace` in a header: name what you use")
        if "#pragma once" not in code:
            found.append(f"{path}:1: a header without #pragma once")
    return found


def _once(text):
    return "#pragma once\n" + text


BAD = [
    ("firmware/core/a.cpp", "auto t = std::chrono::steady_clock::now();"),
    ("emulator/station/a.cpp", "std::thread t;"),
    ("emulator/fleet/a.cpp", "std::ofstream out;"),
    ("emulator/world/a.cpp", "std::random_device d;"),
    ("emulator/people/a.cpp", "std::normal_distribution<double> d;"),
    ("emulator/people/a.cpp", "x = std::exp(y);"),
    ("emulator/station/a.cpp", "std::unordered_map<int, int> by_id_;\nvoid f() { for (auto& e : by_id_) {} }"),
    ("firmware/store/a.cpp", "auto* p = new Journal;"),
    ("firmware/store/a.cpp", "std::vector<int> v;"),
    ("firmware/drivers/a.cpp", "double x;"),
    ("emulator/hardware/a.cpp", "float x;"),
    ("emulator/hardware/a.cpp", "throw 1;"),
    ("firmware/core/a.cpp", "printf(x);"),
    ("tests/unit/core/a.cpp", "std::this_thread::sleep_for(x);"),
    ("tools/cubby/a.cpp", "sprintf(b, x);"),
    ("tools/aggregator/core/a.cpp", "auto t = std::chrono::system_clock::now();"),
    ("firmware/base/a.h", _once("using namespace std;")),
    ("firmware/base/a.h", "int a;"),
]
GOOD = [
    ("firmware/core/a.cpp", "// steady_clock is banned\nint a = 1'000'000; const char* b = \"std::thread\";"),
    ("firmware/base/a.h", _once("Station(const Station&) = delete;\nvoid operator delete(void*) = delete;")),
    ("emulator/people/a.cpp", "double x = 2.145; y = std::sqrt(x);"),  # IEEE 754 gives one result for a root.
    ("emulator/station/a.cpp", "std::unordered_map<int, int> by_id_;\nint f() { return by_id_.at(1); }"),
    ("emulator/station/a.cpp", "std::vector<int> v; auto p = std::make_unique<int>(1);"),
    ("firmware/base/digest_openssl.cpp", "auto* p = new X; abort();"),
    ("firmware/core/a.cpp", "compartments_.new_entry(); renew(a); Duration entry;"),
]

if __name__ == "__main__":
    if sys.argv[1:] == ["--self-test"]:
        self_test(check, BAD, GOOD)
    files = list(code_files(ROOT))
    finish("names", [finding for path, text in files for finding in check(path, text)], len(files))
