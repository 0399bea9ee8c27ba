// Flash that stops to take anything in the middle of what people do (F7), at each of its operations in turn.
#include <gtest/gtest.h>

#include <cstring>
#include <set>

#include "unit/core/station_world.h"

namespace cubby::tests {
namespace {

using core::CompartmentState;
using Done = RamFlash::Done;

constexpr unsigned kDoors = 5;

std::string to_text(Done done) {
  return done == Done::kNothing ? "not done" : done == Done::kHalf ? "half done" : "done";
}

/// A station and those who come to it. They go by the doors that they see, whatever the panel says, and what
/// is inside is the truth that the station's belief is held against.
class Street {
 public:
  Street()
      : world({.doors = std::vector<cubby_v1_Size>(kDoors, cubby_v1_Size_SIZE_S),
               .retention_h = 1,
               .skip_idle_polls = true}) {}

  void guess() {
    world.key('*');
    world.enter_code(world.wrong_code());
  }
  void courier_stores(std::string_view parcel) {
    world.key('*');
    (void)world.begin_deposit('S', parcel);
    world.advance_seconds(8);
    if (const auto door = open_door(); door != 0) {
      inside.insert(door);
      shut(door);
    }
  }
  void courier_changes_their_mind() {
    world.key('*');
    (void)world.begin_deposit('S', "NO");
    if (const auto door = open_door(); door != 0) {
      world.key('*');
      doubt_unless_told(door);
      shut(door);
    }
  }
  void courier_recalls() {
    world.key('*');
    world.scan(world.courier_pass());
    world.key('R');
    for (unsigned i = 0; i < kDoors; ++i) {
      world.advance_seconds(1);
      take_out_of(open_door());
    }
  }
  void recipient_collects(const std::string& code) {
    world.key('*');
    world.enter_code(code);
    take_out_of(open_door());
  }
  void recipient_refuses(const std::string& code) {
    world.key('*');
    world.enter_code(code);
    const auto door = open_door();
    world.key('N');
    doubt_unless_told(door);
    shut(door);
  }
  void technician_looks(unsigned door) {
    world.key('*');
    world.scan(world.technician_pass());
    world.keys("2" + std::to_string(door) + "#");
    world.advance_seconds(1);
    shut(open_door());
    world.key(inside.contains(door) ? '1' : '0');
    world.key('*');
  }
  void technician_repairs(unsigned door) {
    world.jam(door, false);
    world.key('*');
    world.scan(world.technician_pass());
    world.keys("5" + std::to_string(door) + "#3*");
  }
  void operator_reserves() {
    auto command = make(cubby_v1_Command_reserve_tag);
    auto& body = command.body.reserve;
    body.size = cubby_v1_Size_SIZE_S;
    std::strcpy(body.carrier, "sf");
    body.ttl_s = limits::kReservationLifeMinS;
    world.command(command);
  }
  void operator_opens(unsigned door) {
    auto command = make(cubby_v1_Command_open_door_tag);
    command.body.open_door.compartment = static_cast<std::uint8_t>(door);
    world.command(command);
    world.advance_seconds(2);
    shut(open_door());
  }
  void thief_pulls_at(unsigned door) {
    world.force(door);
    world.advance_seconds(3);
    shut(door);
  }

  std::string code() const {
    for (unsigned door = 1; door <= kDoors; ++door) {
      const auto& parcel = world.controller().state().compartment(static_cast<std::uint8_t>(door)).parcel;
      if (inside.contains(door) && parcel.counter != 0) {
        return world.code_of(door);
      }
    }
    return world.wrong_code();
  }
  unsigned open_door() const {
    for (unsigned door = 1; door <= kDoors; ++door) {
      if (world.is_open(door)) {
        return door;
      }
    }
    return 0;
  }
  std::uint32_t intents() const {
    std::uint32_t sum = 0;
    for (std::uint8_t door = 1; door <= kDoors; ++door) {
      sum += world.controller().state().compartment(door).wear;
    }
    return sum;
  }

  StationWorld world;
  std::set<unsigned> inside;
  unsigned in_doubt = 0;

