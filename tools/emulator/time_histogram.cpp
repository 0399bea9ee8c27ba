#include "tools/emulator/time_histogram.h"

#include <algorithm>
#include <bit>

namespace cubby::tools {
namespace {

constexpr std::size_t kFraction = 32;  // Buckets between a power of two and the next.
constexpr std::size_t kFractionBits = 5;

// Below 64 every microsecond has a bucket; above, its six highest bits choose one.
std::size_t bucket_of(std::uint64_t us) {
  if (us < 2 * kFraction) {
    return us;
  }
  const std::size_t shift = std::bit_width(us) - kFractionBits - 1;
  return kFraction * shift + (us >> shift);
}

}  // namespace

std::uint64_t TimeHistogram::bound_us(std::size_t bucket) {
  if (bucket < 2 * kFraction) {
    return bucket;
  }
  const std::size_t shift = bucket / kFraction - 1;
  return ((bucket - kFraction * shift + 1) << shift) - 1;
}

void TimeHistogram::add(std::uint64_t us, std::uint64_t count) {
  if (count > 0) {
    us = std::min(us, kMaxUs);
    counts_[bucket_of(us)] += count;
    count_ += count;
    max_us_ = std::max(max_us_, us);
  }
}

void TimeHistogram::add(const TimeHistogram& other) {
  for (std::size_t i = 0; i < kBuckets; ++i) {
    counts_[i] += other.counts_[i];
  }
  count_ += other.count_;
  max_us_ = std::max(max_us_, other.max_us_);
}

std::uint64_t TimeHistogram::quantile_us(std::uint64_t numerator, std::uint64_t denominator) const {
  const std::uint64_t rank = (count_ * numerator + denominator - 1) / denominator;
  std::uint64_t passed = 0;
  for (std::size_t i = 0; i < kBuckets; ++i) {
    passed += counts_[i];
    if (passed >= rank && passed > 0) {
      return std::min(bound_us(i), max_us_);
    }
  }
  return 0;
}

}  // namespace cubby::tools
