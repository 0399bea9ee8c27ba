#include "firmware/ports/posix/host_files.h"

#include <fcntl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstring>

#include "firmware/ports/posix/system_calls.h"

namespace cubby::posix {
namespace {

constexpr std::string_view kHex = "0123456789abcdef";
constexpr std::size_t kKeyDigits = 2 * sizeof(StationKey);
constexpr std::size_t kLineEndMax = 8;
constexpr Duration kSupplyReadEvery = Duration::milliseconds(500);

/// At most `most` bytes, without the end of the last line; nullopt: errno says why.
std::optional<std::string> read_text(int fd, std::size_t most) {
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

/// The same, of a file that only its owner can read; nullopt: `why` says why.
std::optional<std::string> read_secret_text(const std::string& path, std::size_t most, std::string& why) {
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
  auto text = read_text(file.get(), most);
  if (!text.has_value()) {
    why = path + ": cannot be read: " + std::strerror(errno);
  }
  return text;
}

std::optional<StationKey> parse_key(std::string_view text) {
  StationKey key;
  if (text.size() != kKeyDigits || text.find_first_not_of(kHex) != std::string_view::npos) {
    return std::nullopt;
  }
  for (std::size_t i = 0; i < key.size(); ++i) {
    key[i] = static_cast<std::byte>(kHex.find(text[2 * i]) << 4 | kHex.find(text[2 * i + 1]));
  }
  return key;
}

std::optional<VersionedKey> parse_versioned(std::string_view line) {
  while (line.ends_with('\r') || line.ends_with(' ')) {
    line.remove_suffix(1);
  }
  VersionedKey versioned;
  if (const std::size_t space = line.find(' '); space != std::string_view::npos) {
    const auto [end, error] = std::from_chars(line.data(), line.data() + space, versioned.version);
    if (error != std::errc{} || end != line.data() + space || versioned.version == 0) {
      return std::nullopt;
    }
    line.remove_prefix(space + 1);
  }
  const auto key = parse_key(line);
  versioned.key = key.value_or(StationKey{});
  return key.has_value() ? std::optional(versioned) : std::nullopt;
}

std::optional<std::string> read_small_file(const std::string& path, std::size_t most) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  return file.valid() ? read_text(file.get(), most) : std::nullopt;
}

}  // namespace

std::optional<StationKey> read_key_file(const std::string& path, std::string& why) {
  const auto text = read_secret_text(path, kKeyDigits + kLineEndMax, why);
  if (!text.has_value()) {
    return std::nullopt;
  }
  const auto key = parse_key(*text);
  if (!key.has_value()) {
    why = path + ": not a line of 64 hexadecimal digits (0-9, a-f)";
  }
  return key;
}

std::optional<StationKeys> read_station_keys(const std::string& path, std::string& why) {
  constexpr std::size_t kLineMax = 5 + 1 + kKeyDigits + kLineEndMax;
  const auto text = read_secret_text(path, limits::kStationKeysMax * kLineMax, why);
  if (!text.has_value()) {
    return std::nullopt;
  }
  StationKeys keys;
  std::string_view rest = *text;
  for (unsigned number = 1; !rest.empty() || number == 1; ++number) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    const auto key = parse_versioned(rest.substr(0, end));
    const bool grows = key.has_value() && (keys.empty() || key->version > keys[keys.size() - 1].version);
    if (!grows || keys.push_back(*key) != Status::kOk) {
      why =
          path + ":" + std::to_string(number) +
          (grows             ? ": more than " + std::to_string(limits::kStationKeysMax) + " keys"
           : key.has_value() ? std::string(": versions must ascend")
                             : std::string(": not a version (1..65535), a space and 64 hexadecimal digits (0-9, a-f)"));
      return std::nullopt;
    }
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return keys;
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
