// The allocator against a second one that is as plain as the rules of docs/design/allocation.md: it loops
// over all doors and remembers nothing.
#include "firmware/core/allocator.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "firmware/base/prng.h"

namespace cubby::core {
namespace {

const std::vector<std::string> kCarriers{"sf", "zto", "yto", "jd", "ems"};
const std::vector<std::string> kParcels{"", "P1", "P2"};

std::uint64_t seed_or(std::uint64_t usual) {
  const char* text = std::getenv("CUBBY_SEED");
  return text == nullptr ? usual : std::strtoull(text, nullptr, 10);
}

std::string again(std::uint64_t seed) {
  const auto* test = testing::UnitTest::GetInstance()->current_test_info();
  return "again: CUBBY_SEED=" + std::to_string(seed) + " cubby_core_tests --gtest_filter=" + test->test_suite_name() +
         "." + test->name();
}

template <std::size_t Size>
void put(char (&to)[Size], const std::string& text) {
  to[text.copy(to, Size - 1)] = '\0';
}

cubby_v1_StationConfig random_config(Prng& prng) {
  cubby_v1_StationConfig config = cubby_v1_StationConfig_init_zero;
  const auto doors = static_cast<pb_size_t>(1 + prng.below(limits::kCompartmentsMax));
  config.door_size_count = config.door_height_cm_count = doors;
  for (std::size_t i = 0; i < doors; ++i) {
    config.door_size[i] = static_cast<cubby_v1_Size>(1 + prng.below(4));
    config.door_height_cm[i] = static_cast<std::uint8_t>(prng.below(200));
  }
  config.upsizing_steps = static_cast<std::uint32_t>(prng.below(4));
  config.brands_count = static_cast<pb_size_t>(prng.below(kCarriers.size()));
  for (std::size_t i = 0; i < config.brands_count; ++i) {
    put(config.brands[i].carrier, kCarriers[i]);
    config.brands[i].guaranteed_percent = static_cast<std::uint8_t>(prng.below(26));
    config.brands[i].share_percent = static_cast<std::uint8_t>(prng.below(2) == 0 ? 0 : 25 + prng.below(76));
  }
  return config;
}

/// A station whose people do, at random doors, whatever its table allows.
class Life {
 public:
  Life(const cubby_v1_StationConfig& config, Prng prng) : config_(config), prng_(prng), state_(scratch_) {
    collecting_per_million_ = static_cast<std::uint32_t>(prng_.below(1'000'000));
    allocator_.configure(config_);
    refresh(allocator_, true);
  }

  StationState& state() { return state_; }
  Allocator& allocator() { return allocator_; }
  const cubby_v1_StationConfig& config() const { return config_; }

  void reserve(std::uint8_t number, const std::string& carrier, const std::string& parcel) {
    auto& body = begin(cubby_v1_Event_door_reserved_tag).body.door_reserved;
    body.compartment = number;
    put(body.carrier, carrier);
    put(body.parcel, parcel);
    body.ttl_s = 600;
    apply();
  }
  void intend(std::uint8_t number, Purpose purpose, const std::string& carrier) {
    Intent intent;
    intent.compartment = number;
    intent.purpose = purpose;
    intent.size = 1;
    intent.counter = state_.next_counter();
    intent.carrier.assign(carrier);
    RecordBytes bytes;
    state_.apply_internal(static_cast<std::uint8_t>(RecordKind::kIntent), Bytes(bytes).first(encode(intent, bytes)));
    allocator_.follow(state_);
    (void)state_.take_changed();
  }
  void deposited(std::uint8_t number) {
    const auto intent = state_.opening(state_.find_opening(number)).intent;
    opened(number);
    auto& body = begin(cubby_v1_Event_deposited_tag).body.deposited;
    body.compartment = number;
    body.counter = intent.counter;
    put(body.carrier, std::string(intent.carrier.view()));
    apply();
  }
  void collected(std::uint8_t number) {
    opened(number);
    begin(cubby_v1_Event_collected_tag).body.collected.compartment = number;
    apply();
  }
  void tell(std::uint8_t number, pb_size_t which) {
    auto& event = begin(which);
    event.body.in_service.compartment = number;  // Field 1 of all of them.
    apply();
  }

