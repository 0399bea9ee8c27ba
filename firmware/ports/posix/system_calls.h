#pragma once

#include <sys/types.h>

#include <cstddef>

/// A controller on a small Linux computer: serial ports, TCP, files. See docs/adr/0010-posix-port.md.
namespace cubby::posix {

/// The system calls whose failures the port must live through, so that a test can make them fail. Results and
/// errno are the kernel's own.
class SystemCalls {
 public:
  virtual ~SystemCalls() = default;
  virtual ssize_t read(int fd, void* into, std::size_t size);
  virtual ssize_t write(int fd, const void* from, std::size_t size);
  virtual ssize_t pread(int fd, void* into, std::size_t size, off_t offset);
  virtual ssize_t pwrite(int fd, const void* from, std::size_t size, off_t offset);
  virtual int fdatasync(int fd);
};

/// A descriptor that is closed when its owner goes; -1: none.
class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(other.release()) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    reset(other.release());
    return *this;
  }
  ~Descriptor() { reset(-1); }
  int get() const { return fd_; }
  bool valid() const { return fd_ >= 0; }
  int release();
  void reset(int fd);

 private:
  int fd_ = -1;
};

}  // namespace cubby::posix
