#include "tools/aggregator/storage/file_sync.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>

namespace cubby::aggregator {
namespace {

std::string sync_path(const std::string& path, int flags) {
  const int descriptor = ::open(path.c_str(), flags | O_CLOEXEC);
  const bool good = descriptor >= 0 && ::fsync(descriptor) == 0;
  const int error = errno;
  if (descriptor >= 0) {
    ::close(descriptor);
  }
  return good ? std::string() : "'" + path + "' cannot be synced: " + std::strerror(error);
}

}  // namespace

std::string sync_file(const std::string& path) {
  return sync_path(path, O_RDWR);
}

std::string sync_folder_of(const std::string& path) {
  const std::string folder = std::filesystem::path(path).parent_path().string();
  return sync_path(folder.empty() ? "." : folder, O_RDONLY | O_DIRECTORY);
}

std::string publish_file(const std::string& from, const std::string& to) {
  bool good = ::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE) == 0;
  if (!good && (errno == EINVAL || errno == ENOSYS)) {  // A file system that cannot; a second name it can give.
    good = ::link(from.c_str(), to.c_str()) == 0 && ::unlink(from.c_str()) == 0;
  }
  if (!good) {
    return "'" + to + "' cannot be made: " + std::strerror(errno);
  }
  return sync_folder_of(to);
}

}  // namespace cubby::aggregator
