#pragma once

#include <cstdint>
#include <string>

#include "cubby/v1/uplink.pb.h"

namespace cubby::aggregator {

/// Hands orders to stations; implemented by the owner of the sessions. Called from any thread but its own.
class CommandSink {
 public:
  enum class Sent : std::uint8_t { kSent, kUnknownStation, kOffline, kNotLive, kTakesNone, kBusy };
  /// Written towards the station, once, with an expiry `life_ms` from now in the station's time. kOffline: it
  /// has no session; kNotLive: it belongs to an emulator at full speed; kTakesNone: its Hello lacks
  /// CAPABILITY_COMMANDS.
  virtual Sent send(const std::string& station, const v1::Command& command, std::uint64_t life_ms) = 0;

 protected:
  ~CommandSink() = default;
};

}  // namespace cubby::aggregator
