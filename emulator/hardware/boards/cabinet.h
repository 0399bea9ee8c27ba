#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "emulator/hardware/boards/door_rack.h"
#include "emulator/hardware/boards/serial_line.h"

namespace cubby::emulator {

struct CabinetOptions : SerialLineOptions {
  std::uint32_t supply_ma = 0;  // More than that, and every board boots; 0: enough for anything.
};

/// Lock boards of any families on one line, the doors behind them and the supply of both. No clock: the owner says what
/// time it is, and times never go back.
class Cabinet {
 public:
  explicit Cabinet(const CabinetOptions& options);
  /// Before anything else; its channels get new doors. Returns one sentence that says why not; empty: done.
  std::string add_board(const BoardProfile& profile);

  void host_sends(Bytes bytes, Instant now) { line_.host_sends(bytes, now); }
  std::size_t host_backlog() const { return line_.host_backlog(); }
  bool quiet() const { return line_.quiet(); }
  /// What has arrived at the host by `now`, oldest first.
  std::vector<std::byte> host_hears(Instant now);
  void advance(Instant now);
  /// When advance() has something to do next.
  Instant next_call() const;
  /// The supply of boards and coils is gone and back.
  void power_cycle(Instant now) { line_.power_cycle(now); }
  void set_line_baud(std::uint32_t baud) { line_.set_line_baud(baud); }

  /// For its faults. Whoever changes them at a time calls advance() with that time first: doors move before the line
  /// goes on.
  SerialLine& line() { return line_; }
  const SerialLine& line() const { return line_; }
  DoorRack& doors() { return doors_; }
  const DoorRack& doors() const { return doors_; }
  std::size_t board_count() const { return line_.board_count(); }
  const LockBoardDevice& board(std::size_t index) const { return line_.board(index); }
  /// Number of the first door (index from 0) behind that board.
  std::size_t first_door(std::size_t board) const { return first_door_[board]; }
  /// Talks that ended since the last call, in the order of their ends.
  std::vector<Burst> take_bursts() { return line_.take_bursts(); }
  std::uint64_t collisions() const { return line_.counts().collisions; }
  std::uint64_t brown_outs() const { return brown_outs_; }
  /// When the supply broke down since the last call. The boards have started again; whatever else it feeds, such as a
  /// controller, is for the owner to restart.
  std::vector<Instant> take_brown_outs();

 private:
  std::uint32_t supply_ma_;
  DoorRack doors_;
  SerialLine line_;
  std::vector<std::size_t> first_door_;
  std::uint64_t brown_outs_ = 0;
  std::vector<Instant> new_brown_outs_;
};

}  // namespace cubby::emulator
