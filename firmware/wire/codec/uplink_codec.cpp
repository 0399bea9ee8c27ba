#include "firmware/wire/codec/uplink_codec.h"

#include <algorithm>
#include <cstring>

#include "firmware/base/assert.h"
#include "firmware/wire/framing/field_reader.h"
#include "firmware/wire/framing/frame.h"
#include "pb_decode.h"
#include "pb_encode.h"

namespace cubby::wire {
namespace {

// Wire types of Protobuf's encoding.
constexpr std::uint8_t kVarint = 0;
constexpr std::uint8_t kFixed64 = 1;
constexpr std::uint8_t kLengthDelimited = 2;

constexpr std::byte tag(std::uint32_t field, std::uint8_t type) {
  return static_cast<std::byte>(field << 3 | type);
}

}  // namespace

Result<std::size_t> encode_up_frame(const cubby_v1_Up& up, MutableBytes into) {
  CUBBY_ASSERT(into.size() > kFrameHeaderMax);
  pb_ostream_t stream = pb_ostream_from_buffer(reinterpret_cast<pb_byte_t*>(into.data()) + kFrameHeaderMax,
                                               into.size() - kFrameHeaderMax);
  if (!pb_encode(&stream, cubby_v1_Up_fields, &up)) {
    return Status::kNoSpace;
  }
  std::array<std::byte, kFrameHeaderMax> head;
  const std::size_t head_size = encode_frame_header(kOwnChannel, stream.bytes_written, head);
  std::memmove(into.data() + head_size, into.data() + kFrameHeaderMax, stream.bytes_written);
  std::copy_n(head.begin(), head_size, into.begin());
  return head_size + stream.bytes_written;
}

Status decode_down(Bytes message, cubby_v1_Down& down) {
  down = cubby_v1_Down_init_zero;
  pb_istream_t stream = pb_istream_from_buffer(reinterpret_cast<const pb_byte_t*>(message.data()), message.size());
  return pb_decode_ex(&stream, cubby_v1_Down_fields, &down, PB_DECODE_NOINIT) ? Status::kOk : Status::kCorrupt;
}

Bytes find_rules(Bytes message) {
  const Bytes command = find_bytes(message, cubby_v1_Down_command_tag);
  const Bytes configure = find_bytes(command, cubby_v1_Command_configure_tag);
  constexpr std::uint32_t kRulesField = 1;  // Not in nanopb's Configure, see uplink.options.
  return find_bytes(configure, kRulesField);
}

MutableBytes BatchWriter::space(std::size_t needed) const {
  if (end_ + kEventHeadMax + needed > buffer_.size()) {
    return {};
  }
  return buffer_.subspan(end_ + kEventHeadMax);
}

void BatchWriter::commit(std::size_t size) {
  std::byte* at = buffer_.data() + end_;
  at[0] = tag(cubby_v1_Batch_events_tag, kLengthDelimited);
  const std::size_t head = 1 + encode_varint(size, at + 1);
  CUBBY_ASSERT(head <= kEventHeadMax);
  if (head < kEventHeadMax) {
    std::memmove(at + head, at + kEventHeadMax, size);
  }
  end_ += head + size;
  ++events_;
}

Bytes BatchWriter::finish(const JournalUid& uid, std::uint64_t first_seq, Chain previous_chain) {
  std::array<std::byte, kHeadMax> batch;
  std::size_t size = 0;
  batch[size++] = tag(cubby_v1_Batch_journal_uid_tag, kLengthDelimited);
  batch[size++] = static_cast<std::byte>(uid.size());
  std::copy(uid.begin(), uid.end(), batch.begin() + static_cast<std::ptrdiff_t>(size));
  size += uid.size();
  batch[size++] = tag(cubby_v1_Batch_first_seq_tag, kVarint);
  size += encode_varint(first_seq, batch.data() + size);
  batch[size++] = tag(cubby_v1_Batch_previous_chain_tag, kFixed64);
  store_le<std::uint64_t>(MutableBytes(batch).subspan(size, 8), previous_chain);
  size += 8;

  const std::size_t batch_size = size + end_ - kHeadMax;
  std::array<std::byte, 8> up;
  up[0] = tag(cubby_v1_Up_batch_tag, kLengthDelimited);
  const std::size_t up_size = 1 + encode_varint(batch_size, up.data() + 1);
  std::array<std::byte, kFrameHeaderMax> frame;
  const std::size_t frame_size = encode_frame_header(kOwnChannel, up_size + batch_size, frame);
  CUBBY_ASSERT(frame_size + up_size + size <= kHeadMax);

  std::size_t at = kHeadMax - size - up_size - frame_size;
  const std::size_t start = at;
  std::memcpy(buffer_.data() + at, frame.data(), frame_size);
  at += frame_size;
  std::memcpy(buffer_.data() + at, up.data(), up_size);
  at += up_size;
  std::memcpy(buffer_.data() + at, batch.data(), size);
  return Bytes(buffer_).subspan(start, end_ - start);
}

}  // namespace cubby::wire
