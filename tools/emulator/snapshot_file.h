#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "emulator/fleet/fleet.h"
#include "tools/emulator/centre_link.h"
#include "tools/emulator/run_options.h"

/// A whole fleet in one file, as it was at one virtual time; docs/spec/snapshot.md.
namespace cubby::tools {

using OptionTexts = std::vector<std::pair<std::string, std::string>>;

/// What tells one fleet from another, as texts by name: what --state refuses to change and what a snapshot keeps.
OptionTexts fleet_identity(const RunOptions& options);

/// Writes the fleet at `now_us`, whole or not at all; what stood in that place stays until then. Not while people are
/// frozen. Empty: it is durable; else one line for a person.
std::string write_snapshot(const std::string& file, const RunOptions& options, emulator::Fleet& fleet,
                           const CentreMemory& centre, std::int64_t now_us);

/// A snapshot that was opened. It is read as it is used, so that a province needs no second copy of itself in memory.
class SnapshotFile {
 public:
  /// Reads everything but the stations. Null: `error` says in one line why this is no snapshot to go on from.
  static std::unique_ptr<SnapshotFile> open(const std::string& file, std::string& error);
  ~SnapshotFile();
  SnapshotFile(const SnapshotFile&) = delete;
  SnapshotFile& operator=(const SnapshotFile&) = delete;

  std::int64_t now_us() const { return now_us_; }
  const CentreMemory& centre() const { return centre_; }
  /// The profile with `settings` ("key=value") above it. Empty: done; else sentences about what is wrong, a key that
  /// may not change under way among them.
  std::vector<std::string> profile_with(const std::vector<std::string>& settings, emulator::Profile& profile) const;
  /// Puts the snapshot's options in the place of those that tell one fleet from another. Empty, or what is wrong.
  std::string adopt(RunOptions& options) const;
  /// Gives every station its state back; a fleet of adopt()'s options. Empty: done; else the fleet is not to be used.
  std::string restore(emulator::Fleet& fleet);

 private:
  SnapshotFile() = default;
  std::string read_head();
  std::string read_record();
  std::string read_options();
  std::string read_centre();
  std::string text_of(const std::string& name) const;

  std::string file_;
  int descriptor_ = -1;
  std::uint64_t left_ = 0;  // Bytes of the file that were not read yet.
  std::vector<std::byte> chain_;
  std::vector<std::byte> record_;  // The newest.
  OptionTexts options_;
  std::string profile_name_;
  std::string profile_text_;
  std::vector<std::byte> fleet_key_digest_;
  std::int64_t now_us_ = 0;
  std::uint64_t stations_ = 0;
  CentreMemory centre_;
};

}  // namespace cubby::tools
