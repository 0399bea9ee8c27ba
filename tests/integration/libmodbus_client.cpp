// libmodbus, which knows nothing of this project, is the master of an emulated lock board over a
// pseudo-terminal: what it reads and what it can open is what it would find on a cabinet.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <modbus.h>
#include <poll.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "emulator/hardware/door.h"
#include "emulator/hardware/modbus_board.h"
#include "firmware/base/instant.h"

namespace {

using cubby::Duration;
using cubby::Instant;
using cubby::emulator::BoardWiring;
using cubby::emulator::Door;
using cubby::emulator::ModbusBoard;

constexpr int kBaud = 9600;
// Longer than the 4 ms that end a frame on a real segment: a loaded machine may hold a byte back.
constexpr int kSilenceMs = 25;
constexpr std::int64_t kLatchDelayMs = 60;

Instant wall_now() {
  const auto since = std::chrono::steady_clock::now().time_since_epoch();
  return Instant{std::chrono::duration_cast<std::chrono::microseconds>(since).count()};
}

/// Eight doors with spring latches, wired one to a channel.
class Doors final : public BoardWiring {
 public:
  bool input(std::uint8_t /*board*/, std::uint8_t channel, Instant now) override {
    const std::scoped_lock lock(mutex_);
    return now < opens_at_[channel] || doors_[channel].switch_shut(now);
  }
  void coil_on(std::uint8_t /*board*/, std::uint8_t channel, Instant from, Duration length) override {
    const std::scoped_lock lock(mutex_);
    pulses_.push_back({channel, length});
    doors_[channel].shut = false;
    opens_at_[channel] = from + Duration::milliseconds(kLatchDelayMs);
  }
  void push_shut(std::uint8_t channel) {
    const std::scoped_lock lock(mutex_);
    doors_[channel].shut = true;
  }

  struct Pulse {
    std::uint8_t channel;
    Duration length;
  };
  std::vector<Pulse> pulses() {
    const std::scoped_lock lock(mutex_);
    return pulses_;
  }

 private:
  std::mutex mutex_;
  std::array<Door, ModbusBoard::kChannels> doors_{};
  std::array<Instant, ModbusBoard::kChannels> opens_at_{};
  std::vector<Pulse> pulses_;
};

/// The board's end of the pseudo-terminal: collects bytes until there is silence, then lets the board answer.
class BoardOnTerminal {
 public:
  explicit BoardOnTerminal(BoardWiring& wiring) : board_(wiring, 0, 1) {
    board_end_ = posix_openpt(O_RDWR | O_NOCTTY);
    if (board_end_ < 0 || grantpt(board_end_) != 0 || unlockpt(board_end_) != 0) {
      ADD_FAILURE() << "no pseudo-terminal, errno " << errno;
      return;
    }
    path_ = ptsname(board_end_);
    // Kept open, so that the board does not see a hang-up between two masters, and raw from the start.
    keeper_ = open(path_.c_str(), O_RDWR | O_NOCTTY);
    termios settings{};
    tcgetattr(keeper_, &settings);
    cfmakeraw(&settings);
    tcsetattr(keeper_, TCSANOW, &settings);
    thread_ = std::thread([this] { serve(); });
  }
  ~BoardOnTerminal() {
    stop_ = true;
    if (thread_.joinable()) {
      thread_.join();
    }
    close(keeper_);
    close(board_end_);
  }
  BoardOnTerminal(const BoardOnTerminal&) = delete;
  BoardOnTerminal& operator=(const BoardOnTerminal&) = delete;

  const std::string& path() const { return path_; }

 private:
  void serve() {
    std::vector<std::byte> frame;
    while (!stop_) {
      pollfd wait{board_end_, POLLIN, 0};
      if (poll(&wait, 1, kSilenceMs) > 0) {
        std::array<std::byte, 256> chunk{};
        const ssize_t size = read(board_end_, chunk.data(), chunk.size());
        frame.insert(frame.end(), chunk.begin(), chunk.begin() + std::max<ssize_t>(size, 0));
      } else if (!frame.empty()) {
        std::array<std::byte, ModbusBoard::kReplyMax> reply{};
        const std::size_t size = board_.on_frame(frame, wall_now(), reply);
        frame.clear();
        if (write(board_end_, reply.data(), size) != static_cast<ssize_t>(size)) {
          ADD_FAILURE() << "the terminal took only a part of the reply";
        }
      }
    }
  }

