#include "tools/aggregator/storage/event_store.h"
#include "tools/aggregator/storage/verifier.h"
#include "unit/aggregator/test_station.h"

namespace cubby::aggregator::testing {
namespace {

constexpr const char* kName = "SX-TY-0001";

/// Two that hold the same key, name and flash: the journal is copied, then each goes on for itself.
struct Standings : ::testing::Test {
  Centre centre{test_options()};
  TestJournal journal{kName};

  StationRecord& station() { return *centre.find(kName); }
  const Standing& standing() { return station().standing; }
  /// The answer to Hello and Proof; everything is durable.
  v1::Down greet(TestConnection& on, const TestJournal& of, bool announce = false) {
    on.greet(1, of, announce);
    centre.committed();
    return on.take_one();
  }
  /// Greets and sends what the centre lacks.
  void report(const TestJournal& of) {
    TestConnection connection(centre);
    const v1::Down welcome = greet(connection, of);
    ASSERT_TRUE(welcome.has_welcome()) << welcome.ShortDebugString();
    if (welcome.welcome().high_water() + 1 == of.next_seq()) {
      return;
    }
    connection.send(1, of.batch(welcome.welcome().high_water() + 1, of.next_seq() - 1));
    centre.committed();
    ASSERT_TRUE(connection.take_one().has_ack());
  }
  void report_opening() {
    journal.open();
    report(journal);
  }
  StationRegister::Outcome decide(StationDecision::Kind kind, std::optional<JournalUid> of = std::nullopt) {
    return centre.decide({.kind = kind, .stations = {kName}, .journal = of}, kNoonUtcMs).outcome;
  }
  StationRegister::Outcome release(std::optional<JournalUid> of = std::nullopt) {
    return decide(StationDecision::Kind::kRelease, of);
  }
  void expect_quarantine(QuarantineReason reason) {
    EXPECT_EQ(standing().state, StationState::kQuarantined);
    EXPECT_EQ(to_text(standing().reason), to_text(reason));
    EXPECT_EQ(centre.counters().quarantines[static_cast<std::size_t>(reason)], 1U);
    EXPECT_EQ(centre.stations_in(StationState::kQuarantined), 1U);
    EXPECT_EQ(centre.stations_in(StationState::kActive), 0U);
  }
};

TEST_F(Standings, ABatchThatContradictsTheLogKeepsBothOutUntilSomebodyDecides) {
  report_opening();
  TestJournal clone = journal;
  journal.deposit(1);
  clone.deposit(2);
  clone.deposit(3);
  TestConnection one(centre);
  TestConnection two(centre);
  greet(two, clone);
  greet(one, journal);  // Fences the other; both have the mark of 3.
  EXPECT_EQ(two.take_refusal(), v1::REFUSE_CODE_FENCED);
  one.send(1, journal.batch(4, 4));
  centre.committed();
  EXPECT_TRUE(one.take_one().has_ack());
  one.send(1, clone.batch(4, 5));
  const v1::Down refusal = one.take_one();
  EXPECT_EQ(refusal.refuse().code(), v1::REFUSE_CODE_CONFLICT);
  EXPECT_TRUE(refusal.refuse().permanent());
  expect_quarantine(QuarantineReason::kChain);
  EXPECT_EQ(centre.counters().conflicts, 1U);
  centre.committed();
  for (const TestJournal* of : {&journal, &clone}) {
    TestConnection again(centre);
    EXPECT_EQ(greet(again, *of).refuse().code(), v1::REFUSE_CODE_CONFLICT);
  }
  EXPECT_TRUE(centre.changes().empty());
  EXPECT_EQ(station().journal.seq, 4U) << "what is stored stays";
  ASSERT_EQ(release(), StationRegister::Outcome::kDone);
  EXPECT_EQ(standing().state, StationState::kActive);
  journal.deposit(5);
  report(journal);
  EXPECT_EQ(station().journal.chain, journal.chain(5));
}

TEST_F(Standings, AStationThatFindsAnotherHistoryTellsAndTheOtherOneIsStoppedToo) {
  report_opening();
  TestJournal clone = journal;
  journal.deposit(1);
  clone.deposit(2);
  clone.deposit(3);
  report(journal);
  TestConnection connection(centre);
  ASSERT_TRUE(greet(connection, clone).has_welcome()) << "its Hello does not show it";
  v1::Up up;
  up.mutable_diverged()->set_journal_uid(text_of(clone.uid()));
  up.mutable_diverged()->set_seq(4);
  up.mutable_diverged()->set_chain(clone.chain(4));
  connection.send(1, up);
  EXPECT_EQ(connection.take_refusal(), v1::REFUSE_CODE_CONFLICT);
  expect_quarantine(QuarantineReason::kChain);
  TestConnection honest(centre);
  EXPECT_EQ(greet(honest, journal).refuse().code(), v1::REFUSE_CODE_CONFLICT);
}

TEST_F(Standings, WhatContradictsNothingQuarantinesNobody) {
  report_opening();
  const auto tell = [this](std::uint64_t seq, Chain chain, unsigned char uid = 1) {
    TestConnection connection(centre);
    EXPECT_TRUE(greet(connection, journal).has_welcome());
    v1::Up up;
    up.mutable_diverged()->set_journal_uid(std::string(16, static_cast<char>(uid)));
    up.mutable_diverged()->set_seq(seq);
    up.mutable_diverged()->set_chain(chain);
    connection.send(1, up);
    return connection.take_refusal();
  };
  EXPECT_EQ(tell(3, journal.chain(3)), v1::REFUSE_CODE_PROTOCOL);
  EXPECT_EQ(tell(4, 1), v1::REFUSE_CODE_PROTOCOL) << "beyond the mark";
  EXPECT_EQ(tell(3, 1, 2), v1::REFUSE_CODE_PROTOCOL) << "another journal";
  EXPECT_EQ(standing().state, StationState::kActive);
  EXPECT_EQ(tell(2, journal.chain(2)), v1::REFUSE_CODE_CONFLICT);
  expect_quarantine(QuarantineReason::kRolledBack);
}

TEST_F(Standings, AnOldImageIsKeptOutAndItsRightOneComesBackAfterTheRelease) {
  report_opening();
  const TestJournal old = journal;
  journal.deposit(1);
  report(journal);
  TestConnection connection(centre);
  EXPECT_EQ(greet(connection, old).refuse().code(), v1::REFUSE_CODE_CONFLICT);
  expect_quarantine(QuarantineReason::kRolledBack);
  EXPECT_EQ(greet(connection, journal).refuse().code(), v1::REFUSE_CODE_CONFLICT);
  ASSERT_EQ(release(), StationRegister::Outcome::kDone);
  EXPECT_EQ(release(), StationRegister::Outcome::kWrongState);
  report(journal);
  EXPECT_EQ(greet(connection, old).refuse().code(), v1::REFUSE_CODE_CONFLICT) << "the old one once more";
  EXPECT_EQ(standing().state, StationState::kQuarantined);
}

TEST_F(Standings, AJournalThatNobodyAnnouncedIsKeptOutUntilItIsAnnounced) {
  report_opening();
  TestJournal fresh(kName, 2);
  fresh.open();
  TestConnection connection(centre);
  EXPECT_EQ(greet(connection, fresh).refuse().code(), v1::REFUSE_CODE_NEW_JOURNAL);
  expect_quarantine(QuarantineReason::kNewJournal);
  EXPECT_EQ(standing().other_journal, fresh.uid());
  EXPECT_EQ(greet(connection, fresh).refuse().code(), v1::REFUSE_CODE_CONFLICT);
  EXPECT_EQ(greet(connection, journal, true).refuse().code(), v1::REFUSE_CODE_CONFLICT) << "it is not a new one";
  EXPECT_EQ(greet(connection, fresh, true).welcome().high_water(), 0U);
  EXPECT_EQ(standing().state, StationState::kActive);
  EXPECT_FALSE(standing().other_journal.has_value());
  EXPECT_EQ(greet(connection, journal, true).refuse().code(), v1::REFUSE_CODE_CONFLICT);
  EXPECT_EQ(standing().state, StationState::kActive) << "which one is true has been decided";
}

TEST_F(Standings, APersonMayAcceptTheOtherJournal) {
  report_opening();
  TestJournal fresh(kName, 2);
  fresh.open();
  TestConnection connection(centre);
  greet(connection, fresh);
  ASSERT_EQ(release(fresh.uid()), StationRegister::Outcome::kDone);
  EXPECT_EQ(greet(connection, journal).refuse().code(), v1::REFUSE_CODE_CONFLICT);
  EXPECT_EQ(standing().state, StationState::kActive);
  report(fresh);
  EXPECT_EQ(station().journal.uid, fresh.uid());
  ASSERT_EQ(decide(StationDecision::Kind::kQuarantine), StationRegister::Outcome::kDone);
  EXPECT_EQ(release(journal.uid()), StationRegister::Outcome::kReplacedJournal);
}

TEST_F(Standings, WhomAPersonHasKeptOutAnnouncesInVain) {
  report_opening();
  TestConnection connection(centre);
  ASSERT_TRUE(greet(connection, journal).has_welcome());
  ASSERT_EQ(decide(StationDecision::Kind::kQuarantine), StationRegister::Outcome::kDone);
  EXPECT_EQ(connection.take_refusal(), v1::REFUSE_CODE_CONFLICT) << "the session is over at once";
  EXPECT_EQ(centre.counters().live_sessions, 0);
  expect_quarantine(QuarantineReason::kOrdered);
  TestJournal fresh(kName, 2);
  EXPECT_EQ(greet(connection, fresh, true).refuse().code(), v1::REFUSE_CODE_CONFLICT);
  EXPECT_EQ(decide(StationDecision::Kind::kQuarantine), StationRegister::Outcome::kWrongState);
}

/// Two that are alike to the last bit take the session from each other, `every_ms` apart.
struct TakeOver : Standings {
  TestJournal twin{kName};
  std::uint64_t now_utc_ms = kNoonUtcMs;

