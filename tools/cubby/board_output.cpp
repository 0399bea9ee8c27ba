#include "tools/cubby/board_output.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>

namespace cubby::tools {

// A pipe or a terminal is opened once more: not to block is a property of the opened file, which others share.
BoardOutput::BoardOutput() {
  struct stat status {};
  if (fstat(STDOUT_FILENO, &status) == 0 && (S_ISFIFO(status.st_mode) || isatty(STDOUT_FILENO) == 1)) {
    own_ = Descriptor(open("/proc/self/fd/1", O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
  }
}

// Writes what was begun as far as it goes.
bool BoardOutput::push() {
  while (!begun_.empty()) {
    pollfd ready{target(), POLLOUT, 0};
    if (poll(&ready, 1, 0) != 1) {
      return true;
    }
    const ssize_t size = ::write(target(), begun_.data(), std::min<std::size_t>(begun_.size(), PIPE_BUF));
    if (size < 0) {
      return errno == EAGAIN || errno == EINTR;
    }
    begun_.erase(0, static_cast<std::size_t>(size));
  }
  return true;
}

bool BoardOutput::show(std::string_view text) {
  if (!push()) {
    return false;
  }
  if (!begun_.empty()) {
    lost_ += static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
    return true;
  }
  if (lost_ != 0) {
    begun_ = "# " + std::to_string(lost_) + (lost_ == 1 ? " line was" : " lines were") +
             " not shown: nobody read what was printed\n";
    lost_ = 0;
  }
  begun_ += text;
  return push();
}

}  // namespace cubby::tools
