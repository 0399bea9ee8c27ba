// An operator changes a station's rules: at once, for good, and never to the harm of who is in the middle of something.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <set>

#include "firmware/base/digest.h"
#include "firmware/wire/codec/config_codec.h"
#include "unit/core/station_world.h"

namespace cubby::tests {
namespace {

using core::CompartmentState;

constexpr auto kDone = cubby_v1_CommandOutcome_COMMAND_OUTCOME_DONE;
constexpr auto kRefused = cubby_v1_CommandOutcome_COMMAND_OUTCOME_REFUSED;
constexpr auto kBadInput = cubby_v1_CommandRefusal_COMMAND_REFUSAL_BAD_INPUT;
constexpr auto kNotNewer = cubby_v1_CommandRefusal_COMMAND_REFUSAL_NOT_NEWER;
constexpr auto kNoRefusal = cubby_v1_CommandRefusal_COMMAND_REFUSAL_UNSPECIFIED;

/// As StationWorld's file has them, but for the version.
cubby_v1_StationRules rules_of(std::uint32_t version, std::uint32_t retention_h = 48) {
  cubby_v1_StationRules rules = cubby_v1_StationRules_init_zero;
  rules.version = version;
  rules.utc_offset_min = 480;
  rules.retention_h = retention_h;
  rules.upsizing_steps = 1;
  rules.response_deadline_s = 90;
  return rules;
}

cubby_v1_BrandConfig brand(const char* carrier, std::uint8_t share_percent, std::uint32_t retention_h = 0,
                           std::uint8_t guaranteed_percent = 0) {
  cubby_v1_BrandConfig brand = cubby_v1_BrandConfig_init_zero;
  std::strcpy(brand.carrier, carrier);
  brand.share_percent = share_percent;
  brand.retention_h = retention_h;
  brand.guaranteed_percent = guaranteed_percent;
  return brand;
}

cubby_v1_Command command_of(const StationWorld& world, unsigned char id, std::int64_t life_ms = 30'000) {
  cubby_v1_Command command = cubby_v1_Command_init_zero;
  std::memset(command.id, id, sizeof(command.id));
  command.expires_utc_ms = static_cast<std::uint64_t>(static_cast<std::int64_t>(world.utc_ms()) + life_ms);
  command.which_body = cubby_v1_Command_configure_tag;
  return command;
}

std::vector<std::byte> encoded(const cubby_v1_StationRules& rules) {
  std::vector<std::byte> bytes(limits::kFrameDownMax);
  const auto size = wire::encode_rules(rules, bytes);
  bytes.resize(size.value());
  return bytes;
}

void configure(StationWorld& world, const cubby_v1_StationRules& rules, unsigned char id = 1) {
  world.command(command_of(world, id), encoded(rules));
}

void expect_result(const StationWorld& world, unsigned char id, cubby_v1_CommandOutcome outcome,
                   cubby_v1_CommandRefusal refusal = kNoRefusal) {
  const auto all = world.events(cubby_v1_Event_command_result_tag);
  ASSERT_FALSE(all.empty());
  const auto& result = all.back().body.command_result;
  EXPECT_EQ(result.command_id[0], id);
  EXPECT_EQ(result.outcome, outcome);
  EXPECT_EQ(result.refusal, refusal);
}

const cubby_v1_StationConfig& config_of(const StationWorld& world) {
  return world.controller().configuration().config();
}

/// What Hello, ConfigApplied and the state say of the configuration in force is the same.
void expect_told(const StationWorld& world) {
  std::vector<std::byte> bytes(limits::kConfigBytesMax);
  const auto size = wire::encode_config(config_of(world), bytes);
  const std::array<Bytes, 1> parts{Bytes(bytes).first(size.value())};
  const auto digest = sha256(parts);
  const auto& hash = world.controller().configuration().hash();
  EXPECT_TRUE(std::equal(hash.begin(), hash.end(), digest.begin()));
  EXPECT_EQ(world.controller().state().config_hash(), hash);
}

/// Time that the station is powered, without a look at every poll.
void wait(StationWorld& world, std::int64_t hours) {
  world.set_skip_idle_polls(true);
  world.advance(Duration::hours(hours));
}

TEST(Configure, TurnsASecondOneDownWhileTheFirstWaitsForTheBoards) {
  StationWorld world({.doors = std::vector<cubby_v1_Size>(limits::kCompartmentsMax, cubby_v1_Size_SIZE_S)});
  auto file = world.config_file();
  for (std::size_t i = 0; i < file.boards_count; ++i) {
    file.boards[i].address = static_cast<std::uint8_t>(100 + i);  // Nobody's.
  }
  world.bring_config(file);
  world.power_cycle();
  ASSERT_FALSE(world.controller().doors().started());
  configure(world, rules_of(2, 24), 1);
  configure(world, rules_of(3, 36), 2);
  configure(world, rules_of(2, 24), 1);  // The first again is no other.
  world.advance_seconds(20);
  const auto results = world.events(cubby_v1_Event_command_result_tag);
  ASSERT_EQ(results.size(), 2U);
  EXPECT_EQ(results[0].body.command_result.command_id[0], 2);
  EXPECT_EQ(results[0].body.command_result.refusal, cubby_v1_CommandRefusal_COMMAND_REFUSAL_BUSY);
  expect_result(world, 1, kDone);
  EXPECT_EQ(config_of(world).retention_h, 24U);
}

TEST(Configure, PutsNewRulesIntoForceAtOnceAndTellsTheCentre) {
  StationWorld world({.retention_h = 48});
  const auto before = world.events().size();
  auto rules = rules_of(2, 24);
  rules.brands_count = 1;
  rules.brands[0] = brand("sf", 50);
  rules.upsizing_steps = 0;
  rules.report_interval_s = 3'600;
  rules.language = cubby_v1_PanelLanguage_PANEL_LANGUAGE_CHINESE;
  rules.utc_offset_min = -60;
  configure(world, rules);
  expect_result(world, 1, kDone);
  ASSERT_EQ(world.events().size(), before + 3);  // The centre sees the rules before the result.
  EXPECT_EQ(world.events()[before].which_body, cubby_v1_Event_config_applied_tag);
  EXPECT_EQ(world.events()[before + 1].which_body, cubby_v1_Event_snapshot_tag);
  EXPECT_EQ(world.events()[before + 1].body.snapshot.states.size, 4);
  expect_told(world);

  // What was journalled is the whole configuration: the cabinet as it was, with the new rules.
  std::vector<std::byte> event(limits::kEventBytesMax);
  Chain chain = 0;
  const auto& journal = world.controller().journal();
  const auto size = journal.read_event(journal.next_seq() - 3, event, chain);
  std::vector<std::byte> config(limits::kConfigBytesMax);
  config.resize(wire::encode_config(config_of(world), config).value());
  event.resize(size.value());
  EXPECT_NE(std::search(event.begin(), event.end(), config.begin(), config.end()), event.end());
  EXPECT_EQ(config_of(world).version, 2U);
  EXPECT_EQ(config_of(world).utc_offset_min, -60);
  EXPECT_STREQ(config_of(world).city, "Taiyuan");
  EXPECT_EQ(config_of(world).door_size_count, 4);
  EXPECT_EQ(config_of(world).lock_pulse_ms, 200U);

  EXPECT_EQ(world.language(), drivers::PanelLanguage::kChinese);
  EXPECT_NE(world.deposit('S', "P1"), 0U);
  EXPECT_NE(world.deposit('S', "P2"), 0U);
  EXPECT_EQ(world.deposit('M', "P3"), 0U);  // Half of four doors.
  wait(world, 25);
  EXPECT_EQ(world.state(1), CompartmentState::kOverdue);
}

TEST(Configure, LastsThroughAResetAndIsNotToldTwice) {
  StationWorld world;
  configure(world, rules_of(2, 5));
  const auto applied = world.events(cubby_v1_Event_config_applied_tag).size();
  world.power_cycle();
  EXPECT_EQ(config_of(world).version, 2U);
  EXPECT_EQ(config_of(world).retention_h, 5U);
  expect_told(world);
  EXPECT_EQ(world.events(cubby_v1_Event_config_applied_tag).size(), applied);
}

TEST(Configure, IsDoneOnceAndOnlyInTime) {
  StationWorld world;
  const auto command = command_of(world, 1);
  world.command(command, encoded(rules_of(2, 5)));
  world.command(command, encoded(rules_of(3, 6)));  // The same id: whatever it says.
  world.power_cycle();
  world.command(command, encoded(rules_of(3, 6)));
  EXPECT_EQ(config_of(world).version, 2U);
  EXPECT_EQ(world.events(cubby_v1_Event_command_result_tag).size(), 1U);

  world.command(command_of(world, 2, -5'100), encoded(rules_of(3)));
  expect_result(world, 2, cubby_v1_CommandOutcome_COMMAND_OUTCOME_EXPIRED);
  world.command(command_of(world, 3, 86'406'000), encoded(rules_of(3)));
  expect_result(world, 3, kRefused, cubby_v1_CommandRefusal_COMMAND_REFUSAL_LIFE);
  world.set_utc_ms(std::nullopt);
  world.command(command_of(world, 4), encoded(rules_of(3)));
  expect_result(world, 4, kRefused, cubby_v1_CommandRefusal_COMMAND_REFUSAL_NO_CLOCK);
  EXPECT_EQ(config_of(world).version, 2U);
}

TEST(Configure, RefusesRulesThatAreNotNewer) {
  StationWorld world;
  configure(world, rules_of(1, 5), 1);
  expect_result(world, 1, kRefused, kNotNewer);
  configure(world, rules_of(7, 6), 2);
  expect_result(world, 2, kDone);
  configure(world, rules_of(7, 7), 3);  // Somebody else's order, from the same beginning.
  expect_result(world, 3, kRefused, kNotNewer);
  configure(world, rules_of(6, 7), 4);
  expect_result(world, 4, kRefused, kNotNewer);
  EXPECT_EQ(config_of(world).retention_h, 6U);
}

TEST(Configure, RefusesRulesThatBreakABound) {
  StationWorld world;
  const auto hash = world.controller().configuration().hash();
  std::vector<cubby_v1_StationRules> bad(14, rules_of(2));
  bad[0].version = 0;
  bad[1].retention_h = 0;
  bad[2].retention_h = 721;
  bad[3].upsizing_steps = 4;
  bad[4].response_deadline_s = 9;
  bad[5].response_deadline_s = 3'601;
  bad[6].report_interval_s = 86'401;
  bad[7].utc_offset_min = -721;
  bad[8].utc_offset_min = 841;
  const auto with = [](cubby_v1_StationRules& rules, const cubby_v1_BrandConfig& one, const cubby_v1_BrandConfig& two) {
    rules.brands_count = 2;
    rules.brands[0] = one;
    rules.brands[1] = two;
  };
  with(bad[9], brand("sf", 101), brand("yt", 0));
  with(bad[10], brand("sf", 10), brand("sf", 10));
  with(bad[11], brand("sf", 0, 0, 60), brand("yt", 0, 0, 41));
  with(bad[12], brand("sf", 10, 0, 11), brand("yt", 0));
  with(bad[13], brand("SF", 10), brand("yt", 0));
  unsigned char id = 0;
  for (const auto& rules : bad) {
    configure(world, rules, ++id);
    expect_result(world, id, kRefused, kBadInput);
  }
  constexpr unsigned char kLanguage = 3;  // There are two.
  auto bytes = encoded(rules_of(2));
  bytes.insert(bytes.end(), {std::byte{0x88}, std::byte{0x01}, std::byte{kLanguage}});
  world.command(command_of(world, ++id), bytes);
  expect_result(world, id, kRefused, kBadInput);
  world.command(command_of(world, ++id), {});
  expect_result(world, id, kRefused, kBadInput);
  bytes.resize(bytes.size() - 1);  // In the middle of a field.
  world.command(command_of(world, ++id), bytes);
  expect_result(world, id, kRefused, kBadInput);
  EXPECT_EQ(world.controller().configuration().hash(), hash);
  EXPECT_TRUE(world.controller().state().rules().empty());
}

TEST(Configure, SaysSoWhenItDoesNotKnowARuleOrIsAskedToChangeTheCabinet) {
  StationWorld world;
  for (const unsigned field : {2U, 6U, 15U, 16U, 100U}) {
    auto bytes = encoded(rules_of(2));
    bytes.push_back(static_cast<std::byte>((field << 3 & 0x7F) | 0x80));
    bytes.push_back(static_cast<std::byte>(field >> 4));
    bytes.push_back(std::byte{1});
    world.command(command_of(world, static_cast<unsigned char>(field)), bytes);
    expect_result(world, static_cast<unsigned char>(field), cubby_v1_CommandOutcome_COMMAND_OUTCOME_NOT_SUPPORTED);
  }
  EXPECT_EQ(config_of(world).version, 1U);
}

TEST(Configure, NeverShortensTheTermOfWhatIsInside) {
  StationWorld world({.retention_h = 10});
  const auto inside = world.deposit('S', "P1");
  configure(world, rules_of(2, 4), 1);
  const auto later = world.deposit('S', "P2");
  world.power_cycle();
  wait(world, 5);
  EXPECT_EQ(world.state(inside), CompartmentState::kOccupied);
  EXPECT_EQ(world.state(later), CompartmentState::kOverdue);
  wait(world, 4);
  EXPECT_EQ(world.state(inside), CompartmentState::kOccupied);
  wait(world, 2);
  EXPECT_EQ(world.state(inside), CompartmentState::kOverdue);
}

TEST(Configure, LengthensTheTermOfWhatIsInsideAndALaterChangeDoesNotTakeItBack) {
  StationWorld world({.retention_h = 4});
  const auto inside = world.deposit('S', "P1");
  configure(world, rules_of(2, 12), 1);  // Before a holiday.
  wait(world, 6);
  EXPECT_EQ(world.state(inside), CompartmentState::kOccupied);
  configure(world, rules_of(3, 4), 2);  // After it.
  auto brands = rules_of(4, 4);
  brands.brands_count = 1;
  brands.brands[0] = brand("sf", 0, 1);
  configure(world, brands, 3);
  expect_result(world, 3, kDone);
  world.power_cycle();
  wait(world, 5);
  EXPECT_EQ(world.state(inside), CompartmentState::kOccupied);
  wait(world, 2);
  EXPECT_EQ(world.state(inside), CompartmentState::kOverdue);
}

TEST(Configure, LeavesWhoStandsAtAnOpenDoorInPeace) {
  StationWorld world;
  const auto door = world.begin_deposit('S', "P1");
  ASSERT_NE(door, 0U);
  auto rules = rules_of(2);
  rules.language = cubby_v1_PanelLanguage_PANEL_LANGUAGE_CHINESE;
  rules.brands_count = 1;
  rules.brands[0] = brand("sf", 1);  // Of four doors: none.
  configure(world, rules);
  expect_result(world, 1, kDone);
  EXPECT_EQ(world.language(), drivers::PanelLanguage::kEnglish);
  EXPECT_EQ(world.state(door), CompartmentState::kLoading);
  world.shut(door);
  world.advance_seconds(2);
  EXPECT_EQ(world.state(door), CompartmentState::kOccupied);
  world.key('*');
  world.advance_seconds(1);
  EXPECT_EQ(world.language(), drivers::PanelLanguage::kChinese);
  EXPECT_EQ(world.deposit('S', "P2"), 0U);  // The share is used up.
  world.key('*');
  world.advance_seconds(1);
  world.enter_code(world.code_of(door));
  EXPECT_TRUE(world.is_open(door));
}

TEST(Configure, GivesWayToANewerFileAndGoesOnUnderAnOlderOne) {
  StationWorld world;
  configure(world, rules_of(5, 7));
  auto file = world.config_file();
  file.version = 4;  // Another cabinet, but made from older rules.
  file.door_size[0] = cubby_v1_Size_SIZE_L;
  world.bring_config(file);
  world.power_cycle();
  EXPECT_EQ(config_of(world).version, 5U);
  EXPECT_EQ(config_of(world).retention_h, 7U);
  EXPECT_EQ(config_of(world).door_size[0], cubby_v1_Size_SIZE_L);
  expect_told(world);
  for (const std::uint32_t version : {5U, 6U}) {
    file.version = version;
    file.retention_h = 30 + version;
    world.bring_config(file);
    world.power_cycle();
    EXPECT_EQ(config_of(world).retention_h, 30 + version);
    expect_told(world);
  }
  configure(world, rules_of(6, 8), 2);
  expect_result(world, 2, kRefused, kNotNewer);
  configure(world, rules_of(7, 8), 3);
  expect_result(world, 3, kDone);
}

TEST(Configure, TakesTheGreatestRulesInTheGreatestCabinet) {
  StationWorld world({.doors = std::vector<cubby_v1_Size>(limits::kCompartmentsMax, cubby_v1_Size_SIZE_S),
                      .heights_cm = std::vector<unsigned>(limits::kCompartmentsMax, 250)});
  auto file = world.config_file();
  std::memset(file.station, 'S', limits::kStationNameMax);
  std::memset(file.city, 'C', limits::kCityNameMax);
  file.lock_pulse_ms = 1'000;
  world.bring_config(file);
  world.power_cycle();
  auto rules = rules_of(UINT32_MAX, limits::kRetentionHoursMax);
  rules.utc_offset_min = -720;
  rules.report_interval_s = limits::kReportIntervalSMax;
  rules.response_deadline_s = limits::kResponseDeadlineSMax;
  rules.language = cubby_v1_PanelLanguage_PANEL_LANGUAGE_CHINESE;
  rules.brands_count = limits::kBrandsMax;
  for (std::size_t i = 0; i < limits::kBrandsMax; ++i) {
    const std::string carrier = "brand" + std::to_string(100 + i);
    rules.brands[i] = brand(carrier.c_str(), 100, limits::kRetentionHoursMax, 2);
  }
  const auto bytes = encoded(rules);
  EXPECT_LE(bytes.size(), limits::kRulesBytesMax);
  world.command(command_of(world, 1), bytes);
  expect_result(world, 1, kDone);
  for (unsigned char id = 2; id < 12; ++id) {
    world.power_cycle();
    ASSERT_EQ(config_of(world).brands_count, limits::kBrandsMax);
    EXPECT_EQ(config_of(world).brands[34].guaranteed_percent, 2);
    expect_told(world);
  }
}

TEST(Configure, IsRefusedWhenOnlyTheReserveOfTheJournalIsLeft) {
  StationWorld world({.sectors = 8});
  unsigned parcel = 0;
  while (world.controller().journal().room_for_deposits()) {
    const auto door = world.deposit('S', "P" + std::to_string(++parcel));
    ASSERT_NE(door, 0U);
    world.enter_code(world.code_of(door));
    world.shut(door);
    world.advance_seconds(3);
  }
  configure(world, rules_of(2));
  expect_result(world, 1, kRefused, cubby_v1_CommandRefusal_COMMAND_REFUSAL_BUSY);
  EXPECT_EQ(config_of(world).version, 1U);
}

TEST(Configure, OutlivesTheEventThatToldIt) {
  StationWorld world({.retention_h = 100, .sectors = 8});
  const auto inside = world.deposit('L', "LONG");
  auto rules = rules_of(2, 2);
  rules.brands_count = 30;
  for (std::size_t i = 0; i < 30; ++i) {
    const std::string carrier = "brand" + std::to_string(100 + i);
    rules.brands[i] = brand(carrier.c_str(), 50);
  }
  configure(world, rules);
  expect_result(world, 1, kDone);
  const auto told = world.controller().journal().next_seq() - 3;
  for (unsigned parcel = 0; world.controller().journal().oldest_seq() <= told + 200; ++parcel) {
    ASSERT_LT(parcel, 2'000U);
    const auto door = world.deposit('S', "P" + std::to_string(parcel));
    ASSERT_NE(door, 0U);
    world.enter_code(world.code_of(door));
    world.shut(door);
    world.advance_seconds(3);
    world.acknowledge_all();
    if (parcel % 50 == 0) {
      world.power_cycle();
    }
  }
  world.power_cycle();
  EXPECT_EQ(config_of(world).version, 2U);
  EXPECT_EQ(config_of(world).brands_count, 30);
  EXPECT_STREQ(config_of(world).brands[29].carrier, "brand129");
  EXPECT_EQ(world.events(cubby_v1_Event_config_applied_tag).size(), 2U);
  EXPECT_EQ(world.controller().state().repairs(), 0U);
  expect_told(world);
  wait(world, 3);
  EXPECT_EQ(world.state(inside), CompartmentState::kOccupied);  // 100 hours were promised.
}

/// A power cut in each flash operation that a Configure does, then another in each operation of the boot after it.
TEST(Configure, IsWholeOrNotAtAllWhereverThePowerIsCut) {
  const auto prepare = [](StationWorld& world) {
    EXPECT_NE(world.deposit('S', "P1"), 0U);
    EXPECT_NE(world.deposit('S', "P2"), 0U);
  };
  StationWorld clean({.retention_h = 9});
  prepare(clean);
  const auto before = clean.flash().operations();
  configure(clean, rules_of(2, 3));
  const auto steps = clean.flash().operations() - before;
  ASSERT_GE(steps, 6U);  // Records, at least.
  std::set<std::uint32_t> versions;
  for (std::size_t step = 0; step <= steps; ++step) {
    for (const std::size_t boot_step : {std::size_t{0}, std::size_t{1}, std::size_t{3}, std::size_t{7}, SIZE_MAX}) {
      StationWorld world({.retention_h = 9});
      prepare(world);
      world.flash().fail_after(step, RamFlash::Done::kHalf);
      configure(world, rules_of(2, 3));
      const auto results = world.events(cubby_v1_Event_command_result_tag);
      const bool done = !results.empty() && results.back().body.command_result.outcome == kDone;
      world.flash().repair();
      if (boot_step != SIZE_MAX) {
        world.flash().fail_after(boot_step, RamFlash::Done::kHalf);
        world.power_cycle();
        world.flash().repair();
      }
      world.power_cycle();
      ASSERT_TRUE(world.controller().running());
      const auto version = config_of(world).version;
      versions.insert(version);
      EXPECT_TRUE(version == 2 || !done) << step;
      EXPECT_EQ(config_of(world).retention_h, version == 2 ? 3U : 9U);
      expect_told(world);
      // Somebody can always find out what became of it, and change the rules again.
      const auto all = world.events(cubby_v1_Event_command_result_tag);
      EXPECT_TRUE(all.size() == 1 || (all.empty() && version == 1)) << step;
      configure(world, rules_of(3, 2), 2);
      expect_result(world, 2, kDone);
      wait(world, 8);
      EXPECT_EQ(world.state(1), CompartmentState::kOccupied) << step;
      EXPECT_EQ(world.state(2), CompartmentState::kOccupied) << step;
      wait(world, 2);
      EXPECT_EQ(world.state(1), CompartmentState::kOverdue) << step;
    }
  }
  EXPECT_EQ(versions, (std::set<std::uint32_t>{1, 2}));
}

}  // namespace
}  // namespace cubby::tests
