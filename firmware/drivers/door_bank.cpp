#include "firmware/drivers/door_bank.h"

#include <algorithm>
#include <bit>

#include "firmware/base/assert.h"

namespace cubby::drivers {
namespace {

constexpr std::size_t kNoBoard = limits::kBoardsMax;
static_assert(limits::kBoardsMax <= 32, "events are kept as a bit a board");
static_assert(limits::kWatchEvery >= 2, "the round goes on beside the watched door");

/// Silence of 3.5 characters of 11 bits after a frame; above 19200 baud Modbus fixes it at 1.75 ms.
Duration frame_silence(std::int64_t byte_time_us) {
  constexpr std::int64_t kFastByteUs = 521;
  return Duration{byte_time_us < kFastByteUs ? 1'750 : byte_time_us * 77 / 20};
}

std::size_t input_count(const BoardSettings& board) {
  return lock_board(board.family).input_count(board);
}

bool bit(const DoorBits& bits, std::size_t index) {
  return (bits[index / 64] >> (index % 64) & 1) != 0;
}
void set_bit(DoorBits& bits, std::size_t index, bool value) {
  const auto mask = std::uint64_t{1} << (index % 64);
  bits[index / 64] = value ? bits[index / 64] | mask : bits[index / 64] & ~mask;
}

/// Number of the first compartment in `bits`, which leaves them; 0: there is none.
std::uint8_t take_first(DoorBits& bits) {
  for (std::size_t word = 0; word < bits.size(); ++word) {
    if (bits[word] != 0) {
      const auto index = word * 64 + static_cast<std::size_t>(std::countr_zero(bits[word]));
      bits[word] &= bits[word] - 1;
      return static_cast<std::uint8_t>(index + 1);
    }
  }
  return 0;
}

}  // namespace

Duration DoorBank::slot_for(std::span<const BoardSettings> boards, std::int64_t byte_time_us) {
  std::int64_t slots = 1;
  for (const auto& board : boards) {
    std::array<std::byte, limits::kBusFrameMax> frame;
    const auto& family = lock_board(board.family);
    const auto size = family.encode(board, {.kind = Request::Kind::kRead}, frame);
    const auto needs = Duration{byte_time_us * static_cast<std::int64_t>(size)} +
                       family.patience(board, Request::Kind::kRead, byte_time_us) + frame_silence(byte_time_us);
    slots = std::max(slots, (needs.us + limits::kBusSlot.us - 1) / limits::kBusSlot.us);
  }
  return limits::kBusSlot * slots;
}

Duration DoorBank::round_for(std::span<const BoardSettings> boards, std::int64_t byte_time_us) {
  const auto slots = slot_for(boards, byte_time_us) * (static_cast<std::int64_t>(boards.size()) * limits::kWatchEvery);
  return {slots.us / (limits::kWatchEvery - 1)};
}

void DoorBank::configure(std::span<const BoardSettings> boards, std::span<const DoorPlace> doors,
                         const Options& options) {
  CUBBY_ASSERT(phase_ == Phase::kStopped);
  CUBBY_ASSERT(!boards.empty() && boards.size() <= limits::kBoardsMax && doors.size() <= limits::kCompartmentsMax);
  options_ = options;
  board_count_ = boards.size();
  door_count_ = doors.size();
  for (std::size_t i = 0; i < boards.size(); ++i) {
    CUBBY_ASSERT(boards[i].channels >= 1 && boards[i].channels <= limits::kBoardChannelsMax);
    std::array<std::byte, limits::kBusFrameMax> frame;
    boards_[i] = boards[i];
    states_[i] = {};
    states_[i].off_done = lock_board(boards[i].family).encode(boards[i], {.kind = Request::Kind::kAllOff}, frame) == 0;
  }
  exchange_.expect_echo(options.echo);
  slot_ = slot_for(boards, bus_.byte_time_us());
  for (std::size_t i = 0; i < doors.size(); ++i) {
    CUBBY_ASSERT(doors[i].board < boards.size() && doors[i].channel < boards[doors[i].board].channels);
    doors_[i] = doors[i];
    states_[doors[i].board].mask |= std::uint64_t{1} << doors[i].channel;
    states_[doors[i].board].take_door(i);
    if (doors[i].item_channel != kNoInput) {
      CUBBY_ASSERT(doors[i].item_board < boards.size() &&
                   doors[i].item_channel < input_count(boards[doors[i].item_board]));
      states_[doors[i].item_board].items |= std::uint64_t{1} << doors[i].item_channel;
      states_[doors[i].item_board].take_door(i);
    }
  }
}

void DoorBank::start(Instant now) {
  CUBBY_ASSERT(phase_ == Phase::kStopped && board_count_ > 0);
  phase_ = Phase::kStarting;
  quiet_until_ = now + frame_silence(bus_.byte_time_us());
}

Status DoorBank::unlock(std::uint8_t compartment, Instant now) {
  CUBBY_ASSERT(compartment >= 1 && compartment <= door_count_);
  if (!can_unlock()) {
    return Status::kBusy;
  }
  unlock_ = {.compartment = compartment, .sent = false, .from_slot = slot_of(now) + 1};
  return Status::kOk;
}

bool DoorBank::cancel_unlock() {
  if (!unlock_waiting()) {
    return false;
  }
  unlock_ = {};
  return true;
}

void DoorBank::expect_movement(std::uint8_t compartment) {
  CUBBY_ASSERT(compartment <= door_count_);
  moving_ = compartment;
}

void DoorBank::request_reading(std::uint8_t compartment, Instant now) {
  CUBBY_ASSERT(compartment >= 1 && compartment <= door_count_);
  const auto board = doors_[compartment - 1U].board;
  if (!states_[board].silent) {
    want(board, readings_wanted_, compartment, now);
  }
}

bool DoorBank::request_item(std::uint8_t compartment, Instant now) {
  CUBBY_ASSERT(compartment >= 1 && compartment <= door_count_);
  const auto& place = doors_[compartment - 1U];
  if (place.item_channel == kNoInput || states_[place.item_board].silent) {
    return false;
  }
  set_bit(fresh_items_, compartment - 1U, false);  // An answer to an earlier request is none to this one.
  want(place.item_board, items_wanted_, compartment, now);
  return true;
}

void DoorBank::want(std::size_t board, DoorBits& wanted, std::uint8_t compartment, Instant now) {
  set_bit(wanted, compartment - 1U, true);
  states_[board].wanted = true;
  states_[board].fresh_left = 2;  // Who asked before has two later ones, too.
  set_due(board, slot_of(now) + 1);
}

DoorState DoorBank::state(std::uint8_t compartment) const {
  CUBBY_ASSERT(compartment >= 1 && compartment <= door_count_);
  if (bit(shut_, compartment - 1U)) {
    return DoorState::kShut;
  }
  return bit(open_, compartment - 1U) ? DoorState::kOpen : DoorState::kUnknown;
}

ItemState DoorBank::item(std::uint8_t compartment) const {
  CUBBY_ASSERT(compartment >= 1 && compartment <= door_count_);
  if (bit(present_, compartment - 1U)) {
    return ItemState::kPresent;
  }
  return bit(empty_, compartment - 1U) ? ItemState::kEmpty : ItemState::kUnknown;
}

void DoorBank::tick(Instant now) {
  if (phase_ == Phase::kStopped) {
    return;
  }
  if (running_ != Request::Kind::kNone) {
    const auto outcome = exchange_.tick(now);
    if (outcome == Exchange::kWaiting) {
      return;
    }
    finish(outcome, now);
  }
  if (phase_ == Phase::kStarting) {
    run_start(now);
    return;
  }
  const auto slot = slot_of(now);
  if (slot == last_slot_ || now - slot_start(slot) > options_.lateness || now < quiet_until_) {
    return;
  }
  last_slot_ = slot;
  run_slot(slot, now);
}

Wake DoorBank::wake(Instant now) const {
  Wake wake;
  if (phase_ == Phase::kStopped) {
    return wake;
  }
  if (running_ != Request::Kind::kNone) {
    wake.need(std::max(exchange_.wake(), now));
    return wake;
  }
  if (phase_ == Phase::kStarting) {
    wake.need(std::max(quiet_until_, now));
    return wake;
  }
  auto next = slot_of(now) + 1;
  while (slot_start(next) < quiet_until_) {
    ++next;
  }
  if (unlock_waiting()) {
    wake.need(slot_start(std::max(next, unlock_.from_slot)));
  }
  if (next_due_ != 0) {
    wake.need(slot_start(std::max(next, next_due_)));
  }
  if (back_slot_ != 0) {
    wake.need(slot_start(std::max(next, back_slot_)));
  }
  auto idle = next;
  while (idle_board(idle) == kNoBoard) {
    ++idle;
  }
  wake.look(slot_start(idle));
  return wake;
}

/// Whose turn it is when nothing is wanted. The round has at least two slots, so that two idle readings
/// of one board are never so close that a late reply to the first could be taken for the second's.
std::size_t DoorBank::idle_board(std::int64_t slot) const {
  auto index = slot;
  if (moving_ != 0) {
    if (slot % limits::kWatchEvery == 0) {
      return doors_[moving_ - 1U].board;
    }
    index = slot - slot / limits::kWatchEvery - 1;  // Counts the slots that are left to the round.
  }
  const auto round = static_cast<std::int64_t>(std::max<std::size_t>(board_count_, 2));
  const auto board = static_cast<std::size_t>(index % round);
  return board < board_count_ ? board : kNoBoard;
}

Instant DoorBank::idle_poll_of(std::size_t board, Instant from) const {
  CUBBY_ASSERT(board < board_count_);
  auto slot = (from.us + slot_.us - 1) / slot_.us;
  while (idle_board(slot) != board) {
    ++slot;
  }
  return slot_start(slot);
}

bool DoorBank::knows(std::size_t board, std::uint64_t inputs) const {
  const auto& state = states_[board];
  return !state.silent && state.due_slot == 0 && state.misses == 0 && back_slot_ == 0 &&
         state.settled() == state.inputs() && ((state.belief ^ inputs) & state.inputs()) == 0;
}

std::size_t DoorBank::due_board(std::int64_t slot) const {
  if (next_due_ == 0 || next_due_ > slot) {
    return kNoBoard;
  }
  for (std::size_t i = 0; i < board_count_; ++i) {
    const auto board = (round_due_ + i) % board_count_;
    if (states_[board].due_slot != 0 && states_[board].due_slot <= slot) {
      return board;
    }
  }
  return kNoBoard;
}

void DoorBank::run_slot(std::int64_t slot, Instant now) {
  if (unlock_waiting() && unlock_.from_slot <= slot) {
    begin_unlock(now);
    return;
  }
  if (back_slot_ != 0 && back_slot_ <= slot) {
    read_back();
  }
  if (const auto due = due_board(slot); due != kNoBoard) {
    round_due_ = (due + 1) % board_count_;
    if (!states_[due].off_done) {
      begin(due, {.kind = Request::Kind::kAllOff}, now, false);  // It was silent at the start and answers now.
      return;
    }
    begin(due, {.kind = Request::Kind::kRead}, now, false);
    return;
  }
  if (const auto board = idle_board(slot); board != kNoBoard) {
    begin(board, {.kind = Request::Kind::kRead}, now, true);
  }
}

/// One exchange after the other: nothing may be skipped here, so no grid is needed.
void DoorBank::run_start(Instant now) {
  if (running_ != Request::Kind::kNone || now < quiet_until_) {
    return;
  }
  for (std::size_t i = 0; i < board_count_; ++i) {
    const auto& state = states_[i];
    if (state.silent) {
      continue;
    }
    if (!state.off_done) {
      begin(i, {.kind = Request::Kind::kAllOff}, now, false);
      return;
    }
    if (start_needs(i)) {
      begin(i, {.kind = Request::Kind::kRead}, now, false);
      return;
    }
  }
  phase_ = Phase::kRunning;
  last_slot_ = slot_of(now);
  started_event_ = true;
  for (std::size_t i = 0; i < board_count_; ++i) {
    if (!states_[i].silent && (states_[i].items & ~states_[i].settled()) != 0) {
      set_due(i, last_slot_ + 1);
    }
  }
}

/// Doors have to be known, and item sensors to have been asked: one that chatters keeps no station from its work.
bool DoorBank::start_needs(std::size_t board) const {
  const auto& state = states_[board];
  return !state.has_last || (state.mask & ~state.known) != 0 ||
         ((state.items & ~state.known) != 0 && state.unsettled < limits::kRereadsMax);
}

void DoorBank::begin_unlock(Instant now) {
  const auto place = doors_[unlock_.compartment - 1U];
  unlock_.sent = true;
  if (!guarded(place.board)) {
    back_slot_ = slot_of(now + limits::kReadBackAfter) + 1;
  }
  begin(place.board, {.kind = Request::Kind::kUnlock, .channel = place.channel}, now, false);
}

void DoorBank::begin(std::size_t board, Request request, Instant now, bool idle) {
  running_board_ = board;
  running_ = request.kind;
  if (exchange_.start(boards_[board], request, now, idle) != Status::kOk) {
    finish(Exchange::kNotSent, now);
  }
}

/// Two readings of every board that noise could have made open a door.
void DoorBank::read_back() {
  for (std::size_t i = 0; i < board_count_; ++i) {
    if (!guarded(i) && !states_[i].silent) {
      states_[i].fresh_left = 2;
      set_due(i, back_slot_);
    }
  }
  back_slot_ = 0;
}

void DoorBank::finish(Exchange outcome, Instant now) {
  const auto board = running_board_;
  const auto what = running_;
  running_ = Request::Kind::kNone;
  quiet_until_ = now + frame_silence(bus_.byte_time_us());
  if (outcome == Exchange::kUnknown && phase_ == Phase::kStarting) {
    quiet_until_ = quiet_until_ + limits::kReplyTimeout;  // Off the grid: let a late reply pass.
  }
  if (what == Request::Kind::kUnlock) {
    unlock_event_ =
        DoorEvent{.kind = DoorEvent::Kind::kUnlock, .compartment = unlock_.compartment, .exchange = outcome};
    unlock_ = {};
  }
  const bool sent = outcome == Exchange::kSent;
  const bool answered = outcome == Exchange::kDone || (outcome == Exchange::kRefused && what != Request::Kind::kRead);
  if (!sent && !answered) {
    on_miss(board, now);
    return;
  }
  if (answered) {
    on_answer(board, now);
  }
  if (what == Request::Kind::kAllOff) {
    states_[board].off_done = true;
    set_due(board, phase_ == Phase::kRunning ? slot_of(now) + 1 : 0);
  }
  if (what == Request::Kind::kRead) {
    on_reading(board, now);
  }
}

void DoorBank::on_answer(std::size_t board, Instant now) {
  auto& state = states_[board];
  state.misses = 0;
  if (!state.silent) {
    return;
  }
  state.silent = false;
  state.silent_for = now - state.silent_since;
  answered_events_ |= std::uint32_t{1} << board;
}

void DoorBank::on_miss(std::size_t board, Instant now) {
  auto& state = states_[board];
  if (state.silent) {
    return;
  }
  ++state.misses;
  if (state.misses < limits::kSilentAfter) {
    // The slot between lets a late reply pass.
    set_due(board, phase_ == Phase::kRunning ? slot_of(now) + 2 : 0);
    return;
  }
  const auto known = state.known;
  state.silent = true;
  state.silent_since = now;
  state.misses = 0;
  state.has_last = false;
  state.known = 0;
  state.same = 0;
  state.fresh_left = 0;
  state.unsettled = 0;
  forget_wanted(board);
  set_due(board, 0);
  silent_events_ |= std::uint32_t{1} << board;
  publish(board, known);
}

/// Two looks in a row that agree make a belief.
void DoorBank::on_reading(std::size_t board, Instant now) {
  auto& state = states_[board];
  const auto reading = exchange_.inputs() & state.inputs();
  if (state.has_last) {
    const auto equal = ~(reading ^ state.last) & state.inputs();
    const auto changed = equal & (~state.known | (state.belief ^ reading));
    state.known |= equal;
    state.same = equal;
    state.belief = (state.belief & ~equal) | (reading & equal);
    if (changed != 0) {
      publish(board, changed);
    }
  }
  state.last = reading;
  state.has_last = true;
  if (state.fresh_left > 0) {
    --state.fresh_left;
  }
  if (state.fresh_left == 0 && state.wanted) {
    tell_fresh(board);
  }
  const bool settled = state.settled() == state.inputs();
  state.unsettled =
      settled ? std::uint8_t{0} : static_cast<std::uint8_t>(std::min(state.unsettled + 1, limits::kRereadsMax));
  const bool again = !settled || state.fresh_left > 0 || !state.off_done;
  if (!again || phase_ != Phase::kRunning) {
    set_due(board, 0);
    return;
  }
  const auto next = slot_of(now) + 1;
  const bool patient = state.unsettled == limits::kRereadsMax && state.fresh_left == 0 && state.off_done;
  set_due(board, patient ? slot_of(idle_poll_of(board, slot_start(next))) : next);
}

/// Whoever asked for readings of that board has them, as far as they settled.
void DoorBank::tell_fresh(std::size_t board) {
  const auto settled = states_[board].settled();
  const bool doors_settled = (states_[board].mask & ~settled) == 0;
  states_[board].wanted = false;
  const auto take = [&](std::size_t door, DoorBits& wanted, DoorBits& fresh, bool ready) {
    if (!bit(wanted, door)) {
      return;
    }
    if (ready) {
      set_bit(wanted, door, false);
      set_bit(fresh, door, true);
    } else {
      states_[board].wanted = true;
    }
  };
  for (std::size_t i = states_[board].first_door; i < states_[board].doors_end; ++i) {
    if (doors_[i].board == board) {
      take(i, readings_wanted_, fresh_readings_, doors_settled);
    }
    if (doors_[i].item_board == board && doors_[i].item_channel != kNoInput) {
      take(i, items_wanted_, fresh_items_, (settled >> doors_[i].item_channel & 1) != 0);
    }
  }
}

void DoorBank::forget_wanted(std::size_t board) {
  states_[board].wanted = false;
  for (std::size_t i = states_[board].first_door; i < states_[board].doors_end; ++i) {
    if (doors_[i].board == board) {
      set_bit(readings_wanted_, i, false);
    }
    if (doors_[i].item_board == board) {
      set_bit(items_wanted_, i, false);
    }
  }
}

/// Brings what is believed of doors and item sensors up to date for those channels.
void DoorBank::publish(std::size_t board, std::uint64_t channels) {
  const auto& state = states_[board];
  const auto put = [&](std::size_t door, std::uint8_t channel, DoorBits& ones, DoorBits& zeros, DoorBits& changed) {
    if ((channels >> channel & 1) == 0) {
      return;
    }
    const bool known = (state.known >> channel & 1) != 0;
    const bool one = (state.belief >> channel & 1) != 0;
    set_bit(ones, door, known && one);
    set_bit(zeros, door, known && !one);
    set_bit(changed, door, true);
  };
  for (std::size_t i = states_[board].first_door; i < states_[board].doors_end; ++i) {
    if (doors_[i].board == board) {
      put(i, doors_[i].channel, shut_, open_, changed_);
    }
    if (doors_[i].item_board == board && doors_[i].item_channel != kNoInput) {
      put(i, doors_[i].item_channel, present_, empty_, changed_items_);
    }
  }
}

void DoorBank::set_due(std::size_t board, std::int64_t slot) {
  if (states_[board].due_slot == slot) {
    return;
  }
  states_[board].due_slot = slot;
  next_due_ = 0;
  for (std::size_t i = 0; i < board_count_; ++i) {
    const auto due = states_[i].due_slot;
    if (due != 0 && (next_due_ == 0 || due < next_due_)) {
      next_due_ = due;
    }
  }
}

std::optional<DoorEvent> DoorBank::next_event() {
  using Kind = DoorEvent::Kind;
  const auto take_board = [](std::uint32_t& bits) {
    const auto board = static_cast<std::uint8_t>(std::countr_zero(bits));
    bits &= bits - 1;
    return board;
  };
  if (unlock_event_.has_value()) {
    const auto event = unlock_event_;
    unlock_event_.reset();
    return event;
  }
  if (silent_events_ != 0) {
    return DoorEvent{.kind = Kind::kBoardSilent, .board = take_board(silent_events_)};
  }
  if (answered_events_ != 0) {
    const auto board = take_board(answered_events_);
    return DoorEvent{.kind = Kind::kBoardAnswered, .board = board, .silent_for = states_[board].silent_for};
  }
  if (const auto number = take_first(changed_); number != 0) {
    return DoorEvent{
        .kind = Kind::kDoor, .compartment = number, .board = doors_[number - 1U].board, .state = state(number)};
  }
  if (const auto number = take_first(changed_items_); number != 0) {
    return DoorEvent{
        .kind = Kind::kItem, .compartment = number, .board = doors_[number - 1U].item_board, .item = item(number)};
  }
  if (const auto number = take_first(fresh_readings_); number != 0) {
    return DoorEvent{
        .kind = Kind::kFreshReading, .compartment = number, .board = doors_[number - 1U].board, .state = state(number)};
  }
  if (const auto number = take_first(fresh_items_); number != 0) {
    return DoorEvent{
        .kind = Kind::kFreshItem, .compartment = number, .board = doors_[number - 1U].item_board, .item = item(number)};
  }
  if (started_event_) {
    started_event_ = false;
    return DoorEvent{.kind = Kind::kStarted};
  }
  return std::nullopt;
}

}  // namespace cubby::drivers
