// A guest that says anything to the emulator that owns its world: good frames, good ones with wrong content, bytes. It
// may be lost; the world stays whole, and what it is told are frames.
#include <algorithm>
#include <vector>

#include "emulator/lockstep/lockstep_host.h"
#include "fuzz/targets.h"
#include "support/lockstep_world.h"

namespace cubby::fuzz {
namespace {

using emulator::LockstepHost;
using lockstep::Channel;
using lockstep::Message;
using lockstep::Writer;

constexpr int kOrdersMax = 60;

/// Takes what a channel sends; gives what was put in.
class Pipe final : public lockstep::ByteStream {
 public:
  std::vector<std::byte> bytes;

 private:
  Status do_write(Bytes more) override {
    bytes.insert(bytes.end(), more.begin(), more.end());
    return Status::kOk;
  }
  Result<std::size_t> do_read(MutableBytes into) override {
    if (bytes.empty()) {
      return Status::kTimeout;
    }
    const std::size_t size = std::min(into.size(), bytes.size());
    std::copy_n(bytes.begin(), size, into.begin());
    bytes.erase(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size));
    return size;
  }
};

/// Says the next thing of the input whenever it is listened to.
class Guest final : public emulator::GuestStream {
 public:
  explicit Guest(Input& input) : input_(input) {}
  bool runs() const { return runs_; }

  /// Everything that was heard so far is whole frames that a guest has room for.
  void check_heard() {
    std::array<std::byte, lockstep::kToGuestMax + lockstep::kFrameTrailer> buffer{};
    Channel channel(heard_, buffer);
    while (!heard_.bytes.empty()) {
      require(channel.receive().ok(), "what a guest is told is frames");
    }
  }

 private:
  Status start() override {
    require(!runs_, "a guest that runs is not started again");
    runs_ = true;
    said_.bytes.clear();
    if (input_.one_of(16) != 0) {
      say(Message::kHello, Writer<4>().put_bytes(lockstep::kMagic).put(lockstep::kVersion).bytes(), as_bytes("fuzz"));
    }
    return Status::kOk;
  }
  void stop() override { runs_ = false; }
  Status do_write(Bytes bytes) override {
    require(runs_, "nobody speaks to a guest that does not run");
    return heard_.write(bytes);
  }
  Result<std::size_t> do_read(MutableBytes into) override {
    require(runs_, "nobody listens to a guest that does not run");
    if (said_.bytes.empty() && !input_.empty()) {
      say_something();
    }
    return said_.read(into);
  }

  void say(Message type, Bytes head, Bytes tail = {}) {
    Channel channel(said_, {});
    (void)channel.send(type, head, tail);
  }
  // Compilers differ in the order in which they take a call's arguments: an input is read into variables.
  void say_something() {
    const unsigned choice = input_.byte();
    if (choice >= 0xF8) {
      const unsigned size = 1 + input_.byte();
      const Bytes raw = input_.take(size);
      said_.bytes.insert(said_.bytes.end(), raw.begin(), raw.end());
    } else if (choice % 16 < 4) {
      say_outcome(choice % 16);
    } else if (choice % 16 < 7) {
      ask_flash(choice % 16);
    } else {
      say_other(choice % 16);
    }
  }
  void say_outcome(unsigned choice) {
    if (choice == 0 || choice == 1) {
      return say(choice == 0 ? Message::kBooted : Message::kKnown, Writer<1>().put(small()).bytes());
    }
    const auto first = static_cast<std::int64_t>(input_.number());
    if (choice == 2) {
      return say(Message::kPolls, Writer<8>().put(first).bytes());
    }
    const auto second = static_cast<std::int64_t>(input_.number());
    say(Message::kTicked, Writer<17>().put(first).put(second).put(small()).bytes());
  }
  void ask_flash(unsigned choice) {
    if (choice == 4) {
      return say(Message::kFlashErase, Writer<4>().put(static_cast<std::uint32_t>(input_.one_of(34))).bytes());
    }
    const unsigned kib = input_.byte();
    const std::uint32_t place = kib << 10 | input_.byte() << 2;
    if (choice == 5) {
      return say(Message::kFlashRead, Writer<6>().put(place).put(size()).bytes());
    }
    say(Message::kFlashProgram, Writer<4>().put(place).bytes(), some());
  }
  void say_other(unsigned choice) {
    if (choice == 7) {
      const auto type =
          input_.pick({Message::kLinkReceive, Message::kPanelReceive, Message::kBusReceive, Message::kRandom});
      return say(type, Writer<2>().put(size()).bytes());
    }
    if (choice == 8) {
      const auto type = input_.pick({Message::kLinkSend, Message::kPanelSend, Message::kBusSend, Message::kEvent});
      return say(type, some());
    }
    if (choice == 9) {
      return say(input_.pick({Message::kLinkConnect, Message::kLinkClose}), {});
    }
    if (choice == 10) {
      return say(Message::kClockSet, Writer<8>().put(input_.number()).bytes());
    }
    if (choice == 11) {
      return say(Message::kCompartment, input_.take(3));
    }
    const auto type = static_cast<Message>(input_.byte());
    say(type, some());
  }
  std::uint8_t small() { return static_cast<std::uint8_t>(input_.one_of(3)); }
  Bytes some() {
    const unsigned size = input_.byte();
    return input_.take(size);
  }
  std::uint16_t size() {
    const unsigned high = input_.one_of(10);
    return static_cast<std::uint16_t>(high << 8 | input_.byte());
  }

