#include <gtest/gtest.h>

#include "tools/aggregator/http/command_book.h"
#include "tools/aggregator/http/command_request.h"

namespace cubby::aggregator {
namespace {

TEST(CommandBook, ForgetsNoOrderBeforeFourThousandNewerOnes) {
  CommandBook book;
  for (std::size_t i = 0; i <= CommandBook::kCommandsMax; ++i) {
    book.sent(std::to_string(i), {.station = "SX-TY-0001"});
  }
  EXPECT_FALSE(book.find("0").has_value());
  v1::CommandResult result;
  result.set_command_id("1");
  result.set_outcome(v1::COMMAND_OUTCOME_REFUSED);
  result.set_refusal(v1::COMMAND_REFUSAL_BUSY);
  result.set_compartment(12);
  book.answered(result);
  result.set_command_id("nobody's");
  book.answered(result);
  ASSERT_TRUE(book.find("1").has_value());
  EXPECT_EQ(book.find("1")->refusal, v1::COMMAND_REFUSAL_BUSY);
  EXPECT_EQ(book.find("1")->compartment, 12U);
  EXPECT_FALSE(book.find("2")->answered);
}

TEST(CommandRequest, ReadsEveryAction) {
  const auto read = [](const char* body) {
    Order order;
    EXPECT_EQ(read_order(body, order), "") << body;
    EXPECT_EQ(order.life_ms, 30'000U);
    return order.command;
  };
  EXPECT_EQ(read(R"({"action":"open","compartment":192})").open_door().compartment(), 192U);
  EXPECT_TRUE(read(R"({"action":"settle","compartment":1,"inside":true})").settle().inside());
  EXPECT_FALSE(read(R"({"action":"block","compartment":1})").set_service().in_service());
  EXPECT_TRUE(read(R"({"action":"unblock","compartment":1})").set_service().in_service());
  EXPECT_TRUE(read(R"({"action":"expire","compartment":1})").has_expire());
  EXPECT_EQ(read(R"({"action":"extend","compartment":1,"hours":720})").extend().hours(), 720U);
  EXPECT_TRUE(read(R"({"action":"reissue","compartment":1})").has_reissue());
  EXPECT_EQ(read(R"({"action":"revoke_pass","serial":4294967295,"expiry_utc_s":1})").revoke_pass().serial(),
            UINT32_MAX);
  EXPECT_TRUE(read(R"({"action":"release_keypad"})").has_release_keypad());
  EXPECT_EQ(read(R"({"action":"release","compartment":7})").release().compartment(), 7U);
  const v1::Command reserve =
      read(R"({"action":"reserve","size":"XL","carrier":"sf","parcel":"RB473124829CN","ttl_s":86400,"low_door":true})");
  EXPECT_EQ(reserve.reserve().size(), v1::SIZE_XL);
  EXPECT_EQ(reserve.reserve().carrier(), "sf");
  EXPECT_EQ(reserve.reserve().parcel(), "RB473124829CN");
  EXPECT_EQ(reserve.reserve().ttl_s(), 86'400U);
  EXPECT_TRUE(reserve.reserve().low_door());
  const v1::Command any = read(R"({"action":"reserve","size":"S","carrier":"sf","ttl_s":60})");
  EXPECT_EQ(any.reserve().size(), v1::SIZE_S);
  EXPECT_EQ(any.reserve().parcel(), "");
  EXPECT_FALSE(any.reserve().low_door());
}

TEST(CommandRequest, SaysWhatIsWrong) {
  const auto wrong = [](const char* body) {
    Order order;
    return read_order(body, order);
  };
  EXPECT_NE(wrong(""), "");
  EXPECT_NE(wrong("[1]"), "");
  EXPECT_NE(wrong(R"({"action":"open_all"})"), "");
  EXPECT_NE(wrong(R"({"action":7})"), "");
  EXPECT_NE(wrong(R"({"action":"open"})"), "");
  EXPECT_NE(wrong(R"({"action":"open","compartment":0})"), "");
  EXPECT_NE(wrong(R"({"action":"open","compartment":193})"), "");
  EXPECT_NE(wrong(R"({"action":"open","compartment":1.5})"), "");
  EXPECT_NE(wrong(R"({"action":"open","compartment":1,"inside":true})"), "");
  EXPECT_NE(wrong(R"({"action":"release_keypad","":1})"), "");
  EXPECT_NE(wrong(R"({"action":"open","compartment":1,"life_s":61})"), "");
  EXPECT_EQ(wrong(R"({"action":"block","compartment":1,"life_s":86400})"), "");
  EXPECT_NE(wrong(R"({"action":"settle","compartment":1,"inside":"yes"})"), "");
  EXPECT_NE(wrong(R"({"action":"extend","compartment":1,"hours":721})"), "");
  EXPECT_EQ(wrong(R"({"action":"release","compartment":1,"size":"S"})"), "unknown member 'size'");
  const char* bad[] = {R"("size":"XXL","carrier":"sf","ttl_s":60)",
                       R"("carrier":"sf","ttl_s":60)",
                       R"("size":"S","carrier":"SF","ttl_s":60)",
                       R"("size":"S","carrier":"sf","ttl_s":59)",
                       R"("size":"S","carrier":"sf")",
                       R"("size":"S","carrier":"sf","ttl_s":86401)",
                       R"("size":"S","carrier":"sf","ttl_s":-1)",
                       R"("size":"S","carrier":"sf","ttl_s":60,"parcel":"a b")",
                       R"("size":"S","carrier":"sf","ttl_s":60,"low_door":1)"};
  EXPECT_EQ(wrong(R"({"action":"configure"})"), "rules must be an object");
  EXPECT_NE(wrong(R"({"action":"configure","rules":[]})"), "");
  EXPECT_NE(wrong(R"({"action":"configure","rules":{},"base_version":0})"), "");
  EXPECT_NE(wrong(R"({"action":"open","compartment":1,"rules":{}})"), "");
  for (const char* members : bad) {
    EXPECT_NE(wrong((R"({"action":"reserve",)" + std::string(members) + "}").c_str()), "") << members;
  }
}

}  // namespace
}  // namespace cubby::aggregator
