// A guest that says what it may not say is lost, and the world goes on.
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <vector>

#include "emulator/lockstep/lockstep_host.h"
#include "support/lockstep_world.h"

namespace cubby::emulator {
namespace {

using lockstep::Channel;
using lockstep::Message;
using lockstep::Writer;

/// A guest whose words are written down beforehand.
class ScriptedGuest final : public GuestStream {
 public:
  std::vector<std::byte> words;
  std::vector<std::byte> heard;
  unsigned starts = 0;
  bool runs = false;
  Status at_end = Status::kTimeout;

  void say(Message type, Bytes head, Bytes tail = {}) {
    Collector collector(words);
    Channel channel(collector, {});
    ASSERT_EQ(channel.send(type, head, tail), Status::kOk);
  }
  void greet(std::uint8_t version = lockstep::kVersion, std::string_view name = "test") {
    say(Message::kHello, Writer<4>().put_bytes(lockstep::kMagic).put(version).bytes(), as_bytes(name));
  }

 private:
  class Collector final : public lockstep::ByteStream {
   public:
    explicit Collector(std::vector<std::byte>& into) : into_(into) {}

   private:
    Status do_write(Bytes bytes) override {
      into_.insert(into_.end(), bytes.begin(), bytes.end());
      return Status::kOk;
    }
    Result<std::size_t> do_read(MutableBytes) override { return Status::kIo; }
    std::vector<std::byte>& into_;
  };

  Status start() override {
    ++starts;
    runs = true;
    return Status::kOk;
  }
  void stop() override { runs = false; }
  Status do_write(Bytes bytes) override {
    heard.insert(heard.end(), bytes.begin(), bytes.end());
    return Status::kOk;
  }
  Result<std::size_t> do_read(MutableBytes into) override {
    if (taken_ == words.size()) {
      return at_end;
    }
    const std::size_t size = std::min(into.size(), words.size() - taken_);
    std::copy_n(words.begin() + static_cast<std::ptrdiff_t>(taken_), size, into.begin());
    taken_ += size;
    return size;
  }
  std::size_t taken_ = 0;
};

class CountingTrace final : public TraceSink {
 public:
  unsigned events = 0;

