#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

/// Small files that must survive a power cut, whole or as they were.
namespace cubby::tools {

/// Puts `text` there, readable by its owner only: written beside its place, synced, renamed, the folder synced. Empty:
/// it is durable; else one line for a person, and the file may be the old or the new one, never a part.
std::string write_durably(const std::filesystem::path& file, std::string_view text);
/// Adds `line` and its end, syncs. Empty, or one line for a person: it may be there in part.
std::string append_durably(const std::filesystem::path& file, std::string_view line);
/// Empty: it is gone for good, or was not there.
std::string remove_durably(const std::filesystem::path& file);
/// False only if it is certain that nothing is there.
bool may_exist(const std::filesystem::path& file);

/// As write_durably(), piece by piece. Without finish() nothing takes the place of what was there.
class DurableWriter {
 public:
  explicit DurableWriter(std::filesystem::path file);
  ~DurableWriter();
  DurableWriter(const DurableWriter&) = delete;
  DurableWriter& operator=(const DurableWriter&) = delete;

  void write(std::span<const std::byte> bytes);
  /// Empty: it is durable; else one line for a person.
  std::string finish();

 private:
  std::filesystem::path file_;
  std::filesystem::path beside_;
  int descriptor_ = -1;
  std::string error_;  // The first one.
};

}  // namespace cubby::tools
