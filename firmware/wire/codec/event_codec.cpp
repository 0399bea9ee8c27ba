#include "firmware/wire/codec/event_codec.h"

#include <algorithm>
#include <cstring>

#include "firmware/wire/framing/field_reader.h"
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
  pb_field_iter_t body;
  const bool has_body = event.which_body != 0 && pb_field_iter_begin_const(&body, cubby_v1_Event_fields, &event) &&
                        pb_field_iter_find(&body, event.which_body);
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
  pb_ostream_t stream = pb_ostream_from_buffer(reinterpret_cast<pb_byte_t*>(room.data()), room.size());
  if (!pb_encode(&stream, body.submsg_desc, body.pData)) {
    return Status::kNoSpace;
  }
  const std::size_t length_size = varint_size(stream.bytes_written);
  if (length_size > 1) {
    if (room.size() < stream.bytes_written + length_size - 1) {
      return Status::kNoSpace;
    }
    std::memmove(room.data() + length_size - 1, room.data(), stream.bytes_written);
  }
  encode_varint(stream.bytes_written, into.data() + head_size);
  return head_size + length_size + stream.bytes_written;
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
  for (FieldReader field(bytes); field.next();) {
    if (field.number() > cubby_v1_Event_wall_ms_tag) {
      body = field.bytes();
      return field.wire() == FieldReader::Wire::kBytes ? field.number() : 0;
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