 private:
  void on_event(std::uint64_t, Bytes) override { ++events; }
  void on_compartment(std::uint8_t, std::uint8_t, std::uint8_t) override {}
  void on_uplink(std::uint8_t, std::uint8_t) override {}
};

class LockstepGuest : public ::testing::Test {
 protected:
  Status boot() { return boot(host_); }
  Status boot(LockstepHost& host) { return world_.boot(host); }
  CountingTrace trace_;
  tests::LockstepWorld world_{trace_};
  ScriptedGuest guest_;
  LockstepHost host_{guest_};
};

TEST_F(LockstepGuest, BootsAndTicks) {
  guest_.greet();
  guest_.say(Message::kBooted, Writer<1>().put(std::uint8_t{1}).bytes());
  ASSERT_EQ(boot(), Status::kOk);
  EXPECT_TRUE(host_.settled());
  EXPECT_EQ(host_.port(), "test");
  guest_.say(Message::kFlashProgram, Writer<4>().put(std::uint32_t{4096}).bytes(), as_bytes("cells"));
  guest_.say(Message::kEvent, Writer<8>().put(std::uint64_t{1}).bytes(), as_bytes("event"));
  guest_.say(Message::kTicked, Writer<17>().put(Instant{5}).put(Instant{6}).put(std::uint8_t{0}).bytes());
  const Result<Wake> wake = host_.tick(Instant{1});
  ASSERT_TRUE(wake.ok());
  EXPECT_EQ(wake.value().deadline, Instant{5});
  EXPECT_EQ(wake.value().idle_poll, Instant{6});
  EXPECT_FALSE(host_.settled());
  EXPECT_EQ(trace_.events, 1U);
  std::array<std::byte, 5> cells{};
  ASSERT_EQ(world_.flash.read(4096, cells), Status::kOk);
  EXPECT_TRUE(std::ranges::equal(cells, as_bytes("cells")));
  host_.power_off();
  EXPECT_FALSE(guest_.runs);
  EXPECT_FALSE(host_.lost());
}

TEST_F(LockstepGuest, IsLostWhenItSpeaksAnotherVersion) {
  guest_.greet(2);
  EXPECT_EQ(boot(), Status::kIo);
  EXPECT_EQ(host_.failure(), "it speaks version 2, this emulator speaks 1");
  EXPECT_FALSE(guest_.runs);
  EXPECT_EQ(boot(), Status::kIo);
  EXPECT_EQ(guest_.starts, 1U) << "a lost guest is not started again";
}

TEST_F(LockstepGuest, IsLostWhenItNamesNoPort) {
  guest_.greet(lockstep::kVersion, "a\nline");
  EXPECT_EQ(boot(), Status::kIo);
  EXPECT_EQ(host_.failure(), "its greeting names no port");
}

TEST_F(LockstepGuest, IsLostWhenItIsSilent) {
  guest_.greet();
  EXPECT_EQ(boot(), Status::kIo);
  EXPECT_EQ(host_.failure(), "it said nothing for longer than it may");
}

TEST_F(LockstepGuest, IsLostWhenItAsksWithoutEnd) {
  guest_.greet();
  for (int i = 0; i < 200'000; ++i) {
    guest_.say(Message::kLinkClose, {});
  }
  EXPECT_EQ(boot(), Status::kIo);
  EXPECT_EQ(host_.failure(), "it asks without end");
}

struct Trespass {
  Message type;
  std::vector<std::byte> data;
};

std::vector<std::byte> bytes_of(Bytes bytes) {
  return {bytes.begin(), bytes.end()};
}

std::vector<std::byte> place_and(std::uint32_t place, std::size_t more) {
  std::vector<std::byte> data(4 + more);
  store_le(MutableBytes(data), place);
  return data;
}

std::vector<std::byte> read_of(std::uint32_t place, std::uint16_t size) {
  return bytes_of(Writer<6>().put(place).put(size).bytes());
}

// Each is one step beyond what is allowed.
TEST_F(LockstepGuest, IsLostWhenItAsksForWhatIsNotThere) {
  const std::uint32_t end = hal::FlashGeometry{}.size();
  const auto size_of = [](std::uint16_t size) { return bytes_of(Writer<2>().put(size).bytes()); };
  const std::vector<Trespass> trespasses{
      {Message::kFlashRead, read_of(end - 1, 2)},
      {Message::kFlashRead, read_of(0xFFFF'FFFF, 2)},
      {Message::kFlashRead, read_of(0, 2049)},
      {Message::kFlashRead, read_of(0, 0)},
      {Message::kFlashProgram, place_and(end, 1)},
      {Message::kFlashProgram, place_and(255, 2)},
      {Message::kFlashProgram, place_and(0, 0)},
      {Message::kFlashProgram, place_and(0xFFFF'FFFF, 2)},
      {Message::kFlashErase, place_and(32, 0)},
      {Message::kFlashErase, place_and(0, 1)},
      {Message::kBusSend, std::vector<std::byte>(1)},
      {Message::kBusSend, std::vector<std::byte>(66)},
      {Message::kBusReceive, size_of(2049)},
      {Message::kLinkConnect, std::vector<std::byte>(1)},
      {Message::kLinkSend, {}},
      {Message::kLinkReceive, size_of(0)},
      {Message::kPanelSend, {}},
      {Message::kPanelReceive, std::vector<std::byte>(3)},
      {Message::kRandom, size_of(65)},
      {Message::kClockSet, std::vector<std::byte>(7)},
      {Message::kEvent, std::vector<std::byte>(8)},
      {Message::kEvent, std::vector<std::byte>(8 + limits::kEventBytesMax + 1)},
      {Message::kCompartment, std::vector<std::byte>(3)},
      {Message::kHello, {}},
      {Message::kTicked, std::vector<std::byte>(17)},
      {Message::kTick, {}},
      {static_cast<Message>(0xFF), {}},
  };
  for (const Trespass& trespass : trespasses) {
    SCOPED_TRACE(static_cast<int>(trespass.type));
    ScriptedGuest guest;
    guest.greet();
    guest.say(trespass.type, trespass.data);
    LockstepHost host(guest);
    EXPECT_EQ(boot(host), Status::kIo);
    EXPECT_EQ(host.failure(),
              "it sent something that means nothing here: type " + std::to_string(static_cast<int>(trespass.type)));
  }
  EXPECT_EQ(world_.flash.counters().operations(), 0U);
}

// A real part would forgive it, and then corrupt; the emulator's own controller would end the program.
TEST_F(LockstepGuest, IsLostWhenItProgramsWhatIsNotErased) {
  guest_.greet();
  guest_.say(Message::kFlashProgram, place_and(512, 8));
  guest_.say(Message::kFlashProgram, place_and(519, 1));
  EXPECT_EQ(boot(), Status::kIo);
  EXPECT_EQ(host_.failure(), "it sent something that means nothing here: type 163");
  EXPECT_EQ(world_.flash.counters().programs, 1U);
}

}  // namespace
}  // namespace cubby::emulator