  /// One thing happens somewhere.
  void step() {
    const auto number = static_cast<std::uint8_t>(1 + prng_.below(config_.door_size_count));
    const auto& compartment = state_.compartment(number);
    const auto slot = state_.find_opening(number);
    const bool free_slot = state_.opening_slot_free();
    if (slot < StationState::kOpeningsMax) {
      end_opening(number, state_.opening(slot).intent.purpose);
    } else if (compartment.state == CompartmentState::kVacant && prng_.below(4) == 0 &&
               state_.find_reservation(number) == limits::kReservationsMax &&
               state_.reservation_count() < limits::kReservationsMax) {
      reserve(number, kCarriers[prng_.below(kCarriers.size())], kParcels[prng_.below(kParcels.size())]);
    } else if (compartment.state == CompartmentState::kVacant && prng_.below(8) == 0) {
      tell(number, cubby_v1_Event_out_of_service_tag);
    } else if (compartment.state == CompartmentState::kOutOfService) {
      tell(number, cubby_v1_Event_in_service_tag);
    } else if (state_.find_reservation(number) < limits::kReservationsMax && prng_.below(3) == 0) {
      tell(number, cubby_v1_Event_reservation_ended_tag);
    } else if (free_slot && compartment.state == CompartmentState::kReserved) {
      const auto reserved = state_.find_reservation(number);
      intend(number, prng_.below(5) == 0 ? Purpose::kService : Purpose::kDeposit,
             std::string(state_.reservation(reserved).carrier.view()));
    } else if (free_slot && compartment.state == CompartmentState::kVacant) {
      intend(number, Purpose::kDeposit, kCarriers[prng_.below(kCarriers.size())]);
    } else if (free_slot && compartment.state == CompartmentState::kOccupied && prng_.chance(collecting_per_million_)) {
      intend(number, Purpose::kCollect, "");
    }
  }

  /// A copy that knows nothing but the state.
  Allocator fresh() {
    Allocator other;
    other.configure(config_);
    refresh(other, false);
    return other;
  }

 private:
  void end_opening(std::uint8_t number, Purpose purpose) {
    if (prng_.below(4) == 0) {
      tell(number, cubby_v1_Event_open_failed_tag);
    } else if (purpose == Purpose::kCollect) {
      collected(number);
    } else if (purpose == Purpose::kService) {
      opened(number);
      auto& body = begin(cubby_v1_Event_serviced_tag).body.serviced;
      body.action = cubby_v1_ServiceAction_SERVICE_ACTION_DOOR_OPENED;
      body.compartment = number;
      apply();
    } else if (prng_.below(4) == 0) {
      opened(number);
      tell(number, cubby_v1_Event_deposit_cancelled_tag);
    } else {
      deposited(number);
    }
  }
  void opened(std::uint8_t number) {
    RecordBytes bytes;
    const Outcome outcome{number, AttemptOutcome::kOpened, 1};
    state_.apply_internal(static_cast<std::uint8_t>(RecordKind::kOutcome), Bytes(bytes).first(encode(outcome, bytes)));
  }
  cubby_v1_Event& begin(pb_size_t which) {
    event_ = cubby_v1_Event_init_zero;
    event_.boot = 1;
    event_.which_body = which;
    return event_;
  }
  void apply() {
    state_.apply_event(event_);
    allocator_.follow(state_);
    (void)state_.take_changed();
  }
  void refresh(Allocator& allocator, bool all) {
    const auto last = all ? limits::kCompartmentsMax : config_.door_size_count;
    for (std::size_t number = 1; number <= last; ++number) {
      allocator.refresh(static_cast<std::uint8_t>(number), state_);
    }
  }

  cubby_v1_StationConfig config_;
  Prng prng_;
  std::uint32_t collecting_per_million_ = 0;  // Of chances to collect a parcel; a low one fills the station.
  cubby_v1_Event scratch_{};
  cubby_v1_Event event_{};
  StationState state_;
  Allocator allocator_;
};

/// The rules once more, door by door.
class Plain {
 public:
  Plain(const cubby_v1_StationConfig& config, const StationState& state) : config_(config), state_(state) {}

