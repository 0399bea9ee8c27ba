// Every frame of tests/vectors/lock_boards.json in the host's role.
#include <gtest/gtest.h>

#include <map>
#include <optional>
#include <set>

#include "unit/board_drivers/cases.h"
#include "unit/boards/vectors.h"

namespace cubby::drivers {
namespace {

/// The board of the golden frames: P1's has 24 channels, the others are as most are. An unlock is answered.
BoardSettings golden_board(BoardFamily family, std::uint8_t channels = 0) {
  auto board = default_settings(family);
  board.channels = family == BoardFamily::kP1 ? 24 : board.channels;
  board.channels = channels != 0 ? channels : board.channels;
  board.unlock_reply = UnlockReply::kStatus;
  return board;
}

// What a driver sends, and what for.
const std::map<std::string, Request> kSent{
    {"80 01 00 33 B2", kRead},
    {"8A 01 01 11 9B", unlock_of(0)},
    {"8A 01 02 11 98", unlock_of(1)},
    {"8A 01 03 11 99", unlock_of(2)},
    {"8A 01 04 11 9E", unlock_of(3)},
    {"8A 01 06 11 9C", unlock_of(5)},
    {"8A 01 09 11 93", unlock_of(8)},
    {"8A 01 0A 11 90", unlock_of(9)},
    {"02 00 30 03 35", kRead},
    {"02 01 31 03 37", unlock_of(1)},
    {"02 0F 31 03 45", unlock_of(15)},
    {"01 05 02 01 00 02 1C 73", unlock_of(1)},
    {"DC 02 01 10 01 01 13", unlock_of(0)},
    {"DC 02 01 12 00 13", kRead},
    {"57 4B 4C 59 09 00 82 01 83", unlock_of(0)},
};
// What no driver ever sends, and why not.
const std::map<std::string, std::string> kNeverSent{
    {"80 01 01 33 B3", "all doors are read at once"},
    {"82 01 00 22 A1", "the version is not asked for"},
    {"8A 01 00 11 9A", "channel 0 opens every door"},
    {"8A 01 01 11 05 9E", "the pulse is the board's own"},
    {"90 01 02 02 02 93", "one door an unlock"},
    {"9B 01 01 11 8A", "nothing is ever held"},
    {"02 00 33 03 38", "one door an unlock"},
    {"01 01 00 00 00 08 3D CC", "relays are written and not read"},
    {"01 03 10 00 00 08 40 CC", "control modes are left alone"},
    {"01 05 00 00 00 00 CD CA", "all relays are switched off at once"},
    {"01 05 00 00 55 00 F2 9A", "a toggle ends in nobody knows what"},
    {"01 05 00 00 FF 00 8C 3A", "a relay that nothing switches off burns its coil"},
    {"01 05 00 FF FF 00 BC 0A", "one door an unlock"},
    {"01 05 04 00 00 07 8D 38", "a flash-off leaves the relay on"},
    {"DC 02 01 01 00 02", "the version is not asked for"},
    {"DC 02 01 15 02 00 07 1F", "one door an unlock"},
    {"DC 02 01 18 02 00 07 22", "one door an unlock"},
    {"DC 02 01 1A 02 00 07 24", "outputs are only ever switched off"},
    {"57 4B 4C 59 08 00 86 87", "one door an unlock"},
    {"57 4B 4C 59 09 00 81 01 80", "no LED is flashed"},
};

std::vector<std::byte> encoded(const BoardSettings& board, Request request) {
  std::vector<std::byte> frame(limits::kBusFrameMax);
  frame.resize(lock_board(board.family).encode(board, request, frame));
  return frame;
}

TEST(DriverGolden, SendsEveryFrameOfAHostThatItHasAUseFor) {
  std::size_t looked_at = 0;
  for (const auto& frame : emulator::golden_frames()) {
    if (!frame.from_host || !frame.checksum_ok) {
      continue;
    }
    const auto sent = kSent.find(frame.hex);
    if (sent != kSent.end()) {
      EXPECT_EQ(hex(encoded(golden_board(frame.family), sent->second)), frame.hex) << frame.meaning;
      ++looked_at;
    } else {
      EXPECT_EQ(kNeverSent.count(frame.hex), 1U)
          << frame.hex << " is new: say what a driver sends it for, or why none does: " << frame.meaning;
    }
  }
  EXPECT_EQ(looked_at, kSent.size()) << "some of what is said to be sent is no golden frame any more";
}

TEST(DriverGolden, NeverSendsWhatIsSaidToBeNeverSent) {
  std::set<std::string> ever;
  for (const auto family : kFamilies) {
    for (const auto& board : boards_of(family)) {
      for (std::uint8_t channel = 0; channel < board.channels; ++channel) {
        ever.insert(hex(encoded(board, unlock_of(channel))));
      }
      ever.insert(hex(encoded(board, kRead)));
      ever.insert(hex(encoded(board, kAllOff)));
    }
  }
  EXPECT_GE(ever.size(), 300U);
  for (const auto& [frame, why] : kNeverSent) {
    EXPECT_EQ(ever.count(frame), 0U) << frame << ": " << why;
  }
}

/// What a golden frame of a board answers, and what it says to that.
struct Expected {
  Request request;
  Exchange what = Exchange::kDone;
  std::uint64_t inputs = 0;
  bool any_channel = false;  // It answers the unlock of every channel: it does not say of which.
  std::uint8_t channels = 0;
};
const std::map<std::string, Expected> kTaken{
    {"80 01 00 00 00 33 B2", {.request = kRead, .inputs = 0, .channels = 8}},
    {"8A 01 01 11 9B", {.request = unlock_of(0)}},
    {"02 00 35 FE FF 00 00 03 37", {.request = kRead, .inputs = 0xFFFE}},
    {"02 00 35 FF FF 00 00 03 38", {.request = kRead, .inputs = 0xFFFF}},
    {"01 85 03 02 91", {.request = unlock_of(0), .what = Exchange::kRefused, .any_channel = true}},
    {"DC FE 01 10 01 01 13", {.request = unlock_of(0), .any_channel = true}},
    {"DC FE 01 12 02 00 00 15", {.request = kRead, .inputs = 0x0FFF}},
};
// Answers to what no driver asks.
const std::set<std::string> kNotAskedFor{
    "80 01 01 00 80",          "82 01 01 11 93",          "01 01 01 00 51 88",    "01 0F 00 00 00 08 54 0D",
    "DC FE 01 14 02 0F FF 25", "DC FE 01 15 02 00 07 1F", "DC FE 01 16 01 01 19", "57 4B 4C 59 0A 00 81 00 01 83",
};

TEST(DriverGolden, TakesEveryFrameOfABoardForWhatItSays) {
  std::size_t looked_at = 0;
  for (const auto& frame : emulator::golden_frames()) {
    if (frame.from_host || !frame.checksum_ok) {
      continue;
    }
    const auto found = kTaken.find(frame.hex);
    if (found == kTaken.end()) {
      EXPECT_EQ(kNotAskedFor.count(frame.hex), 1U) << frame.hex << " is new: say what it answers: " << frame.meaning;
      continue;
    }
    const auto& expected = found->second;
    const auto board = golden_board(frame.family, expected.channels);
    const auto answer =
        lock_board(board.family).answer(board, expected.request, encoded(board, expected.request), bytes_of(frame.hex));
    EXPECT_EQ(answer.what, expected.what) << frame.hex << ": " << frame.meaning;
    EXPECT_EQ(answer.inputs, expected.inputs) << frame.hex << ": " << frame.meaning;
    EXPECT_EQ(answer.at, 0);
    ++looked_at;
  }
  EXPECT_EQ(looked_at, kTaken.size());
}

/// Whether the golden frame may be taken for an answer to that request.
bool may_answer(const emulator::GoldenFrame& frame, Request request) {
  const auto found = kTaken.find(frame.hex);
  if (found == kTaken.end() || !frame.checksum_ok) {
    return false;
  }
  const auto& expected = found->second;
  if (expected.request.kind != request.kind) {
    // P5 refuses "all off" and an unlock alike; P2 answers an unlock with the status.
    return (frame.hex == "01 85 03 02 91" && request.kind == Request::Kind::kAllOff) ||
           (frame.family == BoardFamily::kP2 && request.kind == Request::Kind::kUnlock);
  }
  return expected.any_channel || expected.request.channel == request.channel;
}

TEST(DriverGolden, TakesNoFrameOfABoardForAnythingElse) {
  std::size_t looked_at = 0;
  std::size_t broken = 0;
  for (const auto& frame : emulator::golden_frames()) {
    if (frame.from_host) {
      continue;
    }
    const auto bytes = bytes_of(frame.hex);
    const auto board = golden_board(frame.family, frame.hex == "80 01 00 00 00 33 B2" ? 8 : 0);
    std::vector<Request> requests{kRead, kAllOff};
    for (std::uint8_t channel = 0; channel < board.channels; ++channel) {
      requests.push_back(unlock_of(channel));
    }
    broken += frame.checksum_ok ? 0 : 1;
    for (const auto request : requests) {
      const auto sent = encoded(board, request);
      if (sent.empty() || !lock_board(board.family).answers(board, request.kind)) {
        continue;
      }
      const bool taken = lock_board(board.family).answer(board, request, sent, bytes).what != Exchange::kWaiting;
      EXPECT_EQ(taken, may_answer(frame, request)) << hex(sent) << " -> " << frame.hex << ": " << frame.meaning;
      ++looked_at;
    }
  }
  EXPECT_GE(looked_at, 200U);
  EXPECT_EQ(broken, 2U) << "frames whose checksum does not verify";
}

}  // namespace
}  // namespace cubby::drivers
