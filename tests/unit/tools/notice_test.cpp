// What recipients are told, and when it is tried again.
#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <filesystem>
#include <fstream>
#include <set>

#include "cubby/v1/event.pb.h"
#include "firmware/base/hotp.h"
#include "support/temporary_folder.h"
#include "tools/aggregator/storage/event_json.h"
#include "tools/cubby/notice.h"
#include "tools/cubby/notify_cursor.h"
#include "tools/cubby/notify_page.h"
#include "tools/cubby/webhook.h"

namespace cubby::tools {
namespace {

namespace json = boost::json;

StationKey filled_key(std::byte value) {
  StationKey key;
  key.fill(value);
  return key;
}
const StationKey kFleetKey = filled_key(std::byte{7});

json::value row_of(const v1::Event& event, const std::string& station = "SX-TY-0001") {
  const std::string payload = event.SerializeAsString();
  return {{"id", 257},
          {"station", station},
          {"journal", "00ff"},
          {"seq", 9},
          {"event", json::parse(aggregator::event_json(as_bytes(payload)))}};
}

v1::Event deposited() {
  v1::Event event;
  event.set_boot(1);
  event.set_wall_ms(1'740'974'400'000);
  v1::Deposited& body = *event.mutable_deposited();
  body.set_compartment(12);
  body.set_counter(5);
  body.set_parcel("RB473124829CN");
  body.set_carrier("sf");
  body.set_size(v1::SIZE_M);
  return event;
}

json::value code_of(std::uint64_t counter, std::size_t digits, const std::string& station = "SX-TY-0001") {
  return json::value(pickup_code(derive_station_key(kFleetKey, station, 1), counter, digits).text());
}

NoticeOf read(const json::value& row, Notice& notice) {
  const auto place = place_of(row);
  EXPECT_TRUE(place.has_value());
  return place ? read_notice(row, *place, FleetKeys(kFleetKey), notice) : NoticeOf::kNothing;
}

json::object body_of(const v1::Event& event, const std::string& station = "SX-TY-0001") {
  Notice notice;
  EXPECT_EQ(read(row_of(event, station), notice), NoticeOf::kNotice);
  return notice.body.empty() ? json::object() : json::parse(notice.body).as_object();
}

TEST(Notice, TellsTheCodeThatTheStationMakes) {
  Notice notice;
  ASSERT_EQ(read(row_of(deposited()), notice), NoticeOf::kNotice);
  EXPECT_EQ(notice.kind, "deposited");
  EXPECT_EQ(notice.key, "SX-TY-0001/00ff/9");
  const json::object expected{{"compartment", 12},
                              {"counter", 5},
                              {"carrier", "sf"},
                              {"size", "M"},
                              {"parcel", "RB473124829CN"},
                              {"code", code_of(5, 8)},
                              {"second_input", "none"},
                              {"kind", "deposited"},
                              {"station", "SX-TY-0001"},
                              {"journal", "00ff"},
                              {"seq", 9},
                              {"utc_ms", 1'740'974'400'000}};
  EXPECT_EQ(json::parse(notice.body), json::value(expected));
  EXPECT_EQ(body_of(deposited(), "SX-TY-0002").at("code"), code_of(5, 8, "SX-TY-0002"));
}

TEST(Notice, TellsTheCodeOfTheGroupThatAParcelHasJoined) {
  v1::Event event = deposited();
  event.mutable_deposited()->set_recipient_token(0xFFFF'FFFF'FFFF'FFFFULL);
  event.mutable_deposited()->set_code_counter(3);
  const json::object body = body_of(event);
  EXPECT_EQ(body.at("code"), code_of(3, 8));
  EXPECT_EQ(body.at("counter"), 5);
  EXPECT_EQ(body.at("recipient_token"), "18446744073709551615");
}

TEST(Notice, SaysThatASixDigitCodeNeedsTheParcelsNumber) {
  v1::Event event = deposited();
  event.mutable_deposited()->set_code_digits(6);
  EXPECT_EQ(body_of(event).at("code"), code_of(5, 6));
  EXPECT_EQ(body_of(event).at("second_input"), "parcel_last_4");
}

TEST(Notice, TellsANewCodeAndThatAParcelIsOverdue) {
  v1::Event event;
  event.mutable_code_reissued()->set_compartment(12);
  event.mutable_code_reissued()->set_counter(5);
  event.mutable_code_reissued()->set_code_counter(8);
  EXPECT_EQ(body_of(event).at("code"), code_of(8, 8));
  EXPECT_EQ(body_of(event).at("kind"), "code_reissued");
  EXPECT_FALSE(body_of(event).contains("utc_ms"));
  event.mutable_overdue()->set_compartment(12);
  event.mutable_overdue()->set_counter(5);
  EXPECT_EQ(body_of(event).at("kind"), "overdue");
  EXPECT_FALSE(body_of(event).contains("code"));
}

// Every kind of event has a place in one of two lists, so that a new kind has to be thought about.
TEST(Notice, IsOfThreeKindsOfEventsOnly) {
  const google::protobuf::OneofDescriptor& bodies = *v1::Event::descriptor()->FindOneofByName("body");
  std::set<std::string> told;
  for (int i = 0; i < bodies.field_count(); ++i) {
    v1::Event event;
    event.set_boot(1);
    event.GetReflection()->MutableMessage(&event, bodies.field(i));
    Notice notice;
    if (read(row_of(event), notice) == NoticeOf::kNotice) {
      told.insert(bodies.field(i)->name());
    }
  }
  EXPECT_EQ(told, (std::set<std::string>{"deposited", "code_reissued", "overdue"}));
}

TEST(Notice, MakesNoCodeFromWhatItDoesNotKnow) {
  Notice notice;
  v1::Event event = deposited();
  event.mutable_deposited()->set_code_digits(4);
  EXPECT_EQ(read(row_of(event), notice), NoticeOf::kUnreadable);
  json::value row = row_of(deposited());
  row.at("event").as_object()["deposited"].as_object()["colour"] = "red";
  EXPECT_EQ(read(row, notice), NoticeOf::kUnreadable) << "of a newer aggregator";
  row.at("event") = json::object{{"undecoded", "ff"}};
  EXPECT_EQ(read(row, notice), NoticeOf::kUnreadable);
  row.at("event") = 5;
  EXPECT_EQ(read(row, notice), NoticeOf::kUnreadable);
}

TEST(Notice, TakesNoRowWithoutAPlace) {
  for (const char* member : {"id", "station", "journal", "seq", "event"}) {
    json::value row = row_of(deposited());
    row.as_object().erase(member);
    EXPECT_EQ(place_of(row), std::nullopt) << member;
  }
  json::value row = row_of(deposited());
  row.as_object()["id"] = -1;
  EXPECT_EQ(place_of(row), std::nullopt);
  EXPECT_EQ(place_of(json::value(5)), std::nullopt);
}

// The test case 2 of RFC 4231.
TEST(Notice, IsSignedWithHmacSha256) {
  EXPECT_EQ(signature_of("Jefe", "what do ya want for nothing?"),
            "sha256=5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}

TEST(Webhook, ReadsUrls) {
  const auto read_url = [](const char* text) {
    WebhookUrl url;
    const std::string wrong = read_webhook_url(text, url);
    return wrong.empty() ? url.where() + " " + url.target : "no: " + wrong;
  };
  EXPECT_EQ(read_url("https://sms.example"), "https://sms.example:443 /");
  EXPECT_EQ(read_url("https://sms.example/a/b?c=d#e"), "https://sms.example:443 /a/b?c=d");
  EXPECT_EQ(read_url("http://127.0.0.1:8080?c"), "http://127.0.0.1:8080 /?c");
  EXPECT_EQ(read_url("https://[::1]:8443/x"), "https://[::1]:8443 /x");
  for (const char* bad :
       {"", "sms.example", "https://", "https:///x", "https://:80/", "https://a:0/", "https://a:65536/", "https://a:b/",
        "https://a b/", "https://me@a/", "https://[::1/", "https://a:/", "ftp://a/", "https://a/\r\nX: y",
        "https://a\xC3\xA9/", "HTTPS://a/", "https://::1/"}) {
    EXPECT_TRUE(read_url(bad).starts_with("no: ")) << bad << ": " << read_url(bad);
  }
}

TEST(Webhook, LosesNoNoticeToAReceiverThatIsSetUpWrongly) {
  for (unsigned status = 0; status < 1'000; ++status) {
    const bool refused =
        status == 400 || status == 409 || status == 410 || status == 413 || status == 415 || status == 422;
    const Verdict expected = status / 100 == 2 ? Verdict::kTaken : refused ? Verdict::kRefused : Verdict::kAgain;
    EXPECT_EQ(verdict_of(status), expected) << status;
  }
}

TEST(Webhook, WaitsLongerEachTimeAndNeverTooLong) {
  using namespace std::chrono_literals;
  EXPECT_EQ(wait_before(1, 0, 0s), 500ms);
  EXPECT_EQ(wait_before(1, 500, 0s), 1'000ms);
  EXPECT_EQ(wait_before(2, 0, 0s), 1'000ms);
  EXPECT_EQ(wait_before(7, 0, 0s), 30'000ms);
  EXPECT_EQ(wait_before(UINT32_MAX, 30'000, 0s), 60'000ms);
  for (std::uint64_t random = 0; random < 5'000; ++random) {
    EXPECT_LE(wait_before(3, random * 0x9E37'79B9'7F4A'7C15U, 0s), 4'000ms);
  }
  EXPECT_EQ(wait_before(1, 0, 20s), 20'000ms) << "as long as it is asked to";
  EXPECT_EQ(wait_before(1, 0, 4'000'000s), 3'600'000ms) << "but an hour at most";
  EXPECT_EQ(read_retry_after("120"), 120s);
  for (const char* none : {"", "-1", "1.5", "Wed, 21 Oct 2015 07:28:00 GMT", "99999999999"}) {
    EXPECT_EQ(read_retry_after(none), 0s) << none;
  }
}

struct NotifyCursors : ::testing::Test {
  tests::TemporaryFolder folder;
  std::string file = folder.file("notify.cursor");
};

TEST_F(NotifyCursors, AreKeptOverARestart) {
  const NotifyCursor place{.after = 511,
                           .last = LogPlace{.id = 300, .station = "SX-TY-0001", .journal = "00ff", .seq = 7}};
  {
    NotifyCursorFile first;
    ASSERT_EQ(first.open(file), "");
    EXPECT_FALSE(first.place().has_value());
    ASSERT_EQ(first.save({.after = 4, .last = std::nullopt}), "");
    ASSERT_EQ(first.save(place), "");
    NotifyCursorFile second;
    EXPECT_NE(second.open(file), "") << "one notifier at a time";
  }
  NotifyCursorFile again;
  ASSERT_EQ(again.open(file), "");
  ASSERT_TRUE(again.place().has_value());
  EXPECT_EQ(again.place()->after, 511U);
  EXPECT_EQ(again.place()->last, place.last);
  EXPECT_FALSE(std::filesystem::exists(file + ".new"));
}

// To begin anew, where nobody said so, would lose notices.
TEST_F(NotifyCursors, AreRefusedWhereTheyCannotBeRead) {
  for (const std::string text :
       {"", "rubbish", "{}", R"({"after":-1})", R"({"after":5,"last":{}})", R"({"after":5,"last":3})"}) {
    std::ofstream(file) << text;
    NotifyCursorFile place;
    EXPECT_NE(place.open(file), "") << text;
  }
  NotifyCursorFile folder_is_no_file;
  EXPECT_NE(folder_is_no_file.open(folder.path().string()), "");
}

TEST(Notice, MakesTheCodeWithTheKeyThatTheEventNames) {
  FleetKeys keys(kFleetKey);
  ASSERT_EQ(keys.add(3, filled_key(std::byte{8})), Status::kOk);
  const auto read_of = [&keys](std::uint32_t version, Notice& notice, const FleetKeys* other = nullptr) {
    v1::Event event = deposited();
    event.mutable_deposited()->set_key_version(version);
    const json::value row = row_of(event);
    return read_notice(row, *place_of(row), other == nullptr ? keys : *other, notice);
  };
  for (const std::uint32_t version : {1U, 2U, 3U, 65'535U}) {
    Notice notice;
    ASSERT_EQ(read_of(version, notice), NoticeOf::kNotice) << version;
    const StationKey fleet = filled_key(std::byte{version < 3 ? std::uint8_t{7} : std::uint8_t{8}});
    EXPECT_EQ(json::parse(notice.body).at("code").as_string(),
              std::string(pickup_code(derive_station_key(fleet, "SX-TY-0001", version), 5, 8).text()))
        << version;
  }
  Notice notice;
  FleetKeys newer;
  ASSERT_EQ(newer.add(3, filled_key(std::byte{8})), Status::kOk);
  EXPECT_EQ(read_of(2, notice, &newer), NoticeOf::kUnreadable) << "its key has been taken away";
  v1::Event reissued;
  reissued.mutable_code_reissued()->set_compartment(1);
  reissued.mutable_code_reissued()->set_counter(5);
  reissued.mutable_code_reissued()->set_code_counter(8);
  reissued.mutable_code_reissued()->set_key_version(4);
  const json::value row = row_of(reissued);
  ASSERT_EQ(read_notice(row, *place_of(row), keys, notice), NoticeOf::kNotice);
  EXPECT_EQ(json::parse(notice.body).at("code").as_string(),
            std::string(pickup_code(derive_station_key(filled_key(std::byte{8}), "SX-TY-0001", 4), 8, 8).text()));
}

constexpr const char* kPage =
    R"({"rows":[],"next_after":7,"at_end":true,"store_uid":"00ff","generation":30,"restores":[{"generation":20,"after":500},{"generation":30,"after":900}]})";

TEST(NotifyPage, SaysWhoseLogItIs) {
  EventPage page;
  ASSERT_TRUE(read_event_page(kPage, page));
  EXPECT_EQ(page.next_after, 7U);
  EXPECT_TRUE(page.at_end);
  EXPECT_EQ(page.store, (StoreMark{.uid = "00ff", .generation = 30}));
  EXPECT_EQ(page.restores.size(), 2U);
}

TEST(NotifyPage, RefusesWhatIsNotOne) {
  const json::object good = json::parse(kPage).as_object();
  EventPage page;
  for (const auto& [name, value] : good) {
    json::object without = good;
    without.erase(name);
    EXPECT_FALSE(read_event_page(json::serialize(without), page)) << "without " << name;
    json::object wrong = good;
    wrong[name] = nullptr;
    EXPECT_FALSE(read_event_page(json::serialize(wrong), page)) << "wrong " << name;
  }
  for (const char* text : {"", "[]", "{", "7"}) {
    EXPECT_FALSE(read_event_page(text, page)) << text;
  }
  json::object negative = good;
  negative["generation"] = -1;
  EXPECT_FALSE(read_event_page(json::serialize(negative), page));
}

TEST(NotifyPage, FollowsRestoresAndPassesNothingOver) {
  EventPage page;
  ASSERT_TRUE(read_event_page(kPage, page));
  // Everything above 500 was given anew in generation 20, everything above 900 in generation 30.
  EXPECT_EQ(after_restores(page, 1, 400), 400U) << "before both";
  EXPECT_EQ(after_restores(page, 1, 700), 500U);
  EXPECT_EQ(after_restores(page, 1, 1'000), 500U);
  EXPECT_EQ(after_restores(page, 20, 700), 700U) << "it was read in generation 20";
  EXPECT_EQ(after_restores(page, 20, 1'000), 900U);
  page.restores.pop_back();
  EXPECT_EQ(after_restores(page, 1, 400), std::nullopt) << "of its own generation the store says nothing";
}

TEST(NotifyCursor, KeepsWhoseLogItIsAndTakesAFileOfBefore) {
  const tests::TemporaryFolder folder;
  const std::string path = folder.file("notify.cursor");
  std::ofstream(path) << R"({"after":9})";
  {
    NotifyCursorFile file;
    ASSERT_EQ(file.open(path), "");
    EXPECT_EQ(file.place()->after, 9U);
    EXPECT_FALSE(file.place()->store.has_value());
    ASSERT_EQ(file.save({.after = 9, .last = {}, .store = StoreMark{.uid = "00ff", .generation = 30}}), "");
  }
  {
    NotifyCursorFile file;
    ASSERT_EQ(file.open(path), "");
    EXPECT_EQ(file.place()->store, (StoreMark{.uid = "00ff", .generation = 30}));
  }
  for (const char* bad : {R"({"after":9,"store":7})", R"({"after":9,"store":{"uid":"00ff"}})",
                          R"({"after":9,"store":{"generation":1}})"}) {
    std::ofstream(path) << bad;
    NotifyCursorFile file;
    EXPECT_NE(file.open(path), "") << bad;
  }
}

}  // namespace
}  // namespace cubby::tools
