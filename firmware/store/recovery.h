#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "firmware/store/journal.h"

namespace cubby::store {

/// Mount's findings before they become the journal's state.
struct Journal::Recovery {
  /// What the history says up to some record.
  struct Facts {
    std::uint64_t order = 0;  // Of the next record.
    std::uint64_t seq = 0;    // Of the next event.
    Chain chain = 0;
    std::uint64_t checkpoint_begin = 0;  // Orders of the last complete checkpoint; 0: there is none.
    std::uint64_t checkpoint_end = 0;
    std::optional<AckMark> ack;
  };

  /// Boots in a row, up to the last one, that have not settled.
  std::uint32_t unsettled_boots() const { return settled_boot == boot_max ? 0 : boots_in_a_row; }

  // By physical sector: superseded by one whose kCopyDone may read differently the next time.
  std::array<bool, limits::kSectorsMax> kept_back{};
  bool newer_version = false;
  bool other_geometry = false;
  std::uint64_t serial_max = 0;  // Of any sector of this journal, aborted ones included.
  std::uint32_t boot_max = 0;
  std::uint64_t boot_serial = 0;     // Highest one of a sector of that boot.
  std::uint16_t boots_in_a_row = 0;  // As that sector has it.
  std::uint32_t settled_boot = 0;    // The highest one that a kSettled names.
  SectorBits retired{};              // That any kRetired names.
  std::uint32_t tail_end = 0;        // Offset after its last good record.
  std::uint32_t tail_last = 0;       // Offset of its last good record; 0: it has none.
  std::uint64_t whole_from = 0;      // From the sector of that order on each goes on from the one before.
  bool tail_damaged = false;         // Good records stand behind bad ones: that was no power cut.
  Facts facts;
  Facts settled;  // As of before the tail's last good record, which may read differently the next time.
};

inline bool is_copy_done(const layout::RecordHeader& record) {
  return record.record_class == 2 && record.kind == static_cast<std::uint8_t>(layout::OwnKind::kCopyDone);
}

}  // namespace cubby::store
