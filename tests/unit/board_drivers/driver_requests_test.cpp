// What drivers send, against the specification.
#include <gtest/gtest.h>

#include "unit/board_drivers/cases.h"

namespace cubby::drivers {
namespace {

std::string encoded(const BoardSettings& board, Request request) {
  std::vector<std::byte> frame(limits::kBusFrameMax);
  frame.resize(lock_board(board.family).encode(board, request, frame));
  return hex(frame);
}

TEST(DriverRequests, AreThoseOfTheSpecificationForEveryLockOfEveryModel) {
  std::size_t looked_at = 0;
  for (const auto family : kFamilies) {
    for (const auto& board : boards_of(family)) {
      SCOPED_TRACE(describe(board));
      ASSERT_EQ(encoded(board, kRead), hex(tests::request_frame(board, kRead)));
      ASSERT_EQ(encoded(board, kAllOff), hex(tests::request_frame(board, kAllOff)));
      for (std::uint8_t channel = 0; channel < board.channels; ++channel) {
        ASSERT_EQ(encoded(board, unlock_of(channel)), hex(tests::request_frame(board, unlock_of(channel))));
        ++looked_at;
      }
    }
  }
  EXPECT_GE(looked_at, 6'000U);
}

TEST(DriverRequests, OfAModbusBoardSayThePulseInTenthsOfASecond) {
  auto board = default_settings(BoardFamily::kP5);
  for (std::uint16_t pulse_ms = 100; pulse_ms <= 1'000; pulse_ms = static_cast<std::uint16_t>(pulse_ms + 100)) {
    board.pulse_ms = pulse_ms;
    EXPECT_EQ(encoded(board, unlock_of(7)), hex(tests::request_frame(board, unlock_of(7))));
  }
  board.pulse_ms = 1'000;
  EXPECT_EQ(encoded(board, unlock_of(0)).substr(0, 17), "01 05 02 00 00 0A");
}

TEST(DriverRequests, NeverNameChannelZeroOfAP1Board) {
  std::size_t looked_at = 0;
  for (const auto& board : boards_of(BoardFamily::kP1)) {
    for (std::uint8_t channel = 0; channel < board.channels; ++channel) {
      ASSERT_NE(encoded(board, unlock_of(channel)).substr(6, 2), "00") << describe(board);
      ++looked_at;
    }
  }
  EXPECT_GE(looked_at, 1'000U);
}

TEST(DriverRequestsDeathTest, StopTheProgramRatherThanOpenEveryDoorOfAP1Board) {
  auto board = default_settings(BoardFamily::kP1);
  board.first_channel = 0;
  EXPECT_DEATH(encoded(board, unlock_of(0)), "channel != kAll");
}

TEST(DriverRequestsDeathTest, StopTheProgramRatherThanNameALockThatIsNotThere) {
  for (const auto family : kFamilies) {
    const auto board = default_settings(family);
    EXPECT_DEATH(encoded(board, unlock_of(board.channels)), "assertion failed");
  }
}

}  // namespace
}  // namespace cubby::drivers
