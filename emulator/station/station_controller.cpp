// The controller within its world: its supply, its ticks, and when there is something to do.
#include <algorithm>
#include <bit>

#include "emulator/station/station_world.h"

namespace cubby::emulator {
namespace {

constexpr std::string_view kFirmwareVersion = "cubby 0.1.0";

}  // namespace

hal::Hardware StationWorld::hardware() {
  return {.bus = *segment_,
          .flash = flash_,
          .clock = clock_,
          .power = supply_,
          .link = pipe_,
          .panel = panel_,
          .keys = keys_,
          .random = random_,
          .watchdog = watchdog_,
          .trace = this};
}

app::AssemblyOptions StationWorld::assembly_options() const {
  return {.config = setup_.config,
          .firmware_version = kFirmwareVersion,
          .announce_new_journal = setup_.announce_new_journal};
}

void StationWorld::start_controller() {
  controller_.emplace(hardware(), assembly_options());
  powered_ = true;
}

void StationWorld::power_on() {
  if (powered_) {
    return;
  }
  ++counts_.boots;
  hash_.add(TraceKind::kPower, now_, 1);
  boot_ = now_;
  flash_.power_on();
  segment_->attach(boot_);
  tick_now_ = true;
  const RoomScope scope(&meter_, Room::kCore);
  if (setup_.remote != nullptr) {
    powered_ = true;
    // One that dies at a cut, or is lost, says so again at the first tick.
    (void)setup_.remote->boot(
        {.hardware = hardware(), .segment = *segment_, .flash = flash_, .pipe = pipe_, .panel = panel_},
        assembly_options());
    return;
  }
  start_controller();
  (void)controller_->boot(Instant{});  // Any error: safe mode.
}

void StationWorld::power_off() {
  if (!powered_) {
    return;
  }
  hash_.add(TraceKind::kPower, now_, 0);
  powered_ = false;
  if (setup_.remote != nullptr) {
    setup_.remote->power_off();
  }
  controller_.reset();
  segment_->power_cycle(now_);
  pipe_.power_cycle();
  panel_.power_cycle();
  wake_ = {};
  tick_now_ = false;
  people_.on_power_cut();
}

// One that died or was lost does nothing any more; whoever runs the world asks RemoteController::lost().
Wake StationWorld::tick_remote(Instant now) {
  const Result<Wake> wake = setup_.remote->tick(now);
  return wake.ok() ? wake.value() : Wake{};
}

void StationWorld::forget_news() {
  if (setup_.remote != nullptr) {
    line_->forget_news(now_,
                       [&](std::size_t board, std::uint64_t inputs) { return setup_.remote->knows(board, inputs); });
    return;
  }
  const drivers::DoorBank& doors = controller_->controller().doors();
  line_->forget_news(
      now_, [&](std::size_t board, std::uint64_t inputs) { return doors.started() && doors.knows(board, inputs); });
}

void StationWorld::tick() {
  const RoomScope scope(&meter_, Room::kCore);
  ++counts_.ticks;
  tick_now_ = false;
  const Instant now{now_.us - boot_.us};
  const Wake wake = setup_.remote != nullptr ? tick_remote(now) : controller_->tick(now);
  const auto to_world = [&](Instant at) { return at == Instant::max() ? at : Instant{at.us + boot_.us}; };
  wake_.deadline = to_world(wake.deadline);
  wake_.idle_poll = to_world(wake.idle_poll);
  if (setup_.pings && setup_.remote == nullptr) {
    wake_.need(to_world(controller_->controller().uplink().ping_due()));
  }
  poll_for_ = 0;
  if (line_ != nullptr) {
    forget_news();
  }
  if (flash_.is_cut()) {
    power_off();
    queue_.schedule(now_ + flash_cut_off_, static_cast<std::uint8_t>(Timer::kPowerOn));
  }
}

Instant StationWorld::next_activity() const {
  if (!started_ || tick_now_) {
    return now_;
  }
  Instant next = std::min(queue_.next_time(), segment_->next_call());
  if (powered_) {
    next = std::min({next, wake_.deadline, next_poll()});
  }
  return next;
}

Instant StationWorld::poll_of(std::size_t board, Instant from) const {
  if (setup_.remote != nullptr) {
    return setup_.remote->idle_poll_of(board, from);
  }
  const drivers::DoorBank& doors = controller_->controller().doors();
  return doors.started() ? doors.idle_poll_of(board, from) : Instant::max();
}

// Of the idle polls only one of a board that has news can read anything; the controller says when that is.
Instant StationWorld::next_poll() const {
  if (!setup_.skip_idle_polls || wake_.idle_poll == Instant::max()) {
    return wake_.idle_poll;
  }
  if (segment_->news() == 0) {
    return Instant::max();
  }
  if (poll_for_ != segment_->news()) {
    poll_for_ = segment_->news();
    poll_at_ = Instant::max();
    const Instant from{std::max(now_, wake_.idle_poll).us - boot_.us};
    for (std::uint32_t left = poll_for_; left != 0; left &= left - 1) {
      const Instant at = poll_of(static_cast<std::size_t>(std::countr_zero(left)), from);
      poll_at_ = std::min(poll_at_, at == Instant::max() ? at : Instant{at.us + boot_.us});
    }
  }
  return poll_at_;
}

void StationWorld::run_until(Instant end) {
  const RoomScope scope(&meter_, Room::kWorld);
  if (!started_) {
    started_ = true;
    people_.start();
    schedule_outage();
    schedule_mains_loss();
    schedule_board_silence();
    power_on();
  }
  for (;;) {
    const Instant next = std::max(now_, next_activity());
    if (next > end) {
      break;
    }
    now_ = next;
    if (segment_->next_call() <= now_) {
      segment_->advance(now_);
      tick_now_ = tick_now_ || (powered_ && segment_->has_arrived(now_));
    }
    while (queue_.next_time() <= now_) {
      handle(queue_.pop());
    }
    if (!powered_) {
      continue;
    }
    if (tick_now_ || wake_.deadline <= now_ || next_poll() <= now_) {
      tick();
    }
  }
  now_ = std::max(now_, end);
}

}  // namespace cubby::emulator
