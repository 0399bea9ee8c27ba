#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "emulator/hardware/boards/line_noise.h"
#include "emulator/hardware/boards/lock_board_device.h"
#include "firmware/base/prng.h"

namespace cubby::emulator {

/// Who talks on a segment.
inline constexpr int kHostTalks = -1;

/// One talk as everybody on the segment heard it.
struct Burst {
  Instant begin{};
  Instant end{};
  int who = kHostTalks;  // Or the board's index.
  std::vector<std::byte> bytes;
  bool spoiled = false;  // Somebody else talked at the same time, or the line was noisy.
};

struct SerialLineOptions {
  std::uint64_t seed = 1;
  std::uint32_t line_baud = 0;  // What the host talks at; 0: whatever the first board does.
  NoiseRates noise;
  bool host_is_paced = false;  // The host's bytes have taken their time on a real wire already.
  bool local_echo = false;     // The host's adapter gives it its own bytes back.
  bool keeps_bursts = true;    // For take_bursts(); false: nobody calls it.
};

/// Faults that have happened.
struct LineCounts {
  std::array<std::uint64_t, kNoiseKinds.size()> noise{};  // By NoiseKind.
  std::uint64_t collisions = 0;                           // Talks that overlapped another.
  std::uint64_t breaks = 0;
  std::uint64_t held_bytes = 0;  // Spoiled by a transmitter that did not let go.
  std::uint64_t babbles = 0;     // Talks of garbage.
  std::uint64_t reboots = 0;     // Of single boards.
  std::uint64_t of(NoiseKind kind) const { return noise[static_cast<std::size_t>(kind)]; }
};

/// The half-duplex wire on which a host and lock boards of any families talk. The host gives bytes and takes bytes;
/// both take their time on the line. Two who talk at once spoil both. Knows no doors: boards bring their wiring. No
/// clock: the owner says what time it is, and times never go back. Everything follows from the seed; each fault has a
/// generator of its own, so that one more does not shift the others.
class SerialLine {
 public:
  static constexpr std::size_t kBoardsMax = 32;
  static constexpr std::uint32_t kBabblesPerMinuteMax = 6'000;

  explicit SerialLine(const SerialLineOptions& options);
  /// Before anything else; the wiring outlives the line and knows the board by its index, from 0. Returns one sentence
  /// that says why not; empty: done. Two boards may have one address: both answer, and spoil each other's answers.
  std::string add_board(const BoardProfile& profile, LockWiring& wiring);

  /// The host's bytes follow those that it is still sending.
  void host_sends(Bytes bytes, Instant now);
  /// Bytes that the host is still sending.
  std::size_t host_backlog() const;
  /// What has arrived at the host by `now`, oldest first.
  std::vector<std::byte> host_hears(Instant now);
  /// When the last byte that is under way to the host, or was not taken yet, is there; Instant::max(): there is none.
  Instant host_last_arrival() const;
  /// The host and its adapter lose their power for a moment: the rest of its talk never comes, and what it has not
  /// taken is gone.
  void restart_host(Instant now);
  /// Nobody talks, and no board has an answer under way. A frame that only silence ends may still bring one.
  bool quiet() const;
  void advance(Instant now);
  /// When advance() has something to do next; Instant::max(): only after a byte of the host.
  Instant next_call() const;
  /// The same, but of a talk on an otherwise quiet line only the end: whoever looks at nothing before may sleep so
  /// long.
  Instant next_event() const;
  /// The boards' supply is gone and back.
  void power_cycle(Instant now);
  /// One board's supply is.
  void reboot(std::size_t board, Instant now);
  void set_line_baud(std::uint32_t baud) { options_.line_baud = baud; }
  std::uint32_t line_baud() const;
  Duration host_byte_time() const { return byte_time(line_baud()); }

