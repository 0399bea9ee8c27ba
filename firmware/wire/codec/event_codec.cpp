#include "firmware/wire/codec/event_codec.h"

#include <algorithm>
#include <cstring>

#include "firmware/base/assert.h"
#include "firmware/wire/codec/field_reader.h"
#include "firmware/wire/codec/field_writer.h"
#include "firmware/wire/framing/frame.h"
#include "pb_common.h"
#include "pb_decode.h"
#include "pb_encode.h"

namespace cubby::wire {
namespace {

constexpr std::size_t kHeadMax = 32;  // Numbers and times at their greatest, and the tag of the body.

bool write_config(pb_ostream_t* stream, const pb_field_t* field, void* const* argument) {
  const Bytes& config = *static_cast<const Bytes*>(*argument);
  return pb_encode_tag_for_field(stream, field) &&
         pb_encode_string(stream, reinterpret_cast<const pb_byte_t*>(config.data()), config.size());
}

bool write_config_struct(pb_ostream_t* stream, const pb_field_t* field, void* const* argument) {
  return pb_encode_tag_for_field(stream, field) &&
         pb_encode_submessage(stream, cubby_v1_StationConfig_fields, *argument);
}

cubby_v1_ConfigApplied& begin_config_applied(cubby_v1_Event& event, Bytes config_hash) {
  event.which_body = cubby_v1_Event_config_applied_tag;
  cubby_v1_ConfigApplied& body = event.body.config_applied;
  body = cubby_v1_ConfigApplied_init_zero;
  std::copy_n(reinterpret_cast<const pb_byte_t*>(config_hash.data()), sizeof(body.config_hash), body.config_hash);
  return body;
}

template <std::size_t Size>
std::string_view text_of(const char (&text)[Size]) {
  return {text, static_cast<std::size_t>(std::find(text, text + Size, '\0') - text)};
}

void write_body(const cubby_v1_Deposited& body, FieldWriter& writer) {
  writer.number(cubby_v1_Deposited_compartment_tag, body.compartment);
  writer.number(cubby_v1_Deposited_counter_tag, body.counter);
  writer.text(cubby_v1_Deposited_parcel_tag, text_of(body.parcel));
  writer.text(cubby_v1_Deposited_carrier_tag, text_of(body.carrier));
  writer.number(cubby_v1_Deposited_size_tag, body.size);
  if (body.has_recipient_token) {
    writer.fixed64(cubby_v1_Deposited_recipient_token_tag, body.recipient_token);
  }
  writer.number(cubby_v1_Deposited_attempts_tag, body.attempts);
  writer.number(cubby_v1_Deposited_open_ms_tag, body.open_ms);
  if (body.has_code_counter) {
    writer.present(cubby_v1_Deposited_code_counter_tag, body.code_counter);
  }
  if (body.has_code_digits) {
    writer.present(cubby_v1_Deposited_code_digits_tag, body.code_digits);
  }
  writer.number(cubby_v1_Deposited_item_tag, body.item);
  if (body.has_key_version) {
    writer.present(cubby_v1_Deposited_key_version_tag, body.key_version);
  }
}

void write_body(const cubby_v1_Collected& body, FieldWriter& writer) {
  writer.number(cubby_v1_Collected_compartment_tag, body.compartment);
  writer.number(cubby_v1_Collected_counter_tag, body.counter);
  writer.text(cubby_v1_Collected_carrier_tag, text_of(body.carrier));
  writer.number(cubby_v1_Collected_size_tag, body.size);
  if (body.has_dwell_ms) {
    writer.present(cubby_v1_Collected_dwell_ms_tag, body.dwell_ms);
  }
  writer.number(cubby_v1_Collected_attempts_tag, body.attempts);
  writer.number(cubby_v1_Collected_open_ms_tag, body.open_ms);
  writer.number(cubby_v1_Collected_item_tag, body.item);
}

template <typename Body>
Result<std::size_t> encode_by_hand(const Body& body, MutableBytes into) {
  FieldWriter writer(into);
  write_body(body, writer);
  return writer.fits() ? Result<std::size_t>(writer.size()) : Result<std::size_t>(Status::kNoSpace);
}

// Nine of ten events are deposits and collections; the others are nanopb's.
Result<std::size_t> encode_body(const cubby_v1_Event& event, MutableBytes into) {
  if (event.which_body == cubby_v1_Event_deposited_tag) {
    return encode_by_hand(event.body.deposited, into);
  }
  if (event.which_body == cubby_v1_Event_collected_tag) {
    return encode_by_hand(event.body.collected, into);
  }
  pb_field_iter_t body;
  const bool known =
      pb_field_iter_begin_const(&body, cubby_v1_Event_fields, &event) && pb_field_iter_find(&body, event.which_body);
  CUBBY_ASSERT(known);
  pb_ostream_t stream = pb_ostream_from_buffer(reinterpret_cast<pb_byte_t*>(into.data()), into.size());
  return pb_encode(&stream, body.submsg_desc, body.pData) ? Result<std::size_t>(stream.bytes_written)
                                                          : Result<std::size_t>(Status::kNoSpace);
}

}  // namespace

// What nanopb would write, in one pass instead of two (it measures a submessage before it writes it) and
// without a walk over all kinds of body: events are encoded at every door movement of a whole fleet.
Result<std::size_t> encode_event(const cubby_v1_Event& event, MutableBytes into) {
  std::array<std::byte, kHeadMax> head;
  std::size_t head_size = 0;
  const auto put = [&head, &head_size](std::uint64_t value) {
    head_size += encode_varint(value, head.data() + head_size);
  };
  if (event.boot != 0) {
    put(cubby_v1_Event_boot_tag << 3);
    put(event.boot);
  }
  if (event.uptime_ms != 0) {
    put(cubby_v1_Event_uptime_ms_tag << 3);
    put(event.uptime_ms);
  }
  if (event.has_wall_ms) {
    put(cubby_v1_Event_wall_ms_tag << 3);
    put(event.wall_ms);
  }
  const bool has_body = event.which_body != 0;
  if (has_body) {
    put(std::uint64_t{event.which_body} << 3 | PB_WT_STRING);
  }
  const std::size_t body_at = head_size + (has_body ? 1 : 0);  // Behind its length, one byte as a rule.
  if (into.size() < body_at) {
    return Status::kNoSpace;
  }
  std::copy_n(head.begin(), head_size, into.begin());
  if (!has_body) {
    return head_size;
  }
  const MutableBytes room = into.subspan(body_at);
  const Result<std::size_t> size = encode_body(event, room);
  if (!size.ok()) {
    return size.status();
  }
  const std::size_t length_size = varint_size(size.value());
  if (length_size > 1) {
    if (room.size() < size.value() + length_size - 1) {
      return Status::kNoSpace;
    }
    std::memmove(room.data() + length_size - 1, room.data(), size.value());
  }
  encode_varint(size.value(), into.data() + head_size);
  return head_size + length_size + size.value();
}

void set_config_applied(cubby_v1_Event& event, const Bytes& config, Bytes config_hash) {
  cubby_v1_ConfigApplied& body = begin_config_applied(event, config_hash);
  body.config.funcs.encode = write_config;
  body.config.arg = const_cast<Bytes*>(&config);
}

void set_config_applied(cubby_v1_Event& event, const cubby_v1_StationConfig& config, Bytes config_hash) {
  cubby_v1_ConfigApplied& body = begin_config_applied(event, config_hash);
  body.config.funcs.encode = write_config_struct;
  body.config.arg = const_cast<cubby_v1_StationConfig*>(&config);
}

std::uint32_t body_of(Bytes bytes, Bytes& body) {
  WireField field;
  while (take_field(bytes, field)) {
    if (field.tag > cubby_v1_Event_wall_ms_tag) {
      body = field.bytes;
      return field.type == WireField::Type::kBytes ? field.tag : 0;
    }
  }
  return 0;
}

Status decode_event(Bytes bytes, cubby_v1_Event& event) {
  event = cubby_v1_Event_init_zero;
  pb_istream_t stream = pb_istream_from_buffer(reinterpret_cast<const pb_byte_t*>(bytes.data()), bytes.size());
  // All defaults are zero: no walk over the fields of every body to set them.
  return pb_decode_ex(&stream, cubby_v1_Event_fields, &event, PB_DECODE_NOINIT) ? Status::kOk : Status::kCorrupt;
}

}  // namespace cubby::wire
