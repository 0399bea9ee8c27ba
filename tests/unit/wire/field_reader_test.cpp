#include "firmware/wire/codec/field_reader.h"

#include <gtest/gtest.h>

#include "cubby/v1/event.pb.h"

namespace cubby::wire {
namespace {

using Type = WireField::Type;

TEST(FieldReader, TakesFieldsOfEveryTypeInTurn) {
  cubby::v1::Deposited deposited;
  deposited.set_counter(UINT64_MAX);
  deposited.set_parcel("RB473124829CN");
  deposited.set_recipient_token(7);
  const std::string bytes = deposited.SerializeAsString();
  Bytes rest = as_bytes(bytes);
  WireField field;
  ASSERT_TRUE(take_field(rest, field));
  EXPECT_EQ(field.tag, 2U);
  EXPECT_EQ(field.type, Type::kNumber);
  EXPECT_EQ(field.number, UINT64_MAX);
  ASSERT_TRUE(take_field(rest, field));
  EXPECT_EQ(field.tag, 3U);
  EXPECT_EQ(field.type, Type::kBytes);
  EXPECT_EQ(std::string(reinterpret_cast<const char*>(field.bytes.data()), field.bytes.size()), "RB473124829CN");
  ASSERT_TRUE(take_field(rest, field));
  EXPECT_EQ(field.tag, 6U);
  EXPECT_EQ(field.type, Type::kFixed64);
  EXPECT_EQ(load_le<std::uint64_t>(field.bytes), 7U);
  EXPECT_FALSE(take_field(rest, field));
  EXPECT_TRUE(rest.empty());
}

TEST(FieldReader, TakesNoFieldThatIsCutOff) {
  cubby::v1::Event event;
  event.mutable_deposited()->set_recipient_token(7);
  const std::string whole = event.SerializeAsString();
  for (std::size_t cut = 0; cut < whole.size(); ++cut) {
    Bytes rest = as_bytes(std::string_view(whole).substr(0, cut));
    WireField field;
    EXPECT_FALSE(take_field(rest, field)) << "after " << cut << " bytes";
  }
}

TEST(FieldReader, RefusesWhatIsNoField) {
  const auto is_field = [](std::initializer_list<int> values) {
    std::vector<std::byte> bytes;
    for (const int value : values) {
      bytes.push_back(static_cast<std::byte>(value));
    }
    Bytes rest = bytes;
    WireField field;
    return take_field(rest, field);
  };
  EXPECT_TRUE(is_field({0x0D, 1, 2, 3, 4}));      // 32 bits.
  EXPECT_FALSE(is_field({0x0D, 1, 2, 3}));        // Cut off.
  EXPECT_FALSE(is_field({0x00, 1}));              // Tag 0.
  EXPECT_FALSE(is_field({0x0B}));                 // A group.
  EXPECT_FALSE(is_field({0x0E, 1, 2, 3, 4}));     // No type.
  EXPECT_FALSE(is_field({0x0A, 0xFF, 0x7F, 1}));  // Longer than all that is there.
  EXPECT_TRUE(is_field({0x08, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x01}));   // 64 bits.
  EXPECT_FALSE(is_field({0x08, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x02}));  // 65.
}

}  // namespace
}  // namespace cubby::wire
