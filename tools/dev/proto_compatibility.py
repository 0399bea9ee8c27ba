#!/usr/bin/python3
"""Compares proto/ with the committed descriptor set: stations in the field speak what was committed.

A change is refused if a station or a centre of yesterday would misread it: a field or enum value that is
removed without a `reserved` number, renamed, renumbered, retyped, made repeated or optional, or moved in or
out of a oneof. Additions pass; UPDATE_GOLDEN=1 in the environment then writes them into the committed set.
Exit code: 0 compatible, 1 not, 2 usage.
"""
import argparse
import os
import subprocess
import sys
import tempfile

from google.protobuf import descriptor_pb2

FieldProto = descriptor_pb2.FieldDescriptorProto


def messages_of(descriptor_set):
    """Every message by its full name, nested ones too."""
    found = {}

    def walk(prefix, messages):
        for message in messages:
            name = prefix + "." + message.name
            found[name] = message
            walk(name, message.nested_type)

    for file in descriptor_set.file:
        walk(file.package, file.message_type)
    return found


def enums_of(descriptor_set):
    found = {}
    for file in descriptor_set.file:
        for enum in file.enum_type:
            found[file.package + "." + enum.name] = enum
    for name, message in messages_of(descriptor_set).items():
        for enum in message.enum_type:
            found[name + "." + enum.name] = enum
    return found


def is_reserved(number, ranges, end_inclusive):
    return any(r.start <= number < r.end + (1 if end_inclusive else 0) for r in ranges)


def kind_of(message, field):
    """Everything of a field that decides about its bytes and their meaning."""
    oneof = ""
    if field.HasField("oneof_index") and not field.proto3_optional:
        oneof = message.oneof_decl[field.oneof_index].name
    packed = field.options.packed if field.options.HasField("packed") else True
    return {
        "type": FieldProto.Type.Name(field.type) + (" " + field.type_name if field.type_name else ""),
        "cardinality": FieldProto.Label.Name(field.label),
        "presence": "optional" if field.proto3_optional else "implicit",
        "oneof": oneof,
        "packing": "packed" if packed else "unpacked",
    }


def compare_message(name, old, new, problems, additions):
    new_by_number = {field.number: field for field in new.field}
    for field in old.field:
        now = new_by_number.get(field.number)
        where = f"{name}.{field.name} = {field.number}"
        if now is None:
            if not is_reserved(field.number, new.reserved_range, end_inclusive=False):
                problems.append(f"{where}: removed or renumbered; its number is not reserved")
            continue
        if now.name != field.name:
            problems.append(f"{where}: now called {now.name}; a new meaning needs a new number")
        before, after = kind_of(old, field), kind_of(new, now)
        for what in before:
            if before[what] != after[what]:
                problems.append(f"{where}: {what} was {before[what] or 'none'}, is {after[what] or 'none'}")
    known = {field.number for field in old.field}
    for field in new.field:
        if field.number in known:
            continue
        if is_reserved(field.number, old.reserved_range, end_inclusive=False):
            problems.append(f"{name}.{field.name} = {field.number}: takes a reserved number")
        additions.append(f"{name}.{field.name} = {field.number}")


def compare_enum(name, old, new, problems, additions):
    new_by_number = {value.number: value.name for value in new.value}
    for value in old.value:
        where = f"{name}.{value.name} = {value.number}"
        now = new_by_number.get(value.number)
        if now is None:
            if not is_reserved(value.number, new.reserved_range, end_inclusive=True):
                problems.append(f"{where}: removed or renumbered; its number is not reserved")
        elif now != value.name:
            problems.append(f"{where}: now called {now}; a new meaning needs a new number")
    known = {value.number for value in old.value}
    additions.extend(f"{name}.{value.name} = {value.number}" for value in new.value if value.number not in known)


def compare(old_set, new_set):
    """Returns (problems, additions), each a list of lines for a person."""
    problems, additions = [], []
    for find, compare_one, word in ((messages_of, compare_message, "message"), (enums_of, compare_enum, "enum")):
        old, new = find(old_set), find(new_set)
        for name, descriptor in old.items():
            if name in new:
                compare_one(name, descriptor, new[name], problems, additions)
            else:
                problems.append(f"{word} {name}: removed or renamed")
        additions.extend(f"{word} {name}" for name in new if name not in old)
    return problems, additions


def read_set(path):
    descriptor_set = descriptor_pb2.FileDescriptorSet()
    with open(path, "rb") as file:
        descriptor_set.ParseFromString(file.read())
    return descriptor_set


def compile_set(protoc, proto_root):
    """The set as it is now; exits with protoc's own words if proto/ does not compile."""
    folder = os.path.join(proto_root, "cubby", "v1")
    files = sorted("cubby/v1/" + name for name in os.listdir(folder) if name.endswith(".proto"))
    with tempfile.NamedTemporaryFile(suffix=".binpb") as output:
        command = [protoc, "-I", proto_root, "--descriptor_set_out=" + output.name] + files
        if subprocess.run(command, check=False).returncode != 0:
            sys.exit(1)
        return read_set(output.name)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--protoc", default="protoc")
    parser.add_argument("--proto-root", default="proto", help="folder that holds cubby/v1 (default: %(default)s)")
    parser.add_argument("--committed", default="proto/descriptor_set.binpb", help="default: %(default)s")
    arguments = parser.parse_args()

    current = compile_set(arguments.protoc, arguments.proto_root)
    update = os.environ.get("UPDATE_GOLDEN") == "1"
    if not os.path.exists(arguments.committed):
        if not update:
            print(f"{arguments.committed} does not exist; UPDATE_GOLDEN=1 creates it", file=sys.stderr)
            return 1
        problems, additions = [], ["everything"]
    else:
        problems, additions = compare(read_set(arguments.committed), current)
    for line in problems:
        print("incompatible: " + line, file=sys.stderr)
    if problems:
        return 1
    for line in additions:
        print("added: " + line)
    if additions and update:
        with open(arguments.committed, "wb") as file:
            file.write(current.SerializeToString(deterministic=True))
        print("written to " + arguments.committed)
    elif additions:
        print("compatible; run again with UPDATE_GOLDEN=1 to commit to these additions")
    else:
        print("compatible, nothing added")
    return 0


if __name__ == "__main__":
    sys.exit(main())
