#include "firmware/wire/framing/field_reader.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "cubby/v1/event.pb.h"

namespace cubby::wire {
namespace {

using Wire = FieldReader::Wire;

TEST(FieldReader, TakesFieldsOfEveryTypeInTurn) {
  cubby::v1::Deposited deposited;
  deposited.set_counter(UINT64_MAX);
  deposited.set_parcel("RB473124829CN");
  deposited.set_recipient_token(7);
  const std::string bytes = deposited.SerializeAsString();
  FieldReader field(as_bytes(bytes));
  ASSERT_TRUE(field.next());
  EXPECT_TRUE(field.is(2, Wire::kVarint));
  EXPECT_EQ(field.value(), UINT64_MAX);
  EXPECT_TRUE(field.bytes().empty());
  ASSERT_TRUE(field.next());
  EXPECT_TRUE(field.is(3, Wire::kBytes));
  EXPECT_TRUE(std::ranges::equal(field.bytes(), as_bytes("RB473124829CN")));
  EXPECT_EQ(field.value(), 0U);
  ASSERT_TRUE(field.next());
  EXPECT_TRUE(field.is(6, Wire::kFixed64));
  EXPECT_EQ(field.value(), 7U);
  EXPECT_TRUE(field.bytes().empty());
  EXPECT_FALSE(field.next());
  EXPECT_FALSE(field.malformed());
}

TEST(FieldReader, TakesNoFieldThatIsCutOff) {
  cubby::v1::Event event;
  event.mutable_deposited()->set_recipient_token(7);
  const std::string whole = event.SerializeAsString();
  for (std::size_t cut = 0; cut < whole.size(); ++cut) {
    FieldReader field(as_bytes(std::string_view(whole).substr(0, cut)));
    EXPECT_FALSE(field.next()) << "after " << cut << " bytes";
    EXPECT_EQ(field.malformed(), cut > 0) << "after " << cut << " bytes";
    EXPECT_FALSE(field.next()) << "a second time, after " << cut << " bytes";
  }
}

TEST(FieldReader, RefusesWhatIsNoField) {
  const auto is_field = [](std::initializer_list<int> values) {
    std::vector<std::byte> bytes;
    for (const int value : values) {
      bytes.push_back(static_cast<std::byte>(value));
    }
    return FieldReader(bytes).next();
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

TEST(FieldReader, FindsTheLastOfSeveral) {
  cubby::v1::Deposited deposited;
  deposited.set_parcel("first");
  std::string bytes = deposited.SerializeAsString();
  deposited.set_parcel("last");
  bytes += deposited.SerializeAsString();
  EXPECT_TRUE(std::ranges::equal(find_bytes(as_bytes(bytes), 3), as_bytes("last")));
  EXPECT_TRUE(find_bytes(as_bytes(bytes), 4).empty());
}

}  // namespace
}  // namespace cubby::wire
