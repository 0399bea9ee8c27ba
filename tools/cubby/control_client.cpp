#include "tools/cubby/control_client.h"

#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>

namespace cubby::tools {
namespace {

constexpr std::size_t kResponseMax = 64 * 1024;

// Waits until the socket can be read or written; false: the time is over.
bool wait_for(int socket, short what, std::chrono::steady_clock::time_point deadline) {
  const auto left =
      std::chrono::duration_cast<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now()).count();
  pollfd entry{.fd = socket, .events = what, .revents = 0};
  return left > 0 && poll(&entry, 1, static_cast<int>(left)) > 0;
}

}  // namespace

ControlClient::ControlClient() = default;

ControlClient::~ControlClient() {
  if (socket_ >= 0) {
    close(socket_);
  }
}

std::string ControlClient::connect(const Endpoint& endpoint, const std::string& token) {
  token_ = token;
  where_ = endpoint.host + ":" + std::to_string(endpoint.port);
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (getaddrinfo(endpoint.host.c_str(), std::to_string(endpoint.port).c_str(), &hints, &found) != 0) {
    return "--control " + where_ + ": no such host";
  }
  std::string error = "no address";
  for (const addrinfo* entry = found; entry != nullptr && socket_ < 0; entry = entry->ai_next) {
    socket_ = socket(entry->ai_family, entry->ai_socktype | SOCK_CLOEXEC, entry->ai_protocol);
    if (socket_ >= 0 && ::connect(socket_, entry->ai_addr, entry->ai_addrlen) != 0) {
      error = std::strerror(errno);
      close(socket_);
      socket_ = -1;
    }
  }
  freeaddrinfo(found);
  if (socket_ < 0) {
    return "--control " + where_ + ": " + error + " (is cubby-emulator running with --control " + where_ + "?)";
  }
  return {};
}

std::string ControlClient::ask(cubby::v1::ControlRequest request, cubby::v1::ControlResponse& response,
                               int patience_s) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(patience_s);
  request.set_token(token_);
  const std::string message = request.SerializeAsString();
  std::string out;
  for (std::size_t rest = message.size();; rest >>= 7) {
    out += static_cast<char>(rest < 0x80 ? rest : rest | 0x80);
    if (rest < 0x80) {
      break;
    }
  }
  out += message;
  for (std::size_t sent = 0; sent < out.size();) {
    const ssize_t size =
        wait_for(socket_, POLLOUT, deadline) ? send(socket_, out.data() + sent, out.size() - sent, MSG_NOSIGNAL) : -1;
    if (size <= 0) {
      return where_ + ": the emulator closed the connection";
    }
    sent += static_cast<std::size_t>(size);
  }
  std::string in;
  for (;;) {
    std::size_t length = 0;
    std::size_t head = 0;
    bool complete = false;
    for (; head < in.size() && head < 4 && !complete; ++head) {
      const auto byte = static_cast<unsigned char>(in[head]);
      length |= static_cast<std::size_t>(byte & 0x7F) << (7 * head);
      complete = byte < 0x80;
    }
    if (complete && in.size() >= head + length) {
      return response.ParseFromArray(in.data() + head, static_cast<int>(length))
                 ? ""
                 : where_ + ": not an emulator's control port";
    }
    char chunk[4096];
    if (!wait_for(socket_, POLLIN, deadline)) {
      return where_ + ": no answer within " + std::to_string(patience_s) + " s";
    }
    const ssize_t size = recv(socket_, chunk, sizeof(chunk), 0);
    if (size <= 0 || in.size() > kResponseMax) {
      return where_ + ": the emulator closed the connection";
    }
    in.append(chunk, static_cast<std::size_t>(size));
  }
}

}  // namespace cubby::tools
