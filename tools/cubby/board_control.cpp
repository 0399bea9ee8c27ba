#include "tools/cubby/board_control.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <thread>

namespace cubby::tools {
namespace {

constexpr std::size_t kOrderMax = 256;
constexpr std::size_t kClientsMax = 16;
constexpr auto kPatience = std::chrono::seconds(5);
constexpr auto kAskAgain = std::chrono::milliseconds(20);

bool address_of(const std::string& path, sockaddr_un& address) {
  address = {};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof address.sun_path) {
    return false;
  }
  std::memcpy(address.sun_path, path.data(), path.size());
  return true;
}

// Does not wait: EAGAIN says that somebody listens there who is slow.
Descriptor connect_to(const sockaddr_un& address) {
  Descriptor client(socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (client.get() >= 0 && connect(client.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    const int error = errno;
    client = Descriptor();
    errno = error;
  }
  return client;
}

// Milliseconds until then, for poll(); 0: it is past.
int left_until(std::chrono::steady_clock::time_point deadline) {
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
  return static_cast<int>(std::max<std::int64_t>(0, left.count()));
}

// Everything that comes before the connection ends or the time is over.
std::string read_answer(int client, std::chrono::steady_clock::time_point deadline) {
  std::string text;
  std::array<char, 4096> chunk;
  pollfd waiting{client, POLLIN, 0};
  while (poll(&waiting, 1, left_until(deadline)) == 1) {
    const ssize_t size = ::read(client, chunk.data(), chunk.size());
    if (size <= 0) {
      return text;
    }
    text.append(chunk.data(), static_cast<std::size_t>(size));
  }
  return {};
}

}  // namespace

bool is_dead_socket(const std::string& path) {
  sockaddr_un address{};
  struct stat status {};
  return address_of(path, address) && lstat(path.c_str(), &status) == 0 && S_ISSOCK(status.st_mode) &&
         connect_to(address).get() < 0 && errno == ECONNREFUSED;
}

BoardControl::~BoardControl() {
  struct stat status {};
  if (listener_.get() >= 0 && lstat(path_.c_str(), &status) == 0 && status.st_dev == device_ &&
      status.st_ino == inode_) {
    unlink(path_.c_str());
  }
}

std::string BoardControl::listen_at(const std::string& path) {
  sockaddr_un address{};
  if (!address_of(path, address)) {
    return path + ": a socket's path has 1 to " + std::to_string(sizeof address.sun_path - 1) + " characters";
  }
  struct stat status {};
  if (lstat(path.c_str(), &status) == 0) {
    if (!S_ISSOCK(status.st_mode)) {
      return path + " exists already and is no socket";
    }
    if (connect_to(address).get() >= 0 || errno == EAGAIN) {
      return path + " is served by another cubby board";
    }
    if (errno != ECONNREFUSED) {
      return path + ": " + std::strerror(errno);
    }
    unlink(path.c_str());
  }
  listener_ = Descriptor(socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  const mode_t before = umask(0177);
  const bool good = listener_.get() >= 0 &&
                    bind(listener_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 &&
                    listen(listener_.get(), 4) == 0 && lstat(path.c_str(), &status) == 0;
  const int error = errno;
  umask(before);
  if (!good) {
    listener_ = Descriptor();
    return path + ": " + std::strerror(error);
  }
  path_ = path;
  device_ = status.st_dev;
  inode_ = status.st_ino;
  return {};
}

void BoardControl::add_waits(std::vector<pollfd>& waits) const {
  if (listener_.get() >= 0 && clients_.size() < kClientsMax) {
    waits.push_back({listener_.get(), POLLIN, 0});
  }
  for (const Client& client : clients_) {
    waits.push_back({client.socket.get(), POLLIN, 0});
  }
}

void BoardControl::serve(const std::function<PromptAnswer(std::string_view)>& obey) {
  while (listener_.get() >= 0 && clients_.size() < kClientsMax) {
    Descriptor next(accept4(listener_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (next.get() < 0) {
      break;
    }
    clients_.push_back({std::move(next), {}, Clock::now() + kPatience});
  }
  for (Client& client : clients_) {
    std::array<char, kOrderMax> chunk;
    const ssize_t size = ::read(client.socket.get(), chunk.data(), chunk.size());
    if (size < 0 && (errno == EAGAIN || errno == EINTR)) {
      if (Clock::now() >= client.until) {
        client.socket = Descriptor();
      }
      continue;
    }
    client.order.append(chunk.data(), size > 0 ? static_cast<std::size_t>(size) : 0);
    const std::size_t end = client.order.find('\n');
    if (end <= kOrderMax) {
      const PromptAnswer answer = obey(std::string_view(client.order).substr(0, end));
      const std::string text = (answer.good ? "+" : "-") + answer.text + "\n";
      // It fits the socket's buffer; a client that has gone does not need it.
      (void)send(client.socket.get(), text.data(), text.size(), MSG_NOSIGNAL);
    }
    if (size <= 0 || end != std::string::npos || client.order.size() > kOrderMax) {
      client.socket = Descriptor();
    }
  }
  std::erase_if(clients_, [](const Client& client) { return client.socket.get() < 0; });
}

ControlAnswer give_order(const std::string& path, const std::string& order) {
  sockaddr_un address{};
  ControlAnswer answer;
  if (!address_of(path, address)) {
    answer.text = path + " is too long for a socket";
    return answer;
  }
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  Descriptor client = connect_to(address);
  while (client.get() < 0 && errno == EAGAIN && left_until(deadline) > 0) {
    std::this_thread::sleep_for(kAskAgain);
    client = connect_to(address);
  }
  if (client.get() < 0) {
    answer.text = path + ": " + std::strerror(errno) + "; is cubby board running there?";
    return answer;
  }
  // An order fits the socket's buffer.
  const std::string line = order + "\n";
  std::string text;
  if (send(client.get(), line.data(), line.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(line.size())) {
    text = read_answer(client.get(), deadline);
  }
  if (text.empty()) {
    answer.text = path + ": no answer";
    return answer;
  }
  answer.reached = true;
  answer.good = text.front() == '+';
  answer.text = text.substr(1, text.size() - (text.ends_with('\n') ? 2 : 1));
  return answer;
}

}  // namespace cubby::tools
