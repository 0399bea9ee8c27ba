#pragma once

#include <cstdint>

#include "firmware/base/bytes.h"
#include "firmware/base/instant.h"

namespace cubby::emulator {

/// What a trace entry is about; part of the hash.
enum class TraceKind : std::uint8_t {
  kFrameSent = 1,
  kFrameReceived,
  kDoorEdge,
  kPanelIn,
  kPanelOut,
  kEvent,
  kPerson,
  kPower
};

/// 64 bits over everything that happened at a station, in order. Not cryptographic: it tells runs apart.
class TraceHash {
 public:
  void add(std::uint64_t value) {
    state_ = (state_ ^ value) * 0x9FB21C651E98DF25ULL;
    state_ ^= state_ >> 29;
  }
  void add(TraceKind kind, Instant at, std::uint64_t detail) {
    add(static_cast<std::uint64_t>(at.us) << 8 | static_cast<std::uint64_t>(kind));
    add(detail);
  }
  void add(TraceKind kind, Instant at, Bytes bytes) {
    add(kind, at, bytes.size());
    std::size_t i = 0;
    for (; i + 8 <= bytes.size(); i += 8) {
      add(load_le<std::uint64_t>(bytes.subspan(i, 8)));
    }
    std::uint64_t rest = 0;
    for (; i < bytes.size(); ++i) {
      rest = rest << 8 | static_cast<std::uint64_t>(bytes[i]);
    }
    add(rest);
  }
  std::uint64_t value() const { return state_; }
  void restore(std::uint64_t value) { state_ = value; }

 private:
  std::uint64_t state_ = 0x243F6A8885A308D3ULL;
};

}  // namespace cubby::emulator
