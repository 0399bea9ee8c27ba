// What noise makes of a right answer.
#include <gtest/gtest.h>

#include <algorithm>

#include "firmware/drivers/door_bank.h"
#include "unit/board_drivers/cases.h"

namespace cubby::drivers {
namespace {

/// The first place where an answer begins, as the specification has it; the size of `received`: nowhere.
std::size_t place_of_answer(const Answered& answered, Bytes received) {
  std::size_t at = 0;
  while (at < received.size() &&
         !tests::meaning_of(answered.board, answered.request, received.subspan(at)).has_value()) {
    ++at;
  }
  return at;
}

void expect_as_specified(const Answered& answered, Bytes received) {
  const auto answer =
      lock_board(answered.board.family).answer(answered.board, answered.request, answered.sent, received);
  const auto at = place_of_answer(answered, received);
  if (at == received.size()) {
    ASSERT_EQ(answer.what, Exchange::kWaiting) << answered << " became " << hex(received);
    return;
  }
  const auto meaning = *tests::meaning_of(answered.board, answered.request, received.subspan(at));
  ASSERT_EQ(answer.what, meaning.what) << answered << " became " << hex(received);
  ASSERT_EQ(answer.at, at) << answered << " became " << hex(received);
  if (answered.request.kind == Request::Kind::kRead) {
    ASSERT_EQ(answer.inputs, meaning.inputs) << answered << " became " << hex(received);
  }
}

TEST(DriverNoise, OneWrongByteMakesNoAnswerOrAnotherRightOne) {
  std::size_t others = 0;
  std::size_t looked_at = 0;
  for (const auto family : kFamilies) {
    for (const auto& answered : shapes_of(family)) {
      auto bytes = answered.answer;
      for (std::byte& changed : bytes) {
        const auto right = changed;
        for (unsigned value = 0; value < 256; ++value) {
          changed = static_cast<std::byte>(value);
          if (changed == right) {
            continue;
          }
          ASSERT_NO_FATAL_FAILURE(expect_as_specified(answered, bytes));
          const bool taken = place_of_answer(answered, bytes) != bytes.size();
          ASSERT_TRUE(!taken || family != BoardFamily::kP5) << "a CRC-16 finds every wrong byte: " << hex(bytes);
          others += taken ? 1 : 0;
          ++looked_at;
        }
        changed = right;
      }
    }
  }
  EXPECT_GE(looked_at, 100'000U);
  EXPECT_EQ(others, 0U) << "one wrong byte is found by every sum, where the length stays what it was";
}

TEST(DriverNoise, OneByteLostOrAddedMakesNoAnswerOrAnotherRightOne) {
  std::size_t looked_at = 0;
  for (const auto family : kFamilies) {
    for (const auto& answered : shapes_of(family)) {
      for (std::size_t i = 0; i < answered.answer.size(); ++i) {
        auto lost = answered.answer;
        lost.erase(lost.begin() + static_cast<std::ptrdiff_t>(i));
        ASSERT_NO_FATAL_FAILURE(expect_as_specified(answered, lost));
        for (unsigned value = 0; value < 256; ++value) {
          auto added = answered.answer;
          added.insert(added.begin() + static_cast<std::ptrdiff_t>(i), static_cast<std::byte>(value));
          ASSERT_NO_FATAL_FAILURE(expect_as_specified(answered, added));
          ++looked_at;
        }
      }
    }
  }
  EXPECT_GE(looked_at, 100'000U);
}

TEST(DriverNoise, TwoWrongBitsNeverMakeAnAnswerOfAModbusBoard) {
  std::size_t looked_at = 0;
  for (const auto& answered : shapes_of(BoardFamily::kP5)) {
    for (std::size_t a = 0; a < answered.answer.size() * 8; ++a) {
      for (std::size_t b = a + 1; b < answered.answer.size() * 8; ++b) {
        auto bad = answered.answer;
        bad[a / 8] ^= static_cast<std::byte>(1U << a % 8);
        bad[b / 8] ^= static_cast<std::byte>(1U << b % 8);
        const auto answer = lock_board(BoardFamily::kP5).answer(answered.board, answered.request, answered.sent, bad);
        ASSERT_EQ(answer.what, Exchange::kWaiting) << answered << " became " << hex(bad);
        ++looked_at;
      }
    }
  }
  EXPECT_GE(looked_at, 10'000U);
}

TEST(DriverNoise, TwoWrongBitsOftenPassASumSoThatTwoReadingsMustAgree) {
  // Why DoorBank believes a second reading only: this says how many there are, not that there are none.
  for (const auto family : {BoardFamily::kP1, BoardFamily::kP2, BoardFamily::kP6, BoardFamily::kP7}) {
    const auto answered = shapes_of(family).front();
    std::size_t pairs = 0;
    std::size_t passed = 0;
    for (std::size_t a = 0; a < answered.answer.size() * 8; ++a) {
      for (std::size_t b = a + 1; b < answered.answer.size() * 8; ++b) {
        auto bad = answered.answer;
        bad[a / 8] ^= static_cast<std::byte>(1U << a % 8);
        bad[b / 8] ^= static_cast<std::byte>(1U << b % 8);
        ASSERT_NO_FATAL_FAILURE(expect_as_specified(answered, bad));
        passed += place_of_answer(answered, bad) != bad.size() ? 1 : 0;
        ++pairs;
      }
    }
    EXPECT_GT(passed, 0U) << describe(answered.board);
    EXPECT_LT(passed * 10, pairs) << describe(answered.board);
  }
}

TEST(DriverNoise, ASilentBoardIsSentEachUnlockOnce) {
  for (const auto family : kFamilies) {
    for (const auto& board : boards_of(family)) {
      if (board.address > 1) {
        continue;
      }
      tests::ScriptedBus bus;
      DoorBank bank(bus);
      const std::vector<DoorBank::DoorPlace> doors{{.board = 0, .channel = 0}};
      bank.configure(std::vector{board}, doors, {});
      Instant now{};
      std::size_t ends = 0;
      const auto run_until = [&](Instant end) {
        while (now < end) {
          bank.tick(now);
          while (const auto event = bank.next_event()) {
            ends += event->kind == DoorEvent::Kind::kUnlock ? 1 : 0;
            EXPECT_NE(event->exchange, Exchange::kDone);
          }
          now = std::max(now + Duration{1}, bank.wake(now).earliest());
        }
      };
      bank.start(now);
      run_until(Instant{10'000'000});
      ASSERT_TRUE(bank.started()) << describe(board);
      ASSERT_EQ(bank.unlock(1, now), Status::kOk);
      run_until(Instant{30'000'000});
      const auto unlock = tests::request_frame(board, unlock_of(0));
      const auto count =
          std::count_if(bus.sent().begin(), bus.sent().end(), [&](const auto& sent) { return sent.bytes == unlock; });
      ASSERT_EQ(count, 1) << describe(board);
      ASSERT_EQ(ends, 1U) << describe(board);
      ASSERT_EQ(bank.state(1), DoorState::kUnknown) << "a silent board has no shut doors";
    }
  }
}

}  // namespace
}  // namespace cubby::drivers
