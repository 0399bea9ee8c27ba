#include "firmware/ports/posix/line_address.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <glob.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <termios.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <utility>
#include <vector>

namespace cubby::posix {
namespace {

constexpr std::array<std::pair<std::uint32_t, speed_t>, 6> kSpeeds{
    {{4800, B4800}, {9600, B9600}, {19200, B19200}, {38400, B38400}, {57600, B57600}, {115200, B115200}}};
// Half a frame that a dead connection would deliver late is worse than none: it is given up after so long.
constexpr int kUnacknowledgedMs = 2'000;
constexpr int kKeepAliveIdleS = 5;
constexpr int kKeepAliveEveryS = 5;
constexpr int kKeepAliveCount = 3;

struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t size = 0;
  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
};

SocketAddress socket_address(const LineAddress& address) {
  SocketAddress result;
  sockaddr_in v4{};
  sockaddr_in6 v6{};
  if (inet_pton(AF_INET, address.host.c_str(), &v4.sin_addr) == 1) {
    v4.sin_family = AF_INET;
    v4.sin_port = htons(address.port);
    result.size = sizeof v4;
    std::memcpy(&result.storage, &v4, sizeof v4);
  } else if (inet_pton(AF_INET6, address.host.c_str(), &v6.sin6_addr) == 1) {
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(address.port);
    result.size = sizeof v6;
    std::memcpy(&result.storage, &v6, sizeof v6);
  }
  return result;
}

void set_option(int fd, int level, int name, int value) {
  (void)setsockopt(fd, level, name, &value, sizeof value);
}

bool make_raw(int fd, std::uint32_t baud) {
  termios settings{};
  if (tcgetattr(fd, &settings) != 0) {
    return false;
  }
  cfmakeraw(&settings);
  settings.c_cflag &= static_cast<tcflag_t>(~(CSTOPB | CRTSCTS | PARENB));
  settings.c_cflag |= CLOCAL | CREAD;
  settings.c_cc[VMIN] = 1;
  settings.c_cc[VTIME] = 0;
  const auto* speed = std::find_if(kSpeeds.begin(), kSpeeds.end(), [&](const auto& it) { return it.first == baud; });
  return speed != kSpeeds.end() && cfsetispeed(&settings, speed->second) == 0 &&
         cfsetospeed(&settings, speed->second) == 0 && tcsetattr(fd, TCSANOW, &settings) == 0;
}

Descriptor open_device(const std::string& path, std::uint32_t baud, std::string& why) {
  Descriptor port(::open(path.c_str(), O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC));
  // TIOCEXCL does not stop the superuser, and the lock stops only those who ask for one: so both.
  if (port.valid() && flock(port.get(), LOCK_EX | LOCK_NB) == 0 && ioctl(port.get(), TIOCEXCL) == 0 &&
      make_raw(port.get(), baud) && tcflush(port.get(), TCIOFLUSH) == 0) {
    return port;
  }
  why = path + ": " + (errno == EWOULDBLOCK ? "another program has it" : std::strerror(errno));
  return {};
}

}  // namespace

std::string LineAddress::text() const {
  if (kind == Kind::kSerial) {
    return path;
  }
  return "tcp://" + (host.find(':') == std::string::npos ? host : "[" + host + "]") + ":" + std::to_string(port);
}

bool parse_endpoint(std::string_view text, std::string& host, std::uint16_t& port) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) {
    return false;
  }
  const std::string_view digits = text.substr(colon + 1);
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (error != std::errc{} || end != digits.data() + digits.size() || port == 0) {
    return false;
  }
  host = text.substr(0, colon);
  if (host == "localhost") {
    host = "127.0.0.1";
  }
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
  }
  return socket_address({.kind = LineAddress::Kind::kTcpConnect, .path = {}, .host = host, .port = port}).size != 0;
}

bool is_loopback(const std::string& host) {
  return host == "::1" || host.starts_with("127.");
}

Descriptor open_serial(const LineAddress& address, std::string& name, std::string& why) {
  glob_t found{};
  why = address.path + ": there is no such device";
  Descriptor port;
  if (glob(address.path.c_str(), 0, nullptr, &found) == 0) {
    for (std::size_t i = 0; i < found.gl_pathc && !port.valid(); ++i) {
      name = found.gl_pathv[i];
      port = open_device(name, address.baud, why);
    }
  }
  globfree(&found);
  return port;
}

Descriptor start_connecting(const LineAddress& address, bool abrupt, std::string& why) {
  const SocketAddress where = socket_address(address);
  Descriptor socket(::socket(where.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!socket.valid()) {
    why = std::strerror(errno);
    return {};
  }
  set_option(socket.get(), IPPROTO_TCP, TCP_NODELAY, 1);
  set_option(socket.get(), SOL_SOCKET, SO_KEEPALIVE, 1);
  set_option(socket.get(), IPPROTO_TCP, TCP_KEEPIDLE, kKeepAliveIdleS);
  set_option(socket.get(), IPPROTO_TCP, TCP_KEEPINTVL, kKeepAliveEveryS);
  set_option(socket.get(), IPPROTO_TCP, TCP_KEEPCNT, kKeepAliveCount);
  if (abrupt) {
    set_option(socket.get(), IPPROTO_TCP, TCP_USER_TIMEOUT, kUnacknowledgedMs);
    const linger drop{.l_onoff = 1, .l_linger = 0};
    (void)setsockopt(socket.get(), SOL_SOCKET, SO_LINGER, &drop, sizeof drop);
  }
  if (::connect(socket.get(), where.get(), where.size) != 0 && errno != EINPROGRESS) {
    why = std::strerror(errno);
    return {};
  }
  return socket;
}

Descriptor start_listening(const LineAddress& address, std::string& why) {
  constexpr int kBacklog = 4;
  const SocketAddress where = socket_address(address);
  Descriptor socket(::socket(where.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  set_option(socket.get(), SOL_SOCKET, SO_REUSEADDR, 1);
  if (!socket.valid() || ::bind(socket.get(), where.get(), where.size) != 0 || ::listen(socket.get(), kBacklog) != 0) {
    why = std::strerror(errno);
    return {};
  }
  return socket;
}

Descriptor accept_client(int listener) {
  Descriptor client(::accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
  if (client.valid()) {
    set_option(client.get(), IPPROTO_TCP, TCP_NODELAY, 1);
  }
  return client;
}

}  // namespace cubby::posix
