#include "emulator/hardware/boards/serial_line.h"

#include <algorithm>
#include <utility>

#include "firmware/base/assert.h"

namespace cubby::emulator {
namespace {

/// More bytes without a pause are another talk.
constexpr std::size_t kTalkMax = 256;
constexpr Duration kPacedByte = Duration::microseconds(1);
/// A talk that is over is kept as long as a byte that overlaps it may still be under way.
constexpr Duration kKeepTalk = Duration::milliseconds(10);
/// The host's bytes with a shorter pause between them, in byte times, are one talk.
constexpr std::int64_t kPauseBytes = 4;

}  // namespace

SerialLine::SerialLine(const SerialLineOptions& options) : options_(options), prng_(Prng(options.seed).child("line")) {
  for (const NoiseKind kind : kNoiseKinds) {
    noise_.push_back(Prng(options.seed).child(to_string(kind)));
  }
}

std::string SerialLine::add_board(const BoardProfile& profile, LockWiring& wiring) {
  if (std::string problem = profile_problem(profile); !problem.empty()) {
    return problem;
  }
  if (nodes_.size() == kBoardsMax) {
    return "a segment takes at most " + std::to_string(kBoardsMax) + " boards";
  }
  if (!nodes_.empty() && options_.line_baud == 0 && board(0).baud() != profile.baud) {
    return "boards on one segment talk at one speed: " + std::string(to_string(profile.family)) + " at " +
           std::to_string(profile.baud) + " baud beside " + std::string(to_string(board(0).profile().family)) + " at " +
           std::to_string(board(0).baud()) + "; set baud=";
  }
  const auto index = static_cast<std::uint8_t>(nodes_.size());
  const Prng seed(options_.seed);
  nodes_.push_back({.board = make_board(profile, wiring, index, options_.seed),
                    .garbage = seed.child("garbage", index),
                    .restarts = seed.child("restarts", index)});
  options_.local_echo = options_.local_echo || profile.local_echo;
  return {};
}

std::uint32_t SerialLine::line_baud() const {
  CUBBY_ASSERT(options_.line_baud != 0 || !nodes_.empty());
  return options_.line_baud != 0 ? options_.line_baud : board(0).baud();
}

// The host ----------------------------------------------------------------------------------------------------------

void SerialLine::host_sends(Bytes bytes, Instant now) {
  if (bytes.empty()) {
    return;
  }
  const std::uint32_t baud = line_baud();
  const auto last =
      std::find_if(talks_.rbegin(), talks_.rend(), [](const Talk& talk) { return talk.burst.who == kHostTalks; });
  if (last != talks_.rend() && !last->over() && last->baud == baud && last->said.size() + bytes.size() <= kTalkMax) {
    last->said.insert(last->said.end(), bytes.begin(), bytes.end());
    last->burst.end = last->burst.begin + last->byte_time * static_cast<std::int64_t>(last->said.size());
    return;
  }
  if (!keep_back(bytes, now)) {
    std::vector<std::byte> all = std::exchange(host_kept_, {});
    all.insert(all.end(), bytes.begin(), bytes.end());
    begin_host_talk(std::move(all), now);
  }
}

// True: the host's adapter keeps these bytes until the host's next talk.
bool SerialLine::keep_back(Bytes bytes, Instant now) {
  const Duration each = host_byte_time();
  const Instant end = now + each * (static_cast<std::int64_t>(bytes.size()) + kPauseBytes);
  const bool same_talk = !host_kept_.empty() && now <= host_kept_until_;
  if (host_kept_.size() + bytes.size() > kTalkMax) {
    return false;
  }
  if (!same_talk) {
    if (!host_kept_.empty() || host_backlog() != 0 || !draw(NoiseKind::kGlue)) {
      return false;
    }
    count(NoiseKind::kGlue, true);
  }
  host_kept_.insert(host_kept_.end(), bytes.begin(), bytes.end());
  host_kept_until_ = same_talk ? host_kept_until_ + each * static_cast<std::int64_t>(bytes.size()) : end;
  return true;
}

void SerialLine::begin_host_talk(std::vector<std::byte> bytes, Instant now) {
  const std::uint32_t baud = line_baud();
  const Duration each = options_.host_is_paced ? kPacedByte : byte_time(baud);
  const Instant begin = free_at(kHostTalks, now);
  const Instant end = begin + each * static_cast<std::int64_t>(bytes.size());
  talks_.push_back(
      {.burst = {begin, end, kHostTalks, {}, false}, .said = std::move(bytes), .byte_time = each, .baud = baud});
}

void SerialLine::begin_talk(int who, Instant begin, std::uint32_t baud, std::vector<std::byte> said) {
  const Duration each = byte_time(baud);
  const Instant end = begin + each * static_cast<std::int64_t>(said.size());
  talks_.push_back({.burst = {begin, end, who, {}, false}, .said = std::move(said), .byte_time = each, .baud = baud});
}

Instant SerialLine::free_at(int who, Instant now) const {
  for (const Talk& talk : talks_) {
    now = talk.burst.who == who ? std::max(now, talk.burst.end) : now;
  }
  return now;
}

std::size_t SerialLine::host_backlog() const {
  std::size_t bytes = 0;
  for (const Talk& talk : talks_) {
    bytes += talk.burst.who == kHostTalks ? talk.said.size() - talk.done : 0;
  }
  return bytes;
}

std::vector<std::byte> SerialLine::host_hears(Instant now) {
  advance(now);
  return std::exchange(heard_, {});
}

bool SerialLine::reaches_host(const Talk& talk) const {
  return talk.burst.who == kHostTalks ? options_.local_echo : !talk.kept_back;
}

Instant SerialLine::host_last_arrival() const {
  Instant last = heard_at_;
  bool any = !heard_.empty();
  for (const Talk& talk : talks_) {
    if (!talk.over() && reaches_host(talk)) {
      last = any ? std::max(last, talk.burst.end) : talk.burst.end;
      any = true;
    }
  }
  return any ? last : Instant::max();
}

bool SerialLine::quiet() const {
  return std::all_of(talks_.begin(), talks_.end(), [](const Talk& talk) { return talk.over(); }) &&
         std::none_of(nodes_.begin(), nodes_.end(), [](const Node& node) { return node.board->owes_answer(); });
}

std::vector<Burst> SerialLine::take_bursts() {
  return std::exchange(bursts_, {});
}

// Time --------------------------------------------------------------------------------------------------------------

Instant SerialLine::next_work() const {
  Instant next = break_heard_at_;
  for (const Node& node : nodes_) {
    next = std::min({next, node.board->next_call(), node.babbles_at, node.reboots_at});
  }
  return next;
}

Instant SerialLine::next_call() const {
  Instant next = next_work();
  for (const Talk& talk : talks_) {
    next = talk.over() ? next : std::min(next, talk.next_byte());
  }
  return next;
}

Instant SerialLine::next_event() const {
  const std::size_t only = only_talk();
  return only == talks_.size() ? next_call() : std::min(next_work(), talks_[only].burst.end);
}

std::size_t SerialLine::only_talk() const {
  std::size_t only = talks_.size();
  for (std::size_t i = 0; i < talks_.size(); ++i) {
    if (!talks_[i].over()) {
      if (only != talks_.size()) {
        return talks_.size();
      }
      only = i;
    }
  }
  return only;
}

void SerialLine::advance(Instant now) {
  for (Instant at = next_call(); at <= now; at = next_call()) {
    if (!run_only_talk(now)) {
      step(at);
    }
  }
}

// Most of the time one talks and all listen: then a byte needs none of what step() looks after.
bool SerialLine::run_only_talk(Instant now) {
  forget_talks(talks_.empty() ? now : talks_.back().burst.begin);
  const std::size_t only = only_talk();
  const bool planned =
      std::any_of(nodes_.begin(), nodes_.end(), [](const Node& node) { return node.reboots_in_command; });
  if (only == talks_.size() || planned) {
    return false;
  }
  bool any = false;
  Instant work = next_work();
  while (!talks_[only].over() && talks_[only].next_byte() <= now && talks_[only].next_byte() < work) {
    deliver(only, talks_[only].next_byte());
    any = true;
    for (const Node& node : nodes_) {
      work = std::min(work, node.board->next_call());  // What it has just heard may be a command.
    }
  }
  return any;
}

// Everything that happens at `at`: bytes end, then boards act.
void SerialLine::step(Instant at) {
  for (std::size_t i = 0; i < talks_.size(); ++i) {
    if (!talks_[i].over() && talks_[i].next_byte() <= at) {
      deliver(i, at);
    }
  }
  if (break_heard_at_ <= at) {
    hear_break(at);
  }
  for (std::size_t i = 0; i < nodes_.size(); ++i) {
    nodes_[i].board->advance(at);
    if (nodes_[i].babbles_at <= at) {
      begin_babble(i, at);
    }
  }
  collect();
  for (std::size_t i = 0; i < nodes_.size(); ++i) {
    plan_reboot(nodes_[i], at);
    if (nodes_[i].reboots_at <= at) {
      reboot(i, at);
    }
  }
  forget_talks(at);
}

void SerialLine::forget_talks(Instant now) {
  std::erase_if(talks_, [&](const Talk& talk) { return talk.over() && talk.burst.end + kKeepTalk < now; });
}

void SerialLine::deliver(std::size_t index, Instant at) {
  Talk& talk = talks_[index];
  if (talk.done == 0 && talk.burst.who != kHostTalks) {
    talk.kept_back = kept_for_host_.empty() && draw(NoiseKind::kGlue);
    count(NoiseKind::kGlue, talk.kept_back);
    if (!talk.kept_back) {
      release_to_host(at);
    }
  }
  std::byte value = talk.said[talk.done];
  const std::size_t copies = suffer(talk, value, at);
  ++talk.done;
  talk.burst.bytes.insert(talk.burst.bytes.end(), copies, value);
  if (talk.over()) {
    log(talk);
  }
  for (std::size_t copy = 0; copy < copies; ++copy) {
    for (std::size_t i = 0; i < nodes_.size(); ++i) {
      // At another speed there is nothing that looks like a byte.
      if (static_cast<int>(i) != talk.burst.who && board(i).baud() == talk.baud && !is_silent(i, at)) {
        nodes_[i].board->on_byte(value, at);
      }
    }
    to_host(talk, value, at);
  }
}

void SerialLine::release_to_host(Instant at) {
  if (!kept_for_host_.empty()) {
    heard_.insert(heard_.end(), kept_for_host_.begin(), kept_for_host_.end());
    heard_at_ = at;
    kept_for_host_.clear();
  }
}

void SerialLine::to_host(Talk& talk, std::byte value, Instant at) {
  if (talk.burst.who == kHostTalks && !options_.local_echo) {
    return;
  }
  const std::byte heard = talk.burst.who != kHostTalks && talk.baud != line_baud() ? spoil(value) : value;
  if (talk.kept_back) {
    kept_for_host_.push_back(heard);
    return;
  }
  heard_.push_back(heard);
  heard_at_ = at;
}

void SerialLine::collect() {
  for (std::size_t i = 0; i < nodes_.size(); ++i) {
    Node& node = nodes_[i];
    while (auto said = node.board->take()) {
      if (is_silent(i, said->begin)) {
        continue;
      }
      const Instant begin = free_at(static_cast<int>(i), said->begin);
      if (node.reboots_in_answer && said->bytes.size() > 1) {
        node.reboots_in_answer = false;
        const auto heard = static_cast<std::int64_t>(1 + node.restarts.below(said->bytes.size() - 1));
        const Duration each = byte_time(said->baud);
        node.reboots_at = begin + each * heard + Duration::microseconds(each.us / 2);
      }
      begin_talk(static_cast<int>(i), begin, said->baud, std::move(said->bytes));
    }
  }
}

// What was said stays said; the rest never comes.
void SerialLine::cut_off(int who, Instant now) {
  for (Talk& talk : talks_) {
    if (talk.burst.who != who || talk.over()) {
      continue;
    }
    talk.said.resize(talk.done);
    talk.burst.end = std::min(talk.burst.end, now);
    log(talk);
  }
}

void SerialLine::log(const Talk& talk) {
  if (options_.keeps_bursts && !talk.burst.bytes.empty()) {
    bursts_.push_back(talk.burst);
  }
}

void SerialLine::restart_host(Instant now) {
  advance(now);
  cut_off(kHostTalks, now);
  host_kept_.clear();
  kept_for_host_.clear();
  heard_.clear();
}

void SerialLine::silence(std::size_t index, Instant now, Instant until) {
  advance(now);
  nodes_[index].silent_until = until;
}

void SerialLine::power_cycle(Instant now) {
  collect();
  for (std::size_t i = 0; i < nodes_.size(); ++i) {
    cut_off(static_cast<int>(i), now);
    nodes_[i].board->power_cycle(now);
  }
}

void SerialLine::reboot(std::size_t index, Instant now) {
  collect();
  nodes_[index].reboots_at = Instant::max();
  cut_off(static_cast<int>(index), now);
  nodes_[index].board->power_cycle(now);
  ++nodes_[index].reboots;
  ++counts_.reboots;
}

}  // namespace cubby::emulator
