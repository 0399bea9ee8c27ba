// Runs inputs of one target, without a fuzzer: cubby_fuzz_replay TARGET FILE..., or --random TARGET [COUNT [SEED]]
//
// A file whose name ends in .hex has an input a line, and remarks from # on; any other is one input as it is. It ends
// with 0 if there were inputs and all went well; an input that does not aborts it, and its place is the last line said.
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <iterator>
#include <optional>
#include <string>
#include <vector>

#include "firmware/base/prng.h"
#include "fuzz/targets.h"
#include "support/arguments.h"

namespace {

constexpr int kExitUsage = 2;

std::optional<std::vector<std::byte>> bytes_in(const std::string& line) {
  static const std::string kDigits = "0123456789abcdef";
  std::vector<std::byte> bytes;
  std::optional<std::size_t> high;
  for (const char digit : line) {
    const auto value = kDigits.find(digit);
    if (value == std::string::npos) {
      return std::nullopt;
    }
    if (high.has_value()) {
      bytes.push_back(static_cast<std::byte>(*high << 4 | value));
      high.reset();
    } else {
      high = value;
    }
  }
  return high.has_value() ? std::nullopt : std::optional(bytes);
}

/// How many inputs it had; nullopt: it cannot be read.
std::optional<std::size_t> replay(const cubby::fuzz::Target& target, const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    std::cerr << "cannot read " << path << '\n';
    return std::nullopt;
  }
  if (!path.ends_with(".hex")) {
    const std::string text(std::istreambuf_iterator<char>(file), {});
    target.run(cubby::as_bytes(text));
    return 1;
  }
  std::size_t inputs = 0;
  std::size_t number = 0;
  for (std::string line; std::getline(file, line);) {
    ++number;
    line = line.substr(0, line.find('#'));
    line.erase(line.find_last_not_of(' ') + 1);
    if (line.empty()) {
      continue;
    }
    const auto bytes = bytes_in(line);
    if (!bytes.has_value()) {
      std::cerr << path << ':' << number << ": no input in hexadecimal\n";
      return std::nullopt;
    }
    std::cout << path << ':' << number << std::endl;
    target.run(*bytes);
    ++inputs;
  }
  return inputs;
}

/// Inputs of any bytes, of up to 200; more with CUBBY_THOROUGH and CUBBY_NIGHTLY set to 1.
void run_random(const cubby::fuzz::Target& target, std::uint64_t count, std::uint64_t seed) {
  constexpr std::size_t kSizeMax = 200;
  std::cout << "again: cubby_fuzz_replay --random " << target.name << ' ' << count << ' ' << seed << std::endl;
  for (std::uint64_t i = 0; i < count; ++i) {
    auto prng = cubby::Prng(seed).child("input", i);
    std::vector<std::byte> bytes(prng.below(kSizeMax + 1));
    for (std::byte& value : bytes) {
      value = static_cast<std::byte>(prng.next() >> 56);
    }
    target.run(bytes);
  }
}

std::uint64_t usual_count() {
  using cubby::tests::is_set;
  return is_set("CUBBY_NIGHTLY") ? 1'000'000 : is_set("CUBBY_THOROUGH") ? 200'000 : 20'000;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc > 2 && std::string(argv[1]) == "--random") {
    const auto* const target = cubby::fuzz::find_target(argv[2]);
    if (target != nullptr) {
      const auto number = [&](int at, std::uint64_t usual) {
        return argc > at ? std::strtoull(argv[at], nullptr, 10) : usual;
      };
      run_random(*target, number(3, usual_count()), number(4, 1));
      return 0;
    }
  }
  const auto* const target = argc > 1 ? cubby::fuzz::find_target(argv[1]) : nullptr;
  if (target == nullptr || argc < 3) {
    std::cerr << "usage: cubby_fuzz_replay TARGET FILE..., or --random TARGET [COUNT [SEED]]; targets:";
    for (const auto& known : cubby::fuzz::targets()) {
      std::cerr << ' ' << known.name;
    }
    std::cerr << '\n';
    return kExitUsage;
  }
  std::size_t inputs = 0;
  for (int i = 2; i < argc; ++i) {
    const auto count = replay(*target, argv[i]);
    if (!count.has_value()) {
      return kExitUsage;
    }
    inputs += *count;
  }
  std::cerr << target->name << ": " << inputs << " inputs\n";
  return inputs == 0 ? 1 : 0;
}
