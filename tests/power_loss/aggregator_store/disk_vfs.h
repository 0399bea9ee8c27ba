#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <map>
#include <memory>
#include <vector>

#include "power_loss/aggregator_store/disk.h"

namespace cubby::aggregator_store {

/// What goes wrong, and when.
struct Fault {
  enum class Kind : std::uint8_t {
    kNone,
    kRead,         // Cannot be read.
    kFull,         // No room for a write.
    kWrite,        // Cannot be written.
    kSync,         // Fails; what was written stays unsynced.
    kSyncForgets,  // Fails as on Linux: see Disk::fail_sync().
  };
  Kind kind = Kind::kNone;
  std::uint64_t at = 0;  // Number of the read, write or sync, from 0, counted from arm().
  bool lasts = false;    // That one and all later ones; else that one alone.
};

/// SQLite's files on a Disk. While it lives it is the default of this process, so that whoever opens a store opens it
/// there. One at a time, one thread.
class DiskVfs {
 public:
  DiskVfs();
  ~DiskVfs();
  DiskVfs(const DiskVfs&) = delete;
  DiskVfs& operator=(const DiskVfs&) = delete;

  /// Puts another disk in. No file may be open. Shared memory goes with the process that had it.
  void insert(Disk disk);
  const Disk& disk() const { return disk_; }
  /// Keeps every operation from now on in `log`; null: no longer.
  void record(std::vector<Operation>* log) { log_ = log; }
  void arm(Fault fault);
  bool has_struck() const { return struck_; }
  /// Seen since arm(), by kind of fault.
  std::uint64_t seen(Fault::Kind kind) const;

 private:
  struct File;
  struct Methods;
  friend struct Methods;
  struct SharedMemory {
    std::vector<std::unique_ptr<std::byte[]>> regions;
  };

  bool strikes(Fault::Kind kind);
  void perform(Operation operation);

  sqlite3_vfs vfs_{};
  sqlite3_vfs* system_ = nullptr;  // For randomness and the time.
  Disk disk_;
  std::vector<File*> open_;
  std::map<std::string, SharedMemory> shared_;
  std::vector<Operation>* log_ = nullptr;
  Fault fault_;
  bool struck_ = false;
  std::uint64_t reads_ = 0;
  std::uint64_t writes_ = 0;
  std::uint64_t syncs_ = 0;
};

}  // namespace cubby::aggregator_store
