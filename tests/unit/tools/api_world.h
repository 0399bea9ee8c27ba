#pragma once

#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "tools/aggregator/http/api.h"
#include "tools/aggregator/storage/event_store.h"
#include "unit/aggregator/test_station.h"
#include "unit/tools/fake_register.h"

/// The HTTP interface in front of a store, without sockets.
namespace cubby::aggregator::testing {

namespace json = boost::json;

/// Takes every order for the stations that it is told of.
struct TestSink final : CommandSink {
  Sent send(const std::string& station, const v1::Command& command, std::uint64_t) override {
    if (!online.contains(station)) {
      return Sent::kOffline;
    }
    sent.push_back(command);
    return Sent::kSent;
  }
  std::set<std::string> online;
  std::vector<v1::Command> sent;
};

inline AccessTokens test_tokens() {
  AccessTokens tokens;
  tokens.set(Role::kViewer, "viewer-token").set(Role::kNotifier, "notifier-token");
  return tokens.set(Role::kOperator, "token").set(Role::kAdmin, "admin-token");
}

struct ApiOfAStore : ::testing::Test {
  TemporaryFolder folder;
  TestJournal journal{"SX-TY-0001"};
  TestJournal other{"SX-DT-0002", 2};
  LiveStatus status;
  Presence presence;
  CommandBook book;
  TestSink sink;
  FakeRegister stations;
  Api api{{.tokens = test_tokens()}, status, presence, book, sink, stations};
  OpenedStore opened;
  std::unique_ptr<Centre> centre;

  void SetUp() override {
    const std::string path = folder.file("cubby.db");
    opened = open_sqlite_store(path, [](MutableBytes bytes) { std::fill(bytes.begin(), bytes.end(), std::byte{5}); });
    ASSERT_EQ(opened.error, "");
    CentreOptions options = test_options();
    options.live = &status;
    options.presence = &presence;
    centre = std::make_unique<Centre>(std::move(options));
    ASSERT_EQ(opened.store->load(*centre), "");
    ASSERT_EQ(api.open_store(path), "");
    status.store_ok = true;
    stations.answer = [this](const StationDecision& decision) {
      const StationRegister::Decided decided = centre->decide(decision, kNoonUtcMs);
      commit();
      return decided;
    };
  }
  void commit() {
    ASSERT_EQ(opened.store->commit(centre->changes(), centre->cities(), centre->brands()), "");
    centre->committed();
    ++status.commits;
  }
  /// The station's session ends with the call.
  void report(const TestJournal& from) {
    TestConnection connection(*centre);
    connection.greet(1, from);
    commit();
    const std::uint64_t mark = connection.take_one().welcome().high_water();
    for (std::uint64_t first = mark + 1; first < from.next_seq(); first += 4) {
      connection.send(1, from.batch(first, std::min(first + 3, from.next_seq() - 1)));
    }
    commit();
  }
  ApiResponse ask(const std::string& target, std::string_view method = "GET", std::string_view last_event_id = {}) {
    return api.answer(
        {.method = method, .target = target, .authorization = "Bearer token", .last_event_id = last_event_id});
  }
  ApiResponse post(const std::string& target, std::string_view body, std::uint64_t now_ms = 0,
                   std::string_view token = "token") {
    const std::string authorization = "Bearer " + std::string(token);
    return api.answer({.method = "POST",
                       .target = target,
                       .authorization = authorization,
                       .body = body,
                       .now_ms = now_ms,
                       .utc_ms = kNoonUtcMs});
  }
  static std::string code_of(const ApiResponse& answer) {
    return std::string(json::parse(answer.body).at("code").as_string());
  }
  /// Of a problem: its status and code.
  std::string refusal(const ApiResponse& answer) {
    EXPECT_EQ(answer.content_type, "application/problem+json") << answer.body;
    return std::to_string(answer.status) + " " + std::string(json::parse(answer.body).at("code").as_string());
  }
  json::object get(const std::string& target) {
    const ApiResponse answer = ask(target);
    EXPECT_EQ(answer.status, 200U) << target << ": " << answer.body;
    return answer.status == 200 ? json::parse(answer.body).as_object() : json::object();
  }
};

}  // namespace cubby::aggregator::testing
