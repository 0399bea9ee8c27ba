#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "cubby/v1/event.pb.h"
#include "firmware/base/fleet_keys.h"
#include "tools/aggregator/core/budget.h"
#include "tools/aggregator/core/command_sink.h"
#include "tools/aggregator/core/live_status.h"
#include "tools/aggregator/core/pending_connections.h"
#include "tools/aggregator/core/presence_sink.h"
#include "tools/aggregator/core/standing.h"
#include "tools/aggregator/core/station_register.h"

namespace cubby::aggregator {

struct UplinkServerOptions {
  std::string host = "127.0.0.1";  // An IP address.
  std::uint16_t port = 7400;
  std::string store_path;
  FleetKeys fleet_keys;
  std::string tls_folder;  // cert.pem, key.pem, ca.pem, crl.pem; empty: plaintext.
  Enrolment enrolment = Enrolment::kOpen;
  bool allow_virtual_time = false;                // Beside loopback, where it is always allowed.
  std::size_t commit_events = 2'000;              // A commit is due with so many events pending ...
  std::chrono::milliseconds commit_interval{20};  // ... or so long after the first of them: GroupCommit.
  Budget::Rates budget;                           // Of each station.
  std::size_t connections_max = 20'000;
  PendingConnections::Limits pending;
  bool pending_of_loopback = false;  // The limit of an address holds on loopback too, from where whole fleets come.
  std::function<void(const v1::CommandResult&)> on_command_result;  // Durable; told on run()'s thread.
  PresenceSink* presence = nullptr;                                 // Told of sessions; may be null.
};

/// What a run has cost and done; --report.
struct UplinkReport {
  double cpu_socket_s = 0;  // Reading, writing, waiting: the thread's time without the two below.
  double cpu_apply_s = 0;   // Frames, sessions, chain, statistics.
  double cpu_sqlite_s = 0;  // Transactions.
  std::uint64_t events = 0;
  std::uint64_t batches = 0;
  std::uint64_t duplicates = 0;
  std::uint64_t gaps = 0;
  std::uint64_t commits = 0;
  std::uint64_t connections = 0;
  std::uint64_t sessions = 0;
  std::uint64_t refusals = 0;
  std::uint64_t pauses = 0;
  std::uint64_t forgotten_acks = 0;
  std::uint64_t conflicts = 0;
  std::uint64_t frames = 0;
  std::uint64_t bytes_in = 0;
  std::uint64_t bytes_out = 0;
  std::array<std::uint64_t, kConnectionRefusals> refused_connections{};
  std::array<std::uint64_t, kQuarantineReasons> quarantines{};
};

/// The stations' TCP port: sockets, deadlines and group commit round the protocol objects of core/.
/// Everything runs on the thread that calls run(); send() and decide() may be called from another.
class UplinkServer final : public CommandSink, public StationRegister {
 public:
  UplinkServer(UplinkServerOptions options, LiveStatus& status);
  ~UplinkServer();

  /// Reads the certificates, if there is a folder of them. Returns one line for a person, or nothing.
  std::string load_certificates();
  /// Takes the port; nothing is accepted yet. Returns one line for a person, or nothing. `port_text` of
  /// the error names host and port.
  std::string bind();
  /// Opens or makes the store.
  std::string open_store();
  /// Serves until SIGINT or SIGTERM; SIGHUP reads the certificates again, as does a change of their files. In the end
  /// commits what is pending and closes. A store that fails is opened again as soon as that is possible; an error
  /// means that it was not, until the end.
  std::string run();
  UplinkReport report() const;
  Sent send(const std::string& station, const v1::Command& command, std::uint64_t life_ms) override;
  Decided decide(const StationDecision& decision) override;

 private:
  class Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace cubby::aggregator
