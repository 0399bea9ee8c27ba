#include "tools/cubby/board_prompt_line.h"

#include <charconv>
#include <optional>

#include "tools/support/text.h"

namespace cubby::tools {
namespace {

using emulator::Cabinet;
using emulator::LineCounts;
using emulator::NoiseKind;
using emulator::SerialLine;
using Words = std::vector<std::string>;

constexpr std::uint64_t kBreakMaxMs = 3'600'000;

PromptAnswer refuse(const std::string& why) {
  return {why, false, false};
}

PromptAnswer done(const std::string& text) {
  return {text, true, false};
}

std::optional<std::uint64_t> number_in(const std::string& word) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), number);
  return error == std::errc() && end == word.data() + word.size() ? std::optional(number) : std::nullopt;
}

std::optional<Duration> time_in(const std::string& word) {
  const auto length_ms = parse_duration_ms(word);
  return length_ms.has_value() ? std::optional(Duration::milliseconds(static_cast<std::int64_t>(*length_ms)))
                               : std::nullopt;
}

// "3 flips", "1 flip".
std::string counted(std::uint64_t count, const std::string& one, const std::string& many) {
  return std::to_string(count) + " " + (count == 1 ? one : many);
}

PromptAnswer noise(SerialLine& line, const Words& words, Instant now) {
  emulator::NoiseRates rates = line.noise();
  if (words.size() > 2) {
    return refuse("noise takes its rates without spaces: noise flip=1000,drop=500");
  }
  if (words.size() == 2) {
    if (const std::string problem = apply_noise(rates, words[1]); !problem.empty()) {
      return refuse(problem);
    }
    line.set_noise(rates, now);
  }
  return done("noise " + to_string(rates));
}

PromptAnswer hold_low(SerialLine& line, const Words& words, Instant now) {
  const auto length = words.size() == 2 ? time_in(words[1]) : std::nullopt;
  if (!length.has_value() || length->us == 0 || length->ms() > static_cast<std::int64_t>(kBreakMaxMs)) {
    return refuse("break takes a time, 1ms to 1h: break 500ms");
  }
  line.hold_low(now, now + *length);
  return done("the line is low for " + words[1]);
}

PromptAnswer echo(SerialLine& line, const Words& words) {
  if (words.size() != 2 || (words[1] != "on" && words[1] != "off")) {
    return refuse("echo takes on or off: whether the host gets its own bytes back");
  }
  line.set_local_echo(words[1] == "on");
  return done("echo " + words[1]);
}

PromptAnswer hold_line(SerialLine& line, const Words& words, std::size_t board, Instant now) {
  const auto length = words.size() == 3 && words[2] != "off" ? time_in(words[2]) : std::nullopt;
  if (words.size() > 3 || (words.size() == 3 && words[2] != "off" && !length.has_value())) {
    return refuse("hold-line takes a board and how long, or off: hold-line 1, hold-line 1 10s, hold-line 1 off");
  }
  const bool off = words.size() == 3 && words[2] == "off";
  line.hold_line(board, now, off ? now : length.has_value() ? now + *length : Instant::max());
  return done("board " + words[1] + (off ? " lets go of the line" : " does not let go of the line"));
}

PromptAnswer babble(SerialLine& line, const Words& words, std::size_t board, Instant now) {
  const auto per_minute = words.size() != 3   ? std::nullopt
                          : words[2] == "off" ? std::optional<std::uint64_t>(0)
                                              : number_in(words[2]);
  if (!per_minute.has_value() || *per_minute > SerialLine::kBabblesPerMinuteMax) {
    return refuse("babble takes a board and how often a minute it talks garbage, 0 to " +
                  std::to_string(SerialLine::kBabblesPerMinuteMax) + ", or off: babble 1 60");
  }
  line.babble(board, static_cast<std::uint32_t>(*per_minute), now);
  return done("board " + words[1] + (*per_minute == 0 ? " does not babble" : " babbles"));
}

PromptAnswer reboot(SerialLine& line, const Words& words, std::size_t board, Instant now) {
  if (words.size() == 2) {
    line.reboot_at(board, now);
    return done("board " + words[1] + " starts again");
  }
  if (words.size() == 3 && words[2] == "next") {
    line.reboot_in_next_command(board);
    return done("board " + words[1] + " starts again in its next command");
  }
  const auto length = words.size() == 3 ? time_in(words[2]) : std::nullopt;
  if (!length.has_value()) {
    return refuse("reboot takes a board and when, now if nothing is said: reboot 1, reboot 1 10s, reboot 1 next");
  }
  line.reboot_at(board, now + *length);
  return done("board " + words[1] + " starts again in " + words[2]);
}

