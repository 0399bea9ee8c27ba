#include "firmware/ports/posix/controller_loop.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <cstdlib>
#include <ctime>

#include "firmware/core/board_settings.h"

namespace cubby::posix {
namespace {

constexpr std::string_view kFirmwareVersion = "cubby 0.1.0";

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string() : std::string(value);
}

}  // namespace

ControllerLoop::ControllerLoop(const ControllerConfig& config, const Keys& keys, SystemCalls& calls, FileFlash& flash)
    : config_(config),
      calls_(calls),
      flash_(flash),
      run_file_(config.port.run_file),
      manager_(time_, environment("NOTIFY_SOCKET"), environment("WATCHDOG_USEC")),
      clock_(time_, config.port.trust_clock),
      power_(time_, config.port.power_status_file, run_file_.last_end()),
      keys_(keys.station, keys.pass),
      bus_(calls, config.port.bus, core::byte_time_us(config.port.bus_baud)),
      link_(calls, time_, clock_, config.port.aggregator, config.port.tls, config.station.station) {
  if (config.port.panel.has_value()) {
    line_panel_ = std::make_unique<LinePanel>(calls_, *config.port.panel);
  }
}

hal::FrontPanel& ControllerLoop::panel() {
  return line_panel_ == nullptr ? static_cast<hal::FrontPanel&>(no_panel_) : *line_panel_;
}

bool ControllerLoop::boot() {
  controller_ = std::make_unique<app::Assembly>(hal::Hardware{.bus = bus_,
                                                              .flash = flash_,
                                                              .clock = clock_,
                                                              .power = power_,
                                                              .link = link_,
                                                              .panel = panel(),
                                                              .keys = keys_,
                                                              .random = random_,
                                                              .watchdog = manager_,
                                                              .trace = &log_},
                                                app::AssemblyOptions{.config = config_.encoded,
                                                                     .firmware_version = kFirmwareVersion,
                                                                     .announce_new_journal = config_.port.new_journal,
                                                                     .tick_lateness = kTickLateness,
                                                                     .boot_wait_max = {}});
  const Status status = controller_->boot(time_.now());
  if (status == Status::kBadInput) {
    spdlog::error("the firmware refuses this configuration: {}", to_string(status));
    return false;
  }
  if (status != Status::kOk) {
    spdlog::error("out of service: the journal cannot be used ({}); doors stay locked", to_string(status));
  }
  return true;
}

ControllerLoop::End ControllerLoop::run(int stop) {
  if (!boot()) {
    return End::kRefused;
  }
  run_file_.note_running();
  manager_.ready(controller_->controller().running() ? "serving" : "out of service");
  const Instant begun = time_.now();
  while (!wait(turn(), stop)) {
    const bool serving = controller_->controller().running();
    if (serving ? flash_.failed() : time_.now() - begun > kSafeModeFor) {
      spdlog::error("the journal {} cannot be {}; ending, so that it is tried afresh", config_.port.journal_file,
                    serving ? "written" : "used");
      return End::kJournalFailed;
    }
  }
  manager_.stopping();
  finish();
  run_file_.note_stopped();
  return End::kStopped;
}

/// An unlock that is on its way gets its answer: otherwise nobody would know what became of it.
void ControllerLoop::finish() {
  const Instant until = time_.now() + kFinishWithin;
  while (controller_->controller().running() && !controller_->controller().doors().can_unlock() &&
         time_.now() < until) {
    (void)wait(std::min(turn(), until), -1);
  }
}

/// Does all that is due; returns when there is more.
Instant ControllerLoop::turn() {
  const Instant now = time_.now();
  bus_.line().service(now);
  if (line_panel_ != nullptr) {
    line_panel_->service(now);
  }
  link_.service();
  Instant until = std::min(controller_->tick(now).earliest(), now + kWaitMost);
  until = std::min({until, bus_.line().deadline(), link_.deadline()});
  return line_panel_ == nullptr ? until : std::min(until, line_panel_->line().deadline());
}

bool ControllerLoop::wait(Instant until, int stop) {
  waits_.clear();
  waits_.push_back({.fd = stop, .events = POLLIN, .revents = 0});
  bus_.line().watch(waits_);
  link_.watch(waits_);
  if (line_panel_ != nullptr) {
    line_panel_->line().watch(waits_);
  }
  const std::int64_t left_us = std::max<std::int64_t>(0, (until - time_.now()).us);
  const timespec timeout{.tv_sec = left_us / 1'000'000, .tv_nsec = left_us % 1'000'000 * 1'000};
  return ppoll(waits_.data(), waits_.size(), &timeout, nullptr) > 0 && waits_.front().revents != 0;
}

}  // namespace cubby::posix
