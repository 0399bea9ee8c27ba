#include "firmware/core/allocator.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "firmware/base/assert.h"

namespace cubby::core {
namespace {

constexpr CompartmentBits operator&(const CompartmentBits& a, const CompartmentBits& b) {
  CompartmentBits both{};
  for (std::size_t i = 0; i < both.size(); ++i) {
    both[i] = a[i] & b[i];
  }
  return both;
}

constexpr CompartmentBits without(const CompartmentBits& a, const CompartmentBits& b) {
  CompartmentBits rest{};
  for (std::size_t i = 0; i < rest.size(); ++i) {
    rest[i] = a[i] & ~b[i];
  }
  return rest;
}

constexpr std::size_t size_of(const CompartmentBits& bits) {
  std::size_t size = 0;
  for (const auto word : bits) {
    size += static_cast<std::size_t>(std::popcount(word));
  }
  return size;
}

/// A carrier's name as a number; 0: none, or none of a brand.
std::uint64_t pack(std::string_view carrier) {
  static_assert(limits::kCarrierMax == sizeof(std::uint64_t));
  std::uint64_t packed = 0;
  if (carrier.size() <= sizeof(packed)) {
    std::copy(carrier.begin(), carrier.end(), reinterpret_cast<char*>(&packed));
  }
  return packed;
}

}  // namespace

void Allocator::configure(const cubby_v1_StationConfig& config) {
  *this = {};
  config_ = &config;
  holder_.fill(kNoBrand);
  SizeCounts doors{};
  for (std::uint8_t number = 1; number <= config.door_size_count; ++number) {
    const auto size_index = static_cast<std::size_t>(config.door_size[number - 1U]) - 1;
    const auto height = config.door_height_cm[number - 1U];
    set_bit(of_size_[size_index], number, true);
    set_bit(low_, number, height >= limits::kReachLowCm && height <= limits::kReachHighCm);
    ++doors[size_index];
  }
  for (std::size_t i = 0; i < config.brands_count; ++i) {
    auto& brand = brands_[i];
    brand.carrier = pack(config.brands[i].carrier);
    const std::size_t share = config.brands[i].share_percent;
    brand.doors_max = static_cast<std::uint8_t>(share == 0 ? 0xFF : config.door_size_count * share / 100);
    for (std::size_t size = 0; size < kSizes; ++size) {
      brand.guaranteed[size] = static_cast<std::uint8_t>(doors[size] * config.brands[i].guaranteed_percent / 100);
      kept_[size] = static_cast<std::uint8_t>(kept_[size] + brand.guaranteed[size]);
    }
  }
}

std::uint8_t Allocator::brand_of(std::string_view carrier) const {
  const auto packed = pack(carrier);
  for (std::uint8_t i = 0; i < config_->brands_count; ++i) {
    if (brands_[i].carrier == packed) {
      return i;
    }
  }
  return kNoBrand;
}

/// Whose share the door counts for: of what is inside, on its way in, or to come.
std::uint8_t Allocator::holder_of(std::uint8_t number, const StationState& state) const {
  const auto& compartment = state.compartment(number);
  if (compartment.parcel.counter != 0) {
    return brand_of(compartment.parcel.carrier.view());
  }
  if (compartment.state == CompartmentState::kOpening || compartment.state == CompartmentState::kLoading) {
    const auto slot = state.find_opening(number);
    if (slot < StationState::kOpeningsMax && fills(state.opening(slot).intent.purpose)) {
      return brand_of(state.opening(slot).intent.carrier.view());
    }
  }
  const auto slot = state.find_reservation(number);
  const bool reserved = slot < limits::kReservationsMax && state.reservation(slot).end == ReservationEnd::kNone;
  return reserved ? brand_of(state.reservation(slot).carrier.view()) : kNoBrand;
}

void Allocator::count(std::uint8_t holder, std::size_t size_index, bool more) {
  if (holder == kNoBrand) {
    return;
  }
  auto& brand = brands_[holder];
  auto& held = brand.held[size_index];
  auto& kept = kept_[size_index];
  if (more) {
    kept = static_cast<std::uint8_t>(kept - (held < brand.guaranteed[size_index] ? 1 : 0));
    ++held;
    ++brand.held_in_all;
  } else {
    --held;
    --brand.held_in_all;
    kept = static_cast<std::uint8_t>(kept + (held < brand.guaranteed[size_index] ? 1 : 0));
  }
}

void Allocator::refresh(std::uint8_t number, const StationState& state) {
  CUBBY_ASSERT(config_ != nullptr);
  if (number > config_->door_size_count) {
    return;  // A door of an older configuration.
  }
  const auto& compartment = state.compartment(number);
  set_bit(vacant_, number, compartment.state == CompartmentState::kVacant);
  write_wear(number, compartment.wear);
  const auto holder = holder_of(number, state);
  if (auto& old = holder_[number - 1U]; old != holder) {
    const auto size_index = static_cast<std::size_t>(config_->door_size[number - 1U]) - 1;
    count(old, size_index, false);
    count(holder, size_index, true);
    old = holder;
  }
}

void Allocator::follow(const StationState& state) {
  const auto& changed = state.changed();
  for (std::size_t word = 0; word < changed.size(); ++word) {
    for (auto bits = changed[word]; bits != 0; bits &= bits - 1) {
      refresh(static_cast<std::uint8_t>(word * 64 + static_cast<std::size_t>(std::countr_zero(bits)) + 1), state);
    }
  }
}

void Allocator::write_wear(std::uint8_t number, std::uint32_t wear) {
  planes_used_ = std::max(planes_used_, static_cast<std::size_t>(std::bit_width(wear)));
  for (std::size_t plane = 0; plane < planes_used_; ++plane) {
    set_bit(wear_planes_[plane], number, (wear >> plane & 1) != 0);
  }
}

/// Of the doors with the lowest wear the one with the lowest number; 0: there are none. Bit by bit from the
/// highest: as long as some door has a 0 there, no door with a 1 is the least worn.
std::uint8_t Allocator::least_worn(CompartmentBits doors) const {
  for (auto plane = planes_used_; plane-- > 0;) {
    const auto less = without(doors, wear_planes_[plane]);
    if (any(less)) {
      doors = less;
    }
  }
  return first(doors);
}

/// Doors that are reserved for this parcel before those for any parcel of the brand; the smallest that fits.
std::uint8_t Allocator::choose_reserved(const Request& request, const StationState& state) const {
  CompartmentBits for_parcel{};
  CompartmentBits for_brand{};
  for (std::size_t slot = 0; slot < limits::kReservationsMax; ++slot) {
    const auto& reservation = state.reservation(slot);
    if (reservation.compartment == 0 || reservation.carrier.view() != request.carrier ||
        state.compartment(reservation.compartment).state != CompartmentState::kReserved) {
      continue;
    }
    if (reservation.parcel.empty()) {
      set_bit(for_brand, reservation.compartment, true);
    } else if (reservation.parcel.view() == request.parcel) {
      set_bit(for_parcel, reservation.compartment, true);
    }
  }
  for (const auto& reserved : {for_parcel, for_brand}) {
    auto free = without(reserved & request.usable, request.tried);
    free = request.low ? free & low_ : free;
    for (std::size_t size = request.size; size <= kSizes; ++size) {
      if (const auto number = least_worn(free & of_size_[size - 1]); number != 0) {
        return number;
      }
    }
  }
  return 0;
}

/// Doors of that size that other brands are guaranteed and do not hold.
std::size_t Allocator::kept_from(std::uint8_t brand, std::size_t size_index) const {
  if (brand == kNoBrand) {
    return kept_[size_index];
  }
  const auto guaranteed = brands_[brand].guaranteed[size_index];
  const auto held = brands_[brand].held[size_index];
  return kept_[size_index] - static_cast<std::size_t>(held < guaranteed ? guaranteed - held : 0);
}

Allocation Allocator::choose(const Request& request, const StationState& state) const {
  if (state.reservation_count() != 0) {
    if (const auto number = choose_reserved(request, state); number != 0) {
      return {.compartment = number};
    }
  }
  return choose_vacant(request);
}

Allocation Allocator::choose_vacant(const Request& request) const {
  CUBBY_ASSERT(config_ != nullptr && request.size >= 1 && request.size <= kSizes);
  const auto brand = brand_of(request.carrier);
  if (brand != kNoBrand && brands_[brand].held_in_all >= brands_[brand].doors_max) {
    return {.reason = TurnedAway::kShareUsedUp};
  }
  bool fits = false;
  bool kept = false;
  bool out_of_reach = false;
  const auto last = std::min<std::size_t>(kSizes, request.size + config_->upsizing_steps);
  for (std::size_t size = request.size; size <= last; ++size) {
    const auto vacant = vacant_ & of_size_[size - 1];
    const auto free = without(vacant & request.usable, request.tried);
    fits |= any(vacant);
    if (!any(free)) {
      continue;
    }
    if (size_of(free) <= kept_from(brand, size - 1)) {
      kept = true;
      continue;
    }
    const auto wanted = request.low ? free & low_ : without(free, low_);
    if (const auto number = least_worn(wanted); number != 0) {
      return {.compartment = number};
    }
    if (!request.low) {
      return {.compartment = least_worn(free)};  // Only low ones are left.
    }
    out_of_reach = true;
  }
  if (out_of_reach) {
    return {.reason = TurnedAway::kNoLowDoor};
  }
  if (kept) {
    return {.reason = TurnedAway::kShareUsedUp};
  }
  if (fits) {
    return {.reason = TurnedAway::kFault};  // Vacant, but their doors do not open or cannot be read.
  }
  return {.reason = any(vacant_) ? TurnedAway::kNoSuchSize : TurnedAway::kFull};
}

}  // namespace cubby::core
