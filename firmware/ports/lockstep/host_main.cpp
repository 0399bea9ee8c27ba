// cubby-lockstep-guest: the guest as a program of the host, on standard input and output.
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <span>
#include <string_view>

#include "firmware/ports/lockstep/guest.h"

namespace {

using namespace cubby;

constexpr int kExitFailure = 1;
constexpr int kExitUsage = 2;

class StandardStreams final : public lockstep::ByteStream {
 private:
  Status do_write(Bytes bytes) override {
    while (!bytes.empty()) {
      const ssize_t size = ::write(STDOUT_FILENO, bytes.data(), bytes.size());
      if (size < 0 && errno == EINTR) {
        continue;
      }
      if (size <= 0) {
        return Status::kIo;
      }
      bytes = bytes.subspan(static_cast<std::size_t>(size));
    }
    return Status::kOk;
  }
  Result<std::size_t> do_read(MutableBytes into) override {
    for (;;) {
      const ssize_t size = ::read(STDIN_FILENO, into.data(), into.size());
      if (size < 0 && errno == EINTR) {
        continue;
      }
      return size > 0 ? Result<std::size_t>(static_cast<std::size_t>(size)) : Result<std::size_t>(Status::kIo);
    }
  }
};

StandardStreams streams;
lockstep::Guest guest(streams, "host");

}  // namespace

int main(int argc, char** argv) {
  if (argc == 2 && std::string_view(argv[1]) == "--help") {
    std::puts(
        "cubby-lockstep-guest: one station's controller, on standard input and output, for an emulator that owns its\n"
        "world: cubby-emulator --speed max --guest cubby-lockstep-guest");
    return 0;
  }
  if (argc != 1) {
    std::fputs("cubby-lockstep-guest: takes no arguments but --help\n", stderr);
    return kExitUsage;
  }
  const Status status = guest.run();
  if (status == Status::kIo) {
    return 0;  // The emulator has ended it.
  }
  const std::string_view word = to_string(status);
  std::fprintf(stderr, "cubby-lockstep-guest: the emulator sent something that is no order: %.*s\n",
               static_cast<int>(word.size()), word.data());
  return kExitFailure;
}
