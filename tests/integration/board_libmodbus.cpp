// libmodbus, which knows nothing of this project, against `cubby board` as anybody would start it.
#include <gtest/gtest.h>
#include <modbus.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "support/temporary_folder.h"

namespace {

using Bits = std::array<std::uint8_t, 8>;

bool eventually(const std::function<bool()>& condition) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) {
      return false;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  return true;
}

/// `cubby board` in a folder of its own, for as long as the object lives.
class RunningBoard {
 public:
  RunningBoard(const std::string& address, const std::string& baud) {
    child_ = fork();
    if (child_ == 0) {
      std::freopen("/dev/null", "r", stdin);
      std::freopen(folder_.file("log").c_str(), "w", stdout);
      execl(CUBBY_PROGRAM, "cubby", "board", "--family", "p5", "--address", address.c_str(), "--set",
            ("baud=" + baud).c_str(), "--pty", path().c_str(), nullptr);
      _exit(127);
    }
    EXPECT_TRUE(eventually([this] { return std::filesystem::exists(path() + ".ctl"); })) << "cubby board did not start";
  }
  ~RunningBoard() {
    kill(child_, SIGINT);
    int status = 0;
    waitpid(child_, &status, 0);
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << "it did not end cleanly";
  }
  RunningBoard(const RunningBoard&) = delete;
  RunningBoard& operator=(const RunningBoard&) = delete;

  std::string path() const { return folder_.file("lock0"); }
  bool order(const std::string& words) const {
    return std::system(
               (CUBBY_PROGRAM " board-ctl --to " + path() + ".ctl " + words + " >" + folder_.file("order")).c_str()) ==
           0;
  }

 private:
  cubby::tests::TemporaryFolder folder_;
  pid_t child_ = 0;
};

struct Free {
  void operator()(modbus_t* context) const {
    modbus_close(context);
    modbus_free(context);
  }
};

class BoardAndLibmodbus : public testing::TestWithParam<int> {
 protected:
  void SetUp() override {
    master_.reset(modbus_new_rtu(board_.path().c_str(), GetParam(), 'N', 8, 1));
    ASSERT_NE(master_, nullptr);
    ASSERT_EQ(modbus_set_slave(master_.get(), 17), 0);
    ASSERT_EQ(modbus_set_response_timeout(master_.get(), 2, 0), 0);
    ASSERT_EQ(modbus_connect(master_.get()), 0) << modbus_strerror(errno);
  }
  Bits inputs() {
    Bits bits{};
    EXPECT_EQ(modbus_read_input_bits(master_.get(), 0, 8, bits.data()), 8) << modbus_strerror(errno);
    return bits;
  }
  Bits relays() {
    Bits bits{};
    EXPECT_EQ(modbus_read_bits(master_.get(), 0, 8, bits.data()), 8) << modbus_strerror(errno);
    return bits;
  }
  RunningBoard board_{"17", std::to_string(GetParam())};
  std::unique_ptr<modbus_t, Free> master_;
};

TEST_P(BoardAndLibmodbus, OpensADoorAndSeesItOpenAndShut) {
  EXPECT_EQ(inputs(), (Bits{1, 1, 1, 1, 1, 1, 1, 1}));
  // Flash-on of relay 5 for 3 x 100 ms.
  std::array<std::uint8_t, 6> request{17, 0x05, 0x02, 0x05, 0x00, 0x03};
  ASSERT_GT(modbus_send_raw_request(master_.get(), request.data(), request.size()), 0);
  std::array<std::uint8_t, MODBUS_RTU_MAX_ADU_LENGTH> answer{};
  ASSERT_EQ(modbus_receive_confirmation(master_.get(), answer.data()), 8) << modbus_strerror(errno);
  EXPECT_TRUE(eventually([this] { return inputs() == Bits{1, 1, 1, 1, 1, 0, 1, 1}; })) << "the switch never moved";
  EXPECT_TRUE(eventually([this] { return relays() == Bits{}; })) << "the pulse never ended";
  EXPECT_TRUE(board_.order("shut 6"));
  EXPECT_FALSE(board_.order("shut 6 2>/dev/null")) << "it is shut already";
  EXPECT_TRUE(eventually([this] { return inputs() == Bits{1, 1, 1, 1, 1, 1, 1, 1}; }));
}

TEST_P(BoardAndLibmodbus, SwitchesRelaysAndControlModes) {
  const Bits wanted{1, 0, 1, 0, 0, 0, 0, 1};
  ASSERT_EQ(modbus_write_bits(master_.get(), 0, 8, wanted.data()), 8) << modbus_strerror(errno);
  EXPECT_EQ(relays(), wanted);
  ASSERT_EQ(modbus_write_bit(master_.get(), 2, 0), 1) << modbus_strerror(errno);
  EXPECT_EQ(relays(), (Bits{1, 0, 0, 0, 0, 0, 0, 1}));
  const std::array<std::uint16_t, 2> modes{2, 3};
  ASSERT_EQ(modbus_write_registers(master_.get(), 0x1003, 2, modes.data()), 2) << modbus_strerror(errno);
  ASSERT_EQ(modbus_write_register(master_.get(), 0x1000, 1), 1) << modbus_strerror(errno);
  std::array<std::uint16_t, 8> read{};
  ASSERT_EQ(modbus_read_registers(master_.get(), 0x1000, 8, read.data()), 8) << modbus_strerror(errno);
  EXPECT_EQ(read, (std::array<std::uint16_t, 8>{1, 0, 0, 2, 3, 0, 0, 0}));
}

TEST_P(BoardAndLibmodbus, IsToldWhatTheBoardRefuses) {
  Bits bits{};
  EXPECT_EQ(modbus_read_bits(master_.get(), 8, 1, bits.data()), -1);
  EXPECT_EQ(errno, EMBXILADD);
  std::uint16_t word = 0;
  EXPECT_EQ(modbus_read_input_registers(master_.get(), 0, 1, &word), -1);
  EXPECT_EQ(errno, EMBXILFUN);
  EXPECT_EQ(modbus_write_register(master_.get(), 0x1000, 4), -1);
  EXPECT_EQ(errno, EMBXILVAL);
  ASSERT_EQ(modbus_set_response_timeout(master_.get(), 0, 200'000), 0);
  ASSERT_EQ(modbus_set_slave(master_.get(), 18), 0);
  EXPECT_EQ(modbus_read_bits(master_.get(), 0, 8, bits.data()), -1) << "another board's address";
  EXPECT_EQ(errno, ETIMEDOUT);
}

INSTANTIATE_TEST_SUITE_P(Speeds, BoardAndLibmodbus, testing::Values(9600, 19200, 115200));

}  // namespace
