#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "firmware/base/bytes.h"
#include "tools/aggregator/core/varint.h"

/// Rows of statistics that are stored together: all doors of a station, all hours of a day. Adding some rows to many
/// costs what the some cost, and a copy. docs/spec/store.md, "Groups"
namespace cubby::aggregator {

/// Walks over the rows of a group, in ascending order of their members.
class RowGroupReader {
 public:
  explicit RowGroupReader(Bytes group) : begin_(group.data()), rest_(group) {}
  /// False at the end, and when the bytes are none that RowGroupWriter writes.
  bool next();
  std::uint32_t member() const { return member_; }
  /// The row's sums and histogram, as RowSums reads them.
  Bytes body() const { return body_; }
  /// Where the row ends in the group.
  std::size_t end() const { return static_cast<std::size_t>(rest_.data() - begin_); }
  bool malformed() const { return malformed_; }

 private:
  const std::byte* begin_;
  Bytes rest_;
  Bytes body_;
  std::uint32_t member_ = 0;
  bool has_member_ = false;
  bool malformed_ = false;
};

/// One row's sums that are not zero, in ascending order of their slots.
class RowSums {
 public:
  explicit RowSums(Bytes body);
  /// False at the end, and when the bytes are malformed.
  bool next();
  unsigned slot() const { return slot_; }
  /// One bit each, of those that next() has not given yet.
  std::uint64_t slots() const { return slots_; }
  std::int64_t value() const { return from_zigzag(value_); }
  /// The packed histogram; only after next() has said false.
  Bytes dwells() const { return rest_; }
  bool malformed() const { return malformed_; }

 private:
  Bytes rest_;
  std::uint64_t slots_ = 0;  // Those that are still to come.
  unsigned slot_ = 0;
  std::uint64_t value_ = 0;
  bool malformed_ = false;
};

class RowGroupWriter {
 public:
  explicit RowGroupWriter(std::vector<std::byte>& out) : out_(out) { out_.clear(); }
  /// Members come in ascending order. `sums` by slot, at most 64; a row of zeros without dwells is not put.
  void put(std::uint32_t member, std::span<const std::int64_t> sums, Bytes dwells);
  /// The same where it is known which are not zero: one bit each in `slots`; others are not looked at.
  void put(std::uint32_t member, std::uint64_t slots, std::span<const std::int64_t> sums, Bytes dwells);
  /// The same, encoded.
  void put(std::uint32_t member, Bytes body);
  /// Whole rows as they are in another group.
  void copy(Bytes rows) { out_.insert(out_.end(), rows.begin(), rows.end()); }

 private:
  std::vector<std::byte>& out_;
};

/// Adds groups to groups; keeps its memory from one to the next.
class RowGroupAdder {
 public:
  /// `out` becomes the sum, member by member. False: malformed, as far as it had to be read.
  bool add(Bytes many, Bytes few, std::vector<std::byte>& out);

 private:
  bool add_bodies(Bytes a, Bytes b);

  std::vector<std::byte> body_;
  std::vector<std::byte> dwells_;
};

}  // namespace cubby::aggregator
