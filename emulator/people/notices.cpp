#include "emulator/people/notices.h"

#include "cubby/v1/event.nanopb.h"
#include "cubby/v1/uplink.nanopb.h"
#include "firmware/wire/framing/field_reader.h"

namespace cubby::emulator {

std::optional<DepositNotice> read_deposited(Bytes body) {
  DepositNotice notice;
  std::uint64_t compartment = 0;
  wire::FieldReader field(body);
  while (field.next()) {
    switch (field.number()) {
      case cubby_v1_Deposited_compartment_tag:
        compartment = field.value();
        break;
      case cubby_v1_Deposited_counter_tag:
      case cubby_v1_Deposited_code_counter_tag:  // Stands behind, and then counts.
        notice.code.counter = field.value();
        break;
      case cubby_v1_Deposited_parcel_tag:
        notice.parcel = {reinterpret_cast<const char*>(field.bytes().data()), field.bytes().size()};
        break;
      case cubby_v1_Deposited_code_digits_tag:
        notice.code.digits = static_cast<std::uint8_t>(field.value());
        break;
      case cubby_v1_Deposited_key_version_tag:
        notice.code.key_version = static_cast<std::uint16_t>(field.value());
        break;
      default:
        break;
    }
  }
  if (field.malformed() || compartment == 0 || compartment > limits::kCompartmentsMax) {
    return std::nullopt;
  }
  notice.compartment = static_cast<std::uint8_t>(compartment);
  return notice;
}

std::optional<std::uint64_t> read_ack(Bytes down) {
  wire::FieldReader field(down);
  if (!field.next() || !field.is(cubby_v1_Down_ack_tag, wire::FieldReader::Wire::kBytes)) {
    return std::nullopt;
  }
  std::uint64_t seq = 0;  // Absent: 0.
  for (wire::FieldReader ack(field.bytes()); ack.next();) {
    if (ack.number() == cubby_v1_Ack_durable_seq_tag) {
      seq = ack.value();
    }
  }
  return seq;
}

}  // namespace cubby::emulator
