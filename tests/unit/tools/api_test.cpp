#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <fstream>
#include <set>

#include "tools/aggregator/http/api.h"
#include "tools/aggregator/storage/event_store.h"
#include "unit/aggregator/test_station.h"
#include "unit/tools/fake_register.h"

namespace cubby::aggregator::testing {
namespace {

namespace json = boost::json;

struct NoSink final : CommandSink {
  Sent send(const std::string&, const v1::Command&, std::uint64_t) override { return Sent::kOffline; }
};

struct ApiOfAStore : ::testing::Test {
  TemporaryFolder folder;
  TestJournal journal{"SX-TY-0001"};
  TestJournal other{"SX-DT-0002", 2};
  LiveStatus status;
  Presence presence;
  CommandBook book;
  NoSink sink;
  FakeRegister stations;
  Api api{"token", status, presence, book, sink, stations};
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
  ApiResponse post(const std::string& target, const std::string& body) {
    return api.answer({.method = "POST", .target = target, .authorization = "Bearer token", .body = body});
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

/// Every route, its methods and the parameters of its query, in words: once from the description, once from the
/// program.
std::set<std::string> described(const json::object& document) {
  std::set<std::string> all;
  for (const auto& path : document.at("paths").as_object()) {
    for (const auto& operation : path.value().as_object()) {
      std::string method(operation.key());
      std::transform(method.begin(), method.end(), method.begin(), [](char c) { return static_cast<char>(c - 32); });
      const json::object& body = operation.value().as_object();
      const std::string name = method + " " + std::string(path.key());
      all.insert(name + (body.contains("security") ? " without a token" : ""));
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
    all.insert(name + (route.wants_token ? "" : " without a token"));
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
    EXPECT_EQ(answer.status, route.wants_token ? 401U : 200U) << route.path;
  }
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
