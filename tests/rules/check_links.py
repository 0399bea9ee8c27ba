#!/usr/bin/python3
"""Documents point at files that exist: relative links, and paths of this tree written as `code`.

Usage: check_links.py [--self-test]
"""
import re
import sys

from source import ROOT, finish, line_of, self_test

LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")
# A path of the tree, such as `firmware/base/limits.h` or `tools/demo`: only whole ones, without wildcards.
PATH = re.compile(r"`((?:firmware|emulator|tools|tests|proto|docs)/[\w./+-]*\w)`")


def check(path, text):
    folder = (ROOT / path).parent
    found = []
    for match in LINK.finditer(text):
        target = match.group(1)
        if not re.match(r"[a-z]+:", target) and not (folder / target).exists():
            found.append(f"{path}:{line_of(text, match.start())}: link to {target}, which does not exist")
    for match in PATH.finditer(text):
        if not (ROOT / match.group(1)).exists() and not list(ROOT.glob(match.group(1) + ".*")):
            found.append(f"{path}:{line_of(text, match.start())}: names {match.group(1)}, which does not exist")
    return found


BAD = [
    ("docs/a.md", "see [the wire](spec/no_such_file.md)"),
    ("docs/a.md", "see `firmware/base/no_such_file.h`"),
    ("README.md", "![picture](docs/no_such_picture.svg)"),
]
GOOD = [
    ("docs/a.md", "see [the licence](../LICENSE) and [elsewhere](https://example.org/x) and [here](#here)"),
    ("docs/a.md", "see `tools/demo`, `firmware/base` and `firmware/*/README`"),
]

if __name__ == "__main__":
    if sys.argv[1:] == ["--self-test"]:
        self_test(check, BAD, GOOD)
    paths = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
    texts = [(path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8")) for path in paths]
    finish("links", [finding for path, text in texts for finding in check(path, text)], len(texts))
