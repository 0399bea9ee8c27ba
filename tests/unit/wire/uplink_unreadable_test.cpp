#include <gtest/gtest.h>

#include "unit/wire/uplink_world.h"

/// Events that rotted on flash between the boot and their turn: a station that nobody restarts has to pass them.
namespace cubby::wire::test {
namespace {

using enum UplinkState;

// Events 6 and 7 stand behind the place that went bad.
void spoil(World& world) {
  world.listener.snapshot_into = &world.events;
  world.events.append_many(10);
  world.events.unreadable = 6;
}

void expect_gap_and_the_rest(World& world, std::uint64_t from_seq) {
  std::vector<cubby::v1::Up> sent = world.take();
  ASSERT_FALSE(sent.empty());
  ASSERT_TRUE(sent[0].has_gap()) << sent[0].ShortDebugString();
  EXPECT_EQ(sent[0].gap().from_seq(), from_seq);
  EXPECT_EQ(sent[0].gap().to_seq(), 7U);
  EXPECT_EQ(sent[0].gap().new_chain(), world.events.chain(7));
  EXPECT_EQ(world.listener.gaps, 1);
  sent.erase(sent.begin());
  EXPECT_EQ(events_in(sent, world.events), range(8, 11));
  world.say(world.ack(11));
  EXPECT_EQ(world.uplink.acknowledged_seq(), 11U);
}

TEST(UnreadableEvent, IsTriedOnceMoreAndThenPassedWithAGap) {
  World world;
  spoil(world);
  world.open_session(0);
  EXPECT_EQ(events_in(world.take(), world.events), range(1, 5));
  EXPECT_EQ(world.uplink.state(), kStream) << "What is under way is acknowledged first.";
  world.say(world.ack(5));
  EXPECT_EQ(world.uplink.state(), kOffline);
  EXPECT_GE(world.wake.deadline - world.now, Duration::seconds(150)) << "It does not heal by calling again.";
  EXPECT_EQ(world.events.given_up, 0);

  world.open_session(5);
  EXPECT_EQ(world.uplink.state(), kOffline);
  EXPECT_EQ(world.events.given_up, 1);
  EXPECT_LT(world.wake.deadline - world.now, Duration::seconds(30)) << "There is nothing to wait for.";
  EXPECT_TRUE(events_in(world.take(), world.events).empty());

  world.open_session(5);
  expect_gap_and_the_rest(world, 6);
}

TEST(UnreadableEvent, ThatReadsWellTheNextTimeIsSent) {
  World world;
  spoil(world);
  world.open_session(5);
  EXPECT_EQ(world.uplink.state(), kOffline);
  world.events.unreadable = 0;
  world.open_session(5);
  EXPECT_EQ(events_in(world.take(), world.events), range(6, 10));
  EXPECT_EQ(world.events.given_up, 0);
  EXPECT_EQ(world.listener.gaps, 0);
}

// Hanging up throws away what the link still has: the events before a hole never arrived, and so on for ever.
TEST(UnreadableEvent, OfAHoleThatTheBootFoundComesAfterWhatIsBeforeIt) {
  World world;
  spoil(world);
  world.events.unreadable = 0;
  world.events.lost_from = 6;
  world.events.lost_to = 7;
  world.open_session(0);
  EXPECT_EQ(events_in(world.take(), world.events), range(1, 5));
  EXPECT_EQ(world.uplink.state(), kStream);
  world.say(world.ack(5));
  EXPECT_EQ(world.uplink.state(), kOffline);
  EXPECT_LT(world.wake.deadline - world.now, Duration::seconds(30));
  world.open_session(5);
  expect_gap_and_the_rest(world, 6);
}

TEST(UnreadableEvent, ThatWasReadSinceIsTriedAnew) {
  World world;
  spoil(world);
  world.open_session(5);
  world.events.unreadable = 0;
  world.open_session(5);
  EXPECT_EQ(events_in(world.take(), world.events), range(6, 10));
  world.link.drop();
  world.tick();
  world.events.unreadable = 6;
  world.open_session(5);
  EXPECT_EQ(world.events.given_up, 0);
  EXPECT_GE(world.wake.deadline - world.now, Duration::seconds(150));
}

TEST(UnreadableEvent, ThatRottedBetweenItsBatchAndItsAckIsNoConflict) {
  World world;
  spoil(world);
  world.events.unreadable = 0;
  world.open_session(0);
  world.events.mark_is_rotten = true;
  world.say(world.ack(10));
  EXPECT_EQ(world.uplink.state(), kOffline);
  EXPECT_LT(world.wake.deadline - world.now, Duration::seconds(30));
}

TEST(UnreadableEvent, ThatIsTheCentresLastOneIsPassedToo) {
  World world;
  spoil(world);
  world.open_session(6);  // Its chain is to be compared, and is not known any more.
  EXPECT_EQ(world.uplink.state(), kOffline);
  EXPECT_GE(world.wake.deadline - world.now, Duration::seconds(150));
  world.open_session(6);
  EXPECT_EQ(world.events.given_up, 1);
  world.open_session(6);
  expect_gap_and_the_rest(world, 7);
}

TEST(UnreadableEvent, ThatCannotBeGivenUpIsTriedSlowly) {
  World world;
  spoil(world);
  world.events.stuck = true;
  for (int session = 0; session < 3; ++session) {
    world.open_session(5);
    EXPECT_EQ(world.uplink.state(), kOffline);
    EXPECT_GE(world.wake.deadline - world.now, Duration::seconds(150)) << session;
  }
  EXPECT_EQ(world.events.given_up, 2);
}

}  // namespace
}  // namespace cubby::wire::test