  Allocation choose(const Allocator::Request& request) const {
    for (const bool for_parcel : {true, false}) {
      std::vector<unsigned> reserved;
      for (std::size_t slot = 0; slot < limits::kReservationsMax; ++slot) {
        const auto& reservation = state_.reservation(slot);
        const unsigned door = reservation.compartment;
        if (door == 0 || door > config_.door_size_count || reservation.carrier.view() != request.carrier ||
            reservation.parcel.view() != (for_parcel ? request.parcel : "") || (for_parcel && request.parcel.empty()) ||
            at(door).state != CompartmentState::kReserved) {
          continue;
        }
        if (config_.door_size[door - 1] >= request.size && openable(door, request) && (!request.low || is_low(door))) {
          reserved.push_back(door);
        }
      }
      if (!reserved.empty()) {
        return {.compartment = static_cast<std::uint8_t>(
                    *std::min_element(reserved.begin(), reserved.end(), [&](unsigned a, unsigned b) {
                      return config_.door_size[a - 1] != config_.door_size[b - 1]
                                 ? config_.door_size[a - 1] < config_.door_size[b - 1]
                                 : less_worn(a, b);
                    }))};
      }
    }
    return choose_vacant(request);
  }

  Allocation choose_vacant(const Allocator::Request& request) const {
    const auto doors = config_.door_size_count;
    for (std::size_t i = 0; i < config_.brands_count; ++i) {
      const auto& brand = config_.brands[i];
      if (request.carrier == std::string_view(brand.carrier) && brand.share_percent != 0 &&
          held(brand.carrier, 0) >= doors * brand.share_percent / 100U) {
        return {.reason = TurnedAway::kShareUsedUp};
      }
    }
    bool fits = false;
    bool kept = false;
    bool out_of_reach = false;
    for (unsigned size = request.size; size <= 4 && size <= request.size + config_.upsizing_steps; ++size) {
      std::vector<unsigned> free;
      for (unsigned door = 1; door <= doors; ++door) {
        if (config_.door_size[door - 1] == static_cast<int>(size) && at(door).state == CompartmentState::kVacant) {
          fits = true;
          if (openable(door, request)) {
            free.push_back(door);
          }
        }
      }
      if (free.empty()) {
        continue;
      }
      if (free.size() <= kept_for_others(size, request.carrier)) {
        kept = true;
        continue;
      }
      const auto by_reach =
          std::stable_partition(free.begin(), free.end(), [&](unsigned door) { return is_low(door) == request.low; });
      if (by_reach != free.begin()) {
        return {.compartment = static_cast<std::uint8_t>(*std::min_element(
                    free.begin(), by_reach, [&](unsigned a, unsigned b) { return less_worn(a, b); }))};
      }
      if (!request.low) {
        return {.compartment = static_cast<std::uint8_t>(*std::min_element(
                    free.begin(), free.end(), [&](unsigned a, unsigned b) { return less_worn(a, b); }))};
      }
      out_of_reach = true;
    }
    if (out_of_reach || kept) {
      return {.reason = out_of_reach ? TurnedAway::kNoLowDoor : TurnedAway::kShareUsedUp};
    }
    if (fits) {
      return {.reason = TurnedAway::kFault};
    }
    for (unsigned door = 1; door <= doors; ++door) {
      if (at(door).state == CompartmentState::kVacant) {
        return {.reason = TurnedAway::kNoSuchSize};
      }
    }
    return {.reason = TurnedAway::kFull};
  }