std::string counts_of(const LineCounts& counts) {
  return counted(counts.of(NoiseKind::kFlip), "flip", "flips") + ", " +
         counted(counts.of(NoiseKind::kBurst), "burst", "bursts") + ", " +
         counted(counts.of(NoiseKind::kDrop), "byte dropped", "bytes dropped") + ", " +
         counted(counts.of(NoiseKind::kDouble), "byte doubled", "bytes doubled") + ", " +
         counted(counts.of(NoiseKind::kGlue), "talk glued", "talks glued") + ", " +
         counted(counts.collisions, "talk that overlapped another", "talks that overlapped another") + ", " +
         counted(counts.breaks, "break", "breaks") + ", " +
         counted(counts.held_bytes, "byte under a stuck transmitter", "bytes under a stuck transmitter") + ", " +
         counted(counts.babbles, "babble", "babbles") + ", " + counted(counts.reboots, "restart", "restarts");
}

std::string describe_line(const Cabinet& cabinet, Instant now) {
  const SerialLine& line = cabinet.line();
  std::string text = "noise " + to_string(line.noise()) + ", echo " + (line.local_echo() ? "on" : "off");
  text += line.held_low(now) ? ", low" : "";
  for (std::size_t board = 0; board < line.board_count(); ++board) {
    const std::string name = "\nboard " + std::to_string(board + 1);
    text += line.holds_line(board, now) ? name + " does not let go of the line" : "";
    text += line.babbles_per_minute(board) == 0
                ? ""
                : name + " babbles " + counted(line.babbles_per_minute(board), "time", "times") + " a minute";
    text += line.reboots_in_next_command(board) ? name + " starts again in its next command" : "";
  }
  return text + "\nso far: " + counts_of(line.counts()) + ", " +
         counted(cabinet.brown_outs(), "brown-out", "brown-outs");
}

}  // namespace

const std::vector<std::string>& line_orders() {
  static const std::vector<std::string> kOrders{"noise",  "break", "hold-line", "babble",
                                                "reboot", "echo",  "line",      "heal-line"};
  return kOrders;
}

std::string line_help() {
  return "noise K=R,... kinds flip, burst, drop, double (rates in a million bytes) and glue (talks); or: noise off\n"
         "break 500ms   the line is low that long\n"
         "hold-line B   board B's transmitter is stuck, for 10s if so said, or until: hold-line B off\n"
         "babble B N    board B talks garbage N times a minute; or: babble B off\n"
         "reboot B      board B starts again; with 10s in ten seconds, with next in its next command\n"
         "echo on       the host gets its own bytes back; or: echo off\n"
         "line          its faults, and how often each has happened\n"
         "heal-line     no noise, break, babble, stuck transmitter or restart any more\n";
}

PromptAnswer obey_line(Cabinet& cabinet, const Words& words, Instant now) {
  SerialLine& line = cabinet.line();
  const std::string& verb = words[0];
  if (verb == "noise") {
    return noise(line, words, now);
  }
  if (verb == "break") {
    return hold_low(line, words, now);
  }
  if (verb == "echo") {
    return echo(line, words);
  }
  if (verb == "line" || verb == "heal-line") {
    if (words.size() != 1) {
      return refuse(verb + " stands alone");
    }
    if (verb == "heal-line") {
      line.heal(now);
    }
    return done(describe_line(cabinet, now));
  }
  const auto number = words.size() < 2 ? std::nullopt : number_in(words[1]);
  if (!number.has_value() || *number < 1 || *number > line.board_count()) {
    return refuse(verb + " takes a board, 1 to " + std::to_string(line.board_count()) +
                  (words.size() < 2 ? "" : ", not '" + words[1] + "'"));
  }
  const std::size_t board = *number - 1;
  if (verb == "hold-line") {
    return hold_line(line, words, board, now);
  }
  return verb == "babble" ? babble(line, words, board, now) : reboot(line, words, board, now);
}

}  // namespace cubby::tools
