#pragma once

#include <boost/asio/io_context.hpp>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "emulator/fleet/fleet.h"
#include "firmware/tls/session.h"
#include "tools/emulator/link_figures.h"
#include "tools/emulator/live_connection.h"
#include "tools/emulator/mute_ends.h"
#include "tools/support/text.h"

namespace cubby::tools {

struct LiveLinksOptions {
  Endpoint aggregator;
  std::shared_ptr<const tls::Credentials> credentials;  // Of all stations; null: plaintext.
  /// Connections that are being opened at a time. One processor shakes hands for all stations, and with too many at
  /// once none would be through before the aggregator's deadline. Whose turn has not come waits as on a slow network.
  std::size_t opening_max = 0;
};

/// One TCP connection for every station that wants one. Bytes are moved between windows only.
class LiveLinks {
 public:
  LiveLinks(boost::asio::io_context& context, emulator::Fleet& fleet, const LiveLinksOptions& options);
  ~LiveLinks();
  /// Delivers what has arrived, sends what the stations said, opens and closes connections. `window_began`: when the
  /// time that the stations have just gone through began.
  void exchange(std::uint64_t utc_ms, AckMeter::Time window_began);
  /// What was since the last call.
  LinkFigures take_figures();

 private:
  using State = LiveConnection::State;
  void advance(std::size_t index, std::uint64_t utc_ms, AckMeter::Time window_began, AckMeter::Time now);
  void greet(std::size_t index, std::uint64_t utc_ms);
  bool end(std::size_t index);
  void drop(std::size_t index);
  void note_wish(std::size_t index);
  std::size_t open_next(std::size_t opening);
  void tell(const std::string& trouble);

  boost::asio::io_context& context_;
  emulator::Fleet& fleet_;
  LiveLinksOptions options_;
  MuteEnds mute_ends_;
  std::string told_;  // The last trouble with TLS; it is told when it changes, not once a station.
  std::vector<std::shared_ptr<LiveConnection>> connections_;
  std::vector<std::uint8_t> asking_;  // By station: it wants a connection, and that was counted.
  std::size_t next_ = 0;              // Whose turn it is first.
  LinkFigures figures_;
};

}  // namespace cubby::tools
