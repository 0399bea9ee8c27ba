#include "golden/vector_file.h"

#include <cstdio>
#include <cstdlib>
#include <fstream>

namespace cubby::golden {
namespace {

std::string file_name() {
  return std::string(CUBBY_TESTS_DIR) + "/golden/vectors.txt";
}

[[noreturn]] void give_up(const std::string& why, std::size_t line) {
  std::fprintf(stderr, "%s:%zu: %s\n", file_name().c_str(), line + 1, why.c_str());
  std::exit(1);
}

std::vector<std::string> read_lines() {
  std::ifstream file(file_name());
  std::vector<std::string> lines;
  for (std::string line; std::getline(file, line);) {
    lines.push_back(line);
  }
  if (lines.empty()) {
    give_up("cannot be read, or is empty", 0);
  }
  return lines;
}

std::string from_hex(const std::string& hex, std::size_t line) {
  if (hex.size() % 2 != 0 || hex.find_first_not_of("0123456789abcdef") != std::string::npos) {
    give_up("not lower-case hex", line);
  }
  std::string bytes;
  for (std::size_t i = 0; i < hex.size(); i += 2) {
    bytes.push_back(static_cast<char>(std::strtol(hex.substr(i, 2).c_str(), nullptr, 16)));
  }
  return bytes;
}

}  // namespace

std::string to_hex(const std::string& bytes) {
  std::string hex;
  for (const char byte : bytes) {
    constexpr char kDigits[] = "0123456789abcdef";
    hex.push_back(kDigits[static_cast<unsigned char>(byte) >> 4]);
    hex.push_back(kDigits[static_cast<unsigned char>(byte) & 15]);
  }
  return hex;
}

std::vector<Vector> load_vectors() {
  const std::vector<std::string> lines = read_lines();
  std::vector<Vector> vectors;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    if (lines[i].empty() || lines[i][0] == '#') {
      continue;
    }
    const std::size_t blank = lines[i].find(' ');
    if (blank == std::string::npos || i + 1 >= lines.size()) {
      give_up("expected a name and a message, then the text", i);
    }
    Vector vector{.name = lines[i].substr(0, blank),
                  .message = lines[i].substr(blank + 1),
                  .text = lines[i + 1],
                  .bytes = {},
                  .line = i + 1};
    i += 1;
    if (i + 1 < lines.size() && !lines[i + 1].empty()) {
      ++i;
      vector.bytes = from_hex(lines[i], i);
    }
    vectors.push_back(vector);
  }
  return vectors;
}

void add_missing_bytes(const std::vector<Vector>& vectors) {
  std::vector<std::string> lines = read_lines();
  for (auto vector = vectors.rbegin(); vector != vectors.rend(); ++vector) {
    const std::size_t at = vector->line + 1;
    if (at >= lines.size() || lines[at].empty()) {
      lines.insert(lines.begin() + static_cast<std::ptrdiff_t>(at), to_hex(vector->bytes));
    }
  }
  std::ofstream file(file_name());
  for (const std::string& line : lines) {
    file << line << '\n';
  }
}

}  // namespace cubby::golden
