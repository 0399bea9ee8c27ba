#include "tools/aggregator/storage/certificate_rows.h"
#include "unit/aggregator/test_store.h"

namespace cubby::aggregator::testing {
namespace {

constexpr const char* kName = "SX-TY-0001";
using Next = CertificateBinding::Next;

CertificateHolder holder(const std::string& words, unsigned char key) {
  CertificateHolder made{.words = words};
  made.key.fill(static_cast<std::byte>(key));
  return made;
}

const CertificateHolder kOwn = holder("station SX-TY-0001", 1);
const CertificateHolder kRenewed = holder("station SX-TY-0001", 2);
const CertificateHolder kGateway = holder("concentrator gateway", 3);

/// One station, and connections with certificates; an aggregator without sockets.
struct Certificates : Store {
  Aggregator centre{path};
  std::vector<std::string> told;

  Certificates() { journal.open(); }
  const CertificateBinding& binding() { return centre.centre->find(kName)->identity.certificate; }
  /// The answer to Hello and Proof with this certificate, null: none; everything is durable.
  v1::Down greet(TestConnection& on, const CertificateHolder* with, const TestJournal& of, bool announce = false) {
    if (with != nullptr) {
      on.protocol().set_peer({.stations = {"*"}, .holder = *with});
    }
    on.greet(1, of, announce);
    centre.commit();
    return on.take_one();
  }
  /// On a connection of its own, which ends.
  v1::Down come(const CertificateHolder* with) {
    TestConnection connection(*centre.centre);
    return greet(connection, with, journal);
  }
  void expect_taken(const CertificateHolder& with) { EXPECT_TRUE(come(&with).has_welcome()) << with.words; }
  void expect_refused(const CertificateHolder* with) {
    const std::uint64_t before = centre.centre->counters().other_certificates;
    const v1::Refuse refused = come(with).refuse();
    EXPECT_EQ(refused.code(), v1::REFUSE_CODE_CERTIFICATE);
    EXPECT_FALSE(refused.permanent()) << "a person may let it in any minute";
    EXPECT_EQ(centre.centre->counters().other_certificates, before + 1);
  }
  StationRegister::Outcome rebind(Next next, const CertificateKey& key = {}) {
    const auto outcome = centre.centre
                             ->decide({.kind = StationDecision::Kind::kRebind,
                                       .stations = {kName},
                                       .journal = {},
                                       .next = next,
                                       .next_key = key},
                                      kNoonUtcMs)
                             .outcome;
    centre.commit();
    return outcome;
  }
  void restart() {
    centre.centre.reset();
    centre.store.reset();
    centre = Aggregator(path);
  }
};

TEST_F(Certificates, AStationIsBoundToTheKeyThatItCameWithFirst) {
  for (const CertificateHolder* first : {&kOwn, &kGateway}) {
    SCOPED_TRACE(first->words);
    path += first->words;
    restart();
    expect_taken(*first);
    EXPECT_EQ(binding().bound->holder.words, first->words);
    EXPECT_EQ(binding().bound->since_utc_ms, kNoonUtcMs);
    for (const CertificateHolder* stranger : {&kOwn, &kRenewed, &kGateway}) {
      if (stranger != first) {
        expect_refused(stranger);
        EXPECT_EQ(binding().refused->holder.words, stranger->words);
        EXPECT_EQ(binding().refused->holder.key, stranger->key);
      }
    }
    expect_refused(nullptr);
    EXPECT_EQ(binding().refused->holder.words, "") << "it came without one";
    expect_taken(*first);
    EXPECT_EQ(binding().bound->holder.key, first->key);
  }
}

TEST_F(Certificates, TheSameKeyPassesInAnotherCertificate) {
  expect_taken(kOwn);
  expect_taken(holder("concentrator of-one", 1));
  EXPECT_EQ(binding().bound->holder.words, "concentrator of-one");
  EXPECT_EQ(binding().bound->since_utc_ms, kNoonUtcMs);
}

TEST_F(Certificates, WelcomeWaitsUntilTheBindingIsDurable) {
  come(nullptr);  // From now on its journal is known, so nothing else has to wait.
  {
    TestConnection connection(*centre.centre);
    connection.protocol().set_peer({.stations = {kName}, .holder = kOwn});
    connection.greet(1, journal);
    EXPECT_TRUE(connection.take().empty());
    centre.commit();
    EXPECT_TRUE(connection.take_one().has_welcome());
  }
  restart();
  expect_refused(&kRenewed);
}

TEST_F(Certificates, WhoIsRefusedTakesNothingFromTheRightfulOne) {
  TestConnection rightful(*centre.centre);
  ASSERT_TRUE(greet(rightful, &kOwn, journal).has_welcome());
  rightful.send(1, journal.batch(1, 3));
  centre.commit();
  ASSERT_TRUE(rightful.take_one().has_ack());
  // Everything that would change something if it were let in: a journal that is announced, the third take-over, a
  // journal that was rolled back.
  TestJournal fresh(kName, 9);
  TestJournal rolled_back(kName);
  TestJournal twin = journal;
  twin.previous_session = 1;
  for (const auto& [of, announce] : {std::pair{&fresh, true},
                                     {&fresh, false},
                                     {&rolled_back, false},
                                     {&twin, false},
                                     {&twin, false},
                                     {&twin, false},
                                     {&twin, false}}) {
    TestConnection second(*centre.centre);
    EXPECT_EQ(greet(second, &kGateway, *of, announce).refuse().code(), v1::REFUSE_CODE_CERTIFICATE);
  }
  const StationRecord& station = *centre.centre->find(kName);
  EXPECT_EQ(station.standing.state, StationState::kActive);
  EXPECT_EQ(station.journal.uid, journal.uid());
  journal.deposit(1);
  rightful.send(1, journal.batch(4, 4));
  centre.commit();
  EXPECT_EQ(rightful.take_one().ack().durable_seq(), 4U) << "its session goes on";
  EXPECT_EQ(centre.centre->counters().live_sessions, 1);
}

TEST_F(Certificates, APersonLetsTheNextOneInOnceAndTheOldOneGoesOnUntilThen) {
  expect_taken(kOwn);
  expect_refused(&kRenewed);
  EXPECT_EQ(rebind(Next::kAny), StationRegister::Outcome::kDone);
  restart();
  expect_taken(kOwn);
  TestConnection before(*centre.centre);
  ASSERT_TRUE(greet(before, &kOwn, journal).has_welcome());
  expect_taken(kRenewed);
  EXPECT_EQ(before.take_refusal(), v1::REFUSE_CODE_FENCED);
  EXPECT_EQ(binding().bound->holder.key, kRenewed.key);
  EXPECT_FALSE(binding().refused.has_value());
  expect_refused(&kOwn);
  expect_refused(&kGateway);
}

TEST_F(Certificates, APersonNamesTheOneThatIsLetIn) {
  expect_taken(kOwn);
  EXPECT_EQ(rebind(Next::kNamed, kRenewed.key), StationRegister::Outcome::kDone);
  expect_refused(&kGateway);
  expect_taken(kOwn);
  restart();
  expect_refused(&kGateway);
  expect_taken(kRenewed);
  expect_refused(&kOwn);
  EXPECT_EQ(rebind(Next::kNamed, kRenewed.key), StationRegister::Outcome::kDone);
  EXPECT_EQ(binding().next, Next::kNone) << "it is bound to that one already";
}

TEST_F(Certificates, APermissionCanBeTakenBack) {
  expect_taken(kOwn);
  EXPECT_EQ(rebind(Next::kAny), StationRegister::Outcome::kDone);
  EXPECT_EQ(rebind(Next::kNone), StationRegister::Outcome::kDone);
  expect_refused(&kRenewed);
  restart();
  expect_refused(&kRenewed);
  expect_taken(kOwn);
}

TEST_F(Certificates, AStationThatHasNotComeMayBeToldItsKey) {
  centre.centre->decide({.kind = StationDecision::Kind::kImport, .stations = {kName}, .journal = {}, .next_key = {}},
                        kNoonUtcMs);
  EXPECT_EQ(rebind(Next::kAny), StationRegister::Outcome::kWrongState) << "the first is let in anyway";
  EXPECT_EQ(rebind(Next::kNamed, kOwn.key), StationRegister::Outcome::kDone);
  restart();
  expect_refused(&kGateway);
  expect_refused(nullptr);
  // The row goes when it says nothing any more.
  EXPECT_EQ(rebind(Next::kNamed, kRenewed.key), StationRegister::Outcome::kDone);
  EXPECT_EQ(rebind(Next::kNone), StationRegister::Outcome::kDone);
  restart();
  expect_taken(kGateway);
}

TEST_F(Certificates, WhatAPersonApprovesIsWhatWasSeen) {
  CentreOptions options = test_options();
  options.enrolment = Enrolment::kApproved;
  Centre closed(std::move(options));
  const auto come_to = [&](const CertificateHolder& with) {
    TestConnection connection(closed);
    connection.protocol().set_peer({.stations = {"*"}, .holder = with});
    connection.greet(1, journal);
    closed.committed();
    return connection.take_one();
  };
  EXPECT_EQ(come_to(kGateway).refuse().code(), v1::REFUSE_CODE_UNKNOWN_STATION);
  EXPECT_EQ(come_to(kOwn).refuse().code(), v1::REFUSE_CODE_CERTIFICATE);
  closed.decide({.kind = StationDecision::Kind::kApprove, .stations = {kName}, .journal = {}, .next_key = {}},
                kNoonUtcMs);
  EXPECT_EQ(come_to(kOwn).refuse().code(), v1::REFUSE_CODE_CERTIFICATE);
  EXPECT_TRUE(come_to(kGateway).has_welcome());
}

TEST_F(Certificates, AWrongStationKeyLeavesNoTrace) {
  expect_taken(kOwn);
  TestConnection connection(*centre.centre);
  connection.protocol().set_peer({.stations = {"*"}, .holder = kGateway});
  connection.send(1, journal.hello());
  connection.take_one();
  connection.send(1, journal.proof("another challenge"));
  EXPECT_EQ(connection.take_refusal(), v1::REFUSE_CODE_BAD_PROOF);
  EXPECT_FALSE(binding().refused.has_value());
  EXPECT_TRUE(centre.centre->changes().empty());
}

TEST_F(Certificates, ARefusedOneIsWrittenOnceHoweverOftenItComes) {
  expect_taken(kOwn);
  expect_refused(&kGateway);
  TestConnection again(*centre.centre);
  again.protocol().set_peer({.stations = {"*"}, .holder = kGateway});
  again.greet(1, journal);
  EXPECT_EQ(again.take_refusal(), v1::REFUSE_CODE_CERTIFICATE);
  EXPECT_TRUE(centre.centre->changes().empty());
}

TEST_F(Certificates, AStoreWithoutTheTableGetsIt) {
  expect_taken(kOwn);
  centre.centre.reset();
  centre.store.reset();
  run_sql("DROP TABLE station_certificates");
  StoreReader reader;
  ASSERT_EQ(reader.open(path), "");
  StationInfo info;
  EXPECT_EQ(reader.station(kName, info), ReadStatus::kOk) << "readers do without";
  EXPECT_FALSE(info.identity.certificate.bound.has_value());
  restart();
  expect_taken(kRenewed);
  ASSERT_EQ(reader.station(kName, info), ReadStatus::kOk);
  EXPECT_EQ(info.identity.certificate.bound->holder.words, kRenewed.words);
}

TEST_F(Certificates, ARowThatMakesNoSenseIsNotTakenForNone) {
  expect_taken(kOwn);
  centre.centre.reset();
  centre.store.reset();
  for (const char* damage : {"key = x'01'", "next_key = x'0102'", "refused_key = x'01', refused_utc_ms = 1"}) {
    run_sql(std::string("UPDATE station_certificates SET ") + damage);
    OpenedStore opened = open_sqlite_store(path, fill);
    ASSERT_EQ(opened.error, "");
    Centre loaded(test_options());
    EXPECT_EQ(opened.store->load(loaded), "station_certificates cannot be read") << damage;
    opened.store.reset();
    run_sql(
        "UPDATE station_certificates SET key = zeroblob(32), next_key = x'', refused_key = x'', refused_utc_ms = 0");
  }
}

}  // namespace
}  // namespace cubby::aggregator::testing
