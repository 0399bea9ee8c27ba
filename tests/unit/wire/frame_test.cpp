#include "firmware/wire/framing/frame.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace cubby::wire {
namespace {

using Kind = FrameParse::Kind;

std::vector<std::byte> bytes_of(std::initializer_list<int> values) {
  std::vector<std::byte> bytes;
  for (const int value : values) {
    bytes.push_back(static_cast<std::byte>(value));
  }
  return bytes;
}

std::vector<std::byte> frame_of(std::uint32_t channel, std::size_t message_size) {
  std::array<std::byte, kFrameHeaderMax> head;
  std::vector<std::byte> frame(
      head.begin(), head.begin() + static_cast<std::ptrdiff_t>(encode_frame_header(channel, message_size, head)));
  std::copy_n(head.begin(), frame.size(), frame.begin());
  for (std::size_t i = 0; i < message_size; ++i) {
    frame.push_back(static_cast<std::byte>(i * 7 + 1));
  }
  return frame;
}

FrameError error_of(const std::vector<std::byte>& bytes, std::size_t limit = 100) {
  const FrameParse parse = parse_frame(bytes, limit);
  return parse.kind == Kind::kError ? parse.error : FrameError::kNone;
}

TEST(Varint, HasTheSizeThatItSays) {
  const std::array<std::pair<std::uint64_t, std::size_t>, 8> cases{
      {{0, 1}, {127, 1}, {128, 2}, {16'383, 2}, {16'384, 3}, {0xFFFF'FFFF, 5}, {1ULL << 63, 10}, {~0ULL, 10}}};
  for (const auto& [value, size] : cases) {
    std::array<std::byte, 10> bytes;
    EXPECT_EQ(encode_varint(value, bytes.data()), size) << value;
    EXPECT_EQ(varint_size(value), size) << value;
  }
}

TEST(Frame, IsReadBackAsItWasWritten) {
  for (const std::uint32_t channel : {0U, 1U, 127U, 128U, 28'000U, 0xFFFF'FFFFU}) {
    for (const std::size_t size : {0U, 1U, 126U, 127U, 128U, 5'000U, 16'370U}) {
      const std::vector<std::byte> bytes = frame_of(channel, size);
      const FrameParse parse = parse_frame(bytes, 16 * 1024);
      ASSERT_EQ(parse.kind, Kind::kFrame) << channel << ' ' << size;
      EXPECT_EQ(parse.frame.channel, channel);
      EXPECT_EQ(parse.consumed, bytes.size());
      ASSERT_EQ(parse.frame.message.size(), size);
      EXPECT_EQ(parse.frame.message.data() + size, bytes.data() + bytes.size());
    }
  }
}

TEST(Frame, NeedsMoreAtEveryCutAndNeverReadsBeyondIt) {
  const std::vector<std::byte> whole = frame_of(300, 200);
  for (std::size_t cut = 0; cut < whole.size(); ++cut) {
    // A copy of exactly that size, so that a sanitizer sees a read beyond it.
    const std::vector<std::byte> part(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(cut));
    EXPECT_EQ(parse_frame(part, 1'000).kind, Kind::kNeedMore) << cut;
  }
}

TEST(Frame, OfLengthZeroIsRefused) {
  EXPECT_EQ(error_of(bytes_of({0x00})), FrameError::kLengthZero);
}

TEST(Frame, OfTheGreatestLengthIsTakenAndOneMoreIsRefused) {
  const std::vector<std::byte> greatest = frame_of(1, 99);  // 100 with its channel.
  EXPECT_EQ(parse_frame(greatest, 100).kind, Kind::kFrame);
  EXPECT_EQ(error_of(frame_of(1, 100)), FrameError::kTooLong);
  // Refused on the length alone: nobody has to send what it announces.
  EXPECT_EQ(error_of(bytes_of({101})), FrameError::kTooLong);
  EXPECT_EQ(error_of(bytes_of({0xFF, 0xFF, 0xFF, 0xFF, 0x0F})), FrameError::kTooLong);
}

TEST(Frame, WithOverlongVarintsIsRefused) {
  EXPECT_EQ(error_of(bytes_of({0x82, 0x00, 1, 2})), FrameError::kNotCanonical);              // Length 2 in two bytes.
  EXPECT_EQ(error_of(bytes_of({0x80, 0x00})), FrameError::kNotCanonical);                    // Zero in two bytes.
  EXPECT_EQ(error_of(bytes_of({3, 0x81, 0x00, 2})), FrameError::kNotCanonical);              // Channel 1 in two bytes.
  EXPECT_EQ(error_of(bytes_of({0xFF, 0xFF, 0xFF, 0xFF, 0x10})), FrameError::kNotCanonical);  // Above 32 bits.
  EXPECT_EQ(error_of(bytes_of({0x80, 0x80, 0x80, 0x80, 0x80})), FrameError::kNotCanonical);  // Never ends.
  EXPECT_EQ(error_of(bytes_of({6, 0xFF, 0xFF, 0xFF, 0xFF, 0x1F, 0})), FrameError::kNotCanonical);
}

TEST(Frame, WhoseLengthEndsInsideTheChannelIsRefused) {
  EXPECT_EQ(error_of(bytes_of({1, 0x80})), FrameError::kNoChannel);
  EXPECT_EQ(error_of(bytes_of({2, 0x80, 0x80, 0x01})), FrameError::kNoChannel);
}

TEST(FrameParser, GivesTheSameFramesHoweverTheStreamIsCut) {
  std::vector<std::byte> stream;
  for (const std::size_t size : {0U, 1U, 127U, 128U, 90U}) {
    const std::vector<std::byte> frame = frame_of(static_cast<std::uint32_t>(size + 1), size);
    stream.insert(stream.end(), frame.begin(), frame.end());
  }
  for (std::size_t piece = 1; piece <= stream.size(); ++piece) {
    std::array<std::byte, 130 + kFrameHeaderMax> buffer;
    FrameParser parser(buffer, 130);
    std::vector<std::size_t> sizes;
    std::size_t fed = 0;
    while (fed < stream.size()) {
      const std::size_t count = std::min({piece, parser.space().size(), stream.size() - fed});
      ASSERT_GT(count, 0U) << "The parser is full without a frame.";
      std::copy_n(stream.begin() + static_cast<std::ptrdiff_t>(fed), count, parser.space().begin());
      parser.commit(count);
      fed += count;
      for (FrameParse parse = parser.peek(); parse.kind == Kind::kFrame; parse = parser.peek()) {
        EXPECT_EQ(parse.frame.channel, parse.frame.message.size() + 1);
        sizes.push_back(parse.frame.message.size());
        parser.pop(parse.consumed);
      }
    }
    EXPECT_EQ(sizes, (std::vector<std::size_t>{0, 1, 127, 128, 90})) << "pieces of " << piece;
  }
}

TEST(FrameParser, StaysInItsError) {
  std::array<std::byte, 32> buffer;
  FrameParser parser(buffer, 20);
  parser.space()[0] = std::byte{0};
  parser.commit(1);
  EXPECT_EQ(parser.peek().error, FrameError::kLengthZero);
  parser.space()[0] = std::byte{1};
  parser.commit(1);
  EXPECT_EQ(parser.peek().error, FrameError::kLengthZero);
  parser.reset();
  EXPECT_EQ(parser.peek().kind, Kind::kNeedMore);
}

}  // namespace
}  // namespace cubby::wire
