// Mounting: what is on flash becomes the history again, in bounded steps, and nothing old is relied on
// until it stands in a sector that this boot has written.
#include <algorithm>

#include "firmware/store/journal.h"

namespace cubby::store {

using layout::OwnKind;
using layout::RecordHeader;
using layout::SectorHeader;
using layout::SectorRole;

namespace {

bool is_copy_done(const RecordHeader& record) {
  return record.record_class == 2 && record.kind == static_cast<std::uint8_t>(OwnKind::kCopyDone);
}

}  // namespace

struct Journal::Recovery {
  bool newer_version = false;
  std::uint64_t serial_max = 0;  // Of any sector of this journal, aborted ones included.
  std::uint32_t boot_max = 0;
  std::uint32_t tail_end = 0;          // Offset after its last good record.
  std::uint32_t tail_last = 0;         // Offset of its last good record.
  std::size_t checkpoint_live = 0;     // Sector in which the last complete checkpoint begins.
  std::uint64_t checkpoint_begin = 0;  // Its orders; 0: there is none.
  std::uint64_t checkpoint_end = 0;
};

Status Journal::format(const JournalUid& uid) {
  uid_ = uid;
  boot_ = 1;
  next_serial_ = 1;
  next_order_ = 1;
  next_seq_ = 1;
  chain_ = chain_start(uid);
  last_ack_.reset();
  checkpoint_order_ = 0;
  sectors_since_checkpoint_ = 0;
  live_count_ = 0;
  in_use_.fill(false);
  cursor_ = {};
  failed_ = false;
  CUBBY_TRY(open_sector(SectorRole::kNext, 0, next_order_, next_seq_, chain_));
  mounted_ = true;
  return Status::kOk;
}

// Reads every sector's header. Sectors of another journal than the newest one's are foreign.
Status Journal::scan_headers(Recovery& recovery) {
  const std::uint32_t sector_size = flash_.geometry().sector_size;
  live_count_ = 0;
  in_use_.fill(false);
  std::uint64_t newest_serial = 0;
  bool answered = false;
  // Twice: first to learn whose journal this is, then to collect its sectors.
  for (int pass = 0; pass < 2; ++pass) {
    for (std::uint32_t sector = 0; sector < flash_.geometry().sector_count; ++sector) {
      layout::SectorHeaderBytes bytes;
      if (flash_.read(sector * sector_size, bytes) != Status::kOk) {
        continue;
      }
      answered = true;
      SectorHeader header;
      const layout::HeaderCheck check = layout::decode(bytes, sector_size, header);
      recovery.newer_version |= check == layout::HeaderCheck::kNewer;
      if (check != layout::HeaderCheck::kOk) {
        continue;
      }
      if (pass == 0) {
        if (header.serial > newest_serial) {
          newest_serial = header.serial;
          uid_ = header.uid;
        }
        continue;
      }
      if (header.uid != uid_) {
        continue;
      }
      recovery.serial_max = std::max(recovery.serial_max, header.serial);
      recovery.boot_max = std::max(recovery.boot_max, header.boot);
      live_[live_count_++] = {.sector = static_cast<std::uint16_t>(sector),
                              .serial = header.serial,
                              .first_order = header.first_order,
                              .first_seq = header.first_seq,
                              .chain = header.chain};
    }
  }
  if (!answered) {
    return Status::kIo;
  }
  if (recovery.newer_version) {
    return Status::kVersion;
  }
  return live_count_ == 0 ? Status::kNotFound : Status::kOk;
}

// A boot's sector without kCopyDone belongs to a recovery that was cut; the sectors it copied from are
// whole, so it is forgotten. A complete one makes the sector that it supersedes redundant.
void Journal::drop_incomplete_boot_sectors() {
  std::size_t kept = 0;
  const std::size_t count = live_count_;
  std::array<bool, limits::kSectorsMax> drop{};
  for (std::size_t i = 0; i < count; ++i) {
    layout::SectorHeaderBytes bytes;
    SectorHeader header;
    if (flash_.read(address_of(live_[i], 0), bytes) != Status::kOk ||
        layout::decode(bytes, flash_.geometry().sector_size, header) != layout::HeaderCheck::kOk) {
      drop[i] = true;
      continue;
    }
    if (header.role != SectorRole::kBoot) {
      continue;
    }
    bool complete = false;
    std::uint32_t offset = data_offset();
    RecordHeader record;
    Bytes payload;
    while (!complete && read_record(live_[i], offset, record, payload)) {
      complete = is_copy_done(record);
      offset += padded(layout::header_size(record.record_class) + record.payload_size);
    }
    drop[i] = !complete;
    for (std::size_t j = 0; complete && header.supersedes != 0 && j < count; ++j) {
      drop[j] = drop[j] || live_[j].serial == header.supersedes;
    }
  }
  for (std::size_t i = 0; i < count; ++i) {
    if (!drop[i]) {
      live_[kept++] = live_[i];
    }
  }
  live_count_ = kept;
}

// Walks all records once: finds the last complete checkpoint and the true end of the history.
void Journal::scan_records(Recovery& recovery, MountReport& report) {
  next_order_ = live_[0].first_order;
  next_seq_ = live_[0].first_seq;
  chain_ = live_[0].chain;
  std::uint64_t open_begin = 0;
  std::size_t open_live = 0;
  for (std::size_t i = 0; i < live_count_; ++i) {
    const bool newest = i + 1 == live_count_;
    const std::uint64_t order_end = newest ? UINT64_MAX : live_[i + 1].first_order;
    if (live_[i].first_order != next_order_) {
      ++report.damaged;  // Records between two sectors are gone.
      open_begin = 0;
    }
    if (live_[i].first_seq > next_seq_) {
      report.events_lost_from = report.events_lost_from == 0 ? next_seq_ : report.events_lost_from;
      report.events_lost_to = live_[i].first_seq - 1;
    }
    next_order_ = live_[i].first_order;
    next_seq_ = live_[i].first_seq;
    chain_ = live_[i].chain;
    std::uint32_t offset = data_offset();
    RecordHeader record;
    Bytes payload;
    if (newest) {
      recovery.tail_end = offset;
    }
    while (read_record(live_[i], offset, record, payload)) {
      if (is_copy_done(record)) {
        offset += padded(layout::kInternalHeaderSize);
        continue;
      }
      if (record.order >= order_end || record.order != next_order_) {
        break;  // The next sector has this one again, or the order is broken.
      }
      if (record.record_class == 1) {
        if (record.seq != next_seq_ || record.chain != chain_next(chain_, record.seq, payload)) {
          break;
        }
        next_seq_ = record.seq + 1;
        chain_ = record.chain;
      } else if (record.kind == static_cast<std::uint8_t>(OwnKind::kCheckpointBegin)) {
        open_begin = record.order;
        open_live = i;
      } else if (record.kind == static_cast<std::uint8_t>(OwnKind::kCheckpointEnd) && open_begin != 0) {
        recovery.checkpoint_begin = open_begin;
        recovery.checkpoint_end = record.order;
        recovery.checkpoint_live = open_live;
        open_begin = 0;
        read_ack(payload);
      } else if (record.kind == static_cast<std::uint8_t>(OwnKind::kAckMark)) {
        read_ack(payload);
      }
      next_order_ = record.order + 1;
      if (newest) {
        recovery.tail_last = offset;
      }
      offset += padded(layout::header_size(record.record_class) + record.payload_size);
      if (newest) {
        recovery.tail_end = offset;
      }
    }
  }
}

// Hands checkpoint and later records to the owner, in order.
void Journal::fold(const Recovery& recovery, RecordVisitor& visitor, MountReport& report) {
  std::uint64_t expected = recovery.checkpoint_begin != 0 ? recovery.checkpoint_begin : live_[0].first_order;
  for (std::size_t i = recovery.checkpoint_begin != 0 ? recovery.checkpoint_live : 0; i < live_count_; ++i) {
    std::uint32_t offset = data_offset();
    expected = std::max(expected, live_[i].first_order);
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
        if (record.order == recovery.checkpoint_begin) {
          visitor.on_checkpoint_begin();
        } else if (record.kind == static_cast<std::uint8_t>(OwnKind::kCheckpointPart) &&
                   record.order < recovery.checkpoint_end) {
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
}

// The fresh sector of this boot. The tail is copied into it before it is relied on: all of the newest
// sector when that leaves room to write, else its last record (only the last one can have been torn).
Status Journal::open_boot_sector(Recovery& recovery) {
  const std::uint64_t end_order = next_order_;
  const std::uint64_t end_seq = next_seq_;
  const Chain end_chain = chain_;
  const LiveSector tail = live_[live_count_ - 1];
  // With few sectors left it is the whole one too, full as it may be: that gives one back.
  const std::uint32_t roomy = flash_.geometry().sector_size - flash_.geometry().sector_size / 4;
  const bool whole = recovery.tail_end <= roomy || sectors_unused() <= kSectorsForBoot + 1;
  std::uint32_t offset = whole ? data_offset() : recovery.tail_last;

  LiveSector start{.sector = 0, .serial = 0, .first_order = end_order, .first_seq = end_seq, .chain = end_chain};
  RecordHeader record;
  Bytes payload;
  if (whole) {
    start = tail;
  } else if (read_record(tail, offset, record, payload)) {
    start.first_order = record.order;
    if (record.record_class == 1) {
      // The chain before the last event is the one after the event in front of it.
      start.first_seq = record.seq;
      const std::optional<Chain> before = chain_at(record.seq - 1);
      if (!before.has_value()) {
        return Status::kCorrupt;
      }
      start.chain = *before;
    }
  }
  CUBBY_TRY(open_sector(SectorRole::kBoot, whole ? tail.serial : 0, start.first_order, start.first_seq, start.chain));
  std::uint64_t order = start.first_order;
  while (order < end_order) {
    if (!read_record(tail, offset, record, payload)) {
      return Status::kCorrupt;  // Read differently a moment ago: mount again.
    }
    if (is_copy_done(record)) {
      offset += padded(layout::kInternalHeaderSize);
      continue;
    }
    CUBBY_TRY(write_record(record.record_class, record.kind, record.order, record.seq, record.chain, payload));
    offset += padded(layout::header_size(record.record_class) + record.payload_size);
    ++order;
  }
  next_order_ = end_order;
  next_seq_ = end_seq;
  chain_ = end_chain;
  CUBBY_TRY(write_record(2, static_cast<std::uint8_t>(OwnKind::kCopyDone), 0, 0, 0, {}));
  if (whole) {
    in_use_[tail.sector] = false;
    live_[live_count_ - 2] = live_[live_count_ - 1];
    --live_count_;
  }
  return Status::kOk;
}

// Sectors that nothing needs any more, erased in part perhaps by a reclaim that was cut.
void Journal::drop_obsolete_sectors() {
  while (live_count_ > 1 && reclaimable(0)) {
    reclaim_oldest();
  }
}

Status Journal::mount(RecordVisitor& visitor, MountReport& report) {
  mounted_ = false;
  failed_ = false;
  last_ack_.reset();
  checkpoint_order_ = 0;
  cursor_ = {};
  report = {};
  Recovery recovery;
  CUBBY_TRY(scan_headers(recovery));
  drop_incomplete_boot_sectors();
  if (live_count_ == 0) {
    return Status::kCorrupt;
  }
  std::sort(live_.begin(), live_.begin() + static_cast<std::ptrdiff_t>(live_count_),
            [](const LiveSector& a, const LiveSector& b) { return a.serial < b.serial; });
  for (std::size_t i = 0; i < live_count_; ++i) {
    in_use_[live_[i].sector] = true;
  }
  scan_records(recovery, report);
  boot_ = recovery.boot_max + 1;
  next_serial_ = recovery.serial_max + 1;
  checkpoint_order_ = recovery.checkpoint_begin;
  sectors_since_checkpoint_ =
      static_cast<std::uint32_t>(live_count_ - (recovery.checkpoint_begin != 0 ? recovery.checkpoint_live + 1 : 0));
  mounted_ = true;
  const Status status = open_boot_sector(recovery);
  if (status != Status::kOk) {
    mounted_ = false;
    return status;
  }
  fold(recovery, visitor, report);
  drop_obsolete_sectors();
  return Status::kOk;
}

}  // namespace cubby::store
