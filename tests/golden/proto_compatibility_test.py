#!/usr/bin/python3
"""Breaks a small protocol in every way that tools/dev/proto_compatibility.py must notice."""
import unittest

from google.protobuf import descriptor_pb2, text_format

import proto_compatibility

BASE = """
file {
  package: "p"
  message_type {
    name: "M"
    field { name: "a" number: 1 type: TYPE_UINT32 label: LABEL_OPTIONAL }
    field { name: "b" number: 2 type: TYPE_MESSAGE type_name: ".p.N" label: LABEL_OPTIONAL oneof_index: 0 }
    field { name: "c" number: 3 type: TYPE_ENUM type_name: ".p.E" label: LABEL_REPEATED }
    field { name: "d" number: 4 type: TYPE_UINT64 label: LABEL_OPTIONAL proto3_optional: true oneof_index: 1 }
    oneof_decl { name: "body" }
    oneof_decl { name: "_d" }
    reserved_range { start: 9 end: 10 }
  }
  message_type { name: "N" }
  enum_type {
    name: "E"
    value { name: "E_UNSPECIFIED" number: 0 }
    value { name: "E_ONE" number: 1 }
  }
}
"""


def base():
    return text_format.Parse(BASE, descriptor_pb2.FileDescriptorSet())


class ProtoCompatibility(unittest.TestCase):
    def judge(self, change):
        changed = base()
        change(changed.file[0])
        return proto_compatibility.compare(base(), changed)

    def refused(self, change, word):
        problems, _ = self.judge(change)
        self.assertEqual(len(problems), 1, problems)
        self.assertIn(word, problems[0])

    def allowed(self, change, addition):
        problems, additions = self.judge(change)
        self.assertEqual(problems, [])
        self.assertEqual(additions, [addition] if addition else [])

    def test_nothing_changed(self):
        self.allowed(lambda file: None, None)

    def test_a_removed_field_is_refused_unless_its_number_is_reserved(self):
        def remove(file):
            del file.message_type[0].field[0]

        def remove_and_reserve(file):
            remove(file)
            file.message_type[0].reserved_range.add(start=1, end=2)

        self.refused(remove, "removed")
        self.allowed(remove_and_reserve, None)

    def test_a_renumbered_field_is_refused(self):
        self.refused(lambda file: setattr(file.message_type[0].field[0], "number", 7), "renumbered")

    def test_a_renamed_field_is_refused(self):
        self.refused(lambda file: setattr(file.message_type[0].field[0], "name", "z"), "now called z")

    def test_a_retyped_field_is_refused(self):
        self.refused(lambda file: setattr(file.message_type[0].field[0], "type", 18), "TYPE_SINT64")
        self.refused(lambda file: setattr(file.message_type[0].field[1], "type_name", ".p.M"), "type")

    def test_a_field_that_becomes_repeated_is_refused(self):
        self.refused(lambda file: setattr(file.message_type[0].field[0], "label", 3), "cardinality")

    def test_a_field_that_leaves_its_oneof_is_refused(self):
        self.refused(lambda file: file.message_type[0].field[1].ClearField("oneof_index"), "oneof")

    def test_a_field_that_loses_its_presence_is_refused(self):
        def change(file):
            file.message_type[0].field[3].ClearField("proto3_optional")
            file.message_type[0].field[3].ClearField("oneof_index")

        self.refused(change, "presence")

    def test_an_unpacked_list_is_refused(self):
        self.refused(lambda file: setattr(file.message_type[0].field[2].options, "packed", False), "packing")

    def test_a_reserved_number_stays_free(self):
        def take(file):
            file.message_type[0].field.add(name="x", number=9, type=13, label=1)

        self.refused(take, "reserved")

    def test_a_removed_or_renamed_enum_value_is_refused(self):
        def remove(file):
            del file.enum_type[0].value[1]

        self.refused(remove, "removed")
        self.refused(lambda file: setattr(file.enum_type[0].value[1], "name", "E_UN"), "now called E_UN")
        self.refused(lambda file: setattr(file.enum_type[0].value[1], "number", 5), "renumbered")

    def test_a_removed_message_or_enum_is_refused(self):
        def remove(file):
            del file.message_type[1]

        self.refused(remove, "message p.N")
        self.refused(lambda file: setattr(file.enum_type[0], "name", "F"), "enum p.E")

    def test_additions_pass(self):
        self.allowed(lambda file: file.message_type[0].field.add(name="x", number=5, type=13, label=1), "p.M.x = 5")
        self.allowed(lambda file: file.enum_type[0].value.add(name="E_TWO", number=2), "p.E.E_TWO = 2")
        self.allowed(lambda file: file.message_type.add(name="P"), "message p.P")


if __name__ == "__main__":
    unittest.main()
