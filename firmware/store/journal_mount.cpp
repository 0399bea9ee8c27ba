// Mounting: what is on flash becomes the history again, in bounded steps, and nothing old is relied on
// until it stands in a sector that this boot has written.
#include <algorithm>

#include "firmware/store/recovery.h"

namespace cubby::store {

using layout::OwnKind;
using layout::RecordHeader;
using layout::SectorHeader;
using layout::SectorRole;

Status Journal::format(const JournalUid& uid) {
  mounted_ = false;
  // An older journal stays where it is until its sectors are needed; the new one outranks it.
  std::uint64_t serial_max = 0;
  const std::uint32_t sector_size = flash_.geometry().sector_size;
  for (std::uint32_t sector = 0; sector < flash_.geometry().sector_count; ++sector) {
    layout::SectorHeaderBytes bytes;
    SectorHeader header;
    CUBBY_TRY(flash_.read(sector * sector_size, bytes));
    const layout::HeaderCheck check = layout::decode_repaired(bytes, sector_size, header);
    if (check == layout::HeaderCheck::kOk) {
      serial_max = std::max(serial_max, header.serial);
    } else if (check != layout::HeaderCheck::kForeign && flash_.erase(sector) != Status::kOk) {
      return Status::kIo;  // It would make each mount refuse.
    }
  }
  uid_ = uid;
  boot_ = 1;
  boots_in_a_row_ = 1;
  take_retired({});
  next_serial_ = serial_max + 1;
  next_order_ = 1;
  next_seq_ = 1;
  chain_ = chain_start(uid);
  last_ack_.reset();
  written_ack_seq_ = 0;
  checkpoint_order_ = 0;
  sectors_since_checkpoint_ = 0;
  live_count_ = 0;
  in_use_.fill(false);
  cursor_ = {};
  lost_from_ = 0;
  lost_to_ = 0;
  fold_has_hole_ = false;
  failed_ = false;
  CUBBY_TRY(open_next());
  mounted_ = true;
  return Status::kOk;
}

void Journal::tell_lost(std::uint64_t count, RecordVisitor& visitor, MountReport& report) {
  if (count != 0) {
    report.records_lost += count;
    visitor.on_records_lost(count);
  }
}

// Hands checkpoint and later records to the owner, in order, and says where any are missing.
void Journal::fold(const Recovery& recovery, RecordVisitor& visitor, MountReport& report) {
  const Recovery::Facts& facts = recovery.facts;
  std::uint64_t expected = facts.checkpoint_begin != 0 ? facts.checkpoint_begin : 1;
  for (std::size_t i = live_of_order(expected); i < live_count_; ++i) {
    std::uint32_t offset = data_offset();
    if (live_[i].first_order > expected) {
      tell_lost(live_[i].first_order - expected, visitor, report);
      expected = live_[i].first_order;
    }
    RecordHeader record;
    Bytes payload;
    while (expected < next_order_ && read_record(live_[i], offset, record, payload)) {
      offset += padded(layout::header_size(record.record_class) + record.payload_size);
      if (record.order != expected) {
        if (record.order < expected) {  // kCopyDone among them: it stands outside the order.
          continue;
        }
        break;
      }
      if (i + 1 < live_count_ && record.order >= live_[i + 1].first_order) {
        break;
      }
      ++expected;
      if (record.record_class == 2 && record.kind < kFirstForeignKind) {
        if (record.order == facts.checkpoint_begin) {
          visitor.on_checkpoint_begin();
        } else if (record.kind == static_cast<std::uint8_t>(OwnKind::kCheckpointPart) &&
                   record.order < facts.checkpoint_end) {
          visitor.on_checkpoint_part(payload);
        }
        continue;
      }
      ++report.records;
      visitor.on_record({.record_class = static_cast<RecordClass>(record.record_class),
                         .kind = record.kind,
                         .order = record.order,
                         .seq = record.seq,
                         .chain = record.chain,
                         .payload = payload});
    }
  }
  tell_lost(next_order_ - expected, visitor, report);
}

// The free sector for this boot. With none, those are taken that the boot before could have given up already, by
// what is settled. The last record of the tail is not: it may be absent when power returns the next time.
std::uint16_t Journal::pick_boot_sector(const Recovery& recovery) {
  const Recovery::Facts& settled = recovery.settled;
  const std::uint64_t acked = settled.ack.has_value() ? settled.ack->seq : 0;
  for (;;) {
    const std::uint16_t sector = pick_free_sector(&recovery.kept_back);
    if (sector != kNoSector) {
      return sector;
    }
    if (live_count_ < 2 || settled.checkpoint_begin == 0 || live_[1].first_order > settled.checkpoint_begin ||
        live_[1].first_seq - 1 > acked) {
      return pick_free_sector(nullptr);
    }
    reclaim_oldest();
  }
}

// A checkpoint in the tail goes with it, and so does an acknowledgement: what they had made obsolete is needed again.
// The numbers that were given in the tail are not given once more.
void Journal::give_up_tail(Recovery& recovery, MountReport& report) {
  const Recovery::Facts numbers = recovery.facts;
  const LiveSector& tail = live_[live_count_ - 1];
  const std::uint32_t damaged = report.damaged;  // As found with the tail; its own damage is among it.
  recovery.facts = {};
  report = {};
  if (live_count_ > 1) {
    --live_count_;
    scan_records(recovery, 0, report);
    ++live_count_;
  } else {
    recovery.facts.seq = tail.first_seq;
    note_lost_beginning(tail, report);
  }
  report.damaged = damaged;
  Recovery::Facts& facts = recovery.facts;
  if (facts.seq < numbers.seq) {
    note_lost(facts.seq, numbers.seq - 1, report);
  }
  facts.order = numbers.order;
  facts.seq = numbers.seq;
  facts.chain = numbers.chain;
  recovery.settled = facts;
  recovery.tail_damaged = true;
}

// In the first sector that takes it.
Status Journal::open_boot_sector(Recovery& recovery, MountReport& report) {
  for (std::uint32_t worn = 0; worn < kWornInARow; ++worn) {
    const std::uint64_t newest = live_[live_count_ - 1].serial;
    const Status status = try_boot_sector(recovery, report);
    if (status != Status::kIo) {
      return status == Status::kNoSpace && worn != 0 ? Status::kIo : status;
    }
    const LiveSector& opened = live_[live_count_ - 1];
    if (opened.serial != newest) {
      retire(opened.sector);
      in_use_[opened.sector] = false;
      --live_count_;
    }
  }
  return Status::kIo;
}

// The fresh sector of this boot. The tail is copied into it before it is relied on: all of the newest
// sector when that leaves room to write, else its last record (only the last one can have been torn).
// A damaged tail stays as it is; with no room for that it is given up. kIo: the sector does not take it.
Status Journal::try_boot_sector(Recovery& recovery, MountReport& report) {
  const std::uint16_t sector = pick_boot_sector(recovery);
  const LiveSector tail = live_[live_count_ - 1];
  // With few sectors left it is the whole one too, full as it may be: that gives one back.
  const std::uint32_t roomy = flash_.geometry().sector_size - flash_.geometry().sector_size / 4;
  const bool short_of_room = sectors_unused() <= kSectorsForBoot + 1;
  const bool replaces = short_of_room || (recovery.tail_end <= roomy && !recovery.tail_damaged);
  const Recovery::Facts& facts = recovery.facts;
  LiveSector start{.sector = 0, .serial = 0, .first_order = facts.order, .first_seq = facts.seq, .chain = facts.chain};
  std::uint32_t offset = recovery.tail_last;
  RecordHeader record;
  Bytes payload;
  if (recovery.tail_damaged) {
    if (replaces) {
      give_up_tail(recovery, report);
    }
  } else if (replaces) {
    start = tail;
    offset = data_offset();
  } else if (read_record(tail, offset, record, payload)) {
    start.first_order = recovery.settled.order;
    start.first_seq = recovery.settled.seq;
    start.chain = recovery.settled.chain;
  } else {
    recovery.facts = recovery.settled;  // It read differently a moment ago: torn after all.
    start.first_order = facts.order;
    start.first_seq = facts.seq;
    start.chain = facts.chain;
  }
  CUBBY_TRY(open_sector(SectorRole::kBoot, replaces ? tail.serial : 0, start.first_order, start.first_seq, start.chain,
                        sector));
  CUBBY_TRY(copy_tail(recovery, tail, offset, start.first_order));
  CUBBY_TRY(write_record(2, static_cast<std::uint8_t>(OwnKind::kCopyDone), 0, 0, 0, {}));
  copy_done_ = true;
  if (replaces) {
    in_use_[tail.sector] = false;
    live_[live_count_ - 2] = live_[live_count_ - 1];
    --live_count_;
  }
  return Status::kOk;
}

Status Journal::copy_tail(Recovery& recovery, const LiveSector& tail, std::uint32_t offset, std::uint64_t order) {
  RecordHeader record;
  Bytes payload;
  while (order < recovery.facts.order) {
    if (!read_record(tail, offset, record, payload)) {
      if (order + 1 != recovery.facts.order) {
        return Status::kCorrupt;  // Not the last one, so no power cut did that: mount again.
      }
      recovery.facts = recovery.settled;
      break;
    }
    if (!is_copy_done(record)) {
      CUBBY_TRY(write_record(record.record_class, record.kind, record.order, record.seq, record.chain, payload));
      ++order;
    }
    offset += padded(layout::header_size(record.record_class) + record.payload_size);
  }
  return Status::kOk;
}

std::size_t Journal::live_of_order(std::uint64_t order) const {
  std::size_t live = live_count_ - 1;
  while (live > 0 && live_[live].first_order > order) {
    --live;
  }
  return live;
}

// What nothing needs any more stays until its sector is needed: a centre that went back to its backup asks for it
// again. But not from before a hole, which the erase may have left that a power cut ended.
void Journal::drop_obsolete_sectors(const Recovery& recovery) {
  while (live_[0].first_order < recovery.whole_from && reclaimable(0, discardable_seq())) {
    reclaim_oldest();
  }
}

void Journal::take(const Recovery& recovery) {
  next_order_ = recovery.facts.order;
  next_seq_ = recovery.facts.seq;
  chain_ = recovery.facts.chain;
  last_ack_ = recovery.facts.ack;
  written_ack_seq_ = last_ack_.has_value() ? last_ack_->seq : 0;
  checkpoint_order_ = recovery.facts.checkpoint_begin;
}

Status Journal::mount(RecordVisitor& visitor, MountReport& report) {
  mounted_ = false;
  failed_ = false;
  last_ack_.reset();
  written_ack_seq_ = 0;
  checkpoint_order_ = 0;
  cursor_ = {};
  lost_from_ = 0;
  lost_to_ = 0;
  fold_has_hole_ = false;
  report = {};
  Recovery recovery;
  CUBBY_TRY(scan_headers(recovery));
  drop_incomplete_boot_sectors(recovery);
  if (live_count_ == 0) {
    return Status::kCorrupt;
  }
  std::sort(live_.begin(), live_.begin() + static_cast<std::ptrdiff_t>(live_count_),
            [](const LiveSector& a, const LiveSector& b) { return a.serial < b.serial; });
  drop_repeated_sectors();
  for (std::size_t i = 0; i < live_count_; ++i) {
    in_use_[live_[i].sector] = true;
  }
  scan_records(recovery, 0, report);
  take(recovery);
  std::size_t first = 0;
  while (first + 1 < live_count_ && reclaimable(first, discardable_seq())) {
    ++first;
  }
  if (first > 0 && report.damaged != 0) {
    // What is obsolete may have been erased by halves: only holes in what is needed count.
    report = {};
    scan_records(recovery, first, report);
    take(recovery);
  }
  boots_in_a_row_ = static_cast<std::uint16_t>(std::min<std::uint32_t>(recovery.unsettled_boots() + 1, UINT16_MAX));
  take_retired(recovery.retired);
  boot_ = recovery.boot_max + 1;
  next_serial_ = recovery.serial_max + 2;  // The next one may stand in a header that was torn.
  CUBBY_TRY(open_boot_sector(recovery, report));
  take(recovery);
  const std::size_t before = checkpoint_order_ != 0 ? live_of_order(checkpoint_order_) + 1 : 0;
  sectors_since_checkpoint_ = static_cast<std::uint32_t>(live_count_ - before);
  mounted_ = true;
  lost_from_ = report.events_lost_from;
  lost_to_ = report.events_lost_to;
  fold(recovery, visitor, report);
  drop_obsolete_sectors(recovery);
  return retired_untold_ ? append_retired() : Status::kOk;
}

}  // namespace cubby::store
