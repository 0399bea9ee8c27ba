#include "tools/cubby/board_line.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>

#include "tools/cubby/board_descriptor.h"

namespace cubby::tools {
namespace {

constexpr std::size_t kChunk = 256;

OpenedLine failed(const std::string& what) {
  return {nullptr, what + ": " + std::strerror(errno)};
}

std::vector<std::byte> read_some(int from, ssize_t& result) {
  std::array<std::byte, kChunk> chunk;
  result = ::read(from, chunk.data(), chunk.size());
  return result > 0 ? std::vector<std::byte>(chunk.begin(), chunk.begin() + result) : std::vector<std::byte>();
}

bool would_wait() {
  return errno == EAGAIN || errno == EINTR;
}

/// A serial port of this machine, with the boards' bytes going out on a real wire.
class PortLine final : public BoardLine {
 public:
  PortLine(std::string device, Descriptor port) : device_(std::move(device)), port_(std::move(port)) {}

  void add_waits(std::vector<pollfd>& waits, bool want_bytes) const override {
    if (want_bytes) {
      waits.push_back({port_.get(), POLLIN, 0});
    }
  }
  std::vector<std::byte> read(bool want_bytes) override {
    ssize_t result = 1;
    std::vector<std::byte> bytes;
    if (want_bytes) {
      bytes = read_some(port_.get(), result);
    }
    // A port in raw mode with nothing to read says "later"; 0 or an error is an adapter that was pulled out.
    if (result == 0 || (result < 0 && !would_wait())) {
      lose(device_ + " is gone");
    }
    return bytes;
  }
  void write(Bytes bytes) override {
    if (::write(port_.get(), bytes.data(), bytes.size()) < 0 && !would_wait()) {
      lose(device_ + ": " + std::strerror(errno));
    }
  }
  void all_said() override {}
  std::uint32_t client_baud() const override { return 0; }
  void set_baud(std::uint32_t baud) override {
    if (!set_raw(port_.get(), baud)) {
      lose(device_ + " does not do " + std::to_string(baud) + " baud");
    }
  }
  std::string unplug(std::chrono::milliseconds) override {
    return "unplug is for --pty and --tcp; " + device_ + " has a plug of its own";
  }
  std::string describe() const override { return "serial port " + device_; }

