#include "firmware/core/retention.h"

#include <algorithm>

#include "firmware/core/rules.h"

namespace cubby::core {
namespace {
constexpr std::uint64_t kHourMs = 3'600'000;
constexpr Duration kRetry = Duration::minutes(1);
}  // namespace

std::uint32_t Retention::hours_of(const Parcel& parcel) const {
  return std::max<std::uint32_t>(parcel.kept_hours, term_hours(*config_, parcel.carrier.view()));
}

void Retention::refresh(std::uint8_t compartment, const Compartment& now) {
  CUBBY_ASSERT(config_ != nullptr);
  auto& due = due_on_ms_[compartment - 1U];
  const auto old = due;
  const bool runs = now.state == CompartmentState::kOccupied;
  due = runs ? now.parcel.deposited_on_ms + hours_of(now.parcel) * kHourMs + now.parcel.extra_hours * kHourMs : kNever;
  if (due <= next_on_ms_) {
    next_on_ms_ = due;
  } else if (old == next_on_ms_) {
    find_next();
  }
}

void Retention::find_next() {
  next_on_ms_ = *std::min_element(due_on_ms_.begin(), due_on_ms_.end());
}

void Retention::tick(Recorder& recorder, Instant now) {
  if (next_on_ms_ == kNever || recorder.on_ms() < next_on_ms_ || now < retry_at_ || !recorder.healthy()) {
    return;
  }
  for (std::uint8_t number = 1; number <= limits::kCompartmentsMax; ++number) {
    const auto& compartment = recorder.state().compartment(number);
    if (due_on_ms_[number - 1U] > recorder.on_ms() || compartment.state != CompartmentState::kOccupied) {
      continue;
    }
    auto& body = recorder.begin(cubby_v1_Event_overdue_tag).body.overdue;
    body.compartment = number;
    body.counter = compartment.parcel.counter;
    if (recorder.commit() != Status::kOk) {
      retry_at_ = now + kRetry;
      return;
    }
    due_on_ms_[number - 1U] = kNever;
  }
  find_next();
}

Instant Retention::deadline(const Recorder& recorder) const {
  if (next_on_ms_ == kNever || !recorder.healthy()) {
    return Instant::max();
  }
  return std::max(recorder.instant_of(next_on_ms_), retry_at_);
}

}  // namespace cubby::core
