// What goes wrong on a line, and when.
#include <algorithm>
#include <utility>

#include "emulator/hardware/boards/serial_line.h"
#include "firmware/base/assert.h"

namespace cubby::emulator {
namespace {

/// A burst of flips goes on over at most so many bytes.
constexpr std::uint64_t kBurstBytesMax = 4;
constexpr std::uint64_t kGarbageMax = 16;
constexpr std::int64_t kMinuteUs = 60'000'000;

// On average so many a minute.
Duration until_next(std::uint32_t per_minute, Prng& prng) {
  const std::int64_t mean_us = kMinuteUs / per_minute;
  return Duration::microseconds(1 + static_cast<std::int64_t>(prng.below(static_cast<std::uint64_t>(2 * mean_us))));
}

}  // namespace

void SerialLine::set_noise(const NoiseRates& rates, Instant now) {
  advance(now);
  options_.noise = rates;
  if (rates[NoiseKind::kGlue] != 0) {
    return;
  }
  release_to_host(now);
  if (!host_kept_.empty()) {
    begin_host_talk(std::exchange(host_kept_, {}), now);
  }
}

void SerialLine::hold_low(Instant now, Instant until) {
  advance(now);
  if (!held_low(now)) {
    if (until <= now) {
      return;
    }
    low_from_ = now;
    break_heard_at_ = now + host_byte_time();
    ++counts_.breaks;
  }
  low_until_ = until;
}

void SerialLine::hold_line(std::size_t board, Instant now, Instant until) {
  advance(now);
  Node& node = nodes_[board];
  if (!holds_line(board, now)) {
    if (until <= now) {
      return;
    }
    node.holds_from = now;
  }
  node.holds_until = until;
}

bool SerialLine::holds_line(std::size_t board, Instant now) const {
  return nodes_[board].holds_from <= now && now < nodes_[board].holds_until;
}

void SerialLine::babble(std::size_t board, std::uint32_t per_minute, Instant now) {
  CUBBY_ASSERT(per_minute <= kBabblesPerMinuteMax);
  advance(now);
  Node& node = nodes_[board];
  node.babbles_per_minute = per_minute;
  node.babbles_at = per_minute == 0 ? Instant::max() : now + until_next(per_minute, node.garbage);
}

void SerialLine::reboot_in_next_command(std::size_t board) {
  nodes_[board].reboots_in_command = true;
  nodes_[board].reboots_after_work = nodes_[board].board->next_work();
}

void SerialLine::heal(Instant now) {
  set_noise({}, now);
  low_until_ = std::min(low_until_, now);
  for (std::size_t i = 0; i < nodes_.size(); ++i) {
    babble(i, 0, now);
    nodes_[i].holds_until = std::min(nodes_[i].holds_until, now);
    nodes_[i].reboots_at = Instant::max();
    nodes_[i].reboots_in_command = false;
    nodes_[i].reboots_in_answer = false;
  }
}

// What becomes of a byte that ends at `at`: how often it is heard, and `value` is what is heard.
std::size_t SerialLine::suffer(Talk& talk, std::byte& value, Instant at) {
  const Instant from = at - talk.byte_time;
  if (low_from_ < at && from < low_until_) {
    talk.burst.spoiled = true;
    value = spoil(value);
    // At the edges of a break there is something that looks like a byte, within it nothing.
    return from >= low_from_ && at <= low_until_ ? 0 : 1;
  }
  const bool overlapped = std::any_of(talks_.begin(), talks_.end(), [&](const Talk& other) {
    return &other != &talk && other.burst.who != talk.burst.who && other.burst.begin < at && other.burst.end > from;
  });
  bool held = false;
  for (std::size_t i = 0; i < nodes_.size(); ++i) {
    const Node& node = nodes_[i];
    held = held || (static_cast<int>(i) != talk.burst.who && node.holds_from < at && node.holds_until > from);
  }
  if (!overlapped && !held) {
    return suffer_noise(talk, value);
  }
  value = spoil(value);
  counts_.collisions += overlapped && !talk.collided ? 1 : 0;
  counts_.held_bytes += held ? 1 : 0;
  talk.collided = talk.collided || overlapped;
  talk.burst.spoiled = true;
  return 1;
}

bool SerialLine::draw(NoiseKind kind) {
  return options_.noise[kind] != 0 && noise_[static_cast<std::size_t>(kind)].chance(options_.noise[kind]);
}

// Each kind is drawn for each byte, so that none shifts the others.
std::size_t SerialLine::suffer_noise(Talk& talk, std::byte& value) {
  const bool flip = draw(NoiseKind::kFlip);
  const bool burst = draw(NoiseKind::kBurst);
  const bool drop = draw(NoiseKind::kDrop);
  const bool twice = draw(NoiseKind::kDouble) && !drop;
  Prng& bits = noise_[static_cast<std::size_t>(NoiseKind::kFlip)];
  Prng& bursts = noise_[static_cast<std::size_t>(NoiseKind::kBurst)];
  if (burst) {
    burst_left_ = std::max<std::size_t>(burst_left_, 1 + bursts.below(kBurstBytesMax));
  }
  if (flip) {
    value ^= static_cast<std::byte>(1U << bits.below(8));
  }
  if (burst_left_ > 0) {
    value ^= static_cast<std::byte>(1 + bursts.below(255));
  }
  talk.burst.spoiled = talk.burst.spoiled || flip || burst_left_ > 0 || drop || twice;
  burst_left_ -= burst_left_ > 0 ? 1 : 0;
  count(NoiseKind::kFlip, flip);
  count(NoiseKind::kBurst, burst);
  count(NoiseKind::kDrop, drop);
  count(NoiseKind::kDouble, twice);
  if (drop) {
    return 0;
  }
  return twice ? 2 : 1;
}

// Everybody takes the low line for one 00 without a stop bit, at whatever speed.
void SerialLine::hear_break(Instant at) {
  break_heard_at_ = Instant::max();
  for (const Node& node : nodes_) {
    node.board->on_byte(std::byte{0}, at);
  }
  heard_.push_back(std::byte{0});
  heard_at_ = at;
}

void SerialLine::begin_babble(std::size_t index, Instant at) {
  Node& node = nodes_[index];
  node.babbles_at = at + until_next(node.babbles_per_minute, node.garbage);
  std::vector<std::byte> said(1 + node.garbage.below(kGarbageMax));
  for (std::byte& value : said) {
    value = static_cast<std::byte>(node.garbage.below(256));
  }
  if (free_at(static_cast<int>(index), at) == at) {
    ++counts_.babbles;
    begin_talk(static_cast<int>(index), at, node.board->baud(), std::move(said));
  }
}

// Somewhere between the command and its answer, or within the answer.
void SerialLine::plan_reboot(Node& node, Instant at) {
  if (!node.reboots_in_command) {
    return;
  }
  const std::optional<Instant> ends = node.board->ends_since(node.reboots_after_work);
  if (!ends.has_value()) {
    return;
  }
  node.reboots_in_command = false;
  node.reboots_in_answer = node.board->owes_answer() && node.restarts.below(2) == 0;
  if (!node.reboots_in_answer) {
    const std::int64_t left_us = std::max<std::int64_t>(1, (*ends - at).us);
    node.reboots_at = at + Duration::microseconds(
                               static_cast<std::int64_t>(node.restarts.below(static_cast<std::uint64_t>(left_us))));
  }
}

}  // namespace cubby::emulator
