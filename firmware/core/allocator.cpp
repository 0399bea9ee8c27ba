#include "firmware/core/allocator.h"

#include <algorithm>
#include <bit>

#include "firmware/base/assert.h"

namespace cubby::core {
namespace {

/// Number of the first set bit after number `after`, going round; 0: none is set.
std::uint8_t first_after(const CompartmentBits& bits, std::uint8_t after) {
  const std::size_t start = after % limits::kCompartmentsMax;  // Index of number after + 1.
  for (std::size_t step = 0; step <= bits.size(); ++step) {
    const auto word = (start / 64 + step) % bits.size();
    auto value = bits[word];
    if (step == 0) {
      value &= ~std::uint64_t{0} << (start % 64);
    }
    if (value != 0) {
      return static_cast<std::uint8_t>(word * 64 + static_cast<std::size_t>(std::countr_zero(value)) + 1);
    }
  }
  return 0;
}

}  // namespace

void Allocator::configure(const cubby_v1_StationConfig& config) {
  config_ = &config;
  vacant_ = {};
}

void Allocator::refresh(std::uint8_t compartment, const Compartment& now) {
  CUBBY_ASSERT(config_ != nullptr);
  if (compartment > config_->door_size_count) {
    return;  // A door of an older configuration.
  }
  const auto size_index = static_cast<std::size_t>(config_->door_size[compartment - 1U]) - 1;
  set_bit(vacant_[size_index], compartment, now.state == CompartmentState::kVacant);
}

std::uint8_t Allocator::pick(std::size_t size_index, const Request& request) {
  CompartmentBits free = vacant_[size_index];
  for (std::size_t i = 0; i < free.size(); ++i) {
    free[i] &= request.usable[i] & ~request.tried[i];
  }
  const auto number = first_after(free, after_[size_index]);
  if (number != 0) {
    after_[size_index] = number;
  }
  return number;
}

bool Allocator::share_used_up(std::string_view carrier, const StationState& state) const {
  for (std::size_t i = 0; i < config_->brands_count; ++i) {
    const auto& brand = config_->brands[i];
    if (brand.share_percent == 0 || carrier != std::string_view(brand.carrier)) {
      continue;
    }
    std::uint32_t held = 0;
    for (std::uint8_t number = 1; number <= config_->door_size_count; ++number) {
      const auto& compartment = state.compartment(number);
      held += compartment.parcel.counter != 0 && compartment.parcel.carrier.view() == carrier ? 1 : 0;
    }
    for (std::size_t slot = 0; slot < StationState::kOpeningsMax; ++slot) {
      const auto& intent = state.opening(slot).intent;
      held += intent.compartment != 0 && fills(intent.purpose) && intent.carrier.view() == carrier ? 1 : 0;
    }
    return held >= static_cast<std::uint32_t>(config_->door_size_count) * brand.share_percent / 100;
  }
  return false;
}

Allocation Allocator::choose(const Request& request, const StationState& state) {
  CUBBY_ASSERT(config_ != nullptr && request.size >= 1 && request.size <= kSizes);
  if (share_used_up(request.carrier, state)) {
    return {.reason = TurnedAway::kShareUsedUp};
  }
  bool fits = false;
  const auto last = std::min<std::size_t>(kSizes, request.size + config_->upsizing_steps);
  for (std::size_t size = request.size; size <= last; ++size) {
    if (const auto number = pick(size - 1, request); number != 0) {
      return {.compartment = number};
    }
    fits |= any(vacant_[size - 1]);
  }
  if (fits) {
    return {.reason = TurnedAway::kFault};  // Vacant, but their doors do not open or cannot be read.
  }
  bool vacant = false;
  for (const auto& bits : vacant_) {
    vacant |= any(bits);
  }
  return {.reason = vacant ? TurnedAway::kNoSuchSize : TurnedAway::kFull};
}

}  // namespace cubby::core
