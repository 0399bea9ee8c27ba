#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "emulator/hardware/boards/cabinet.h"

/// What goes over a segment, as text: what `cubby board` prints, records and replays (docs/spec/boards.md, recordings).
namespace cubby::tools {

/// Joins the host's bytes that came in several writes, and puts bursts into words.
class TrafficLog {
 public:
  explicit TrafficLog(std::vector<BoardFamily> families) : families_(std::move(families)) {}
  void add(const emulator::Burst& burst);
  /// Lines that are complete at `now`.
  std::vector<std::string> take_lines(Instant now);
  /// When take_lines() has more; Instant::max(): not before another burst.
  Instant next_line() const;

 private:
  void finish();
  std::vector<BoardFamily> families_;
  std::optional<emulator::Burst> pending_;
  std::vector<std::string> lines_;
};

/// "12.345678 host 8A 01 01 11 9B | p1 board 1: unlock 1".
std::string traffic_line(const emulator::Burst& burst, const std::vector<BoardFamily>& families);
/// The first lines of a recording.
std::string recording_head(std::uint32_t baud, const std::vector<std::string>& boards);

struct RecordedBurst {
  std::size_t line = 0;  // From 1.
  Instant begin{};
  bool from_host = false;
  std::vector<std::byte> bytes;
};
struct Recording {
  std::uint32_t baud = 0;
  std::vector<RecordedBurst> bursts;
  std::string error;  // Not empty: "line 3: what is wrong", and there is nothing to replay.
};
Recording parse_recording(std::string_view text);

/// Plays the boards' part of a recording: bytes with times in, bytes with times out, and what differs in words.
class Replay {
 public:
  explicit Replay(Recording recording) : recording_(std::move(recording)) {}
  void host_sends(Bytes bytes, Instant now);
  /// Bytes that the host would still be sending at the recording's speed.
  std::size_t host_backlog(Instant now) const;
  /// Nobody talks, and no answer is due.
  bool quiet() const { return line_.empty() && out_.empty(); }
  std::vector<std::byte> host_hears(Instant now);
  Instant next_call() const;
  std::vector<emulator::Burst> take_bursts();
  /// Sentences since the last call.
  std::vector<std::string> take_notes();
  std::uint32_t baud() const { return recording_.baud; }
  std::uint64_t differences() const { return differences_; }

 private:
  struct Out {
    Instant begin{};
    std::vector<std::byte> bytes;
    std::size_t done = 0;
  };
  Duration each() const { return emulator::byte_time(recording_.baud); }
  void advance(Instant now);
  void end_of_host_burst();
  void answer(std::size_t index, Instant heard);
  std::size_t next_host_burst(std::size_t from) const;

  Recording recording_;
  std::size_t next_ = 0;  // First burst of the recording that was not played yet.
  bool started_ = false;
  bool over_ = false;
  std::vector<std::byte> line_;
  Instant line_begin_{};
  Instant line_end_{};
  std::vector<Out> out_;
  std::vector<std::byte> heard_;
  std::vector<emulator::Burst> bursts_;
  std::vector<std::string> notes_;
  std::uint64_t differences_ = 0;
};

}  // namespace cubby::tools
