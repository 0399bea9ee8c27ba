#include "tools/aggregator/io/uplink_server.h"

#include <spdlog/spdlog.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <csignal>
#include <future>
#include <unordered_map>

#include "tools/aggregator/io/connection.h"
#include "tools/aggregator/io/group_commit.h"
#include "tools/aggregator/io/system_calls.h"
#include "tools/aggregator/io/tls_folder.h"
#include "tools/aggregator/storage/event_store.h"

namespace cubby::aggregator {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;
using tcp = asio::ip::tcp;

constexpr std::chrono::milliseconds kAcceptRetry{100};
constexpr std::chrono::seconds kSweepInterval{1};
constexpr std::chrono::seconds kReopenInterval{1};
constexpr std::chrono::seconds kHandOver{2};
constexpr std::size_t kRefusalsLogged = 10;  // Between two sweeps; a flood of them must not fill a disk.
constexpr std::int64_t kDayS = 86'400;
constexpr std::int64_t kExpiryWarningS = 30 * kDayS;

// Once until a person releases it: no flood of these.
void tell_quarantine(const std::string& station, QuarantineReason reason) {
  spdlog::warn("station {} is quarantined: {}; nobody may report in its name until somebody decides", station,
               to_text(reason));
}

}  // namespace

class UplinkServer::Parts final : public ConnectionHost {
 public:
  Parts(UplinkServerOptions options, LiveStatus& status) : options_(std::move(options)), status_(status) {}

  std::string load_certificates();
  std::string bind();
  std::string open_store();
  std::string run();
  UplinkReport report() const;
  CommandSink::Sent send(const std::string& station, const v1::Command& command, std::uint64_t life_ms);
  StationRegister::Decided decide(const StationDecision& decision);

  void on_input(Connection& connection) override;
  void on_welcomed(std::uint64_t id) override { pending_.release(id); }
  void on_closed(std::uint64_t id) override;
  const std::shared_ptr<const tls::Credentials>& credentials() const override { return certificates_.credentials(); }
  void on_refused(ConnectionRefusal why, const std::string& peer, const std::string& detail) override;
  std::uint64_t utc_ms() const override { return system_utc_ms(); }
  void enter_apply() override { apply_from_s_ = thread_cpu_s(); }
  void leave_apply() override { costs_.cpu_apply_s += thread_cpu_s() - apply_from_s_; }
  void count_bytes(std::size_t in, std::size_t out) override {
    costs_.bytes_in += in;
    costs_.bytes_out += out;
  }

 private:
  void accept();
  void wait_for_signal();
  void renew_certificates();
  void look_after_certificates();
  void tell_expiry(std::int64_t now_s);
  void tell_forgotten_ack(const std::string& station, std::uint64_t acked_seq, std::uint64_t mark_seq);
  void tell_other_certificate(const std::string& station, const CertificateHolder* other);
  void adopt(tcp::socket socket);
  void sweep();
  GroupCommit::Pending pending() const;
  StationRegister::Decided decide_here(const StationDecision& decision);
  bool commit();  // False: the store has failed, and everything here was thrown away.
  void recover(const std::string& error);
  void reopen();
  void drop_connections(const std::string& reason);
  void finish();
  void publish();
  void book_counters();

  UplinkServerOptions options_;
  LiveStatus& status_;
  TlsFolder certificates_{options_.tls_folder};
  PendingConnections pending_{options_.pending};
  std::int64_t expiry_told_s_ = 0;
  std::size_t refusals_since_sweep_ = 0;
  std::size_t forgotten_since_sweep_ = 0;
  asio::io_context io_{1};
  tcp::acceptor acceptor_{io_};
  asio::signal_set signals_{io_};
  asio::steady_timer accept_timer_{io_};
  asio::steady_timer sweep_timer_{io_};
  GroupCommit group_commit_{io_,
                            {.events = options_.commit_events, .interval = options_.commit_interval},
                            [this] { return pending(); },
                            [this] { commit(); }};
  asio::steady_timer reopen_timer_{io_};
  std::unique_ptr<EventStore> store_;  // Null, as the Centre: failed, and not open again yet.
  std::unique_ptr<Centre> centre_;
  std::unordered_map<std::uint64_t, std::shared_ptr<Connection>> connections_;
  std::uint64_t next_connection_ = 1;
  bool stopping_ = false;
  std::string failure_;
  double apply_from_s_ = 0;
  double thread_from_s_ = 0;
  UplinkReport costs_;
};

