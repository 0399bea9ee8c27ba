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
  book.answered("1", v1::COMMAND_OUTCOME_REFUSED, v1::COMMAND_REFUSAL_BUSY);
  book.answered("nobody's", v1::COMMAND_OUTCOME_DONE, v1::COMMAND_REFUSAL_UNSPECIFIED);
  ASSERT_TRUE(book.find("1").has_value());
  EXPECT_EQ(book.find("1")->refusal, v1::COMMAND_REFUSAL_BUSY);
  EXPECT_FALSE(book.find("2")->answered);
}

TEST(CommandRequest, ReadsEveryAction) {
  const auto read = [](const char* body) {
    v1::Command command;
    std::uint64_t life_ms = 0;
    EXPECT_EQ(read_command(body, command, life_ms), "") << body;
    EXPECT_EQ(life_ms, 30'000U);
    return command;
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
}

TEST(CommandRequest, SaysWhatIsWrong) {
  const auto wrong = [](const char* body) {
    v1::Command command;
    std::uint64_t life_ms = 0;
    return read_command(body, command, life_ms);
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
}

}  // namespace
}  // namespace cubby::aggregator
