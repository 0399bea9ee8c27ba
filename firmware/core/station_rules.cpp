#include <algorithm>

#include "firmware/base/assert.h"
#include "firmware/core/byte_cursor.h"
#include "firmware/core/station_state.h"

/// What StationState knows of an operator's rules. Layout: docs/spec/records.md.
namespace cubby::core {

void StationState::apply_rules(Bytes payload) {
  if (payload.size() > rules_.size()) {
    ++repairs_;
    return;
  }
  std::copy(payload.begin(), payload.end(), rules_.begin());
  rules_size_ = payload.size();
}

void StationState::apply_terms_kept(Bytes payload) {
  for (ByteReader reader(payload); !reader.at_end();) {
    const auto number = reader.get<std::uint8_t>();
    const auto hours = reader.get<std::uint16_t>();
    if (!reader.ok() || number < 1 || number > limits::kCompartmentsMax || hours < 1 ||
        hours > limits::kRetentionHoursMax) {
      ++repairs_;
      return;  // All of it or nothing.
    }
  }
  for (ByteReader reader(payload); !reader.at_end();) {
    const auto number = reader.get<std::uint8_t>();
    const auto hours = reader.get<std::uint16_t>();
    if (auto& parcel = compartments_[number - 1U].parcel; parcel.counter != 0) {
      parcel.kept_hours = hours;
      set_bit(changed_, number, true);
    }
  }
}

void StationState::write_rules_item(std::size_t place, ByteWriter& writer) const {
  const auto begin = place * kRulesPerItem;
  if (begin < rules_size_) {
    writer.put(static_cast<std::uint16_t>(begin));
    writer.put_bytes(Bytes(rules_).subspan(begin, std::min(kRulesPerItem, rules_size_ - begin)));
  }
}

/// Pieces come in order; after one that does not, the rules are not whole and are not used.
void StationState::read_rules_item(Bytes body) {
  ByteReader reader(body);
  const std::size_t begin = reader.get<std::uint16_t>();
  const auto piece = body.subspan(std::min(body.size(), sizeof(std::uint16_t)));
  if (!reader.ok() || begin != rules_size_ || piece.size() > rules_.size() - begin) {
    ++repairs_;
    rules_size_ = 0;
    return;
  }
  std::copy(piece.begin(), piece.end(), rules_.begin() + static_cast<std::ptrdiff_t>(begin));
  rules_size_ += piece.size();
}

}  // namespace cubby::core
