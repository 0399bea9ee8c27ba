// What choosing a door costs, by the number of doors, and how evenly it wears them. Prints figures, judges nothing.
#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "firmware/base/prng.h"
#include "firmware/core/controller.h"

namespace {

using namespace cubby;
using core::Allocator;

/// A station with as many S as M doors; half of them are taken by brands with rules.
struct Station {
  explicit Station(std::size_t doors, std::size_t reservations) {
    config.door_size_count = config.door_height_cm_count = static_cast<pb_size_t>(doors);
    for (std::size_t i = 0; i < doors; ++i) {
      config.door_size[i] = i % 2 == 0 ? cubby_v1_Size_SIZE_S : cubby_v1_Size_SIZE_M;
      config.door_height_cm[i] = static_cast<std::uint8_t>(20 + i % 11 * 16);
    }
    config.upsizing_steps = 1;
    config.brands_count = limits::kBrandsMax;
    for (std::size_t i = 0; i < limits::kBrandsMax; ++i) {
      std::snprintf(config.brands[i].carrier, sizeof(config.brands[i].carrier), "b%u", static_cast<unsigned>(i));
      config.brands[i].share_percent = 100;
      config.brands[i].guaranteed_percent = 1;
    }
    Prng prng(doors);
    allocator.configure(config);
    for (std::size_t i = 0; i < doors; ++i) {
      for (auto pulses = prng.below(200) + 1; pulses > 0; --pulses) {
        intend(static_cast<std::uint8_t>(i + 1), core::Purpose::kService, "li");
        failed(static_cast<std::uint8_t>(i + 1));
      }
    }
    for (std::size_t i = 0; i < doors; i += 4) {
      intend(static_cast<std::uint8_t>(i + 1), core::Purpose::kDeposit, config.brands[i % 35].carrier);
      deposited(static_cast<std::uint8_t>(i + 1));
    }
    for (std::size_t i = 0; i < reservations && 4 * i + 1 < doors; ++i) {
      auto& body = begin(cubby_v1_Event_door_reserved_tag).body.door_reserved;
      body.compartment = static_cast<std::uint8_t>(4 * i + 2);
      std::snprintf(body.carrier, sizeof(body.carrier), "b34");
      std::snprintf(body.parcel, sizeof(body.parcel), "another");
      state.apply_event(event);
    }
    for (std::size_t i = 0; i < doors; ++i) {
      allocator.refresh(static_cast<std::uint8_t>(i + 1), state);
    }
  }
  enum Kind { kPlain };
  /// Doors of one size, vacant, without rules.
  Station(Kind /*plain*/, std::size_t doors) {
    config.door_size_count = config.door_height_cm_count = static_cast<pb_size_t>(doors);
    std::fill_n(config.door_size, doors, cubby_v1_Size_SIZE_S);
    allocator.configure(config);
    for (std::size_t i = 0; i < doors; ++i) {
      allocator.refresh(static_cast<std::uint8_t>(i + 1), state);
    }
  }
  cubby_v1_Event& begin(pb_size_t which) {
    event = cubby_v1_Event_init_zero;
    event.boot = 1;
    event.which_body = which;
    return event;
  }
  void intend(std::uint8_t number, core::Purpose purpose, std::string_view carrier) {
    core::Intent intent;
    intent.compartment = number;
    intent.purpose = purpose;
    intent.counter = state.next_counter();
    intent.carrier.assign(carrier);
    core::RecordBytes bytes;
    state.apply_internal(static_cast<std::uint8_t>(core::RecordKind::kIntent),
                         Bytes(bytes).first(encode(intent, bytes)));
  }
  void failed(std::uint8_t number) {
    begin(cubby_v1_Event_open_failed_tag).body.open_failed.compartment = number;
    state.apply_event(event);
  }
  void opened(std::uint8_t number) {
    core::RecordBytes bytes;
    const core::Outcome outcome{number, core::AttemptOutcome::kOpened, 1};
    state.apply_internal(static_cast<std::uint8_t>(core::RecordKind::kOutcome),
                         Bytes(bytes).first(encode(outcome, bytes)));
  }
  void collected(std::uint8_t number) {
    opened(number);
    begin(cubby_v1_Event_collected_tag).body.collected.compartment = number;
    state.apply_event(event);
  }
  void deposited(std::uint8_t number) {
    const auto intent = state.opening(state.find_opening(number)).intent;
    opened(number);
    auto& body = begin(cubby_v1_Event_deposited_tag).body.deposited;
    body.compartment = number;
    body.counter = intent.counter;
    std::snprintf(body.carrier, sizeof(body.carrier), "%.*s", static_cast<int>(intent.carrier.size()),
                  intent.carrier.view().data());
    state.apply_event(event);
  }

