#include "unit/board_drivers/door_trial.h"

#include <algorithm>

#include "support/board_frames.h"

namespace cubby::drivers {

BoardSettings matching(const emulator::BoardProfile& profile) {
  auto board = default_settings(profile.family);
  board.address = profile.address;
  board.channels = profile.channels;
  board.first_channel = profile.first_channel;
  board.status_last = profile.status_order == emulator::StatusOrder::kLast;
  board.shut_is_one =
      profile.family == BoardFamily::kP1 ? profile.feedback == emulator::Feedback::kClosing : profile.closed_bit == 1;
  board.unlock_reply = profile.unlock_reply;
  board.unlock_reply_ms = static_cast<std::uint16_t>(profile.unlock_reply_ms);
  return board;
}

namespace {

emulator::CabinetOptions with_seed(std::uint64_t seed) {
  emulator::CabinetOptions options;
  options.seed = seed;
  return options;
}

}  // namespace

DoorTrial::DoorTrial(const emulator::BoardProfile& profile, const BoardSettings& settings, bool expects_echo)
    : cabinet(with_seed(5)), board(settings) {
  EXPECT_EQ(cabinet.add_board(profile), "");
  cabinet.advance(now);
  std::vector<DoorBank::DoorPlace> doors;
  for (std::uint8_t channel = 0; channel < board.channels; ++channel) {
    doors.push_back({.board = 0, .channel = channel});
    if (board.family == BoardFamily::kP2) {
      doors.back().item_channel = static_cast<std::uint8_t>(board.channels + channel);
    }
  }
  bank.configure(std::vector{board}, doors, {.echo = expects_echo});
}

void DoorTrial::tick() {
  bank.tick(now);
  while (const auto event = bank.next_event()) {
    if (event->kind == DoorEvent::Kind::kUnlock) {
      outcomes[event->compartment].push_back(event->exchange);
    }
    times_silent += event->kind == DoorEvent::Kind::kBoardSilent ? 1 : 0;
  }
}

void DoorTrial::run(Duration duration) {
  const auto end = now + duration;
  tick();
  while (now < end) {
    const auto next = std::min(bank.wake(now).earliest(), bus.next_event());
    now = std::min(end, std::max(next, now + Duration{1}));
    cabinet.advance(now);
    tick();
  }
}

void DoorTrial::start() {
  bank.start(now);
  run(Duration::seconds(5));
}

Exchange DoorTrial::unlock(std::uint8_t number) {
  const auto before = outcomes[number].size();
  EXPECT_EQ(bank.unlock(number, now), Status::kOk);
  run(Duration::seconds(4));
  EXPECT_EQ(outcomes[number].size(), before + 1) << "an unlock ends once";
  return outcomes[number].empty() ? Exchange::kNone : outcomes[number].back();
}

std::vector<std::size_t> DoorTrial::doors(DoorState state) const {
  std::vector<std::size_t> numbers;
  for (std::size_t number = 1; number <= bank.door_count(); ++number) {
    if (bank.state(static_cast<std::uint8_t>(number)) == state) {
      numbers.push_back(number);
    }
  }
  return numbers;
}

std::vector<std::size_t> DoorTrial::open_doors() const {
  std::vector<std::size_t> numbers;
  for (std::size_t i = 0; i < cabinet.doors().size(); ++i) {
    if (!cabinet.doors().door(i).door.shut) {
      numbers.push_back(i + 1);
    }
  }
  return numbers;
}

std::size_t DoorTrial::unlocks_sent(std::uint8_t number) const {
  const Request request{.kind = Request::Kind::kUnlock, .channel = static_cast<std::uint8_t>(number - 1)};
  const auto frame = tests::request_frame(board, request);
  return static_cast<std::size_t>(std::count(bus.frames().begin(), bus.frames().end(), frame));
}

}  // namespace cubby::drivers
