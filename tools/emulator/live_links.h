#pragma once

#include <boost/asio/io_context.hpp>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "emulator/fleet/fleet.h"
#include "firmware/tls/session.h"
#include "tools/support/text.h"

namespace cubby::tools {

/// One TCP connection for every station that wants one. Bytes are moved between windows only.
class LiveLinks {
 public:
  /// With TLS unless `credentials` is null: all stations bring the same certificate.
  LiveLinks(boost::asio::io_context& context, emulator::Fleet& fleet, const Endpoint& aggregator,
            std::shared_ptr<const tls::Credentials> credentials);
  ~LiveLinks();
  /// Delivers what has arrived, sends what the stations said, opens and closes connections.
  void exchange(std::uint64_t utc_ms);

 private:
  void tell(const std::string& trouble);
  class Connection;
  boost::asio::io_context& context_;
  emulator::Fleet& fleet_;
  Endpoint aggregator_;
  std::shared_ptr<const tls::Credentials> credentials_;
  std::string told_;  // The last trouble with TLS; it is told when it changes, not once a station.
  std::vector<std::shared_ptr<Connection>> connections_;
};

}  // namespace cubby::tools