 private:
  cubby_v1_Command make(pb_size_t which_body) {
    cubby_v1_Command command = cubby_v1_Command_init_zero;
    std::memset(command.id, ++commands_, sizeof(command.id));
    command.expires_utc_ms = world.utc_ms() + 30'000;
    command.which_body = which_body;
    return command;
  }
  /// Who says that the door was opened for nothing and is answered "out of service" does one thing or the
  /// other; nobody can know.
  void doubt_unless_told(unsigned door) {
    if (door != 0 && world.last_screen().screen != Screen::kPleaseShut) {
      in_doubt = door;
      inside.erase(door);
    }
  }
  void shut(unsigned door) {
    if (door != 0) {
      world.advance_seconds(2);
      world.shut(door);
    }
    world.advance_seconds(2);
  }
  void take_out_of(unsigned door) {
    inside.erase(door);
    shut(door);
  }
  unsigned char commands_ = 0;
};

using Step = void (*)(Street&);

/// One of everything that writes.
const std::vector<Step>& day() {
  static const std::vector<Step> steps{
      [](Street& street) { street.guess(); },
      [](Street& street) { street.courier_stores("P1"); },
      [](Street& street) { street.recipient_collects(street.code()); },
      [](Street& street) {
        street.world.jam(2);
        street.courier_stores("P2");
      },
      [](Street& street) { street.operator_reserves(); },
      [](Street& street) { street.recipient_refuses(street.code()); },
      [](Street& street) { street.courier_recalls(); },
      [](Street& street) { street.technician_repairs(2); },
      [](Street& street) { street.courier_changes_their_mind(); },
      [](Street& street) { street.courier_stores("P3"); },
      [](Street& street) { street.operator_opens(3); },
      [](Street& street) { street.world.advance(Duration::minutes(61)); },
      [](Street& street) { street.technician_looks(1); },
      [](Street& street) { street.courier_recalls(); },
      [](Street& street) { street.courier_stores("P4"); },
      [](Street& street) { street.thief_pulls_at(5); },
      [](Street& street) { street.recipient_collects(street.code()); },
  };
  return steps;
}

/// S1: the belief is the truth or says that it does not know. S2: every frame had a durable intent.
void expect_honest(const Street& street, const std::string& story) {
  for (unsigned door = 1; door <= kDoors; ++door) {
    const auto state = street.world.state(door);
    const bool full = state == CompartmentState::kOccupied || state == CompartmentState::kOverdue;
    const bool empty = core::in_allocation(state);
    if (door != street.in_doubt) {
      EXPECT_FALSE(street.inside.contains(door) ? empty : full)
          << story << ": door " << door << " is believed " << to_string(state);
    }
    EXPECT_TRUE(full || empty || state == CompartmentState::kDisputed || state == CompartmentState::kOutOfService)
        << story << ": door " << door << " is still " << to_string(state);
  }
  EXPECT_LE(street.world.openings(), street.intents()) << story;
}

void expect_serves(Street& street, const std::string& story) {
  auto& world = street.world;
  const auto door = world.deposit('S', "AFTER");
  ASSERT_NE(door, 0U) << story;
  world.enter_code(world.code_of(door));
  EXPECT_TRUE(world.is_open(door)) << story;
}

void run_day(std::size_t operations, Done done) {
  Street street;
  auto& world = street.world;
  world.flash().fail_after(operations, done);
  std::size_t step = 0;
  while (step < day().size() && !world.flash().failing()) {
    day()[step++](street);
  }
  const auto story =
      "operation " + std::to_string(operations) + ", " + to_text(done) + ", in step " + std::to_string(step);
  ASSERT_TRUE(world.flash().failing()) << story;
  EXPECT_LE(world.openings(), street.intents()) << story;
  const auto before = world.openings();
  world.key('1');
  EXPECT_EQ(world.last_screen().screen, Screen::kOutOfService) << story;
  street.recipient_collects(street.code());
  street.courier_stores("LATE");
  EXPECT_EQ(world.openings(), before) << story;

  world.flash().repair();
  world.power_cycle();
  ASSERT_TRUE(world.controller().running()) << story;
  world.advance_seconds(5);
  EXPECT_EQ(world.openings(), before) << story << ": pulsed by itself";
  EXPECT_EQ(world.controller().state().repairs(), 0U) << story;
  expect_honest(street, story);
  world.jam(2, false);
  expect_serves(street, story);
}

class FailingFlash : public testing::TestWithParam<Done> {};

TEST_P(FailingFlash, AtAnyMomentOfADayNothingIsBelievedThatIsNotSo) {
  Street clean;
  const auto begin = clean.world.flash().operations();
  for (const auto& step : day()) {
    step(clean);
  }
  const auto operations = clean.world.flash().operations() - begin;
  ASSERT_GT(operations, 60U);
  ASSERT_TRUE(clean.inside.empty());
  expect_honest(clean, "clean");
  for (std::size_t i = 0; i < operations; ++i) {
    run_day(i, GetParam());
  }
}

TEST_P(FailingFlash, NoVerdictIsShownThatIsNotCounted) {
  for (std::size_t operations = 0; operations < 12; ++operations) {
    StationWorld world;
    world.flash().fail_after(operations, GetParam());
    std::size_t told = 0;
    for (int i = 0; i < 5; ++i) {
      world.forget_screens();
      world.enter_code(world.wrong_code());
      told += world.showed(Screen::kWrongCode) || world.showed(Screen::kLockedOut) ? 1U : 0U;
    }
    world.flash().repair();
    world.power_cycle();
    const auto counted = world.controller().state().failures();
    EXPECT_GE(counted, told) << operations;
    EXPECT_LE(counted, told + (GetParam() == Done::kNothing ? 0U : 1U)) << operations;
  }
}

TEST_P(FailingFlash, ABootThatCannotBeWrittenDownOpensNothingAndTheNextOneGoesOn) {
  for (std::size_t operations = 0;; ++operations) {
    ASSERT_LT(operations, 100U);
    Street street;
    auto& world = street.world;
    street.courier_stores("P1");
    (void)world.begin_deposit('S', "P2");  // The door stands open while the power goes.
    const auto door = street.open_door();
    ASSERT_NE(door, 0U);
    street.inside.insert(door);
    const auto before = world.openings();
    world.flash().fail_after(operations, GetParam());
    world.power_cycle();
    if (!world.flash().failing()) {
      EXPECT_TRUE(world.controller().running());
      return;  // All operations of a boot were tried.
    }
    world.shut(door);
    world.advance_seconds(2);
    for (const char key : {'1', '#', '*'}) {
      world.forget_screens();
      world.key(key);
      EXPECT_EQ(world.last_screen().screen, Screen::kOutOfService) << operations << key;
    }
    world.scan(world.courier_pass());
    EXPECT_EQ(world.last_screen().screen, Screen::kOutOfService) << operations;
    EXPECT_EQ(world.openings(), before) << operations;
    world.flash().repair();
    world.power_cycle();
    ASSERT_TRUE(world.controller().running()) << operations;
    world.advance_seconds(5);
    expect_honest(street, "boot, operation " + std::to_string(operations));
    EXPECT_EQ(world.state(door), CompartmentState::kOccupied) << operations;
    EXPECT_EQ(world.openings(), before) << operations;
    world.key('*');
    expect_serves(street, "boot, operation " + std::to_string(operations));
  }
}

INSTANTIATE_TEST_SUITE_P(Operation, FailingFlash, testing::Values(Done::kNothing, Done::kHalf, Done::kAll),
                         [](const testing::TestParamInfo<Done>& param) {
                           return param.param == Done::kNothing ? "NotDone"
                                  : param.param == Done::kHalf  ? "HalfDone"
                                                                : "Done";
                         });

// Sectors wear out one after the other while people come and go: the centre is told, deposits end when the room
// does, and what is inside is still given out.
TEST(WornFlash, IsToldAndCostsNobodyAParcel) {
  Street street;
  auto& world = street.world;
  std::uint32_t told = 0;
  std::uint32_t spare = 100;
  for (std::uint32_t sector = 0; sector < 24; ++sector) {
    world.flash().wear_out(sector * 7 % 32);
    for (int i = 0; i < 90; ++i) {
      street.courier_stores("P" + std::to_string(i % 3));
      street.recipient_collects(street.code());
      world.acknowledge_all();
    }
    const auto events = world.events(cubby_v1_Event_flash_worn_tag);
    if (!events.empty()) {
      const auto& worn = events.back().body.flash_worn;
      EXPECT_GE(worn.retired, told);
      EXPECT_LE(worn.spare_percent, spare);
      told = worn.retired;
      spare = worn.spare_percent;
    }
    EXPECT_EQ(world.controller().journal().sectors_retired(), told) << sector;
    if (sector % 5 == 4) {
      const auto before = world.events(cubby_v1_Event_flash_worn_tag).size();
      world.power_cycle();
      ASSERT_TRUE(world.controller().running()) << sector;
      world.advance_seconds(5);
      const auto found = world.controller().journal().sectors_retired();  // The boot may meet one, too.
      EXPECT_GE(found, told) << sector;
      EXPECT_EQ(world.events(cubby_v1_Event_flash_worn_tag).size(), before + (found > told ? 1U : 0U))
          << "told once, sector " << sector;
      world.key('*');
    }
    expect_honest(street, "sector " + std::to_string(sector));
    if (HasFailure()) {
      return;
    }
  }
  EXPECT_GE(told, 18U);
  EXPECT_LE(spare, store::Journal::kSpareLow);
}

// Again and again: the journal's sectors are used up and reclaimed meanwhile, checkpoints fail like anything else.
TEST(FailingFlashAgainAndAgain, NothingIsBelievedThatIsNotSo) {
  Street street;
  auto& world = street.world;
  std::uint64_t seed = 20'261'125;
  const auto random = [&seed](std::uint64_t bound) {
    seed = seed * 6'364'136'223'846'793'005U + 1'442'695'040'888'963'407U;
    return static_cast<std::size_t>((seed >> 33) % bound);
  };
  for (int failure = 0; failure < 60; ++failure) {
    street.in_doubt = 0;
    world.acknowledge_all();
    world.flash().fail_after(random(60), static_cast<Done>(random(3)));
    for (int i = 0; i < 20 && !world.flash().failing(); ++i) {
      day()[random(day().size())](street);
    }
    world.flash().repair();
    world.power_cycle();
    ASSERT_TRUE(world.controller().running()) << failure;
    world.advance_seconds(5);
    ASSERT_EQ(world.controller().state().repairs(), 0U) << failure;
    expect_honest(street, "failure " + std::to_string(failure));
    if (HasFailure()) {
      return;
    }
    for (unsigned door = 1; door <= kDoors; ++door) {
      street.technician_repairs(door);
      street.technician_looks(door);
    }
  }
}

}  // namespace
}  // namespace cubby::tests