std::string UplinkServer::Parts::bind() {
  error_code error;
  const auto address = asio::ip::make_address(options_.host, error);
  if (error) {
    return "not an IP address";
  }
  const tcp::endpoint endpoint(address, options_.port);
  acceptor_.open(endpoint.protocol(), error);
  if (!error) {
    acceptor_.set_option(asio::socket_base::reuse_address(true), error);
  }
  if (!error) {
    acceptor_.bind(endpoint, error);
  }
  if (!error) {
    acceptor_.listen(asio::socket_base::max_listen_connections, error);
  }
  if (error == asio::error::address_in_use) {
    return "the port is in use";
  }
  return error ? error.message() : std::string();
}

std::string UplinkServer::Parts::open_store() {
  OpenedStore opened = open_sqlite_store(options_.store_path, fill_random);
  if (!opened.error.empty()) {
    return opened.error;
  }
  const StoreIdentity identity = opened.store->identity();
  auto centre = std::make_unique<Centre>(CentreOptions{
      .fleet_keys = options_.fleet_keys,
      .store_uid = identity.uid,
      .generation = identity.generation,
      .session_epoch = identity.session_epoch,
      .enrolment = options_.enrolment,
      .budget = options_.budget,
      .fill_random = fill_random,
      .on_command_result = options_.on_command_result,
      .on_forgotten_ack = [this](const std::string& station, std::uint64_t acked_seq,
                                 std::uint64_t mark_seq) { tell_forgotten_ack(station, acked_seq, mark_seq); },
      .on_quarantine = tell_quarantine,
      .on_other_certificate = [this](const std::string& station,
                                     const CertificateHolder* other) { tell_other_certificate(station, other); },
      .live = &status_,
      .presence = options_.presence});
  if (std::string error = opened.store->load(*centre); !error.empty()) {
    return error;
  }
  store_ = std::move(opened.store);
  centre_ = std::move(centre);
  status_.store_ok = true;
  publish();
  return {};
}

std::string UplinkServer::Parts::run() {
  thread_from_s_ = thread_cpu_s();
  options_.connections_max = connections_within_limit(options_.connections_max);
  error_code ignored;
  signals_.add(SIGINT, ignored);
  signals_.add(SIGTERM, ignored);
  if (!options_.tls_folder.empty()) {
    signals_.add(SIGHUP, ignored);
  }
  wait_for_signal();
  spdlog::info("{} stations known", centre_->station_count());
  accept();
  sweep();
  io_.run();
  costs_.cpu_socket_s = thread_cpu_s() - thread_from_s_ - costs_.cpu_apply_s - costs_.cpu_sqlite_s;
  book_counters();
  status_.store_ok = false;
  connections_.clear();
  centre_.reset();
  if (store_ && failure_.empty()) {
    store_->merge();  // Whoever copies the file of a program that has ended has all of it.
  }
  store_.reset();
  return failure_;
}

void UplinkServer::Parts::wait_for_signal() {
  signals_.async_wait([this](const error_code& error, int signal) {
    if (error) {
      return;
    }
    if (signal != SIGHUP) {
      finish();
      return;
    }
    renew_certificates();
    wait_for_signal();
  });
}

