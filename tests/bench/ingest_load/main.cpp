// cubby-ingest-load: stations' batches, made beforehand, sent as fast as somebody takes them. tests/bench/ingest runs
// it.
#include <cstdio>
#include <cstdlib>

#include "bench/ingest_load/loads.h"
#include "firmware/base/limits.h"
#include "tools/support/secret_file.h"

namespace {

using namespace cubby;

constexpr const char* kUsage =
    "usage: cubby-ingest-load uplink    SESSIONS BATCH EVENTS PORT PROCESS KEY_FILE\n"
    "       cubby-ingest-load jetstream SESSIONS BATCH EVENTS PORT PROCESS\n"
    "       cubby-ingest-load floor     SESSIONS BATCH EVENTS FILE GROUP\n"
    "PROCESS: the number of the process that listens at PORT of 127.0.0.1; its processor time is told.\n"
    "GROUP: events between two syncs of the file.\n";

/// 0: not a number from 1 to `max`.
std::uint64_t number(const char* text, std::uint64_t max) {
  char* end = nullptr;
  const auto value = std::strtoull(text, &end, 10);
  return *end == '\0' && value <= max ? value : 0;
}

struct Arguments {
  std::string mode;
  bench::WorkloadOptions options;
  std::uint64_t group = 0;
  std::uint16_t port = 0;
  int process = 0;
  std::string file;
};

bool read_arguments(int argc, char** argv, Arguments& arguments) {
  if (argc < 6) {
    return false;
  }
  arguments.mode = argv[1];
  arguments.options.sessions = static_cast<std::uint32_t>(number(argv[2], 15'000));
  arguments.options.batch = static_cast<std::uint32_t>(number(argv[3], limits::kBatchEventsMax));
  arguments.options.events = number(argv[4], 100'000'000);
  if (arguments.options.sessions == 0 || arguments.options.batch == 0 || arguments.options.events == 0) {
    return false;
  }
  if (arguments.mode == "floor") {
    arguments.file = argv[5];
    arguments.group = argc == 7 ? number(argv[6], 1'000'000) : 0;
    return arguments.group != 0;
  }
  const bool uplink = arguments.mode == "uplink";
  if ((!uplink && arguments.mode != "jetstream") || argc != (uplink ? 8 : 7)) {
    return false;
  }
  arguments.port = static_cast<std::uint16_t>(number(argv[5], 65'535));
  arguments.process = static_cast<int>(number(argv[6], 1U << 22U));
  arguments.file = uplink ? argv[7] : "";
  return arguments.port != 0 && arguments.process != 0;
}

bench::Outcome run(const Arguments& arguments, const bench::Workload& work) {
  if (arguments.mode == "floor") {
    return bench::run_floor(work, arguments.file, arguments.group);
  }
  if (arguments.mode == "jetstream") {
    return bench::load_jetstream(work, arguments.port, arguments.process);
  }
  const tools::Secret key = tools::load_or_create_secret(arguments.file);
  if (!key.error.empty()) {
    bench::Outcome outcome;
    outcome.error = key.error;
    return outcome;
  }
  return bench::load_uplink(work, arguments.port, arguments.process, key.bytes);
}

}  // namespace

int main(int argc, char** argv) {
  Arguments arguments;
  if (!read_arguments(argc, argv, arguments)) {
    std::fputs(kUsage, stderr);
    return 2;
  }
  const bench::Workload work = bench::make_workload(arguments.options);
  const bench::Outcome outcome = run(arguments, work);
  if (!outcome.error.empty()) {
    std::fprintf(stderr, "cubby-ingest-load: %s\n", outcome.error.c_str());
    return 1;
  }
  std::printf(
      "{\"events\": %llu, \"bytes\": %llu, \"seconds\": %.6f, \"cpu_seconds\": %.6f, \"sync_seconds\": %.6f, "
      "\"syncs\": %llu}\n",
      static_cast<unsigned long long>(work.events), static_cast<unsigned long long>(work.bytes), outcome.seconds,
      outcome.cpu_seconds, outcome.sync_seconds, static_cast<unsigned long long>(outcome.syncs));
  return 0;
}
