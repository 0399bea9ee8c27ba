#!/usr/bin/python3
"""Rules about whole files and about tests: length, unfinished work, tests that assert, the licence.

Usage: check_files.py [--self-test]
"""
import re
import sys

from source import ROOT, bare, finish, line_of, self_test

LINES_MAX = 600
FOLDERS = ("firmware", "emulator", "tools", "tests", "proto", "docs", ".ci")
TEXT_SUFFIXES = {".h", ".cpp", ".c", ".py", ".proto", ".options", ".cmake", ".txt", ".md", ".json", ".sh", ".toml", ""}
# Long by nature: vectors and golden data, not code.
DATA = ("tests/vectors/", "tests/golden/vectors")
UNFINISHED = re.compile(r"\b(TO" r"DO|FIX" r"ME|XX" r"X|HA" r"CK)\b")
TEST = re.compile(r"^[ \t]*(TEST|TEST_F|TEST_P|TYPED_TEST|RC_GTEST_PROP|RC_GTEST_FIXTURE_PROP)\s*\(\s*(\w+)\s*,\s*(\w+)",
                  re.MULTILINE)
ASSERTS = re.compile(r"\b(EXPECT_\w+|ASSERT_\w+|ADD_FAILURE|FAIL|RC_ASSERT\w*|RC_FAIL|GTEST_SKIP|(?:\w+::)*(?:expect|check|assert|verify)_\w+)\s*[(<]")


def body_of(code, start):
    """The braces' content that follows `start`."""
    open_brace = code.find("{", start)
    depth = 0
    for offset in range(open_brace, len(code)):
        depth += {"{": 1, "}": -1}.get(code[offset], 0)
        if depth == 0:
            return code[open_brace:offset + 1]
    return code[open_brace:]


def check_test_file(path, text):
    code = bare(text)
    found = []
    for match in TEST.finditer(code):
        where = f"{path}:{line_of(code, match.start())}: {match.group(2)}.{match.group(3)}"
        if not ASSERTS.search(body_of(code, match.end())):
            found.append(f"{where} asserts nothing")
        if "DISABLED_" in match.group(0):
            found.append(f"{where} is switched off; delete it or mend it")
    for match in re.finditer(r"\b(?:EXPECT|ASSERT)_TRUE\(\s*true\s*\)|\bSUCCEED\(\)", code):
        found.append(f"{path}:{line_of(code, match.start())}: {match.group(0)} asserts nothing")
    for match in re.finditer(r"\bGTEST_SKIP\(\)\s*;", code):
        found.append(f"{path}:{line_of(code, match.start())}: a skip says why: GTEST_SKIP() << \"reason\"")
    return found


def check(path, text):
    found = []
    lines = text.count("\n") + (not text.endswith("\n") and bool(text))
    if lines > LINES_MAX and not path.startswith(DATA) and not path.endswith(".md"):
        found.append(f"{path}:1: {lines} lines, at most {LINES_MAX}: one concept a file")
    for match in UNFINISHED.finditer(text):
        found.append(f"{path}:{line_of(text, match.start())}: `{match.group(0)}`: finish it, or answer \"not supported\"")
    if "\r" in text:
        found.append(f"{path}:1: carriage returns; lines end with a line feed")
    if path.startswith("tests/") and path.endswith(".cpp"):
        found += check_test_file(path, text)
    return found


def our_files():
    paths = [path for folder in FOLDERS for path in sorted((ROOT / folder).rglob("*"))]
    paths += [ROOT / name for name in ("CMakeLists.txt", "CMakePresets.json", "README.md")]
    for path in paths:
        if path.is_file() and path.suffix in TEXT_SUFFIXES and "__pycache__" not in path.parts:
            try:
                yield path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8")
            except UnicodeDecodeError:
                continue  # Binary golden data.


def check_licence():
    text = (ROOT / "LICENSE").read_text(encoding="utf-8")
    wanted = ("Apache License", "Version 2.0, January 2004", "http://www.apache.org/licenses/")
    return [f"LICENSE:1: not the Apache License 2.0: lacks {part!r}" for part in wanted if part not in text]


BAD = [
    ("firmware/core/a.cpp", "int a;\n" * (LINES_MAX + 1)),
    ("tools/cubby/a.cpp", "// TO" "DO: later\n"),
    ("tools/cubby/a.cpp", "int a;\r\n"),
    ("tests/unit/a.cpp", "TEST(Door, Opens) { open(); }\n"),
    ("tests/unit/a.cpp", "TEST(Door, Opens) { // EXPECT_EQ(1, 1)\n }\nTEST(Door, Shuts) { EXPECT_EQ(a, b); }\n"),
    ("tests/unit/a.cpp", "TEST(Door, DISABLED_Opens) { EXPECT_EQ(a, b); }\n"),
    ("tests/unit/a.cpp", "TEST(Door, Opens) { EXPECT_TRUE(true); }\n"),
    ("tests/unit/a.cpp", "TEST(Door, Opens) { GTEST_SKIP(); }\n"),
]
GOOD = [
    ("firmware/core/a.cpp", "int a;\n" * LINES_MAX),
    ("docs/design/a.md", "line\n" * (LINES_MAX + 1)),
    ("tests/unit/a.cpp", "TEST(Door, Opens) { if (a) { b(); } EXPECT_EQ(a, b); }\n"),
    ("tests/unit/a.cpp", "TEST(Door, Opens) { expect_shut(door); }\n"),
    ("tests/unit/a.cpp", "RC_GTEST_PROP(Door, Opens, (int a)) { RC_ASSERT(a == a); }\n"),
]

if __name__ == "__main__":
    if sys.argv[1:] == ["--self-test"]:
        self_test(check, BAD, GOOD)
    files = list(our_files())
    finish("files", check_licence() + [finding for path, text in files for finding in check(path, text)], len(files))
