#include "tools/cubby/board_traffic.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>
#include <utility>

#include "emulator/hardware/boards/frame_text.h"

namespace cubby::tools {
namespace {

using emulator::Burst;

/// The host's bytes with a shorter pause between them are one burst.
constexpr Duration kJoin = Duration::milliseconds(10);
/// More of them are another burst, for a host that never pauses.
constexpr std::size_t kBurstMax = 256;
/// A host that has paused so long has said all.
constexpr Duration kHostPause = Duration::milliseconds(30);
/// At least this slow is every line: a talk is over before this much a byte.
constexpr Duration kByteMax = Duration::microseconds(34'000);
constexpr std::string_view kHead = "# cubby board recording 1";
constexpr std::string_view kBaud = "# baud ";

std::string seconds(Instant at) {
  std::array<char, 40> text{};
  std::snprintf(text.data(), text.size(), "%lld.%06lld", static_cast<long long>(at.us / 1'000'000),
                static_cast<long long>(at.us % 1'000'000));
  return text.data();
}

std::optional<std::uint64_t> number(std::string_view text, int base = 10) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  return error == std::errc() && end == text.data() + text.size() && !text.empty() ? std::optional(value)
                                                                                   : std::nullopt;
}

std::string_view take_word(std::string_view& rest) {
  const std::size_t end = std::min(rest.find(' '), rest.size());
  const std::string_view word = rest.substr(0, end);
  rest.remove_prefix(std::min(end + 1, rest.size()));
  return word;
}

std::optional<Instant> parse_seconds(std::string_view text) {
  const std::size_t point = text.find('.');
  if (point == std::string_view::npos || text.size() - point != 7) {
    return std::nullopt;
  }
  const auto whole = number(text.substr(0, point));
  const auto part = number(text.substr(point + 1));
  if (!whole.has_value() || !part.has_value() || *whole > 1'000'000'000) {
    return std::nullopt;
  }
  return Instant{static_cast<std::int64_t>(*whole * 1'000'000 + *part)};
}

// Empty: `burst` has what the line says.
std::string parse_line(std::string_view line, RecordedBurst& burst) {
  std::string_view rest = line.substr(0, line.find(" | "));
  const auto begin = parse_seconds(take_word(rest));
  if (!begin.has_value()) {
    return "a line begins with its time in seconds, such as 12.345678";
  }
  burst.begin = *begin;
  const std::string_view who = take_word(rest);
  burst.from_host = who == "host";
  if (who == "board" && !number(take_word(rest)).has_value()) {
    return "a board has a number";
  }
  if (who != "host" && who != "board") {
    return "after the time stands host, or board and its number";
  }
  while (!rest.empty()) {
    const std::string_view word = take_word(rest);
    const auto value = number(word, 16);
    if (word.size() != 2 || !value.has_value()) {
      return "'" + std::string(word.substr(0, 20)) + "' is not a byte of two hexadecimal digits";
    }
    burst.bytes.push_back(static_cast<std::byte>(*value));
  }
  return burst.bytes.empty() ? "there are no bytes" : "";
}

}  // namespace

std::string traffic_line(const Burst& burst, const std::vector<BoardFamily>& families) {
  const bool host = burst.who == emulator::kHostTalks;
  const std::string meaning = emulator::tell_burst(families, burst.bytes, host);
  return seconds(burst.begin) + (host ? " host " : " board " + std::to_string(burst.who + 1) + " ") +
         emulator::to_hex(burst.bytes) + " | " + meaning + (burst.spoiled ? " (spoiled on the line)" : "");
}

std::string recording_head(std::uint32_t baud, const std::vector<std::string>& boards) {
  std::string text = std::string(kHead) + "\n" + std::string(kBaud) + std::to_string(baud) + "\n";
  for (std::size_t i = 0; i < boards.size(); ++i) {
    text += "# board " + std::to_string(i + 1) + ": " + boards[i] + "\n";
  }
  return text;
}

void TrafficLog::add(const Burst& burst) {
  if (burst.who != emulator::kHostTalks) {
    finish();
    lines_.push_back(traffic_line(burst, families_));
    return;
  }
  if (pending_.has_value() && burst.begin - pending_->end >= kJoin) {
    finish();
  }
  const Duration each =
      Duration::microseconds((burst.end - burst.begin).us / static_cast<std::int64_t>(burst.bytes.size()));
  Instant at = burst.begin;
  for (const std::byte value : burst.bytes) {
    if (!pending_.has_value()) {
      pending_ = Burst{at, at, emulator::kHostTalks, {}, false};
    }
    at = at + each;
    pending_->bytes.push_back(value);
    pending_->end = at;
    pending_->spoiled = pending_->spoiled || burst.spoiled;
    if (pending_->bytes.size() == kBurstMax) {
      finish();
    }
  }
}

void TrafficLog::finish() {
  if (pending_.has_value()) {
    lines_.push_back(traffic_line(*pending_, families_));
    pending_.reset();
  }
}

std::vector<std::string> TrafficLog::take_lines(Instant now) {
  if (pending_.has_value() && now - pending_->end >= kJoin) {
    finish();
  }
  return std::exchange(lines_, {});
}

Instant TrafficLog::next_line() const {
  return pending_.has_value() ? pending_->end + kJoin : Instant::max();
}

Recording parse_recording(std::string_view text) {
  Recording recording;
  std::size_t line_number = 0;
  Instant latest{};
  const auto fail = [&](const std::string& what) {
    recording.bursts.clear();
    recording.error = "line " + std::to_string(line_number) + ": " + what;
    return recording;
  };
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    ++line_number;
    if (line.ends_with('\r')) {
      line.remove_suffix(1);
    }
    if (line_number == 1 && line != kHead) {
      return fail("a recording begins with '" + std::string(kHead) + "'");
    }
    if (line.starts_with(kBaud)) {
      const auto baud = number(line.substr(kBaud.size()));
      if (!baud.has_value() || *baud < 300 || *baud > 1'000'000) {
        return fail("the baud rate is a number from 300 to 1000000");
      }
      recording.baud = static_cast<std::uint32_t>(*baud);
    }
    if (line.empty() || line.starts_with('#')) {
      continue;
    }
    RecordedBurst burst;
    burst.line = line_number;
    if (const std::string problem = parse_line(line, burst); !problem.empty()) {
      return fail(problem);
    }
    // Talks stand in the order of their ends; of two that overlapped the second may have begun first.
    if (burst.begin + kByteMax * static_cast<std::int64_t>(burst.bytes.size()) < latest) {
      return fail("time goes back");
    }
    latest = std::max(latest, burst.begin);
    recording.bursts.push_back(std::move(burst));
  }
  std::stable_sort(recording.bursts.begin(), recording.bursts.end(),
                   [](const RecordedBurst& a, const RecordedBurst& b) { return a.begin < b.begin; });
  if (recording.baud == 0) {
    return fail("nowhere is said '" + std::string(kBaud) + "9600'");
  }
  return recording;
}

