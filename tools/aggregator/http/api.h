#pragma once

#include <boost/json/fwd.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "tools/aggregator/core/command_sink.h"
#include "tools/aggregator/core/live_status.h"
#include "tools/aggregator/core/station_register.h"
#include "tools/aggregator/http/access.h"
#include "tools/aggregator/http/command_book.h"
#include "tools/aggregator/http/command_request.h"
#include "tools/aggregator/http/metrics.h"
#include "tools/aggregator/http/open_limits.h"
#include "tools/aggregator/http/order_switch.h"
#include "tools/aggregator/http/presence.h"
#include "tools/aggregator/http/query.h"
#include "tools/aggregator/http/routes.h"
#include "tools/aggregator/storage/store_reader.h"

namespace cubby::aggregator {

struct ApiRequest {
  std::string_view method;
  std::string_view target;              // Path and query, as they came.
  std::string_view authorization = {};  // The header's value; empty if there was none.
  std::string_view body = {};
  std::string_view last_event_id = {};  // The header's value; empty if there was none.
  std::uint64_t now_ms = 0;             // Monotonic.
  std::uint64_t utc_ms = 0;             // Since 1970.
};

/// Where a reader of the live log is.
struct StreamPlace {
  std::uint64_t after = 0;
  std::uint32_t station_id = 0;  // 0: all.
  bool at_end = false;           // Had everything when it was last read.
};

struct ApiResponse {
  unsigned status = 200;
  std::string content_type;
  std::string body;
  std::string allow = {};                  // Of 405.
  std::uint64_t retry_after_s = 0;         // Of 429; else 0.
  std::optional<StreamPlace> stream = {};  // Instead of a body: events as they become durable, from stream_text().
};

/// Labels and figures of a row of statistics, in memory from `memory`.
boost::json::object to_json(const StatisticsRow& row, const StatisticsAnswer& answer,
                            const boost::json::storage_ptr& memory);

inline constexpr std::string_view kOrdersStoppedSuffix = ".orders-stopped";

/// A person's view of the switch.
boost::json::object to_json(const OrderSwitch::State& state);

/// What the HTTP interface answers (docs/spec/http.md), without any HTTP: a request as words in, a status
/// and a body out. One thread.
class Api {
 public:
  static constexpr std::size_t kPageMax = 1'000;  // Rows of a page.

  struct Options {
    AccessTokens tokens;
    OpenRates open_rates = {};
  };
  Api(Options options, const LiveStatus& status, const Presence& presence, CommandBook& book, CommandSink& sink,
      StationRegister& stations)
      : tokens_(std::move(options.tokens)),
        open_limits_(options.open_rates),
        status_(status),
        presence_(presence),
        book_(book),
        sink_(sink),
        register_(stations) {}
  /// Empty, or one line for a person. The file that stops orders lies beside the store.
  std::string open_store(const std::string& path) {
    switch_.load(path + std::string(kOrdersStoppedSuffix));
    counters_.orders_stopped = switch_.state().stopped;
    return reader_.open(path);
  }
  /// Works out what later answers by time remember: StoreReader::remember_days().
  void remember_days() { reader_.remember_days(); }
  ApiResponse answer(const ApiRequest& request);
  /// The next events of a stream as text/event-stream, and moves its place on; empty: nothing new. False: the store
  /// failed.
  bool stream_text(StreamPlace& place, std::string& text);
  HttpCounters& counters() { return counters_; }
  /// Transactions so far: while it stays the same there is nothing new to read.
  std::uint64_t commits() const { return status_.commits; }
  /// An error in the form of RFC 7807; `code` is for programs, `detail` for people.
  static ApiResponse problem(unsigned status, std::string_view code, std::string_view detail,
                             std::string_view allow = "GET, HEAD");

 private:
  static ApiResponse ok(const boost::json::object& body);
  ApiResponse dispatch(const ApiRequest& request, Role role, const RouteMatch& match,
                       const QueryParameters& parameters);
  ApiResponse health() const;
  ApiResponse status();
  ApiResponse stations(const QueryParameters& parameters);
  ApiResponse station(const std::string& name);
  ApiResponse import(std::string_view body);
  ApiResponse decide(StationDecision::Kind kind, const std::string& name, std::string_view body);
  ApiResponse statistics(const QueryParameters& parameters);
  ApiResponse events(const QueryParameters& parameters, bool as_stream, std::string_view last_event_id);
  ApiResponse order(const std::string& station, Role role, const ApiRequest& request);
  /// Sends it, if the switch and the limits let it, and counts it.
  ApiResponse send_order(const std::string& station, Order& order, std::uint64_t now_ms);
  /// Fills in what the order leaves out, from the rules that the station has told. nullopt: done; else the error.
  std::optional<ApiResponse> complete_rules(const std::string& station, Order& order);
  ApiResponse order_state(const std::string& station, std::string_view id) const;

  ApiResponse orders() const;
  ApiResponse stop_orders(Role role, const ApiRequest& request);
  ApiResponse allow_orders(Role role, const ApiRequest& request);
  /// The line in the log that each order has: who, what and where, never for which parcel.
  void audit(const std::string& station, Role role, const Order& order, const ApiResponse& answer,
             std::uint64_t now_ms);

  AccessTokens tokens_;
  OpenLimits open_limits_;
  OrderSwitch switch_;
  std::uint64_t refusals_second_ = 0;  // Which second of now_ms the lines about refused orders are counted in ...
  std::uint32_t refusals_logged_ = 0;  // ... and how many there were.
  const LiveStatus& status_;
  const Presence& presence_;
  CommandBook& book_;
  CommandSink& sink_;
  StationRegister& register_;
  StoreReader reader_;
  HttpCounters counters_;
};

}  // namespace cubby::aggregator
