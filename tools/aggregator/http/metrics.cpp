#include "tools/aggregator/http/metrics.h"

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <utility>
#include <vector>

#include "cubby/v1/uplink.pb.h"

namespace cubby::aggregator {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

/// Families in the making; names are cubby_aggregator_ and what is given.
class Families {
 public:
  ClientMetric& add(const char* name, const char* help, MetricType type) {
    MetricFamily& family = all_.emplace_back();
    family.name = std::string("cubby_aggregator_") + name;
    family.help = help;
    family.type = type;
    return family.metric.emplace_back();
  }
  void counter(const char* name, const char* help, std::uint64_t value) {
    add(name, help, MetricType::Counter).counter.value = static_cast<double>(value);
  }
  void gauge(const char* name, const char* help, double value) {
    add(name, help, MetricType::Gauge).gauge.value = value;
  }
  /// A further series of the newest family.
  ClientMetric& more() { return all_.back().metric.emplace_back(); }
  const std::vector<MetricFamily>& all() const { return all_; }

 private:
  std::vector<MetricFamily> all_;
};

// "REFUSE_CODE_BAD_PROOF" is bad_proof.
std::string code_name(v1::RefuseCode code) {
  constexpr std::size_t kPrefix = std::string_view("REFUSE_CODE_").size();
  std::string name = v1::RefuseCode_Name(code).substr(kPrefix);
  for (char& c : name) {
    c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  }
  return name;
}

void put_refusals(Families& families, const LiveStatus& status) {
  static_assert(v1::RefuseCode_MAX < static_cast<int>(LiveStatus::kRefuseCodes));
  bool first = true;
  for (int code = v1::RefuseCode_MIN + 1; code <= v1::RefuseCode_MAX; ++code) {
    if (!v1::RefuseCode_IsValid(code)) {
      continue;
    }
    ClientMetric& metric = std::exchange(first, false)
                               ? families.add("refusals_total", "Refusals sent to stations.", MetricType::Counter)
                               : families.more();
    metric.label = {{.name = "code", .value = code_name(static_cast<v1::RefuseCode>(code))}};
    metric.counter.value = static_cast<double>(status.refusals_by_code[static_cast<std::size_t>(code)].load());
  }
}

void put_standings(Families& families, const LiveStatus& status) {
  for (std::size_t i = 0; i < kStationStates; ++i) {
    ClientMetric& metric =
        i == 0 ? families.add("stations", "Stations by where they stand.", MetricType::Gauge) : families.more();
    metric.label = {{.name = "state", .value = std::string(to_text(static_cast<StationState>(i + 1)))}};
    metric.gauge.value = static_cast<double>(status.stations_by_state[i].load());
  }
  for (std::size_t i = 1; i < kQuarantineReasons; ++i) {
    ClientMetric& metric =
        i == 1 ? families.add("quarantines_total", "Stations that were quarantined.", MetricType::Counter)
               : families.more();
    metric.label = {{.name = "reason", .value = std::string(to_text(static_cast<QuarantineReason>(i)))}};
    metric.counter.value = static_cast<double>(status.quarantines[i].load());
  }
}

void put_commit_times(Families& families, const CommitTimes& times) {
  auto& histogram =
      families
          .add("commit_duration_seconds", "How long commits of the store take, fsync included.", MetricType::Histogram)
          .histogram;
  std::uint64_t so_far = 0;
  for (std::size_t i = 0; i < CommitTimes::kBoundsMs.size(); ++i) {
    so_far += times.count(i);
    histogram.bucket.push_back({.cumulative_count = so_far, .upper_bound = CommitTimes::kBoundsMs[i] / 1e3});
  }
  histogram.sample_count = so_far + times.count(CommitTimes::kBoundsMs.size());
  histogram.sample_sum = static_cast<double>(times.sum_us()) / 1e6;
}

void put_http(Families& families, const HttpCounters& http) {
  bool first = true;
  for (std::size_t digit = 2; digit <= 5; ++digit) {
    ClientMetric& metric =
        std::exchange(first, false)
            ? families.add("http_requests_total", "Answers of the HTTP interface.", MetricType::Counter)
            : families.more();
    metric.label = {{.name = "status", .value = std::to_string(digit) + "xx"}};
    metric.counter.value = static_cast<double>(http.requests_by_class[digit]);
  }
  families.gauge("event_streams", "Readers of the live log now.", static_cast<double>(http.streams));
  families.counter("event_streams_dropped_total",
                   "Readers of the live log that were dropped because they did not read.", http.slow_readers);
  families.counter("orders_sent_total", "Orders that were written to stations.", http.orders_sent);
  families.counter("orders_refused_total", "Orders that were not sent.", http.orders_refused);
  families.gauge("orders_stopped", "1 while no order goes out.", http.orders_stopped ? 1 : 0);
}

}  // namespace

std::string metrics_text(const LiveStatus& status, const HttpCounters& http) {
  Families families;
  families.gauge("start_time_seconds", "When the aggregator started, seconds since 1970.",
                 static_cast<double>(status.started_utc_ms) / 1e3);
  families.gauge("connections", "Connections of stations and concentrators now.",
                 static_cast<double>(status.connections));
  families.gauge("sessions", "Sessions of stations now.", static_cast<double>(status.sessions));
  families.counter("events_applied_total", "Events that were applied.", status.events);
  families.counter("batches_received_total", "Batches that stations sent.", status.batches);
  families.counter("batches_duplicate_total", "Batches that held nothing new.", status.duplicates);
  families.counter("gaps_booked_total", "Gaps that were booked.", status.gaps);
  families.counter("conflicts_total", "Batches that contradicted the log.", status.conflicts);
  families.counter("forgotten_acks_total",
                   "Stations that had been told of more than the store has: an old copy of it was put back.",
                   status.forgotten_acks);
  families.counter("pauses_total", "Stations over their budget that were told to pause.", status.pauses);
  put_refusals(families, status);
  put_standings(families, status);
  families.counter("commits_total", "Transactions that are durable.", status.commits);
  put_commit_times(families, status.commit_times);
  families.gauge("last_commit_timestamp_seconds", "When the newest commit was, seconds since 1970; 0: none yet.",
                 static_cast<double>(status.last_commit_utc_ms) / 1e3);
  families.gauge("store_up", "1 while the store commits.", status.store_ok ? 1 : 0);
  families.counter("store_errors_total", "Commits that failed.", status.store_errors);
  put_http(families, http);
  return prometheus::TextSerializer().Serialize(families.all());
}

}  // namespace cubby::aggregator
