#pragma once

#include <boost/asio/io_context.hpp>
#include <cstdint>
#include <memory>
#include <vector>

#include "emulator/fleet/fleet.h"
#include "tools/support/text.h"

namespace cubby::tools {

/// One TCP connection for every station that wants one. Bytes are moved between windows only.
class LiveLinks {
 public:
  LiveLinks(boost::asio::io_context& context, emulator::Fleet& fleet, const Endpoint& aggregator);
  ~LiveLinks();
  /// Delivers what has arrived, sends what the stations said, opens and closes connections.
  void exchange(std::uint64_t utc_ms);

 private:
  class Connection;
  boost::asio::io_context& context_;
  emulator::Fleet& fleet_;
  Endpoint aggregator_;
  std::vector<std::shared_ptr<Connection>> connections_;
};

}  // namespace cubby::tools