  // Faults ----------------------------------------------------------------------------------------------------------
  /// What kGlue keeps back is let go when its rate becomes 0.
  void set_noise(const NoiseRates& rates, Instant now);
  const NoiseRates& noise() const { return options_.noise; }
  void set_local_echo(bool on) { options_.local_echo = on; }
  bool local_echo() const { return options_.local_echo; }
  /// The line is low from `now` to `until`: everybody hears one 00 and then nothing. `until` of `now` ends it.
  void hold_low(Instant now, Instant until);
  bool held_low(Instant now) const { return low_from_ <= now && now < low_until_; }
  /// The board's transmitter does not let go before `until`: what all others say is spoiled. A restart is no cure.
  /// `until` of `now` ends it.
  void hold_line(std::size_t board, Instant now, Instant until);
  bool holds_line(std::size_t board, Instant now) const;
  /// The board hears nothing and says nothing before `until`, as one whose plug came off; its pulses run on. `until` of
  /// `now` ends it.
  void silence(std::size_t board, Instant now, Instant until);
  bool is_silent(std::size_t board, Instant now) const { return now < nodes_[board].silent_until; }
  /// The board says 1 to 16 bytes of garbage, so often on average, whoever else talks. 0 ends it.
  void babble(std::size_t board, std::uint32_t per_minute, Instant now);
  std::uint32_t babbles_per_minute(std::size_t board) const { return nodes_[board].babbles_per_minute; }
  /// The board loses its power for a moment at `at`.
  void reboot_at(std::size_t board, Instant at) { nodes_[board].reboots_at = at; }
  /// The board loses its power in the middle of the next command that it obeys: before its answer or within it.
  void reboot_in_next_command(std::size_t board);
  bool reboots_in_next_command(std::size_t board) const { return nodes_[board].reboots_in_command; }
  /// Ends every fault but the echo.
  void heal(Instant now);
  const LineCounts& counts() const { return counts_; }
  std::uint64_t reboots_of(std::size_t board) const { return nodes_[board].reboots; }

  std::size_t board_count() const { return nodes_.size(); }
  const LockBoardDevice& board(std::size_t index) const { return *nodes_[index].board; }
  /// Talks that ended since the last call, in the order of their ends. One of which nothing was heard is none.
  std::vector<Burst> take_bursts();

 private:
  struct Talk {
    Burst burst;  // Its bytes: what was heard so far.
    std::vector<std::byte> said;
    Duration byte_time{};
    std::uint32_t baud = 0;
    std::size_t done = 0;    // Of `said`.
    bool kept_back = false;  // The host hears it only with the next one.
    bool collided = false;
    Instant next_byte() const { return burst.begin + byte_time * static_cast<std::int64_t>(done + 1); }
    bool over() const { return done == said.size(); }
  };
  struct Node {
    std::unique_ptr<LockBoardDevice> board;
    Prng garbage;
    Prng restarts;
    Instant holds_from = Instant::max();
    Instant holds_until{};
    Instant silent_until{};
    std::uint32_t babbles_per_minute = 0;
    Instant babbles_at = Instant::max();
    std::uint64_t reboots = 0;
    Instant reboots_at = Instant::max();
    bool reboots_in_command = false;
    std::uint64_t reboots_after_work = 0;  // Of the board: what it was told before does not count.
    bool reboots_in_answer = false;
  };

  void step(Instant at);
  /// Index of the one talk that is under way; talks_.size(): there is none, or more than one.
  std::size_t only_talk() const;
  /// When a board, a babble, a restart or a break has something to do next.
  Instant next_work() const;
  bool run_only_talk(Instant now);
  void forget_talks(Instant now);
  void begin_host_talk(std::vector<std::byte> bytes, Instant now);
  void begin_talk(int who, Instant begin, std::uint32_t baud, std::vector<std::byte> said);
  /// When that talker's last talk is over; not before `now`.
  Instant free_at(int who, Instant now) const;
  bool keep_back(Bytes bytes, Instant now);
  void deliver(std::size_t talk, Instant at);
  std::size_t suffer(Talk& talk, std::byte& value, Instant at);
  std::size_t suffer_noise(Talk& talk, std::byte& value);
  bool draw(NoiseKind kind);
  void count(NoiseKind kind, bool happened) { counts_.noise[static_cast<std::size_t>(kind)] += happened ? 1 : 0; }
  void to_host(Talk& talk, std::byte value, Instant at);
  void release_to_host(Instant at);
  void hear_break(Instant at);
  void begin_babble(std::size_t index, Instant at);
  void plan_reboot(Node& node, Instant at);
  void collect();
  void cut_off(int who, Instant now);
  void log(const Talk& talk);
  bool reaches_host(const Talk& talk) const;
  std::byte spoil(std::byte value) { return value ^ static_cast<std::byte>(1 + prng_.below(255)); }

  SerialLineOptions options_;
  Prng prng_;
  std::vector<Prng> noise_;  // By NoiseKind.
  std::vector<Node> nodes_;
  std::vector<Talk> talks_;
  std::vector<std::byte> heard_;
  Instant heard_at_{};
  std::vector<Burst> bursts_;
  LineCounts counts_;
  std::size_t burst_left_ = 0;  // So many more bytes are in a burst of flips.
  Instant low_from_{};
  Instant low_until_{};
  Instant break_heard_at_ = Instant::max();
  // What kGlue keeps back: of the host, and for it.
  std::vector<std::byte> host_kept_;
  Instant host_kept_until_{};  // What comes until then belongs to the same talk.
  std::vector<std::byte> kept_for_host_;
};

}  // namespace cubby::emulator
