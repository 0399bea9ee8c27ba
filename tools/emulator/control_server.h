#pragma once

#include <boost/asio/io_context.hpp>
#include <cstdint>
#include <memory>
#include <string>

#include "emulator/fleet/fleet.h"
#include "tools/support/text.h"

namespace cubby::tools {

/// The control port (control.proto): live injection. Runs on the engine's thread, between windows.
class ControlServer {
 public:
  /// `token` is what the first request of a connection must carry.
  ControlServer(boost::asio::io_context& context, emulator::Fleet& fleet, std::string token);
  ~ControlServer();
  /// Empty: listening; else why not.
  std::string listen(const Endpoint& endpoint);
  /// Answers requests whose injections have come to an end.
  void poll(std::uint64_t utc_ms);

 private:
  class Session;
  struct Parts;
  std::shared_ptr<Parts> parts_;
};

}  // namespace cubby::tools
