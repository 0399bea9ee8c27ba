#include "bench/ingest_load/conversation.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace cubby::bench {
namespace {

constexpr std::size_t kInputMax = 64 * 1024;
constexpr int kPollMs = 100;

std::string system_error(const char* what) {
  return std::string(what) + ": " + std::strerror(errno);
}

}  // namespace

Conversation::Conversation(std::uint16_t port) : port_(port), poll_(epoll_create1(EPOLL_CLOEXEC)) {}

Conversation::~Conversation() {
  for (const auto& line : lines_) {
    close(line->socket);
  }
  close(poll_);
}

std::string Conversation::add(Talker& talker) {
  auto line = std::make_unique<Line>();
  line->talker = &talker;
  line->input.resize(kInputMax);
  line->socket = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port_);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const int on = 1;
  if (line->socket < 0 || connect(line->socket, reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0 ||
      setsockopt(line->socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) != 0) {
    const std::string error = system_error("connect");
    if (line->socket >= 0) {
      close(line->socket);
    }
    return error;
  }
  epoll_event wanted{};
  wanted.events = EPOLLIN;
  wanted.data.ptr = line.get();
  if (epoll_ctl(poll_, EPOLL_CTL_ADD, line->socket, &wanted) != 0) {
    close(line->socket);
    return system_error("epoll_ctl");
  }
  lines_.push_back(std::move(line));
  return {};
}

std::string Conversation::receive(Line& line) {
  const ssize_t got = recv(line.socket, line.input.data() + line.filled, line.input.size() - line.filled, MSG_DONTWAIT);
  if (got == 0) {
    return "the other side has closed a connection";
  }
  if (got < 0) {
    return errno == EAGAIN || errno == EINTR ? std::string() : system_error("recv");
  }
  line.filled += static_cast<std::size_t>(got);
  const std::size_t taken = line.talker->on_bytes(Bytes(line.input).first(line.filled));
  std::memmove(line.input.data(), line.input.data() + taken, line.filled - taken);
  line.filled -= taken;
  if (line.filled == line.input.size()) {
    return "a message above 64 KiB";
  }
  return line.talker->failed();
}

std::string Conversation::send(Line& line) {
  bool full = false;
  for (Bytes next = line.talker->to_send(); !next.empty() && !full; next = line.talker->to_send()) {
    const ssize_t sent = ::send(line.socket, next.data(), next.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent < 0 && errno != EAGAIN && errno != EINTR) {
      return system_error("send");
    }
    full = sent < 0;
    line.talker->on_sent(sent < 0 ? 0 : static_cast<std::size_t>(sent));
  }
  if (full != line.waits_to_write) {
    line.waits_to_write = full;
    epoll_event wanted{};
    wanted.events = full ? EPOLLIN | EPOLLOUT : EPOLLIN;
    wanted.data.ptr = &line;
    if (epoll_ctl(poll_, EPOLL_CTL_MOD, line.socket, &wanted) != 0) {
      return system_error("epoll_ctl");
    }
  }
  return {};
}

std::string Conversation::serve(Line& line, std::uint32_t ready) {
  if ((ready & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) {
    if (std::string error = receive(line); !error.empty()) {
      return error;
    }
  }
  return send(line);
}

std::string Conversation::run(std::chrono::seconds at_most) {
  const auto deadline = std::chrono::steady_clock::now() + at_most;
  std::size_t open = 0;
  for (const auto& line : lines_) {
    line->was_done = line->talker->done();
    open += line->was_done ? 0 : 1;
    if (std::string error = send(*line); !error.empty()) {
      return error;
    }
  }
  std::array<epoll_event, 256> events;
  while (open > 0) {
    const int count = epoll_wait(poll_, events.data(), static_cast<int>(events.size()), kPollMs);
    for (int i = 0; i < count; ++i) {
      Line& line = *static_cast<Line*>(events[static_cast<std::size_t>(i)].data.ptr);
      if (std::string error = serve(line, events[static_cast<std::size_t>(i)].events); !error.empty()) {
        return error;
      }
      if (!line.was_done && line.talker->done()) {
        line.was_done = true;
        --open;
      }
    }
    if (std::chrono::steady_clock::now() > deadline) {
      return std::to_string(open) + " connections are not done after " + std::to_string(at_most.count()) + " s";
    }
  }
  return {};
}

}  // namespace cubby::bench
