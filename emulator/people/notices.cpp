#include "emulator/people/notices.h"

#include "cubby/v1/event.nanopb.h"
#include "cubby/v1/uplink.nanopb.h"
#include "firmware/wire/codec/field_reader.h"

namespace cubby::emulator {

std::optional<DepositNotice> read_deposited(Bytes body) {
  DepositNotice notice;
  std::uint64_t compartment = 0;
  wire::WireField field;
  while (wire::take_field(body, field)) {
    switch (field.tag) {
      case cubby_v1_Deposited_compartment_tag:
        compartment = field.number;
        break;
      case cubby_v1_Deposited_counter_tag:
      case cubby_v1_Deposited_code_counter_tag:  // Stands behind, and then counts.
        notice.code.counter = field.number;
        break;
      case cubby_v1_Deposited_parcel_tag:
        notice.parcel = {reinterpret_cast<const char*>(field.bytes.data()), field.bytes.size()};
        break;
      case cubby_v1_Deposited_code_digits_tag:
        notice.code.digits = static_cast<std::uint8_t>(field.number);
        break;
      case cubby_v1_Deposited_key_version_tag:
        notice.code.key_version = static_cast<std::uint16_t>(field.number);
        break;
      default:
        break;
    }
  }
  if (!body.empty() || compartment == 0 || compartment > limits::kCompartmentsMax) {
    return std::nullopt;
  }
  notice.compartment = static_cast<std::uint8_t>(compartment);
  return notice;
}

std::optional<std::uint64_t> read_ack(Bytes down) {
  wire::WireField field;
  if (!wire::take_field(down, field) || field.tag != cubby_v1_Down_ack_tag ||
      field.type != wire::WireField::Type::kBytes) {
    return std::nullopt;
  }
  std::uint64_t seq = 0;  // Absent: 0.
  for (Bytes ack = field.bytes; wire::take_field(ack, field);) {
    if (field.tag == cubby_v1_Ack_durable_seq_tag) {
      seq = field.number;
    }
  }
  return seq;
}

}  // namespace cubby::emulator
