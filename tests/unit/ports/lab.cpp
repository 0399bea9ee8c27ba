#include "unit/ports/lab.h"

#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <filesystem>

#include "firmware/base/assert.h"

namespace cubby::tests {

std::string Folder::write(const std::string& name, const std::string& text, mode_t mode) const {
  const std::string file = path(name);
  const posix::Descriptor out(::open(file.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode));
  CUBBY_ASSERT(::write(out.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size()));
  CUBBY_ASSERT(fchmod(out.get(), mode) == 0);
  return file;
}

FarEnd::FarEnd() : far_(posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK)) {
  std::array<char, 64> name{};
  CUBBY_ASSERT(far_.valid() && grantpt(far_.get()) == 0 && unlockpt(far_.get()) == 0 &&
               ptsname_r(far_.get(), name.data(), name.size()) == 0);
  name_ = name.data();
}

void FarEnd::send(Bytes data) const {
  CUBBY_ASSERT(::write(far_.get(), data.data(), data.size()) == static_cast<ssize_t>(data.size()));
}

bool readable(int fd) {
  pollfd wait{.fd = fd, .events = POLLIN, .revents = 0};
  return poll(&wait, 1, 1'000) > 0;
}

std::vector<std::byte> FarEnd::receive(std::size_t size) const {
  std::vector<std::byte> all;
  std::array<std::byte, 512> chunk{};
  while (all.size() < size && readable(far_.get())) {
    const ssize_t got = ::read(far_.get(), chunk.data(), chunk.size());
    if (got <= 0) {
      break;
    }
    all.insert(all.end(), chunk.begin(), chunk.begin() + got);
  }
  return all;
}

ssize_t FaultyCalls::write(int fd, const void* from, std::size_t size) {
  if (write_error != 0) {
    errno = write_error;
    return -1;
  }
  if (shorten_write) {
    shorten_write(size);
  }
  if (size == 0) {
    errno = EAGAIN;
    return -1;
  }
  return SystemCalls::write(fd, from, size);
}

ssize_t FaultyCalls::pread(int fd, void* into, std::size_t size, off_t offset) {
  if (fail_reads) {
    errno = EIO;
    return -1;
  }
  return SystemCalls::pread(fd, into, size, offset);
}

ssize_t FaultyCalls::pwrite(int fd, const void* from, std::size_t size, off_t offset) {
  const std::size_t number = operations_++;
  if (number < fail_at) {
    return SystemCalls::pwrite(fd, from, std::min(size, pwrite_most), offset);
  }
  if (number == fail_at && failing_write_takes > 0) {
    (void)SystemCalls::pwrite(fd, from, std::min(size, failing_write_takes), offset);
  }
  errno = EIO;
  return -1;
}

int FaultyCalls::fdatasync(int fd) {
  if (operations_++ < fail_at) {
    (void)fd;
    return 0;  // The tests do not cut the power: what was written can be read back.
  }
  errno = EIO;
  return -1;
}

}  // namespace cubby::tests
