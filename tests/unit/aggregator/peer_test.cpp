#include "tools/aggregator/core/peer_identity.h"

#include "tools/aggregator/core/pending_connections.h"
#include "unit/aggregator/test_station.h"

namespace cubby::aggregator::testing {
namespace {

TEST(PeerIdentity, SpeaksForItsNamesAndItsBeginningsOnly) {
  const PeerIdentity peer{.stations = {"SX-TY-0007", "TW-*"}};
  EXPECT_TRUE(peer.may_speak_for("SX-TY-0007"));
  EXPECT_TRUE(peer.may_speak_for("TW-0001"));
  EXPECT_TRUE(peer.may_speak_for("TW-"));
  for (const char* other : {"SX-TY-00070", "SX-TY-000", "SX-TY-0008", "TW", "XTW-0001", "*", ""}) {
    EXPECT_FALSE(peer.may_speak_for(other)) << other;
  }
  EXPECT_FALSE(PeerIdentity{}.may_speak_for("SX-TY-0007"));
  EXPECT_TRUE(PeerIdentity{.stations = {"*"}}.may_speak_for("SX-TY-0007"));
}

TEST(PeerIdentity, RefusesTheHelloOfAStationThatTheCertificateDoesNotName) {
  Centre centre(test_options());
  TestConnection connection(centre);
  connection.protocol().set_peer({.stations = {"SX-TY-0001"}});
  const TestJournal other("SX-TY-0002");
  connection.send(1, other.hello());
  const v1::Refuse refused = connection.take_one().refuse();
  EXPECT_EQ(refused.code(), v1::REFUSE_CODE_UNKNOWN_STATION);
  EXPECT_FALSE(refused.permanent()) << "an operator may give it the right certificate any day";
  EXPECT_EQ(centre.counters().other_stations, 1U);
  EXPECT_EQ(centre.find("SX-TY-0002"), nullptr) << "nobody is registered";

  // The key of that station does not help, and its own is still needed.
  const TestJournal own("SX-TY-0001");
  connection.greet(1, own, false);
  centre.committed();
  EXPECT_EQ(connection.take_one().welcome().high_water(), 0U);
  EXPECT_EQ(centre.counters().other_stations, 1U);
}

TEST(PeerIdentity, AConcentratorOpensSessionsOfItsStationsOnly) {
  Centre centre(test_options());
  TestConnection connection(centre);
  connection.protocol().set_peer({.stations = {"SX-*"}});
  const TestJournal one("SX-TY-0001");
  const TestJournal two("SX-TY-0002", 2);
  const TestJournal foreign("TW-0001", 3);
  for (const auto& [channel, journal] : {std::pair{1U, &one}, std::pair{2U, &two}}) {
    connection.greet(channel, *journal);
    centre.committed();
    EXPECT_TRUE(connection.take_one().has_welcome());
  }
  connection.send(3, foreign.hello());
  EXPECT_EQ(connection.take_refusal(), v1::REFUSE_CODE_UNKNOWN_STATION);
  EXPECT_EQ(centre.counters().live_sessions, 2) << "an error on one channel leaves the others alone";
  EXPECT_EQ(centre.counters().other_stations, 1U);
}

TEST(PendingConnections, TakesSoManyOfAnAddressAndSoManyInAll) {
  PendingConnections pending({.of_address = 2, .in_all = 3});
  EXPECT_EQ(pending.admit(1, "192.0.2.1"), std::nullopt);
  EXPECT_EQ(pending.admit(2, "192.0.2.1"), std::nullopt);
  EXPECT_EQ(pending.admit(3, "192.0.2.1"), ConnectionRefusal::kPendingOfAddress);
  EXPECT_EQ(pending.admit(4, "192.0.2.2"), std::nullopt) << "an attacker's address is not an honest one's";
  EXPECT_EQ(pending.admit(5, "192.0.2.3"), ConnectionRefusal::kPendingInAll);
  pending.release(1);
  pending.release(1);
  pending.release(3);
  EXPECT_EQ(pending.size(), 2U);
  EXPECT_EQ(pending.admit(6, "192.0.2.1"), std::nullopt);
  EXPECT_EQ(pending.admit(7, "192.0.2.1"), ConnectionRefusal::kPendingInAll);
}

TEST(ConnectionRefusal, EachHasANameOfItsOwn) {
  std::vector<std::string> names;
  for (std::size_t i = 0; i < kConnectionRefusals; ++i) {
    names.emplace_back(to_text(static_cast<ConnectionRefusal>(i)));
    EXPECT_EQ(names.back().find_first_not_of("abcdefghijklmnopqrstuvwxyz_"), std::string::npos) << names.back();
  }
  std::sort(names.begin(), names.end());
  EXPECT_EQ(std::unique(names.begin(), names.end()), names.end());
  EXPECT_STREQ(to_text(ConnectionRefusal::kOtherStation), "other_station");
  EXPECT_STREQ(to_text(ConnectionRefusal::kPendingInAll), "pending_in_all");
}

}  // namespace
}  // namespace cubby::aggregator::testing
