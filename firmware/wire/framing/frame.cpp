#include "firmware/wire/framing/frame.h"

#include <algorithm>

#include "firmware/base/assert.h"

namespace cubby::wire {
namespace {

enum class VarintResult : std::uint8_t { kOk, kNeedMore, kNotCanonical };

VarintResult take_varint32(Bytes bytes, std::size_t& position, std::uint32_t& value) {
  std::uint64_t result = 0;
  for (std::size_t i = 0; i < 5; ++i) {
    if (position + i >= bytes.size()) {
      return VarintResult::kNeedMore;
    }
    const auto byte = static_cast<std::uint64_t>(bytes[position + i]);
    result |= (byte & 0x7F) << (7 * i);
    if ((byte & 0x80) == 0) {
      if ((i > 0 && byte == 0) || result > UINT32_MAX) {
        return VarintResult::kNotCanonical;
      }
      position += i + 1;
      value = static_cast<std::uint32_t>(result);
      return VarintResult::kOk;
    }
  }
  return VarintResult::kNotCanonical;
}

FrameParse failed(FrameError error) {
  return {.kind = FrameParse::Kind::kError, .error = error, .frame = {}, .consumed = 0};
}

}  // namespace

FrameParse parse_frame(Bytes buffer, std::size_t limit) {
  std::size_t position = 0;
  std::uint32_t length = 0;
  const VarintResult length_result = take_varint32(buffer, position, length);
  if (length_result == VarintResult::kNeedMore) {
    return {};
  }
  if (length_result == VarintResult::kNotCanonical) {
    return failed(FrameError::kNotCanonical);
  }
  if (length == 0) {
    return failed(FrameError::kLengthZero);
  }
  if (length > limit) {
    return failed(FrameError::kTooLong);
  }
  if (buffer.size() - position < length) {
    return {};
  }
  const Bytes content = buffer.subspan(position, length);
  std::size_t message_at = 0;
  std::uint32_t channel = 0;
  const VarintResult channel_result = take_varint32(content, message_at, channel);
  if (channel_result == VarintResult::kNeedMore) {
    return failed(FrameError::kNoChannel);
  }
  if (channel_result == VarintResult::kNotCanonical) {
    return failed(FrameError::kNotCanonical);
  }
  return {.kind = FrameParse::Kind::kFrame,
          .error = FrameError::kNone,
          .frame = {.channel = channel, .message = content.subspan(message_at)},
          .consumed = position + length};
}

std::size_t varint_size(std::uint64_t value) {
  std::size_t size = 1;
  while (value >= 0x80) {
    value >>= 7;
    ++size;
  }
  return size;
}

std::size_t encode_varint(std::uint64_t value, std::byte* into) {
  std::size_t size = 0;
  while (value >= 0x80) {
    into[size++] = static_cast<std::byte>(value | 0x80);
    value >>= 7;
  }
  into[size++] = static_cast<std::byte>(value);
  return size;
}

std::size_t encode_frame_header(std::uint32_t channel, std::size_t message_size,
                                std::span<std::byte, kFrameHeaderMax> into) {
  const std::size_t length = varint_size(channel) + message_size;
  CUBBY_ASSERT(length < (std::size_t{1} << 21));
  const std::size_t size = encode_varint(length, into.data());
  return size + encode_varint(channel, into.data() + size);
}

void FrameParser::pop(std::size_t consumed) {
  CUBBY_ASSERT(consumed <= filled_);
  std::copy(buffer_.begin() + static_cast<std::ptrdiff_t>(consumed),
            buffer_.begin() + static_cast<std::ptrdiff_t>(filled_), buffer_.begin());
  filled_ -= consumed;
}

}  // namespace cubby::wire
