// What drivers take for an answer, and what not.
#include <gtest/gtest.h>

#include <algorithm>

#include "unit/board_drivers/cases.h"

namespace cubby::drivers {
namespace {

const std::vector<std::byte> kGarbage = bytes_of("FA FD 99 99");

Answer taken_from(const Answered& answered, Bytes received) {
  return lock_board(answered.board.family).answer(answered.board, answered.request, answered.sent, received);
}

TEST(DriverAnswers, AreTakenForWhatTheySayUnderEverySetting) {
  std::size_t looked_at = 0;
  for (const auto family : kFamilies) {
    for (const auto& answered : answered_by(family)) {
      const auto answer = taken_from(answered, answered.answer);
      ASSERT_EQ(answer.what, answered.what) << answered;
      const bool reading = answered.request.kind == Request::Kind::kRead && answered.what == Exchange::kDone;
      // P2 answers an unlock with the status; nobody looks at the inputs of an unlock.
      if (reading) {
        ASSERT_EQ(answer.inputs, answered.told.inputs) << answered;
      }
      ++looked_at;
    }
  }
  EXPECT_GE(looked_at, 2'000U);
}

TEST(DriverAnswers, OfItemSensorsStandBehindTheLocksOfAP2Board) {
  auto board = default_settings(BoardFamily::kP2);
  for (const std::uint8_t channels : {std::uint8_t{12}, std::uint8_t{16}}) {
    board.channels = channels;
    EXPECT_EQ(lock_board(board.family).input_count(board), 2U * channels);
    const auto frame = tests::sealed(board.family, bytes_of("02 00 35 FF FF 01 08 03"));
    const auto answer = lock_board(board.family).answer(board, kRead, tests::request_frame(board, kRead), frame);
    const auto items = std::uint64_t{0x0801} << channels;
    EXPECT_EQ(answer.inputs, ((std::uint64_t{1} << channels) - 1) | items);
  }
}

TEST(DriverAnswers, AreWaitedForWhileAnyByteOfThemIsMissing) {
  std::size_t looked_at = 0;
  for (const auto family : kFamilies) {
    for (const auto& answered : answered_by(family)) {
      for (std::size_t size = 0; size < answered.answer.size(); ++size) {
        ASSERT_EQ(taken_from(answered, Bytes(answered.answer).first(size)).what, Exchange::kWaiting)
            << answered << " cut after " << size;
        ++looked_at;
      }
    }
  }
  EXPECT_GE(looked_at, 20'000U);
}

TEST(DriverAnswers, ThatComeByteByByteAreTakenAtTheirLast) {
  for (const auto family : kFamilies) {
    for (const auto& answered : answered_by(family)) {
      Exchanging world(answered.board);
      ASSERT_EQ(world.start(answered.request), Status::kOk);
      world.arrive(answered.answer);
      const auto last = world.bus.sent_until() + Duration::milliseconds(5) +
                        Duration{world.bus.byte_time_us() * static_cast<std::int64_t>(answered.answer.size())};
      ASSERT_EQ(world.finish(), answered.what) << answered;
      ASSERT_EQ(world.now, last) << answered;
      ASSERT_EQ(world.exchange.tick(world.now), Exchange::kNone) << "the outcome is told once";
    }
  }
}

TEST(DriverAnswers, ThatBreakOffAfterAnyByteEndAsUnknownInTime) {
  std::size_t looked_at = 0;
  for (const auto family : kFamilies) {
    for (const auto& answered : shapes_of(family)) {
      for (std::size_t size = 0; size < answered.answer.size(); ++size) {
        Exchanging world(answered.board);
        ASSERT_EQ(world.start(answered.request), Status::kOk);
        world.arrive(Bytes(answered.answer).first(size));
        ASSERT_EQ(world.finish(), Exchange::kUnknown) << answered << " broke off after " << size;
        ASSERT_EQ(world.now, world.give_up(answered.request));
        ASSERT_EQ(world.bus.sent().size(), 1U) << "nothing is sent again by itself";
        ++looked_at;
      }
    }
  }
  EXPECT_GE(looked_at, 200U);
}

TEST(DriverAnswers, AreNotWaitedForWhereTheBusTookNothing) {
  for (const auto family : kFamilies) {
    for (const auto& answered : shapes_of(family)) {
      for (const auto refusal : {Status::kNotSent, Status::kBusy}) {
        Exchanging world(answered.board);
        world.bus.refuse(refusal);
        EXPECT_EQ(world.start(answered.request), Status::kNotSent);
        world.bus.arrive(answered.answer, world.now);
        world.now = world.now + Duration::seconds(1);
        EXPECT_EQ(world.exchange.tick(world.now), Exchange::kNone);
        EXPECT_EQ(world.exchange.wake(), Instant::max());
        EXPECT_TRUE(world.bus.sent().empty());
      }
    }
  }
}

TEST(DriverAnswers, AreFoundBehindGarbage) {
  for (const auto family : kFamilies) {
    for (const auto& answered : answered_by(family)) {
      const auto answer = taken_from(answered, joined({kGarbage, answered.answer}));
      ASSERT_EQ(answer.what, answered.what) << answered;
      ASSERT_EQ(answer.at, kGarbage.size()) << answered;
      ASSERT_EQ(taken_from(answered, joined({kGarbage, Bytes(answered.answer).first(answered.answer.size() - 1)})).what,
                Exchange::kWaiting);
    }
  }
}

TEST(DriverAnswers, OfAnotherBoardAreNotTaken) {
  for (const auto family : kFamilies) {
    for (const auto& answered : answered_by(family)) {
      auto other = answered.board;
      other.address = static_cast<std::uint8_t>(other.address == 1 ? 2 : other.address - 1);
      const auto foreign = tests::answer_frame(other, answered.request, answered.told);
      ASSERT_EQ(taken_from(answered, foreign).what, Exchange::kWaiting) << answered << ": " << hex(foreign);
    }
  }
}

TEST(DriverAnswers, AboutAnotherLockAreNotTaken) {
  std::size_t looked_at = 0;
  for (const auto family : kFamilies) {
    for (const auto& answered : answered_by(family)) {
      // P2 tells the whole status, P6's form B and P5's exception do not say of which lock.
      const bool says_which =
          family != BoardFamily::kP2 && !answered.told.form_b && !(family == BoardFamily::kP5 && answered.told.refuses);
      if (answered.request.kind != Request::Kind::kUnlock || answered.board.channels < 2 || !says_which) {
        continue;
      }
      const auto other = unlock_of(answered.request.channel == 0 ? 1 : 0);
      const auto foreign = tests::answer_frame(answered.board, other, answered.told);
      ASSERT_EQ(taken_from(answered, foreign).what, Exchange::kWaiting) << answered << ": " << hex(foreign);
      ++looked_at;
    }
  }
  EXPECT_GE(looked_at, 500U);
}

TEST(DriverAnswers, ToAnotherRequestAreNotTaken) {
  std::size_t looked_at = 0;
  for (const auto family : kFamilies) {
    for (const auto& answered : answered_by(family)) {
      const bool unlock = answered.request.kind == Request::Kind::kUnlock;
      if (family == BoardFamily::kP2) {
        continue;  // Has one answer for everything: the next test.
      }
      const auto other = unlock ? kRead : unlock_of(0);
      const auto foreign = tests::answer_frame(answered.board, other, {.inputs = 1});
      ASSERT_EQ(taken_from(answered, foreign).what, Exchange::kWaiting) << answered << ": " << hex(foreign);
      ++looked_at;
    }
  }
  EXPECT_GE(looked_at, 1'000U);
}

TEST(DriverAnswers, OfP2WithAnotherCommandAreNotTaken) {
  const auto board = default_settings(BoardFamily::kP2);
  const auto sent = tests::request_frame(board, kRead);
  for (unsigned command = 0; command < 256; ++command) {
    auto body = bytes_of("02 00 35 FF FF 00 00 03");
    body[2] = static_cast<std::byte>(command);
    const auto answer = lock_board(board.family).answer(board, kRead, sent, tests::sealed(board.family, body));
    EXPECT_EQ(answer.what, command == 0x35 ? Exchange::kDone : Exchange::kWaiting) << command;
  }
}

TEST(DriverAnswers, ToAnEarlierRequestAreThrownAway) {
  for (const auto family : kFamilies) {
    for (const auto& answered : shapes_of(family)) {
      Exchanging world(answered.board);
      ASSERT_EQ(world.start(answered.request), Status::kOk);
      const auto gave_up = world.give_up(answered.request);
      ASSERT_EQ(world.finish(), Exchange::kUnknown);
      // It comes too late, and before the next request leaves.
      world.bus.arrive(answered.answer, gave_up);
      world.now = gave_up + Duration::milliseconds(100);
      ASSERT_EQ(world.start(answered.request), Status::kOk);
      ASSERT_EQ(world.finish(), Exchange::kUnknown) << answered;
    }
  }
}

TEST(DriverAnswers, AreWaitedForAsLongAsALateOneNeeds) {
  for (const auto family : {BoardFamily::kP1, BoardFamily::kP2, BoardFamily::kP6, BoardFamily::kP7}) {
    auto board = default_settings(family);
    board.unlock_reply = UnlockReply::kLate;
    board.unlock_reply_ms = 700;
    Exchanging world(board);
    ASSERT_EQ(world.start(unlock_of(0)), Status::kOk);
    // P7's come 50 ms sooner or later.
    world.arrive(tests::answer_frame(board, unlock_of(0), {}), Duration::milliseconds(750));
    EXPECT_EQ(world.finish(), Exchange::kDone) << describe(board);
  }
}

TEST(DriverAnswers, AreNobodysWhereABoardDoesNotAnswerUnlocks) {
  for (const auto family : {BoardFamily::kP1, BoardFamily::kP2, BoardFamily::kP6, BoardFamily::kP7}) {
    auto board = default_settings(family);
    board.unlock_reply = UnlockReply::kNone;
    Exchanging world(board);
    ASSERT_EQ(world.start(unlock_of(0)), Status::kOk);
    world.arrive(tests::answer_frame(board, unlock_of(0), {}));
    EXPECT_EQ(world.finish(), Exchange::kSent) << describe(board);
    EXPECT_EQ(world.now, world.give_up(unlock_of(0))) << "it is left alone until it listens again";
  }
}

TEST(DriverAnswers, ToSwitchingOutputsOffAreNotWaitedForOnP6AndUnheardOfElsewhere) {
  Exchanging world(default_settings(BoardFamily::kP6));
  ASSERT_EQ(world.start(kAllOff), Status::kOk);
  EXPECT_EQ(hex(world.bus.sent().front().bytes), "DC 02 01 1A 02 00 00 1D");
  EXPECT_EQ(world.finish(), Exchange::kSent);
  for (const auto family : {BoardFamily::kP1, BoardFamily::kP2, BoardFamily::kP7}) {
    Exchanging other(default_settings(family));
    EXPECT_EQ(other.start(kAllOff), Status::kNotSupported);
    EXPECT_TRUE(other.bus.sent().empty());
  }
}

// Echo ---------------------------------------------------------------------------------------------------------------

TEST(DriverEcho, ThatIsExpectedStandsBeforeTheAnswer) {
  for (const auto family : kFamilies) {
    for (const auto& answered : answered_by(family)) {
      Exchanging world(answered.board);
      world.exchange.expect_echo(true);
      ASSERT_EQ(world.start(answered.request), Status::kOk);
      world.bus.arrive(answered.sent, world.now);
      world.arrive(answered.answer);
      ASSERT_EQ(world.finish(), answered.what) << answered;
      if (answered.request.kind == Request::Kind::kRead && answered.what == Exchange::kDone) {
        ASSERT_EQ(world.exchange.inputs(), answered.told.inputs) << answered;
      }
    }
  }
}

TEST(DriverEcho, AloneIsNoAnswer) {
  for (const auto family : kFamilies) {
    for (const auto& answered : answered_by(family)) {
      Exchanging world(answered.board);
      world.exchange.expect_echo(true);
      ASSERT_EQ(world.start(answered.request), Status::kOk);
      world.bus.arrive(answered.sent, world.now);
      ASSERT_EQ(world.finish(), Exchange::kUnknown) << answered;
    }
  }
}

TEST(DriverEcho, ThatIsExpectedAndAbsentMakesTheAnswerUnknown) {
  for (const auto family : kFamilies) {
    for (const auto& answered : shapes_of(family)) {
      Exchanging world(answered.board);
      world.exchange.expect_echo(true);
      ASSERT_EQ(world.start(answered.request), Status::kOk);
      world.arrive(answered.answer);
      const bool is_echo = answered.answer == answered.sent;
      ASSERT_EQ(world.finish(), Exchange::kUnknown) << answered << (is_echo ? ": it is taken for the echo" : "");
    }
  }
}

TEST(DriverEcho, ThatIsNotExpectedKeepsAReadingFromBeingTaken) {
  for (const auto family : kFamilies) {
    for (const auto& answered : answered_by(family)) {
      if (answered.request.kind != Request::Kind::kRead) {
        continue;
      }
      Exchanging world(answered.board);
      ASSERT_EQ(world.start(answered.request), Status::kOk);
      world.bus.arrive(answered.sent, world.now);
      world.arrive(answered.answer);
      ASSERT_EQ(world.finish(), Exchange::kUnknown) << answered;
      ASSERT_EQ(world.now, world.give_up(answered.request));
    }
  }
}

// The bus_exchange fuzzer's first finding: the first answer behind the echo was dropped, and a second was taken.
TEST(DriverEcho, ThatIsNotExpectedKeepsEveryFurtherReadingFromBeingTaken) {
  for (const auto family : kFamilies) {
    for (const auto& answered : shapes_of(family)) {
      if (answered.request.kind != Request::Kind::kRead) {
        continue;
      }
      Exchanging world(answered.board);
      ASSERT_EQ(world.start(answered.request), Status::kOk);
      world.bus.arrive(answered.sent, world.now);
      world.bus.arrive(answered.answer, world.bus.sent_until());
      world.bus.arrive(answered.answer, world.bus.sent_until() + Duration::milliseconds(20));
      ASSERT_EQ(world.finish(), Exchange::kUnknown) << answered;
    }
  }
}

// Why a reading is not taken behind one: here nothing else would show that no board is there.
TEST(DriverEcho, ThatIsNotExpectedIsTheAnswerWhereBothAreTheSameBytes) {
  for (const auto family : {BoardFamily::kP1, BoardFamily::kP5}) {
    const auto board = default_settings(family);
    Exchanging world(board);
    ASSERT_EQ(world.start(unlock_of(0)), Status::kOk);
    world.bus.arrive(tests::request_frame(board, unlock_of(0)), world.now);
    EXPECT_EQ(world.finish(), Exchange::kDone) << describe(board);
    ASSERT_EQ(world.start(kRead), Status::kOk);
    world.bus.arrive(tests::request_frame(board, kRead), world.now);
    EXPECT_EQ(world.finish(), Exchange::kUnknown) << describe(board);
  }
}

TEST(DriverEcho, OfNoReadIsAnAnswerToIt) {
  for (const auto family : kFamilies) {
    for (const auto& board : boards_of(family)) {
      const auto sent = tests::request_frame(board, kRead);
      ASSERT_EQ(lock_board(family).answer(board, kRead, sent, sent).what, Exchange::kWaiting) << describe(board);
    }
  }
}

// Unsolicited frames -------------------------------------------------------------------------------------------------

struct News {
  BoardFamily family;
  std::string frame;
};
const std::vector<News> kNews{{BoardFamily::kP1, "82 01 01 11 93"},
                              {BoardFamily::kP1, "82 01 02 00 81"},
                              {BoardFamily::kP7, "57 4B 4C 59 0A 00 85 01 00 87"},
                              {BoardFamily::kP7, "57 4B 4C 59 0A 00 85 18 01 9F"}};

TEST(DriverNews, HaveChecksumsThatHold) {
  for (const auto& news : kNews) {
    EXPECT_TRUE(tests::checksum_holds(news.family, bytes_of(news.frame))) << news.frame;
  }
}

TEST(DriverNews, InFrontOfAnAnswerIsPassedOver) {
  for (const auto& news : kNews) {
    for (const auto& answered : answered_by(news.family)) {
      const auto frame = bytes_of(news.frame);
      ASSERT_EQ(taken_from(answered, frame).what, Exchange::kWaiting) << answered;
      const auto answer = taken_from(answered, joined({frame, answered.answer}));
      ASSERT_EQ(answer.what, answered.what) << answered;
      ASSERT_EQ(answer.at, frame.size());
    }
  }
}

TEST(DriverNews, BehindAnAnswerIsNotTakenForTheNext) {
  for (const auto& news : kNews) {
    for (const auto& answered : shapes_of(news.family)) {
      Exchanging world(answered.board);
      ASSERT_EQ(world.start(answered.request), Status::kOk);
      world.arrive(joined({answered.answer, bytes_of(news.frame)}));
      ASSERT_EQ(world.finish(), answered.what) << answered;
      world.now = world.now + Duration::milliseconds(100);
      ASSERT_EQ(world.start(answered.request), Status::kOk);
      ASSERT_EQ(world.finish(), Exchange::kUnknown) << answered;
    }
  }
}

TEST(DriverNews, ThatCutsAnAnswerInTwoSpoilsIt) {
  for (const auto& news : kNews) {
    for (const auto& answered : shapes_of(news.family)) {
      for (std::size_t cut = 1; cut < answered.answer.size(); ++cut) {
        const Bytes whole = answered.answer;
        const auto received = joined({whole.first(cut), bytes_of(news.frame), whole.subspan(cut)});
        const auto answer = taken_from(answered, received);
        const auto meaning = answer.what == Exchange::kWaiting ? std::nullopt
                                                               : tests::meaning_of(answered.board, answered.request,
                                                                                   Bytes(received).subspan(answer.at));
        ASSERT_EQ(answer.what != Exchange::kWaiting, meaning.has_value()) << answered << ": " << hex(received);
      }
    }
  }
}

// Refusals -----------------------------------------------------------------------------------------------------------

TEST(DriverRefusals, AreWhatAnExceptionOfAnyCodeSaysOnP5) {
  const auto board = default_settings(BoardFamily::kP5);
  for (unsigned code = 1; code < 256; ++code) {
    for (const auto request : {kRead, kAllOff, unlock_of(3)}) {
      auto body = bytes_of(request.kind == Request::Kind::kRead ? "01 82 00" : "01 85 00");
      body[2] = static_cast<std::byte>(code);
      Exchanging world(board);
      ASSERT_EQ(world.start(request), Status::kOk);
      world.arrive(tests::sealed(board.family, body));
      ASSERT_EQ(world.finish(), Exchange::kRefused) << code;
    }
  }
}

TEST(DriverRefusals, AreWhatTheResultFFSaysOnP7) {
  for (const auto& answered : answered_by(BoardFamily::kP7)) {
    if (answered.told.refuses) {
      Exchanging world(answered.board);
      ASSERT_EQ(world.start(answered.request), Status::kOk);
      world.arrive(answered.answer);
      ASSERT_EQ(world.finish(), Exchange::kRefused) << answered;
    }
  }
}

}  // namespace
}  // namespace cubby::drivers
