#pragma once

#include <cstdint>

#include "firmware/base/bytes.h"

namespace cubby {

/// Observes what a controller does, for trace hashes and for those who read a failing run. Passed in,
/// may be absent; nothing in the controller depends on it.
class TraceSink {
 public:
  /// An event became durable in the journal. `payload` is the encoded Event, valid for the call only. Each
  /// boot begins with the newest event of the boots before, told again: it may be news.
  virtual void on_event(std::uint64_t seq, Bytes payload) = 0;
  /// A compartment's state changed; numbers as CompartmentState of event.proto.
  virtual void on_compartment(std::uint8_t number, std::uint8_t from, std::uint8_t to) = 0;
  /// The uplink session changed its state; numbers as wire::UplinkState.
  virtual void on_uplink(std::uint8_t from, std::uint8_t to) = 0;

 protected:
  ~TraceSink() = default;
};

}  // namespace cubby
