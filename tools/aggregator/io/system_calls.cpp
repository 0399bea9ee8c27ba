#include "tools/aggregator/io/system_calls.h"

#include <spdlog/spdlog.h>
#include <sys/random.h>
#include <time.h>

#include <chrono>

#include "tools/support/descriptors.h"

namespace cubby::aggregator {
namespace {

constexpr std::uint64_t kReserve = 512;  // Descriptors of HTTP, the store, certificates that are read.

}  // namespace

double thread_cpu_s() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

std::uint64_t system_utc_ms() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(now).count());
}

void fill_random(MutableBytes bytes) {
  std::size_t filled = 0;
  while (filled < bytes.size()) {
    const ssize_t got = getrandom(bytes.data() + filled, bytes.size() - filled, 0);
    filled += got > 0 ? static_cast<std::size_t>(got) : 0;
  }
}

std::size_t connections_within_limit(std::size_t wanted) {
  const std::uint64_t limit = tools::raise_descriptor_limit();
  const std::uint64_t room = limit > 2 * kReserve ? limit - kReserve : limit / 2;
  if (room >= wanted) {
    return wanted;
  }
  spdlog::warn(
      "room for {} connections at a time, not {}: this process may have {} open files (RLIMIT_NOFILE: ulimit -Hn, "
      "LimitNOFILE= of systemd)",
      room, wanted, limit);
  return room;
}

}  // namespace cubby::aggregator
