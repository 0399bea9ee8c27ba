// Stations over HTTP: where they stand and what people decide.
#include "unit/tools/api_world.h"

namespace cubby::aggregator::testing {
namespace {

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

TEST_F(ApiOfAStore, LetsAPersonSayWhichCertificateSpeaksForAStation) {
  journal.open();
  report(journal);
  const std::string path = "/v1/stations/SX-TY-0001/rebind";
  const std::string key(64, 'a');
  EXPECT_EQ(refusal(post(path, "")), "409 wrong_state") << "it is not bound";
  json::object row = json::parse(post(path, R"({"key":")" + key + R"("})").body).as_object();
  EXPECT_EQ(row.at("rebind").as_string(), key);
  EXPECT_FALSE(row.contains("certificate_key"));
  TestConnection connection(*centre);
  connection.protocol().set_peer({.stations = {"*"}, .holder = {.words = "concentrator gateway", .key = {}}});
  connection.greet(1, journal);
  EXPECT_EQ(connection.take_refusal(), v1::REFUSE_CODE_CERTIFICATE);
  row = json::parse(post(path, R"({"withdraw":true})").body).as_object();
  EXPECT_FALSE(row.contains("rebind"));
  EXPECT_EQ(row.at("refused_holder").as_string(), "concentrator gateway");
  EXPECT_EQ(row.at("refused_key").as_string(), std::string(64, '0'));
  EXPECT_EQ(row.at("refused_utc_ms").as_int64(), static_cast<std::int64_t>(kNoonUtcMs));
  for (const std::string& bad : {std::string("[]"), std::string(R"({"key":"aa"})"), std::string(R"({"any":true})"),
                                 R"({"withdraw":true,"key":")" + key + R"("})"}) {
    EXPECT_EQ(refusal(post(path, bad)), "400 bad_decision") << bad;
  }
}

TEST_F(ApiOfAStore, ForgetsAStationThatHasReportedNothingForAnAdminOnly) {
  journal.open();
  report(journal);
  post("/v1/stations", R"({"stations":["SX-DT-0002"]})");
  const auto forget = [this](const std::string& name, std::string_view token) {
    const std::string target = "/v1/stations/" + name + "/forget";
    return api.answer({.method = "POST", .target = target, .authorization = token, .utc_ms = kNoonUtcMs});
  };
  EXPECT_EQ(refusal(forget("SX-DT-0002", "Bearer token")), "403 forbidden");
  EXPECT_EQ(get("/v1/stations").at("total").as_int64(), 2);
  EXPECT_EQ(refusal(forget("SX-TY-0001", "Bearer admin-token")), "409 has_events");
  EXPECT_EQ(forget("SX-DT-0002", "Bearer admin-token").body, "{\"station\":\"SX-DT-0002\",\"forgotten\":true}\n");
  EXPECT_EQ(refusal(forget("SX-DT-0002", "Bearer admin-token")), "404 unknown_station");
  EXPECT_EQ(get("/v1/stations").at("total").as_int64(), 1);
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
