#include <bit>
#include <map>

#include "tools/aggregator/core/dwell_histogram.h"
#include "tools/aggregator/core/fold.h"
#include "unit/aggregator/test_station.h"

namespace cubby::aggregator::testing {
namespace {

constexpr std::uint64_t kSeed = 20'250'303;

struct World {
  Dictionary cities{key::kCitiesMax};
  Dictionary brands{key::kBrandsMax};
  StatisticsDelta sums;
  Fold fold{cities, brands, sums};
  StationFacts station{.id = 3, .city_id = 0, .utc_offset_min = 0, .config_version = 0, .config = {}, .levels = {}};

  /// Once.
  void apply(const TestJournal& journal) {
    for (const std::string& event : journal.events()) {
      fold.apply(station, as_bytes(event));
    }
    sums.add_days();
  }
  std::int64_t value(Table table, std::uint64_t row_key, Column column) const {
    const TableDelta& delta = sums.of(table);
    const std::size_t row = delta.find(row_key);
    return row == delta.size() ? 0 : delta.sum_at(row, column);
  }
  /// Of all days, and of none.
  std::int64_t of_station(Column column) const {
    const TableDelta& days = sums.of(Table::kStationDay);
    std::int64_t sum = 0;
    for (std::size_t row = 0; row < days.size(); ++row) {
      sum += value(Table::kStationDay, days.key_at(row), column);
    }
    return sum;
  }
};

v1::Event random_event(Prng& random, const TestJournal& journal) {
  // Over three days, so that buckets fill up, and some without a time.
  v1::Event event = journal.event(kNoonUtcMs + random.below(3 * 86'400'000));
  if (random.chance(50'000)) {
    event.clear_wall_ms();
  }
  static constexpr std::array<const char*, 3> kCarriers = {"sf", "jd", "zto"};
  const auto door = static_cast<std::uint32_t>(1 + random.below(10));
  const std::string carrier = kCarriers[random.below(3)];
  const auto size = static_cast<v1::Size>(1 + random.below(3));
  const auto attempts = static_cast<std::uint32_t>(1 + random.below(3));
  // Of stations with item sensors: what they say is at random, too.
  const auto item = static_cast<v1::ItemReading>(random.below(6) / 2);
  switch (random.below(13)) {
    case 0:
    case 1: {
      auto& body = *event.mutable_deposited();
      body.set_compartment(door);
      body.set_item(item);
      body.set_carrier(carrier);
      body.set_size(size);
      body.set_attempts(attempts);
      body.set_open_ms(static_cast<std::uint32_t>(random.below(60'000)));
      body.set_recipient_token(random.next());
      if (random.chance(300'000)) {
        body.set_code_counter(random.below(1'000));
      }
      if (random.chance(300'000)) {
        body.set_code_digits(static_cast<std::uint32_t>(random.below(9)));
      }
      break;
    }
    case 2:
    case 3: {
      auto& body = *event.mutable_collected();
      body.set_compartment(door);
      body.set_item(item);
      body.set_carrier(carrier);
      body.set_size(size);
      body.set_attempts(attempts);
      if (random.chance(900'000)) {
        body.set_dwell_ms(random.below(1 << 30));
      }
      break;
    }
    case 4: {
      auto& body = *event.mutable_recalled();
      body.set_compartment(door);
      body.set_item(item);
      body.set_carrier(carrier);
      body.set_size(size);
      body.set_attempts(attempts);
      break;
    }
    case 5: {
      auto& body = *event.mutable_turned_away();
      body.set_reason(static_cast<v1::TurnedAwayReason>(1 + random.below(6)));
      body.set_carrier(carrier);
      body.set_size(size);
      break;
    }
    case 8: {
      auto& body = *event.mutable_refused();
      body.set_compartment(door);
      body.set_counter(random.below(1'000));
      body.set_carrier(carrier);
      body.set_size(size);
      body.set_attempts(attempts);
      body.set_open_ms(static_cast<std::uint32_t>(random.below(60'000)));
      break;
    }
    case 9: {
      auto& body = *event.mutable_dropped_off();
      body.set_compartment(door);
      body.set_counter(random.below(1'000));
      body.set_parcel("RB473124829CN");
      body.set_carrier(carrier);
      body.set_size(size);
      body.set_attempts(attempts);
      body.set_serial(static_cast<std::uint32_t>(random.next()));
      body.set_expiry_utc_s(random.below(1ULL << 33));
      break;
    }
    case 10: {
      auto& body = *event.mutable_dispatched();
      body.set_compartment(door);
      body.set_item(item);
      body.set_carrier(carrier);
      body.set_size(size);
      body.set_attempts(attempts);
      body.set_dwell_ms(random.below(1 << 30));
      break;
    }
    case 6:
      event.mutable_code_rejected()->set_lockout_s(static_cast<std::uint32_t>(random.below(2) * 30));
      break;
    case 7: {
      auto& body = *event.mutable_open_failed();
      body.set_compartment(door);
      body.set_cause(static_cast<v1::OpenFailure>(1 + random.below(5)));
      break;
    }
    case 11: {
      auto& body = *event.mutable_deposit_cancelled();
      body.set_compartment(door);
      body.set_item(item);
      body.set_carrier(carrier);
      body.set_size(size);
      break;
    }
    default:
      event.mutable_custody_uncertain()->set_compartment(door);
      break;
  }
  return event;
}

TEST(EventParser, ReadsFrequentEventsByHandAsLibprotobufDoes) {
  Prng random(kSeed);
  SCOPED_TRACE("seed " + std::to_string(kSeed));
  const TestJournal journal("SX-TY-0001");
  EventParser parser;
  for (int i = 0; i < 20'000; ++i) {
    std::string bytes = random_event(random, journal).SerializeAsString();
    if (i % 2 == 1) {  // A damaged one: both must say the same of it.
      bytes[random.below(bytes.size())] = static_cast<char>(random.next());
      bytes.resize(bytes.size() - random.below(2));
    }
    EventView fast;
    EventView slow;
    EventParser other;
    const bool fast_ok = parser.parse(as_bytes(bytes), fast);
    ASSERT_EQ(fast_ok, other.parse_slowly(as_bytes(bytes), slow)) << i;
    if (!fast_ok) {
      continue;
    }
    ASSERT_EQ(fast.kind, slow.kind) << i;
    ASSERT_EQ(fast.boot, slow.boot) << i;
    ASSERT_EQ(fast.has_wall, slow.has_wall) << i;
    ASSERT_EQ(fast.wall_ms, slow.wall_ms) << i;
    ASSERT_EQ(fast.compartment, slow.compartment) << i;
    ASSERT_EQ(fast.size, slow.size) << i;
    ASSERT_EQ(fast.attempts, slow.attempts) << i;
    ASSERT_EQ(fast.open_ms, slow.open_ms) << i;
    ASSERT_EQ(fast.has_dwell, slow.has_dwell) << i;
    ASSERT_EQ(fast.dwell_ms, slow.dwell_ms) << i;
    ASSERT_EQ(fast.reason, slow.reason) << i;
    ASSERT_EQ(fast.lockout_s, slow.lockout_s) << i;
    ASSERT_EQ(fast.hard_stop, slow.hard_stop) << i;
    ASSERT_EQ(fast.item, slow.item) << i;
    ASSERT_EQ(fast.carrier, slow.carrier) << i;
  }
}

/// The statistics again, by the shortest way: one map from words to sums.
using Recount = std::map<std::tuple<Table, std::uint64_t, Column>, std::int64_t>;

void recount(const World& world, const TestJournal& journal, Recount& sums) {
  for (const std::string& bytes : journal.events()) {
    v1::Event event;
    ASSERT_TRUE(event.ParseFromString(bytes));
    const std::uint64_t local_s = event.has_wall_ms() ? event.wall_ms() / 1'000 + 8 * 3'600 : 0;
    const std::uint64_t day = local_s / 86'400;
    const std::uint64_t hour = local_s / 3'600;
    std::uint32_t door = 0;
    std::map<Column, std::int64_t> counts;
    std::int64_t level = 0;
    std::optional<std::pair<std::string, std::uint32_t>> brand;
    bool taken = true;
    const auto opening = [&](const auto& body, Column what, std::int64_t change) {
      const bool takes = what == Column::kCollections || what == Column::kRecalls || what == Column::kDispatches;
      door = body.compartment();
      taken = !takes || body.item() != v1::ITEM_READING_PRESENT;
      level = taken ? change : 0;
      counts[Column::kCustodyUncertain] = takes ? !taken : body.item() == v1::ITEM_READING_EMPTY;
      brand = {body.carrier(), static_cast<std::uint32_t>(body.size())};
      counts[what] = 1;
      counts[Column::kDoorCycles] = 1;
      counts[Column::kDoorOpenMs] = body.open_ms();
      counts[Column::kFirstOpenSuccess] = body.attempts() == 1;
    };
    if (event.has_deposited()) {
      opening(event.deposited(), Column::kDeposits, 1);
    } else if (event.has_collected()) {
      opening(event.collected(), Column::kCollections, -1);
      counts[Column::kDwellCount] = taken && event.collected().has_dwell_ms();
      counts[Column::kDwellMs] = taken ? static_cast<std::int64_t>(event.collected().dwell_ms()) : 0;
    } else if (event.has_recalled()) {
      opening(event.recalled(), Column::kRecalls, -1);
    } else if (event.has_refused()) {
      opening(event.refused(), Column::kRefusals, 0);
    } else if (event.has_dropped_off()) {
      opening(event.dropped_off(), Column::kDropOffs, 1);
    } else if (event.has_dispatched()) {
      opening(event.dispatched(), Column::kDispatches, -1);
      counts[Column::kDwellCount] = taken;
      counts[Column::kDwellMs] = taken ? static_cast<std::int64_t>(event.dispatched().dwell_ms()) : 0;
    } else if (event.has_turned_away()) {
      brand = {event.turned_away().carrier(), static_cast<std::uint32_t>(event.turned_away().size())};
      counts[static_cast<Column>(static_cast<int>(Column::kTurnedAwayFull) + event.turned_away().reason() - 1)] = 1;
    } else if (event.has_code_rejected()) {
      counts[Column::kWrongCodes] = 1;
      counts[Column::kLockouts] = event.code_rejected().lockout_s() > 0;
    } else if (event.has_open_failed()) {
      door = event.open_failed().compartment();
      counts[static_cast<Column>(static_cast<int>(Column::kOpenFailedJammed) + event.open_failed().cause() - 1)] = 1;
    } else if (event.has_deposit_cancelled()) {
      door = event.deposit_cancelled().compartment();
      brand = {event.deposit_cancelled().carrier(), static_cast<std::uint32_t>(event.deposit_cancelled().size())};
      counts[Column::kCancellations] = 1;
      counts[Column::kCustodyUncertain] = event.deposit_cancelled().item() == v1::ITEM_READING_PRESENT;
    } else if (event.has_custody_uncertain()) {
      door = event.custody_uncertain().compartment();
      counts[Column::kCustodyUncertain] = 1;
    }
    counts[Column::kEvents] = 1;
    counts[Column::kLevelDelta] = level;
    const auto add = [&](Table table, std::uint64_t row_key, std::uint64_t bucket_end_s) {
      counts[Column::kLevelMomentS] = local_s == 0 ? 0 : level * static_cast<std::int64_t>(bucket_end_s - local_s);
      for (const auto& [column, count] : counts) {
        if (spec(table).slot[static_cast<std::size_t>(column)] >= 0) {
          sums[{table, row_key, column}] += count;
        }
      }
    };
    std::uint32_t city = 0;
    for (std::uint32_t id = 1; id <= world.cities.size(); ++id) {
      city = world.cities.name(id) == "Taiyuan" ? id : city;
    }
    if (!event.has_journal_opened()) {  // That one came before the city was known.
      add(Table::kCityHour, key::city_hour(hour, city), (hour + 1) * 3'600);
    }
    add(Table::kStationDay, key::station_day(day, 3), (day + 1) * 86'400);
    add(Table::kStationHour, key::station_hour(hour, 3), (hour + 1) * 3'600);
    if (door != 0) {
      add(Table::kCompartment, key::compartment(3, door), 0);
      add(Table::kCompartmentDay, key::compartment_day(day, 3, door), (day + 1) * 86'400);
    }
    if (brand) {
      std::uint32_t id = 0;
      for (std::uint32_t i = 1; i <= world.brands.size(); ++i) {
        id = world.brands.name(i) == brand->first ? i : id;
      }
      counts.erase(Column::kEvents);
      add(Table::kCityBrandSizeDay, key::city_brand_size_day(day, city, id, brand->second), 0);
      add(Table::kCityBrandSizeSpan, key::city_brand_size_day(day / 32, city, id, brand->second), 0);
    }
  }
}

TestJournal random_journal(Prng& random, int events) {
  TestJournal journal("SX-TY-0001");
  journal.open();
  for (int i = 0; i < events; ++i) {
    journal.add(random_event(random, journal));
  }
  return journal;
}

TEST(Fold, AddsUpToAStraightforwardRecountOfRandomEvents) {
  for (std::uint64_t seed = kSeed; seed < kSeed + 5; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Prng random(seed);
    const TestJournal journal = random_journal(random, 3'000);
    World world;
    world.apply(journal);
    Recount expected;
    recount(world, journal, expected);
    std::size_t compared = 0;
    for (const auto& [name, count] : expected) {
      const auto& [table, row_key, column] = name;
      ASSERT_EQ(world.value(table, row_key, column), count)
          << spec(table).name << " " << row_key << " " << to_string(column);
      compared += count != 0;
    }
    // And nothing more than that.
    std::size_t present = 0;
    for (std::size_t t = 0; t < kTableCount; ++t) {
      const TableDelta& table = world.sums.of(static_cast<Table>(t));
      for (std::size_t row = 0; row < table.size(); ++row) {
        TableDelta::Sums sums;
        present += static_cast<std::size_t>(std::popcount(table.sums_at(row, sums)));
      }
    }
    // JournalOpened's events count at the city without a name has no column, so the numbers agree.
    ASSERT_EQ(present, compared);
  }
}

TEST(Fold, GivesTheTimeWeightedOccupancyOfAnHourFromItsMoments) {
  World world;
  TestJournal journal("SX-TY-0001");
  journal.open();
  journal.deposit(1, kNoonUtcMs - 1'800'000);  // Half an hour before noon: stays all of the next hour.
  journal.deposit(2, kNoonUtcMs + 900'000);    // Three quarters of the hour.
  journal.collect(1, kNoonUtcMs + 1'800'000);  // Leaves at half past.
  world.apply(journal);
  const std::uint64_t noon = (kNoonUtcMs / 1'000 + 8 * 3'600) / 3'600;
  const std::int64_t opening = world.value(Table::kStationHour, key::station_hour(noon - 1, 3), Column::kLevelDelta);
  const std::int64_t moment = world.value(Table::kStationHour, key::station_hour(noon, 3), Column::kLevelMomentS);
  EXPECT_EQ(opening, 1);
  EXPECT_EQ(opening * 3'600 + moment,
            1'800 + 2'700);  // Parcel-seconds: half an hour of one, three quarters of the other.
}

// The next transaction begins with nothing of this one, and an aggregator makes many.
TEST(Fold, LeavesNothingBehindWhenItsSumsAreCleared) {
  Prng random(kSeed);
  const TestJournal journal = random_journal(random, 500);
  World world;
  world.apply(journal);
  EXPECT_GT(world.sums.size_bytes(), 0U);
  world.sums.clear();
  EXPECT_EQ(world.sums.size_bytes(), 0U);
}

TEST(Fold, DoesNotDependOnTheOrderOfEventsOfOneStation) {
  Prng random(kSeed);
  const TestJournal journal = random_journal(random, 500);
  World forwards;
  forwards.apply(journal);
  World backwards;
  for (int i = 0; i < 3; ++i) {
    backwards.fold.apply(backwards.station, as_bytes(journal.events()[static_cast<std::size_t>(i)]));
  }
  for (std::size_t i = journal.events().size(); i-- > 3;) {
    backwards.fold.apply(backwards.station, as_bytes(journal.events()[i]));
  }
  const TableDelta& hours = forwards.sums.of(Table::kStationHour);
  for (std::size_t row = 0; row < hours.size(); ++row) {
    const TableDelta& others = backwards.sums.of(Table::kStationHour);
    const std::size_t at = others.find(hours.key_at(row));
    ASSERT_NE(at, others.size());
    for (const Column column : spec(Table::kStationHour).columns) {
      EXPECT_EQ(hours.sum_at(row, column), others.sum_at(at, column)) << to_string(column);
    }
  }
}

TEST(Fold, KeepsAParcelBookedThatAnItemSensorSawWhereItsRecipientHadBeen) {
  World world;
  TestJournal journal("SX-TY-0001");
  journal.open();
  journal.deposit(4, kNoonUtcMs);
  v1::Event left = journal.event(kNoonUtcMs + 1'000);
  left.mutable_collected()->set_compartment(4);
  left.mutable_collected()->set_dwell_ms(1'000);
  left.mutable_collected()->set_item(v1::ITEM_READING_PRESENT);
  journal.add(left);
  world.apply(journal);
  const auto value = [&](Column column) { return world.of_station(column); };
  EXPECT_EQ(value(Column::kCollections), 1);  // The door was opened and shut for one.
  EXPECT_EQ(value(Column::kCustodyUncertain), 1);
  EXPECT_EQ(value(Column::kDwellCount), 0);
  EXPECT_EQ(world.station.levels[3], 1);
  v1::Event taken = left;
  taken.mutable_collected()->set_item(v1::ITEM_READING_EMPTY);
  world.fold.apply(world.station, as_bytes(taken.SerializeAsString()));
  EXPECT_EQ(world.station.levels[3], 0);
  EXPECT_EQ(value(Column::kCollections), 2);
  EXPECT_EQ(value(Column::kDwellCount), 1);
  EXPECT_EQ(value(Column::kUnaccounted), 0);
}

TEST(Fold, BooksWhatASnapshotCorrectsAsUnaccounted) {
  World world;
  TestJournal journal("SX-TY-0001");
  journal.open();
  journal.deposit(1);
  journal.deposit(2);
  v1::Event event = journal.event();
  std::string states(10, static_cast<char>(v1::COMPARTMENT_STATE_VACANT));
  states[0] = static_cast<char>(v1::COMPARTMENT_STATE_OCCUPIED);
  states[1] = static_cast<char>(v1::COMPARTMENT_STATE_DISPUTED);  // Says nothing: stays as it was.
  states[4] = static_cast<char>(v1::COMPARTMENT_STATE_OVERDUE);   // A deposit that was lost.
  event.mutable_snapshot()->set_states(states);
  journal.add(event);
  world.apply(journal);
  EXPECT_EQ(world.of_station(Column::kLevelDelta), 3);
  EXPECT_EQ(world.of_station(Column::kUnaccounted), 1);
  EXPECT_EQ(world.value(Table::kCompartment, key::compartment(3, 5), Column::kUnaccounted), 1);
  EXPECT_EQ(world.value(Table::kCompartment, key::compartment(3, 2), Column::kLevelDelta), 1);
}

TEST(Fold, PutsEventsWithoutABelievableTimeIntoTheUnplacedBucket) {
  World world;
  TestJournal journal("SX-TY-0001");
  journal.open();
  journal.deposit(1, 5);  // 1970.
  journal.deposit(2, UINT64_MAX);
  world.apply(journal);
  EXPECT_EQ(world.value(Table::kStationDay, key::station_day(0, 3), Column::kDeposits), 2);
  EXPECT_EQ(world.value(Table::kStationDay, key::station_day(0, 3), Column::kLevelMomentS), 0);
  EXPECT_EQ(world.value(Table::kCompartment, key::compartment(3, 1), Column::kDeposits), 1);
}

TEST(Fold, TakesHostileNumbersForWhatTheyAre) {
  World world;
  TestJournal journal("SX-TY-0001");
  journal.open();
  v1::Event event = journal.event();
  event.mutable_deposited()->set_compartment(0);
  journal.add(event);
  event.mutable_deposited()->set_compartment(4'000'000'000U);
  journal.add(event);
  event.mutable_collected()->set_compartment(1);
  event.mutable_collected()->set_dwell_ms(UINT64_MAX);
  event.mutable_collected()->set_carrier("a carrier that is far too long");
  event.mutable_collected()->set_size(static_cast<v1::Size>(99));
  journal.add(event);
  event.mutable_turned_away()->set_reason(static_cast<v1::TurnedAwayReason>(77));
  journal.add(event);
  world.apply(journal);
  EXPECT_EQ(world.of_station(Column::kDeposits), 0);
  EXPECT_EQ(world.of_station(Column::kCollections), 1);
  EXPECT_EQ(world.of_station(Column::kDwellCount), 0);
  EXPECT_EQ(world.of_station(Column::kOpaqueEvents), 3);
}

// Stores have such names; a recount that leaves one out gives all later brands other numbers.
TEST(Fold, NumbersTheBrandThatWasTurnedAwayForAReasonThatIsNotKnown) {
  World world;
  TestJournal journal("SX-TY-0001");
  journal.open();
  v1::Event event = journal.event();
  event.mutable_turned_away()->set_reason(static_cast<v1::TurnedAwayReason>(77));
  event.mutable_turned_away()->set_carrier("NEW");
  journal.add(event);
  world.apply(journal);
  ASSERT_EQ(world.brands.size(), 1U);
  EXPECT_EQ(world.brands.name(1), "NEW");
}

TEST(Dictionary, SharesItsLastNumberWhenItIsFull) {
  Dictionary names(3);
  EXPECT_EQ(names.intern("a"), 1U);
  EXPECT_EQ(names.intern("b"), 2U);
  EXPECT_EQ(names.intern("c"), 3U);
  EXPECT_EQ(names.intern("d"), 3U);
  EXPECT_EQ(names.name(3), "other");
  EXPECT_EQ(names.intern("a"), 1U);
}

/// Rules changed from afar: the same station, the same parcels inside, another local time.
TEST(Fold, CountsFromAChangeOfRulesOnInTheNewLocalTimeAndMovesNoLevel) {
  World world;
  TestJournal journal{"SX-TY-0001"};
  journal.open();
  journal.deposit(1, kNoonUtcMs);
  v1::Event changed = journal.event(kNoonUtcMs + 60'000);
  v1::StationConfig& config = *changed.mutable_config_applied()->mutable_config();
  config.set_version(2);
  config.set_city("Taiyuan");
  config.set_utc_offset_min(540);
  config.add_door_size(v1::SIZE_M);
  journal.add(changed);
  journal.deposit(2, kNoonUtcMs + 120'000);
  world.apply(journal);
  constexpr std::uint64_t kNoon = kNoonUtcMs / 3'600'000 + 8;
  EXPECT_EQ(world.value(Table::kStationHour, key::station_hour(kNoon, 3), Column::kDeposits), 1);
  EXPECT_EQ(world.value(Table::kStationHour, key::station_hour(kNoon + 1, 3), Column::kDeposits), 1);
  EXPECT_EQ(world.value(Table::kCompartment, key::compartment(3, 1), Column::kLevelDelta), 1);
  EXPECT_EQ(world.station.config_version, 2U);
}

TEST(Fold, CountsBootsThatNobodyOrderedAsOutagesAndAddsUpTheTimeOff) {
  World world;
  TestJournal journal("SX-TY-0001");
  journal.open();
  v1::Event event = journal.event();
  for (const auto& [cause, off_ms] :
       {std::pair{v1::BOOT_CAUSE_FIRST, std::uint64_t{0}}, std::pair{v1::BOOT_CAUSE_POWER, std::uint64_t{90'000}},
        std::pair{v1::BOOT_CAUSE_WATCHDOG, std::uint64_t{3'000}},
        std::pair{v1::BOOT_CAUSE_POWER, UINT64_MAX},  // No clock says that.
        std::pair{v1::BOOT_CAUSE_REQUESTED, std::uint64_t{2'000}}}) {
    event.mutable_booted()->set_cause(cause);
    event.mutable_booted()->set_off_ms(off_ms);
    journal.add(event);
  }
  event.mutable_board_answered()->set_board(1);
  event.mutable_board_answered()->set_silent_ms(UINT32_MAX);
  journal.add(event);
  world.apply(journal);
  EXPECT_EQ(world.of_station(Column::kBoots), 5);
  EXPECT_EQ(world.of_station(Column::kOutages), 3);
  EXPECT_EQ(world.of_station(Column::kOffMs), 95'000);
  EXPECT_EQ(world.of_station(Column::kBoardSilentMs), std::int64_t{UINT32_MAX});
}

TEST(Fold, PutsEveryDwellIntoOneBucketOfEachHistogram) {
  World world;
  TestJournal journal("SX-TY-0001");
  journal.open();
  journal.deposit(1);
  journal.collect(1);  // After an hour.
  v1::Event event = journal.event(kNoonUtcMs + 86'400'000);
  event.mutable_recalled()->set_compartment(1);
  event.mutable_recalled()->set_carrier("sf");
  event.mutable_recalled()->set_size(v1::SIZE_M);
  event.mutable_recalled()->set_dwell_ms(100'000'000);
  journal.add(event);
  event.mutable_recalled()->set_item(v1::ITEM_READING_PRESENT);  // Still there: it has not stayed for anything yet.
  journal.add(event);
  event.mutable_recalled()->clear_item();
  event.mutable_recalled()->set_dwell_ms(UINT64_MAX);
  journal.add(event);
  world.apply(journal);
  const auto dwells = [&](Table table, std::uint64_t row_key) {
    std::vector<std::byte> packed;
    const TableDelta& delta = world.sums.of(table);
    delta.dwells_at(delta.find(row_key), packed);
    std::map<std::uint16_t, std::uint64_t> counts;
    PackedDwells reader(packed);
    for (DwellCount entry; reader.next(entry);) {
      counts[entry.bucket] = entry.count;
    }
    return counts;
  };
  const std::uint16_t hour = dwell_bucket(3'600'000);
  const std::uint16_t day = dwell_bucket(100'000'000);
  using Counts = std::map<std::uint16_t, std::uint64_t>;
  constexpr std::uint64_t kLocalHour = kNoonUtcMs / 3'600'000 + 8;
  EXPECT_EQ(dwells(Table::kStationDay, key::station_day(kLocalHour / 24, 3)), (Counts{{hour, 1}}));
  EXPECT_EQ(dwells(Table::kStationDay, key::station_day(kLocalHour / 24 + 1, 3)), (Counts{{day, 1}}));
  EXPECT_EQ(dwells(Table::kCityHour, key::city_hour(kLocalHour, world.station.city_id)), (Counts{{hour, 1}}));
  EXPECT_EQ(dwells(Table::kCityBrandSizeDay, key::city_brand_size_day(kLocalHour / 24, world.station.city_id, 1, 2)),
            (Counts{{hour, 1}}));
  EXPECT_EQ(dwells(Table::kCompartment, key::compartment(3, 1)), Counts{});
}

}  // namespace
}  // namespace cubby::aggregator::testing
