#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace cubby::tools {

/// One row of a trace as it stands in the file, before stations are looked up.
struct TraceLine {
  std::size_t line = 0;  // From 1; so are columns.
  std::size_t station_column = 0;
  std::int64_t offset_ms = 0;  // From the first row's time (ISO times) or from the start (seconds, 10m, 2h).
  bool absolute = false;       // The time was an ISO time; offset_ms is then UTC ms.
  std::string station;
  std::string action;  // deposit, collect, refuse or recall.
  std::string parcel;
  std::string carrier;
  std::uint8_t size = 0;
};

/// Reads `time,station,action,parcel,carrier,size`. All that is wrong is listed in `errors` as
/// file:line:column: what, at most 20 of them.
std::vector<TraceLine> read_trace(const std::string& file, std::vector<std::string>& errors);
/// "file:line:column: ".
std::string trace_place(const std::string& file, std::size_t line, std::size_t column);

}  // namespace cubby::tools
