// P5: a Modbus RTU relay board; a lock is one relay, its door switch one input. Unlock is "flash on" (FC05, address
// 0200 + channel, value in units of 100 ms), so the board itself ends the pulse.
#include <algorithm>
#include <array>

#include "firmware/base/assert.h"
#include "firmware/base/crc.h"
#include "firmware/drivers/lock_board.h"
#include "firmware/drivers/lock_frames.h"

namespace cubby::drivers {
namespace {

constexpr std::uint8_t kReadInputs = 0x02;
constexpr std::uint8_t kWriteOutput = 0x05;
constexpr std::byte kExceptionFlag{0x80};
constexpr std::uint16_t kFlashOn = 0x0200;
constexpr std::uint16_t kAllOutputs = 0x00FF;
constexpr std::size_t kRequestSize = 8;
constexpr std::size_t kExceptionSize = 5;
constexpr std::size_t kReadOverhead = 5;  // Address, function, byte count, CRC.
constexpr std::size_t kReadDataAt = 3;
constexpr std::size_t kCrcSize = 2;
constexpr std::uint16_t kPulseUnitMs = 100;
constexpr std::uint16_t kPulseMaxMs = 1'000;

bool crc_holds(Bytes frame) {
  const auto body = frame.first(frame.size() - kCrcSize);
  return crc16_modbus(body) == load_le<std::uint16_t>(frame.last(kCrcSize));
}

class P5LockBoard final : public LockBoard {
 private:
  struct Command {
    std::uint8_t function = 0;
    std::uint16_t address = 0;
    std::uint16_t value = 0;
  };

  static Command command_of(const BoardSettings& board, Request request) {
    switch (request.kind) {
      case Request::Kind::kAllOff:
        return {.function = kWriteOutput, .address = kAllOutputs, .value = 0x0000};
      case Request::Kind::kUnlock:
        CUBBY_ASSERT(request.channel < board.channels && board.pulse_ms >= kPulseUnitMs &&
                     board.pulse_ms <= kPulseMaxMs && board.pulse_ms % kPulseUnitMs == 0);
        return {.function = kWriteOutput,
                .address = static_cast<std::uint16_t>(kFlashOn + request.channel),
                .value = static_cast<std::uint16_t>(board.pulse_ms / kPulseUnitMs)};
      case Request::Kind::kRead:
      case Request::Kind::kNone:
        break;
    }
    return {.function = kReadInputs, .address = 0x0000, .value = board.channels};
  }

  std::size_t do_encode(const BoardSettings& board, Request request, MutableBytes into) const override {
    const auto command = command_of(board, request);
    const std::array<std::byte, kRequestSize - kCrcSize> body{
        static_cast<std::byte>(board.address),        static_cast<std::byte>(command.function),
        static_cast<std::byte>(command.address >> 8), static_cast<std::byte>(command.address & 0xFF),
        static_cast<std::byte>(command.value >> 8),   static_cast<std::byte>(command.value & 0xFF)};
    std::copy(body.begin(), body.end(), into.begin());
    store_le(into.subspan(body.size(), kCrcSize), crc16_modbus(body));
    return kRequestSize;
  }

  Answer do_answer(const BoardSettings& board, Request request, Bytes sent, Bytes received) const override {
    return find_answer(received, [&](Bytes from) -> Answer {
      if (from.size() < kExceptionSize || from[0] != sent[0]) {
        return {};
      }
      if (from[1] == (sent[1] | kExceptionFlag) && crc_holds(from.first(kExceptionSize))) {
        return {.what = Exchange::kRefused};
      }
      return request.kind == Request::Kind::kRead ? inputs(board, sent, from) : echo(sent, from);
    });
  }

  /// Writes are answered with the same bytes.
  static Answer echo(Bytes sent, Bytes from) {
    const bool same = from.size() >= sent.size() && std::equal(sent.begin(), sent.end(), from.begin());
    return {.what = same ? Exchange::kDone : Exchange::kWaiting};
  }

  static Answer inputs(const BoardSettings& board, Bytes sent, Bytes from) {
    const auto bytes = (board.channels + std::size_t{7}) / 8;
    if (from.size() < kReadOverhead + bytes || from[1] != sent[1] || from[2] != static_cast<std::byte>(bytes) ||
        !crc_holds(from.first(kReadOverhead + bytes))) {
      return {};
    }
    std::uint64_t ones = 0;
    for (std::size_t i = 0; i < bytes; ++i) {
      ones |= std::to_integer<std::uint64_t>(from[kReadDataAt + i]) << (8 * i);
    }
    return {.what = Exchange::kDone, .inputs = (board.shut_is_one ? ones : ~ones) & low_bits(board.channels)};
  }

  bool do_answers(const BoardSettings&, Request::Kind) const override { return true; }
  Duration do_patience(const BoardSettings&, Request::Kind, std::int64_t) const override {
    return limits::kReplyTimeout;
  }
  bool do_guarded_by_crc16() const override { return true; }
};

constinit const P5LockBoard kBoard;

}  // namespace

const LockBoard& lock_board_p5() {
  return kBoard;
}

}  // namespace cubby::drivers
