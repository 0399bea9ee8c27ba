#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <numeric>

#include "firmware/ports/posix/line_devices.h"
#include "unit/ports/lab.h"

namespace cubby::posix {
namespace {

using tests::FarEnd;
using tests::FaultyCalls;
using tests::Folder;

constexpr Instant kStart{1'000'000};
constexpr Duration kTurn = Duration::milliseconds(10);

LineAddress serial(const std::string& path) {
  return {.kind = LineAddress::Kind::kSerial, .path = path, .baud = 9600, .host = {}};
}

std::vector<std::byte> bytes(std::initializer_list<int> values) {
  std::vector<std::byte> result;
  for (const int value : values) {
    result.push_back(static_cast<std::byte>(value));
  }
  return result;
}

const std::vector<std::byte> kFrame = bytes({1, 5, 2, 0, 0, 3, 0x8C, 0x73});

/// A bus on adapters that come and go under names adapter-1, adapter-2, ...; time is the test's.
struct BusLab {
  Folder folder;
  FaultyCalls calls;
  LineBus bus{calls, serial(folder.path("adapter-*")), 1'042};
  Instant now = kStart;
  int plugged = 0;

  void plug(const FarEnd& far) {
    std::filesystem::create_symlink(far.name(), folder.path("adapter-" + std::to_string(++plugged)));
  }
  /// The name stays behind, pointing nowhere, as after a program that was killed.
  void pull(FarEnd& far) { far.hang_up(); }
  ByteLine::State state() { return bus.line().line().state(); }
  void turn() {
    now = now + kTurn;
    bus.line().service(now);
  }
  /// True once it is in that state, within so many turns of the loop.
  bool reaches(ByteLine::State wanted, int turns = 100) {
    for (int i = 0; i < turns && state() != wanted; ++i) {
      turn();
    }
    return state() == wanted;
  }
  Status send() { return bus.send(kFrame, now, false); }
};

TEST(SerialPort, CarriesEveryByteBothWaysAtItsSpeed) {
  const FarEnd far;
  std::string name;
  std::string why;
  Descriptor port = open_serial(serial(far.name()), name, why);
  ASSERT_TRUE(port.valid()) << why;
  termios settings{};
  ASSERT_EQ(tcgetattr(port.get(), &settings), 0);
  EXPECT_EQ(cfgetospeed(&settings), static_cast<speed_t>(B9600));
  EXPECT_EQ(settings.c_cflag & static_cast<tcflag_t>(CSTOPB | PARENB | CSIZE), static_cast<tcflag_t>(CS8));
  FaultyCalls calls;
  ByteLine line(calls, {.in = 1024, .out = 1024});
  line.adopt(std::move(port), false);
  std::vector<std::byte> all(256);
  std::iota(reinterpret_cast<unsigned char*>(all.data()), reinterpret_cast<unsigned char*>(all.data()) + all.size(), 0);
  ASSERT_EQ(line.send(all), Status::kOk);
  EXPECT_EQ(far.receive(all.size()), all);
  far.send(all);
  std::vector<std::byte> got;
  std::vector<std::byte> chunk(100);
  while (got.size() < all.size() && tests::readable(line.descriptor())) {
    for (std::size_t size = line.receive(chunk); size > 0; size = line.receive(chunk)) {
      got.insert(got.end(), chunk.begin(), chunk.begin() + static_cast<std::ptrdiff_t>(size));
    }
  }
  EXPECT_EQ(got, all);
}

TEST(SerialPort, IsForOneProgramEvenForTheSuperuser) {
  const FarEnd far;
  std::string name;
  std::string why;
  const Descriptor first = open_serial(serial(far.name()), name, why);
  ASSERT_TRUE(first.valid()) << why;
  EXPECT_FALSE(open_serial(serial(far.name()), name, why).valid());
  EXPECT_TRUE(why.find("another program has it") != std::string::npos || why.find("busy") != std::string::npos) << why;
}

TEST(SerialPort, OfAPatternTheFirstThatOpensIsTaken) {
  Folder folder;
  const FarEnd far;
  std::string name;
  std::string why;
  EXPECT_FALSE(open_serial(serial(folder.path("usb-*")), name, why).valid());
  EXPECT_NE(why.find("there is no such device"), std::string::npos) << why;
  std::filesystem::create_symlink(folder.path("gone"), folder.path("usb-1"));
  folder.write("usb-2", "no terminal");
  std::filesystem::create_symlink(far.name(), folder.path("usb-3"));
  EXPECT_TRUE(open_serial(serial(folder.path("usb-*")), name, why).valid()) << why;
  EXPECT_EQ(name, folder.path("usb-3"));
}

TEST(LineBus, SaysNotSentWithoutAnAdapterAndLooksForOneWithABoundedBackOff) {
  BusLab lab;
  lab.turn();
  EXPECT_EQ(lab.send(), Status::kNotSent);
  Instant last = lab.now;
  Duration longest{};
  for (int tries = 0; tries < 20; ++tries) {
    lab.now = lab.bus.line().deadline();
    ASSERT_LT(lab.now, Instant::max());
    longest = std::max(longest, lab.now - last);
    last = lab.now;
    lab.bus.line().service(lab.now);
  }
  EXPECT_EQ(longest, KeptLine::kRetryMost);
  const FarEnd far;
  lab.plug(far);
  lab.now = lab.bus.line().deadline();
  lab.bus.line().service(lab.now);
  EXPECT_EQ(lab.send(), Status::kOk);
  EXPECT_EQ(far.receive(kFrame.size()), kFrame);
}

TEST(LineBus, FindsAnAdapterThatComesBackUnderAnotherName) {
  BusLab lab;
  FarEnd first;
  lab.plug(first);
  ASSERT_TRUE(lab.reaches(ByteLine::State::kUp));
  ASSERT_EQ(lab.send(), Status::kOk);
  EXPECT_EQ(first.receive(kFrame.size()), kFrame);
  lab.pull(first);
  ASSERT_TRUE(lab.reaches(ByteLine::State::kDown));
  EXPECT_EQ(lab.send(), Status::kNotSent);
  const FarEnd second;
  lab.plug(second);
  ASSERT_TRUE(lab.reaches(ByteLine::State::kUp));
  second.send(bytes({9}));
  ASSERT_TRUE(tests::readable(lab.bus.line().line().descriptor()));
  std::vector<std::byte> got(8);
  EXPECT_EQ(lab.bus.receive(got, lab.now), 1U);
  EXPECT_EQ(lab.send(), Status::kOk);
  EXPECT_EQ(second.receive(kFrame.size()), kFrame) << "once, and nothing of before";
}

TEST(LineBus, ASendToAnAdapterThatHasJustGoneIsNotSent) {
  BusLab lab;
  FarEnd far;
  lab.plug(far);
  ASSERT_TRUE(lab.reaches(ByteLine::State::kUp));
  lab.pull(far);
  EXPECT_EQ(lab.send(), Status::kNotSent) << "before the loop has noticed";
  EXPECT_EQ(lab.state(), ByteLine::State::kDown);
}

TEST(LineBus, WhatLeftInPartIsSentAndTheRestIsNeverSentToTheNextAdapter) {
  BusLab lab;
  FarEnd first;
  lab.plug(first);
  ASSERT_TRUE(lab.reaches(ByteLine::State::kUp));
  lab.calls.shorten_write = [taken = false](std::size_t& size) mutable {
    size = taken ? 0 : 3;
    taken = true;
  };
  EXPECT_EQ(lab.send(), Status::kOk) << "whether it took effect nobody can say";
  EXPECT_EQ(first.receive(3), bytes({1, 5, 2}));
  EXPECT_EQ(lab.send(), Status::kBusy) << "a frame is still going out";
  lab.pull(first);
  ASSERT_TRUE(lab.reaches(ByteLine::State::kDown));
  lab.calls.shorten_write = nullptr;
  const FarEnd second;
  lab.plug(second);
  ASSERT_TRUE(lab.reaches(ByteLine::State::kUp));
  lab.turn();
  ASSERT_EQ(lab.bus.send(bytes({7}), lab.now, true), Status::kOk);
  EXPECT_EQ(second.receive(1), bytes({7}));
}

TEST(LineBus, TheRestOfAFrameFollowsWhenThereIsRoom) {
  BusLab lab;
  const FarEnd far;
  lab.plug(far);
  ASSERT_TRUE(lab.reaches(ByteLine::State::kUp));
  lab.calls.shorten_write = [](std::size_t& size) { size = std::min<std::size_t>(size, 3); };
  ASSERT_EQ(lab.send(), Status::kOk);
  lab.turn();
  EXPECT_EQ(far.receive(kFrame.size()), kFrame);
}

TEST(LineBus, WhatAPortDoesNotTakeAtAllIsBusyAndStaysUnsent) {
  BusLab lab;
  const FarEnd far;
  lab.plug(far);
  ASSERT_TRUE(lab.reaches(ByteLine::State::kUp));
  lab.calls.shorten_write = [](std::size_t& size) { size = 0; };
  EXPECT_EQ(lab.send(), Status::kBusy);
  lab.calls.shorten_write = nullptr;
  lab.turn();
  ASSERT_EQ(lab.bus.send(bytes({7}), lab.now, true), Status::kOk);
  EXPECT_EQ(far.receive(1), bytes({7})) << "nothing of the refused frame";
}

TEST(LineBus, APortThatTakesNoMoreBytesIsOpenedAgain) {
  BusLab lab;
  const FarEnd far;
  lab.plug(far);
  ASSERT_TRUE(lab.reaches(ByteLine::State::kUp));
  lab.calls.shorten_write = [taken = false](std::size_t& size) mutable {
    size = taken ? 0 : 3;
    taken = true;
  };
  ASSERT_EQ(lab.send(), Status::kOk);
  lab.now = lab.now + LineBus::kStuckAfter + kTurn;
  EXPECT_EQ(lab.send(), Status::kBusy);
  EXPECT_EQ(lab.state(), ByteLine::State::kDown);
  lab.calls.shorten_write = nullptr;
  ASSERT_TRUE(lab.reaches(ByteLine::State::kUp));
  EXPECT_EQ(lab.send(), Status::kOk);
}

TEST(LineBus, AnInputOutputErrorIsNotSent) {
  BusLab lab;
  const FarEnd far;
  lab.plug(far);
  ASSERT_TRUE(lab.reaches(ByteLine::State::kUp));
  lab.calls.write_error = EIO;
  EXPECT_EQ(lab.send(), Status::kNotSent);
  lab.calls.write_error = 0;
  ASSERT_TRUE(lab.reaches(ByteLine::State::kUp));
  EXPECT_EQ(lab.send(), Status::kOk);
  EXPECT_EQ(far.receive(kFrame.size()), kFrame) << "once";
}

/// A listening socket of this machine, as a converter or an aggregator has one.
struct Listener {
  LineAddress address{.kind = LineAddress::Kind::kTcpListen, .path = {}, .host = "127.0.0.1", .port = 0};
  Descriptor socket;
  Listener() {
    std::string why;
    for (std::uint16_t port = 20'000; !socket.valid() && port < 21'000; ++port) {
      address.port = port;
      socket = start_listening(address, why);
    }
  }
  LineAddress client_address() const {
    LineAddress client = address;
    client.kind = LineAddress::Kind::kTcpConnect;
    return client;
  }
  Descriptor accept() const { return tests::readable(socket.get()) ? accept_client(socket.get()) : Descriptor(); }
};

std::string receive_text(int fd, std::size_t size) {
  std::string text;
  std::vector<char> chunk(256);
  while (text.size() < size && tests::readable(fd)) {
    const ssize_t got = ::read(fd, chunk.data(), chunk.size());
    if (got <= 0) {
      break;
    }
    text.append(chunk.data(), static_cast<std::size_t>(got));
  }
  return text;
}

TEST(LineBus, SpeaksThroughATcpConverterAndConnectsAgain) {
  std::signal(SIGPIPE, SIG_IGN);  // As the program does.
  FaultyCalls calls;
  const Listener converter;
  LineBus bus(calls, converter.client_address(), 1'042);
  Instant now = kStart;
  bus.line().service(now);
  for (int round = 0; round < 2; ++round) {
    Descriptor far = converter.accept();
    ASSERT_TRUE(far.valid());
    for (int i = 0; i < 100 && bus.line().line().state() != ByteLine::State::kUp; ++i) {
      bus.line().service(now = now + kTurn);
    }
    ASSERT_EQ(bus.send(kFrame, now, false), Status::kOk);
    EXPECT_EQ(receive_text(far.get(), kFrame.size()).size(), kFrame.size());
    far.reset(-1);
    ASSERT_TRUE(tests::readable(bus.line().line().descriptor()));
    bus.line().service(now = now + kTurn);
    EXPECT_EQ(bus.send(kFrame, now, false), Status::kNotSent);
    bus.line().service(now = bus.line().deadline());
  }
}

TEST(LinePanel, ANewPanelIsToldLanguageAndScreenAndTheNewestOneHasTheLine) {
  std::signal(SIGPIPE, SIG_IGN);
  FaultyCalls calls;
  Listener probe;
  LineAddress address = probe.address;
  probe.socket.reset(-1);
  LinePanel panel(calls, address);
  Instant now = kStart;
  panel.service(now);
  EXPECT_EQ(panel.send(as_bytes("U\x83\x01")), Status::kNotSent) << "nobody is there";
  EXPECT_EQ(panel.send(as_bytes("U\x81\x06screen")), Status::kNotSent);
  address.kind = LineAddress::Kind::kTcpConnect;
  std::string why;
  std::vector<Descriptor> clients;
  for (const char* key : {"a", "b"}) {
    clients.push_back(start_connecting(address, false, why));
    for (int i = 0; i < 100 && panel.line().generation() < clients.size(); ++i) {
      panel.service(now = now + kTurn);
    }
    EXPECT_EQ(receive_text(clients.back().get(), 12), std::string("U\x83\x01U\x81\x06screen"));
    ASSERT_EQ(::write(clients.back().get(), key, 1), 1);
    ASSERT_TRUE(tests::readable(panel.line().line().descriptor()));
    std::vector<std::byte> got(8);
    ASSERT_EQ(panel.receive(got), 1U);
    EXPECT_EQ(static_cast<char>(got[0]), *key);
  }
  EXPECT_EQ(receive_text(clients.front().get(), 1), "") << "the first one's line is closed";
}

struct LinkLab {
  FaultyCalls calls;
  HostTime time;
  Listener centre;
  HostClock clock{time, true};
  TcpLink link{calls, time, clock, centre.client_address(), {}, {}};
  hal::LinkState settle() {
    for (int i = 0; i < 1'000 && link.state() == hal::LinkState::kConnecting; ++i) {
      std::vector<pollfd> set;
      link.watch(set);
      (void)poll(set.data(), set.size(), 10);
      link.service();
    }
    return link.state();
  }
};

TEST(TcpLink, ConnectsSendsAndReadsTheLastWordsOfWhoCloses) {
  LinkLab lab;
  EXPECT_EQ(lab.link.state(), hal::LinkState::kDown);
  EXPECT_EQ(lab.link.send(as_bytes("x")), Status::kNotSent);
  ASSERT_EQ(lab.link.connect(), Status::kOk);
  EXPECT_EQ(lab.link.connect(), Status::kBusy);
  ASSERT_EQ(lab.settle(), hal::LinkState::kUp);
  Descriptor far = lab.centre.accept();
  ASSERT_EQ(lab.link.send(as_bytes("hello")), Status::kOk);
  EXPECT_EQ(receive_text(far.get(), 5), "hello");
  ASSERT_EQ(::write(far.get(), "refused", 7), 7);
  far.reset(-1);
  for (int i = 0; i < 100 && lab.link.state() == hal::LinkState::kUp; ++i) {
    std::vector<pollfd> set;
    lab.link.watch(set);
    (void)poll(set.data(), set.size(), 10);
    lab.link.service();
  }
  EXPECT_EQ(lab.link.state(), hal::LinkState::kDown);
  std::vector<std::byte> got(32);
  EXPECT_EQ(lab.link.receive(got), 7U) << "why it was closed";
  EXPECT_EQ(lab.link.connect(), Status::kOk);
}

TEST(TcpLink, ARefusedConnectionIsDownAndCanBeTriedAgain) {
  LinkLab lab;
  lab.centre.socket.reset(-1);
  ASSERT_EQ(lab.link.connect(), Status::kOk);
  EXPECT_EQ(lab.settle(), hal::LinkState::kDown);
  EXPECT_EQ(lab.link.connect(), Status::kOk);
}

TEST(TcpLink, TakesAllOfAFrameOrNothingWhenNobodyReads) {
  LinkLab lab;
  ASSERT_EQ(lab.link.connect(), Status::kOk);
  ASSERT_EQ(lab.settle(), hal::LinkState::kUp);
  const Descriptor far = lab.centre.accept();
  const std::string frame(10'000, 'f');
  std::size_t taken = 0;
  while (lab.link.send(as_bytes(frame)) == Status::kOk) {
    ++taken;
    ASSERT_LT(taken, 10'000U) << "memory without a bound";
  }
  EXPECT_EQ(lab.link.send(as_bytes(frame)), Status::kBusy);
  std::size_t arrived = 0;
  while (arrived < taken * frame.size()) {
    const std::size_t got = receive_text(far.get(), 1).size();
    ASSERT_GT(got, 0U);
    arrived += got;
    lab.link.service();
  }
  EXPECT_EQ(arrived, taken * frame.size()) << "no part of the frame that was refused";
  EXPECT_EQ(lab.link.send(as_bytes(frame)), Status::kOk);
}

}  // namespace
}  // namespace cubby::posix
