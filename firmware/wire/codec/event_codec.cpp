#include "firmware/wire/codec/event_codec.h"

#include <algorithm>

#include "pb_decode.h"
#include "pb_encode.h"

namespace cubby::wire {
namespace {

bool write_config(pb_ostream_t* stream, const pb_field_t* field, void* const* argument) {
  const Bytes& config = *static_cast<const Bytes*>(*argument);
  return pb_encode_tag_for_field(stream, field) &&
         pb_encode_string(stream, reinterpret_cast<const pb_byte_t*>(config.data()), config.size());
}

}  // namespace

Result<std::size_t> encode_event(const cubby_v1_Event& event, MutableBytes into) {
  pb_ostream_t stream = pb_ostream_from_buffer(reinterpret_cast<pb_byte_t*>(into.data()), into.size());
  if (!pb_encode(&stream, cubby_v1_Event_fields, &event)) {
    return Status::kNoSpace;
  }
  return std::size_t{stream.bytes_written};
}

void set_config_applied(cubby_v1_Event& event, const Bytes& config, Bytes config_hash) {
  event.which_body = cubby_v1_Event_config_applied_tag;
  cubby_v1_ConfigApplied& body = event.body.config_applied;
  body = cubby_v1_ConfigApplied_init_zero;
  body.config.funcs.encode = write_config;
  body.config.arg = const_cast<Bytes*>(&config);
  std::copy_n(reinterpret_cast<const pb_byte_t*>(config_hash.data()), sizeof(body.config_hash), body.config_hash);
}

Status decode_event(Bytes bytes, cubby_v1_Event& event) {
  event = cubby_v1_Event_init_zero;
  pb_istream_t stream = pb_istream_from_buffer(reinterpret_cast<const pb_byte_t*>(bytes.data()), bytes.size());
  return pb_decode(&stream, cubby_v1_Event_fields, &event) ? Status::kOk : Status::kCorrupt;
}

}  // namespace cubby::wire