std::string UplinkServer::Parts::load_certificates() {
  if (options_.tls_folder.empty()) {
    return {};
  }
  const auto now_s = static_cast<std::int64_t>(system_utc_ms() / 1'000);
  if (std::string error = certificates_.load(now_s); !error.empty()) {
    return error;
  }
  status_.certificate_expires_utc_s = credentials()->own().expires_utc_s;
  tell_expiry(now_s);
  return {};
}

void UplinkServer::Parts::tell_expiry(std::int64_t now_s) {
  expiry_told_s_ = now_s;
  const tls::Certificate& own = credentials()->own();
  spdlog::log(own.expires_utc_s - now_s < kExpiryWarningS ? spdlog::level::warn : spdlog::level::info,
              "certificate {} of aggregator {} expires in {} days", own.serial, own.identity.name,
              (own.expires_utc_s - now_s) / kDayS);
}

// Each second: have the files changed, and will it have to be renewed soon?
void UplinkServer::Parts::look_after_certificates() {
  if (certificates_.has_changed()) {
    renew_certificates();
  }
  const auto now_s = static_cast<std::int64_t>(system_utc_ms() / 1'000);
  if (now_s - expiry_told_s_ >= kDayS && credentials()->own().expires_utc_s - now_s < kExpiryWarningS) {
    tell_expiry(now_s);
  }
}

// Whoever is connected with a certificate that does not hold any more is disconnected.
void UplinkServer::Parts::renew_certificates() {
  if (const std::string error = load_certificates(); !error.empty()) {
    spdlog::error("{}; the certificates that were read before stay in force", error);
    return;
  }
  const auto connections = connections_;  // judge_again() may take the connection out of the map.
  for (const auto& [id, connection] : connections) {
    connection->judge_again(*credentials());
  }
}

void UplinkServer::Parts::on_refused(ConnectionRefusal why, const std::string& peer, const std::string& detail) {
  ++costs_.refused_connections[static_cast<std::size_t>(why)];
  if (++refusals_since_sweep_ <= kRefusalsLogged) {
    spdlog::warn("refused {}: {}: {}", peer, to_text(why), detail);
  }
}

void UplinkServer::Parts::tell_forgotten_ack(const std::string& station, std::uint64_t acked_seq,
                                             std::uint64_t mark_seq) {
  if (++forgotten_since_sweep_ <= kRefusalsLogged) {
    spdlog::warn(
        "station {} was told that event {} is durable, the store ends at {}: an old copy of it was put back without "
        "cubby store restore",
        station, acked_seq, mark_seq);
  }
}

void UplinkServer::Parts::tell_other_certificate(const std::string& station, const CertificateHolder* other) {
  if (++refusals_since_sweep_ <= kRefusalsLogged) {
    spdlog::warn("refused station {} with {}: it is bound to another certificate's key", station,
                 other != nullptr ? "the certificate of " + other->words : "no certificate");
  }
}

void UplinkServer::Parts::accept() {
  acceptor_.async_accept([this](const error_code& error, tcp::socket socket) {
    if (stopping_ || error == asio::error::operation_aborted) {
      return;
    }
    if (error) {
      // Out of descriptors, or the peer was gone already: never the end of the loop.
      spdlog::warn("accept: {}", error.message());
      accept_timer_.expires_after(kAcceptRetry);
      accept_timer_.async_wait([this](const error_code& cancelled) {
        if (!cancelled) {
          accept();
        }
      });
      return;
    }
    adopt(std::move(socket));
    accept();
  });
}

void UplinkServer::Parts::adopt(tcp::socket socket) {
  error_code error;
  const tcp::endpoint peer = socket.remote_endpoint(error);
  if (error || !centre_) {
    return;  // Gone already; or there is no store, and the station comes again.
  }
  const std::string address = peer.address().to_string();
  if (connections_.size() >= options_.connections_max) {
    on_refused(ConnectionRefusal::kTooManyConnections, address, std::to_string(connections_.size()) + " are open");
    return;
  }
  const std::uint64_t id = next_connection_++;
  const std::string place = address + ":" + std::to_string(peer.port());
  const bool has_limit = options_.pending_of_loopback || !peer.address().is_loopback();
  if (const auto refused = pending_.admit(id, has_limit ? address : place); refused.has_value()) {
    on_refused(*refused, address, std::to_string(pending_.size()) + " connections have no session yet");
    return;
  }
  ++costs_.connections;
  auto connection = std::make_shared<Connection>(
      std::move(socket),
      ConnectionOptions{
          .id = id, .peer = place, .allow_virtual_time = peer.address().is_loopback() || options_.allow_virtual_time},
      *centre_, *this);
  connections_.emplace(id, connection);
  connection->start();
}

void UplinkServer::Parts::sweep() {
  sweep_timer_.expires_after(kSweepInterval);
  sweep_timer_.async_wait([this](const error_code& error) {
    if (error || stopping_) {
      return;
    }
    const auto now = Connection::Clock::now();
    const auto connections = connections_;  // close() takes the connection out of the map.
    for (const auto& [id, connection] : connections) {
      connection->check_deadlines(now);
    }
    if (!options_.tls_folder.empty()) {
      look_after_certificates();
    }
    if (refusals_since_sweep_ > kRefusalsLogged) {
      spdlog::warn("and {} more refused within the second", refusals_since_sweep_ - kRefusalsLogged);
    }
    refusals_since_sweep_ = 0;
    if (forgotten_since_sweep_ > kRefusalsLogged) {
      spdlog::warn("and {} more stations that were told so", forgotten_since_sweep_ - kRefusalsLogged);
    }
    forgotten_since_sweep_ = 0;
    publish();
    sweep();
  });
}

void UplinkServer::Parts::on_closed(std::uint64_t id) {
  pending_.release(id);
  connections_.erase(id);  // Whoever is calling holds the connection itself.
}

void UplinkServer::Parts::on_input(Connection& connection) {
  group_commit_.on_input(connection.protocol()->waits_at_barrier());
}

// Nothing while the store is closed.
GroupCommit::Pending UplinkServer::Parts::pending() const {
  if (!centre_) {
    return {};
  }
  const Changes& changes = centre_->changes();
  return {.any = !changes.empty(), .events = changes.events, .bytes = changes.size_bytes()};
}

bool UplinkServer::Parts::commit() {
  group_commit_.on_commit();
  const double from_s = thread_cpu_s();
  const auto began = std::chrono::steady_clock::now();
  const std::string error = store_->commit(centre_->changes(), centre_->cities(), centre_->brands());
  costs_.cpu_sqlite_s += thread_cpu_s() - from_s;
  if (!error.empty()) {
    ++status_.store_errors;
    recover(error);
    return false;
  }
  const auto took = std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - began);
  status_.commit_times.add(static_cast<std::uint64_t>(took.count()));
  status_.last_commit_utc_ms = system_utc_ms();
  centre_->committed();
  publish();
  return true;
}

// Nothing of the failed transaction can be relied on, in the store or here: read the marks again and let
// the stations repeat.
void UplinkServer::Parts::recover(const std::string& error) {
  spdlog::error("the store cannot commit: {}; opening it again", error);
  status_.store_ok = false;
  drop_connections("the store failed");
  book_counters();
  publish();
  centre_.reset();
  store_.reset();
  reopen();
}

// Until it opens or somebody ends the program: a full disk is emptied by people, at their own pace.
void UplinkServer::Parts::reopen() {
  const std::string error = open_store();
  if (error.empty()) {
    spdlog::info("the store is open again, with {} stations", centre_->station_count());
    failure_.clear();
    return;
  }
  const std::string failure = "the store failed and does not open again: " + error;
  if (failure != failure_) {
    spdlog::error("{}; trying every {} s", failure, kReopenInterval.count());
    failure_ = failure;
  }
  reopen_timer_.expires_after(kReopenInterval);
  reopen_timer_.async_wait([this](const error_code& cancelled) {
    if (!cancelled && !stopping_) {
      reopen();
    }
  });
}

void UplinkServer::Parts::drop_connections(const std::string& reason) {
  const auto connections = connections_;
  for (const auto& [id, connection] : connections) {
    connection->close(reason);
  }
}

void UplinkServer::Parts::finish() {
  spdlog::info("stopping");
  if (centre_ && !centre_->changes().empty()) {
    commit();  // Its acknowledgements are written as far as the sockets take them at once.
  }
  stopping_ = true;
  error_code ignored;
  acceptor_.close(ignored);
  drop_connections({});
  accept_timer_.cancel();
  sweep_timer_.cancel();
  group_commit_.cancel();
  reopen_timer_.cancel();
}

void UplinkServer::Parts::publish() {
  if (!centre_) {
    return;
  }
  const CentreCounters& counters = centre_->counters();
  status_.connections = connections_.size();
  status_.sessions = static_cast<std::uint64_t>(counters.live_sessions);
  status_.events = costs_.events + counters.events;
  status_.batches = costs_.batches + counters.batches;
  status_.duplicates = costs_.duplicates + counters.duplicates;
  status_.gaps = costs_.gaps + counters.gaps;
  status_.commits = costs_.commits + counters.commits;
  status_.refusals = costs_.refusals + counters.refusals;
  status_.pauses = costs_.pauses + counters.pauses;
  status_.conflicts = costs_.conflicts + counters.conflicts;
  for (std::size_t i = 0; i < kQuarantineReasons; ++i) {
    status_.quarantines[i] = costs_.quarantines[i] + counters.quarantines[i];
  }
  for (std::size_t i = 0; i < kStationStates; ++i) {
    status_.stations_by_state[i] = centre_->stations_in(static_cast<StationState>(i + 1));
  }
  status_.forgotten_acks = costs_.forgotten_acks + counters.forgotten_acks;
  for (std::size_t i = 0; i < kConnectionRefusals; ++i) {
    status_.refused_connections[i] = costs_.refused_connections[i];
  }
  status_.refused_connections[static_cast<std::size_t>(ConnectionRefusal::kOtherStation)] += counters.other_stations;
  status_.refused_connections[static_cast<std::size_t>(ConnectionRefusal::kOtherCertificate)] +=
      counters.other_certificates;
}

// Moves a Centre's counters into the run's.
void UplinkServer::Parts::book_counters() {
  if (!centre_) {
    return;
  }
  CentreCounters& counters = centre_->counters();
  costs_.events += counters.events;
  costs_.batches += counters.batches;
  costs_.duplicates += counters.duplicates;
  costs_.gaps += counters.gaps;
  costs_.commits += counters.commits;
  costs_.sessions += counters.sessions;
  costs_.refusals += counters.refusals;
  costs_.pauses += counters.pauses;
  costs_.forgotten_acks += counters.forgotten_acks;
  costs_.frames += counters.frames;
  costs_.conflicts += counters.conflicts;
  for (std::size_t i = 0; i < kQuarantineReasons; ++i) {
    costs_.quarantines[i] += counters.quarantines[i];
  }
  costs_.refused_connections[static_cast<std::size_t>(ConnectionRefusal::kOtherStation)] += counters.other_stations;
  costs_.refused_connections[static_cast<std::size_t>(ConnectionRefusal::kOtherCertificate)] +=
      counters.other_certificates;
  counters = {};
}

// From the HTTP thread; this one is never kept waiting by it.
CommandSink::Sent UplinkServer::Parts::send(const std::string& station, const v1::Command& command,
                                            std::uint64_t life_ms) {
  const auto answer = std::make_shared<std::promise<CommandSink::Sent>>();
  auto future = answer->get_future();
  asio::post(io_, [this, answer, station, command, life_ms] {
    answer->set_value(stopping_ || !centre_ ? CommandSink::Sent::kBusy
                                            : centre_->send_command(station, command, utc_ms(), life_ms));
  });
  return future.wait_for(kHandOver) == std::future_status::ready ? future.get() : CommandSink::Sent::kBusy;
}

// What is decided is durable before it is answered, so that no restart takes it back.
StationRegister::Decided UplinkServer::Parts::decide_here(const StationDecision& decision) {
  if (stopping_ || !centre_) {
    return {.outcome = StationRegister::Outcome::kUnavailable};
  }
  const StationRegister::Decided decided = centre_->decide(decision, utc_ms());
  if (!centre_->changes().empty() && !commit()) {
    return {.outcome = StationRegister::Outcome::kUnavailable};
  }
  if (decision.kind == StationDecision::Kind::kForget && decided.outcome == StationRegister::Outcome::kDone) {
    spdlog::info("station {} was forgotten, as an admin has ordered", decision.stations.front());
  }
  return decided;
}

// From the HTTP thread, as send().
StationRegister::Decided UplinkServer::Parts::decide(const StationDecision& decision) {
  const auto answer = std::make_shared<std::promise<StationRegister::Decided>>();
  auto future = answer->get_future();
  asio::post(io_, [this, answer, decision] { answer->set_value(decide_here(decision)); });
  return future.wait_for(kHandOver) == std::future_status::ready
             ? future.get()
             : StationRegister::Decided{.outcome = StationRegister::Outcome::kUnavailable};
}

UplinkReport UplinkServer::Parts::report() const {
  return costs_;
}

UplinkServer::UplinkServer(UplinkServerOptions options, LiveStatus& status)
    : parts_(std::make_unique<Parts>(std::move(options), status)) {}
UplinkServer::~UplinkServer() = default;
std::string UplinkServer::load_certificates() {
  return parts_->load_certificates();
}
std::string UplinkServer::bind() {
  return parts_->bind();
}
std::string UplinkServer::open_store() {
  return parts_->open_store();
}
std::string UplinkServer::run() {
  return parts_->run();
}
CommandSink::Sent UplinkServer::send(const std::string& station, const v1::Command& command, std::uint64_t life_ms) {
  return parts_->send(station, command, life_ms);
}
StationRegister::Decided UplinkServer::decide(const StationDecision& decision) {
  return parts_->decide(decision);
}
UplinkReport UplinkServer::report() const {
  return parts_->report();
}

}  // namespace cubby::aggregator
