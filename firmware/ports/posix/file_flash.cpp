#include "firmware/ports/posix/file_flash.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <vector>

namespace cubby::posix {
namespace {

constexpr std::byte kErased{0xFF};

std::string told(const std::string& path, const char* what) {
  return path + ": " + what + ": " + std::strerror(errno);
}

bool write_all(SystemCalls& calls, int fd, Bytes data, off_t at) {
  while (!data.empty()) {
    const ssize_t done = calls.pwrite(fd, data.data(), data.size(), at);
    if (done < 0 && errno == EINTR) {
      continue;
    }
    if (done <= 0) {
      return false;
    }
    data = data.subspan(static_cast<std::size_t>(done));
    at += done;
  }
  return true;
}

bool read_all(SystemCalls& calls, int fd, MutableBytes into, off_t at) {
  while (!into.empty()) {
    const ssize_t done = calls.pread(fd, into.data(), into.size(), at);
    if (done < 0 && errno == EINTR) {
      continue;
    }
    if (done <= 0) {
      return false;
    }
    into = into.subspan(static_cast<std::size_t>(done));
    at += done;
  }
  return true;
}

/// Made beside its place and linked there once it is whole and on the disk: nobody ever finds half a flash.
std::string make(SystemCalls& calls, const FileFlash::Options& options) {
  const std::string temporary = options.path + ".new." + std::to_string(getpid());
  const Descriptor file(::open(temporary.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!file.valid()) {
    return told(options.path, "cannot make this file");
  }
  const std::vector<std::byte> blank(options.geometry.size(), kErased);
  std::string why;
  if (!write_all(calls, file.get(), blank, 0) || fsync(file.get()) != 0) {
    why = told(options.path, "cannot write");
  } else if (link(temporary.c_str(), options.path.c_str()) != 0 && errno != EEXIST) {
    why = told(options.path, "cannot make this file");
  }
  unlink(temporary.c_str());
  const auto parent = std::filesystem::path(options.path).parent_path();
  const Descriptor folder(::open(parent.empty() ? "." : parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (why.empty() && (!folder.valid() || fsync(folder.get()) != 0)) {
    why = told(options.path, "its folder cannot be written");
  }
  return why;
}

/// Empty, or why this open file is no such flash.
std::string judge(const FileFlash::Options& options, int fd) {
  struct stat status {};
  if (fstat(fd, &status) != 0) {
    return told(options.path, "cannot be read");
  }
  if (!S_ISREG(status.st_mode)) {
    return options.path + ": is not a file";
  }
  if (static_cast<std::uint64_t>(status.st_size) != options.geometry.size()) {
    return options.path + ": has " + std::to_string(status.st_size) + " bytes; " +
           std::to_string(options.geometry.sector_count) + " sectors of " +
           std::to_string(options.geometry.sector_size) + " are " + std::to_string(options.geometry.size());
  }
  return {};
}

}  // namespace

std::unique_ptr<FileFlash> FileFlash::open(SystemCalls& calls, const Options& options, std::string& why) {
  Descriptor file(::open(options.path.c_str(), O_RDWR | O_CLOEXEC));
  if (!file.valid() && errno == ENOENT) {
    if (why = make(calls, options); !why.empty()) {
      return nullptr;
    }
    file.reset(::open(options.path.c_str(), O_RDWR | O_CLOEXEC));
  }
  if (!file.valid()) {
    why = told(options.path, "cannot be opened");
    return nullptr;
  }
  if (why = judge(options, file.get()); !why.empty()) {
    return nullptr;
  }
  if (flock(file.get(), LOCK_EX | LOCK_NB) != 0) {
    why = errno == EWOULDBLOCK ? options.path + ": another controller has this journal"
                               : told(options.path, "cannot be locked");
    return nullptr;
  }
  // What is mounted is what the disk has, not what a failed sync left in the page cache.
  (void)posix_fadvise(file.get(), 0, 0, POSIX_FADV_DONTNEED);
  return std::make_unique<FileFlash>(calls, std::move(file), options.geometry);
}

Status FileFlash::do_read(std::uint32_t address, MutableBytes into) {
  return read_all(calls_, file_.get(), into, address) ? Status::kOk : Status::kIo;
}

Status FileFlash::do_program(std::uint32_t address, Bytes data) {
  std::vector<std::byte> cells(data.size());
  CUBBY_TRY(do_read(address, cells));
  for (std::size_t i = 0; i < cells.size(); ++i) {
    if (const std::byte programmed = cells[i] & data[i]; programmed == data[i]) {
      cells[i] = programmed;
    } else {
      return Status::kIo;  // A cell that lacks a bit cannot get it back: as a part whose verify fails.
    }
  }
  return write(address, cells);
}

Status FileFlash::do_erase(std::uint32_t sector) {
  const std::vector<std::byte> blank(geometry_.sector_size, kErased);
  return write(sector * geometry_.sector_size, blank);
}

Status FileFlash::write(std::uint32_t address, Bytes data) {
  if (failed_) {
    return Status::kIo;
  }
  failed_ = !write_all(calls_, file_.get(), data, address) || calls_.fdatasync(file_.get()) != 0;
  return failed_ ? Status::kIo : Status::kOk;
}

bool read_image(const FileFlash::Options& options, std::string& image, bool& in_use, std::string& why) {
  const Descriptor file(::open(options.path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.valid()) {
    why = told(options.path, "cannot be opened");
    return false;
  }
  if (why = judge(options, file.get()); !why.empty()) {
    return false;
  }
  in_use = flock(file.get(), LOCK_SH | LOCK_NB) != 0;
  image.resize(options.geometry.size());
  SystemCalls calls;
  if (!read_all(calls, file.get(), std::as_writable_bytes(std::span(image)), 0)) {
    why = told(options.path, "cannot be read");
    return false;
  }
  return true;
}

}  // namespace cubby::posix
