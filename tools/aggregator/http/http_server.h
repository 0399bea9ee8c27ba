#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "tools/aggregator/core/command_sink.h"
#include "tools/aggregator/core/live_status.h"
#include "tools/aggregator/core/station_register.h"
#include "tools/aggregator/http/access.h"
#include "tools/aggregator/http/open_limits.h"

namespace cubby::aggregator {

class CommandBook;
class Presence;

struct HttpServerOptions {
  std::string host = "127.0.0.1";  // An IP address.
  std::uint16_t port = 7480;
  std::string store_path;
  AccessTokens tokens;
  OpenRates open_rates = {};
};

/// The HTTP interface on a thread and a read-only store connection of its own, so that no query delays an
/// acknowledgement.
class HttpServer {
 public:
  HttpServer(HttpServerOptions options, const LiveStatus& status, const Presence& presence, CommandBook& book,
             CommandSink& sink, StationRegister& stations);
  ~HttpServer();
  /// Takes the port. Empty, or one line for a person.
  std::string bind();
  /// Opens the store (it must exist) and serves until stop().
  std::string start();
  void stop();

 private:
  class Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace cubby::aggregator