 private:
  std::string device_;
  Descriptor port_;
};

/// A peer that has vanished without a word is missed after this: probes begin, and how long unread bytes are kept.
constexpr int kProbeAfterSeconds = 10;
constexpr int kProbeEverySeconds = 5;
constexpr int kProbesMax = 3;
constexpr unsigned kUnackedMaxMs = 25'000;
/// A board may take so long to see that a frame is over.
constexpr auto kLastAnswer = std::chrono::milliseconds(100);

void watch_peer(int client) {
  const int on = 1;
  setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  setsockopt(client, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
  setsockopt(client, IPPROTO_TCP, TCP_KEEPIDLE, &kProbeAfterSeconds, sizeof kProbeAfterSeconds);
  setsockopt(client, IPPROTO_TCP, TCP_KEEPINTVL, &kProbeEverySeconds, sizeof kProbeEverySeconds);
  setsockopt(client, IPPROTO_TCP, TCP_KEEPCNT, &kProbesMax, sizeof kProbesMax);
  setsockopt(client, IPPROTO_TCP, TCP_USER_TIMEOUT, &kUnackedMaxMs, sizeof kUnackedMaxMs);
}

struct Address {
  sockaddr_storage bytes{};
  socklen_t size = 0;
};

// Negative: it cannot be listened there, and errno says why.
Descriptor listen_at(const Address& address) {
  Descriptor listener(socket(address.bytes.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  const int on = 1;
  setsockopt(listener.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  const bool good = listener.get() >= 0 &&
                    bind(listener.get(), reinterpret_cast<const sockaddr*>(&address.bytes), address.size) == 0 &&
                    listen(listener.get(), 4) == 0;
  if (!good) {
    const int error = errno;
    listener = Descriptor();
    errno = error;
  }
  return listener;
}

/// What an Ethernet converter is.
class TcpLine final : public BoardLine {
 public:
  TcpLine(std::string where, const Address& address, Descriptor listener)
      : where_(std::move(where)), address_(address), listener_(std::move(listener)) {}

  void add_waits(std::vector<pollfd>& waits, bool want_bytes) const override {
    if (listener_.get() >= 0 && newcomer_.get() < 0) {
      waits.push_back({listener_.get(), POLLIN, 0});
    }
    if (client_.get() >= 0 && !listens_only_ && want_bytes) {
      waits.push_back({client_.get(), POLLIN, 0});
    }
  }
  // First what the client sent and whether it has gone, then who has come: a client may close and connect at once.
  std::vector<std::byte> read(bool want_bytes) override {
    std::vector<std::byte> bytes;
    if (listener_.get() < 0) {
      come_back();
      return bytes;
    }
    if (client_.get() >= 0 && !listens_only_ && want_bytes) {
      ssize_t result = 0;
      bytes = read_some(client_.get(), result);
      if (result < 0 && !would_wait()) {
        drop();
      }
      listens_only_ = result == 0;
      last_byte_ = std::chrono::steady_clock::now();
    }
    welcome();
    return bytes;
  }
  void write(Bytes bytes) override {
    last_byte_ = std::chrono::steady_clock::now();
    if (client_.get() >= 0 && ::send(client_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL) < 0 && !would_wait()) {
      drop();
    }
  }
  void all_said() override {
    if (listens_only_ && std::chrono::steady_clock::now() - last_byte_ >= kLastAnswer) {
      drop();
    }
  }
  std::uint32_t client_baud() const override { return 0; }
  void set_baud(std::uint32_t) override {}
  std::string unplug(std::chrono::milliseconds length) override {
    if (listener_.get() < 0) {
      return "the port is closed already";
    }
    listener_ = Descriptor();
    newcomer_ = Descriptor();
    client_ = Descriptor();
    listens_only_ = false;
    back_at_ = std::chrono::steady_clock::now() + length;
    note("the port is closed");
    return {};
  }
  std::string describe() const override { return "TCP " + where_; }

 private:
  void come_back() {
    if (std::chrono::steady_clock::now() < back_at_) {
      return;
    }
    listener_ = listen_at(address_);
    if (listener_.get() < 0) {
      lose(where_ + ": " + std::strerror(errno));
      return;
    }
    note("the port is open again");
  }

  void drop() {
    note("the client has gone");
    client_ = Descriptor();
    listens_only_ = false;
  }

  // Whether the client has ended its part, with bytes of it still to read.
  bool is_leaving() const {
    pollfd client{client_.get(), POLLRDHUP, 0};
    return poll(&client, 1, 0) == 1;
  }

  // Who has come is looked at before the client is: of one that closed and then connected the end is seen.
  void welcome() {
    while (true) {
      if (newcomer_.get() < 0) {
        newcomer_ = Descriptor(accept4(listener_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
      }
      if (newcomer_.get() < 0) {
        return;
      }
      if (client_.get() >= 0 && !listens_only_) {
        if (is_leaving()) {
          return;
        }
        note("turned a second client away");
        newcomer_ = Descriptor();
        continue;
      }
      if (listens_only_) {
        drop();
      }
      watch_peer(newcomer_.get());
      client_ = std::move(newcomer_);
      note("a client has come");
    }
  }

  std::string where_;
  Address address_;
  Descriptor listener_;  // Negative: the adapter is unplugged, until `back_at_`.
  std::chrono::steady_clock::time_point back_at_{};
  Descriptor client_;
  Descriptor newcomer_;        // Waits until all that a leaving client sent has been read.
  bool listens_only_ = false;  // The client has ended its own part.
  std::chrono::steady_clock::time_point last_byte_{};
};

}  // namespace

OpenedLine open_serial_line(const std::string& device, std::uint32_t baud) {
  Descriptor port(open(device.c_str(), O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC));
  if (port.get() < 0) {
    return failed(device);
  }
  if (isatty(port.get()) != 1) {
    return {nullptr, device + " is not a serial port"};
  }
  ioctl(port.get(), TIOCEXCL);
  if (!set_raw(port.get(), baud)) {
    return {nullptr, device + " does not do " + std::to_string(baud) + " baud"};
  }
  tcflush(port.get(), TCIOFLUSH);
  return {std::make_unique<PortLine>(device, std::move(port)), {}};
}

OpenedLine open_tcp_line(const std::string& host, std::uint16_t port) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  const std::string where = host + ":" + std::to_string(port);
  if (const int error = getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found); error != 0) {
    return {nullptr, where + ": " + gai_strerror(error)};
  }
  Address address;
  std::memcpy(&address.bytes, found->ai_addr, found->ai_addrlen);
  address.size = found->ai_addrlen;
  freeaddrinfo(found);
  Descriptor listener = listen_at(address);
  if (listener.get() < 0) {
    return failed(where);
  }
  // With the port that was given for 0.
  address.size = sizeof address.bytes;
  getsockname(listener.get(), reinterpret_cast<sockaddr*>(&address.bytes), &address.size);
  const std::uint16_t actual =
      ntohs(address.bytes.ss_family == AF_INET6 ? reinterpret_cast<sockaddr_in6*>(&address.bytes)->sin6_port
                                                : reinterpret_cast<sockaddr_in*>(&address.bytes)->sin_port);
  return {std::make_unique<TcpLine>(host + ":" + std::to_string(actual), address, std::move(listener)), {}};
}

}  // namespace cubby::tools
