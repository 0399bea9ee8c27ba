#include "firmware/wire/lockstep/protocol.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

namespace cubby::lockstep {
namespace {

/// Gives back what was written, a few bytes at a time.
class Loop final : public ByteStream {
 public:
  std::vector<std::byte> bytes;
  std::size_t taken = 0;

 private:
  Status do_write(Bytes more) override {
    bytes.insert(bytes.end(), more.begin(), more.end());
    return Status::kOk;
  }
  Result<std::size_t> do_read(MutableBytes into) override {
    if (taken == bytes.size()) {
      return Status::kIo;
    }
    const std::size_t size = std::min({into.size(), bytes.size() - taken, std::size_t{3}});
    std::copy_n(bytes.begin() + static_cast<std::ptrdiff_t>(taken), size, into.begin());
    taken += size;
    return size;
  }
};

class LockstepChannel : public ::testing::Test {
 protected:
  void send() { ASSERT_EQ(channel_.send(Message::kEvent, as_bytes("head"), as_bytes(" and tail")), Status::kOk); }
  Loop loop_;
  std::array<std::byte, 64> buffer_{};
  Channel channel_{loop_, buffer_};
};

TEST_F(LockstepChannel, GivesWhatWasSent) {
  send();
  const auto frame = channel_.receive();
  ASSERT_TRUE(frame.ok());
  EXPECT_EQ(frame.value().type, Message::kEvent);
  EXPECT_TRUE(std::ranges::equal(frame.value().data, as_bytes("head and tail")));
}

TEST_F(LockstepChannel, TakesNoFrameInWhichABitIsWrong) {
  send();
  const std::vector<std::byte> good = loop_.bytes;
  for (std::size_t bit = 0; bit < good.size() * 8; ++bit) {
    SCOPED_TRACE(bit);
    loop_.bytes = good;
    loop_.bytes[bit / 8] ^= static_cast<std::byte>(1U << bit % 8);
    loop_.taken = 0;
    channel_.restart();
    // A greater length may end with the stream.
    EXPECT_FALSE(channel_.receive().ok());
    EXPECT_FALSE(channel_.receive().ok()) << "what failed stays so";
  }
}

TEST_F(LockstepChannel, TakesNoFrameThatIsCut) {
  send();
  const std::vector<std::byte> good = loop_.bytes;
  for (std::size_t size = 0; size < good.size(); ++size) {
    loop_.bytes.assign(good.begin(), good.begin() + static_cast<std::ptrdiff_t>(size));
    loop_.taken = 0;
    channel_.restart();
    EXPECT_EQ(channel_.receive().status(), Status::kIo);
  }
}

TEST_F(LockstepChannel, BoundsAFrame) {
  const std::vector<std::byte> most(buffer_.size() - kFrameTrailer);
  ASSERT_EQ(channel_.send(Message::kEvent, most), Status::kOk);
  EXPECT_TRUE(channel_.receive().ok());
  const std::vector<std::byte> more(buffer_.size() - kFrameTrailer + 1);
  ASSERT_EQ(channel_.send(Message::kEvent, more), Status::kOk);
  EXPECT_EQ(channel_.receive().status(), Status::kCorrupt);
}

TEST(LockstepReader, GivesNothingAfterTheEnd) {
  Writer<16> writer;
  writer.put(std::uint16_t{0x1234}).put(Status::kBusy).put(Instant::max());
  Reader reader(writer.bytes());
  EXPECT_EQ(reader.take<std::uint16_t>(), 0x1234);
  EXPECT_EQ(reader.take_status(), Status::kBusy);
  EXPECT_FALSE(reader.ends());
  EXPECT_EQ(reader.take_instant(), Instant::max());
  EXPECT_TRUE(reader.ends());
  EXPECT_EQ(reader.take<std::uint8_t>(), 0);
  EXPECT_FALSE(reader.ok());
}

TEST(LockstepReader, RefusesNumbersThatAreNone) {
  for (std::size_t field : {8U, 9U, 18U}) {  // Supply, link state, flags.
    Writer<Inputs::kSize> writer;
    Inputs{}.put(writer);
    std::vector<std::byte> bytes(writer.bytes().begin(), writer.bytes().end());
    ASSERT_EQ(bytes.size(), Inputs::kSize);
    bytes[field] = std::byte{0x40};
    Reader reader(bytes);
    (void)Inputs::take(reader);
    EXPECT_FALSE(reader.ok()) << field;
  }
}

}  // namespace
}  // namespace cubby::lockstep
