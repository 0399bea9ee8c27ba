#include "firmware/ports/posix/host_files.h"

#include <fcntl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>

#include "firmware/ports/posix/system_calls.h"

namespace cubby::posix {
namespace {

constexpr std::string_view kHex = "0123456789abcdef";
constexpr Duration kSupplyReadEvery = Duration::milliseconds(500);

/// At most `most` bytes, without the line's end; nullopt: errno says why.
std::optional<std::string> read_line(int fd, std::size_t most) {
  std::string text(most, '\0');
  const ssize_t size = ::read(fd, text.data(), text.size());
  if (size < 0) {
    return std::nullopt;
  }
  text.resize(static_cast<std::size_t>(size));
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r' || text.back() == ' ')) {
    text.pop_back();
  }
  return text;
}

std::optional<std::string> read_small_file(const std::string& path, std::size_t most) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  return file.valid() ? read_line(file.get(), most) : std::nullopt;
}

}  // namespace

std::optional<StationKey> read_key_file(const std::string& path, std::string& why) {
  StationKey key;
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  struct stat status {};
  if (!file.valid() || fstat(file.get(), &status) != 0) {
    why = path + ": cannot be read: " + std::strerror(errno);
    return std::nullopt;
  }
  if (!S_ISREG(status.st_mode)) {
    why = path + ": is not a file";
    return std::nullopt;
  }
  if ((status.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
    why = path + ": others can read this key; run: chmod 600 " + path;
    return std::nullopt;
  }
  const auto text = read_line(file.get(), 2 * key.size() + 8);
  if (!text.has_value() || text->size() != 2 * key.size() || text->find_first_not_of(kHex) != std::string::npos) {
    why = path + ": not a line of 64 hexadecimal digits (0-9, a-f)";
    return std::nullopt;
  }
  for (std::size_t i = 0; i < key.size(); ++i) {
    key[i] = static_cast<std::byte>(kHex.find((*text)[2 * i]) << 4 | kHex.find((*text)[2 * i + 1]));
  }
  return key;
}

Status KernelRandom::do_fill(MutableBytes into) {
  while (!into.empty()) {
    const ssize_t size = getrandom(into.data(), into.size(), 0);
    if (size < 0 && errno == EINTR) {
      continue;
    }
    if (size <= 0) {
      return Status::kIo;
    }
    into = into.subspan(static_cast<std::size_t>(size));
  }
  return Status::kOk;
}

hal::Supply FilePowerMonitor::do_supply() const {
  const Instant now = time_.now();
  if (status_file_.empty() || (read_at_ >= Instant{} && now - read_at_ < kSupplyReadEvery)) {
    return supply_;
  }
  read_at_ = now;
  const std::string word = read_small_file(status_file_, 16).value_or("");
  supply_ = word == "battery"   ? hal::Supply::kOnBattery
            : word == "failing" ? hal::Supply::kFailing
                                : hal::Supply::kMains;
  return supply_;
}

std::string RunFile::current_boot_id() {
  return read_small_file("/proc/sys/kernel/random/boot_id", 64).value_or("unknown");
}

hal::ResetCause RunFile::last_end() const {
  const auto text = path_.empty() ? std::nullopt : read_small_file(path_, 128);
  if (text == boot_id_ + " stopped") {
    return hal::ResetCause::kRequested;
  }
  return text == boot_id_ + " running" ? hal::ResetCause::kWatchdog : hal::ResetCause::kPowerOn;
}

/// A file that cannot be written costs only the word that the next boot would have said.
void RunFile::write(const char* word) const {
  if (path_.empty()) {
    return;
  }
  const std::string temporary = path_ + ".new";
  const std::string text = boot_id_ + " " + word + "\n";
  Descriptor file(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  if (file.valid() && ::write(file.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size())) {
    (void)std::rename(temporary.c_str(), path_.c_str());
  }
}

}  // namespace cubby::posix
