#include "emulator/hardware/boards/cabinet.h"

#include <algorithm>
#include <utility>

namespace cubby::emulator {
namespace {

constexpr std::uint32_t kCoilMa = 2'500;
/// More bytes without a pause are another talk.
constexpr std::size_t kTalkMax = 256;
constexpr Duration kPacedByte = Duration::microseconds(1);
/// A talk that is over is kept as long as a byte that overlaps it may still be under way.
constexpr Duration kKeepTalk = Duration::milliseconds(10);

}  // namespace

Cabinet::Cabinet(const CabinetOptions& options)
    : options_(options), prng_(Prng(options.seed).child("line")), doors_(options.seed) {}

std::string Cabinet::add_board(const BoardProfile& profile) {
  if (std::string problem = profile_problem(profile); !problem.empty()) {
    return problem;
  }
  if (boards_.size() == kBoardsMax) {
    return "a segment takes at most " + std::to_string(kBoardsMax) + " boards";
  }
  if (!boards_.empty() && options_.line_baud == 0 && boards_.front()->baud() != profile.baud) {
    return "boards on one segment talk at one speed: " + std::string(to_string(profile.family)) + " at " +
           std::to_string(profile.baud) + " baud beside " + std::string(to_string(boards_.front()->profile().family)) +
           " at " + std::to_string(boards_.front()->baud()) + "; set baud=";
  }
  first_door_.push_back(doors_.size());
  doors_.add_board(profile.channels);
  boards_.push_back(make_board(profile, doors_, static_cast<std::uint8_t>(boards_.size()), options_.seed));
  local_echo_ = local_echo_ || profile.local_echo;
  return {};
}

std::uint32_t Cabinet::line_baud() const {
  return options_.line_baud != 0 ? options_.line_baud : boards_.front()->baud();
}

void Cabinet::host_sends(Bytes bytes, Instant now) {
  if (bytes.empty()) {
    return;
  }
  const std::uint32_t baud = line_baud();
  const Duration each = options_.host_is_paced ? kPacedByte : byte_time(baud);
  const auto last =
      std::find_if(talks_.rbegin(), talks_.rend(), [](const Talk& talk) { return talk.burst.who == kHostTalks; });
  if (last != talks_.rend() && !last->over() && last->baud == baud &&
      last->burst.bytes.size() + bytes.size() <= kTalkMax) {
    last->burst.bytes.insert(last->burst.bytes.end(), bytes.begin(), bytes.end());
    last->burst.end = last->burst.begin + each * static_cast<std::int64_t>(last->burst.bytes.size());
    return;
  }
  const Instant begin = last == talks_.rend() ? now : std::max(now, last->burst.end);
  const Instant end = begin + each * static_cast<std::int64_t>(bytes.size());
  talks_.push_back({{begin, end, kHostTalks, {bytes.begin(), bytes.end()}, false}, each, baud, 0});
}

std::size_t Cabinet::host_backlog() const {
  std::size_t bytes = 0;
  for (const Talk& talk : talks_) {
    bytes += talk.burst.who == kHostTalks ? talk.burst.bytes.size() - talk.done : 0;
  }
  return bytes;
}

bool Cabinet::quiet() const {
  return std::all_of(talks_.begin(), talks_.end(), [](const Talk& talk) { return talk.over(); }) &&
         std::none_of(boards_.begin(), boards_.end(), [](const auto& board) { return board->owes_answer(); });
}

std::vector<std::byte> Cabinet::host_hears(Instant now) {
  advance(now);
  return std::exchange(heard_, {});
}

std::vector<Burst> Cabinet::take_bursts() {
  return std::exchange(bursts_, {});
}

Instant Cabinet::next_call() const {
  Instant next = doors_.next_call();
  for (const auto& board : boards_) {
    next = std::min(next, board->next_call());
  }
  for (const Talk& talk : talks_) {
    next = talk.over() ? next : std::min(next, talk.next_byte());
  }
  return next;
}

void Cabinet::advance(Instant now) {
  for (Instant at = next_call(); at <= now; at = next_call()) {
    step(at);
  }
}

// Everything that happens at `at`: doors move, then bytes end, then boards act.
void Cabinet::step(Instant at) {
  doors_.advance(at);
  for (std::size_t i = 0; i < talks_.size(); ++i) {
    if (!talks_[i].over() && talks_[i].next_byte() <= at) {
      deliver(i, at);
    }
  }
  for (const auto& board : boards_) {
    board->advance(at);
  }
  collect();
  std::erase_if(talks_, [&](const Talk& talk) { return talk.over() && talk.burst.end + kKeepTalk < at; });
  if (options_.supply_ma != 0 && doors_.coils_on() * kCoilMa > options_.supply_ma) {
    ++brown_outs_;
    power_cycle(at);
  }
}

void Cabinet::deliver(std::size_t index, Instant at) {
  Talk& talk = talks_[index];
  std::byte value = talk.burst.bytes[talk.done];
  const Instant from = at - talk.byte_time;
  const bool overlapped = std::any_of(talks_.begin(), talks_.end(), [&](const Talk& other) {
    return &other != &talk && other.burst.who != talk.burst.who && other.burst.begin < at && other.burst.end > from;
  });
  if (overlapped) {
    value = spoil(value);
    collisions_ += talk.burst.spoiled ? 0 : 1;
    talk.burst.spoiled = true;
  } else if (options_.noise_per_million != 0 && prng_.chance(options_.noise_per_million)) {
    value ^= static_cast<std::byte>(1U << prng_.below(8));
    talk.burst.spoiled = true;
  }
  talk.burst.bytes[talk.done++] = value;
  const int who = talk.burst.who;
  const std::uint32_t baud = talk.baud;
  if (talk.over()) {
    bursts_.push_back(talk.burst);
  }
  for (std::size_t i = 0; i < boards_.size(); ++i) {
    // At another speed there is nothing that looks like a byte.
    if (static_cast<int>(i) != who && boards_[i]->baud() == baud) {
      boards_[i]->on_byte(value, at);
    }
  }
  if (who != kHostTalks) {
    heard_.push_back(baud == line_baud() ? value : spoil(value));
  } else if (local_echo_) {
    heard_.push_back(value);
  }
}

void Cabinet::collect() {
  for (std::size_t i = 0; i < boards_.size(); ++i) {
    while (auto said = boards_[i]->take()) {
      const Duration each = byte_time(said->baud);
      const Instant end = said->begin + each * static_cast<std::int64_t>(said->bytes.size());
      talks_.push_back({{said->begin, end, static_cast<int>(i), std::move(said->bytes), false}, each, said->baud, 0});
    }
  }
}

void Cabinet::power_cycle(Instant now) {
  collect();
  for (Talk& talk : talks_) {
    if (talk.burst.who == kHostTalks || talk.over()) {
      continue;
    }
    // What was said stays said; the rest never comes.
    talk.burst.bytes.resize(talk.done);
    talk.burst.end = std::min(talk.burst.end, now);
    if (!talk.burst.bytes.empty()) {
      bursts_.push_back(talk.burst);
    }
  }
  for (const auto& board : boards_) {
    board->power_cycle(now);
  }
}

}  // namespace cubby::emulator
