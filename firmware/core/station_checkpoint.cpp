#include <algorithm>

#include "firmware/core/byte_cursor.h"
#include "firmware/core/station_state.h"

/// The checkpoint: the whole of StationState as small items, packed into parts. Layout:
/// docs/spec/records.md.
namespace cubby::core {
namespace {

enum class Item : std::uint8_t {
  kHeader = 1,
  kOpening,
  kCommand,
  kCompartment,
  kPass,
  kReservation,
  kWear,
  kRules,
  kFlash
};

constexpr std::uint8_t kVersion = 1;
constexpr std::size_t kItemHead = 2;  // Tag, size of the body.
constexpr std::size_t kItemMax = 128;
constexpr std::uint8_t kFlagForced = 1;
constexpr std::uint8_t kFlagParcel = 2;
constexpr std::uint8_t kFlagCodeDead = 4;
constexpr std::uint8_t kFlagGroup = 8;
constexpr std::uint8_t kFlagFromSender = 16;
constexpr std::uint8_t kFlagExtended = 32;
constexpr std::uint8_t kFlagElsewhere = 64;
constexpr std::uint16_t kSecondMax = 9'999;
constexpr std::uint8_t kFlagMore = 128;  // A second byte of flags follows:
constexpr std::uint8_t kFlagSecond = 1;
constexpr std::uint8_t kFlagItemDoubtful = 2;
constexpr std::uint8_t kFlagKept = 4;
constexpr std::uint8_t kFlagKeyVersion = 8;
constexpr std::uint8_t kFlagLeftOpen = 1;
constexpr std::uint8_t kFlagCalledOff = 2;
static_assert(kItemHead + kRecordBytesMax + 16 <= kItemMax);
constexpr std::size_t kWearPerItem = 40;  // Three bytes each.
constexpr std::size_t kWearItems = (limits::kCompartmentsMax + kWearPerItem - 1) / kWearPerItem;
static_assert(kItemHead + 1 + 3 * kWearPerItem <= kItemMax && limits::kWearBits <= 24);

}  // namespace

void StationState::on_checkpoint_begin() {
  compartments_ = {};
  open_elsewhere_ = {};
  openings_ = {};
  commands_ = {};
  passes_ = {};
  reservations_ = {};
  reservation_count_ = 0;
  rules_size_ = 0;
  flash_retired_ = 0;
}

std::size_t StationState::checkpoint_part(std::size_t index, MutableBytes into) {
  constexpr std::size_t kItems = 1 + kOpeningsMax + kCommandsMax + kPassesMax + limits::kCompartmentsMax +
                                 limits::kReservationsMax + kWearItems + kRulesItems + 1;
  static_assert(kItemHead + sizeof(std::uint16_t) + kRulesPerItem <= kItemMax);
  if (index == 0) {
    checkpoint_item_ = 0;
  }
  std::size_t size = 0;
  while (checkpoint_item_ < kItems && into.size() - size >= kItemMax) {
    size += write_item(checkpoint_item_, into.subspan(size));
    ++checkpoint_item_;
  }
  return size;
}

void StationState::write_header_item(ByteWriter& writer) const {
  writer.put(kVersion);
  writer.put(boot_);
  writer.put(on_base_ms_);
  writer.put(last_uptime_ms_);
  writer.put(last_utc_ms_);
  writer.put(next_counter_);
  writer.put(failures_);
  writer.put(static_cast<std::uint8_t>(snapshot_seen_));
  writer.put_bytes(config_hash_);
}

void StationState::write_opening_item(const PendingOpening& opening, ByteWriter& writer) {
  if (opening.intent.compartment == 0) {
    return;
  }
  writer.put(static_cast<std::uint8_t>(opening.outcome));
  writer.put(
      static_cast<std::uint8_t>((opening.left_open ? kFlagLeftOpen : 0) | (opening.called_off ? kFlagCalledOff : 0)));
  writer.put(opening.opened_on_ms);
  RecordBytes intent;
  writer.put_bytes(Bytes(intent).first(encode(opening.intent, intent)));
}

void StationState::write_command_item(const Command& command, ByteWriter& writer) {
  if (command.accepted.expires_utc_ms != 0) {
    writer.put(static_cast<std::uint8_t>(command.finished));
    RecordBytes accepted;
    writer.put_bytes(Bytes(accepted).first(encode(command.accepted, accepted)));
  }
}

void StationState::write_compartment_item(std::uint8_t number, ByteWriter& writer) const {
  const auto& compartment = compartments_[number - 1U];
  const auto& parcel = compartment.parcel;
  const bool inside = parcel.counter != 0;
  const bool group = inside && (parcel.recipient_token != 0 || parcel.code_counter != parcel.counter);
  if (compartment.state == CompartmentState::kVacant && !inside && !compartment.forced_open &&
      !test_bit(open_elsewhere_, number) && !compartment.item_doubtful) {
    return;
  }
  writer.put(number);
  writer.put(static_cast<std::uint8_t>(compartment.state));
  writer.put(static_cast<std::uint8_t>(compartment.before));
  writer.put(compartment.out_of_service_reason);
  const int of_parcel = kFlagParcel | (parcel.code_dead ? kFlagCodeDead : 0) | (group ? kFlagGroup : 0) |
                        (parcel.from_sender ? kFlagFromSender : 0) | (parcel.extra_hours != 0 ? kFlagExtended : 0);
  const int more =
      (inside && parcel.second.has_value() ? kFlagSecond : 0) | (inside && parcel.kept_hours != 0 ? kFlagKept : 0) |
      (inside && parcel.key_version != 1 ? kFlagKeyVersion : 0) | (compartment.item_doubtful ? kFlagItemDoubtful : 0);
  writer.put(static_cast<std::uint8_t>((compartment.forced_open ? kFlagForced : 0) | (inside ? of_parcel : 0) |
                                       (test_bit(open_elsewhere_, number) ? kFlagElsewhere : 0) |
                                       (more != 0 ? kFlagMore : 0)));
  if (more != 0) {
    writer.put(static_cast<std::uint8_t>(more));
  }
  if (inside) {
    writer.put(parcel.counter);
    writer.put(parcel.deposited_utc_ms);
    writer.put(parcel.deposited_on_ms);
    writer.put(parcel.deposited_boot);
    writer.put(parcel.size);
    writer.put_text(parcel.carrier.view());
    if (group) {
      writer.put(parcel.code_counter);
      writer.put(parcel.recipient_token);
    }
    if (parcel.extra_hours != 0) {
      writer.put(parcel.extra_hours);
    }
    if (parcel.second.has_value()) {
      writer.put(*parcel.second);
    }
    if (parcel.kept_hours != 0) {
      writer.put(parcel.kept_hours);
    }
    if (parcel.key_version != 1) {
      writer.put(parcel.key_version);
    }
  }
}

void StationState::write_reservation_item(const Reservation& reservation, ByteWriter& writer) {
  if (reservation.compartment == 0) {
    return;
  }
  writer.put(reservation.compartment);
  writer.put(static_cast<std::uint8_t>(reservation.end));
  writer.put(reservation.until_on_ms);
  writer.put_text(reservation.carrier.view());
  writer.put_text(reservation.parcel.view());
}

/// Of compartments place * kWearPerItem + 1 and on, without the unused ones at the end.
void StationState::write_wear_item(std::size_t place, ByteWriter& writer) const {
  const auto begin = place * kWearPerItem;
  auto end = std::min(begin + kWearPerItem, limits::kCompartmentsMax);
  while (end > begin && compartments_[end - 1].wear == 0) {
    --end;
  }
  if (end == begin) {
    return;
  }
  writer.put(static_cast<std::uint8_t>(begin + 1));
  for (auto i = begin; i < end; ++i) {
    writer.put(static_cast<std::uint16_t>(compartments_[i].wear & 0xFFFF));
    writer.put(static_cast<std::uint8_t>(compartments_[i].wear >> 16));
  }
}

/// Returns 0 for an item that says nothing.
std::size_t StationState::write_item(std::size_t item, MutableBytes into) const {
  ByteWriter writer(into.subspan(kItemHead));
  auto tag = Item::kHeader;
  if (item == 0) {
    write_header_item(writer);
  } else if (item <= kOpeningsMax) {
    tag = Item::kOpening;
    write_opening_item(openings_[item - 1], writer);
  } else if (item <= kOpeningsMax + kCommandsMax) {
    tag = Item::kCommand;
    write_command_item(commands_[item - kOpeningsMax - 1], writer);
  } else if (item <= kOpeningsMax + kCommandsMax + kPassesMax) {
    tag = Item::kPass;
    if (const auto& pass = passes_[item - kOpeningsMax - kCommandsMax - 1]; pass.serial != 0) {
      writer.put(pass.serial);
      writer.put(pass.expiry_utc_s);
      writer.put(static_cast<std::uint8_t>(pass.revoked));
    }
  } else if (const auto number = item - kOpeningsMax - kCommandsMax - kPassesMax; number <= limits::kCompartmentsMax) {
    tag = Item::kCompartment;
    write_compartment_item(static_cast<std::uint8_t>(number), writer);
  } else if (const auto slot = number - limits::kCompartmentsMax - 1; slot < limits::kReservationsMax) {
    tag = Item::kReservation;
    write_reservation_item(reservations_[slot], writer);
  } else if (const auto place = slot - limits::kReservationsMax; place < kWearItems) {
    tag = Item::kWear;
    write_wear_item(place, writer);
  } else if (const auto piece = place - kWearItems; piece < kRulesItems) {
    tag = Item::kRules;
    write_rules_item(piece, writer);
  } else {
    tag = Item::kFlash;
    if (flash_retired_ != 0) {
      writer.put(flash_retired_);
    }
  }
  if (writer.size() == 0) {
    return 0;
  }
  into[0] = static_cast<std::byte>(tag);
  into[1] = static_cast<std::byte>(writer.size());
  return kItemHead + writer.size();
}

void StationState::on_checkpoint_part(Bytes part) {
  ByteReader reader(part);
  while (!reader.at_end()) {
    const auto tag = reader.get<std::uint8_t>();
    const auto body = reader.get_bytes(reader.get<std::uint8_t>());
    if (!reader.ok()) {
      ++repairs_;
      return;
    }
    read_item(tag, body);
  }
}

void StationState::read_item(std::uint8_t tag, Bytes body) {
  switch (static_cast<Item>(tag)) {
    case Item::kHeader:
      read_header_item(body);
      return;
    case Item::kOpening:
      read_opening_item(body);
      return;
    case Item::kCommand:
      read_command_item(body);
      return;
    case Item::kCompartment:
      read_compartment_item(body);
      return;
    case Item::kPass:
      read_pass_item(body);
      return;
    case Item::kReservation:
      read_reservation_item(body);
      return;
    case Item::kWear:
      read_wear_item(body);
      return;
    case Item::kRules:
      read_rules_item(body);
      return;
    case Item::kFlash:
      if (body.size() == sizeof(flash_retired_)) {
        flash_retired_ = load_le<std::uint16_t>(body);
        return;
      }
      break;
  }
  ++repairs_;
}

void StationState::read_header_item(Bytes body) {
  constexpr std::size_t kHeaderSize = 1 + 4 + 4 * 8 + 4 + 1 + limits::kConfigHashSize;
  ByteReader reader(body);
  if (body.size() < kHeaderSize || reader.get<std::uint8_t>() != kVersion) {
    ++repairs_;
    return;
  }
  boot_ = reader.get<std::uint32_t>();
  on_base_ms_ = reader.get<std::uint64_t>();
  last_uptime_ms_ = reader.get<std::uint64_t>();
  last_utc_ms_ = reader.get<std::uint64_t>();
  next_counter_ = reader.get<std::uint64_t>();
  failures_ = reader.get<std::uint32_t>();
  snapshot_seen_ = reader.get<std::uint8_t>() != 0;
  const auto hash = reader.get_bytes(config_hash_.size());
  std::copy(hash.begin(), hash.end(), config_hash_.begin());
}

void StationState::read_compartment_item(Bytes body) {
  ByteReader reader(body);
  const auto number = reader.get<std::uint8_t>();
  const auto state = reader.get<std::uint8_t>();
  const auto before = reader.get<std::uint8_t>();
  if (number < 1 || number > limits::kCompartmentsMax) {
    ++repairs_;
    return;
  }
  const bool is_state = state >= 1 && state <= kCompartmentStates && before >= 1 && before <= kCompartmentStates;
  auto& compartment = compartments_[number - 1U];
  compartment.before = static_cast<CompartmentState>(before);
  compartment.out_of_service_reason = reader.get<std::uint8_t>();
  const auto flags = reader.get<std::uint8_t>();
  const auto more = (flags & kFlagMore) != 0 ? reader.get<std::uint8_t>() : std::uint8_t{0};
  compartment.forced_open = (flags & kFlagForced) != 0;
  set_bit(open_elsewhere_, number, (flags & kFlagElsewhere) != 0);
  compartment.item_doubtful = (more & kFlagItemDoubtful) != 0;
  if ((flags & kFlagParcel) != 0) {
    auto& parcel = compartment.parcel;
    parcel.counter = reader.get<std::uint64_t>();
    parcel.deposited_utc_ms = reader.get<std::uint64_t>();
    parcel.deposited_on_ms = reader.get<std::uint64_t>();
    parcel.deposited_boot = reader.get<std::uint32_t>();
    parcel.size = reader.get<std::uint8_t>();
    reader.get_text(parcel.carrier);
    parcel.code_dead = (flags & kFlagCodeDead) != 0;
    parcel.from_sender = (flags & kFlagFromSender) != 0;
    parcel.code_counter = parcel.counter;
    if ((flags & kFlagGroup) != 0) {
      parcel.code_counter = reader.get<std::uint64_t>();
      parcel.recipient_token = reader.get<std::uint64_t>();
    }
    if ((flags & kFlagExtended) != 0) {
      parcel.extra_hours = reader.get<std::uint16_t>();
    }
    if ((more & kFlagSecond) != 0) {
      parcel.second = reader.get<std::uint16_t>();
    }
    if ((more & kFlagKept) != 0) {
      parcel.kept_hours = reader.get<std::uint16_t>();
    }
    if ((more & kFlagKeyVersion) != 0) {
      parcel.key_version = reader.get<std::uint16_t>();
    }
  }
  const auto& read = compartment.parcel;
  const bool is_parcel = (flags & kFlagParcel) == 0 ||
                         (read.counter != 0 && read.key_version != 0 && read.second.value_or(0) <= kSecondMax &&
                          read.kept_hours <= limits::kRetentionHoursMax);
  if (!reader.ok() || !is_state || !is_parcel) {
    ++repairs_;
    compartment = {};
    write_state(number, CompartmentState::kDisputed);  // Without an item it would be vacant.
    return;
  }
  write_state(number, static_cast<CompartmentState>(state));
}

void StationState::read_command_item(Bytes body) {
  ByteReader reader(body);
  Command command;
  command.finished = reader.get<std::uint8_t>() != 0;
  const auto place = std::find_if(commands_.begin(), commands_.end(),
                                  [](const Command& other) { return other.accepted.expires_utc_ms == 0; });
  if (decode(body.subspan(std::min<std::size_t>(1, body.size())), command.accepted) != Status::kOk ||
      place == commands_.end()) {
    ++repairs_;
    return;
  }
  *place = command;
}

void StationState::read_pass_item(Bytes body) {
  ByteReader reader(body);
  UsedPass pass;
  pass.serial = reader.get<std::uint32_t>();
  pass.expiry_utc_s = reader.get<std::uint64_t>();
  pass.revoked = reader.get<std::uint8_t>() != 0;
  const auto place =
      std::find_if(passes_.begin(), passes_.end(), [](const UsedPass& other) { return other.serial == 0; });
  if (!reader.ok() || place == passes_.end()) {
    ++repairs_;
    return;
  }
  *place = pass;
}

void StationState::read_reservation_item(Bytes body) {
  ByteReader reader(body);
  Reservation reservation;
  reservation.compartment = reader.get<std::uint8_t>();
  const auto end = reader.get<std::uint8_t>();
  reservation.end = static_cast<ReservationEnd>(end);
  reservation.until_on_ms = reader.get<std::uint64_t>();
  reader.get_text(reservation.carrier);
  reader.get_text(reservation.parcel);
  if (!reader.ok() || reservation.compartment < 1 || reservation.compartment > limits::kCompartmentsMax ||
      end > static_cast<std::uint8_t>(ReservationEnd::kLost)) {
    ++repairs_;
    return;
  }
  keep_reservation(reservation);
}

void StationState::read_wear_item(Bytes body) {
  ByteReader reader(body);
  std::size_t number = reader.get<std::uint8_t>();
  for (; reader.ok() && !reader.at_end(); ++number) {
    const std::uint32_t low = reader.get<std::uint16_t>();
    const std::uint32_t wear = low | std::uint32_t{reader.get<std::uint8_t>()} << 16;
    if (!reader.ok() || number < 1 || number > limits::kCompartmentsMax) {
      ++repairs_;
      return;
    }
    compartments_[number - 1].wear = std::min(wear, limits::kWearMax);
  }
}

void StationState::read_opening_item(Bytes body) {
  ByteReader reader(body);
  PendingOpening opening;
  const auto outcome = reader.get<std::uint8_t>();
  opening.outcome = static_cast<AttemptOutcome>(outcome);
  const auto flags = reader.get<std::uint8_t>();
  opening.left_open = (flags & kFlagLeftOpen) != 0;
  opening.called_off = (flags & kFlagCalledOff) != 0;
  opening.opened_on_ms = reader.get<std::uint64_t>();
  constexpr std::size_t kBeforeIntent = 10;
  const auto slot = find_opening(0);
  if (slot == kOpeningsMax || body.size() < kBeforeIntent ||
      decode(body.subspan(kBeforeIntent), opening.intent) != Status::kOk ||
      outcome > static_cast<std::uint8_t>(AttemptOutcome::kUnknown) ||
      find_opening(opening.intent.compartment) != kOpeningsMax) {
    ++repairs_;
    return;
  }
  openings_[slot] = opening;
}

}  // namespace cubby::core