  ModbusBoard board_;
  int board_end_ = -1;
  int keeper_ = -1;
  std::string path_;
  std::atomic<bool> stop_ = false;
  std::thread thread_;
};

class LibmodbusMaster : public testing::Test {
 protected:
  void SetUp() override {
    master_.reset(modbus_new_rtu(board_.path().c_str(), kBaud, 'N', 8, 1));
    ASSERT_NE(master_, nullptr);
    ASSERT_EQ(modbus_set_slave(master_.get(), 1), 0);
    ASSERT_EQ(modbus_set_response_timeout(master_.get(), 2, 0), 0);
    ASSERT_EQ(modbus_connect(master_.get()), 0) << modbus_strerror(errno);
  }
  std::array<std::uint8_t, 8> inputs() {
    std::array<std::uint8_t, 8> bits{};
    EXPECT_EQ(modbus_read_input_bits(master_.get(), 0, 8, bits.data()), 8) << modbus_strerror(errno);
    return bits;
  }
  std::array<std::uint8_t, 8> relays() {
    std::array<std::uint8_t, 8> bits{};
    EXPECT_EQ(modbus_read_bits(master_.get(), 0, 8, bits.data()), 8) << modbus_strerror(errno);
    return bits;
  }
  /// Sends bytes as they are and returns what comes back within `timeout_ms` (then silence).
  std::vector<std::uint8_t> exchange(const std::vector<std::uint8_t>& bytes, int timeout_ms) {
    const int line = modbus_get_socket(master_.get());
    EXPECT_EQ(write(line, bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size()));
    std::vector<std::uint8_t> answer;
    pollfd wait{line, POLLIN, 0};
    while (poll(&wait, 1, answer.empty() ? timeout_ms : kSilenceMs) > 0) {
      std::array<std::uint8_t, 256> chunk{};
      const ssize_t size = read(line, chunk.data(), chunk.size());
      answer.insert(answer.end(), chunk.begin(), chunk.begin() + std::max<ssize_t>(size, 0));
    }
    return answer;
  }
  bool eventually(const std::function<bool()>& condition) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(5);
    while (!condition()) {
      if (std::chrono::steady_clock::now() > deadline) {
        return false;
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    return true;
  }

  struct Free {
    void operator()(modbus_t* context) const {
      modbus_close(context);
      modbus_free(context);
    }
  };
  Doors doors_;
  BoardOnTerminal board_{doors_};
  std::unique_ptr<modbus_t, Free> master_;
};

using Bits = std::array<std::uint8_t, 8>;

TEST_F(LibmodbusMaster, ReadsRelaysAndDoorSwitches) {
  EXPECT_EQ(relays(), (Bits{0, 0, 0, 0, 0, 0, 0, 0}));
  EXPECT_EQ(inputs(), (Bits{1, 1, 1, 1, 1, 1, 1, 1}));
}

TEST_F(LibmodbusMaster, SwitchesOneRelayOnAndOff) {
  ASSERT_EQ(modbus_write_bit(master_.get(), 2, 1), 1) << modbus_strerror(errno);
  EXPECT_EQ(relays(), (Bits{0, 0, 1, 0, 0, 0, 0, 0}));
  ASSERT_EQ(modbus_write_bit(master_.get(), 2, 0), 1) << modbus_strerror(errno);
  EXPECT_EQ(relays(), (Bits{0, 0, 0, 0, 0, 0, 0, 0}));
  ASSERT_EQ(doors_.pulses().size(), 1U);
  EXPECT_EQ(doors_.pulses()[0].channel, 2);
}

TEST_F(LibmodbusMaster, SwitchesSeveralRelaysAtOnce) {
  const std::array<std::uint8_t, 8> wanted{1, 0, 1, 0, 0, 0, 0, 1};
  ASSERT_EQ(modbus_write_bits(master_.get(), 0, 8, wanted.data()), 8) << modbus_strerror(errno);
  EXPECT_EQ(relays(), wanted);
}

TEST_F(LibmodbusMaster, OpensOneDoorWithATimedPulseOfTheBoard) {
  // Flash-on of relay 5 for 7 x 100 ms; libmodbus adds the checksum and checks that of the answer.
  const std::array<std::uint8_t, 6> request{0x01, 0x05, 0x02, 0x05, 0x00, 0x07};
  ASSERT_GT(modbus_send_raw_request(master_.get(), const_cast<std::uint8_t*>(request.data()), request.size()), 0);
  std::array<std::uint8_t, MODBUS_RTU_MAX_ADU_LENGTH> answer{};
  ASSERT_EQ(modbus_receive_confirmation(master_.get(), answer.data()), 8) << modbus_strerror(errno);
  EXPECT_TRUE(std::equal(request.begin(), request.end(), answer.begin()));

  EXPECT_TRUE(eventually([this] { return inputs() == Bits{1, 1, 1, 1, 1, 0, 1, 1}; }))
      << "the door's switch never moved";
  EXPECT_TRUE(eventually([this] { return relays() == Bits{}; })) << "the pulse never ended";
  ASSERT_EQ(doors_.pulses().size(), 1U);
  EXPECT_EQ(doors_.pulses()[0].length, Duration::milliseconds(700));

  doors_.push_shut(5);
  EXPECT_TRUE(eventually([this] { return inputs() == Bits{1, 1, 1, 1, 1, 1, 1, 1}; }));
}

TEST_F(LibmodbusMaster, IsToldWhatTheBoardCannotDo) {
  std::array<std::uint8_t, 16> bits{};
  EXPECT_EQ(modbus_read_bits(master_.get(), 100, 8, bits.data()), -1);
  EXPECT_EQ(errno, EMBXILADD);
  EXPECT_EQ(modbus_read_input_bits(master_.get(), 4, 8, bits.data()), -1);
  EXPECT_EQ(errno, EMBXILADD);
  EXPECT_EQ(modbus_write_bit(master_.get(), 8, 1), -1);
  EXPECT_EQ(errno, EMBXILADD);
  std::uint16_t word = 0;
  EXPECT_EQ(modbus_read_input_registers(master_.get(), 0, 1, &word), -1);
  EXPECT_EQ(errno, EMBXILFUN);
  EXPECT_EQ(modbus_read_registers(master_.get(), 0, 1, &word), -1);
  EXPECT_EQ(errno, EMBXILADD);
  EXPECT_EQ(modbus_read_registers(master_.get(), 0x1000, 1, &word), 1) << modbus_strerror(errno);
  EXPECT_EQ(word, 0) << "control mode: normal";
  EXPECT_TRUE(doors_.pulses().empty());
}

TEST_F(LibmodbusMaster, HearsNothingAfterAWrongChecksumAndThenTheNextAnswer) {
  // "Relay 0 on" with the last bit of its checksum flipped: no answer, no pulse, nothing left over.
  EXPECT_TRUE(exchange({0x01, 0x05, 0x00, 0x00, 0xFF, 0x00, 0x8C, 0x3B}, 300).empty());
  EXPECT_TRUE(exchange({0x02, 0x01, 0x00, 0x00, 0x00, 0x08, 0x3D, 0xFF}, 300).empty()) << "another board's address";
  EXPECT_TRUE(doors_.pulses().empty());
  EXPECT_EQ(exchange({0x01, 0x05, 0x00, 0x00, 0xFF, 0x00, 0x8C, 0x3A}, 2000),
            (std::vector<std::uint8_t>{0x01, 0x05, 0x00, 0x00, 0xFF, 0x00, 0x8C, 0x3A}));
  EXPECT_EQ(relays(), (Bits{1, 0, 0, 0, 0, 0, 0, 0}));
}

}  // namespace
