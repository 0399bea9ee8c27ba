#!/usr/bin/env python3
"""Writes a copy of the files that MUTANTS names, with every mutant in it; the environment variable CUBBY_MUTANT says by name which one
lives when the program runs. None does without it.

usage: weave.py ROOT OUT MUTANTS
"""

import importlib.util
import pathlib
import sys

PRELUDE = '#include "mutants/active.h"\n'


def split(mutant):
    """What comes before, the part that changes, and what comes after it."""
    before, _, rest = mutant.source.partition("<<")
    part, _, after = rest.rpartition(">>")
    return before, part, after


def woven(text, mutants):
    edits = []
    for number, mutant in mutants:
        before, part, after = split(mutant)
        whole = before + part + after
        if not part or text.count(whole) != 1:
            sys.exit(f"weave: {mutant.name}: '{whole}' stands {text.count(whole)} times in {mutant.file}")
        begin = text.index(whole) + len(before)
        if part.endswith(";"):
            new = f"if (cubby::is_alive({number})) {{ {mutant.becomes} }} else {{ {part} }}"
        else:
            new = f"(cubby::is_alive({number}) ? ({mutant.becomes}) : ({part}))"
        edits.append((begin, begin + len(part), new, mutant.name))
    edits.sort()
    for (_, end, _, one), (begin, _, _, other) in zip(edits, edits[1:]):
        if begin < end:
            sys.exit(f"weave: {one} and {other} change the same place")
    for begin, end, new, _ in reversed(edits):
        text = text[:begin] + new + text[end:]
    # After the pragma of a header, before everything in a source.
    return text.replace("#pragma once\n", "#pragma once\n" + PRELUDE, 1) if "#pragma once\n" in text else PRELUDE + text


def write_if_changed(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        path.write_text(text, encoding="utf-8")


def mutants_of(path):
    sys.path.insert(0, str(pathlib.Path(__file__).parent))
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.MUTANTS


def main():
    root, out = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
    mutants_file = pathlib.Path(sys.argv[3])
    every = mutants_of(mutants_file)
    by_file = {}
    for number, mutant in enumerate(every, start=1):
        by_file.setdefault(mutant.file, []).append((number, mutant))
    for file, mutants in by_file.items():
        write_if_changed(out / file, woven((root / file).read_text(encoding="utf-8"), mutants))
    names = "".join(f'    "{mutant.name}",\n' for mutant in every)
    write_if_changed(out / "mutants/names.inc", names)


if __name__ == "__main__":
    main()