// Replay ------------------------------------------------------------------------------------------------------------

std::size_t Replay::next_host_burst(std::size_t from) const {
  while (from < recording_.bursts.size() && !recording_.bursts[from].from_host) {
    ++from;
  }
  return from;
}

void Replay::host_sends(Bytes bytes, Instant now) {
  advance(now);
  if (bytes.empty()) {
    return;
  }
  line_end_ = std::max(now, line_end_);
  for (const std::byte value : bytes) {
    if (line_.empty()) {
      line_begin_ = line_end_;
    }
    line_.push_back(value);
    line_end_ = line_end_ + each();
    if (line_.size() == kBurstMax) {
      end_of_host_burst();
    }
  }
  const std::size_t expected = next_host_burst(next_);
  if (expected < recording_.bursts.size() && line_ == recording_.bursts[expected].bytes) {
    end_of_host_burst();
  }
}

std::size_t Replay::host_backlog(Instant now) const {
  return line_end_ > now ? static_cast<std::size_t>((line_end_ - now).us / each().us) : 0;
}

void Replay::end_of_host_burst() {
  bursts_.push_back({line_begin_, line_end_, emulator::kHostTalks, line_, false});
  const std::vector<std::byte> said = std::exchange(line_, {});
  const std::size_t expected = next_host_burst(next_);
  const auto& bursts = recording_.bursts;
  if (expected < bursts.size() && bursts[expected].bytes == said) {
    answer(expected, line_end_);
    return;
  }
  ++differences_;
  std::string note = expected < bursts.size()
                         ? "line " + std::to_string(bursts[expected].line) + ": the recording's host sent " +
                               emulator::to_hex(bursts[expected].bytes) + ", this one " + emulator::to_hex(said)
                         : "after its end: this host sent " + emulator::to_hex(said);
  std::size_t later = expected;
  while (later < bursts.size() && !(bursts[later].from_host && bursts[later].bytes == said)) {
    ++later;
  }
  if (later < bursts.size()) {
    note += "; going on at line " + std::to_string(bursts[later].line);
    answer(later, line_end_);
  }
  notes_.push_back(note);
}

// What boards said between this burst of the host and its next one comes with the same delays.
void Replay::answer(std::size_t index, Instant heard) {
  const RecordedBurst& question = recording_.bursts[index];
  const Instant asked = question.begin + each() * static_cast<std::int64_t>(question.bytes.size());
  next_ = index + 1;
  for (; next_ < recording_.bursts.size() && !recording_.bursts[next_].from_host; ++next_) {
    const RecordedBurst& reply = recording_.bursts[next_];
    out_.push_back({heard + (reply.begin - asked), reply.bytes, 0});
  }
}

void Replay::advance(Instant now) {
  if (!started_) {
    started_ = true;
    // Before the host's first word, by the recording's own time.
    for (; next_ < recording_.bursts.size() && !recording_.bursts[next_].from_host; ++next_) {
      out_.push_back({now + (recording_.bursts[next_].begin - Instant{}), recording_.bursts[next_].bytes, 0});
    }
  }
  if (!line_.empty() && now - line_end_ >= kHostPause) {
    end_of_host_burst();
  }
  for (Out& out : out_) {
    while (out.done < out.bytes.size() && out.begin + each() * static_cast<std::int64_t>(out.done + 1) <= now) {
      heard_.push_back(out.bytes[out.done++]);
    }
    if (out.done == out.bytes.size()) {
      bursts_.push_back({out.begin, out.begin + each() * static_cast<std::int64_t>(out.done), 0, out.bytes, false});
    }
  }
  std::erase_if(out_, [](const Out& out) { return out.done == out.bytes.size(); });
  if (!over_ && next_ == recording_.bursts.size() && out_.empty()) {
    over_ = true;
    notes_.push_back("the recording is at its end");
  }
}

std::vector<std::byte> Replay::host_hears(Instant now) {
  advance(now);
  return std::exchange(heard_, {});
}

Instant Replay::next_call() const {
  Instant next = line_.empty() ? Instant::max() : line_end_ + kHostPause;
  for (const Out& out : out_) {
    next = std::min(next, out.begin + each() * static_cast<std::int64_t>(out.done + 1));
  }
  return started_ ? next : Instant{};
}

std::vector<Burst> Replay::take_bursts() {
  return std::exchange(bursts_, {});
}

std::vector<std::string> Replay::take_notes() {
  return std::exchange(notes_, {});
}

}  // namespace cubby::tools
