#include "tools/emulator/guest_process.h"

#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

namespace cubby::tools {
namespace {

constexpr int kExitNoCommand = 127;

/// kOk: ready; kTimeout; kIo.
Status await(int socket, short events, int timeout_ms) {
  pollfd entry{.fd = socket, .events = events, .revents = 0};
  for (;;) {
    const int ready = ::poll(&entry, 1, timeout_ms);
    if (ready > 0) {
      return Status::kOk;
    }
    if (ready == 0) {
      return Status::kTimeout;
    }
    if (errno != EINTR) {
      return Status::kIo;
    }
  }
}

}  // namespace

// Between fork() and exec() of a program with threads: only calls that are safe in a signal handler.
void GuestProcess::become_guest(int stream, pid_t parent) const {
  // Whatever becomes of the emulator, no guest stays behind; it may have ended already.
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() == parent && ::dup2(stream, STDIN_FILENO) >= 0 && ::dup2(stream, STDOUT_FILENO) >= 0) {
    ::execl("/bin/sh", "sh", "-c", command_.c_str(), static_cast<char*>(nullptr));
  }
  ::_exit(kExitNoCommand);
}

Status GuestProcess::start() {
  stop();
  int ends[2] = {-1, -1};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) {
    return Status::kIo;
  }
  const pid_t parent = ::getpid();
  const pid_t process = ::fork();
  if (process == 0) {
    ::setpgid(0, 0);
    become_guest(ends[1], parent);
  }
  ::close(ends[1]);
  if (process < 0) {
    ::close(ends[0]);
    return Status::kIo;
  }
  ::setpgid(process, process);  // Here and there: whoever comes first.
  process_ = process;
  socket_ = ends[0];
  return Status::kOk;
}

// With all that the shell has started.
void GuestProcess::stop() {
  if (process_ > 0) {
    ::kill(-process_, SIGKILL);
    while (::waitpid(process_, nullptr, 0) < 0 && errno == EINTR) {
    }
    process_ = -1;
  }
  if (socket_ >= 0) {
    ::close(socket_);
    socket_ = -1;
  }
}

Status GuestProcess::do_write(Bytes bytes) {
  while (!bytes.empty()) {
    const ssize_t size = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (size > 0) {
      bytes = bytes.subspan(static_cast<std::size_t>(size));
    } else if (size < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
      const int timeout_ms = silence_max_s_ == 0 ? -1 : silence_max_s_ * 1000;
      CUBBY_TRY(await(socket_, POLLOUT, timeout_ms));
    } else if (errno != EINTR) {
      return Status::kIo;
    }
  }
  return Status::kOk;
}

Result<std::size_t> GuestProcess::do_read(MutableBytes into) {
  const int timeout_ms = silence_max_s_ == 0 ? -1 : silence_max_s_ * 1000;
  for (;;) {
    if (const Status status = await(socket_, POLLIN, timeout_ms); status != Status::kOk) {
      return status;
    }
    const ssize_t size = ::recv(socket_, into.data(), into.size(), 0);
    if (size > 0) {
      return static_cast<std::size_t>(size);
    }
    if (size == 0 || errno != EINTR) {
      return Status::kIo;
    }
  }
}

}  // namespace cubby::tools
