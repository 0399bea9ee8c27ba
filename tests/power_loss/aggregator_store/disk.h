#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "firmware/base/bytes.h"
#include "firmware/base/prng.h"

/// A file system behind a page cache, as far as a store depends on it.
namespace cubby::aggregator_store {

/// Writes are atomic by sectors of this size, at multiples of it in the file.
inline constexpr std::uint64_t kSectorSize = 512;

/// What a store asks of the disk that is not a read.
struct Operation {
  enum class Kind : std::uint8_t { kCreate, kDelete, kWrite, kTruncate, kSync };
  Kind kind = Kind::kWrite;
  std::string name;
  std::uint64_t offset = 0;  // Of a write; a truncation's new size.
  std::vector<std::byte> data;
  bool folder = false;  // A sync or deletion that makes the names in the folder durable too.
};

/// What has become of that which was not synced when the power went.
enum class CutMode : std::uint8_t {
  kKept,      // All of it got there.
  kDropped,   // Nothing of it.
  kTorn,      // All but the second half of the last write.
  kLastOnly,  // The last write overtook all others.
  kKilled,    // The process died, the computer did not: all is still in the page cache, and unsynced.
  kSome,      // Each sector for itself, as the seed says.
};
const char* to_string(CutMode mode);

class Disk {
 public:
  /// Of a file that is there.
  static constexpr std::size_t kNone = SIZE_MAX;
  std::size_t find(const std::string& name) const;
  const std::vector<std::byte>& content(std::size_t file) const { return files_[file].now; }

  void apply(const Operation& operation);
  /// A sync that fails as Linux does it: what was to be written is forgotten, later reads still see it, and the next
  /// sync has nothing to say about it.
  void fail_sync(const std::string& name);
  /// The disk as the next boot finds it (kKilled: as the next process finds it).
  Disk cut(CutMode mode, Prng& prng) const;

 private:
  struct Change {
    bool truncates = false;
    std::uint64_t offset = 0;
    std::vector<std::byte> data;
  };
  struct File {
    std::vector<std::byte> now;
    std::vector<std::byte> durable;
    std::vector<Change> unsynced;  // Oldest first.
  };
  struct NameChange {
    std::string name;
    std::size_t file = kNone;  // kNone: deleted.
  };
  using Names = std::map<std::string, std::size_t>;

  static void change(std::vector<std::byte>& bytes, const Change& change);
  static void change_some(std::vector<std::byte>& bytes, const Change& change, std::uint64_t kept_of_8, Prng& prng);
  static void rename(Names& names, const NameChange& change);
  static std::vector<std::byte> survive(const File& file, bool holds_last, CutMode mode, Prng& prng);
  void sync_names();

  std::vector<File> files_;  // A deleted one stays: its name may come back.
  Names names_;
  Names durable_names_;
  std::vector<NameChange> name_changes_;  // Not durable yet, oldest first.
  std::size_t last_ = kNone;              // File of the newest operation.
};

}  // namespace cubby::aggregator_store
