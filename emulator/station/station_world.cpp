#include "emulator/station/station_world.h"

#include <algorithm>

#include "emulator/hardware/modbus_segment.h"
#include "emulator/people/demand.h"
#include "emulator/people/notices.h"
#include "emulator/people/outages.h"
#include "firmware/wire/codec/event_codec.h"
#include "firmware/wire/framing/frame.h"

namespace cubby::emulator {
namespace {

constexpr hal::FlashGeometry kFlash{};
constexpr std::uint8_t kNoDoor = 0xFF;

std::uint64_t run_seed(const StationSetup& setup) {
  return Prng(setup.seed).child("random", setup.run_id).next();
}

CodeSource code_of(const cubby_v1_CodeReissued& body) {
  return {.counter = body.code_counter,
          .key_version = body.has_key_version ? body.key_version : std::uint16_t{1},
          .digits = body.has_code_digits ? body.code_digits : std::uint8_t{limits::kCodeDigits}};
}

}  // namespace

StationWorld::StationWorld(const Profile& profile, StationSetup setup, RoomMeter& meter)
    : setup_(std::move(setup)),
      profile_(profile),
      meter_(meter),
      faults_(Prng(setup_.seed).child("faults")),
      doors_prng_(Prng(setup_.seed).child("doors")),
      doors_(setup_.compartments),
      flash_(kFlash, Prng(setup_.seed).child("flash").next()),
      clock_(now_, setup_.start_utc_ms),
      panel_(hash_, now_),
      keys_(setup_.station_keys, setup_.people.pass_key),
      random_(Prng(run_seed(setup_))),
      people_(*this, profile, setup_.people, keys_, Prng(setup_.seed).child("people")) {
  connect_boards();
  connect_doors();
  panel_.set_reader(people_);
  segment_->set_meter(&meter_);
  flash_.set_meter(&meter_);
  pipe_.set_meter(&meter_);
}

// All P5 on a good line go the short way.
void StationWorld::connect_boards() {
  const bool all_p5 = std::all_of(setup_.boards.begin(), setup_.boards.end(),
                                  [](const BoardProfile& board) { return board.family == BoardFamily::kP5; });
  const bool quiet =
      std::all_of(kNoiseKinds.begin(), kNoiseKinds.end(), [&](NoiseKind kind) { return setup_.bus_noise[kind] == 0; });
  BoardWiring& wiring = *this;
  if (all_p5 && quiet) {
    auto segment = std::make_unique<ModbusSegment>(hash_, wiring);
    for (const BoardProfile& board : setup_.boards) {
      segment->add_board(board.address);
    }
    segment_ = std::move(segment);
    return;
  }
  SerialLineOptions options;
  options.seed = Prng(setup_.seed).child("line").next();
  options.noise = setup_.bus_noise;
  options.keeps_bursts = false;
  auto segment = std::make_unique<LineSegment>(hash_, wiring, options);
  for (const BoardProfile& board : setup_.boards) {
    segment->add_board(board);
  }
  line_ = segment.get();
  segment_ = std::move(segment);
}

void StationWorld::connect_doors() {
  door_at_.assign(setup_.boards.size() * kInputsMax, kNoDoor);
  for (std::size_t i = 0; i < setup_.compartments; ++i) {
    door_at_[setup_.door_board[i] * kInputsMax + setup_.door_channel[i]] = static_cast<std::uint8_t>(i);
  }
  levels_.resize(setup_.boards.size());
  note_levels();
  if (setup_.item_board.empty()) {
    return;
  }
  item_at_.assign(door_at_.size(), kNoDoor);
  for (std::size_t i = 0; i < setup_.compartments; ++i) {
    if (setup_.item_channel[i] != StationSetup::kNoInput) {
      item_at_[setup_.item_board[i] * kInputsMax + setup_.item_channel[i]] = static_cast<std::uint8_t>(i);
    }
  }
}

void StationWorld::note_level(std::uint8_t board, std::uint8_t channel, bool level, Instant steady_from) {
  Levels& levels = levels_[board];
  const std::uint64_t bit = std::uint64_t{1} << channel;
  levels.ones = level ? levels.ones | bit : levels.ones & ~bit;
  levels.steady_from = std::max(levels.steady_from, steady_from);
}

void StationWorld::note_levels() {
  for (std::size_t i = 0; i < doors_.size(); ++i) {
    const Door& door = doors_[i];
    note_level(setup_.door_board[i], setup_.door_channel[i], door.shut, std::max(door.moved_at, door.bounce_until));
    if (!setup_.item_board.empty() && setup_.item_channel[i] != StationSetup::kNoInput) {
      note_level(setup_.item_board[i], setup_.item_channel[i], door.item_seen(), door.item_moved_at);
    }
  }
}

void StationWorld::schedule(Instant at, std::uint8_t kind, std::uint8_t door, std::uint64_t argument) {
  if (frozen_) {
    frozen_timers_.push_back({.at = at, .order = 0, .kind = kind, .door = door, .alarm = 0, .argument = argument});
    return;
  }
  queue_.schedule(at, kind, door, argument);
}

void StationWorld::set_alarm(Instant at, std::uint8_t kind, std::uint64_t argument) {
  if (frozen_) {
    frozen_timers_.push_back({.at = at, .order = 0, .kind = kind, .door = 0, .alarm = 1, .argument = argument});
    return;
  }
  queue_.set_alarm(at, kind, argument);
}

void StationWorld::freeze_people(bool frozen) {
  if (frozen == frozen_) {
    return;
  }
  frozen_ = frozen;
  if (!frozen) {
    for (const WorldEvent& timer : frozen_timers_) {
      const Instant at = std::max(timer.at, now_);
      if (timer.alarm != 0) {
        queue_.set_alarm(at, timer.kind, timer.argument);
      } else {
        queue_.schedule(at, timer.kind, timer.door, timer.argument);
      }
    }
    frozen_timers_.clear();
    return;
  }
  std::vector<WorldEvent> going_on;
  std::vector<WorldEvent> events = queue_.events();
  std::sort(events.begin(), events.end(), [](const WorldEvent& a, const WorldEvent& b) { return a.order < b.order; });
  for (const WorldEvent& event : events) {
    const bool person = event.kind <= kPeopleTimers || event.kind == static_cast<std::uint8_t>(Timer::kInjection);
    (person ? frozen_timers_ : going_on).push_back(event);
  }
  queue_.restore(going_on, queue_.next_order());
}

bool StationWorld::settled() const {
  if (!powered_) {
    return false;
  }
  return setup_.remote != nullptr ? setup_.remote->settled() : controller_->controller().settled();
}

void StationWorld::press(char key) {
  if (powered_) {
    panel_.press(key);
    tick_now_ = true;
  }
}

void StationWorld::scan(std::string_view text) {
  if (powered_) {
    panel_.scan(text);
    tick_now_ = true;
  }
}

// The switch changes now and chatters for a moment; the board's next replies have news.
void StationWorld::move_door(std::uint8_t door, bool shut) {
  segment_->advance(now_);
  Door& it = doors_[door];
  it.shut = shut;
  it.moved_at = now_;
  it.bounce_until =
      now_ + Duration::milliseconds(kBounceMinMs + static_cast<std::int64_t>(doors_prng_.below(kBounceSpanMs)));
  note_level(setup_.door_board[door], setup_.door_channel[door], shut, it.bounce_until);
  segment_->note_change(setup_.door_board[door], it.bounce_until);
  hash_.add(TraceKind::kDoorEdge, now_, std::uint64_t{door} << 1 | (shut ? 1U : 0U));
}

void StationWorld::shut(std::uint8_t door) {
  if (!doors_[door].shut) {
    move_door(door, true);
  }
}

// Somebody with a lever. What is inside stays there.
void StationWorld::force(std::uint8_t door, Duration open_for) {
  if (doors_[door].shut) {
    move_door(door, false);
    queue_.schedule(now_ + open_for, static_cast<std::uint8_t>(Timer::kForcedDoorShut), door);
  }
}

void StationWorld::item_moved(std::uint8_t door, bool inside) {
  change_item(door, inside, doors_[door].item_fault);
}

void StationWorld::break_item_sensor(std::uint8_t door, ItemFault fault) {
  change_item(door, doors_[door].inside, fault);
}

// A sensor that may say something else is news, as a switch is.
void StationWorld::change_item(std::uint8_t door, bool inside, ItemFault fault) {
  segment_->advance(now_);
  Door& it = doors_[door];
  const bool said = it.item_seen();
  it.inside = inside;
  it.item_fault = fault;
  if (it.item_seen() != said) {
    it.item_moved_at = now_;
  }
  if (!item_at_.empty() && setup_.item_channel[door] != StationSetup::kNoInput) {
    note_level(setup_.item_board[door], setup_.item_channel[door], it.item_seen(), it.item_moved_at);
    segment_->note_change(setup_.item_board[door], now_);
  }
}

bool StationWorld::input(std::uint8_t board, std::uint8_t channel, Instant at) {
  const std::size_t place = board * kInputsMax + channel;
  if (const std::uint8_t door = door_at_[place]; door != kNoDoor) {
    return doors_[door].switch_shut(at);
  }
  return !item_at_.empty() && item_at_[place] != kNoDoor && doors_[item_at_[place]].item_seen(at);
}

std::uint64_t StationWorld::inputs(std::uint8_t board, std::uint8_t channels, Instant at) {
  const Levels& levels = levels_[board];
  if (at < levels.steady_from) {
    return BoardWiring::inputs(board, channels, at);
  }
  return channels < 64 ? levels.ones & ((std::uint64_t{1} << channels) - 1) : levels.ones;
}

void StationWorld::coil_on(std::uint8_t board, std::uint8_t channel, Instant from, Duration length) {
  const std::uint8_t door = door_at_[board * kInputsMax + channel];
  const auto delay =
      Duration::milliseconds(kLatchDelayMinMs + static_cast<std::int64_t>(doors_prng_.below(kLatchDelaySpanMs)));
  const std::uint64_t utc_ms = setup_.start_utc_ms + static_cast<std::uint64_t>(now_.ms());
  const bool fails = doors_prng_.chance(failed_open_per_million(profile_, utc_ms));
  if (door == kNoDoor || fails || (length.us != 0 && length < delay)) {
    return;  // Nothing wired to it, the bolt sticks this time, or the pulse is over before it lets go.
  }
  queue_.schedule(from + delay, static_cast<std::uint8_t>(Timer::kLatchReleases), door);
}

void StationWorld::on_event(std::uint64_t seq, Bytes payload) {
  if (seq == heard_seq_) {
    return;  // A boot tells the newest again.
  }
  heard_seq_ = seq;
  ++counts_.events;
  hash_.add(TraceKind::kEvent, now_, seq);
  hash_.add(TraceKind::kEvent, now_, payload);
  const RoomScope scope(&meter_, Room::kPeople);
  Bytes bytes;
  const std::uint32_t body = wire::body_of(payload, bytes);
  if (body == cubby_v1_Event_deposited_tag) {
    if (const auto deposited = read_deposited(bytes); deposited.has_value()) {
      people_.on_deposited(seq, deposited->code, deposited->compartment, deposited->parcel);
    }
    return;
  }
  cubby_v1_Event event;
  if (body == cubby_v1_Event_code_reissued_tag && wire::decode_event(payload, event) == Status::kOk) {
    const cubby_v1_CodeReissued& reissued = event.body.code_reissued;
    people_.on_reissued(seq, code_of(reissued), reissued.compartment);
  }
}

void StationWorld::on_compartment(std::uint8_t number, std::uint8_t from, std::uint8_t to) {
  hash_.add(TraceKind::kEvent, now_, std::uint64_t{number} << 16 | std::uint64_t{from} << 8 | to);
}

void StationWorld::on_uplink(std::uint8_t, std::uint8_t) {}  // When the centre answers is no part of the world.

void StationWorld::schedule_outage() {
  if (profile_.network_up_per_million < 1'000'000) {
    queue_.schedule(now_ + draw_network_up(faults_, profile_), static_cast<std::uint8_t>(Timer::kLinkDown), 1);
  }
}

void StationWorld::schedule_mains_loss() {
  if (profile_.mains_losses_per_year > 0) {
    queue_.schedule(now_ + draw_mains_up(faults_, profile_), static_cast<std::uint8_t>(Timer::kMainsLost));
  }
}

void StationWorld::schedule_board_silence() {
  if (profile_.board_silences_per_year > 0) {
    Prng dice = faults_.child("boards answer", static_cast<std::uint64_t>(now_.us));
    queue_.schedule(now_ + draw_boards_answer(dice, profile_), static_cast<std::uint8_t>(Timer::kBoardFallsSilent));
  }
}

void StationWorld::silence_a_board() {
  Prng dice = faults_.child("board silent", static_cast<std::uint64_t>(now_.us));
  const auto board = static_cast<std::uint8_t>(dice.below(setup_.boards.size()));
  segment_->silence(board, now_, now_ + draw_board_silence(dice, profile_));
  schedule_board_silence();
}

void StationWorld::lose_mains() {
  const Duration off = draw_mains_loss(faults_, profile_);
  const Duration battery = battery_life(profile_);
  if (off > battery) {
    queue_.schedule(now_ + battery, static_cast<std::uint8_t>(Timer::kPowerOff));
    queue_.schedule(now_ + off, static_cast<std::uint8_t>(Timer::kPowerOn));
  }
  queue_.schedule(now_ + off, static_cast<std::uint8_t>(Timer::kMainsBack));
  supply_.set(hal::Supply::kOnBattery);
}

void StationWorld::handle(const WorldEvent& event) {
  if (event.kind <= kPeopleTimers) {
    const RoomScope scope(&meter_, Room::kPeople);
    people_.on_timer(static_cast<PeopleTimer>(event.kind), event.door, event.argument);
    return;
  }
  switch (static_cast<Timer>(event.kind)) {
    case Timer::kLatchReleases:
      if (doors_[event.door].shut && now_ >= doors_[event.door].jam_until) {
        move_door(event.door, false);
        people_.on_door_opened(event.door);
      }
      return;
    case Timer::kLinkDown:
      ++link_down_count_;
      pipe_.set_reachable(false);
      tick_now_ = powered_;
      if (event.door == 1) {  // One of the network's own outages, not an injected one.
        queue_.schedule(now_ + draw_network_outage(faults_, profile_), static_cast<std::uint8_t>(Timer::kLinkUp), 1);
      }
      return;
    case Timer::kLinkUp:
      --link_down_count_;
      pipe_.set_reachable(link_down_count_ == 0);
      if (event.door == 1) {
        schedule_outage();
      }
      return;
    case Timer::kMainsLost:
      lose_mains();
      return;
    case Timer::kMainsBack:
      supply_.set(hal::Supply::kMains);
      schedule_mains_loss();
      return;
    case Timer::kPowerOff:
      power_off();
      return;
    case Timer::kPowerOn:
      power_on();
      return;
    case Timer::kBoardFallsSilent:
      silence_a_board();
      return;
    case Timer::kForcedDoorShut:
      shut(event.door);
      return;
    case Timer::kItemSensorMended:
      break_item_sensor(event.door, ItemFault::kNone);
      return;
    case Timer::kInjection:
      start_planned(event.argument);
      return;
  }
}

void StationWorld::connected() {
  pipe_.connected();
  tick_now_ = powered_;
}

void StationWorld::refused() {
  pipe_.refused();
  tick_now_ = powered_;
}

void StationWorld::disconnected() {
  pipe_.disconnected();
  tick_now_ = powered_;
}

// The notifier hears of a delivery when its acknowledgement passes.
void StationWorld::notice_acks(Bytes bytes) {
  const RoomScope scope(&meter_, Room::kWire);
  for (;;) {
    const wire::FrameParse parse = wire::parse_frame(bytes, limits::kFrameDownMax);
    if (parse.kind != wire::FrameParse::Kind::kFrame) {
      return;
    }
    if (const auto seq = read_ack(parse.frame.message); seq.has_value()) {
      people_.on_delivered(*seq);
    }
    bytes = bytes.subspan(parse.consumed);
  }
}

void StationWorld::deliver(Bytes bytes) {
  if (!pipe_.is_up()) {
    return;
  }
  pipe_.deliver(bytes);
  tick_now_ = powered_;
  notice_acks(bytes);
}

namespace {

template <typename Combine>
void combine_counters(StationCounters& into, const StationCounters& other, Combine combine) {
  for (std::size_t use = 0; use < into.uses.size(); ++use) {
    combine(into.uses[use], other.uses[use]);
  }
  for (std::uint64_t StationCounters::*count :
       {&StationCounters::turned_away, &StationCounters::wrong_codes, &StationCounters::events,
        &StationCounters::bus_frames, &StationCounters::bus_idle_frames, &StationCounters::flash_operations,
        &StationCounters::flash_bytes, &StationCounters::frames_up, &StationCounters::boots, &StationCounters::ticks}) {
    combine(into.*count, other.*count);
  }
}

}  // namespace

StationCounters& StationCounters::operator+=(const StationCounters& other) {
  combine_counters(*this, other, [](std::uint64_t& a, std::uint64_t b) { a += b; });
  return *this;
}

StationCounters& StationCounters::operator-=(const StationCounters& other) {
  combine_counters(*this, other, [](std::uint64_t& a, std::uint64_t b) { a -= b; });
  return *this;
}

StationCounters StationWorld::counters() const {
  StationCounters counters = counts_;
  for (const LedgerRow& row : people_.ledger()) {
    for (std::size_t use = 0; use < counters.uses.size(); ++use) {
      counters.uses[use] += row.observable[use];
    }
  }
  counters.turned_away = people_.counters().turned_away;
  counters.wrong_codes = people_.counters().wrong_codes;
  counters.bus_frames = segment_->frames();
  counters.bus_idle_frames = segment_->idle_frames();
  counters.flash_operations = flash_.counters().operations();
  counters.flash_bytes = flash_.counters().bytes_programmed;
  counters.frames_up = pipe_.frames_up();
  return counters;
}

void StationWorld::cut_at_flash_operation(std::uint64_t operations, TearMode mode, Duration off) {
  flash_cut_off_ = off;
  flash_.cut_after(operations, mode);
}

}  // namespace cubby::emulator
