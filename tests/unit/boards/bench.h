#pragma once

#include <gtest/gtest.h>

#include <array>
#include <cstdio>
#include <initializer_list>
#include <memory>
#include <string>
#include <vector>

#include "emulator/hardware/boards/cabinet.h"
#include "emulator/hardware/boards/frame_bytes.h"
#include "emulator/hardware/boards/frame_text.h"
#include "firmware/base/crc.h"

namespace cubby::emulator {

inline std::vector<std::byte> from_hex(const std::string& text) {
  std::vector<std::byte> bytes;
  for (std::size_t i = 0; i + 1 < text.size(); i += 3) {
    bytes.push_back(static_cast<std::byte>(std::stoul(text.substr(i, 2), nullptr, 16)));
  }
  return bytes;
}

/// With the checksum of the family behind it (P6: the header is not summed).
inline std::vector<std::byte> sealed(BoardFamily family, const std::string& text) {
  std::vector<std::byte> bytes = from_hex(text);
  switch (family) {
    case BoardFamily::kP1:
    case BoardFamily::kP7:
      bytes.push_back(xor_of(bytes));
      break;
    case BoardFamily::kP2:
      bytes.push_back(sum_of(bytes));
      break;
    case BoardFamily::kP5: {
      const std::uint16_t crc = crc16_modbus(bytes);
      bytes.push_back(static_cast<std::byte>(crc & 0xFF));
      bytes.push_back(static_cast<std::byte>(crc >> 8));
      break;
    }
    case BoardFamily::kP6:
      bytes.push_back(sum_of(Bytes(bytes).subspan(2)));
      break;
  }
  return bytes;
}
inline std::string sealed_text(BoardFamily family, const std::string& text) {
  return to_hex(sealed(family, text));
}

inline BoardProfile profile_of(BoardFamily family, const std::vector<std::string>& settings = {}) {
  BoardProfile profile = default_profile(family);
  for (const std::string& setting : settings) {
    if (const std::string problem = apply_setting(profile, setting); !problem.empty()) {
      std::fprintf(stderr, "%s\n", problem.c_str());
      std::abort();
    }
  }
  return profile;
}

inline void expect_about(std::int64_t actual, std::int64_t wanted, std::int64_t slack) {
  EXPECT_GE(actual, wanted - slack);
  EXPECT_LE(actual, wanted + slack);
}

/// A cabinet with one board, and a host that asks. Doors have the numbers that stand on them, from 1.
class Bench {
 public:
  explicit Bench(BoardFamily family, const std::vector<std::string>& settings = {}, CabinetOptions options = {})
      : cabinet(options), family_(family) {
    if (!cabinet.add_board(profile_of(family, settings)).empty()) {
      std::abort();
    }
    wait(1000);
  }
  void wait(std::int64_t ms) {
    now = now + Duration::milliseconds(ms);
    cabinet.advance(now);
  }
  /// What the host hears within that time after it began to send.
  std::string ask(Bytes bytes, std::int64_t ms = 1000) {
    cabinet.host_hears(now);
    cabinet.host_sends(bytes, now);
    wait(ms);
    return to_hex(cabinet.host_hears(now));
  }
  std::string ask(const std::string& hex, std::int64_t ms = 1000) { return ask(Bytes(from_hex(hex)), ms); }
  /// The same with the checksum added.
  std::string ask_sealed(const std::string& hex, std::int64_t ms = 1000) {
    return ask(Bytes(sealed(family_, hex)), ms);
  }
  std::string hears(std::int64_t ms) {
    wait(ms);
    return to_hex(cabinet.host_hears(now));
  }
  std::string seal(const std::string& hex) const { return sealed_text(family_, hex); }
  DoorRack& doors() { return cabinet.doors(); }
  bool is_open(std::size_t number) { return !doors().door(number - 1).door.shut; }
  /// Numbers of the doors that stand open.
  std::vector<std::size_t> open_doors() {
    std::vector<std::size_t> open;
    for (std::size_t number = 1; number <= doors().size(); ++number) {
      if (is_open(number)) {
        open.push_back(number);
      }
    }
    return open;
  }
  void force(std::size_t number) {
    (void)doors().force_open(number - 1, now);
    wait(100);
  }
  void shut(std::size_t number) {
    (void)doors().push_shut(number - 1, now);
    wait(100);
  }
  void jam(std::size_t number) { doors().jam(number - 1, now + Duration::hours(1)); }
  /// Time from the host's last byte to the first byte of the answer, in microseconds; -1: none came.
  std::int64_t answer_after_us(const std::string& hex) {
    cabinet.take_bursts();
    ask_sealed(hex, 3000);
    Instant sent{};
    for (const Burst& burst : cabinet.take_bursts()) {
      if (burst.who == kHostTalks) {
        sent = burst.end;
      } else {
        return (burst.begin - sent).us;
      }
    }
    return -1;
  }

  Cabinet cabinet;
  Instant now{};

 private:
  BoardFamily family_;
};

/// A board by itself: wires that only remember, and no doors.
class Probe final : public LockWiring {
 public:
  explicit Probe(BoardFamily family, const std::vector<std::string>& settings = {})
      : board(make_board(profile_of(family, settings), *this, 0, 7)) {}
  bool says_shut(std::uint8_t, std::uint8_t, Instant) override { return true; }
  bool holds_item(std::uint8_t, std::uint8_t, Instant) override { return false; }
  void coil(std::uint8_t, std::uint8_t channel, bool on, Instant) override {
    if (on) {
      pulses.push_back(channel);
    }
  }
  /// Everything that the board says within `ms` after these bytes.
  std::vector<std::byte> feed(Bytes bytes, std::int64_t ms = 1000) {
    for (const std::byte value : bytes) {
      now = now + byte_time(board->baud());
      board->on_byte(value, now);
    }
    now = now + Duration::milliseconds(ms);
    board->advance(now);
    std::vector<std::byte> said;
    while (auto transmission = board->take()) {
      said.insert(said.end(), transmission->bytes.begin(), transmission->bytes.end());
    }
    return said;
  }
  std::unique_ptr<LockBoardDevice> board;
  Instant now{};
  std::vector<std::uint8_t> pulses;
};

}  // namespace cubby::emulator