  void SetUp() override {
    report_opening();
    twin = journal;
  }
  /// False: refused.
  bool speak(TestJournal& one, bool says_something = true) {
    TestConnection connection(centre);
    connection.now_utc_ms = now_utc_ms;
    const v1::Down answer = greet(connection, one);
    if (!answer.has_welcome()) {
      EXPECT_EQ(answer.refuse().code(), v1::REFUSE_CODE_CONFLICT);
      return false;
    }
    one.previous_session = answer.welcome().session();
    if (says_something) {
      v1::Up ping;
      ping.mutable_ping();
      connection.send(1, ping);
    }
    return true;
  }
  bool ping_pong(int turns, std::uint64_t every_ms) {
    bool good = true;
    for (int i = 0; i < turns && good; ++i, now_utc_ms += every_ms) {
      good = speak(i % 2 == 0 ? journal : twin);
    }
    return good;
  }
};

TEST_F(TakeOver, ThreeTimesInTenMinutesIsAConflict) {
  EXPECT_TRUE(ping_pong(4, 60'000)) << "the first of each names none; then one, and two";
  EXPECT_EQ(standing().state, StationState::kActive);
  EXPECT_FALSE(ping_pong(1, 0));
  expect_quarantine(QuarantineReason::kTakeOvers);
}

TEST_F(TakeOver, InALiveConnectionTheOtherOneIsStoppedAsWell) {
  ping_pong(4, 60'000);
  TestConnection live(centre);  // That of the twin, who spoke last.
  live.now_utc_ms = now_utc_ms;
  ASSERT_TRUE(greet(live, twin).has_welcome());
  twin.previous_session = station().session;
  v1::Up ping;
  ping.mutable_ping();
  live.send(1, ping);
  live.take();
  EXPECT_FALSE(speak(journal));
  EXPECT_EQ(live.take_refusal(), v1::REFUSE_CODE_CONFLICT);
  EXPECT_EQ(centre.counters().live_sessions, 0);
}

TEST_F(TakeOver, SlowerThanThatIsNone) {
  EXPECT_TRUE(ping_pong(40, TakeOvers::kWithinMs / 2 + 1));
  EXPECT_EQ(standing().state, StationState::kActive);
}

TEST_F(TakeOver, ABadLinkIsNone) {
  for (int i = 0; i < 100; ++i, now_utc_ms += 1'000) {
    ASSERT_TRUE(speak(journal)) << "it names the session in which it spoke";
    const std::uint64_t known = journal.previous_session;
    ASSERT_TRUE(speak(journal, false));
    journal.previous_session = known;  // The Welcome was lost on its way.
  }
  EXPECT_EQ(standing().state, StationState::kActive);
}

TEST_F(TakeOver, ARebootIsNone) {
  for (int i = 0; i < 100; ++i, now_utc_ms += 1'000) {
    ASSERT_TRUE(speak(journal));
    journal.previous_session = 0;
  }
  EXPECT_EQ(standing().state, StationState::kActive);
}

TEST_F(TakeOver, CountsInTheSessionsOwnTime) {
  EXPECT_TRUE(ping_pong(4, 60'000));
  now_utc_ms += std::uint64_t{365} * 86'400'000;  // A clock that is set far away counts for nothing.
  EXPECT_TRUE(ping_pong(1, 0));
  now_utc_ms -= std::uint64_t{700} * 86'400'000;
  EXPECT_TRUE(speak(twin));
}

struct Enrolling : Standings {
  static CentreOptions options() {
    CentreOptions options = test_options();
    options.enrolment = Enrolment::kApproved;
    return options;
  }
  Centre closed{options()};

  v1::Down greet_closed(const TestJournal& of) {
    TestConnection connection(closed);
    connection.greet(1, of);
    closed.committed();
    return connection.take_one();
  }
};

TEST_F(Enrolling, AStrangerWaitsUntilItIsApproved) {
  journal.open();
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(greet_closed(journal).refuse().code(), v1::REFUSE_CODE_UNKNOWN_STATION);
    EXPECT_EQ(closed.find(kName)->standing.state, StationState::kPending);
  }
  EXPECT_EQ(closed.find(kName)->journal.id, 0U) << "nothing of it is taken";
  const StationDecision approval{.kind = StationDecision::Kind::kApprove, .stations = {kName}, .journal = {}};
  EXPECT_EQ(closed.decide(approval, kNoonUtcMs).outcome, StationRegister::Outcome::kDone);
  EXPECT_EQ(closed.decide(approval, kNoonUtcMs).outcome, StationRegister::Outcome::kWrongState);
  EXPECT_EQ(closed.find(kName)->standing.state, StationState::kApproved);
  EXPECT_TRUE(greet_closed(journal).has_welcome());
  EXPECT_EQ(closed.find(kName)->standing.state, StationState::kActive);
}

TEST_F(Enrolling, WhoCannotProveAnythingIsNotEvenListed) {
  TestConnection connection(closed);
  connection.send(1, journal.hello());
  connection.take_one();
  v1::Up up;
  up.mutable_proof()->set_mac(std::string(32, 'x'));
  connection.send(1, up);
  EXPECT_EQ(connection.take_refusal(), v1::REFUSE_CODE_BAD_PROOF);
  EXPECT_EQ(closed.station_count(), 0U);
}

TEST_F(Enrolling, TheListOfThoseWhoWaitHasAnEnd) {
  for (std::size_t i = 0; i < Centre::kPendingMax; ++i) {
    ASSERT_NE(closed.add_station("A-" + std::to_string(i), StationState::kPending, kNoonUtcMs), nullptr);
  }
  EXPECT_EQ(greet_closed(journal).refuse().code(), v1::REFUSE_CODE_UNAVAILABLE);
  EXPECT_EQ(closed.find(kName), nullptr);
  const StationDecision names{
      .kind = StationDecision::Kind::kImport, .stations = {kName, "A-7", "A-7"}, .journal = {}, .key_version = 1};
  EXPECT_EQ(closed.decide(names, kNoonUtcMs).changed, 2U) << "for people there is room";
  EXPECT_TRUE(greet_closed(journal).has_welcome());
  EXPECT_EQ(closed.decide(names, kNoonUtcMs).changed, 0U) << "an active one stays what it is";
}

TEST_F(Standings, AStationProvesItselfWithTheVersionThatItSays) {
  TestConnection connection(centre);
  connection.send(1, journal.hello());
  EXPECT_EQ(connection.take_one().challenge().key_version(), 1U) << "absent is 1";
  journal.key_version = 2;
  connection.send(1, journal.hello());
  EXPECT_EQ(connection.take_one().challenge().key_version(), 2U);
  ASSERT_TRUE(greet(connection, journal).has_welcome());
  EXPECT_EQ(station().identity.key_version, 2U);
  journal.key_version = 1;
  ASSERT_TRUE(greet(connection, journal).has_welcome()) << "during a rotation it may go back";
  EXPECT_EQ(station().identity.key_version, 1U);
}

TEST_F(Standings, VersionsThatNoFleetKeyIsForAreRefusedForEveryNameAlike) {
  CentreOptions options = test_options();
  options.fleet_keys = {};
  ASSERT_EQ(options.fleet_keys.add(3, filled_key(std::byte{7})), Status::kOk);
  Centre newer(options);
  for (const std::uint32_t version : {0U, 2U}) {
    TestConnection connection(newer);
    journal.key_version = version;
    connection.send(1, journal.hello());
    EXPECT_EQ(connection.take_refusal(), v1::REFUSE_CODE_KEY_VERSION) << version;
  }
  TestConnection connection(newer);
  journal.key_version = 3;
  connection.greet(1, journal);
  newer.committed();
  EXPECT_TRUE(connection.take_one().has_welcome());
}

TEST_F(Standings, AfterAnOrderOlderKeysOpenNoSessionAndKeepNone) {
  report_opening();
  const auto require = [this](std::uint32_t version) {
    return centre.decide(
        {.kind = StationDecision::Kind::kRequireKey, .stations = {kName}, .journal = {}, .key_version = version},
        kNoonUtcMs);
  };
  TestConnection old_one(centre);
  ASSERT_TRUE(greet(old_one, journal).has_welcome());
  EXPECT_EQ(require(2).outcome, StationRegister::Outcome::kDone);
  const v1::Down expelled = old_one.take_one();
  EXPECT_EQ(expelled.refuse().code(), v1::REFUSE_CODE_KEY_VERSION);
  EXPECT_FALSE(expelled.refuse().permanent());
  TestConnection again(centre);
  again.send(1, journal.hello());
  ASSERT_TRUE(again.take_one().has_challenge()) << "before a Proof nothing is told of any station";
  EXPECT_EQ(greet(again, journal).refuse().code(), v1::REFUSE_CODE_KEY_VERSION);
  EXPECT_EQ(standing().state, StationState::kActive) << "an old key is no second history";
  journal.key_version = 2;
  TestConnection new_one(centre);
  ASSERT_TRUE(greet(new_one, journal).has_welcome());
  EXPECT_EQ(require(2).outcome, StationRegister::Outcome::kDone);
  EXPECT_TRUE(new_one.take().empty()) << "a session of a key that is good goes on";
}

/// The same with a store behind it.
struct StoredStandings : ::testing::Test {
  TemporaryFolder folder;
  std::string path = folder.file("cubby.db");
  std::unique_ptr<EventStore> store;
  std::unique_ptr<Centre> centre;

  void open() {
    centre.reset();
    store.reset();
    OpenedStore opened = open_sqlite_store(path, [](MutableBytes bytes) { std::ranges::fill(bytes, std::byte{5}); });
    ASSERT_EQ(opened.error, "");
    store = std::move(opened.store);
    centre = std::make_unique<Centre>(test_options());
    ASSERT_EQ(store->load(*centre), "");
  }
  void commit() {
    ASSERT_EQ(store->commit(centre->changes(), centre->cities(), centre->brands()), "");
    centre->committed();
  }
};

TEST_F(StoredStandings, AreAsTheyWereWhenTheStoreIsOpenedAgain) {
  open();
  JournalUid other;
  other.fill(std::byte{8});
  centre->add_station("P", StationState::kPending, 11);
  centre->add_station("Q", StationState::kApproved, 12);
  StationRecord& quarantined = *centre->add_station("R", StationState::kActive, 13);
  TestJournal journal("R");
  centre->start_journal(quarantined, journal.uid());
  centre->quarantine(quarantined, QuarantineReason::kNewJournal, 14, other);
  centre->note_key(quarantined, 4);
  centre->decide({.kind = StationDecision::Kind::kRequireKey, .stations = {"R"}, .journal = {}, .key_version = 3}, 14);
  commit();
  open();
  EXPECT_EQ(centre->find("P")->standing.state, StationState::kPending);
  EXPECT_EQ(centre->find("Q")->standing.state, StationState::kApproved);
  EXPECT_EQ(centre->find("Q")->standing.since_utc_ms, 12U);
  EXPECT_EQ(centre->find("R")->standing.state, StationState::kQuarantined);
  EXPECT_EQ(centre->find("R")->standing.reason, QuarantineReason::kNewJournal);
  EXPECT_EQ(centre->find("R")->standing.other_journal, other);
  EXPECT_EQ(centre->find("R")->identity.key_version, 4U);
  EXPECT_EQ(centre->find("R")->identity.key_version_min, 3U);
  EXPECT_EQ(centre->find("P")->identity.key_version_min, 1U);
  EXPECT_EQ(centre->stations_in(StationState::kQuarantined), 1U);
  EXPECT_EQ(centre->decide({.kind = StationDecision::Kind::kRelease, .stations = {"R"}, .journal = other}, 15).outcome,
            StationRegister::Outcome::kDone);
  commit();
  open();
  EXPECT_EQ(centre->find("R")->journal.uid, other);
  EXPECT_EQ(centre->find("R")->former_journals.size(), 1U);
  EXPECT_EQ(verify_store(path, nullptr).verdict, "verify: exact");
  TestConnection connection(*centre);
  connection.greet(1, TestJournal("P"));
  commit();
  EXPECT_TRUE(connection.take_one().has_welcome()) << "open enrolment: nobody has to wait any more";
}

}  // namespace
}  // namespace cubby::aggregator::testing
