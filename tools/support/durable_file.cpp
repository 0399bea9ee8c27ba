#include "tools/support/durable_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace cubby::tools {
namespace {

std::string describe(const std::filesystem::path& file, const char* what) {
  return file.string() + ": " + what + ": " + std::strerror(errno);
}

bool write_all(int descriptor, std::string_view text) {
  while (!text.empty()) {
    const ssize_t size = write(descriptor, text.data(), text.size());
    if (size < 0 && errno != EINTR) {
      return false;
    }
    text.remove_prefix(size < 0 ? 0 : static_cast<std::size_t>(size));
  }
  return true;
}

// A name is durable once its folder is synced.
std::string sync_folder_of(const std::filesystem::path& file) {
  const std::filesystem::path folder = file.parent_path();
  const int descriptor = open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) {
    return describe(file, "its folder cannot be opened");
  }
  std::string error = fsync(descriptor) == 0 ? std::string() : describe(file, "its folder cannot be synced");
  close(descriptor);
  return error;
}

std::string write_new(const std::filesystem::path& file, std::string_view text, int how) {
  const int descriptor = open(file.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | how, 0600);
  if (descriptor < 0) {
    return describe(file, "cannot make this file");
  }
  std::string error =
      write_all(descriptor, text) && fsync(descriptor) == 0 ? std::string() : describe(file, "cannot write");
  close(descriptor);
  return error;
}

}  // namespace

std::string write_durably(const std::filesystem::path& file, std::string_view text) {
  const std::filesystem::path beside = file.string() + ".new";
  if (std::string error = write_new(beside, text, O_TRUNC); !error.empty()) {
    return error;
  }
  if (rename(beside.c_str(), file.c_str()) != 0) {
    return describe(file, "cannot put this file in its place");
  }
  return sync_folder_of(file);
}

DurableWriter::DurableWriter(std::filesystem::path file) : file_(std::move(file)), beside_(file_.string() + ".new") {
  descriptor_ = open(beside_.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | O_TRUNC, 0600);
  if (descriptor_ < 0) {
    error_ = describe(beside_, "cannot make this file");
  }
}

DurableWriter::~DurableWriter() {
  if (descriptor_ >= 0) {
    close(descriptor_);
    unlink(beside_.c_str());
  }
}

void DurableWriter::write(std::span<const std::byte> bytes) {
  if (error_.empty() && !write_all(descriptor_, {reinterpret_cast<const char*>(bytes.data()), bytes.size()})) {
    error_ = describe(beside_, "cannot write");
  }
}

std::string DurableWriter::finish() {
  if (error_.empty() && fsync(descriptor_) != 0) {
    error_ = describe(beside_, "cannot write");
  }
  if (error_.empty() && rename(beside_.c_str(), file_.c_str()) != 0) {
    error_ = describe(file_, "cannot put this file in its place");
  }
  if (!error_.empty()) {
    return error_;
  }
  close(descriptor_);
  descriptor_ = -1;
  return sync_folder_of(file_);
}

std::string append_durably(const std::filesystem::path& file, std::string_view line) {
  if (std::string error = write_new(file, std::string(line) + "\n", O_APPEND); !error.empty()) {
    return error;
  }
  return sync_folder_of(file);
}

std::string remove_durably(const std::filesystem::path& file) {
  if (unlink(file.c_str()) != 0 && errno != ENOENT) {
    return describe(file, "cannot be removed");
  }
  return sync_folder_of(file);
}

bool may_exist(const std::filesystem::path& file) {
  struct stat status {};
  return lstat(file.c_str(), &status) == 0 || (errno != ENOENT && errno != ENOTDIR);
}

}  // namespace cubby::tools