  cubby_v1_StationConfig config = cubby_v1_StationConfig_init_zero;
  cubby_v1_Event scratch = cubby_v1_Event_init_zero;
  cubby_v1_Event event = cubby_v1_Event_init_zero;
  core::StationState state{scratch};
  Allocator allocator;
};

template <typename Work>
double ns_each(std::uint64_t times, Work&& work) {
  const auto begin = std::chrono::steady_clock::now();
  for (std::uint64_t i = 0; i < times; ++i) {
    work(i);
  }
  const std::chrono::duration<double, std::nano> took = std::chrono::steady_clock::now() - begin;
  return took.count() / static_cast<double>(times);
}

double ns_of_choose(Station& station, std::uint64_t times, std::uint64_t& sum) {
  core::CompartmentBits usable;
  usable.fill(UINT64_MAX);
  const core::CompartmentBits tried{};
  return ns_each(times, [&](std::uint64_t i) {
    const auto choice = station.allocator.choose(
        {.size = 1, .carrier = "b34", .parcel = "P1", .low = i % 8 == 0, .usable = usable, .tried = tried},
        station.state);
    sum += choice.compartment;
  });
}

/// Parcels come to a station of doors of one size. Each stays for 10 others on the average, every fifth ten times as
/// long. `choose(taken)` gives a door's number, or 0.
template <typename Choose, typename Put, typename Take>
void run_parcels(std::uint64_t parcels, std::size_t doors, Choose&& choose, Put&& put, Take&& take) {
  constexpr std::uint64_t kStay = 10;
  Prng prng(1);
  std::vector<bool> taken(doors + 1);
  std::vector<bool> long_stay(doors + 1);
  for (std::uint64_t parcel = 0; parcel < parcels; ++parcel) {
    if (const std::size_t door = choose(taken); door != 0) {
      taken[door] = true;
      long_stay[door] = prng.below(5) == 0;
      put(static_cast<std::uint8_t>(door));
    }
    for (std::size_t door = 1; door <= doors; ++door) {
      if (taken[door] && prng.below(long_stay[door] ? 10 * kStay : kStay) == 0) {
        taken[door] = false;
        take(static_cast<std::uint8_t>(door));
      }
    }
  }
}

void print_spread(const char* how, const std::vector<std::uint32_t>& wear) {
  const auto [least, most] = std::minmax_element(wear.begin() + 1, wear.end());
  std::printf("%-10s  %6u to %6u pulses\n", how, *least, *most);
}

void print_spreads(std::uint64_t parcels) {
  constexpr std::size_t kDoors = 40;
  std::printf("\nwear of %zu doors after %llu parcels\n", kDoors, static_cast<unsigned long long>(parcels));
  const auto station = std::make_unique<Station>(Station::kPlain, kDoors);
  core::CompartmentBits usable;
  usable.fill(UINT64_MAX);
  run_parcels(
      parcels, kDoors,
      [&](const std::vector<bool>&) -> std::size_t {
        station->allocator.follow(station->state);
        (void)station->state.take_changed();
        return station->allocator
            .choose({.size = 1, .carrier = "sf", .parcel = {}, .usable = usable, .tried = {}}, station->state)
            .compartment;
      },
      [&](std::uint8_t door) {
        station->intend(door, core::Purpose::kDeposit, "sf");
        station->deposited(door);
      },
      [&](std::uint8_t door) {
        station->intend(door, core::Purpose::kCollect, "");
        station->collected(door);
      });
  std::vector<std::uint32_t> wear(kDoors + 1);
  for (std::size_t door = 1; door <= kDoors; ++door) {
    wear[door] = station->state.compartment(static_cast<std::uint8_t>(door)).wear;
  }
  print_spread("least worn", wear);

  std::fill(wear.begin(), wear.end(), 0);
  std::size_t last = 0;
  run_parcels(
      parcels, kDoors,
      [&](const std::vector<bool>& taken) {
        for (std::size_t i = 0; i < kDoors; ++i) {
          if (const auto door = (last + i) % kDoors + 1; !taken[door]) {
            last = door;
            return door;
          }
        }
        return std::size_t{0};
      },
      [&](std::uint8_t door) { ++wear[door]; }, [&](std::uint8_t door) { ++wear[door]; });
  print_spread("in turn", wear);
}

}  // namespace

int main(int argc, char** argv) {
  const std::uint64_t times = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 5'000'000;
  if (times == 0) {
    std::fprintf(stderr, "usage: cubby-allocator-bench [CHOICES]   e.g. 5000000\n");
    return 2;
  }
  std::uint64_t sum = 0;
  std::printf("doors  choose ns  with 16 reserved ns  refresh ns\n");
  for (const std::size_t doors : {12U, 48U, 96U, 192U}) {
    const auto plain = std::make_unique<Station>(doors, 0);
    const auto reserved = std::make_unique<Station>(doors, limits::kReservationsMax);
    const auto choose = ns_of_choose(*plain, times, sum);
    const auto choose_reserved = ns_of_choose(*reserved, times, sum);
    const auto refresh = ns_each(times, [&](std::uint64_t i) {
      plain->allocator.refresh(static_cast<std::uint8_t>(i % doors + 1), plain->state);
    });
    std::printf("%5u  %9.1f  %19.1f  %10.1f\n", static_cast<unsigned>(doors), choose, choose_reserved, refresh);
  }
  print_spreads(times / 100);
  std::printf("\nbytes: allocator %zu, reservations %zu, controller in all %zu (numbers chosen: %llu)\n",
              sizeof(Allocator), limits::kReservationsMax * sizeof(core::Reservation), sizeof(core::Controller),
              static_cast<unsigned long long>(sum));
  return 0;
}
