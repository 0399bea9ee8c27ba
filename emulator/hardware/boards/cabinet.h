#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "emulator/hardware/boards/door_rack.h"
#include "emulator/hardware/boards/lock_board_device.h"

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

struct CabinetOptions {
  std::uint64_t seed = 1;
  std::uint32_t line_baud = 0;          // What the host talks at; 0: whatever the first board does.
  std::uint32_t supply_ma = 0;          // More than that, and every board boots; 0: enough for anything.
  std::uint32_t noise_per_million = 0;  // Of the bytes on the line, one bit flipped.
  bool host_is_paced = false;           // The host's bytes have taken their time on a real wire already.
};

/// Lock boards of any families on one half-duplex segment, and the doors behind them. The host gives bytes and takes
/// bytes; both take their time on the line. Two who talk at once spoil both. No clock: the owner says what time it is,
/// and times never go back.
class Cabinet {
 public:
  static constexpr std::size_t kBoardsMax = 32;

  explicit Cabinet(const CabinetOptions& options);
  /// Before anything else. Returns one sentence that says why not; empty: done.
  std::string add_board(const BoardProfile& profile);

  /// The host's bytes follow those that it is still sending.
  void host_sends(Bytes bytes, Instant now);
  /// Bytes that the host is still sending.
  std::size_t host_backlog() const;
  /// Nobody talks, and no board has an answer under way. A frame that only silence ends may still bring one.
  bool quiet() const;
  /// What has arrived at the host by `now`, oldest first.
  std::vector<std::byte> host_hears(Instant now);
  void advance(Instant now);
  /// When advance() has something to do next.
  Instant next_call() const;
  /// The supply of boards and coils is gone and back.
  void power_cycle(Instant now);
  void set_line_baud(std::uint32_t baud) { options_.line_baud = baud; }
  std::uint32_t line_baud() const;
  Duration host_byte_time() const { return byte_time(line_baud()); }

  DoorRack& doors() { return doors_; }
  const DoorRack& doors() const { return doors_; }
  std::size_t board_count() const { return boards_.size(); }
  const LockBoardDevice& board(std::size_t index) const { return *boards_[index]; }
  /// Number of the first door (index from 0) behind that board.
  std::size_t first_door(std::size_t board) const { return first_door_[board]; }
  /// Talks that ended since the last call, in the order of their ends.
  std::vector<Burst> take_bursts();
  std::uint64_t collisions() const { return collisions_; }
  std::uint64_t brown_outs() const { return brown_outs_; }

 private:
  struct Talk {
    Burst burst;
    Duration byte_time{};
    std::uint32_t baud = 0;
    std::size_t done = 0;
    Instant next_byte() const { return burst.begin + byte_time * static_cast<std::int64_t>(done + 1); }
    bool over() const { return done == burst.bytes.size(); }
  };

  void step(Instant at);
  void deliver(std::size_t talk, Instant at);
  void collect();
  std::byte spoil(std::byte value) { return value ^ static_cast<std::byte>(1 + prng_.below(255)); }

  CabinetOptions options_;
  Prng prng_;
  DoorRack doors_;
  std::vector<std::unique_ptr<LockBoardDevice>> boards_;
  std::vector<std::size_t> first_door_;
  bool local_echo_ = false;
  std::vector<Talk> talks_;
  std::vector<std::byte> heard_;
  std::vector<Burst> bursts_;
  std::uint64_t collisions_ = 0;
  std::uint64_t brown_outs_ = 0;
};

}  // namespace cubby::emulator
