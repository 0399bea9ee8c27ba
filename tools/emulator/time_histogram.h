#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace cubby::tools {

/// Times in microseconds as counts in fixed buckets, 32 between a power of two and the next: 8 KiB whatever happens,
/// and histograms of different seconds are added bucket by bucket.
class TimeHistogram {
 public:
  static constexpr std::size_t kBuckets = 1024;
  /// 19 hours; what is longer counts as that.
  static constexpr std::uint64_t kMaxUs = (std::uint64_t{1} << 36) - 1;

  /// The longest time that falls into a bucket, at most 3.2 % above any other of it.
  static std::uint64_t bound_us(std::size_t bucket);
  /// `count` times.
  void add(std::uint64_t us, std::uint64_t count);
  void add(const TimeHistogram& other);
  std::uint64_t count() const { return count_; }
  std::uint64_t count_of(std::size_t bucket) const { return counts_[bucket]; }
  /// The longest, exactly; 0: there are none.
  std::uint64_t max_us() const { return max_us_; }
  /// Within which the share `numerator` / `denominator` of the times lies; never too short, at most 3.2 % too long.
  /// 0: there are none.
  std::uint64_t quantile_us(std::uint64_t numerator, std::uint64_t denominator) const;

 private:
  std::array<std::uint64_t, kBuckets> counts_{};
  std::uint64_t count_ = 0;
  std::uint64_t max_us_ = 0;
};

}  // namespace cubby::tools
