#include "bench/ingest_load/loads.h"

#include <time.h>

#include <chrono>

#include "bench/ingest_load/conversation.h"

namespace cubby::bench {

double cpu_seconds_of(int process) {
  clockid_t clock{};
  timespec time{};
  if (clock_getcpuclockid(process, &clock) != 0 || clock_gettime(clock, &time) != 0) {
    return -1;
  }
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

Outcome run_timed(Conversation& conversation, int served_by) {
  using Clock = std::chrono::steady_clock;
  constexpr std::chrono::seconds kLoadMax{300};
  Outcome outcome;
  const double cpu_from = cpu_seconds_of(served_by);
  const auto from = Clock::now();
  outcome.error = conversation.run(kLoadMax);
  outcome.seconds = std::chrono::duration<double>(Clock::now() - from).count();
  outcome.cpu_seconds = cpu_seconds_of(served_by) - cpu_from;
  return outcome;
}

}  // namespace cubby::bench
