#include "firmware/wire/session/uplink.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "firmware/base/digest.h"
#include "unit/wire/uplink_world.h"

namespace cubby::wire::test {
namespace {

using enum UplinkState;

TEST(Uplink, SaysWhoItIsAndProvesIt) {
  World world;
  world.events.append_many(5);
  world.events.mark = UplinkMark{.seq = 2, .chain = world.events.chain(2), .store_uid = {}, .generation = 7};
  world.connect();
  std::vector<cubby::v1::Up> sent = world.take();
  ASSERT_EQ(sent.size(), 1U);
  const cubby::v1::Hello hello = sent[0].hello();
  EXPECT_EQ(hello.protocol(), 1U);
  EXPECT_EQ(hello.station(), kStation);
  EXPECT_EQ(hello.journal_uid(), std::string(16, '\x11'));
  EXPECT_EQ(hello.boot(), 3U);
  EXPECT_EQ(hello.oldest_seq(), 1U);
  EXPECT_EQ(hello.next_seq(), 6U);
  EXPECT_EQ(hello.last_ack().seq(), 2U);
  EXPECT_EQ(hello.last_ack().chain(), world.events.chain(2));
  EXPECT_EQ(hello.last_ack().generation(), 7U);
  EXPECT_EQ(hello.config_version(), 4U);
  EXPECT_EQ(hello.nonce().size(), 16U);
  ASSERT_EQ(hello.capabilities_size(), 1);
  EXPECT_EQ(hello.capabilities(0), cubby::v1::CAPABILITY_COMMANDS);

  world.say(world.challenge());
  sent = world.take();
  ASSERT_EQ(sent.size(), 1U);
  const std::string text =
      "cubby uplink v1" + std::string(16, 'c') + hello.nonce() + hello.journal_uid() + std::string(kStation);
  const std::array<Bytes, 1> parts{as_bytes(text)};
  EXPECT_EQ(sent[0].proof().mac(), bytes_to_string(hmac_sha256(world.key, parts)));
}

TEST(Uplink, AnnouncesANewJournalWhenToldTo) {
  World world({.announce_new_journal = true});
  world.connect();
  EXPECT_EQ(world.take().at(0).hello().capabilities(0), cubby::v1::CAPABILITY_NEW_JOURNAL);
}

TEST(Uplink, SendsEverythingAndDiscardsNothingBeforeItsAck) {
  World world;
  world.events.append_many(10);
  world.open_session(0);
  EXPECT_EQ(world.uplink.state(), kStream);
  EXPECT_EQ(world.listener.times, std::vector<std::uint64_t>{1'780'000'000'000});
  EXPECT_EQ(events_in(world.take(), world.events), range(1, 10));
  EXPECT_FALSE(world.events.mark.has_value());
  world.say(world.ack(10));
  ASSERT_TRUE(world.events.mark.has_value());
  EXPECT_EQ(world.events.mark->seq, 10U);
  EXPECT_EQ(world.events.mark->generation, 1U);
  EXPECT_EQ(world.uplink.acknowledged_seq(), 10U);
  EXPECT_EQ(world.wake.deadline, Instant::max()) << "Nothing is awaited: no deadline stands.";
  world.events.append_many(1);
  world.tick();
  EXPECT_EQ(events_in(world.take(), world.events), range(11, 11));
  EXPECT_EQ(world.trace.states, (std::vector{kConnect, kHello, kProof, kStream}));
}

TEST(Uplink, TakesPartialAndRepeatedAcks) {
  World world;
  world.events.append_many(10);
  world.open_session(0);
  world.say(world.ack(4));
  EXPECT_EQ(world.uplink.acknowledged_seq(), 4U);
  world.say(world.ack(4));
  world.say(world.ack(2));  // Lower than what is known: ignored.
  EXPECT_EQ(world.uplink.acknowledged_seq(), 4U);
  EXPECT_EQ(world.events.acknowledged.size(), 1U);
  EXPECT_LT(world.wake.deadline, Instant::max()) << "Six events still await their Ack.";
  world.say(world.ack(10));
  EXPECT_EQ(world.uplink.acknowledged_seq(), 10U);
  EXPECT_EQ(world.uplink.state(), kStream);
}

TEST(Uplink, FillsFramesAndStaysWithinTheLimits) {
  World world;
  world.events.append_many(300, 100);
  world.open_session(0);
  const std::string stream = world.link.up;
  const std::vector<cubby::v1::Up> frames = world.take();
  EXPECT_EQ(events_in(frames, world.events), range(1, 300));
  EXPECT_LE(frames.size(), 8U) << "30,600 bytes of events in frames of 4 KiB.";
  for (const cubby::v1::Up& up : frames) {
    EXPECT_LE(up.ByteSizeLong(), 4096U);
  }
}

TEST(Uplink, SendsNoMoreEventsInABatchThanAllowed) {
  World world;
  world.events.append_many(20, 3);
  world.connect();
  world.say(world.challenge());
  world.take();
  cubby::v1::Down welcome = world.welcome(0);
  welcome.mutable_welcome()->set_batch_events_max(7);
  world.say(welcome);
  const std::vector<cubby::v1::Up> frames = world.take();
  ASSERT_EQ(frames.size(), 3U);
  EXPECT_EQ(frames[0].batch().events_size(), 7);
  EXPECT_EQ(events_in(frames, world.events), range(1, 20));
}

TEST(Uplink, SendsTheGreatestEvent) {
  World world;
  world.events.append(std::string(limits::kEventBytesMax, 'x'));
  world.events.append_many(1);
  world.open_session(0);
  EXPECT_EQ(events_in(world.take(), world.events), range(1, 2));
}

TEST(Uplink, HonoursTheWindow) {
  World world;
  world.events.append_many(10);
  world.open_session(0, 3);
  EXPECT_EQ(events_in(world.take(), world.events), range(1, 3));
  world.advance(Duration::seconds(10));
  EXPECT_TRUE(world.take().empty());
  world.say(world.ack(2, 4));
  EXPECT_EQ(events_in(world.take(), world.events), range(4, 6));
  world.say(world.ack(6, 1));
  EXPECT_EQ(events_in(world.take(), world.events), range(7, 7));
}

TEST(Uplink, ResendsFromTheMarkWhenAcksAreLost) {
  World world;
  world.events.append_many(10);
  world.open_session(0);
  world.say(world.ack(4));
  world.take();
  world.advance(Duration::seconds(89));
  EXPECT_EQ(world.uplink.state(), kStream);
  world.advance(Duration::seconds(2));
  EXPECT_EQ(world.uplink.state(), kOffline) << "Dead after the response deadline.";
  EXPECT_EQ(world.link.closes, 1);
  // The Ack of 5..7 was lost; the centre knows better than we do.
  world.open_session(7);
  EXPECT_EQ(world.events.mark->seq, 7U);
  EXPECT_EQ(events_in(world.take(), world.events), range(8, 10));
}

TEST(Uplink, SendsAgainWhatARestoredCentreHasLost) {
  World world;
  world.events.append_many(10);
  world.open_session(0);
  world.say(world.ack(10));
  world.link.drop();
  world.tick();
  world.generation = 2;
  world.open_session(6);
  EXPECT_EQ(world.events.mark->seq, 6U) << "What the centre lost must not be discarded.";
  EXPECT_EQ(world.events.mark->generation, 2U);
  EXPECT_EQ(events_in(world.take(), world.events), range(7, 10));
}

TEST(Uplink, BridgesWithAGapWhatIsNoLongerKept) {
  World world;
  world.listener.snapshot_into = &world.events;
  world.events.append_many(10);
  world.events.trim_to(8);
  world.open_session(3);
  std::vector<cubby::v1::Up> sent = world.take();
  ASSERT_GE(sent.size(), 2U);
  const cubby::v1::Gap gap = sent[0].gap();
  EXPECT_EQ(gap.from_seq(), 4U);
  EXPECT_EQ(gap.to_seq(), 7U);
  EXPECT_EQ(gap.cause(), cubby::v1::GAP_CAUSE_TRIMMED);
  EXPECT_EQ(gap.new_chain(), world.events.chain(7));
  EXPECT_EQ(world.listener.gaps, 1);
  sent.erase(sent.begin());
  EXPECT_EQ(events_in(sent, world.events), range(8, 11));
  world.say(world.ack(7));
  EXPECT_EQ(world.events.mark->seq, 7U);
  world.say(world.ack(11));
  EXPECT_EQ(world.uplink.acknowledged_seq(), 11U);
}

TEST(Uplink, DiscardsNothingMoreUntilARestoredCentreHasItAgain) {
  World world;
  world.events.append_many(10);
  world.open_session(0);
  world.say(world.ack(10));
  world.events.trim_to(6);
  world.link.drop();
  world.tick();
  world.generation = 2;
  world.open_session(2);
  EXPECT_TRUE(world.take().at(0).has_gap());
  ASSERT_TRUE(world.events.mark.has_value());
  EXPECT_EQ(world.events.mark->seq, 5U) << "6..10 are kept and the centre lacks them";
  EXPECT_EQ(world.events.mark->chain, world.events.chain(5));
  EXPECT_EQ(world.events.mark->generation, 1U) << "the restored centre has not taken the Gap yet";
  world.say(world.ack(5));
  EXPECT_EQ(world.events.mark->generation, 2U);
  world.say(world.ack(10));
  EXPECT_EQ(world.events.mark->seq, 10U);
}

TEST(Uplink, TellsAboutAGapOnceThoughTheFrameIsSentAgain) {
  World world;
  world.events.append_many(10);
  world.events.trim_to(8);
  world.open_session(3);
  world.link.drop();
  world.tick();
  world.open_session(3);
  EXPECT_TRUE(world.take().at(0).has_gap());
  EXPECT_EQ(world.listener.gaps, 1);
}

TEST(Uplink, StopsWhenTheCentreHoldsAnotherHistory) {
  World world;
  world.events.append_many(10);
  world.connect();
  world.say(world.challenge());
  cubby::v1::Down welcome = world.welcome(5);
  welcome.mutable_welcome()->set_high_water_chain(world.events.chain(5) + 1);
  world.say(welcome);
  EXPECT_EQ(world.uplink.state(), kConflict);
  const auto told = world.take();
  ASSERT_FALSE(told.empty());
  ASSERT_TRUE(told.back().has_diverged()) << told.back().ShortDebugString();
  EXPECT_EQ(told.back().diverged().seq(), 5U);
  EXPECT_EQ(told.back().diverged().chain(), world.events.chain(5));
  EXPECT_EQ(told.back().diverged().journal_uid(), bytes_to_string(world.events.uid()));
  EXPECT_EQ(world.link.state_now, hal::LinkState::kUp) << "What is told must have time to get there.";
  world.say(world.refuse(cubby::v1::REFUSE_CODE_CONFLICT, true));
  EXPECT_EQ(world.link.state_now, hal::LinkState::kDown);
  EXPECT_EQ(world.uplink.state(), kConflict);
  world.advance(Duration::minutes(59));
  EXPECT_EQ(world.link.connects, 1);
  world.connect();
  EXPECT_GE(world.now, Instant{} + Duration::minutes(60)) << "An hourly look whether a person has helped.";
}

TEST(Uplink, StopsWhenTheCentreIsAheadOfTheJournal) {
  for (const std::uint64_t high_water : {std::uint64_t{11}, UINT64_MAX}) {
    World world;
    world.events.append_many(10);
    world.open_session(high_water);
    EXPECT_EQ(world.uplink.state(), kConflict) << high_water;
    EXPECT_EQ(world.take().back().diverged().seq(), 10U) << "The journal's end.";
    world.advance(Duration::minutes(2));
    EXPECT_EQ(world.link.state_now, hal::LinkState::kDown) << "Nobody answers: not for ever.";
  }
  World fresh;
  fresh.open_session(1);
  EXPECT_EQ(fresh.uplink.state(), kConflict);
}

TEST(Uplink, NamesTheSessionThatItHadLastSinceItsBoot) {
  World world;
  world.connect();
  EXPECT_EQ(world.take().at(0).hello().previous_session(), 0U);
  world.say(world.challenge());
  cubby::v1::Down welcome = world.welcome(0);
  welcome.mutable_welcome()->set_session(77);
  world.say(welcome);
  world.link.drop();
  world.tick();
  world.take();
  world.connect();
  EXPECT_EQ(world.take().at(0).hello().previous_session(), 77U);
  world.link.drop();  // Without a Welcome: the last session stays the last.
  world.tick();
  world.connect();
  EXPECT_EQ(world.take().at(0).hello().previous_session(), 77U);
}

TEST(Uplink, StopsAtAnAckWhoseChainIsNotOurs) {
  World world;
  world.events.append_many(10);
  world.open_session(0);
  for (const std::uint64_t seq : {4U, 10U}) {
    SCOPED_TRACE(seq);
    cubby::v1::Down ack = world.ack(seq);
    ack.mutable_ack()->set_chain(ack.ack().chain() ^ 1);
    World other;
    other.events.append_many(10);
    other.open_session(0);
    other.events.trusting = true;  // The uplink must see it by itself.
    other.say(ack);
    EXPECT_EQ(other.uplink.state(), kConflict);
    EXPECT_TRUE(other.events.acknowledged.empty());
  }
  cubby::v1::Down beyond = world.ack(10);
  beyond.mutable_ack()->set_durable_seq(11);
  world.say(beyond);
  EXPECT_EQ(world.uplink.state(), kConflict);
  EXPECT_TRUE(world.events.acknowledged.empty());
}

TEST(Uplink, TakesAnAckOfWhatAnOlderSessionSent) {
  World world;
  world.events.append_many(10);
  world.open_session(0, 5);
  world.take();
  world.say(world.ack(8));
  EXPECT_EQ(world.uplink.acknowledged_seq(), 8U);
  EXPECT_EQ(events_in(world.take(), world.events), range(9, 10));
}

TEST(Uplink, KeepsStillWhilePaused) {
  World world;
  world.open_session(0);
  world.say(world.pause(120));
  EXPECT_EQ(world.uplink.state(), kPaused);
  world.events.append_many(3);
  world.advance(Duration::seconds(119));
  EXPECT_TRUE(world.take().empty());
  world.advance(Duration::seconds(1));
  EXPECT_EQ(events_in(world.take(), world.events), range(1, 3));
}

TEST(Uplink, WaitsForAnswersLongerWhenPaused) {
  World world;
  world.events.append_many(3);
  world.open_session(0);
  world.say(world.pause(600));
  world.advance(Duration::seconds(500));
  EXPECT_EQ(world.uplink.state(), kPaused);
  world.say(world.ack(3));
  EXPECT_EQ(world.uplink.acknowledged_seq(), 3U);
  EXPECT_EQ(world.uplink.state(), kPaused);
}

TEST(Uplink, ComesBackLaterWhenPausedBeforeItsSession) {
  World world;
  world.connect();
  world.say(world.pause(60));
  EXPECT_EQ(world.uplink.state(), kOffline);
  EXPECT_GE(world.wake.deadline - world.now, Duration::seconds(60));
  EXPECT_LE(world.wake.deadline - world.now, Duration::seconds(120));
}

TEST(Uplink, StopsWhenRefusedForGood) {
  World world;
  world.connect();
  world.say(world.refuse(cubby::v1::REFUSE_CODE_NEW_JOURNAL, true));
  EXPECT_EQ(world.uplink.state(), kConflict);
}

TEST(Uplink, ComesBackSoonerOrLaterAsTheRefusalSays) {
  World soon;
  soon.connect();
  soon.say(soon.refuse(cubby::v1::REFUSE_CODE_UNAVAILABLE, false));
  EXPECT_EQ(soon.uplink.state(), kOffline);
  EXPECT_LE(soon.wake.deadline - soon.now, Duration::seconds(2));
  // The second is of a protocol to come.
  for (const auto code : {cubby::v1::REFUSE_CODE_BAD_PROOF, static_cast<cubby::v1::RefuseCode>(99)}) {
    World late;
    late.connect();
    late.say(late.refuse(code, false));
    EXPECT_EQ(late.uplink.state(), kOffline);
    EXPECT_GE(late.wake.deadline - late.now, Duration::seconds(150));
    EXPECT_LE(late.wake.deadline - late.now, Duration::seconds(300));
  }
}

TEST(Uplink, HearsARefusalThatIsFollowedByTheEndOfTheLink) {
  World world;
  world.connect();
  world.link.down += frame_of(world.refuse(cubby::v1::REFUSE_CODE_CONFLICT, true));
  world.link.drop();
  world.tick();
  EXPECT_EQ(world.uplink.state(), kConflict);
}

TEST(Uplink, BacksOffLongerAndLongerButNeverBeyondTheBound) {
  World world;
  world.link.refuses = true;
  std::vector<Duration> longest(20);
  for (std::size_t attempt = 0; attempt < longest.size(); ++attempt) {
    world.now = world.wake.deadline;
    world.tick();
    ASSERT_EQ(world.uplink.state(), kOffline);
    const Duration wait = world.wake.deadline - world.now;
    EXPECT_GE(wait, Duration::seconds(1));
    EXPECT_LE(wait, std::min(Duration::seconds(300), Duration::seconds(1LL << (attempt + 1))));
  }
  EXPECT_EQ(world.link.connects, 20);
  // A Welcome makes it hopeful again.
  world.link.refuses = false;
  world.open_session(0);
  world.link.drop();
  world.tick();
  EXPECT_LE(world.wake.deadline - world.now, Duration::seconds(2));
}

TEST(Uplink, DoesNotComeBackInStepWithItsNeighbours) {
  std::vector<std::int64_t> waits;
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    World world({.seed = seed});
    world.open_session(0);
    world.link.drop();
    world.tick();
    waits.push_back((world.wake.deadline - world.now).us);
  }
  std::sort(waits.begin(), waits.end());
  EXPECT_EQ(std::unique(waits.begin(), waits.end()), waits.end());
  EXPECT_GT(waits.back() - waits.front(), Duration::milliseconds(800).us);
}

TEST(Uplink, GivesUpOnACentreThatNeverAnswers) {
  for (const int answers : {0, 1}) {
    World world({.policy = {.response_deadline = Duration::seconds(20)}});
    world.connect();
    if (answers == 1) {
      world.say(world.challenge());
    }
    EXPECT_EQ(world.wake.deadline, world.now + Duration::seconds(20));
    world.now = world.wake.deadline;
    world.tick();
    EXPECT_EQ(world.uplink.state(), kOffline) << answers;
  }
}

TEST(Uplink, GivesUpOnALinkThatNeverComesUp) {
  World world;
  world.link.answers_at_once = false;
  world.connect();
  EXPECT_EQ(world.uplink.state(), kConnect);
  world.now = world.wake.deadline;
  world.tick();
  EXPECT_EQ(world.uplink.state(), kOffline);
  EXPECT_EQ(world.link.closes, 1);
}

TEST(Uplink, NoticesAOneWayPartition) {
  World world;
  world.open_session(0);
  world.link.deaf = true;
  world.events.append_many(2);
  world.tick();
  EXPECT_TRUE(world.take().empty());
  world.advance(Duration::seconds(90));
  EXPECT_EQ(world.uplink.state(), kOffline);
  world.link.deaf = false;
  world.open_session(0);
  EXPECT_EQ(events_in(world.take(), world.events), range(1, 2));
}

TEST(Uplink, PingsAQuietLinkAndNoticesWhenItIsDead) {
  World world({.polls = true});
  world.open_session(0);
  world.advance(Duration::seconds(29));
  EXPECT_TRUE(world.take().empty());
  world.advance(Duration::seconds(1));
  ASSERT_EQ(world.take().size(), 1U);
  EXPECT_EQ(world.wake.deadline, Instant::max()) << "An idle poll, and so is its answer.";
  world.say(world.ack(0));
  world.advance(Duration::seconds(30));
  EXPECT_EQ(world.take().size(), 1U);
  world.advance(Duration::seconds(89));
  EXPECT_EQ(world.take().size(), 2U);
  EXPECT_EQ(world.uplink.state(), kStream);
  world.advance(Duration::seconds(1));
  EXPECT_EQ(world.uplink.state(), kOffline);
}

TEST(Uplink, LeavesNoTraceOfPingsThatWereSkipped) {
  World polled({.polls = true});
  World skipped({.polls = false});
  polled.open_session(0);
  skipped.open_session(0);
  int pings = 0;
  for (int second = 0; second < 600; ++second) {
    polled.advance(Duration::seconds(1));
    for (const cubby::v1::Up& up : polled.take()) {
      ASSERT_TRUE(up.has_ping());
      ++pings;
      polled.say(polled.ack(0));
    }
  }
  EXPECT_EQ(pings, 20);
  skipped.advance(polled.now - skipped.now + Duration::seconds(15));
  EXPECT_TRUE(skipped.take().empty()) << "A tick that comes late sends no ping in its place.";
  for (World* world : {&polled, &skipped}) {
    EXPECT_EQ(world->wake.deadline, Instant::max());
    world->events.append_many(1);
    world->tick();
    EXPECT_EQ(world->wake.deadline, world->now + Duration::seconds(90));
    EXPECT_EQ(events_in(world->take(), world->events), range(1, 1));
  }
  EXPECT_EQ(polled.trace.states, skipped.trace.states);
}

TEST(Uplink, ReportsAtMultiplesOfTheInterval) {
  World world({.policy = {.report_interval = Duration::minutes(60), .report_phase = Duration::minutes(7)}});
  world.events.append_many(2);
  world.open_session(0);
  EXPECT_EQ(events_in(world.take(), world.events), range(1, 2)) << "A new session tells all that is there.";
  world.say(world.ack(2));
  world.events.append_many(3);
  world.tick();
  EXPECT_TRUE(world.take().empty());
  EXPECT_EQ(world.wake.deadline, Instant{} + Duration::minutes(7));
  world.advance(Duration::minutes(7));
  EXPECT_EQ(events_in(world.take(), world.events), range(3, 5));
  world.say(world.ack(5));
  EXPECT_EQ(world.wake.deadline, Instant::max()) << "No event waits: no deadline either.";
  world.advance(Duration::minutes(180));
  world.events.append_many(1);
  world.tick();
  EXPECT_EQ(world.take().size(), 1U) << "Its time came while nothing was there to tell.";
  world.say(world.ack(6));
  world.events.append_many(1);
  world.tick();
  EXPECT_EQ(world.wake.deadline, Instant{} + Duration::minutes(247));
}

TEST(Uplink, FlushesWhatCannotWait) {
  World world({.policy = {.report_interval = Duration::minutes(60)}});
  world.open_session(0);
  world.events.append_many(2);
  world.tick();
  EXPECT_TRUE(world.take().empty());
  world.uplink.flush();
  world.tick();
  EXPECT_EQ(events_in(world.take(), world.events), range(1, 2));
  world.say(world.ack(2));
  world.events.append_many(1);
  world.tick();
  EXPECT_TRUE(world.take().empty()) << "A flush is for what was there.";
}

TEST(Uplink, KeepsAFrameThatTheLinkHadNoRoomFor) {
  World world;
  world.events.append_many(100, 100);
  world.connect();
  world.say(world.challenge());
  world.take();
  world.link.room = 5'000;
  world.say(world.welcome(0));
  EXPECT_EQ(world.link.sends_refused, 1);
  EXPECT_EQ(world.wake.deadline, world.now + Duration::milliseconds(100));
  const int reads = world.events.reads;
  world.advance(Duration::seconds(1));
  EXPECT_GT(world.link.sends_refused, 5);
  EXPECT_EQ(world.events.reads, reads) << "The frame is kept, not built again.";
  std::vector<cubby::v1::Up> frames = world.take();
  while (frames.size() < 10) {
    world.advance(Duration::milliseconds(100));
    const std::vector<cubby::v1::Up> more = world.take();
    if (more.empty()) {
      break;
    }
    frames.insert(frames.end(), more.begin(), more.end());
  }
  EXPECT_EQ(events_in(frames, world.events), range(1, 100));
}

TEST(Uplink, GivesUpOnALinkThatIsFullForEver) {
  World world;
  world.link.room = 10;
  world.connect();
  EXPECT_EQ(world.uplink.state(), kHello);
  world.advance(Duration::seconds(90));
  EXPECT_EQ(world.uplink.state(), kOffline);
}

}  // namespace
}  // namespace cubby::wire::test
