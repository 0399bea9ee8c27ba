#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "tools/aggregator/http/api.h"
#include "tools/aggregator/http/rules_request.h"
#include "tools/aggregator/storage/event_store.h"
#include "tools/cubby/rules_options.h"
#include "unit/aggregator/test_station.h"
#include "unit/tools/fake_register.h"

namespace cubby::aggregator::testing {
namespace {

namespace json = boost::json;

v1::StationRules in_force() {
  v1::StationRules rules;
  rules.set_version(3);
  rules.set_utc_offset_min(480);
  rules.set_retention_h(48);
  rules.set_upsizing_steps(1);
  rules.set_report_interval_s(60);
  rules.set_response_deadline_s(90);
  v1::BrandConfig& brand = *rules.add_brands();
  brand.set_carrier("sf");
  brand.set_share_percent(40);
  return rules;
}

TEST(RulesRequest, LeavesAsItIsWhatTheOrderLeavesOut) {
  v1::StationRules rules = in_force();
  EXPECT_EQ(change_rules("{}", rules), "");
  EXPECT_EQ(rules.SerializeAsString(), in_force().SerializeAsString());
  EXPECT_EQ(change_rules(R"({"retention_h":72,"upsizing_steps":0,"language":"zh","utc_offset_min":-60})", rules), "");
  EXPECT_EQ(rules.retention_h(), 72U);
  EXPECT_EQ(rules.upsizing_steps(), 0U);
  EXPECT_EQ(rules.language(), v1::PANEL_LANGUAGE_CHINESE);
  EXPECT_EQ(rules.utc_offset_min(), -60);
  EXPECT_EQ(rules.report_interval_s(), 60U);
  ASSERT_EQ(rules.brands_size(), 1);
  EXPECT_EQ(change_rules(R"({"report_interval_s":0,"response_deadline_s":10,"brands":[
                             {"carrier":"yt","guaranteed_percent":100,"retention_h":1}]})",
                         rules),
            "");
  ASSERT_EQ(rules.brands_size(), 1);
  EXPECT_EQ(rules.brands(0).carrier(), "yt");
  EXPECT_EQ(rules.brands(0).guaranteed_percent(), 100U);
  EXPECT_EQ(rules.brands(0).share_percent(), 0U);
  EXPECT_EQ(change_rules(json::serialize(to_json(in_force())), rules), "");  // What it says it takes.
  rules.set_language(v1::PANEL_LANGUAGE_UNSPECIFIED);
  EXPECT_EQ(rules.SerializeAsString(), in_force().SerializeAsString());
}

TEST(RulesRequest, NamesTheMemberThatIsWrong) {
  const std::pair<const char*, const char*> bad[] = {
      {R"({"retention_h":0})", "rules.retention_h must be"},
      {R"({"retention_h":721})", "rules.retention_h must be"},
      {R"({"retention":1})", "unknown member 'rules.retention'"},
      {R"({"version":9})", "unknown member 'rules.version'"},
      {R"({"doors":[]})", "unknown member 'rules.doors'"},
      {R"({"upsizing_steps":4})", "rules.upsizing_steps must be"},
      {R"({"upsizing_steps":-1})", "rules.upsizing_steps must be"},
      {R"({"report_interval_s":86401})", "rules.report_interval_s must be"},
      {R"({"response_deadline_s":9})", "rules.response_deadline_s must be"},
      {R"({"utc_offset_min":-721})", "rules.utc_offset_min must be"},
      {R"({"utc_offset_min":"8h"})", "rules.utc_offset_min must be"},
      {R"({"language":"fr"})", "rules.language must be en or zh"},
      {R"({"brands":{}})", "rules.brands must be a list"},
      {R"({"brands":[1]})", "rules.brands[0] must be an object"},
      {R"({"brands":[{}]})", "rules.brands[0].carrier must be"},
      {R"({"brands":[{"carrier":"SF"}]})", "rules.brands[0].carrier must be"},
      {R"({"brands":[{"carrier":"sf"},{"carrier":"yt","share_percent":101}]})", "rules.brands[1].share_percent must"},
      {R"({"brands":[{"carrier":"sf","share_percent":10,"guaranteed_percent":11}]})",
       "rules.brands[0].guaranteed_percent must be a whole number from 1 to 10"},
      {R"({"brands":[{"carrier":"sf","door":1}]})", "unknown member 'rules.brands[0].door'"},
      {R"({"brands":[{"carrier":"sf"},{"carrier":"sf"}]})", "rules.brands[1].carrier must not stand twice"},
      {R"({"brands":[{"carrier":"sf","guaranteed_percent":60},{"carrier":"yt","guaranteed_percent":41}]})",
       "at most 100 together, not 101"},
  };
  for (const auto& [object, words] : bad) {
    v1::StationRules rules = in_force();
    const std::string problem = change_rules(object, rules);
    EXPECT_NE(problem.find(words), std::string::npos) << object << ": " << problem;
  }
  json::array many;
  for (int i = 0; i < 36; ++i) {
    many.push_back(json::object{{"carrier", "b" + std::to_string(i)}});
  }
  v1::StationRules rules = in_force();
  EXPECT_NE(change_rules(json::serialize(json::object{{"brands", many}}), rules), "");
}

