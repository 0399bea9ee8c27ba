#include "firmware/core/records.h"

#include <algorithm>

#include "firmware/core/byte_cursor.h"

namespace cubby::core {
namespace {

Status verdict(const ByteReader& reader, bool in_range) {
  return reader.ok() && reader.at_end() && in_range ? Status::kOk : Status::kCorrupt;
}

bool is_compartment(std::uint8_t number) {
  return number >= 1 && number <= limits::kCompartmentsMax;
}

bool is_purpose(std::uint8_t value) {
  return value >= 1 && value <= static_cast<std::uint8_t>(Purpose::kDropOff);
}

}  // namespace

static_assert(4 + 16 + 1 + limits::kCarrierMax + 1 + limits::kParcelMax + 8 + 12 <= kRecordBytesMax);

std::size_t encode(const Intent& intent, RecordBytes& into) {
  ByteWriter writer(into);
  writer.put(intent.compartment);
  writer.put(static_cast<std::uint8_t>(intent.purpose));
  writer.put(intent.attempt);
  writer.put(intent.size);
  writer.put(intent.uptime_ms);
  writer.put(intent.counter);
  writer.put_text(intent.carrier.view());
  writer.put_text(intent.parcel.view());
  writer.put(intent.recipient_token);
  writer.put(intent.pass_serial);
  writer.put(intent.pass_expiry_utc_s);
  return writer.size();
}

std::size_t encode(const Outcome& outcome, RecordBytes& into) {
  ByteWriter writer(into);
  writer.put(outcome.compartment);
  writer.put(static_cast<std::uint8_t>(outcome.outcome));
  writer.put(outcome.uptime_ms);
  return writer.size();
}

std::size_t encode(const ThrottleCount& count, RecordBytes& into) {
  ByteWriter writer(into);
  writer.put(count.failures);
  return writer.size();
}

std::size_t encode(const CalledOff& called_off, RecordBytes& into) {
  ByteWriter writer(into);
  writer.put(called_off.compartment);
  return writer.size();
}

std::size_t encode(const AcceptedCommand& command, RecordBytes& into) {
  ByteWriter writer(into);
  writer.put_bytes(command.id);
  writer.put(command.expires_utc_ms);
  writer.put(command.compartment);
  return writer.size();
}

Status decode(Bytes bytes, Intent& intent) {
  ByteReader reader(bytes);
  intent.compartment = reader.get<std::uint8_t>();
  const auto purpose = reader.get<std::uint8_t>();
  intent.purpose = static_cast<Purpose>(purpose);
  intent.attempt = reader.get<std::uint8_t>();
  intent.size = reader.get<std::uint8_t>();
  intent.uptime_ms = reader.get<std::uint64_t>();
  intent.counter = reader.get<std::uint64_t>();
  reader.get_text(intent.carrier);
  reader.get_text(intent.parcel);
  intent.recipient_token = reader.get<std::uint64_t>();
  intent.pass_serial = reader.get<std::uint32_t>();
  intent.pass_expiry_utc_s = reader.get<std::uint64_t>();
  return verdict(reader, is_compartment(intent.compartment) && is_purpose(purpose) && intent.attempt >= 1 &&
                             intent.attempt <= limits::kOpenAttemptsMax);
}

Status decode(Bytes bytes, Outcome& outcome) {
  ByteReader reader(bytes);
  outcome.compartment = reader.get<std::uint8_t>();
  const auto value = reader.get<std::uint8_t>();
  outcome.outcome = static_cast<AttemptOutcome>(value);
  outcome.uptime_ms = reader.get<std::uint64_t>();
  return verdict(reader, is_compartment(outcome.compartment) && value >= 1 &&
                             value <= static_cast<std::uint8_t>(AttemptOutcome::kUnknown));
}

Status decode(Bytes bytes, ThrottleCount& count) {
  ByteReader reader(bytes);
  count.failures = reader.get<std::uint32_t>();
  return verdict(reader, true);
}

Status decode(Bytes bytes, AcceptedCommand& command) {
  ByteReader reader(bytes);
  const auto id = reader.get_bytes(command.id.size());
  std::copy(id.begin(), id.end(), command.id.begin());
  command.expires_utc_ms = reader.get<std::uint64_t>();
  command.compartment = reader.get<std::uint8_t>();
  return verdict(reader, command.expires_utc_ms != 0 && command.compartment <= limits::kCompartmentsMax);
}

Status decode(Bytes bytes, CalledOff& called_off) {
  ByteReader reader(bytes);
  called_off.compartment = reader.get<std::uint8_t>();
  return verdict(reader, is_compartment(called_off.compartment));
}

}  // namespace cubby::core
