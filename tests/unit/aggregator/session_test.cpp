#include "unit/aggregator/test_station.h"

namespace cubby::aggregator::testing {
namespace {

using Verdict = ConnectionProtocol::Verdict;

struct Session : ::testing::Test {
  Centre centre{test_options()};
  TestConnection connection{centre};
  TestJournal journal{"SX-TY-0001"};

  /// Greets and commits; returns the Welcome.
  v1::Welcome welcome(TestConnection& on, std::uint32_t channel, const TestJournal& of, bool announce = false) {
    on.greet(channel, of, announce);
    centre.committed();
    return on.take_one().welcome();
  }
  v1::Ack send_and_commit(const v1::Up& up) {
    connection.send(1, up);
    EXPECT_TRUE(connection.take().empty()) << "nothing is promised before the commit";
    centre.committed();
    return connection.take_one().ack();
  }
};

TEST_F(Session, AcknowledgesABatchOnlyAfterTheCommit) {
  journal.open();
  const v1::Welcome greeted = welcome(connection, 1, journal);
  EXPECT_EQ(greeted.high_water(), 0U);
  EXPECT_EQ(greeted.high_water_chain(), journal.chain(0));
  EXPECT_EQ(greeted.batch_events_max(), limits::kBatchEventsMax);
  EXPECT_EQ(greeted.utc_ms(), kNoonUtcMs);

  const v1::Ack ack = send_and_commit(journal.batch(1, 3));
  EXPECT_EQ(ack.durable_seq(), 3U);
  EXPECT_EQ(ack.chain(), journal.chain(3));
  EXPECT_EQ(ack.journal_uid(), std::string(16, '\1'));
  EXPECT_EQ(ack.window(), limits::kWindowMax);
}

TEST_F(Session, AnswersARepeatedBatchWithTheMarkAndCountsNothingTwice) {
  journal.open();
  journal.deposit(1);
  welcome(connection, 1, journal);
  send_and_commit(journal.batch(1, 4));
  connection.send(1, journal.batch(1, 4));
  EXPECT_EQ(connection.take_one().ack().durable_seq(), 4U);
  connection.send(1, journal.batch(4, 4));
  EXPECT_EQ(connection.take_one().ack().durable_seq(), 4U);
  EXPECT_TRUE(centre.changes().empty());
  EXPECT_EQ(centre.counters().events, 4U);
}

TEST_F(Session, TakesOnlyTheNewPartOfAnOverlapThatIsSplitDifferently) {
  journal.open();
  for (std::uint32_t door = 1; door <= 6; ++door) {
    journal.deposit(door);
  }
  welcome(connection, 1, journal);
  send_and_commit(journal.batch(1, 5));
  EXPECT_EQ(send_and_commit(journal.batch(3, 8)).durable_seq(), 8U);
  EXPECT_EQ(send_and_commit(journal.batch(2, 9)).durable_seq(), 9U);
  EXPECT_EQ(centre.counters().events, 9U);
}

TEST_F(Session, ComparesADuplicateInsideThePendingTransactionByItsChain) {
  journal.open();
  for (std::uint32_t door = 1; door <= 5; ++door) {
    journal.deposit(door);
  }
  welcome(connection, 1, journal);
  connection.send(1, journal.batch(1, 4));
  connection.send(1, journal.batch(5, 8));
  connection.send(1, journal.batch(2, 3));
  centre.committed();
  EXPECT_EQ(connection.take().size(), 3U);
  EXPECT_EQ(centre.counters().events, 8U);
  EXPECT_EQ(centre.counters().conflicts, 0U);
}

TEST_F(Session, RefusesABatchThatBeginsAfterTheMark) {
  journal.open();
  journal.deposit(1);
  welcome(connection, 1, journal);
  connection.send(1, journal.batch(2, 4));
  const v1::Down down = connection.take_one();
  EXPECT_EQ(down.refuse().code(), v1::REFUSE_CODE_SEQUENCE);
  EXPECT_FALSE(down.refuse().permanent());
  EXPECT_TRUE(centre.changes().batches.empty());
}

TEST_F(Session, RefusesAnotherHistoryAsAConflict) {
  journal.open();
  journal.deposit(1);
  TestJournal clone("SX-TY-0001");
  clone.open();
  clone.deposit(2);
  clone.deposit(3);
  welcome(connection, 1, journal);
  send_and_commit(journal.batch(1, 4));
  connection.send(1, clone.batch(4, 5));
  const v1::Down down = connection.take_one();
  EXPECT_EQ(down.refuse().code(), v1::REFUSE_CODE_CONFLICT);
  EXPECT_TRUE(down.refuse().permanent());
  EXPECT_EQ(centre.counters().events, 4U);
}

TEST_F(Session, RefusesAJournalThatEndsBeforeTheMark) {
  journal.open();
  journal.deposit(1);
  welcome(connection, 1, journal);
  send_and_commit(journal.batch(1, 4));
  TestJournal rolled_back("SX-TY-0001");
  rolled_back.open();
  connection.greet(1, rolled_back);
  EXPECT_EQ(connection.take_refusal(), v1::REFUSE_CODE_CONFLICT);
}

TEST(ForgottenAck, OfTheSameGenerationIsToldAndTheStationIsServed) {
  struct Case {
    const char* what;
    std::uint64_t generation, seq;
    char store;
    int told;
  };
  // The centre: generation 5, a mark of 4.
  for (const Case& of : {Case{"an older copy was put back", 5, 5, '\1', 1}, Case{"no less is known", 5, 4, '\1', 0},
                         Case{"a restore says so itself", 4, 6, '\1', 0},
                         Case{"a copy from before a restore", 6, 3, '\1', 1}, Case{"another store", 9, 6, '\2', 0}}) {
    CentreOptions options = test_options();
    options.generation = 5;
    std::vector<std::string> told;
    options.on_forgotten_ack = [&told](const std::string& station, std::uint64_t acked, std::uint64_t mark) {
      told.push_back(station + " " + std::to_string(acked) + " " + std::to_string(mark));
    };
    Centre centre(std::move(options));
    TestJournal journal("SX-TY-0001");
    journal.open();
    for (std::uint32_t door = 1; door <= 3; ++door) {
      journal.deposit(door);
    }
    TestConnection connection(centre);
    connection.greet(1, journal);
    connection.send(1, journal.batch(1, 4));
    centre.committed();
    connection.take();
    v1::Up hello = journal.hello();
    v1::Mark& mark = *hello.mutable_hello()->mutable_last_ack();
    mark.set_seq(of.seq);
    mark.set_chain(journal.chain(of.seq));
    mark.set_store_uid(std::string(16, of.store));
    mark.set_generation(of.generation);
    connection.send(1, hello);
    EXPECT_TRUE(told.empty()) << of.what << ": nothing is proven yet";
    connection.send(1, journal.proof(connection.take_one().challenge().nonce()));
    EXPECT_EQ(connection.take_one().welcome().high_water(), 4U) << of.what;
    EXPECT_EQ(told.size(), static_cast<std::size_t>(of.told)) << of.what;
    EXPECT_EQ(centre.counters().forgotten_acks, static_cast<std::uint64_t>(of.told)) << of.what;
    if (!told.empty()) {
      EXPECT_EQ(told.front(), "SX-TY-0001 " + std::to_string(of.seq) + " 4");
    }
  }
}

TEST_F(Session, RefusesABatchOfAnotherJournal) {
  journal.open();
  TestJournal foreign("SX-TY-0001", 2);
  foreign.open();
  welcome(connection, 1, journal);
  connection.send(1, foreign.batch(1, 3));
  EXPECT_EQ(connection.take_refusal(), v1::REFUSE_CODE_PROTOCOL);
}

TEST_F(Session, TakesAFreshJournalOnlyWhenItIsAnnouncedAndNeverAnOldOneAgain) {
  journal.open();
  welcome(connection, 1, journal);
  send_and_commit(journal.batch(1, 3));
  TestJournal fresh("SX-TY-0001", 2);
  fresh.open();
  connection.greet(1, fresh);
  EXPECT_EQ(connection.take_refusal(), v1::REFUSE_CODE_NEW_JOURNAL);
  EXPECT_EQ(welcome(connection, 1, fresh, true).high_water(), 0U);
  EXPECT_EQ(send_and_commit(fresh.batch(1, 3)).durable_seq(), 3U);
  connection.greet(1, journal, true);
  EXPECT_EQ(connection.take_refusal(), v1::REFUSE_CODE_CONFLICT);
}

TEST_F(Session, FencesTheOlderSessionOfAStation) {
  journal.open();
  const std::uint64_t first = welcome(connection, 1, journal).session();
  TestConnection newer(centre);
  const std::uint64_t second = welcome(newer, 5, journal).session();
  EXPECT_GT(second, first);
  EXPECT_EQ(connection.take_refusal(), v1::REFUSE_CODE_FENCED);
  connection.send(1, journal.batch(1, 3));
  EXPECT_TRUE(connection.take().empty()) << "what was on its way is dropped";
  newer.send(5, journal.batch(1, 3));
  centre.committed();
  EXPECT_EQ(newer.take_one().ack().durable_seq(), 3U);
  EXPECT_EQ(centre.counters().live_sessions, 1);
}

TEST_F(Session, AConnectionThatClosesLeavesTheNewerSessionAlone) {
  journal.open();
  auto older = std::make_unique<TestConnection>(centre);
  welcome(*older, 1, journal);
  welcome(connection, 1, journal);
  older.reset();
  EXPECT_EQ(send_and_commit(journal.batch(1, 3)).durable_seq(), 3U);
  EXPECT_EQ(centre.find("SX-TY-0001")->owner, &connection.protocol());
}

TEST_F(Session, RefusesAWrongProof) {
  connection.send(1, journal.hello());
  connection.take_one();
  v1::Up up;
  up.mutable_proof()->set_mac(std::string(32, 'x'));
  connection.send(1, up);
  EXPECT_EQ(connection.take_refusal(), v1::REFUSE_CODE_BAD_PROOF);
  EXPECT_EQ(centre.station_count(), 0U);
}

TEST_F(Session, RefusesRightMessagesInTheWrongState) {
  journal.open();
  connection.send(1, journal.batch(1, 3));
  EXPECT_EQ(connection.take_refusal(), v1::REFUSE_CODE_PROTOCOL) << "Batch before Hello";
  connection.send(2, journal.hello());
  connection.take_one();
  connection.send(2, journal.batch(1, 3));
  EXPECT_EQ(connection.take_refusal(), v1::REFUSE_CODE_PROTOCOL) << "Batch before Proof";
  welcome(connection, 3, journal);
  connection.send(3, journal.proof(std::string(16, '\t')));
  EXPECT_EQ(connection.take_refusal(), v1::REFUSE_CODE_PROTOCOL) << "Proof twice";
  connection.send(3, journal.batch(1, 3));
  EXPECT_TRUE(connection.take().empty()) << "silence until the next Hello";
  welcome(connection, 3, journal);
  EXPECT_EQ(centre.counters().events, 0U);
}

TEST_F(Session, RefusesHellosThatBreakARule) {
  const auto refusal_of = [this](const auto& change) {
    v1::Up up = journal.hello();
    change(*up.mutable_hello());
    connection.send(1, up);
    return connection.take_refusal();
  };
  EXPECT_EQ(refusal_of([](v1::Hello& hello) { hello.set_protocol(2); }), v1::REFUSE_CODE_VERSION);
  EXPECT_EQ(refusal_of([](v1::Hello& hello) { hello.set_station("no spaces"); }), v1::REFUSE_CODE_PROTOCOL);
  EXPECT_EQ(refusal_of([](v1::Hello& hello) { hello.set_station(""); }), v1::REFUSE_CODE_PROTOCOL);
  EXPECT_EQ(refusal_of([](v1::Hello& hello) { hello.set_station(std::string(33, 'A')); }), v1::REFUSE_CODE_PROTOCOL);
  EXPECT_EQ(refusal_of([](v1::Hello& hello) { hello.set_journal_uid("short"); }), v1::REFUSE_CODE_PROTOCOL);
  EXPECT_EQ(refusal_of([](v1::Hello& hello) { hello.set_next_seq(0); }), v1::REFUSE_CODE_PROTOCOL);
  EXPECT_EQ(refusal_of([](v1::Hello& hello) { hello.set_next_seq(UINT64_MAX); }), v1::REFUSE_CODE_PROTOCOL);
  EXPECT_EQ(refusal_of([](v1::Hello& hello) { hello.set_config_hash(std::string(2'000, 'x')); }),
            v1::REFUSE_CODE_LIMIT);
  EXPECT_EQ(refusal_of([](v1::Hello& hello) { hello.set_config_hash("9 bytes !"); }), v1::REFUSE_CODE_PROTOCOL);
  EXPECT_EQ(refusal_of([](v1::Hello& hello) { hello.mutable_last_ack()->set_store_uid("short"); }),
            v1::REFUSE_CODE_PROTOCOL);
  EXPECT_EQ(refusal_of([](v1::Hello& hello) { hello.set_key_version(65'536); }), v1::REFUSE_CODE_PROTOCOL);
  EXPECT_EQ(refusal_of([](v1::Hello& hello) {
              for (int i = 0; i < 5; ++i) {
                hello.add_capabilities(v1::CAPABILITY_COMMANDS);
              }
            }),
            v1::REFUSE_CODE_PROTOCOL);
}

TEST_F(Session, RefusesWhatIsBeyondTheBoundsOfItsFields) {
  journal.open();
  connection.send(1, journal.hello());
  connection.take_one();
  v1::Up proof;
  proof.mutable_proof()->set_mac(std::string(31, 'x'));
  connection.send(1, proof);
  EXPECT_EQ(connection.take_refusal(), v1::REFUSE_CODE_PROTOCOL) << "a mac of 31 bytes";
  const auto refusal_of = [this](const std::string& message) {
    welcome(connection, 1, journal);
    connection.send_bytes(1, message);
    return connection.take_refusal();
  };
  EXPECT_EQ(refusal_of("\x2A\x03\x08\x80\x02"), v1::REFUSE_CODE_PROTOCOL) << "an Alert of compartment 256";
  EXPECT_EQ(refusal_of("\x2A\x02\x08\x80"), v1::REFUSE_CODE_PROTOCOL) << "an Alert that ends too early";
  EXPECT_EQ(refusal_of("\x32\x02\x08\x80"), v1::REFUSE_CODE_PROTOCOL) << "a Ping that ends too early";
  welcome(connection, 1, journal);
  connection.send_bytes(1, "\x2A\x03\x08\xFF\x01");
  EXPECT_TRUE(connection.take().empty()) << "an Alert of compartment 255 is a hint without an answer";
}

TEST_F(Session, BooksAGapOnceAndGoesOnBehindIt) {
  journal.open();
  welcome(connection, 1, journal);
  send_and_commit(journal.batch(1, 3));
  const v1::Up gap = journal.lose(4);
  EXPECT_EQ(send_and_commit(gap).durable_seq(), 7U);
  connection.send(1, gap);
  EXPECT_EQ(connection.take_one().ack().durable_seq(), 7U);
  EXPECT_EQ(centre.counters().gaps, 1U);
  v1::Up part = gap;  // Within it no chain is known, so there is nothing to compare.
  part.mutable_gap()->set_to_seq(6);
  connection.send(1, part);
  EXPECT_EQ(connection.take_one().ack().durable_seq(), 7U);
  journal.deposit(1);
  EXPECT_EQ(send_and_commit(journal.batch(8, 8)).chain(), journal.chain(8));
}

// It was acknowledged whatever its chain said.
TEST_F(Session, FindsOutAGapOfAnotherHistoryAtOrBelowTheMark) {
  journal.open();
  for (const std::uint64_t to : {2U, 3U}) {
    Centre own(test_options());
    TestConnection link(own);
    link.greet(1, journal, false);
    link.take();
    link.send(1, journal.batch(1, 3));
    v1::Up gap;
    gap.mutable_gap()->set_journal_uid(std::string(16, '\1'));
    gap.mutable_gap()->set_from_seq(1);
    gap.mutable_gap()->set_to_seq(to);
    gap.mutable_gap()->set_new_chain(journal.chain(to));
    link.send(1, gap);
    EXPECT_TRUE(link.take().empty()) << "acknowledged when it is durable";
    gap.mutable_gap()->set_new_chain(journal.chain(to) + 1);
    link.send(1, gap);
    own.committed();
    const auto answers = link.take();
    ASSERT_FALSE(answers.empty());
    EXPECT_EQ(answers.back().down.refuse().code(), v1::REFUSE_CODE_CONFLICT) << to;
  }
}

TEST_F(Session, RefusesAGapThatBeginsAfterTheMarkOrRunsBackwards) {
  journal.open();
  welcome(connection, 1, journal);
  v1::Up gap;
  gap.mutable_gap()->set_journal_uid(std::string(16, '\1'));
  gap.mutable_gap()->set_from_seq(3);
  gap.mutable_gap()->set_to_seq(5);
  connection.send(1, gap);
  EXPECT_EQ(connection.take_refusal(), v1::REFUSE_CODE_SEQUENCE);
  welcome(connection, 1, journal);
  gap.mutable_gap()->set_from_seq(1);
  gap.mutable_gap()->set_to_seq(0);
  connection.send(1, gap);
  EXPECT_EQ(connection.take_refusal(), v1::REFUSE_CODE_PROTOCOL);
}

TEST_F(Session, AnswersAPingWithTheMark) {
  journal.open();
  welcome(connection, 1, journal);
  send_and_commit(journal.batch(1, 3));
  v1::Up ping;
  ping.mutable_ping();
  connection.send(1, ping);
  EXPECT_EQ(connection.take_one().ack().durable_seq(), 3U);
}

TEST_F(Session, EchoesABarrierAfterEverythingBeforeItIsDurable) {
  journal.open();
  v1::Up time;
  time.mutable_virtual_time()->set_utc_ms(kNoonUtcMs + 5);
  connection.send(0, time);
  EXPECT_TRUE(connection.take().empty()) << "only a barrier is echoed";
  EXPECT_EQ(welcome(connection, 1, journal).utc_ms(), kNoonUtcMs + 5);
  connection.send(1, journal.batch(1, 3));
  time.mutable_virtual_time()->set_utc_ms(kNoonUtcMs + 60'000);
  time.mutable_virtual_time()->set_barrier(true);
  connection.send(0, time);
  EXPECT_TRUE(connection.take().empty());
  EXPECT_TRUE(connection.protocol().waits_at_barrier());
  centre.committed();
  const auto all = connection.take();
  ASSERT_EQ(all.size(), 2U);
  EXPECT_TRUE(all[0].down.has_ack());
  EXPECT_EQ(all[1].channel, 0U);
  EXPECT_EQ(all[1].down.virtual_time().utc_ms(), kNoonUtcMs + 60'000);
  connection.send(0, time);
  EXPECT_TRUE(connection.take_one().has_virtual_time()) << "nothing pending: echoed at once";
}

TEST_F(Session, ClosesTheConnectionOnBrokenRulesOfTheConnectionItself) {
  v1::Up time;
  time.mutable_virtual_time()->set_utc_ms(kNoonUtcMs);
  TestConnection remote(centre, false);
  EXPECT_EQ(remote.send(0, time), Verdict::kClose);
  EXPECT_EQ(TestConnection(centre).send(0, journal.hello()), Verdict::kClose);
  EXPECT_EQ(TestConnection(centre).send_bytes(0, "\xFF\xFF\xFF"), Verdict::kClose);
  TestConnection babbler(centre);
  int frames = 0;
  while (babbler.send_bytes(1, "") == Verdict::kGoOn) {
    ASSERT_LT(++frames, 1'000) << "frames without a body are free of charge";
  }
}

// docs/spec/wire.md 1: whoever is newer may say more.
TEST_F(Session, PassesOverWhatANewerStationSays) {
  journal.open();
  const std::string unknown_kind("\xA2\x06\x00", 3);   // Field 100.
  const std::string unknown_field("\xA0\x06\x01", 3);  // The same as a number.
  const std::string ping("\x32\x00", 2);
  for (const std::string& message : {std::string(), unknown_kind, unknown_field}) {
    EXPECT_EQ(connection.send_bytes(1, message), Verdict::kGoOn);
    EXPECT_TRUE(connection.take().empty());
  }
  welcome(connection, 1, journal);
  for (const std::string& message : {std::string(), unknown_kind, unknown_field}) {
    EXPECT_EQ(connection.send_bytes(1, message), Verdict::kGoOn);
    EXPECT_TRUE(connection.take().empty());
  }
  for (const std::string& message : {ping + unknown_field, unknown_kind + ping}) {
    EXPECT_EQ(connection.send_bytes(1, message), Verdict::kGoOn);
    centre.committed();
    EXPECT_TRUE(connection.take_one().has_ack());
  }
}

// Another station behind the same concentrator goes on.
TEST_F(Session, EndsWithAMalformedMessageOnItsOwnChannel) {
  TestJournal other("SX-TY-0002", 2);
  journal.open();
  other.open();
  const std::string ping("\x32\x00", 2);
  for (const std::string& message : {std::string("\x0A\xFF", 2), std::string("\x1A\x05", 2), std::string("\x30\x01", 2),
                                     ping + ping, std::string("\xFF\xFF\xFF")}) {
    TestConnection link(centre);
    welcome(link, 1, journal);
    welcome(link, 70'000, other);
    EXPECT_EQ(link.send_bytes(1, message), Verdict::kGoOn);
    EXPECT_EQ(link.take_refusal(), v1::REFUSE_CODE_PROTOCOL);
    link.send_bytes(1, ping);
    link.send_bytes(70'000, ping);
    centre.committed();
    const auto answers = link.take();
    ASSERT_EQ(answers.size(), 1U) << "the one is silent after it was refused";
    EXPECT_EQ(answers[0].channel, 70'000U);
    EXPECT_TRUE(answers[0].down.has_ack());
  }
}

// A fleet's stations are not all at the same time, but each has its own.
TEST_F(Session, TakesVirtualTimeBackForAnotherChannelOnly) {
  journal.open();
  v1::Up time;
  time.mutable_virtual_time()->set_utc_ms(kNoonUtcMs);
  connection.send(0, time);
  welcome(connection, 1, journal);
  EXPECT_EQ(connection.send(1, journal.batch(1, 2)), Verdict::kGoOn);
  centre.committed();
  EXPECT_EQ(connection.take().size(), 1U);
  time.mutable_virtual_time()->set_utc_ms(kNoonUtcMs - 1);
  EXPECT_EQ(connection.send(0, time), Verdict::kGoOn);
  TestJournal other("SX-TY-0002");
  other.open();
  EXPECT_EQ(welcome(connection, 2, other).utc_ms(), kNoonUtcMs - 1);
  EXPECT_EQ(connection.send(2, other.batch(1, 1)), Verdict::kGoOn);
  EXPECT_EQ(connection.send(1, journal.batch(1, 2)), Verdict::kClose) << "time went back for channel 1";
}

TEST_F(Session, SurvivesEveryTruncationOfEveryMessage) {
  journal.open();
  journal.deposit(1);
  const std::vector<std::string> messages = {journal.hello().SerializeAsString(),
                                             journal.batch(1, 4).SerializeAsString(),
                                             journal.proof(std::string(16, '\t')).SerializeAsString()};
  for (const std::string& message : messages) {
    for (std::size_t size = 0; size < message.size(); ++size) {
      TestConnection cut(centre);
      cut.greet(1, journal);
      cut.send_bytes(1, message.substr(0, size));
    }
  }
  EXPECT_EQ(centre.counters().events, 0U);
}

TEST_F(Session, CountsTheEventsOfABatchBeforeItParsesThem) {
  CentreOptions options = test_options();
  options.budget = {.frames_a_second = 0, .bytes_a_second = 0};
  Centre own(options);
  TestConnection link(own);
  journal.open();
  link.greet(1, journal);
  own.committed();
  link.take();
  v1::Up up;
  v1::Batch& batch = *up.mutable_batch();
  batch.set_journal_uid(std::string(16, '\1'));
  batch.set_first_seq(1);
  batch.set_previous_chain(journal.chain(0));
  for (int i = 0; i < 1'000'000; ++i) {
    batch.add_events("");
  }
  EXPECT_EQ(link.send(1, up), Verdict::kGoOn);
  EXPECT_EQ(link.take_refusal(), v1::REFUSE_CODE_LIMIT);
  EXPECT_TRUE(own.changes().payload.empty());
}

TEST_F(Session, RefusesBatchesThatBreakARule) {
  journal.open();
  const auto refusal_of = [this](const auto& change) {
    welcome(connection, 1, journal);
    v1::Up up = journal.batch(1, 3);
    change(*up.mutable_batch());
    connection.send(1, up);
    return connection.take_refusal();
  };
  EXPECT_EQ(refusal_of([](v1::Batch& batch) { batch.clear_events(); }), v1::REFUSE_CODE_PROTOCOL);
  EXPECT_EQ(refusal_of([](v1::Batch& batch) { batch.set_first_seq(0); }), v1::REFUSE_CODE_PROTOCOL);
  EXPECT_EQ(refusal_of([](v1::Batch& batch) { batch.set_first_seq(UINT64_MAX); }), v1::REFUSE_CODE_PROTOCOL);
  EXPECT_EQ(refusal_of([](v1::Batch& batch) { batch.set_journal_uid(""); }), v1::REFUSE_CODE_PROTOCOL);
  EXPECT_EQ(refusal_of([](v1::Batch& batch) { batch.add_events(std::string(limits::kEventBytesMax + 1, 'x')); }),
            v1::REFUSE_CODE_LIMIT);
  EXPECT_EQ(refusal_of([](v1::Batch& batch) { batch.set_previous_chain(1); }), v1::REFUSE_CODE_CONFLICT);
}

TEST_F(Session, KeepsAnEventThatDoesNotParseAndCountsIt) {
  journal.open();
  journal.add_bytes("\xFF\xFF\xFF not an event");
  journal.add_bytes("");  // Parses, but says nothing.
  journal.deposit(1);
  welcome(connection, 1, journal);
  EXPECT_EQ(
      [&] {
        connection.send(1, journal.batch(1, 6));
        return centre.changes().events;
      }(),
      6U);
  const TableDelta& days = centre.changes().sums.of(Table::kStationDay);
  const auto sum_of = [&days](Column column) {
    std::int64_t sum = 0;
    for (std::size_t row = 0; row < days.size(); ++row) {
      sum += days.sum_at(row, column);
    }
    return sum;
  };
  EXPECT_EQ(sum_of(Column::kOpaqueEvents), 2);
  EXPECT_EQ(sum_of(Column::kDeposits), 1);
}

TEST_F(Session, HandsAnOrderToTheStationsSessionAndTellsItsDurableResult) {
  std::vector<std::string> told;
  CentreOptions options = test_options();
  options.on_command_result = [&](const v1::CommandResult& result) { told.push_back(result.command_id()); };
  Centre own(options);
  TestConnection link(own);
  v1::Command command;
  command.set_id(std::string(16, 'i'));
  command.mutable_open_door()->set_compartment(7);
  EXPECT_EQ(own.send_command("SX-TY-0001", command, kNoonUtcMs, 30'000), CommandSink::Sent::kUnknownStation);
  journal.open();
  link.greet(1, journal, false);
  own.committed();
  link.take();
  EXPECT_EQ(own.send_command("SX-TY-0001", command, kNoonUtcMs + 5, 30'000), CommandSink::Sent::kSent);
  const v1::Down down = link.take_one();
  EXPECT_EQ(down.command().open_door().compartment(), 7U);
  EXPECT_EQ(down.command().id(), command.id());
  EXPECT_EQ(down.command().expires_utc_ms(), kNoonUtcMs + 30'005);
  v1::Event event = journal.event();
  event.mutable_command_result()->set_command_id(command.id());
  event.mutable_command_result()->set_outcome(v1::COMMAND_OUTCOME_DONE);
  journal.add(event);
  link.send(1, journal.batch(1, 4));
  EXPECT_TRUE(told.empty()) << "told before it is durable";
  own.committed();
  EXPECT_EQ(told, std::vector<std::string>{command.id()});
  journal.takes_commands = false;
  TestConnection deaf(own);
  deaf.greet(1, journal, false);
  own.committed();
  deaf.take();
  EXPECT_EQ(own.send_command("SX-TY-0001", command, kNoonUtcMs, 30'000), CommandSink::Sent::kTakesNone);
  EXPECT_TRUE(deaf.take().empty());
}

}  // namespace
}  // namespace cubby::aggregator::testing
