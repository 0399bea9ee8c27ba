#include <fstream>
#include <map>
#include <set>

#include "unit/tools/api_world.h"

namespace cubby::aggregator::testing {
namespace {

namespace json = boost::json;

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
  EXPECT_EQ(page.at("store_uid").as_string(), "05050505050505050505050505050505");
  EXPECT_EQ(page.at("generation").as_int64(), 1);
  EXPECT_TRUE(page.at("restores").as_array().empty());
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

}  // namespace
}  // namespace cubby::aggregator::testing
