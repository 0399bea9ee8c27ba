#include "tools/aggregator/core/event_parser.h"

#include <google/protobuf/stubs/logging.h>

#include <array>

namespace cubby::aggregator {
namespace {

enum class Slot : std::uint8_t {
  kNone,
  kCompartment,
  kIgnoredNumber,
  kIgnoredText,
  kIgnoredFixed,
  kCarrier,
  kSize,
  kAttempts,
  kOpenMs,
  kDwell,
  kReason,
  kLockout,
  kHardStop,
  kItem,
};

constexpr std::size_t kBodyFieldsMax = 12;
using BodyFields = std::array<Slot, kBodyFieldsMax>;  // By field number; 0 unused.

// Bodies kFirstBody..kLastBody of Event, in that order (event.proto).
constexpr unsigned kFirstBody = 4;
constexpr unsigned kLastBody = 13;
constexpr std::array<BodyFields, kLastBody - kFirstBody + 1> kBodies = {{
    {Slot::kNone, Slot::kCompartment, Slot::kIgnoredNumber, Slot::kIgnoredText, Slot::kCarrier, Slot::kSize,
     Slot::kIgnoredFixed, Slot::kAttempts, Slot::kOpenMs, Slot::kIgnoredNumber, Slot::kIgnoredNumber, Slot::kItem},
    {Slot::kNone, Slot::kCompartment, Slot::kIgnoredNumber, Slot::kCarrier, Slot::kSize, Slot::kDwell, Slot::kAttempts,
     Slot::kOpenMs, Slot::kItem},
    {Slot::kNone, Slot::kCompartment, Slot::kIgnoredNumber, Slot::kCarrier, Slot::kSize, Slot::kDwell, Slot::kAttempts,
     Slot::kOpenMs, Slot::kItem},
    {Slot::kNone, Slot::kCompartment, Slot::kIgnoredNumber},
    {Slot::kNone, Slot::kReason, Slot::kSize, Slot::kCarrier},
    {Slot::kNone, Slot::kIgnoredNumber, Slot::kLockout, Slot::kHardStop},
    {Slot::kNone, Slot::kCompartment, Slot::kIgnoredNumber, Slot::kReason, Slot::kAttempts, Slot::kIgnoredNumber},
    {Slot::kNone, Slot::kCompartment, Slot::kIgnoredNumber, Slot::kCarrier, Slot::kSize, Slot::kAttempts, Slot::kOpenMs,
     Slot::kItem},
    {Slot::kNone, Slot::kCompartment, Slot::kIgnoredNumber, Slot::kIgnoredText, Slot::kCarrier, Slot::kSize,
     Slot::kAttempts, Slot::kOpenMs, Slot::kIgnoredNumber, Slot::kIgnoredNumber, Slot::kItem},
    {Slot::kNone, Slot::kCompartment, Slot::kIgnoredNumber, Slot::kCarrier, Slot::kSize, Slot::kDwell, Slot::kAttempts,
     Slot::kOpenMs, Slot::kItem},
}};

using Octet = unsigned char;

// Nine bytes at most: a tenth is left to libprotobuf.
bool take_varint(const Octet*& at, const Octet* end, std::uint64_t& value) {
  std::uint64_t result = 0;
  for (unsigned shift = 0; shift < 63; shift += 7) {
    if (at == end) {
      return false;
    }
    const std::uint64_t octet = *at++;
    result |= (octet & 0x7F) << shift;
    if (octet < 0x80) {
      value = result;
      return true;
    }
  }
  return false;
}

bool take_ascii(const Octet*& at, const Octet* end, std::string_view& text) {
  std::uint64_t size = 0;
  if (!take_varint(at, end, size) || size > static_cast<std::uint64_t>(end - at)) {
    return false;
  }
  text = {reinterpret_cast<const char*>(at), static_cast<std::size_t>(size)};
  at += size;
  for (const char c : text) {
    if (static_cast<Octet>(c) >= 0x80) {
      return false;
    }
  }
  return true;
}

constexpr unsigned wire_of(Slot slot) {
  switch (slot) {
    case Slot::kIgnoredText:
    case Slot::kCarrier:
      return 2;
    case Slot::kIgnoredFixed:
      return 1;
    case Slot::kNone:
    case Slot::kCompartment:
    case Slot::kIgnoredNumber:
    case Slot::kSize:
    case Slot::kAttempts:
    case Slot::kOpenMs:
    case Slot::kDwell:
    case Slot::kReason:
    case Slot::kLockout:
    case Slot::kHardStop:
    case Slot::kItem:
      break;
  }
  return 0;
}

void put_number(Slot slot, std::uint64_t value, EventView& view) {
  const auto low = static_cast<std::uint32_t>(value);  // As libprotobuf cuts a uint32 or an enum.
  switch (slot) {
    case Slot::kCompartment:
      view.compartment = low;
      break;
    case Slot::kSize:
      view.size = low;
      break;
    case Slot::kAttempts:
      view.attempts = low;
      break;
    case Slot::kOpenMs:
      view.open_ms = low;
      break;
    case Slot::kDwell:
      view.has_dwell = true;
      view.dwell_ms = value;
      break;
    case Slot::kReason:
      view.reason = low;
      break;
    case Slot::kLockout:
      view.lockout_s = low;
      break;
    case Slot::kHardStop:
      view.hard_stop = value != 0;
      break;
    case Slot::kItem:
      view.item = low;
      break;
    case Slot::kNone:
    case Slot::kIgnoredNumber:
    case Slot::kIgnoredText:
    case Slot::kIgnoredFixed:
    case Slot::kCarrier:
      break;
  }
}

bool walk_body(const BodyFields& fields, const Octet* at, const Octet* end, EventView& view) {
  while (at != end) {
    const unsigned tag = *at++;
    const unsigned number = tag >> 3;
    if (number >= kBodyFieldsMax || fields[number] == Slot::kNone || wire_of(fields[number]) != (tag & 7)) {
      return false;
    }
    const Slot slot = fields[number];
    if ((tag & 7) == 1) {
      if (end - at < 8) {
        return false;
      }
      at += 8;
      continue;
    }
    if ((tag & 7) == 2) {
      std::string_view text;
      if (!take_ascii(at, end, text)) {
        return false;
      }
      if (slot == Slot::kCarrier) {
        view.carrier = text;
      }
      continue;
    }
    std::uint64_t value = 0;
    if (!take_varint(at, end, value)) {
      return false;
    }
    put_number(slot, value, view);
  }
  return true;
}

// False: not one of the frequent kinds in their usual form.
bool walk(Bytes payload, EventView& view) {
  const auto* at = reinterpret_cast<const Octet*>(payload.data());
  const Octet* const end = at + payload.size();
  std::uint64_t value = 0;
  while (at != end) {
    const unsigned tag = *at++;
    switch (tag) {
      case 0x08:
        if (!take_varint(at, end, value)) {
          return false;
        }
        view.boot = static_cast<std::uint32_t>(value);
        continue;
      case 0x10:
        if (!take_varint(at, end, value)) {
          return false;
        }
        continue;
      case 0x18:
        if (!take_varint(at, end, value)) {
          return false;
        }
        view.has_wall = true;
        view.wall_ms = value;
        continue;
      default:
        break;
    }
    const unsigned number = tag >> 3;
    // A second body would have to be merged or to replace the first: not here.
    if ((tag & 7) != 2 || number < kFirstBody || number > kLastBody || view.kind != EventKind::kNone) {
      return false;
    }
    if (!take_varint(at, end, value) || value > static_cast<std::uint64_t>(end - at)) {
      return false;
    }
    view.kind = static_cast<EventKind>(number);
    if (!walk_body(kBodies[number - kFirstBody], at, at + value, view)) {
      return false;
    }
    at += value;
  }
  return view.kind != EventKind::kNone;
}

template <typename Opening>
void put_opening(const Opening& body, EventView& view) {
  view.compartment = body.compartment();
  view.carrier = body.carrier();
  view.size = static_cast<std::uint32_t>(body.size());
  view.attempts = body.attempts();
  view.open_ms = body.open_ms();
  view.item = static_cast<std::uint32_t>(body.item());
}

template <typename Closing>
void put_closing(const Closing& body, EventView& view) {
  put_opening(body, view);
  view.has_dwell = body.has_dwell_ms();
  view.dwell_ms = body.dwell_ms();
}

void put_frequent(const v1::Event& event, EventView& view) {
  if (event.has_deposited()) {
    put_opening(event.deposited(), view);
  } else if (event.has_collected()) {
    put_closing(event.collected(), view);
  } else if (event.has_recalled()) {
    put_closing(event.recalled(), view);
  } else if (event.has_refused()) {
    put_opening(event.refused(), view);
  } else if (event.has_dropped_off()) {
    put_opening(event.dropped_off(), view);
  } else if (event.has_dispatched()) {
    put_closing(event.dispatched(), view);
  } else if (event.has_overdue()) {
    view.compartment = event.overdue().compartment();
  } else if (event.has_turned_away()) {
    view.reason = static_cast<std::uint32_t>(event.turned_away().reason());
    view.size = static_cast<std::uint32_t>(event.turned_away().size());
    view.carrier = event.turned_away().carrier();
  } else if (event.has_code_rejected()) {
    view.lockout_s = event.code_rejected().lockout_s();
    view.hard_stop = event.code_rejected().hard_stop();
  } else if (event.has_open_failed()) {
    view.compartment = event.open_failed().compartment();
    view.reason = static_cast<std::uint32_t>(event.open_failed().cause());
    view.attempts = event.open_failed().attempts();
  }
}

void put_rare(const v1::Event& event, EventView& view) {
  if (event.has_custody_uncertain()) {
    view.compartment = event.custody_uncertain().compartment();
  } else if (event.has_door_forced()) {
    view.compartment = event.door_forced().compartment();
  } else if (event.has_door_left_open()) {
    view.compartment = event.door_left_open().compartment();
  } else if (event.has_door_shut_late()) {
    view.compartment = event.door_shut_late().compartment();
  } else if (event.has_out_of_service()) {
    view.compartment = event.out_of_service().compartment();
  } else if (event.has_in_service()) {
    view.compartment = event.in_service().compartment();
  } else if (event.has_custody_settled()) {
    view.compartment = event.custody_settled().compartment();
  } else if (event.has_door_reserved()) {
    view.compartment = event.door_reserved().compartment();
    view.carrier = event.door_reserved().carrier();
    view.size = static_cast<std::uint32_t>(event.door_reserved().size());
  } else if (event.has_reservation_ended()) {
    view.compartment = event.reservation_ended().compartment();
    view.carrier = event.reservation_ended().carrier();
  } else if (event.has_deposit_cancelled()) {
    view.compartment = event.deposit_cancelled().compartment();
    view.carrier = event.deposit_cancelled().carrier();
    view.size = static_cast<std::uint32_t>(event.deposit_cancelled().size());
    view.item = static_cast<std::uint32_t>(event.deposit_cancelled().item());
  } else if (event.has_item_sensor_doubtful()) {
    view.compartment = event.item_sensor_doubtful().compartment();
    view.item = static_cast<std::uint32_t>(event.item_sensor_doubtful().item());
  }
}

}  // namespace

// libprotobuf writes to standard error about every string that is not UTF-8: any station could fill a log.
EventParser::EventParser() {
  google::protobuf::SetLogHandler(nullptr);
}

bool EventParser::parse(Bytes payload, EventView& view) {
  view = {};
  if (walk(payload, view)) {
    return true;
  }
  return parse_slowly(payload, view);
}

bool EventParser::parse_slowly(Bytes payload, EventView& view) {
  view = {};
  if (!scratch_.ParseFromArray(payload.data(), static_cast<int>(payload.size()))) {
    return false;
  }
  view.kind = static_cast<EventKind>(scratch_.body_case());
  view.boot = scratch_.boot();
  view.has_wall = scratch_.has_wall_ms();
  view.wall_ms = scratch_.wall_ms();
  if (static_cast<unsigned>(view.kind) <= kLastBody) {
    put_frequent(scratch_, view);
  } else {
    put_rare(scratch_, view);
    view.message = &scratch_;
  }
  return true;
}

}  // namespace cubby::aggregator
