#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "emulator/fleet/fleet.h"
#include "tools/emulator/run_options.h"

struct sqlite3;
struct sqlite3_stmt;

namespace cubby::tools {

/// A fleet's durable state: flash, world, people and ledger of every station, saved before anything that
/// happened since leaves for the centre. So the centre never knows more than the state does.
class StateStore {
 public:
  ~StateStore();
  StateStore(const StateStore&) = delete;
  StateStore& operator=(const StateStore&) = delete;

  /// Opens DIR/state.db, making it if missing. Null: `error` says why; a state of another fleet (profile,
  /// seed, stations) is refused. Run id, and a seed that was not asked for, become those of the state.
  static std::unique_ptr<StateStore> open(RunOptions& options, std::string& error);

  /// True: there is a state to go on from.
  bool resumable() const { return saved_us_ > 0; }
  std::int64_t saved_us() const { return saved_us_; }
  /// Gives every saved station its state back. False: damaged.
  bool restore(emulator::Fleet& fleet, std::string& error);
  /// Saves those stations and that the whole fleet is at least at `now_us`, in one transaction.
  bool save(const emulator::Fleet& fleet, const std::vector<std::size_t>& stations, std::int64_t now_us);

 private:
  StateStore() = default;
  bool prepare(const std::string& file);
  bool execute(const char* sql);
  std::string read_meta(const char* key);
  bool write_meta(const char* key, const std::string& value);

  sqlite3* database_ = nullptr;
  sqlite3_stmt* put_station_ = nullptr;
  sqlite3_stmt* put_flash_ = nullptr;
  sqlite3_stmt* put_meta_ = nullptr;
  std::int64_t saved_us_ = 0;
};

}  // namespace cubby::tools
