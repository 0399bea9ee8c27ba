#include <gtest/gtest.h>

#include <algorithm>

#include "unit/wire/model_centre.h"

/// The uplink against a centre that keeps the rules, over a link that does not: whatever happens on the
/// way, every event arrives exactly once and in order.
namespace cubby::wire::test {
namespace {

class Storm {
 public:
  explicit Storm(std::uint64_t seed)
      : dice_(Prng(seed).child("storm")),
        world_({.policy = {.report_interval = dice_.chance(300'000) ? Duration::minutes(10) : Duration{},
                           .report_phase = Duration::seconds(static_cast<std::int64_t>(dice_.below(600))),
                           .response_deadline = Duration::seconds(60)},
                .seed = seed}),
        centre_(world_.key, world_.events.uid()) {
    world_.listener.snapshot_into = &world_.events;
    // Each seed has its own mixture: one class of faults in three is off.
    for (std::uint32_t* rate : {&drops_, &crashes_, &pauses_, &deafness_, &slow_}) {
      *rate = dice_.below(3) == 0 ? 0 : static_cast<std::uint32_t>(dice_.below(60'000));
    }
    centre_.window = dice_.chance(300'000) ? 1 + static_cast<std::uint32_t>(dice_.below(8)) : 2'000;
  }

  void run(int steps) {
    for (int i = 0; i < steps && !centre_.quarrel; ++i) {
      if (dice_.chance(150'000)) {
        world_.events.append_many(1 + dice_.below(12), 10 + dice_.below(400));
      }
      step();
      fault();
    }
  }

  /// No more faults; true when everything has arrived.
  bool heal() {
    world_.link.deaf = false;
    world_.link.room = SIZE_MAX;
    calm_ = true;
    for (int i = 0; i < 3'000 && !centre_.quarrel; ++i) {
      step();
      if (centre_.high_water() == world_.events.next_seq() - 1 &&
          world_.uplink.acknowledged_seq() == centre_.high_water()) {
        return true;
      }
    }
    return false;
  }

  World& world() { return world_; }
  ModelCentre& centre() { return centre_; }
  Prng& dice() { return dice_; }

 private:
  void step() {
    const Duration stride = Duration::milliseconds(static_cast<std::int64_t>(dice_.below(2'000)));
    world_.now = std::min(world_.now + stride, std::max(world_.now, world_.wake.deadline));
    if (world_.wake.deadline > world_.now + Duration::seconds(10) && world_.wake.deadline != Instant::max() &&
        world_.link.up.empty() && centre_.output.empty()) {
      world_.now = world_.wake.deadline;
    }
    const int connects = world_.link.connects;
    world_.tick();
    if (world_.link.connects != connects) {
      centre_.connected();
    }
    if (world_.link.state_now != hal::LinkState::kUp) {
      centre_.connected();
      return;
    }
    // Any number of bytes moves, so that the link may break at each of them.
    centre_.receive(take_some(world_.link.up));
    if (calm_ || dice_.chance(500'000)) {
      centre_.commit();
    }
    world_.link.down += take_some(centre_.output);
  }

  std::string take_some(std::string& from) {
    const std::size_t size = calm_ ? from.size() : dice_.below(from.size() + 1);
    const std::string taken = from.substr(0, size);
    from.erase(0, size);
    return taken;
  }

  void fault() {
    if (dice_.chance(drops_)) {
      world_.link.drop();
    }
    if (dice_.chance(crashes_)) {
      centre_.crash();
      world_.link.drop();
    }
    if (dice_.chance(pauses_)) {
      centre_.pause(static_cast<std::uint32_t>(dice_.below(30)));
    }
    if (dice_.chance(deafness_)) {
      world_.link.deaf = !world_.link.deaf;
      if (!world_.link.deaf) {
        world_.link.drop();  // Bytes are missing in mid-stream: no TCP would go on from here.
      }
    }
    if (dice_.chance(slow_)) {
      world_.link.room = dice_.chance(500'000) ? SIZE_MAX : 4'096 + dice_.below(4'096);
    }
  }

  Prng dice_;
  World world_;
  ModelCentre centre_;
  bool calm_ = false;
  std::uint32_t drops_ = 0;
  std::uint32_t crashes_ = 0;
  std::uint32_t pauses_ = 0;
  std::uint32_t deafness_ = 0;
  std::uint32_t slow_ = 0;
};

TEST(UplinkInAStorm, BringsEveryEventExactlyOnceAndInOrder) {
  std::uint64_t events = 0;
  std::uint64_t sessions = 0;
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Storm storm(seed);
    storm.run(1'500);
    ASSERT_TRUE(storm.heal()) << "high water " << storm.centre().high_water() << " of "
                              << storm.world().events.next_seq() - 1;
    storm.centre().expect_equal_to(storm.world().events);
    EXPECT_EQ(storm.centre().gap_events(), 0U);
    ASSERT_FALSE(testing::Test::HasFailure());
    events += storm.centre().high_water();
    sessions += static_cast<std::uint64_t>(storm.world().link.connects);
  }
  // The storm was one: otherwise this test would show nothing.
  EXPECT_GT(events, 100'000U);
  EXPECT_GT(sessions, 3'000U);
}

TEST(UplinkInAStorm, BooksAsAGapWhatARestoredCentreAsksForTooLate) {
  std::uint64_t lost = 0;
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Storm storm(seed);
    std::uint64_t trimmed = 0;
    for (int round = 0; round < 6; ++round) {
      storm.run(300);
      // The station discards what it may, the centre is put back to a time before.
      const std::optional<UplinkMark>& mark = storm.world().events.mark;
      if (mark.has_value() && mark->seq > trimmed) {
        trimmed = mark->seq - storm.dice().below(mark->seq - trimmed);
        storm.world().events.trim_to(trimmed + 1);
      }
      storm.centre().restore(storm.dice().below(storm.centre().high_water() + 1));
      storm.world().link.drop();
    }
    ASSERT_TRUE(storm.heal());
    storm.centre().expect_equal_to(storm.world().events);
    EXPECT_LE(storm.centre().gap_events(), trimmed);
    ASSERT_FALSE(testing::Test::HasFailure());
    lost += storm.centre().gap_events();
  }
  EXPECT_GT(lost, 1'000U);
}

TEST(UplinkInAStorm, SurvivesACutAtEveryByteOfASession) {
  // Bytes each way of a session without a cut, then one cut after each of them.
  std::size_t total = SIZE_MAX;
  for (std::size_t cut = 0; cut <= total; ++cut) {
    World world;
    world.events.append_many(12, 30);
    ModelCentre centre(world.key, world.events.uid());
    std::size_t moved = 0;
    bool was_cut = false;
    int connects = 0;
    for (int i = 0; i < 500 && world.uplink.acknowledged_seq() < 12; ++i) {
      world.now =
          world.link.state_now == hal::LinkState::kUp ? world.now + Duration::milliseconds(1) : world.wake.deadline;
      world.tick();
      if (world.link.connects != connects) {
        connects = world.link.connects;
        centre.connected();
      }
      for (std::string* from : {&world.link.up, &centre.output}) {
        const bool cut_here = !was_cut && moved + from->size() >= cut && total != SIZE_MAX;
        const std::size_t size = cut_here ? cut - moved : from->size();
        const std::string bytes = from->substr(0, size);
        moved += size;
        from->erase(0, size);
        if (from == &centre.output) {
          world.link.down += bytes;
        } else {
          centre.receive(bytes);
          centre.commit();
        }
        if (cut_here) {
          was_cut = true;
          world.link.drop();
          break;
        }
      }
    }
    ASSERT_EQ(world.uplink.acknowledged_seq(), 12U) << "cut after byte " << cut;
    centre.expect_equal_to(world.events);
    if (total == SIZE_MAX) {
      total = moved;
      cut = SIZE_MAX;  // Wraps round to 0: the first real cut.
    }
  }
  EXPECT_GT(total, 500U);
}

}  // namespace
}  // namespace cubby::wire::test
