#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "firmware/base/bytes.h"

/// How long parcels stayed, as counts in fixed buckets whose bounds grow by 4 %: any quantile is known to 2 %, and
/// histograms of different stations and days are added bucket by bucket. docs/spec/store.md
namespace cubby::aggregator {

inline constexpr std::uint64_t kDwellMsMax = std::uint64_t{1} << 40;  // 35 years; more is a broken clock.

/// Bucket of a time, 0 to kDwellBuckets - 1. `dwell_ms` is at most kDwellMsMax.
std::uint16_t dwell_bucket(std::uint64_t dwell_ms);
/// The time that stands for all of a bucket: at most 2 % from each of them, from one second on; half a second for
/// bucket 0, which holds everything below one second.
std::uint64_t dwell_of_bucket(std::size_t bucket);
extern const std::size_t kDwellBuckets;

/// One bucket's share of a packed histogram.
struct DwellCount {
  std::uint16_t bucket = 0;
  std::uint64_t count = 0;  // > 0.
};

/// Walks over a packed histogram: buckets in ascending order, empty ones left out.
class PackedDwells {
 public:
  explicit PackedDwells(Bytes packed) : rest_(packed) {}
  /// False at the end, and when the bytes are none that DwellPacker writes.
  bool next(DwellCount& entry);
  /// Goes over the entries of buckets below that one; stops where the bytes are malformed.
  void skip_below(std::size_t bucket);
  /// Bucket of the entry that next() would give; beyond all buckets at the end, and if its bytes are malformed.
  std::size_t next_bucket() const;
  /// Of the entry that was gone over or taken last; -1: none was.
  std::int32_t last_bucket() const { return last_; }
  bool malformed() const { return malformed_; }
  /// Bytes that are left.
  std::size_t rest() const { return rest_.size(); }

 private:
  Bytes rest_;
  std::int32_t last_ = -1;
  bool malformed_ = false;
};

/// Writes packed histograms; entries come in ascending order of their buckets.
class DwellPacker {
 public:
  explicit DwellPacker(std::vector<std::byte>& out) : out_(out) { out_.clear(); }
  void put(const DwellCount& entry);
  /// Entries that are packed already, the last of them for `last_bucket`; they follow what was written so far.
  void copy(Bytes run, std::int32_t last_bucket);

 private:
  std::vector<std::byte>& out_;
  std::int32_t last_ = -1;
};

/// `out` becomes the sum of two packed histograms. False: one of them is malformed.
bool merge_dwells(Bytes a, Bytes b, std::vector<std::byte>& out);

/// A histogram to add others to and to ask. Empty, it owns no memory.
class DwellHistogram {
 public:
  /// Adds a packed one. False: it is malformed; what came before the fault is added.
  bool add(Bytes packed);
  /// Takes away a part of what was added. False: likewise.
  bool subtract(Bytes packed);
  /// Adds one stay.
  void add(std::uint16_t bucket);
  std::uint64_t count() const { return count_; }
  /// The time in milliseconds within which the share `numerator` / `denominator` of the parcels left, to 2 %: of n
  /// parcels the ceil(n x share)-th. nullopt: there are none.
  std::optional<std::uint64_t> quantile_ms(std::uint64_t numerator, std::uint64_t denominator) const;
  /// Forgets everything and gives the memory back.
  void clear();

 private:
  std::vector<std::uint64_t> counts_;
  std::uint64_t count_ = 0;
};

}  // namespace cubby::aggregator
