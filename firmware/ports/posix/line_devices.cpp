#include "firmware/ports/posix/line_devices.h"

#include <sys/ioctl.h>
#include <termios.h>

namespace cubby::posix {
namespace {

constexpr std::size_t kLinkIn = 4 * limits::kFrameDownMax;
constexpr std::size_t kLinkOut = 4 * limits::kFrameUpMax;
// Types of docs/spec/panel.md whose newest frame a panel has to know.
constexpr std::byte kScreenType{0x81};
constexpr std::byte kLanguageType{0x83};

}  // namespace

/// Bytes of an earlier frame are still in the kernel: behind them another would come out late.
bool LineBus::still_sending() const {
  int waiting = 0;
  return line_.line().unsent() > 0 || (ioctl(line_.line().descriptor(), TIOCOUTQ, &waiting) == 0 && waiting > 0);
}

Status LineBus::do_send(Bytes frame, Instant now, bool) {
  if (line_.line().state() != ByteLine::State::kUp) {
    return Status::kNotSent;
  }
  if (still_sending()) {
    if (now - sent_at_ > kStuckAfter) {
      line_.restart(now, "it takes no more bytes");
    }
    return Status::kBusy;
  }
  CUBBY_TRY(line_.line().send_now(frame));
  sent_at_ = now;
  return Status::kOk;
}

std::size_t LineBus::do_receive(MutableBytes into, Instant) {
  return line_.line().receive(into);
}

void LinePanel::service(Instant now) {
  line_.service(now);
  if (line_.generation() == told_) {
    return;
  }
  told_ = line_.generation();
  for (const auto* frame : {&language_, &screen_}) {
    if (!frame->empty()) {
      (void)line_.line().send(*frame);  // A panel that goes at once is told again when it comes.
    }
  }
}

Status LinePanel::do_send(Bytes bytes) {
  if (bytes.size() > 1 && (bytes[1] == kScreenType || bytes[1] == kLanguageType)) {
    (bytes[1] == kScreenType ? screen_ : language_).assign(bytes.begin(), bytes.end());
  }
  return line_.line().send(bytes);
}

TcpLink::TcpLink(SystemCalls& calls, const HostTime& time, LineAddress address)
    : time_(time), address_(std::move(address)), line_(calls, {.in = kLinkIn, .out = kLinkOut}) {}

Status TcpLink::do_connect() {
  if (line_.state() != ByteLine::State::kDown) {
    return Status::kBusy;
  }
  std::string why;
  if (Descriptor socket = start_connecting(address_, false, why); socket.valid()) {
    line_.adopt(std::move(socket), true);
    connect_until_ = time_.now() + kConnectTimeout;
  }
  return Status::kOk;  // Without a route it stays down.
}

hal::LinkState TcpLink::do_state() const {
  switch (line_.state()) {
    case ByteLine::State::kDown:
      break;
    case ByteLine::State::kConnecting:
      return hal::LinkState::kConnecting;
    case ByteLine::State::kUp:
      return hal::LinkState::kUp;
  }
  return hal::LinkState::kDown;
}

Status TcpLink::do_send(Bytes bytes) {
  return line_.state() == ByteLine::State::kUp ? line_.send(bytes) : Status::kNotSent;
}

void TcpLink::do_close() {
  line_.close();
  std::array<std::byte, 512> dropped{};
  while (line_.receive(dropped) > 0) {
  }
}

void TcpLink::service() {
  line_.service();
  if (line_.state() == ByteLine::State::kConnecting && time_.now() >= connect_until_) {
    line_.close();
  }
}

Instant TcpLink::deadline() const {
  return line_.state() == ByteLine::State::kConnecting ? connect_until_ : Instant::max();
}

}  // namespace cubby::posix
