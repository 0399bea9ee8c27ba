#include "tools/support/secret_file.h"

#include <fcntl.h>
#include <pwd.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <span>

namespace cubby::tools {
namespace {

constexpr std::size_t kSecretBytes = 32;
constexpr std::size_t kLineEndMax = 8;
constexpr std::size_t kSuffixBytes = 8;  // Of the temporary file's name.
constexpr std::string_view kHex = "0123456789abcdef";

std::string describe(const std::filesystem::path& file, const char* what) {
  return file.string() + ": " + what + ": " + std::strerror(errno);
}

std::string to_hex(const unsigned char* bytes, std::size_t size) {
  std::string text;
  for (std::size_t i = 0; i < size; ++i) {
    text += kHex[bytes[i] >> 4];
    text += kHex[bytes[i] & 15U];
  }
  return text;
}

// Written beside its place and linked there: nobody ever reads half a secret.
std::string create(const std::filesystem::path& file) {
  std::array<unsigned char, kSecretBytes + kSuffixBytes> random{};
  if (getrandom(random.data(), random.size(), 0) != static_cast<ssize_t>(random.size())) {
    return describe(file, "no random numbers");
  }
  const std::string text = to_hex(random.data(), kSecretBytes) + '\n';
  const std::string temporary = file.string() + "." + to_hex(random.data() + kSecretBytes, kSuffixBytes);
  const int descriptor = open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (descriptor < 0) {
    return describe(file, "cannot make this file");
  }
  const bool written =
      write(descriptor, text.data(), text.size()) == static_cast<ssize_t>(text.size()) && fsync(descriptor) == 0;
  std::string error;
  if (!written) {
    error = describe(file, "cannot write");
  } else if (link(temporary.c_str(), file.c_str()) != 0 && errno != EEXIST) {
    error = describe(file, "cannot make this file");
  }
  close(descriptor);
  unlink(temporary.c_str());
  return error;
}

// Never more than what it should be: the path may be a device or somebody's film.
std::string read_text(const std::filesystem::path& file, std::size_t most, std::string& text) {
  const int descriptor = open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (descriptor < 0) {
    return describe(file, "cannot be read");
  }
  text.resize(most);
  const ssize_t size = read(descriptor, text.data(), text.size());
  std::string error = size < 0 ? describe(file, "cannot be read") : std::string();
  struct stat status {};
  const bool known = fstat(descriptor, &status) == 0;
  close(descriptor);
  if (!error.empty()) {
    text.clear();
    return error;
  }
  if (known && S_ISREG(status.st_mode) && (status.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
    text.clear();
    return file.string() + ": others can read this secret; run: chmod 600 " + file.string();
  }
  text.resize(static_cast<std::size_t>(size));
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r' || text.back() == ' ')) {
    text.pop_back();
  }
  return {};
}

// False: `text` is not a key.
bool parse_key(std::string_view text, std::span<std::byte, kSecretBytes> key) {
  if (text.size() != 2 * kSecretBytes || text.find_first_not_of(kHex) != std::string_view::npos) {
    return false;
  }
  for (std::size_t i = 0; i < kSecretBytes; ++i) {
    key[i] = static_cast<std::byte>(kHex.find(text[2 * i]) << 4 | kHex.find(text[2 * i + 1]));
  }
  return true;
}

// Empty, or what is wrong with the line.
std::string add_key_line(std::string_view line, FleetKeys& keys) {
  while (line.ends_with('\r') || line.ends_with(' ')) {
    line.remove_suffix(1);
  }
  std::uint32_t from = 1;
  StationKey key{};
  bool good = true;
  if (const std::size_t space = line.find(' '); space != std::string_view::npos) {
    const auto [end, error] = std::from_chars(line.data(), line.data() + space, from);
    good = error == std::errc{} && end == line.data() + space && from >= 1 && from <= limits::kKeyVersionMax;
    line.remove_prefix(space + 1);
  }
  if (!good || !parse_key(line, key)) {
    return "not 64 hexadecimal digits (0-9, a-f), or a version (1..65535), a space and such a key";
  }
  switch (keys.add(from, key)) {
    case Status::kOk:
      return {};
    case Status::kNoSpace:
      return "more than " + std::to_string(FleetKeys::kKeysMax) + " keys";
    default:
      return "versions must ascend";
  }
}

std::filesystem::path home_dir() {
  if (const char* home = std::getenv("HOME"); home != nullptr && *home != '\0') {
    return home;
  }
  const passwd* user = getpwuid(getuid());
  return user != nullptr && user->pw_dir != nullptr ? user->pw_dir : "/";
}

}  // namespace

Secret load_or_create_secret(const std::filesystem::path& file) {
  Secret secret;
  std::error_code code;
  if (std::filesystem::is_directory(file, code)) {
    secret.error = file.string() + ": is a directory, a file with 64 hexadecimal digits is needed";
    return secret;
  }
  if (!std::filesystem::exists(file, code)) {
    secret.error = create(file);
    if (!secret.error.empty()) {
      return secret;
    }
  }
  return read_secret(file);
}

Secret client_secret(const std::string& given, const std::filesystem::path& usual) {
  if (given.empty()) {
    return load_or_create_secret(usual);
  }
  if (std::error_code code; !std::filesystem::exists(given, code)) {
    Secret secret;
    secret.error = given + ": there is no such file";
    return secret;
  }
  return read_secret(given);
}

Secret read_secret(const std::filesystem::path& file) {
  Secret secret;
  secret.error = read_text(file, 2 * kSecretBytes + kLineEndMax, secret.text);
  if (!secret.error.empty()) {
    return secret;
  }
  std::array<std::byte, kSecretBytes> bytes{};
  if (!parse_key(secret.text, bytes)) {
    secret.text.clear();
    secret.error = file.string() + ": not a line of 64 hexadecimal digits (0-9, a-f)";
    return secret;
  }
  secret.bytes.assign(bytes.begin(), bytes.end());
  return secret;
}

FleetKeyFile read_fleet_keys(const std::filesystem::path& file) {
  constexpr std::size_t kLineMax = 5 + 1 + 2 * kSecretBytes + kLineEndMax;
  FleetKeyFile result;
  std::string text;
  // One line more than may be there, so that it is seen.
  result.error = read_text(file, (FleetKeys::kKeysMax + 1) * kLineMax, text);
  std::string_view rest = text;
  for (unsigned number = 1; result.error.empty() && (!rest.empty() || number == 1); ++number) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    if (const std::string wrong = add_key_line(rest.substr(0, end), result.keys); !wrong.empty()) {
      result.error = file.string() + ":" + std::to_string(number) + ": " + wrong;
    }
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return result;
}

FleetKeyFile load_or_create_fleet_keys(const std::filesystem::path& file) {
  std::error_code code;
  if (!std::filesystem::exists(file, code)) {
    if (std::string error = create(file); !error.empty()) {
      return {.keys = {}, .error = std::move(error)};
    }
  }
  return read_fleet_keys(file);
}

std::filesystem::path find_state_dir() {
  const auto variable = [](const char* name) {
    const char* value = std::getenv(name);
    return value == nullptr ? std::string() : std::string(value);
  };
  if (const std::string home = variable("CUBBY_HOME"); !home.empty()) {
    return home;
  }
  if (const std::string xdg = variable("XDG_STATE_HOME"); !xdg.empty()) {
    return std::filesystem::path(xdg) / "cubby";
  }
  return home_dir() / ".local" / "state" / "cubby";
}

std::filesystem::path state_dir() {
  std::filesystem::path path = find_state_dir();
  // A folder that is there already is its owner's business.
  std::error_code code;
  if (std::filesystem::create_directories(path, code) && !code) {
    std::filesystem::permissions(path, std::filesystem::perms::owner_all, code);
  }
  return path;
}

std::filesystem::path default_secret_path(std::string_view name) {
  return state_dir() / name;
}

std::filesystem::path default_viewer_token_path() {
  std::filesystem::path viewer = default_secret_path("http.viewer.token");
  const std::filesystem::path all = default_secret_path("http.token");
  std::error_code code;
  return !std::filesystem::exists(viewer, code) && std::filesystem::exists(all, code) ? all : viewer;
}

bool equal_secret(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) {
    return false;
  }
  unsigned difference = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    difference |= static_cast<unsigned char>(a[i]) ^ static_cast<unsigned>(static_cast<unsigned char>(b[i]));
  }
  return difference == 0;
}

}  // namespace cubby::tools
