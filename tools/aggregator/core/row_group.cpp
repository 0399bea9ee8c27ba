#include "tools/aggregator/core/row_group.h"

#include <algorithm>
#include <array>
#include <bit>

#include "tools/aggregator/core/dwell_histogram.h"
#include "tools/aggregator/core/varint.h"

namespace cubby::aggregator {
namespace {

constexpr std::uint32_t kMemberMax = 255;
using Numbers = std::array<std::byte, 65 * kVarintMax>;  // Of a row: which slots, and a sum each.

}  // namespace

bool RowGroupReader::next() {
  if (rest_.empty() || malformed_) {
    return false;
  }
  malformed_ = true;
  std::uint64_t member = 0;
  std::uint64_t size = 0;
  if (!take_varint(rest_, member) || member > kMemberMax || (has_member_ && member <= member_) ||
      !take_varint(rest_, size) || size > rest_.size()) {
    return false;
  }
  member_ = static_cast<std::uint32_t>(member);
  has_member_ = true;
  body_ = rest_.first(static_cast<std::size_t>(size));
  rest_ = rest_.subspan(static_cast<std::size_t>(size));
  malformed_ = false;
  return true;
}

RowSums::RowSums(Bytes body) : rest_(body) {
  malformed_ = !take_varint(rest_, slots_);
}

bool RowSums::next() {
  if (slots_ == 0 || malformed_) {
    return false;
  }
  slot_ = static_cast<unsigned>(std::countr_zero(slots_));
  slots_ &= slots_ - 1;
  malformed_ = !take_varint(rest_, value_);
  return !malformed_;
}

void RowGroupWriter::put(std::uint32_t member, std::span<const std::int64_t> sums, Bytes dwells) {
  std::uint64_t slots = 0;
  for (std::size_t i = 0; i < sums.size(); ++i) {
    slots |= static_cast<std::uint64_t>(sums[i] != 0) << i;
  }
  put(member, slots, sums, dwells);
}

void RowGroupWriter::put(std::uint32_t member, std::uint64_t slots, std::span<const std::int64_t> sums, Bytes dwells) {
  if (slots == 0 && dwells.empty()) {
    return;
  }
  Numbers numbers;
  std::byte* end = put_varint(slots, numbers.data());
  for (; slots != 0; slots &= slots - 1) {
    end = put_varint(zigzag(sums[static_cast<std::size_t>(std::countr_zero(slots))]), end);
  }
  put_varint(member, out_);
  put_varint(static_cast<std::size_t>(end - numbers.data()) + dwells.size(), out_);
  out_.insert(out_.end(), numbers.data(), end);
  out_.insert(out_.end(), dwells.begin(), dwells.end());
}

void RowGroupWriter::put(std::uint32_t member, Bytes body) {
  put_varint(member, out_);
  put_varint(body.size(), out_);
  out_.insert(out_.end(), body.begin(), body.end());
}

// Both are in the order of slots; a sum that becomes zero keeps its place.
bool RowGroupAdder::add_bodies(Bytes a, Bytes b) {
  std::uint64_t left = 0;
  std::uint64_t right = 0;
  if (!take_varint(a, left) || !take_varint(b, right)) {
    return false;
  }
  Numbers numbers;
  std::byte* end = put_varint(left | right, numbers.data());
  for (std::uint64_t rest = left | right; rest != 0; rest &= rest - 1) {
    const std::uint64_t slot = rest & (0 - rest);
    std::uint64_t from_left = 0;
    std::uint64_t from_right = 0;
    if (((left & slot) != 0 && !take_varint(a, from_left)) || ((right & slot) != 0 && !take_varint(b, from_right))) {
      return false;
    }
    // Unsigned: what does not fit must not stop the machine.
    const std::uint64_t sum =
        static_cast<std::uint64_t>(from_zigzag(from_left)) + static_cast<std::uint64_t>(from_zigzag(from_right));
    end = put_varint(zigzag(static_cast<std::int64_t>(sum)), end);
  }
  body_.assign(numbers.data(), end);
  if (a.empty() && b.empty()) {
    return true;
  }
  if (!merge_dwells(a, b, dwells_)) {
    return false;
  }
  body_.insert(body_.end(), dwells_.begin(), dwells_.end());
  return true;
}

bool RowGroupAdder::add(Bytes many, Bytes few, std::vector<std::byte>& out) {
  RowGroupReader old(many);
  RowGroupReader added(few);
  RowGroupWriter writer(out);
  std::size_t copied = 0;  // Bytes of `many` that `out` has already.
  std::size_t before = 0;  // Where the row begins that `old` is at.
  bool has_old = old.next();
  while (added.next()) {
    while (has_old && old.member() < added.member()) {
      before = old.end();
      has_old = old.next();
    }
    writer.copy(many.subspan(copied, before - copied));
    copied = before;
    if (!has_old || old.member() != added.member()) {
      writer.put(added.member(), added.body());
      continue;
    }
    if (!add_bodies(old.body(), added.body())) {
      return false;
    }
    writer.put(added.member(), body_);
    copied = before = old.end();
    has_old = old.next();
  }
  writer.copy(many.subspan(copied));
  return !old.malformed() && !added.malformed();
}

}  // namespace cubby::aggregator
