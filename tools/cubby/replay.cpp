#include "tools/cubby/replay.h"

#include <chrono>
#include <cstdio>
#include <iostream>
#include <map>
#include <thread>

#include "tools/support/command_line.h"
#include "tools/support/progress.h"

namespace cubby::tools {
namespace {

using cubby::v1::ControlRequest;
using cubby::v1::ControlResponse;

constexpr auto kClockEvery = std::chrono::milliseconds(50);

struct ToldCode {
  std::string code;
  std::string second;
};

struct ReplayCounts {
  std::uint64_t done = 0;
  std::uint64_t refused = 0;
};

// The emulator's clock, asked again and again until it is `utc_ms`. False: it stopped answering.
bool wait_until(ControlClient& client, std::uint64_t utc_ms, std::uint64_t& now_ms) {
  for (;;) {
    ControlRequest request;
    request.mutable_status();
    ControlResponse response;
    if (const std::string error = client.ask(request, response);
        !error.empty() || response.status() != cubby::v1::CONTROL_STATUS_OK) {
      std::cerr << "cubby inject: " << (error.empty() ? response.detail() : error) << '\n';
      return false;
    }
    now_ms = response.virtual_utc_ms();
    if (now_ms >= utc_ms || stop_requested()) {
      return true;
    }
    std::this_thread::sleep_for(kClockEvery);
  }
}

ControlRequest request_for(const TraceLine& row, const ToldCode& told) {
  ControlRequest request;
  if (row.action == "deposit") {
    request.mutable_deposit()->set_station(row.station);
    request.mutable_deposit()->set_size(static_cast<cubby::v1::Size>(row.size));
    request.mutable_deposit()->set_carrier(row.carrier);
    request.mutable_deposit()->set_parcel(row.parcel);
  } else if (row.action == "collect") {
    request.mutable_collect()->set_station(row.station);
    request.mutable_collect()->set_code(told.code);
    request.mutable_collect()->set_second(told.second);
  } else if (row.action == "refuse") {
    request.mutable_refuse()->set_station(row.station);
    request.mutable_refuse()->set_code(told.code);
    request.mutable_refuse()->set_second(told.second);
  } else {
    request.mutable_recall()->set_station(row.station);
    request.mutable_recall()->set_carrier(row.carrier);
  }
  return request;
}

}  // namespace

int replay(const std::string& file, const std::vector<TraceLine>& rows, ControlClient& client) {
  install_signal_handlers();
  std::map<std::string, ToldCode> codes;  // What the recipients were told.
  ReplayCounts counts;
  std::uint64_t begin_ms = 0;
  if (!wait_until(client, 0, begin_ms)) {
    return kExitFailure;
  }
  Progress progress("replay", static_cast<double>(rows.size()), "rows");
  for (const TraceLine& row : rows) {
    std::uint64_t now_ms = 0;
    const auto at_ms = begin_ms + static_cast<std::uint64_t>(row.offset_ms - rows.front().offset_ms);
    if (!wait_until(client, at_ms, now_ms)) {
      return kExitFailure;
    }
    if (stop_requested()) {
      break;
    }
    ControlResponse response;
    if (row.action == "collect" && codes[row.parcel].code.empty()) {
      response.set_status(cubby::v1::CONTROL_STATUS_REFUSED);
      response.set_detail("nobody was told a code for " + row.parcel);
    } else if (const std::string error = client.ask(request_for(row, codes[row.parcel]), response); !error.empty()) {
      std::cerr << "cubby inject: " << error << '\n';
      return kExitFailure;
    }
    if (response.status() == cubby::v1::CONTROL_STATUS_OK) {
      ++counts.done;
      if (row.action == "deposit") {
        codes[row.parcel] = {.code = response.code(), .second = response.second()};
      }
    } else {
      ++counts.refused;
      std::cerr << file << ':' << row.line << ": " << row.action << " at " << row.station << ": " << response.detail()
                << '\n';
    }
    progress.update(static_cast<double>(counts.done + counts.refused), counts.done + counts.refused);
  }
  progress.finish();
  std::printf("replayed %llu\nrefused  %llu\n", static_cast<unsigned long long>(counts.done),
              static_cast<unsigned long long>(counts.refused));
  return counts.refused == 0 ? kExitOk : kExitFailure;
}

}  // namespace cubby::tools