  Input& input_;
  Pipe said_;
  Pipe heard_;
  bool runs_ = false;
};

class Trace final : public TraceSink {
  void on_event(std::uint64_t, Bytes payload) override {
    require(!payload.empty() && payload.size() <= limits::kEventBytesMax, "an event is bounded");
  }
  void on_compartment(std::uint8_t number, std::uint8_t, std::uint8_t) override {
    require(number != 0 && number <= limits::kCompartmentsMax, "a compartment is one");
  }
  void on_uplink(std::uint8_t, std::uint8_t) override {}
};

class Game {
 public:
  explicit Game(Input& input)
      : input_(input),
        guest_(input),
        host_(guest_, input.flag() ? LockstepHost::AtCut::kDies : LockstepHost::AtCut::kFinishesTick) {}

  void run() {
    boot();
    for (int orders = 0; !input_.empty() && orders < kOrdersMax; ++orders) {
      order();
      guest_.check_heard();
      require(host_.lost() == !host_.failure().empty(), "a guest is lost for a reason");
      require(!host_.lost() || !guest_.runs(), "a lost guest does not run");
    }
  }

 private:
  void boot() {
    const Status status = world_.boot(host_);
    require(status != Status::kOk || guest_.runs(), "who has booted runs");
  }
  void order() {
    const unsigned choice = input_.one_of(8);
    if (choice == 0) {
      world_.flash.cut_after(input_.one_of(4), emulator::TearMode::kNothing);
      return;
    }
    if (choice == 1) {
      host_.power_off();
      world_.flash.power_on();
      boot();
      return;
    }
    if (choice == 2) {
      const unsigned board = input_.one_of(4);
      (void)host_.knows(board, input_.number());
    } else if (choice == 3) {
      const Instant at = host_.idle_poll_of(input_.one_of(4), world_.now);
      require(at >= world_.now, "nobody is polled in the past");
    } else {
      world_.now = world_.now + Duration::milliseconds(input_.byte());
      const Result<Wake> wake = host_.tick(world_.now);
      require(!wake.ok() || guest_.runs(), "who has ticked runs");
    }
  }

  Input& input_;
  Trace trace_;
  tests::LockstepWorld world_{trace_};
  Guest guest_;
  LockstepHost host_;
};

}  // namespace

/// Input: what becomes of a guest at a cut; then, in turn, orders of the world and what the guest says to them.
void lockstep_guest(Bytes bytes) {
  Input input(bytes);
  Game(input).run();
}

}  // namespace cubby::fuzz
