// The program that libFuzzer drives. The environment's FUZZ names the target; tests/fuzz/README.md.
#include <cstdio>
#include <cstdlib>

#include "fuzz/targets.h"

namespace {

const cubby::fuzz::Target* target = nullptr;

}  // namespace

extern "C" int LLVMFuzzerInitialize(int*, char***);
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

extern "C" int LLVMFuzzerInitialize(int*, char***) {
  const char* const name = std::getenv("FUZZ");
  target = cubby::fuzz::find_target(name == nullptr ? "" : name);
  if (target != nullptr) {
    return 0;
  }
  std::fprintf(stderr, "FUZZ names the target, one of:\n");
  for (const auto& known : cubby::fuzz::targets()) {
    std::fprintf(stderr, "  %s\n", known.name.data());
  }
  std::exit(2);
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  target->run(std::as_bytes(std::span(data, size)));
  return 0;
}
