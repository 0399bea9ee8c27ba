#include "tools/emulator/live_log.h"

#include <spdlog/spdlog.h>

#include <boost/json.hpp>

namespace cubby::tools {
namespace {

// [[the longest time of a bucket in ms, how many], ...]
boost::json::array times_of(const TimeHistogram& histogram) {
  boost::json::array times;
  for (std::size_t i = 0; i < TimeHistogram::kBuckets; ++i) {
    if (histogram.count_of(i) > 0) {
      times.push_back({static_cast<double>(TimeHistogram::bound_us(i)) / 1000, histogram.count_of(i)});
    }
  }
  return times;
}

}  // namespace

std::string LiveLog::open(const std::string& file) {
  if (file.empty()) {
    return {};
  }
  file_ = file;
  stream_.open(file);
  return stream_ ? std::string() : "--live-log " + file + ": cannot be written";
}

void LiveLog::write(double at_s, const LinkFigures& second) {
  if (!stream_.is_open()) {
    return;
  }
  const boost::json::object line{{"at_s", at_s},
                                 {"asked", second.asked},
                                 {"opened", second.opened},
                                 {"refused", second.refused},
                                 {"lost", second.lost},
                                 {"waiting", second.waiting},
                                 {"opening", second.opening},
                                 {"up", second.up},
                                 {"events_sent", second.events_sent},
                                 {"acknowledgement_ms", times_of(second.acks)},
                                 {"acknowledgement_ms_max", static_cast<double>(second.acks.max_us()) / 1000}};
  stream_ << boost::json::serialize(line) << std::endl;  // Somebody may be reading along.
  if (!stream_) {
    spdlog::warn("--live-log {}: cannot be written any more", file_);
    stream_.close();
  }
}

}  // namespace cubby::tools
