#pragma once

#include <sys/types.h>

#include <cerrno>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "firmware/base/bytes.h"
#include "firmware/ports/posix/system_calls.h"
#include "support/temporary_folder.h"

namespace cubby::tests {

/// A folder of the test's own that goes with it.
class Folder {
 public:
  std::string path(const std::string& name) const { return folder_.file(name); }
  /// Makes the file, readable by its owner only unless `mode` says otherwise.
  std::string write(const std::string& name, const std::string& text, mode_t mode = 0600) const;

 private:
  TemporaryFolder folder_;
};

/// A pseudo-terminal: the far end is what an adapter would do, the name is what a program opens.
class FarEnd {
 public:
  FarEnd();
  const std::string& name() const { return name_; }
  /// As pulling the adapter.
  void hang_up() { far_.reset(-1); }
  void send(Bytes data) const;
  /// What has arrived, waiting for `size` bytes for at most a second.
  std::vector<std::byte> receive(std::size_t size) const;
  int descriptor() const { return far_.get(); }

 private:
  posix::Descriptor far_;
  std::string name_;
};

/// Waits until the descriptor has something to read, at most a second.
bool readable(int fd);

/// The kernel's calls until a test says otherwise.
class FaultyCalls final : public posix::SystemCalls {
 public:
  std::function<void(std::size_t&)> shorten_write;  // Makes it smaller, 0: EAGAIN; of write().
  int write_error = 0;                              // What every write() fails with.
  std::size_t pwrite_most = SIZE_MAX;               // Bytes that one pwrite() takes.
  std::size_t fail_at = SIZE_MAX;                   // This pwrite() or fdatasync() fails with EIO, and all later ones.
  std::size_t failing_write_takes = 0;              // Bytes of that pwrite() that reach the file all the same.
  bool fail_reads = false;
  std::size_t operations() const { return operations_; }

  ssize_t write(int fd, const void* from, std::size_t size) override;
  ssize_t pread(int fd, void* into, std::size_t size, off_t offset) override;
  ssize_t pwrite(int fd, const void* from, std::size_t size, off_t offset) override;
  int fdatasync(int fd) override;

 private:
  std::size_t operations_ = 0;
};

}  // namespace cubby::tests
