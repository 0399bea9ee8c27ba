#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "tools/aggregator/core/command_sink.h"
#include "tools/aggregator/core/live_status.h"
#include "tools/aggregator/http/command_book.h"
#include "tools/aggregator/http/command_request.h"
#include "tools/aggregator/storage/store_reader.h"

namespace cubby::aggregator {

struct ApiRequest {
  std::string_view method;
  std::string_view target;         // Path and query, as they came.
  std::string_view authorization;  // The header's value; empty if there was none.
  std::string_view body;
};

struct ApiResponse {
  unsigned status = 200;
  std::string content_type;
  std::string body;
  std::string allow;  // Of 405.
};

/// What the HTTP interface answers (docs/spec/http.md), without any HTTP: a request as words in, a status
/// and a body out. One thread.
class Api {
 public:
  Api(std::string token, const LiveStatus& status, CommandBook& book, CommandSink& sink)
      : token_(std::move(token)), status_(status), book_(book), sink_(sink) {}
  /// Empty, or one line for a person.
  std::string open_store(const std::string& path) { return reader_.open(path); }
  ApiResponse answer(const ApiRequest& request);
  /// An error in the form of RFC 7807; `code` is for programs, `detail` for people.
  static ApiResponse problem(unsigned status, std::string_view code, std::string_view detail,
                             std::string_view allow = "GET, HEAD");

 private:
  bool is_authorised(std::string_view authorization) const;
  ApiResponse health() const;
  ApiResponse status();
  ApiResponse stations(std::string_view query);
  ApiResponse station(std::string_view name);
  ApiResponse statistics(std::string_view query);
  ApiResponse commands(std::string_view method, std::string_view station, std::string_view rest, std::string_view body);
  ApiResponse order(const std::string& station, std::string_view body);
  /// Fills in what the order leaves out, from the rules that the station has told. nullopt: done; else the error.
  std::optional<ApiResponse> complete_rules(const std::string& station, Order& order);
  ApiResponse order_state(const std::string& station, std::string_view id) const;

  std::string token_;
  const LiveStatus& status_;
  CommandBook& book_;
  CommandSink& sink_;
  StoreReader reader_;
};

}  // namespace cubby::aggregator
