#include "firmware/ports/posix/line_devices.h"

#include <spdlog/spdlog.h>
#include <sys/ioctl.h>
#include <termios.h>

namespace cubby::posix {
namespace {

constexpr std::size_t kLinkIn = 4 * limits::kFrameDownMax;
constexpr std::size_t kLinkOut = 4 * limits::kFrameUpMax;
constexpr std::size_t kTlsAdds = 256;  // To a frame, at most.
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

TcpLink::TcpLink(SystemCalls& calls, const HostTime& time, const hal::Clock& clock, LineAddress address,
                 TlsSettings tls, std::string station)
    : time_(time),
      clock_(clock),
      address_(std::move(address)),
      settings_(std::move(tls)),
      station_(std::move(station)),
      line_(calls, {.in = kLinkIn, .out = kLinkOut}) {}

Status TcpLink::do_connect() {
  if (line_.state() != ByteLine::State::kDown) {
    return Status::kBusy;
  }
  tls_.reset();
  if (!settings_.folder.empty() && !begin_tls()) {
    return Status::kOk;  // As without a route.
  }
  std::string why;
  if (Descriptor socket = start_connecting(address_, false, why); socket.valid()) {
    line_.adopt(std::move(socket), true);
    connect_until_ = time_.now() + kConnectTimeout;
  }
  return Status::kOk;  // Without a route it stays down.
}

bool TcpLink::begin_tls() {
  std::string why;
  auto credentials = load_certificate(settings_, station_, why);
  if (credentials == nullptr) {
    tell(why);
    return false;
  }
  tls::SessionOptions options{.server_name = settings_.server_name, .utc_s = std::nullopt};
  if (const auto utc_ms = clock_.utc_ms(); utc_ms.has_value()) {
    options.utc_s = static_cast<std::int64_t>(*utc_ms / 1'000);
  }
  tls_ = std::make_unique<tls::Session>(std::move(credentials), tls::End::kClient, options);
  return true;
}

void TcpLink::tell(const std::string& trouble) {
  if (trouble != told_) {
    spdlog::warn("no TLS with the aggregator: {}", trouble);
    told_ = trouble;
  }
}

hal::LinkState TcpLink::do_state() const {
  switch (line_.state()) {
    case ByteLine::State::kDown:
      break;
    case ByteLine::State::kConnecting:
      return hal::LinkState::kConnecting;
    case ByteLine::State::kUp:
      if (tls_ == nullptr || tls_->state() == tls::Session::State::kUp) {
        return hal::LinkState::kUp;
      }
      return tls_->state() == tls::Session::State::kHandshake ? hal::LinkState::kConnecting : hal::LinkState::kDown;
  }
  return hal::LinkState::kDown;
}

Status TcpLink::do_send(Bytes bytes) {
  if (do_state() != hal::LinkState::kUp) {
    return Status::kNotSent;
  }
  if (tls_ == nullptr) {
    return line_.send(bytes);
  }
  flush_tls();
  if (!tls_->outgoing().empty() || line_.unsent() + bytes.size() + kTlsAdds > kLinkOut) {
    return Status::kBusy;
  }
  tls_->write(bytes);
  flush_tls();
  return Status::kOk;
}

void TcpLink::flush_tls() {
  if (!tls_->outgoing().empty() && line_.send(tls_->outgoing()) == Status::kOk) {
    tls_->outgoing().clear();
  }
}

std::size_t TcpLink::do_receive(MutableBytes into) {
  if (tls_ == nullptr) {
    return line_.receive(into);
  }
  // No more is taken from the line than somebody asks for: what waits there has a bound.
  std::size_t size = tls_->read(into);
  while (size == 0 && receive_wire()) {
    size = tls_->read(into);
  }
  if (size > 0) {
    told_.clear();  // The aggregator talks to us.
  }
  return size;
}

// False: nothing has come.
bool TcpLink::receive_wire() {
  std::array<std::byte, 512> chunk{};
  const std::size_t size = line_.receive(chunk);
  tls_->receive(Bytes(chunk).first(size));
  return size > 0;
}

void TcpLink::do_close() {
  line_.close();
  tls_.reset();
  std::array<std::byte, 512> dropped{};
  while (line_.receive(dropped) > 0) {
  }
}

void TcpLink::service() {
  line_.service();
  if (tls_ != nullptr && line_.state() != ByteLine::State::kConnecting) {
    while (tls_->state() == tls::Session::State::kHandshake && receive_wire()) {
    }
    flush_tls();
    if (tls_->state() == tls::Session::State::kEnded && line_.state() == ByteLine::State::kUp) {
      tell(tls_->detail());
      line_.close();
    }
  }
  if (do_state() == hal::LinkState::kConnecting && time_.now() >= connect_until_) {
    line_.close();
  }
}

Instant TcpLink::deadline() const {
  return do_state() == hal::LinkState::kConnecting ? connect_until_ : Instant::max();
}

}  // namespace cubby::posix