 private:
  const Compartment& at(unsigned door) const { return state_.compartment(static_cast<std::uint8_t>(door)); }
  bool is_low(unsigned door) const {
    return config_.door_height_cm[door - 1] >= 38 && config_.door_height_cm[door - 1] <= 122;
  }
  bool less_worn(unsigned a, unsigned b) const { return at(a).wear != at(b).wear ? at(a).wear < at(b).wear : a < b; }
  static bool openable(unsigned door, const Allocator::Request& request) {
    return test_bit(request.usable, static_cast<std::uint8_t>(door)) &&
           !test_bit(request.tried, static_cast<std::uint8_t>(door));
  }
  std::string_view holder(unsigned door) const {
    if (at(door).parcel.counter != 0) {
      return at(door).parcel.carrier.view();
    }
    for (std::size_t slot = 0; slot < StationState::kOpeningsMax; ++slot) {
      const auto& intent = state_.opening(slot).intent;
      if (intent.compartment == door && fills(intent.purpose)) {
        return intent.carrier.view();
      }
    }
    for (std::size_t slot = 0; slot < limits::kReservationsMax; ++slot) {
      const auto& reservation = state_.reservation(slot);
      if (reservation.compartment == door && reservation.end == ReservationEnd::kNone) {
        return reservation.carrier.view();
      }
    }
    return "";
  }
  /// Of that size; 0: of all.
  std::size_t held(std::string_view carrier, unsigned size) const {
    std::size_t count = 0;
    for (unsigned door = 1; door <= config_.door_size_count; ++door) {
      count += (size == 0 || config_.door_size[door - 1] == static_cast<int>(size)) && holder(door) == carrier ? 1 : 0;
    }
    return count;
  }
  std::size_t kept_for_others(unsigned size, std::string_view carrier) const {
    const auto of_size = static_cast<std::size_t>(
        std::count(config_.door_size, config_.door_size + config_.door_size_count, static_cast<cubby_v1_Size>(size)));
    std::size_t kept = 0;
    for (std::size_t i = 0; i < config_.brands_count; ++i) {
      const auto& brand = config_.brands[i];
      const auto guaranteed = of_size * brand.guaranteed_percent / 100;
      if (carrier != std::string_view(brand.carrier)) {
        kept += guaranteed - std::min(guaranteed, held(brand.carrier, size));
      }
    }
    return kept;
  }

