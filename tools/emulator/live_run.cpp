#include "tools/emulator/live_run.h"

#include <spdlog/spdlog.h>

#include <boost/asio/io_context.hpp>
#include <chrono>
#include <utility>

#include "tools/emulator/control_server.h"
#include "tools/emulator/live_links.h"
#include "tools/emulator/live_log.h"
#include "tools/emulator/shard_exchange.h"
#include "tools/support/progress.h"

namespace cubby::tools {
namespace {

using Clock = std::chrono::steady_clock;
constexpr auto kWindow = std::chrono::milliseconds(20);
constexpr auto kSettlePatience = std::chrono::seconds(10);

class LiveRun {
 public:
  LiveRun(const RunOptions& options, emulator::Fleet& fleet, StateStore* state)
      : options_(options), fleet_(fleet), state_(state), now_us_(state != nullptr ? state->saved_us() : 0) {
    if (options.aggregator.has_value()) {
      links_ = std::make_unique<LiveLinks>(context_, fleet,
                                           LiveLinksOptions{.aggregator = *options.aggregator,
                                                            .credentials = options.credentials,
                                                            .opening_max = options.opening_max});
    } else {
      alone_ = std::make_unique<ShardExchange>(fleet, 0, fleet.station_count(), make_ack_centre());
    }
  }

  /// Takes the control port and begins the log. Returns one line for a person, or nothing.
  std::string open() {
    if (std::string error = log_.open(options_.live_log_file); !error.empty()) {
      return error;
    }
    if (!options_.control.has_value()) {
      return {};
    }
    control_ = std::make_unique<ControlServer>(context_, fleet_, options_.control_token);
    return control_->listen(*options_.control);
  }

  bool run(RunFigures& figures) {
    const auto begin = Clock::now();
    const std::int64_t begin_us = now_us_;
    const std::int64_t end_us = options_.days > 0 ? static_cast<std::int64_t>(options_.days * 86'400e6) : INT64_MAX;
    Progress progress("fleet", options_.days > 0 ? static_cast<double>(end_us - begin_us) : 0, "parcels");
    auto counted = begin;
    while (!stop_requested() && now_us_ < end_us) {
      context_.restart();
      context_.run_for(kWindow);
      const auto elapsed_us = std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - begin).count();
      if (!window(std::min(end_us, begin_us + elapsed_us * options_.speed))) {
        return false;
      }
      if (Clock::now() - counted > std::chrono::seconds(1)) {
        counted = Clock::now();
        progress.update(static_cast<double>(now_us_ - begin_us), fleet_.totals().of(emulator::Use::kDeposit));
      }
    }
    figures.complete = now_us_ >= end_us;
    figures.virtual_seconds = static_cast<double>(now_us_) / 1e6;
    settle(figures);
    if (links_) {
      tell_second();
      figures.links = totals_;
    }
    figures.wall_seconds = std::chrono::duration<double>(Clock::now() - begin).count();
    return true;
  }

 private:
  bool window(std::int64_t end_us) {
    const auto began = std::exchange(window_began_, Clock::now());
    fleet_.run_shard(0, Instant{end_us});
    now_us_ = end_us;
    if (state_ != nullptr && !save()) {
      spdlog::error("the state cannot be saved; stopping before anything else is reported");
      return false;
    }
    const std::uint64_t utc_ms = fleet_.start_utc_ms() + static_cast<std::uint64_t>(now_us_ / 1000);
    if (links_) {
      links_->exchange(utc_ms, began);
      if (window_began_ - second_began_ >= std::chrono::seconds(1)) {
        second_began_ = window_began_;
        tell_second();
      }
    } else {
      alone_->exchange(utc_ms);
    }
    if (control_) {
      control_->poll(utc_ms);
    }
    return true;
  }

  bool save() {
    std::vector<std::size_t> active;
    for (std::size_t i = 0; i < fleet_.station_count(); ++i) {
      if (fleet_.touched(i)) {
        active.push_back(i);
      }
    }
    return active.empty() || state_->save(fleet_, active, now_us_);
  }

  void tell_second() {
    const LinkFigures second = links_->take_figures();
    totals_.add(second);
    log_.write(std::chrono::duration<double>(Clock::now() - begin_).count(), second);
  }

  // The people stand still until everything is reported, so that what was done is at the centre. Not before the
  // controllers can have seen it: of a thousand doors one has always just been shut.
  void settle(RunFigures& figures) {
    for (std::size_t i = 0; i < fleet_.station_count(); ++i) {
      fleet_.station(i).freeze_people(true);
    }
    const auto begin = Clock::now();
    const std::int64_t begin_us = now_us_;
    do {
      context_.restart();
      context_.run_for(kWindow);
      const auto elapsed_us = std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - begin).count();
      if (!window(begin_us + elapsed_us * options_.speed)) {
        return;
      }
      figures.unsettled = 0;
      for (std::size_t i = 0; i < fleet_.station_count(); ++i) {
        figures.unsettled += fleet_.station(i).settled() ? 0 : 1;
      }
    } while ((figures.unsettled > 0 || now_us_ - begin_us < kSeenWithinS * 1'000'000) &&
             Clock::now() - begin < kSettlePatience);
  }

  const RunOptions& options_;
  emulator::Fleet& fleet_;
  StateStore* state_;
  boost::asio::io_context context_{1};
  std::unique_ptr<LiveLinks> links_;
  std::unique_ptr<ShardExchange> alone_;
  std::unique_ptr<ControlServer> control_;
  LiveLog log_;
  LinkTotals totals_;
  std::int64_t now_us_ = 0;
  const Clock::time_point begin_ = Clock::now();
  Clock::time_point window_began_ = begin_;  // What the next window runs is what has happened since.
  Clock::time_point second_began_ = begin_;
};

}  // namespace

bool run_live(const RunOptions& options, emulator::Fleet& fleet, StateStore* state, RunFigures& figures,
              std::string& error) {
  LiveRun run(options, fleet, state);
  error = run.open();
  if (!error.empty()) {
    return false;
  }
  const double cpu_begin = process_cpu_seconds();
  const bool good = run.run(figures);
  figures.cpu_seconds = process_cpu_seconds() - cpu_begin;
  return good;
}

}  // namespace cubby::tools
