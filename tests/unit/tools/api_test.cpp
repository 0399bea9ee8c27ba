#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <fstream>
#include <map>
#include <set>

#include "tools/aggregator/http/api.h"
#include "tools/aggregator/storage/event_store.h"
#include "unit/aggregator/test_station.h"
#include "unit/tools/fake_register.h"

namespace cubby::aggregator::testing {
namespace {

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

AccessTokens test_tokens() {
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

/// Every route, its methods, who may and the parameters of its query, in words: once from the description, once from
/// the program.
std::set<std::string> described(const json::object& document) {
  std::set<std::string> all;
  for (const auto& path : document.at("paths").as_object()) {
    for (const auto& operation : path.value().as_object()) {
      std::string method(operation.key());
      std::transform(method.begin(), method.end(), method.begin(), [](char c) { return static_cast<char>(c - 32); });
      const json::object& body = operation.value().as_object();
      const std::string name = method + " " + std::string(path.key());
      all.insert(name + (body.contains("security") ? " without a token" : ""));
      all.insert(name + " for " + std::string(body.at("x-least-role").as_string()));
      EXPECT_NE(body.at("responses").as_object().contains("403"), body.contains("security")) << name;
      for (const json::value& parameter :
           body.contains("parameters") ? body.at("parameters").as_array() : json::array()) {
        if (parameter.at("in") == "query") {
          all.insert(name + " ?" + std::string(parameter.at("name").as_string()));
        }
        if (parameter.at("in") == "path") {
          EXPECT_NE(name.find("{" + std::string(parameter.at("name").as_string()) + "}"), std::string::npos) << name;
        }
      }
    }
  }
  return all;
}

std::set<std::string> served() {
  std::set<std::string> all;
  for (const Route& route : routes()) {
    const std::string name = std::string(route.method) + " " + std::string(route.path);
    all.insert(name + (route.least == Role::kNobody ? " without a token" : ""));
    all.insert(name + " for " + std::string(to_text(route.least)));
    for (const std::string_view parameter : route.parameters) {
      all.insert(name + " ?" + std::string(parameter));
    }
  }
  return all;
}

TEST_F(ApiOfAStore, IsDescribedByTheOpenApiDocumentAndNothingElseIs) {
  const json::object document = get("/v1/openapi.json");
  EXPECT_EQ(described(document), served());
  std::ifstream file(CUBBY_TESTS_DIR "/../docs/spec/openapi.json");
  const std::string committed(std::istreambuf_iterator<char>(file), {});
  EXPECT_EQ(ask("/v1/openapi.json").body, committed);
  EXPECT_NE(committed, "");
}

TEST_F(ApiOfAStore, TakesEveryParameterThatItsRouteNamesAndEveryValueThatIsDescribed) {
  journal.open();
  report(journal);
  const json::object document = get("/v1/openapi.json");
  const json::array& parameters = document.at("paths").at("/v1/stats").at("get").at("parameters").as_array();
  std::size_t values = 0;
  for (const json::value& parameter : parameters) {
    if (parameter.at("name") == "by") {
      for (const json::value& by : parameter.at("schema").at("enum").as_array()) {
        const std::string text(by.as_string());
        EXPECT_TRUE(group_by_from_text(text).has_value()) << text;
        get("/v1/stats?station=SX-TY-0001&by=" + (text == "brand" || text == "size" ? "city" : text));
        ++values;
      }
    }
  }
  EXPECT_EQ(values, 7U);
  get("/v1/stats?by=day&station=SX-TY-0001&city=Taiyuan&from=2025-03-01&to=2025-03-09&sort=deposits:desc&limit=1000&"
      "offset=0");
  get("/v1/stations?limit=1000&offset=0");
  get("/v1/events?station=SX-TY-0001&after=0&limit=1000");
}

TEST_F(ApiOfAStore, RefusesWhatIsNotDescribedWithAProblem) {
  journal.open();
  report(journal);
  const auto code = [this](const std::string& target, unsigned wanted, std::string_view method = "GET") {
    const ApiResponse answer = ask(target, method);
    EXPECT_EQ(answer.status, wanted) << target << ": " << answer.body;
    EXPECT_EQ(answer.content_type, "application/problem+json") << target;
    return std::string(json::parse(answer.body).at("code").as_string());
  };
  EXPECT_EQ(code("/v1/nothing", 404), "no_such_route");
  EXPECT_EQ(code("/v1/stations/SX-TY-0001/doors", 404), "no_such_route");
  EXPECT_EQ(code("/v1/stations/", 400), "bad_name");
  EXPECT_EQ(code("/v1/stats?colour=red", 400), "bad_parameter");
  EXPECT_EQ(code("/v1/status?by=city", 400), "bad_parameter");
  EXPECT_EQ(code("/v1/stats?by=city&by=city", 400), "bad_query");
  EXPECT_EQ(code("/v1/events?after=-1", 400), "bad_parameter");
  EXPECT_EQ(code("/v1/events?after=9007199254740992", 400), "bad_parameter");  // Beyond the end of the log.
  EXPECT_EQ(code("/v1/events?after=99999999999999999999", 400), "bad_parameter");
  EXPECT_EQ(code("/v1/events?limit=0", 400), "bad_parameter");
  EXPECT_EQ(code("/v1/events?station=NOWHERE", 404), "unknown_station");
  EXPECT_EQ(code("/v1/events/stream?station=NOWHERE", 404), "unknown_station");
  EXPECT_EQ(code("/v1/events/stream?limit=5", 400), "bad_parameter");
  EXPECT_EQ(code("/v1/stations/SX-TY-0001/commands", 405), "method_not_allowed");
  EXPECT_EQ(ask("/v1/stations/SX-TY-0001/commands").allow, "POST");
  EXPECT_EQ(ask("/v1/stats", "DELETE").allow, "GET, HEAD");
  EXPECT_EQ(ask("/v1/events/stream", "GET", "yesterday").status, 400U);
  for (const Route& route : routes()) {
    const ApiResponse answer =
        api.answer({.method = route.method, .target = route.path, .authorization = "Bearer tokem"});
    EXPECT_EQ(answer.status, route.least == Role::kNobody ? 200U : 401U) << route.path;
  }
}

/// Whom docs/spec/http.md lets ask for what, without the program's own function.
const std::map<Role, std::set<Role>> kRolesThatMay{
    {Role::kNobody, {Role::kNobody, Role::kViewer, Role::kNotifier, Role::kOperator, Role::kAdmin}},
    {Role::kViewer, {Role::kViewer, Role::kOperator, Role::kAdmin}},
    {Role::kNotifier, {Role::kNotifier, Role::kOperator, Role::kAdmin}},
    {Role::kOperator, {Role::kOperator, Role::kAdmin}},
    {Role::kAdmin, {Role::kAdmin}},
};

TEST_F(ApiOfAStore, GivesEachRoleItsRoutesAndNoOther) {
  journal.open();
  report(journal);
  const std::map<Role, std::string_view> tokens{{Role::kNobody, ""},
                                                {Role::kViewer, "Bearer viewer-token"},
                                                {Role::kNotifier, "Bearer notifier-token"},
                                                {Role::kOperator, "Bearer token"},
                                                {Role::kAdmin, "Bearer admin-token"}};
  ASSERT_EQ(tokens.size(), kRoles);
  std::size_t cells = 0;
  for (const Route& route : routes()) {
    for (const auto& [role, authorization] : tokens) {
      const ApiResponse answer = api.answer({.method = route.method,
                                             .target = route.path,
                                             .authorization = authorization,
                                             .body = "not an order",
                                             .utc_ms = kNoonUtcMs});
      const std::string cell = std::string(route.method) + " " + std::string(route.path) + " as " +
                               std::string(to_text(role)) + ": " + answer.body;
      if (kRolesThatMay.at(route.least).contains(role)) {
        EXPECT_NE(answer.status, 401U) << cell;
        EXPECT_NE(answer.status, 403U) << cell;
      } else {
        EXPECT_EQ(answer.status, role == Role::kNobody ? 401U : 403U) << cell;
        EXPECT_EQ(code_of(answer), role == Role::kNobody ? "unauthorised" : "forbidden") << cell;
        EXPECT_FALSE(answer.stream.has_value()) << cell;
      }
      ++cells;
    }
  }
  EXPECT_EQ(cells, routes().size() * kRoles);
}

TEST(AccessTokens, KnowsNobodyByAnEmptyOrAPartialToken) {
  AccessTokens tokens = test_tokens();
  EXPECT_EQ(tokens.role_of("Bearer viewer-token"), Role::kViewer);
  for (const char* wrong : {"", "Bearer ", "Bearer", "viewer-token", "bearer viewer-token", "Bearer viewer-toke",
                            "Bearer viewer-tokem", "Bearer viewer-token ", "Basic viewer-token"}) {
    EXPECT_EQ(tokens.role_of(wrong), Role::kNobody) << wrong;
  }
  EXPECT_EQ(AccessTokens().role_of("Bearer "), Role::kNobody) << "no token is set";
}

constexpr std::string_view kOpen = R"({"action":"open","compartment":3})";

TEST_F(ApiOfAStore, OpensSoManyDoorsAMinuteOfAStationAndOfTheFleet) {
  Api limited({.tokens = test_tokens(), .open_rates = {.station_a_minute = 2, .fleet_a_minute = 3}}, status, presence,
              book, sink, stations);
  sink.online = {"SX-TY-0001", "SX-DT-0002"};
  const auto open = [&](const std::string& station, std::uint64_t now_ms, std::string_view order = kOpen) {
    const std::string target = "/v1/stations/" + station + "/commands";
    return limited.answer(
        {.method = "POST", .target = target, .authorization = "Bearer token", .body = order, .now_ms = now_ms});
  };
  EXPECT_EQ(open("SX-NO-0009", 1'000).status, 409U) << "what was not sent costs nothing";
  EXPECT_EQ(open("SX-TY-0001", 1'000).status, 202U);
  EXPECT_EQ(open("SX-TY-0001", 1'000).status, 202U);
  const ApiResponse third = open("SX-TY-0001", 1'000);
  EXPECT_EQ(third.status, 429U);
  EXPECT_EQ(code_of(third), "too_many_openings");
  EXPECT_EQ(third.retry_after_s, 30U);
  EXPECT_EQ(open("SX-TY-0001", 1'000, R"({"action":"block","compartment":3})").status, 202U) << "it opens nothing";
  EXPECT_EQ(open("SX-DT-0002", 1'000).status, 202U);
  EXPECT_EQ(open("SX-DT-0002", 1'000).retry_after_s, 20U) << "the fleet's limit";
  EXPECT_EQ(open("SX-TY-0001", 30'999).status, 429U) << "a millisecond too early";
  EXPECT_EQ(open("SX-TY-0001", 31'000).status, 202U);
  EXPECT_EQ(sink.sent.size(), 5U);
}

TEST(OpenLimits, HoldsAMinutesWorthAndNoMore) {
  OpenLimits limits({.station_a_minute = 6, .fleet_a_minute = 0});
  std::uint64_t opened = 0;
  for (std::uint64_t now_ms = 0; now_ms < 600'000; now_ms += 100) {
    if (limits.judge("SX-TY-0001", now_ms).wait_ms == 0) {
      limits.sent("SX-TY-0001", now_ms);
      ++opened;
    }
  }
  EXPECT_EQ(opened, 6U + 59U) << "a full bucket, then one every ten seconds";
  for (int i = 0; i < 6; ++i) {
    EXPECT_EQ(limits.judge("SX-TY-0001", 10'000'000).wait_ms, 0U) << "long silence fills it once";
    limits.sent("SX-TY-0001", 10'000'000);
  }
  EXPECT_EQ(limits.judge("SX-TY-0001", 10'000'000).wait_ms, 10'000U);
}

TEST_F(ApiOfAStore, SendsNoOrderWhileOrdersAreStoppedNotEvenAfterARestart) {
  sink.online = {"SX-TY-0001"};
  const std::string target = "/v1/stations/SX-TY-0001/commands";
  EXPECT_EQ(post(target, kOpen).status, 202U);
  EXPECT_EQ(get("/v1/orders").at("stopped"), false);
  EXPECT_EQ(post("/v1/orders/stop", "{}").status, 400U) << "a body would promise something";
  EXPECT_EQ(post("/v1/orders/stop", "").status, 200U);
  for (const std::string_view order : {kOpen, std::string_view(R"({"action":"release_keypad"})")}) {
    const ApiResponse answer = post(target, order);
    EXPECT_EQ(answer.status, 409U);
    EXPECT_EQ(code_of(answer), "orders_stopped");
  }
  const json::object shown = get("/v1/status").at("orders").as_object();
  EXPECT_EQ(shown.at("stopped"), true);
  EXPECT_EQ(shown.at("stopped_by"), "operator");
  EXPECT_EQ(shown.at("stopped_since_utc_ms"), kNoonUtcMs);
  EXPECT_NE(ask("/metrics").body.find("\ncubby_aggregator_orders_stopped 1\n"), std::string::npos);
  Api next{{.tokens = test_tokens()}, status, presence, book, sink, stations};
  ASSERT_EQ(next.open_store(folder.file("cubby.db")), "");
  const auto ask_next = [&](std::string_view path, std::string_view body, std::string_view authorization) {
    return next.answer({.method = "POST", .target = path, .authorization = authorization, .body = body});
  };
  EXPECT_EQ(ask_next(target, kOpen, "Bearer token").status, 409U);
  EXPECT_EQ(ask_next("/v1/orders/allow", "", "Bearer token").status, 403U) << "whoever has the operator's token only";
  EXPECT_EQ(ask_next("/v1/orders/allow", "", "Bearer admin-token").status, 200U);
  EXPECT_EQ(ask_next(target, kOpen, "Bearer token").status, 202U);
  EXPECT_EQ(sink.sent.size(), 2U);
  EXPECT_FALSE(std::filesystem::exists(folder.file("cubby.db.orders-stopped")));
}

TEST(OrderSwitch, IsStoppedByWhateverLiesThereAndStaysStoppedWhereItCannotBeDurable) {
  const tests::TemporaryFolder folder;
  OrderSwitch by_hand;
  std::ofstream(folder.file("stopped")).close();
  by_hand.load(folder.file("stopped"));
  EXPECT_TRUE(by_hand.state().stopped);
  EXPECT_EQ(by_hand.state().by, Role::kNobody);
  EXPECT_EQ(by_hand.allow(), "");
  EXPECT_FALSE(by_hand.state().stopped);
  EXPECT_EQ(by_hand.stop(Role::kOperator, 5), "");
  EXPECT_EQ(by_hand.stop(Role::kAdmin, 9), "");
  OrderSwitch again;
  again.load(folder.file("stopped"));
  EXPECT_EQ(again.state().by, Role::kOperator) << "who was first";
  EXPECT_EQ(again.state().since_utc_ms, 5U);
  OrderSwitch nowhere;
  nowhere.load(folder.file("no-folder/stopped"));
  EXPECT_FALSE(nowhere.state().stopped);
  EXPECT_NE(nowhere.stop(Role::kOperator, 5), "");
  EXPECT_TRUE(nowhere.state().stopped) << "at least until the end";
  OrderSwitch unreadable;
  std::filesystem::create_directory(folder.file("folder"));
  unreadable.load(folder.file("folder"));
  EXPECT_TRUE(unreadable.state().stopped);
  EXPECT_NE(unreadable.allow(), "");
  EXPECT_TRUE(unreadable.state().stopped);
}

TEST_F(ApiOfAStore, CountsForPrometheusWithoutNamingStations) {
  journal.open();
  report(journal);
  status.events = 7;
  status.stations_by_state[3] = 2;
  status.quarantines[static_cast<std::size_t>(QuarantineReason::kRolledBack)] = 3;
  status.commit_times.add(1'500);       // 1.5 ms: up to 2 ms.
  status.commit_times.add(60'000'000);  // A minute: beyond the last bound.
  TestConnection stranger(*centre);
  stranger.send(1, other.hello());
  stranger.take();
  stranger.send(1, other.proof("another nonce"));
  EXPECT_EQ(stranger.take_refusal(), v1::REFUSE_CODE_BAD_PROOF);
  const ApiResponse answer = ask("/metrics");
  EXPECT_EQ(answer.content_type, "text/plain; version=0.0.4; charset=utf-8");
  const auto has = [&answer](const std::string& line) {
    return ("\n" + answer.body).find("\n" + line + "\n") != std::string::npos;
  };
  EXPECT_TRUE(has("# TYPE cubby_aggregator_events_applied_total counter")) << answer.body;
  EXPECT_TRUE(has("cubby_aggregator_events_applied_total 7"));
  EXPECT_TRUE(has("cubby_aggregator_commits_total 2"));
  EXPECT_TRUE(has("cubby_aggregator_store_up 1"));
  EXPECT_TRUE(has("cubby_aggregator_refusals_total{code=\"bad_proof\"} 1"));
  EXPECT_TRUE(has("cubby_aggregator_refusals_total{code=\"conflict\"} 0"));
  EXPECT_TRUE(has("cubby_aggregator_stations{state=\"quarantined\"} 2"));
  EXPECT_TRUE(has("cubby_aggregator_quarantines_total{reason=\"rolled_back\"} 3"));
  EXPECT_TRUE(has("cubby_aggregator_commit_duration_seconds_count 2"));
  EXPECT_TRUE(has("cubby_aggregator_commit_duration_seconds_bucket{le=\"0.001\"} 0"));
  EXPECT_TRUE(has("cubby_aggregator_commit_duration_seconds_bucket{le=\"0.002\"} 1"));
  EXPECT_TRUE(has("cubby_aggregator_commit_duration_seconds_bucket{le=\"+Inf\"} 2"));
  EXPECT_TRUE(has("cubby_aggregator_commit_duration_seconds_sum 60.0015"));
  EXPECT_EQ(answer.body.find("SX-TY"), std::string::npos);
}

TEST_F(ApiOfAStore, KnowsWhoIsConnectedAndWhenSomebodyWasLastSeen) {
  journal.open();
  report(journal);
  json::object station = get("/v1/stations/SX-TY-0001");
  EXPECT_EQ(station.at("online"), false);
  EXPECT_EQ(station.at("last_seen_utc_ms"), kNoonUtcMs);
  TestConnection connection(*centre);
  connection.greet(1, journal);
  station = get("/v1/stations?limit=1").at("rows").at(0).as_object();
  EXPECT_EQ(station.at("online"), true);
  EXPECT_EQ(station.at("online_since_utc_ms"), kNoonUtcMs);
}

TEST_F(ApiOfAStore, GivesTheLogInPagesThatMissNothingAndRepeatNothing) {
  journal.open();
  other.open("Datong");
  for (std::uint32_t i = 0; i < 20; ++i) {
    journal.deposit(1 + i % 10, kNoonUtcMs + i);
    other.deposit(1 + i % 10, kNoonUtcMs + i);
  }
  report(journal);
  report(other);
  for (const std::string station : {"", "SX-TY-0001"}) {
    std::vector<std::string> seen;
    std::uint64_t after = 0;
    std::uint64_t last_id = 0;
    for (int pages = 0; pages < 100; ++pages) {
      const json::object page =
          get("/v1/events?limit=3&after=" + std::to_string(after) + (station.empty() ? "" : "&station=" + station));
      for (const json::value& row : page.at("rows").as_array()) {
        EXPECT_GT(row.at("id").to_number<std::uint64_t>(), last_id);
        last_id = row.at("id").to_number<std::uint64_t>();
        seen.push_back(std::string(row.at("station").as_string()) + " " + std::to_string(row.at("seq").as_int64()));
      }
      after = page.at("next_after").to_number<std::uint64_t>();
      if (page.at("at_end") == true) {
        break;
      }
    }
    std::vector<std::string> expected;
    for (std::uint64_t seq = 1; seq < journal.next_seq(); ++seq) {
      expected.push_back("SX-TY-0001 " + std::to_string(seq));
    }
    for (std::uint64_t seq = 1; station.empty() && seq < other.next_seq(); ++seq) {
      expected.push_back("SX-DT-0002 " + std::to_string(seq));
    }
    EXPECT_EQ(seen, expected);
  }
}

TEST_F(ApiOfAStore, BeginsBehindTheNewestEventForWhoAsksSo) {
  EXPECT_EQ(get("/v1/events?after=newest").at("rows").as_array().size(), 0U) << "an empty log";
  journal.open();
  report(journal);
  const json::object page = get("/v1/events?after=newest&limit=1");
  EXPECT_EQ(page.at("rows").as_array().size(), 0U);
  EXPECT_EQ(page.at("at_end"), true);
  journal.deposit(3);
  report(journal);
  const std::string after = std::to_string(page.at("next_after").to_number<std::uint64_t>());
  EXPECT_EQ(get("/v1/events?after=" + after).at("rows").as_array().size(), 1U);
  EXPECT_EQ(ask("/v1/events?after=newer").status, 400U);
}

TEST_F(ApiOfAStore, StreamsWhatBecomesDurableFromTheLastEventThatTheReaderHad) {
  journal.open();
  report(journal);
  ApiResponse answer = ask("/v1/events/stream");
  ASSERT_TRUE(answer.stream.has_value());
  std::string text;
  ASSERT_TRUE(api.stream_text(*answer.stream, text));
  EXPECT_EQ(text, "") << "what was before is not asked for";
  EXPECT_TRUE(answer.stream->at_end);
  journal.deposit(3);
  report(journal);
  ASSERT_TRUE(api.stream_text(*answer.stream, text));
  const std::string first = text;
  EXPECT_TRUE(first.starts_with("id: ")) << first;
  EXPECT_NE(first.find("\nevent: deposited\ndata: {"), std::string::npos) << first;
  EXPECT_TRUE(first.ends_with("}\n\n")) << first;
  journal.collect(3);
  report(journal);
  // It went away after the deposit and comes back.
  const std::string id = first.substr(4, first.find('\n') - 4);
  answer = ask("/v1/events/stream?after=0", "GET", id);
  text.clear();
  ASSERT_TRUE(api.stream_text(*answer.stream, text));
  EXPECT_NE(text.find("event: collected"), std::string::npos) << text;
  EXPECT_EQ(text.find("event: deposited"), std::string::npos) << text;
}

TEST_F(ApiOfAStore, TellsWhereStationsStandAndTakesDecisions) {
  journal.open();
  report(journal);
  json::object body = json::parse(post("/v1/stations", R"({"stations":["SX-DT-0002","SX-TY-0001"]})").body).as_object();
  EXPECT_EQ(body.at("stations").as_int64(), 2);
  EXPECT_EQ(body.at("approved").as_int64(), 1) << "the other one is active";
  const auto names = [this](const std::string& state) {
    std::string all;
    const json::object page = get("/v1/stations?state=" + state);
    for (const json::value& row : page.at("rows").as_array()) {
      EXPECT_EQ(row.at("state").as_string(), state);
      all += std::string(row.at("station").as_string()) + " ";
    }
    return all;
  };
  EXPECT_EQ(names("approved"), "SX-DT-0002 ");
  EXPECT_EQ(names("active"), "SX-TY-0001 ");
  EXPECT_EQ(names("pending") + names("quarantined"), "");
  EXPECT_EQ(get("/v1/stations").at("total").as_int64(), 2);
  EXPECT_EQ(get("/v1/stats?by=station").at("rows").as_array().size(), 1U) << "who never reported has no figures";

  body = json::parse(post("/v1/stations/SX-TY-0001/quarantine", "").body).as_object();
  EXPECT_EQ(body.at("state").as_string(), "quarantined");
  EXPECT_EQ(body.at("reason").as_string(), "ordered");
  EXPECT_EQ(body.at("journal").as_string(), "01010101010101010101010101010101");
  EXPECT_EQ(names("quarantined"), "SX-TY-0001 ");
  TestConnection connection(*centre);
  connection.greet(1, journal);
  EXPECT_EQ(connection.take_refusal(), v1::REFUSE_CODE_CONFLICT);
  body = json::parse(post("/v1/stations/SX-TY-0001/release", R"({"journal":"0a0a0a0a0a0a0a0a0a0a0a0a0a0a0aff"})").body)
             .as_object();
  EXPECT_EQ(body.at("state").as_string(), "active");
  EXPECT_EQ(body.at("journal").as_string(), "0a0a0a0a0a0a0a0a0a0a0a0a0a0a0aff");
  EXPECT_EQ(body.at("journals").as_int64(), 2);
}

TEST_F(ApiOfAStore, TakesTheOldestKeyThatIsGoodFromAPerson) {
  journal.open();
  report(journal);
  const std::string path = "/v1/stations/SX-TY-0001/require-key";
  EXPECT_EQ(get("/v1/stations/SX-TY-0001").at("key_version_min").as_int64(), 1);
  const json::object row = json::parse(post(path, R"({"key_version":2})").body).as_object();
  EXPECT_EQ(row.at("key_version").as_int64(), 1) << "that of its last session";
  EXPECT_EQ(row.at("key_version_min").as_int64(), 2);
  for (const char* bad : {"", "{}", R"({"key_version":0})", R"({"key_version":65536})", R"({"key_version":"2"})"}) {
    EXPECT_EQ(refusal(post(path, bad)), "400 bad_decision") << bad;
  }
}

TEST_F(ApiOfAStore, RefusesDecisionsThatMakeNoSense) {
  journal.open();
  report(journal);
  const std::string station = "/v1/stations/SX-TY-0001/";
  EXPECT_EQ(refusal(post(station + "approve", "")), "409 wrong_state");
  EXPECT_EQ(refusal(post(station + "release", "{}")), "409 wrong_state");
  EXPECT_EQ(refusal(post("/v1/stations/NOWHERE/approve", "{}")), "404 unknown_station");
  stations.decisions.clear();
  for (const char* body : {"[]", "{", R"({"why":1})", R"({"journal":7})", R"({"journal":"ff"})",
                           R"({"journal":"0A0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a"})"}) {
    EXPECT_EQ(refusal(post(station + "release", body)), "400 bad_decision") << body;
  }
  EXPECT_EQ(refusal(post(station + "quarantine", R"({"journal":"0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a"})")),
            "400 bad_decision");
  std::string crowd = R"({"stations":["A")";
  for (std::size_t i = 0; i < StationDecision::kImportMax; ++i) {
    crowd += R"(,"A")";
  }
  for (const std::string& body :
       {std::string(), std::string("{}"), std::string(R"({"stations":["sx"]})"), std::string(R"({"stations":[7]})"),
        std::string(R"({"stations":[],"x":1})"), crowd + "]}"}) {
    EXPECT_EQ(refusal(post("/v1/stations", body)), "400 bad_decision") << body;
  }
  EXPECT_TRUE(stations.decisions.empty());
  EXPECT_EQ(refusal(ask("/v1/stations?state=lost")), "400 bad_parameter");
  stations.answer = [](const StationDecision&) {
    return StationRegister::Decided{.outcome = StationRegister::Outcome::kUnavailable};
  };
  EXPECT_EQ(refusal(post(station + "quarantine", "")), "503 store_unavailable");
}

}  // namespace
}  // namespace cubby::aggregator::testing
