#include "tools/aggregator/core/dwell_histogram.h"

#include <algorithm>
#include <array>
#include <bit>

#include "tools/aggregator/core/varint.h"

namespace cubby::aggregator {
namespace {

constexpr std::uint64_t kFirstBoundMs = 1'000;
constexpr std::uint64_t kGrowth = 25;  // A bucket is 1/25 of its lower bound wide, so its middle is 1/50 = 2 % away.

constexpr std::size_t count_bounds() {
  std::size_t count = 1;
  for (std::uint64_t bound = kFirstBoundMs; bound <= kDwellMsMax; bound += bound / kGrowth) {
    ++count;
  }
  return count;
}
constexpr std::size_t kBucketCount = count_bounds();
static_assert(kBucketCount < 1'000);

/// Lower bounds of the buckets, in integers: the same on every machine and compiler.
constexpr std::array<std::uint64_t, kBucketCount + 1> kBounds = [] {
  std::array<std::uint64_t, kBucketCount + 1> bounds{};
  std::uint64_t bound = kFirstBoundMs;
  for (std::size_t i = 1; i <= kBucketCount; ++i) {
    bounds[i] = bound;
    bound += bound / kGrowth;
  }
  return bounds;
}();
static_assert(kBounds[kBucketCount] > kDwellMsMax);

constexpr std::size_t kWidths = std::bit_width(kDwellMsMax) + 1;
/// The bucket in which the times of so many binary digits begin.
constexpr std::array<std::uint16_t, kWidths + 1> kFirstOfWidth = [] {
  std::array<std::uint16_t, kWidths + 1> first{};
  for (std::size_t width = 1; width <= kWidths; ++width) {
    const std::uint64_t least = std::uint64_t{1} << (width - 1);
    std::size_t bucket = 0;
    while (bucket + 1 < kBucketCount && kBounds[bucket + 1] <= least) {
      ++bucket;
    }
    first[width] = static_cast<std::uint16_t>(bucket);
  }
  return first;
}();

}  // namespace

const std::size_t kDwellBuckets = kBucketCount;

std::uint16_t dwell_bucket(std::uint64_t dwell_ms) {
  const auto width = static_cast<std::size_t>(std::bit_width(std::min(dwell_ms, kDwellMsMax)));
  const auto* const from = kBounds.data() + kFirstOfWidth[width] + 1;
  const auto* const to = kBounds.data() + kFirstOfWidth[std::min(width + 1, kWidths)] + 1;
  return static_cast<std::uint16_t>(std::upper_bound(from, to, dwell_ms) - kBounds.data() - 1);
}

std::uint64_t dwell_of_bucket(std::size_t bucket) {
  return (kBounds[bucket] + kBounds[bucket + 1]) / 2;
}

// An entry is the distance from the bucket before, less one, doubled; odd if a count follows, which is then at
// least 2. A lone parcel near others is one byte.
bool PackedDwells::next(DwellCount& entry) {
  if (rest_.empty() || malformed_) {
    return false;
  }
  malformed_ = true;
  std::uint64_t head = 0;
  std::uint64_t more = 0;
  if (!take_varint(rest_, head) || head / 2 >= kBucketCount || ((head & 1) != 0 && !take_varint(rest_, more))) {
    return false;
  }
  last_ += static_cast<std::int32_t>(head / 2) + 1;
  if (static_cast<std::size_t>(last_) >= kBucketCount) {
    return false;
  }
  entry = {.bucket = static_cast<std::uint16_t>(last_), .count = (head & 1) == 0 ? 1 : more + 2};
  malformed_ = false;
  return true;
}

// Nearly all of what is merged is gone over. Entries of one to three bytes are told apart without a branch: which of
// them comes next is hard to guess.
void PackedDwells::skip_below(std::size_t bucket) {
  const auto end = static_cast<std::int32_t>(std::min(bucket, kBucketCount));
  for (DwellCount entry; next_bucket() < static_cast<std::size_t>(end) && next(entry);) {
    std::size_t at = 0;
    while (rest_.size() - at >= 3) {
      const auto head = std::to_integer<std::uint32_t>(rest_[at]);
      const auto count = std::to_integer<std::uint32_t>(rest_[at + 1]);
      const std::int32_t reached = last_ + static_cast<std::int32_t>(head / 2) + 1;
      const std::uint32_t has_count = head & 1;
      const std::uint32_t is_long = has_count & count >> 7;
      if (head >= 0x80 || reached >= end || (is_long & std::to_integer<std::uint32_t>(rest_[at + 2]) >> 7) != 0) {
        break;
      }
      at += 1 + has_count + is_long;
      last_ = reached;
    }
    rest_ = rest_.subspan(at);
  }
}

std::size_t PackedDwells::next_bucket() const {
  Bytes rest = rest_;
  std::uint64_t head = 0;
  const bool has_next = !malformed_ && take_varint(rest, head) && head / 2 < kBucketCount;
  return has_next ? static_cast<std::size_t>(last_ + 1) + static_cast<std::size_t>(head / 2) : kBucketCount;
}

void DwellPacker::copy(Bytes run, std::int32_t last_bucket) {
  if (!run.empty()) {
    out_.insert(out_.end(), run.begin(), run.end());
    last_ = last_bucket;
  }
}

void DwellPacker::put(const DwellCount& entry) {
  const auto distance = static_cast<std::uint64_t>(entry.bucket - last_ - 1);
  last_ = entry.bucket;
  put_varint(distance * 2 + (entry.count > 1 ? 1 : 0), out_);
  if (entry.count > 1) {
    put_varint(entry.count - 2, out_);
  }
}

// Almost always a few parcels come to many: what lies between them is copied as it is.
bool merge_dwells(Bytes a, Bytes b, std::vector<std::byte>& out) {
  PackedDwells many(a);
  PackedDwells few(b);
  DwellPacker packer(out);
  DwellCount old;
  bool moved = false;  // The next of `many` follows a bucket that `a` does not have: its distance is another.
  const auto copy_below = [&](std::size_t bucket) {
    if (moved && many.next_bucket() < bucket && many.next(old)) {
      packer.put(old);
      moved = false;
    }
    const std::size_t begin = a.size() - many.rest();
    many.skip_below(bucket);
    packer.copy(a.subspan(begin, a.size() - many.rest() - begin), many.last_bucket());
  };
  for (DwellCount added; few.next(added);) {
    copy_below(added.bucket);
    const bool both = many.next_bucket() == added.bucket && many.next(old);
    packer.put({.bucket = added.bucket, .count = added.count + (both ? old.count : 0)});
    moved = !both;
  }
  copy_below(kBucketCount);
  return many.rest() == 0 && !many.malformed() && !few.malformed();
}

bool DwellHistogram::add(Bytes packed) {
  PackedDwells reader(packed);
  DwellCount entry;
  while (reader.next(entry)) {
    counts_.resize(kBucketCount, 0);
    counts_[entry.bucket] += entry.count;
    count_ += entry.count;
  }
  return !reader.malformed();
}

bool DwellHistogram::subtract(Bytes packed) {
  PackedDwells reader(packed);
  DwellCount entry;
  while (reader.next(entry)) {
    counts_.resize(kBucketCount, 0);
    counts_[entry.bucket] -= entry.count;
    count_ -= entry.count;
  }
  return !reader.malformed();
}

void DwellHistogram::add(std::uint16_t bucket) {
  counts_.resize(kBucketCount, 0);
  ++counts_[bucket];
  ++count_;
}

std::optional<std::uint64_t> DwellHistogram::quantile_ms(std::uint64_t numerator, std::uint64_t denominator) const {
  if (count_ == 0) {
    return std::nullopt;
  }
  // In parts, so that no count overflows.
  const std::uint64_t whole = count_ / denominator * numerator;
  const std::uint64_t part = (count_ % denominator * numerator + denominator - 1) / denominator;
  const std::uint64_t rank = std::max<std::uint64_t>(1, whole + part);
  std::uint64_t seen = 0;
  for (std::size_t bucket = 0; bucket < kBucketCount; ++bucket) {
    seen += counts_[bucket];
    if (seen >= rank) {
      return dwell_of_bucket(bucket);
    }
  }
  return std::nullopt;
}

void DwellHistogram::clear() {
  counts_ = {};
  count_ = 0;
}

}  // namespace cubby::aggregator
