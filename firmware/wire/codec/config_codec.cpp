#include "firmware/wire/codec/config_codec.h"

#include <algorithm>

#include "pb_decode.h"
#include "pb_encode.h"

namespace cubby::wire {
namespace {

/// Takes what is written off the front of `Bytes`; false: it is something else.
bool take_if_same(pb_ostream_t* stream, const pb_byte_t* written, std::size_t size) {
  Bytes& rest = *static_cast<Bytes*>(stream->state);
  if (size > rest.size() || !std::equal(written, written + size, reinterpret_cast<const pb_byte_t*>(rest.data()))) {
    return false;
  }
  rest = rest.subspan(size);
  return true;
}

}  // namespace

Status decode_config(Bytes bytes, cubby_v1_StationConfig& config) {
  pb_istream_t stream = pb_istream_from_buffer(reinterpret_cast<const pb_byte_t*>(bytes.data()), bytes.size());
  return pb_decode(&stream, cubby_v1_StationConfig_fields, &config) ? Status::kOk : Status::kCorrupt;
}

Result<std::size_t> encode_config(const cubby_v1_StationConfig& config, MutableBytes into) {
  pb_ostream_t stream = pb_ostream_from_buffer(reinterpret_cast<pb_byte_t*>(into.data()), into.size());
  if (!pb_encode(&stream, cubby_v1_StationConfig_fields, &config)) {
    return Status::kNoSpace;
  }
  return std::size_t{stream.bytes_written};
}

Status decode_rules(Bytes bytes, cubby_v1_StationRules& rules) {
  pb_istream_t stream = pb_istream_from_buffer(reinterpret_cast<const pb_byte_t*>(bytes.data()), bytes.size());
  if (!pb_decode(&stream, cubby_v1_StationRules_fields, &rules)) {
    return Status::kCorrupt;
  }
  // A rule that was skipped would be one that the operator believes to be in force.
  Bytes rest = bytes;
  pb_ostream_t compared{};
  compared.callback = &take_if_same;
  compared.state = &rest;
  compared.max_size = bytes.size();
  return pb_encode(&compared, cubby_v1_StationRules_fields, &rules) && rest.empty() ? Status::kOk
                                                                                    : Status::kNotSupported;
}

Result<std::size_t> encode_rules(const cubby_v1_StationRules& rules, MutableBytes into) {
  pb_ostream_t stream = pb_ostream_from_buffer(reinterpret_cast<pb_byte_t*>(into.data()), into.size());
  if (!pb_encode(&stream, cubby_v1_StationRules_fields, &rules)) {
    return Status::kNoSpace;
  }
  return std::size_t{stream.bytes_written};
}

}  // namespace cubby::wire
