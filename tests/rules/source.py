"""What the rule tests share: which files are ours, and C++ without its comments and texts."""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
CODE_FOLDERS = ("firmware", "emulator", "tools", "tests")
CODE_SUFFIXES = {".h", ".cpp", ".c"}

_TOKEN = re.compile(
    r'R"(?P<mark>[^ ()\\\t\n]{0,16})\((?:.|\n)*?\)(?P=mark)"'  # raw text
    r'|"(?:\\.|[^"\\\n])*"'                                       # text
    r"|(?<![0-9A-Fa-f])'(?:\\.|[^'\\\n])+'"                       # character (not a digit separator)
    r"|//[^\n]*"
    r"|/\*(?:.|\n)*?\*/"
)


def code_files(root=ROOT, folders=CODE_FOLDERS):
    """(path from the root, text) of every C++ file, in a fixed order."""
    for folder in folders:
        for path in sorted((root / folder).rglob("*")):
            if path.is_file() and path.suffix in CODE_SUFFIXES:
                yield path.relative_to(root).as_posix(), path.read_text(encoding="utf-8")


def bare(text):
    """The code alone: comments and the insides of texts become blanks; line numbers stay right."""
    def blank(match):
        token = match.group(0)
        inside = re.sub(r"[^\n]", " ", token[1:-1])
        return '"' + inside + '"' if token[0] in "\"R" else re.sub(r"[^\n]", " ", token)

    return _TOKEN.sub(blank, text)


def line_of(text, offset):
    return text.count("\n", 0, offset) + 1


def finish(name, findings, examined):
    """Prints what was found and ends the test."""
    for finding in findings:
        print(finding)
    if not examined:
        print(f"{name}: looked at nothing, which proves nothing")
        sys.exit(1)
    print(f"{name}: {examined} files, {len(findings)} findings")
    sys.exit(1 if findings else 0)


def self_test(check, bad, good):
    """Every bad snippet must be found and every good one must not: a rule that never fails is none."""
    wrong = [f"not found: {path}: {text!r}" for path, text in bad if not check(path, text)]
    wrong += [f"wrongly found: {path}: {text!r}: {found}" for path, text in good for found in check(path, text)]
    for line in wrong:
        print(line)
    print(f"self-test: {len(bad)} bad and {len(good)} good snippets, {len(wrong)} wrong")
    sys.exit(1 if wrong or not bad else 0)
