#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "firmware/store/journal.h"
#include "tools/cubby/flash_image.h"

/// A second reading of docs/spec/flash.md, beside the firmware's: it says where and why, and it writes nothing.
namespace cubby::tools {

/// What a mount makes of a sector.
enum class SectorStanding : std::uint8_t {
  kBlank,
  kNoHeader,        // Free: no header verifies, and something is written.
  kNewerVersion,    // Of a later format: a mount refuses.
  kOtherSize,       // Of a flash with other sectors.
  kOtherJournal,    // Free: of a journal that was replaced by a format.
  kUnfinishedBoot,  // Free: the boot that opened it was cut.
  kSuperseded,      // Free: a boot has copied it whole, or has done without it.
  kRepeated,        // Free: a later sector begins at or before its beginning.
  kObsolete,        // Goes when its room is needed: acknowledged, and a checkpoint stands behind it.
  kHistory,
  kTail,  // The newest one of the history.
};
std::string_view to_string(SectorStanding standing);

struct FlashSector {
  SectorStanding standing = SectorStanding::kBlank;
  bool header_repaired = false;  // One bit of it is the other way round.
  std::uint8_t version = 0;      // Of the header's format; 0: there is none.
  store::layout::SectorHeader header;
  std::vector<FlashRecord> records;  // From the first on, as long as they verify.
  std::vector<FlashRecord> strays;   // That verify behind the end of what counts.
  std::uint32_t counted_end = 0;  // Offset behind the last record that counts; of the records that verify if none does.
  bool copy_done = false;
  bool retired = false;  // A kRetired of the history names it.

  bool has_header() const { return standing >= SectorStanding::kOtherJournal; }
};

struct FlashFinding {
  bool harmless = false;  // A power cut explains it, or nothing is lost by it.
  std::string words;      // With the address, where it has one.
};

/// A record of the history.
struct HistoryRecord {
  std::uint32_t sector = 0;
  FlashRecord record;
};

struct FlashHistory {
  std::vector<FlashSector> sectors;     // By their place on the flash.
  std::vector<std::uint32_t> in_order;  // Those of the history and the obsolete ones, oldest first.
  std::vector<HistoryRecord> records;   // What is recovered, oldest first.
  std::vector<FlashFinding> findings;
  JournalUid uid{};
  std::uint64_t first_order = 0;  // 0: there is no history.
  std::uint64_t next_order = 0;
  std::uint64_t first_seq = 0;
  std::uint64_t next_seq = 0;
  Chain chain = 0;                     // After event next_seq - 1.
  std::uint64_t checkpoint_begin = 0;  // Orders of the last complete checkpoint; 0: there is none.
  std::uint64_t checkpoint_end = 0;
  std::optional<store::AckMark> ack;
  std::uint32_t boot = 0;     // The highest number of a boot in any header.
  std::uint32_t damaged = 0;  // Places that a mount must count, too.
  bool tail_damaged = false;
  bool fit_for_mount = true;  // Not so odd that the mount's code could leave its bounds.
};

FlashHistory read_history(const FlashImage& image);

/// What the firmware's own mount says, on a copy.
struct MountVerdict {
  bool tried = false;  // False: the image is not of a shape that a mount may be given.
  Status status = Status::kCorrupt;
  store::MountReport report;
  std::uint64_t next_seq = 0;
  Chain chain = 0;
};
MountVerdict try_mount(const FlashImage& image, const FlashHistory& history);

/// One sentence for each reason why the image is not what the specification promises. Empty: a mount accepts it with
/// nothing lost.
std::vector<std::string> faults_of(const FlashImage& image, const FlashHistory& history, const MountVerdict& verdict);

/// "0x001a40".
std::string address_text(std::size_t address);
std::string hex_text(Bytes bytes);
std::string chain_text(Chain chain);

}  // namespace cubby::tools