/// What an Api hands on, instead of sessions.
struct FakeSink final : CommandSink {
  std::vector<v1::Command> sent;
  Sent send(const std::string&, const v1::Command& command, std::uint64_t) override {
    sent.push_back(command);
    return Sent::kSent;
  }
};

struct RulesApi : ::testing::Test {
  TemporaryFolder folder;
  TestJournal journal{"SX-TY-0001"};
  LiveStatus status;
  Presence presence;
  CommandBook book;
  FakeSink sink;
  FakeRegister stations;
  Api api{{.tokens = AccessTokens().set(Role::kOperator, "token")}, status, presence, book, sink, stations};

  void report() {
    const std::string path = folder.file("cubby.db");
    OpenedStore opened =
        open_sqlite_store(path, [](MutableBytes bytes) { std::fill(bytes.begin(), bytes.end(), std::byte{5}); });
    ASSERT_EQ(opened.error, "");
    CentreOptions options = test_options();
    options.session_epoch = opened.store->identity().session_epoch;
    Centre centre(std::move(options));
    ASSERT_EQ(opened.store->load(centre), "");
    TestConnection connection(centre);
    const auto commit = [&] {
      ASSERT_EQ(opened.store->commit(centre.changes(), centre.cities(), centre.brands()), "");
      centre.committed();
    };
    connection.greet(1, journal);
    commit();
    const std::uint64_t mark = connection.take_one().welcome().high_water();
    if (mark + 1 < journal.next_seq()) {
      connection.send(1, journal.batch(mark + 1, journal.next_seq() - 1));
      commit();
    }
    ASSERT_EQ(api.open_store(path), "");
  }
  void apply(const v1::StationRules& rules) {
    v1::Event event = journal.event();
    v1::StationConfig& config = *event.mutable_config_applied()->mutable_config();
    config.set_station(journal.station());
    config.set_city("Taiyuan");
    config.add_door_size(v1::SIZE_M);
    config.MergeFromString(rules.SerializeAsString());
    journal.add(event);
  }
  ApiResponse ask(std::string_view method, const std::string& target, const std::string& body = {}) {
    return api.answer({.method = method, .target = target, .authorization = "Bearer token", .body = body});
  }
  ApiResponse order(const std::string& members) {
    return ask("POST", "/v1/stations/SX-TY-0001/commands", R"({"action":"configure",)" + members + "}");
  }
};

