#pragma once

#include <string>

namespace cubby::aggregator {

/// Keeps a second writer away from a store. On the database file itself: the lock dies with the process and leaves
/// no file behind; flock does not touch SQLite's own (fcntl) locks as long as the descriptor stays open.
class FileLock {
 public:
  FileLock() = default;
  ~FileLock();
  FileLock(const FileLock&) = delete;
  FileLock& operator=(const FileLock&) = delete;
  /// Empty, or one line for a person. Makes the file if there is none.
  std::string take(const std::string& path);
  /// Whether somebody has it now. Not while this process has the file open with SQLite.
  static bool is_taken(const std::string& path);

 private:
  int descriptor_ = -1;
};

}  // namespace cubby::aggregator
