#include "firmware/ports/posix/system_calls.h"

#include <unistd.h>

#include <utility>

namespace cubby::posix {

ssize_t SystemCalls::read(int fd, void* into, std::size_t size) {
  return ::read(fd, into, size);
}

ssize_t SystemCalls::write(int fd, const void* from, std::size_t size) {
  return ::write(fd, from, size);
}

ssize_t SystemCalls::pread(int fd, void* into, std::size_t size, off_t offset) {
  return ::pread(fd, into, size, offset);
}

ssize_t SystemCalls::pwrite(int fd, const void* from, std::size_t size, off_t offset) {
  return ::pwrite(fd, from, size, offset);
}

int SystemCalls::fdatasync(int fd) {
  return ::fdatasync(fd);
}

int Descriptor::release() {
  return std::exchange(fd_, -1);
}

void Descriptor::reset(int fd) {
  if (fd_ >= 0) {
    ::close(fd_);
  }
  fd_ = fd;
}

}  // namespace cubby::posix
