#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "emulator/people/people.h"
#include "firmware/base/bytes.h"

/// What the notifier reads of the bytes that pass. Field by field: of each it wants a few, and the controller and the
/// centre decode the same bytes whole.
namespace cubby::emulator {

struct DepositNotice {
  CodeSource code;
  std::uint8_t compartment = 0;  // Number.
  std::string_view parcel;       // Points into the event.
};

/// Of an encoded Deposited; nullopt: it is none.
std::optional<DepositNotice> read_deposited(Bytes body);

/// The newest event that the centre says is durable; nullopt: the encoded Down is no Ack.
std::optional<std::uint64_t> read_ack(Bytes down);

}  // namespace cubby::emulator