TEST_F(RulesApi, TellsTheRulesInForceAndMakesAnOrderWholeFromThem) {
  journal.open("Taiyuan", 1);
  apply(in_force());
  report();
  const json::object station = json::parse(ask("GET", "/v1/stations/SX-TY-0001").body).as_object();
  EXPECT_EQ(station.at("config_version"), 3);
  EXPECT_EQ(station.at("rules").at("retention_h"), 48);
  EXPECT_EQ(station.at("rules").at("brands").at(0).at("share_percent"), 40);

  EXPECT_EQ(order(R"("rules":{"retention_h":72},"base_version":3)").status, 202U);
  ASSERT_EQ(sink.sent.size(), 1U);
  v1::StationRules expected = in_force();
  expected.set_version(4);
  expected.set_retention_h(72);
  EXPECT_EQ(sink.sent[0].configure().rules().SerializeAsString(), expected.SerializeAsString());

  apply(expected);  // The station has done it.
  report();
  EXPECT_EQ(json::parse(ask("GET", "/v1/stations/SX-TY-0001").body).at("rules").at("retention_h"), 72);
  const ApiResponse stale = order(R"("rules":{"retention_h":24},"base_version":3)");
  EXPECT_EQ(stale.status, 409U);
  EXPECT_EQ(json::parse(stale.body).at("code"), "stale_version");
  const ApiResponse wrong = order(R"("rules":{"brands":[{"carrier":"sf","share_percent":0}]})");
  EXPECT_EQ(wrong.status, 400U);
  EXPECT_NE(wrong.body.find("rules.brands[0].share_percent"), std::string::npos) << wrong.body;
  EXPECT_EQ(ask("POST", "/v1/stations/SX-NO-0001/commands", R"({"action":"configure","rules":{}})").status, 404U);
  EXPECT_EQ(sink.sent.size(), 1U);
}

TEST_F(RulesApi, ChangesNothingOfAStationThatHasNotToldItsConfiguration) {
  v1::Event opened = journal.event();
  opened.mutable_journal_opened()->set_firmware("test");
  journal.add(opened);
  report();
  const ApiResponse answer = order(R"("rules":{"retention_h":72})");
  EXPECT_EQ(answer.status, 409U);
  EXPECT_EQ(json::parse(answer.body).at("code"), "unknown_rules");
}

TEST(RulesOptions, ReadABrandWithItsRulesAndNothingElse) {
  EXPECT_EQ(json::serialize(*tools::parse_brand("sf:share=40,guaranteed=10,retention=4d")),
            R"({"carrier":"sf","share_percent":40,"guaranteed_percent":10,"retention_h":96})");
  for (const char* text :
       {"sf", "sf:", "SF:share=1", ":share=1", "sf:share=0", "sf:share=101", "sf:share=1x", "sf:share", "sf:share=1,",
        "sf:share=1,share=2", "sf:door=1", "sf:retention=90m", "sf:retention=721h", "sf:retention=0"}) {
    EXPECT_FALSE(tools::parse_brand(text)) << text;
  }
}

TEST(RulesOptions, ChangeWhatIsNamedAndKeepTheOtherBrands) {
  const json::object old = to_json(in_force());
  tools::RulesOptions options;
  EXPECT_FALSE(tools::changes_something(options));
  EXPECT_TRUE(tools::changed_rules(options, old).empty());
  options.retention = "3d";
  options.report_every = "1h";
  EXPECT_EQ(json::serialize(tools::changed_rules(options, old)), R"({"retention_h":72,"report_interval_s":3600})");
  options = {};
  options.brands = {"yt:share=10", "sf:retention=1h"};
  EXPECT_TRUE(tools::changes_something(options));
  EXPECT_EQ(json::serialize(tools::changed_rules(options, old)),
            R"({"brands":[{"carrier":"sf","retention_h":1},{"carrier":"yt","share_percent":10}]})");
  options.brands.clear();
  options.without_brands = {"sf", "yt"};
  EXPECT_EQ(json::serialize(tools::changed_rules(options, old)), R"({"brands":[]})");
}

}  // namespace
}  // namespace cubby::aggregator::testing
