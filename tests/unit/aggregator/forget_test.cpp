#include "unit/aggregator/test_store.h"

namespace cubby::aggregator::testing {
namespace {

using Outcome = StationRegister::Outcome;

/// Stations that were imported and stations that have reported, at an aggregator without sockets.
struct Forgetting : Store {
  Aggregator centre{path};

  StationRegister::Decided decide(StationDecision::Kind kind, const std::vector<std::string>& names) {
    const auto decided =
        centre.centre->decide({.kind = kind, .stations = names, .journal = {}, .next_key = {}}, kNoonUtcMs);
    centre.commit();
    return decided;
  }
  Outcome forget(const std::string& name) { return decide(StationDecision::Kind::kForget, {name}).outcome; }
  void import(const std::vector<std::string>& names) { decide(StationDecision::Kind::kImport, names); }
  void restart() {
    centre.centre.reset();
    centre.store.reset();
    centre = Aggregator(path);
  }
  std::uint32_t number_of(const std::string& name) {
    const StationRecord* station = centre.centre->find(name);
    return station == nullptr ? 0 : station->facts.id;
  }
  /// As HTTP lists them.
  std::string listed() {
    StoreReader reader;
    EXPECT_EQ(reader.open(path), "");
    std::vector<StationInfo> all;
    EXPECT_TRUE(reader.stations(all));
    std::string names;
    for (const StationInfo& station : all) {
      names += station.name + " ";
    }
    return names;
  }
};

TEST_F(Forgetting, ANameThatNeverReportedIsGoneAndItsNumberGoesToAnotherAfterARestart) {
  import({"A", "B", "C"});
  EXPECT_EQ(forget("B"), Outcome::kDone);
  EXPECT_EQ(forget("B"), Outcome::kUnknownStation);
  EXPECT_EQ(listed(), "A C ");
  EXPECT_EQ(centre.centre->station_count(), 2U);
  EXPECT_EQ(centre.centre->stations_in(StationState::kApproved), 2U);
  import({"D"});
  EXPECT_EQ(number_of("D"), 4U) << "whoever reads may still have number 2 in hand";
  restart();
  EXPECT_EQ(centre.centre->station_count(), 3U);
  EXPECT_EQ(number_of("C"), 3U) << "the numbers of others stay";
  TestJournal late("E", 5);
  late.open();
  centre.report(late);
  EXPECT_EQ(number_of("E"), 2U);
  import({"B"});
  EXPECT_EQ(number_of("B"), 5U);
  restart();
  EXPECT_EQ(number_of("E"), 2U);
  EXPECT_EQ(centre.centre->find("E")->journal.seq, 3U);
  EXPECT_EQ(listed(), "A B C D E ");
  EXPECT_EQ(difference(), "");
}

TEST_F(Forgetting, WhoHasReportedStaysInWhateverStateItIs) {
  journal.open();
  centre.report(journal);
  EXPECT_EQ(forget(journal.station()), Outcome::kHasEvents);
  decide(StationDecision::Kind::kQuarantine, {journal.station()});
  EXPECT_EQ(forget(journal.station()), Outcome::kHasEvents);
  decide(StationDecision::Kind::kRelease, {journal.station()});
  // A fresh journal without events does not hide what the former one has stored, nor does a restart.
  TestJournal fresh(journal.station(), 9);
  centre.report(fresh, true);
  EXPECT_EQ(centre.centre->find(journal.station())->journal.seq, 0U);
  EXPECT_EQ(forget(journal.station()), Outcome::kHasEvents);
  restart();
  EXPECT_EQ(forget(journal.station()), Outcome::kHasEvents);
  EXPECT_EQ(difference(), "");
}

TEST_F(Forgetting, AGapIsAnEventThatSomebodyHasLost) {
  TestConnection connection(*centre.centre);
  connection.greet(1, journal);
  centre.commit();
  connection.take_one();
  connection.send(1, journal.lose(2));
  centre.commit();
  EXPECT_EQ(forget(journal.station()), Outcome::kHasEvents);
}

TEST_F(Forgetting, ASessionWithoutEventsEndsAndComesBackAsANewStation) {
  {
    TestConnection connection(*centre.centre);
    connection.protocol().set_peer({.stations = {"*"}, .holder = {.words = "concentrator gateway", .key = {}}});
    connection.greet(1, journal);
    centre.commit();
    ASSERT_TRUE(connection.take_one().has_welcome());
    EXPECT_EQ(forget(journal.station()), Outcome::kDone);
    EXPECT_EQ(connection.take_refusal(), v1::REFUSE_CODE_UNKNOWN_STATION);
    EXPECT_EQ(centre.centre->counters().live_sessions, 0);
  }
  EXPECT_EQ(listed(), "");
  restart();
  journal.open();
  centre.report(journal);  // Without a certificate: it is bound to nothing any more.
  EXPECT_EQ(number_of(journal.station()), 1U);
  EXPECT_EQ(difference(), "");
}

TEST_F(Forgetting, WhatIsNotDurableYetIsForgottenToo) {
  {
    TestConnection connection(*centre.centre);
    connection.greet(1, journal);
    EXPECT_TRUE(connection.take().empty()) << "its Welcome waits for the commit";
    EXPECT_EQ(forget(journal.station()), Outcome::kDone);
  }
  EXPECT_EQ(listed(), "");
  restart();
  EXPECT_EQ(centre.centre->station_count(), 0U);
  import({"A"});
  EXPECT_EQ(number_of("A"), 1U);
}

}  // namespace
}  // namespace cubby::aggregator::testing
