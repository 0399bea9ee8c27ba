#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "firmware/base/bytes.h"

/// Frames on the uplink's byte stream: varint length | varint channel | message. The length counts the
/// channel and the message. Both varints are canonical (no overlong forms). docs/spec/wire.md
namespace cubby::wire {

inline constexpr std::size_t kFrameHeaderMax = 3 + 5;  // A length below 2^21, a channel below 2^32.

enum class FrameError : std::uint8_t {
  kNone = 0,
  kLengthZero,    // A frame holds at least its channel.
  kTooLong,       // Length above the limit.
  kNotCanonical,  // A varint with superfluous bytes, or above 32 bits.
  kNoChannel,     // The length ends inside the channel.
};

struct Frame {
  std::uint32_t channel = 0;
  Bytes message;  // Points into the buffer that was parsed.
};

struct FrameParse {
  enum class Kind : std::uint8_t { kNeedMore, kFrame, kError } kind = Kind::kNeedMore;
  FrameError error = FrameError::kNone;
  Frame frame;
  std::size_t consumed = 0;  // Of a frame: header and message.
};

/// Looks for one frame at the start of `buffer`. `limit`: greatest length accepted. No state, no copy.
FrameParse parse_frame(Bytes buffer, std::size_t limit);

/// Writes length and channel of a frame whose message has `message_size` bytes; returns their size.
std::size_t encode_frame_header(std::uint32_t channel, std::size_t message_size,
                                std::span<std::byte, kFrameHeaderMax> into);

/// Writes a canonical varint (at most 10 bytes) and returns its size.
std::size_t encode_varint(std::uint64_t value, std::byte* into);
std::size_t varint_size(std::uint64_t value);

/// Collects a stream into `buffer` (length: the limit plus kFrameHeaderMax) for those who cannot keep a
/// large receive buffer. After an error it stays in it: close the connection.
class FrameParser {
 public:
  FrameParser(MutableBytes buffer, std::size_t limit) : buffer_(buffer), limit_(limit) {}

  /// Room for the next bytes; call commit() with how many were put there.
  MutableBytes space() { return buffer_.subspan(filled_); }
  void commit(std::size_t size) { filled_ += size; }
  /// The next whole frame, valid until pop() or reset().
  FrameParse peek() const { return parse_frame(Bytes(buffer_).first(filled_), limit_); }
  /// Drops the first `consumed` bytes.
  void pop(std::size_t consumed);
  void reset() { filled_ = 0; }

  /// See firmware/base/image.h.
  template <typename Image>
  void image(Image& image) {
    image(filled_);
  }

 private:
  MutableBytes buffer_;
  std::size_t limit_;
  std::size_t filled_ = 0;
};

}  // namespace cubby::wire
