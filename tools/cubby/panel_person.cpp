#include "tools/cubby/panel_person.h"

#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <deque>
#include <filesystem>
#include <initializer_list>
#include <optional>
#include <random>
#include <thread>

#include "emulator/hardware/front_panel_device.h"
#include "emulator/hardware/panel_text.h"
#include "firmware/base/hotp.h"
#include "firmware/base/pass.h"
#include "tools/cubby/board_control.h"
#include "tools/cubby/board_descriptor.h"
#include "tools/support/secret_file.h"

namespace cubby::tools {
namespace {

using emulator::PanelMessage;
using emulator::PanelScreen;
using Clock = std::chrono::steady_clock;

constexpr auto kStepWithin = std::chrono::seconds(30);  // Three attempts at a door take eight.
// A door that is pushed shut while its coil is pulsed opens again; a pulse is at most one second.
constexpr auto kPersonTakes = std::chrono::milliseconds(1'300);
constexpr std::size_t kFrameOverhead = 5;
constexpr std::size_t kFrameSizeAt = 2;
constexpr std::byte kFrameStart{0x55};

/// The panel module of the emulator at the end of a TCP line.
class PanelLine final : public emulator::PanelReader {
 public:
  PanelLine() : device_(hash_, now_) { device_.set_reader(*this); }

  /// Empty, or why not.
  std::string connect(const Endpoint& endpoint);
  void press(std::string_view keys);
  void scan(std::string_view text) { device_.scan(text); }
  /// The next of these screens. nullopt: the time is over or the line is gone; error() says what there was instead.
  std::optional<PanelScreen> wait(std::initializer_list<PanelMessage> messages);
  const std::string& error() const { return error_; }

 private:
  void on_screen(PanelMessage message, std::uint8_t compartment, std::uint32_t number) override {
    shown_.push_back({.message = message, .compartment = compartment, .number = number});
  }
  bool exchange(Clock::time_point deadline);
  void take_frames();

  emulator::TraceHash hash_;
  Instant now_{};
  emulator::FrontPanelDevice device_;
  Descriptor socket_;
  std::vector<std::byte> received_;
  std::deque<PanelScreen> shown_;
  std::string error_;
};

std::string PanelLine::connect(const Endpoint& endpoint) {
  const std::string where = endpoint.host + ":" + std::to_string(endpoint.port);
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (getaddrinfo(endpoint.host.c_str(), std::to_string(endpoint.port).c_str(), &hints, &found) != 0) {
    return "--panel " + where + ": no such host";
  }
  std::string error = "no address";
  for (const addrinfo* entry = found; entry != nullptr && socket_.get() < 0; entry = entry->ai_next) {
    socket_ = Descriptor(socket(entry->ai_family, entry->ai_socktype | SOCK_CLOEXEC, entry->ai_protocol));
    if (socket_.get() >= 0 && ::connect(socket_.get(), entry->ai_addr, entry->ai_addrlen) != 0) {
      error = std::strerror(errno);
      socket_ = Descriptor();
    }
  }
  freeaddrinfo(found);
  return socket_.get() >= 0 ? std::string() : "--panel " + where + ": " + error;
}

void PanelLine::press(std::string_view keys) {
  for (const char key : keys) {
    device_.press(key);
  }
}

/// The device takes whole frames only.
void PanelLine::take_frames() {
  std::size_t at = 0;
  while (received_.size() - at >= kFrameOverhead) {
    const std::size_t size = kFrameOverhead + std::to_integer<std::size_t>(received_[at + kFrameSizeAt]);
    if (received_[at] != kFrameStart) {
      ++at;
    } else if (received_.size() - at < size) {
      break;
    } else {
      (void)device_.send(Bytes(received_).subspan(at, size));
      at += size;
    }
  }
  received_.erase(received_.begin(), received_.begin() + static_cast<std::ptrdiff_t>(at));
}

/// Sends what was pressed, and waits for something to come. False: the time is over or the line is gone.
bool PanelLine::exchange(Clock::time_point deadline) {
  std::array<std::byte, 512> chunk{};
  for (std::size_t size = device_.receive(chunk); size > 0; size = device_.receive(chunk)) {
    if (send(socket_.get(), chunk.data(), size, MSG_NOSIGNAL) != static_cast<ssize_t>(size)) {
      error_ = "the panel's line is gone";
      return false;
    }
  }
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now()).count();
  pollfd entry{.fd = socket_.get(), .events = POLLIN, .revents = 0};
  if (left <= 0 || poll(&entry, 1, static_cast<int>(left)) <= 0) {
    error_ = "the panel did not react";
    return false;
  }
  const ssize_t size = recv(socket_.get(), chunk.data(), chunk.size(), 0);
  if (size <= 0) {
    error_ = "the panel's line is gone; it may have one visitor at a time";
    return false;
  }
  received_.insert(received_.end(), chunk.begin(), chunk.begin() + size);
  take_frames();
  return true;
}

std::optional<PanelScreen> PanelLine::wait(std::initializer_list<PanelMessage> messages) {
  const auto deadline = Clock::now() + kStepWithin;
  std::string passed;
  do {
    while (!shown_.empty()) {
      const PanelScreen screen = shown_.front();
      shown_.pop_front();
      if (std::find(messages.begin(), messages.end(), screen.message) != messages.end()) {
        return screen;
      }
      passed +=
          std::string(passed.empty() ? ", it said " : ", ") + std::string(emulator::panel_text(screen.message).name);
    }
  } while (exchange(deadline));
  error_ += passed;
  return std::nullopt;
}

/// Empty, or what the boards said.
std::string move_door(const PanelPlace& place, const std::string& what, std::uint32_t door) {
  std::this_thread::sleep_for(kPersonTakes);
  if (place.boards.empty()) {
    return {};
  }
  for (const std::string& order : {what + " " + std::to_string(door), "shut " + std::to_string(door)}) {
    const ControlAnswer answer = give_order(place.boards, order);
    if (!answer.reached || !answer.good) {
      return "--boards " + place.boards + ": " + (answer.reached ? answer.text : "nobody is there");
    }
  }
  return {};
}

VisitResult failed(const PanelLine& line, const std::optional<PanelScreen>& screen) {
  return {.error = screen.has_value() ? "the panel says " + std::string(emulator::panel_text(screen->message).name)
                                      : line.error()};
}

}  // namespace

VisitResult deposit_at_panel(const PanelPlace& place, const PanelDeposit& deposit) {
  PanelLine line;
  if (const std::string error = line.connect(place.panel); !error.empty()) {
    return {.error = error};
  }
  line.scan(deposit.pass);
  auto screen = line.wait({PanelMessage::kCourierReady, PanelMessage::kWrongPass, PanelMessage::kOutOfService});
  if (!screen.has_value() || screen->message != PanelMessage::kCourierReady) {
    return failed(line, screen);
  }
  line.scan(deposit.parcel);
  if (screen = line.wait({PanelMessage::kChooseSize}); !screen.has_value()) {
    return failed(line, screen);
  }
  line.press({&deposit.size, 1});
  screen = line.wait({PanelMessage::kPutIn, PanelMessage::kTurnedAway, PanelMessage::kOutOfService});
  if (!screen.has_value() || screen->message != PanelMessage::kPutIn) {
    return failed(line, screen);
  }
  const std::uint32_t door = screen->compartment;
  if (const std::string error = move_door(place, "put", door); !error.empty()) {
    return {.error = error, .compartment = door};
  }
  screen = line.wait({PanelMessage::kStored, PanelMessage::kDoubted, PanelMessage::kPleaseShut});
  if (!screen.has_value() || screen->message != PanelMessage::kStored) {
    return failed(line, screen);
  }
  line.press("*");
  screen = line.wait({PanelMessage::kIdle});
  return screen.has_value() ? VisitResult{.error = {}, .compartment = door} : failed(line, screen);
}

VisitResult collect_at_panel(const PanelPlace& place, const std::string& code, const std::string& second) {
  PanelLine line;
  if (const std::string error = line.connect(place.panel); !error.empty()) {
    return {.error = error};
  }
  line.press(code + "#");
  if (!second.empty()) {
    if (const auto asked = line.wait({PanelMessage::kSecondInput, PanelMessage::kLockedOut});
        !asked.has_value() || asked->message != PanelMessage::kSecondInput) {
      return failed(line, asked);
    }
    line.press(second + "#");
  }
  auto screen = line.wait({PanelMessage::kTakeOut, PanelMessage::kWrongCode, PanelMessage::kLockedOut,
                           PanelMessage::kDoorFailed, PanelMessage::kPleaseShut, PanelMessage::kOutOfService});
  if (!screen.has_value() || screen->message != PanelMessage::kTakeOut) {
    return failed(line, screen);
  }
  const std::uint32_t door = screen->compartment;
  if (const std::string error = move_door(place, "take", door); !error.empty()) {
    return {.error = error, .compartment = door};
  }
  screen = line.wait({PanelMessage::kCollected, PanelMessage::kDoubted, PanelMessage::kPleaseShut});
  if (!screen.has_value() || screen->message != PanelMessage::kCollected) {
    return failed(line, screen);
  }
  return {.error = {}, .compartment = door};
}

std::string courier_pass(const std::string& carrier, const std::string& fleet_key_file, std::string& error) {
  const std::filesystem::path file =
      fleet_key_file.empty() ? default_secret_path("fleet.key") : std::filesystem::path(fleet_key_file);
  // A key that would be made here is none that the station knows.
  if (std::error_code code; !std::filesystem::exists(file, code)) {
    error = "--fleet-key: " + file.string() + " is not there; a courier's pass is signed with it";
    return {};
  }
  const Secret fleet = load_or_create_secret(file);
  if (!fleet.error.empty()) {
    error = "--fleet-key: " + fleet.error;
    return {};
  }
  constexpr std::uint64_t kHourS = 3'600;
  const auto now = static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch()).count());
  const Pass pass{.role = Pass::kCourier,
                  .holder = InplaceString<limits::kCarrierMax>(carrier),
                  .issued_utc_s = now,
                  .expiry_utc_s = now + kHourS,
                  .serial = std::random_device()() | 1U};
  std::array<char, kPassTextMax> text{};
  return {text.data(), make_pass(derive_pass_key(fleet.bytes), pass, {}, text)};
}

}  // namespace cubby::tools
