#include "tools/support/secret_file.h"

#include <fcntl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>

namespace cubby::tools {
namespace {

constexpr std::size_t kSecretBytes = 32;
constexpr std::string_view kHex = "0123456789abcdef";

std::string describe(const std::filesystem::path& file, const char* what) {
  return file.string() + ": " + what + ": " + std::strerror(errno);
}

// Written beside its place and linked there: nobody ever reads half a secret.
std::string create(const std::filesystem::path& file) {
  std::array<unsigned char, kSecretBytes> random{};
  if (getrandom(random.data(), random.size(), 0) != static_cast<ssize_t>(random.size())) {
    return describe(file, "no random numbers");
  }
  std::string text;
  for (const unsigned char byte : random) {
    text += kHex[byte >> 4];
    text += kHex[byte & 15U];
  }
  text += '\n';
  const std::string temporary = file.string() + "." + std::to_string(getpid());
  const int descriptor = open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (descriptor < 0) {
    return describe(temporary, "cannot make this file");
  }
  const bool written = write(descriptor, text.data(), text.size()) == static_cast<ssize_t>(text.size()) && fsync(descriptor) == 0;
  close(descriptor);
  std::string error;
  if (!written) {
    error = describe(temporary, "cannot write");
  } else if (link(temporary.c_str(), file.c_str()) != 0 && errno != EEXIST) {
    error = describe(file, "cannot make this file");
  }
  unlink(temporary.c_str());
  return error;
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
  std::ifstream stream(file);
  std::getline(stream, secret.text);
  if (!stream && secret.text.empty()) {
    secret.error = file.string() + ": cannot be read";
    return secret;
  }
  while (!secret.text.empty() && (secret.text.back() == '\r' || secret.text.back() == ' ')) {
    secret.text.pop_back();
  }
  if (secret.text.size() != 2 * kSecretBytes || secret.text.find_first_not_of(kHex) != std::string::npos) {
    secret.text.clear();
    secret.error = file.string() + ": not a line of 64 hexadecimal digits (0-9, a-f)";
    return secret;
  }
  for (std::size_t i = 0; i < kSecretBytes; ++i) {
    secret.bytes.push_back(static_cast<std::byte>(kHex.find(secret.text[2 * i]) << 4 | kHex.find(secret.text[2 * i + 1])));
  }
  return secret;
}

std::filesystem::path state_dir() {
  std::filesystem::path path;
  const auto variable = [](const char* name) {
    const char* value = std::getenv(name);
    return value == nullptr ? std::string() : std::string(value);
  };
  if (const std::string home = variable("CUBBY_HOME"); !home.empty()) {
    path = home;
  } else if (const std::string xdg = variable("XDG_STATE_HOME"); !xdg.empty()) {
    path = std::filesystem::path(xdg) / "cubby";
  } else {
    path = std::filesystem::path(variable("HOME")) / ".local" / "state" / "cubby";
  }
  std::error_code code;
  std::filesystem::create_directories(path, code);
  if (!code) {
    std::filesystem::permissions(path, std::filesystem::perms::owner_all, code);
  }
  return path;
}

std::filesystem::path default_secret_path(std::string_view name) { return state_dir() / name; }

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