  const cubby_v1_StationConfig& config_;
  const StationState& state_;
};

TEST(Allocator, AnswersAsThePlainRulesDo) {
  const auto seed = seed_or(20'261'124);
  const Prng tree(seed);
  std::array<std::size_t, 8> reasons{};
  std::size_t reserved = 0;
  for (std::uint64_t run = 0; run < 300; ++run) {
    Prng prng = tree.child("run", run);
    Life life(random_config(prng), tree.child("life", run));
    const Plain plain(life.config(), life.state());
    const auto steps = 1 + prng.below(6U * life.config().door_size_count);
    for (std::uint64_t step = 0; step < steps; ++step) {
      life.step();
      if (prng.below(8) != 0) {
        continue;
      }
      CompartmentBits usable{};
      CompartmentBits tried{};
      for (std::uint8_t number = 1; number <= limits::kCompartmentsMax; ++number) {
        set_bit(usable, number, prng.below(16) != 0);
        set_bit(tried, number, prng.below(16) == 0);
      }
      const auto& carrier = kCarriers[prng.below(kCarriers.size())];
      const auto& parcel = kParcels[prng.below(kParcels.size())];
      const Allocator::Request request{.size = static_cast<std::uint8_t>(1 + prng.below(4)),
                                       .carrier = carrier,
                                       .parcel = parcel,
                                       .low = prng.below(3) == 0,
                                       .usable = usable,
                                       .tried = tried};
      const auto expected = plain.choose(request);
      const auto chosen = life.allocator().choose(request, life.state());
      const auto afresh = life.fresh().choose(request, life.state());
      ASSERT_EQ(chosen.compartment, expected.compartment) << again(seed) << " run " << run << " step " << step;
      ASSERT_EQ(chosen.reason, expected.reason) << again(seed) << " run " << run << " step " << step;
      ASSERT_EQ(afresh.compartment, expected.compartment) << again(seed) << " run " << run << " step " << step;
      ASSERT_EQ(afresh.reason, expected.reason) << again(seed) << " run " << run << " step " << step;
      ++reasons[static_cast<std::size_t>(chosen.reason)];
      reserved +=
          chosen.compartment != 0 && life.state().compartment(chosen.compartment).state == CompartmentState::kReserved
              ? 1
              : 0;
    }
    ASSERT_EQ(life.state().repairs(), 0U) << again(seed) << " run " << run;
  }
  EXPECT_GT(reserved, 0U) << again(seed);
  for (const auto reason : {TurnedAway::kNone, TurnedAway::kFull, TurnedAway::kNoSuchSize, TurnedAway::kShareUsedUp,
                            TurnedAway::kFault, TurnedAway::kNoLowDoor}) {
    EXPECT_GT(reasons[static_cast<std::size_t>(reason)], 0U) << static_cast<int>(reason) << ' ' << again(seed);
  }
}

// A door gets ahead of another by one use, and by one more for each time that it was given out while the other was
// not there to be given.
TEST(Allocator, SpreadsWearWithinItsBound) {
  constexpr std::size_t kDoors = 24;
  constexpr std::uint32_t kUse = 2;  // A deposit and a collection, each at the first attempt.
  const auto seed = seed_or(7);
  Prng prng(seed);
  cubby_v1_StationConfig config = cubby_v1_StationConfig_init_zero;
  config.door_size_count = config.door_height_cm_count = kDoors;
  for (std::size_t i = 0; i < kDoors; ++i) {
    config.door_size[i] = cubby_v1_Size_SIZE_S;
  }
  Life life(config, prng.child("life"));
  CompartmentBits usable{};
  usable.fill(UINT64_MAX);
  std::vector<std::vector<std::uint32_t>> while_away(kDoors, std::vector<std::uint32_t>(kDoors));
  const auto wear = [&](std::size_t i) { return life.state().compartment(static_cast<std::uint8_t>(i + 1)).wear; };
  const auto vacant = [&](std::size_t i) {
    return life.state().compartment(static_cast<std::uint8_t>(i + 1)).state == CompartmentState::kVacant;
  };
  for (int parcel = 0; parcel < 5'000; ++parcel) {
    const auto choice = life.allocator().choose(
        {.size = 1, .carrier = "sf", .parcel = {}, .usable = usable, .tried = {}}, life.state());
    if (const std::size_t i = choice.compartment; i != 0) {
      for (std::size_t other = 0; other < kDoors; ++other) {
        while_away[i - 1][other] += vacant(other) ? 0 : 1;
      }
      life.intend(choice.compartment, Purpose::kDeposit, "sf");
      life.deposited(choice.compartment);
    }
    for (std::size_t i = 0; i < kDoors; ++i) {  // Parcels stay for 12 others on the average.
      if (!vacant(i) && prng.below(12) == 0) {
        life.intend(static_cast<std::uint8_t>(i + 1), Purpose::kCollect, "");
        life.collected(static_cast<std::uint8_t>(i + 1));
      }
    }
    for (std::size_t i = 0; i < kDoors; ++i) {
      for (std::size_t other = 0; other < kDoors; ++other) {
        ASSERT_LE(wear(i), wear(other) + kUse * (1 + while_away[i][other])) << again(seed);
      }
    }
  }
  std::vector<std::uint32_t> all;
  for (std::size_t i = 0; i < kDoors; ++i) {
    all.push_back(wear(i));
  }
  const auto [least, most] = std::minmax_element(all.begin(), all.end());
  EXPECT_GT(*least, 300U);
  EXPECT_LE(*most - *least, 20U) << "of " << *most;
}

// With all doors vacant whenever one is chosen nobody gets ahead by more than one use.
TEST(Allocator, GivesEveryDoorItsTurnInAQuietStation) {
  cubby_v1_StationConfig config = cubby_v1_StationConfig_init_zero;
  config.door_size_count = config.door_height_cm_count = limits::kCompartmentsMax;
  for (std::size_t i = 0; i < limits::kCompartmentsMax; ++i) {
    config.door_size[i] = cubby_v1_Size_SIZE_M;
  }
  Life life(config, Prng(1));
  CompartmentBits usable{};
  usable.fill(UINT64_MAX);
  for (std::uint32_t round = 0; round < 3; ++round) {
    for (unsigned number = 1; number <= limits::kCompartmentsMax; ++number) {
      const auto choice = life.allocator().choose(
          {.size = 2, .carrier = "sf", .parcel = {}, .usable = usable, .tried = {}}, life.state());
      ASSERT_EQ(choice.compartment, number);
      life.intend(choice.compartment, Purpose::kDeposit, "sf");
      life.deposited(choice.compartment);
      life.intend(choice.compartment, Purpose::kCollect, "");
      life.collected(choice.compartment);
    }
  }
  EXPECT_EQ(life.state().compartment(192).wear, 6U);
}

}  // namespace
}  // namespace cubby::core
