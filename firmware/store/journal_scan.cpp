// Finding out what is on flash: whose journal, which sectors count, where the history ends. Writes nothing.
#include <algorithm>
#include <cstring>

#include "firmware/store/recovery.h"

namespace cubby::store {

using layout::OwnKind;
using layout::RecordHeader;
using layout::SectorHeader;
using layout::SectorRole;

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
      const layout::HeaderCheck check = layout::decode_repaired(bytes, sector_size, header);
      recovery.newer_version |= check == layout::HeaderCheck::kNewer;
      recovery.other_geometry |= check == layout::HeaderCheck::kOtherGeometry;
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
      if (header.boot > recovery.boot_max ||
          (header.boot == recovery.boot_max && header.serial > recovery.boot_serial)) {
        recovery.boot_max = header.boot;
        recovery.boot_serial = header.serial;
        recovery.boots_in_a_row = header.boots_in_a_row;
      }
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
  if (live_count_ != 0) {
    return Status::kOk;
  }
  return recovery.other_geometry || !holds_nothing() ? Status::kCorrupt : Status::kNotFound;
}

// Each byte is equal to its neighbour, and the first is FF.
bool Journal::is_erased(Bytes bytes) {
  return bytes[0] == std::byte{0xFF} && std::memcmp(bytes.data(), bytes.data() + 1, bytes.size() - 1) == 0;
}

// Without a journal: is there anything that a format would destroy? What stands where a header belongs
// may be the rest of a format that was cut, and so may a few bits anywhere of an erase that was cut;
// an erased byte has at most that.
bool Journal::holds_nothing() const {
  const std::uint32_t sector_size = flash_.geometry().sector_size;
  std::uint32_t written = 0;
  for (std::uint32_t sector = 0; sector < flash_.geometry().sector_count; ++sector) {
    for (std::uint32_t offset = data_offset(); offset < sector_size;) {
      std::array<std::byte, 128> bytes;
      const std::size_t count = std::min<std::size_t>(bytes.size(), sector_size - offset);
      if (flash_.read(sector * sector_size + offset, MutableBytes(bytes).first(count)) != Status::kOk) {
        return false;
      }
      if (!is_erased(Bytes(bytes).first(count))) {  // Nearly everything is.
        written +=
            static_cast<std::uint32_t>(std::count_if(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(count),
                                                     [](std::byte value) { return value != std::byte{0xFF}; }));
      }
      offset += static_cast<std::uint32_t>(count);
    }
  }
  return written <= kStrayBytesMax;
}

bool Journal::holds_copy_done(const LiveSector& live) const {
  std::uint32_t offset = data_offset();
  RecordHeader record;
  Bytes payload;
  while (find_record(live, offset, record, payload)) {
    if (is_copy_done(record)) {
      return true;
    }
    offset += padded(layout::header_size(record.record_class) + record.payload_size);
  }
  return false;
}

// A kCopyDone that went bad, or stands behind records that did, is still told from one that was never written: what
// was appended after it has an order that no sector before has. (A copy that was cut has none, erased by halves or
// not.)
Journal::Copy Journal::copy_state(const LiveSector& live) const {
  std::uint32_t offset = data_offset();
  RecordHeader record;
  Bytes payload;
  bool done = false;
  while (read_record(live, offset, record, payload)) {
    if (done) {
      return Copy::kConfirmed;
    }
    done = is_copy_done(record);
    offset += padded(layout::header_size(record.record_class) + record.payload_size);
  }
  std::uint64_t newest = 0;  // Of the orders behind what is bad.
  while (!done && find_record(live, offset, record, payload)) {
    done = is_copy_done(record);
    newest = std::max(newest, record.order);
    offset += padded(layout::header_size(record.record_class) + record.payload_size);
  }
  if (done || newest == 0) {
    return done ? Copy::kDone : Copy::kIncomplete;
  }
  for (std::size_t i = 0; i < live_count_; ++i) {
    // A whole one that begins there, too, was copied again: the original may be gone by now, and this one looks whole.
    if (live_[i].sector != live.sector && live_[i].serial >= live.serial && live_[i].first_order <= live.first_order &&
        holds_copy_done(live_[i])) {
      return Copy::kIncomplete;
    }
    offset = data_offset();
    while (live_[i].serial < live.serial && find_record(live_[i], offset, record, payload)) {
      if (record.order >= newest) {
        return Copy::kIncomplete;
      }
      offset += padded(layout::header_size(record.record_class) + record.payload_size);
    }
  }
  return Copy::kConfirmed;
}

// Moves `offset` on to the next place where a record verifies; false: there is none up to the sector's end.
bool Journal::find_record(const LiveSector& live, std::uint32_t& offset, RecordHeader& header, Bytes& payload) const {
  const std::uint32_t sector_size = flash_.geometry().sector_size;
  const std::uint32_t step = unit();
  while (offset < sector_size) {
    std::array<std::byte, 256> bytes;
    const std::uint32_t count = std::min<std::uint32_t>(bytes.size(), sector_size - offset);
    if (flash_.read(address_of(live, offset), MutableBytes(bytes).first(count)) != Status::kOk) {
      return false;
    }
    const std::uint32_t end = offset + count;
    for (std::uint32_t at = 0; offset < end; at += step, offset += step) {
      const auto first = static_cast<std::uint8_t>(bytes[at]);
      if ((first == 1 || first == 2) && read_record(live, offset, header, payload)) {
        return true;
      }
    }
  }
  return false;
}

// A boot's sector without kCopyDone belongs to a recovery that was cut; the sectors it copied from are
// whole, so it is forgotten. A complete one makes the sector that it supersedes redundant, and whatever else was
// opened since the sector that it goes on from.
void Journal::drop_incomplete_boot_sectors(Recovery& recovery) {
  const std::size_t count = live_count_;
  std::array<bool, limits::kSectorsMax> drop{};
  for (std::size_t i = 0; i < count; ++i) {
    layout::SectorHeaderBytes bytes;
    SectorHeader header;
    if (flash_.read(address_of(live_[i], 0), bytes) != Status::kOk ||
        layout::decode_repaired(bytes, flash_.geometry().sector_size, header) != layout::HeaderCheck::kOk) {
      drop[i] = true;
      continue;
    }
    const Copy copy = header.role == SectorRole::kBoot ? copy_state(live_[i]) : Copy::kConfirmed;
    if (copy == Copy::kIncomplete) {
      drop[i] = true;  // A sector that lies before it may supersede it already.
      continue;
    }
    for (std::size_t j = 0; j < count; ++j) {
      const std::uint64_t serial = live_[j].serial;
      const bool superseded = header.role == SectorRole::kBoot && header.supersedes != 0 && serial == header.supersedes;
      if (superseded || (header.before.has_value() && serial > *header.before && serial < header.serial)) {
        drop[j] = true;
        recovery.kept_back[live_[j].sector] |= superseded && copy == Copy::kDone;
      }
    }
  }
  keep_live_but(drop);
}

// Takes a verified record into `facts`; false: it does not continue them.
bool Journal::follow(Recovery& recovery, const RecordHeader& record, Bytes payload, std::uint64_t& open_begin) {
  Recovery::Facts& facts = recovery.facts;
  if (record.order != facts.order) {
    return false;
  }
  if (record.record_class == 1) {
    if (record.seq != facts.seq || record.chain != chain_next(facts.chain, record.seq, payload)) {
      return false;
    }
    facts.seq = record.seq + 1;
    facts.chain = record.chain;
  } else if (record.kind == static_cast<std::uint8_t>(OwnKind::kCheckpointBegin)) {
    open_begin = record.order;
  } else if (record.kind == static_cast<std::uint8_t>(OwnKind::kCheckpointEnd) && open_begin != 0) {
    facts.checkpoint_begin = open_begin;
    facts.checkpoint_end = record.order;
    open_begin = 0;
    read_ack(payload, facts.ack);
  } else if (record.kind == static_cast<std::uint8_t>(OwnKind::kAckMark)) {
    read_ack(payload, facts.ack);
  } else if (record.kind == static_cast<std::uint8_t>(OwnKind::kRetired)) {
    for (std::size_t i = 0; i < std::min(payload.size(), recovery.retired.size()); ++i) {
      recovery.retired[i] |= payload[i];
    }
  }
  note_settled(recovery, record, payload);
  facts.order = record.order + 1;
  return true;
}

// Walks all records from sector `first` on: finds the last complete checkpoint and the end of the history.
void Journal::scan_records(Recovery& recovery, std::size_t first, MountReport& report) {
  Recovery::Facts& facts = recovery.facts;
  facts.order = live_[first].first_order;
  facts.seq = live_[first].first_seq;
  std::uint64_t open_begin = 0;
  for (std::size_t i = first; i < live_count_; ++i) {
    const bool newest = i + 1 == live_count_;
    const std::uint64_t order_end = newest ? UINT64_MAX : live_[i + 1].first_order;
    if (live_[i].first_order != facts.order) {
      ++report.damaged;  // Records between two sectors are gone.
      open_begin = 0;
    }
    if (i > first &&
        (live_[i].first_order != facts.order || live_[i].first_seq != facts.seq || live_[i].chain != facts.chain)) {
      recovery.whole_from = live_[i].first_order;
    }
    if (live_[i].first_seq > facts.seq) {
      note_lost(facts.seq, live_[i].first_seq - 1, report);
    }
    facts.order = live_[i].first_order;
    facts.seq = live_[i].first_seq;
    facts.chain = live_[i].chain;
    std::uint32_t offset = data_offset();
    RecordHeader record;
    Bytes payload;
    recovery.settled = facts;
    recovery.tail_last = 0;
    while (read_record(live_[i], offset, record, payload)) {
      if (!is_copy_done(record)) {
        if (record.order >= order_end) {
          break;  // The next sector has this one again.
        }
        const Recovery::Facts before = facts;
        if (!follow(recovery, record, payload, open_begin)) {
          break;
        }
        recovery.settled = before;
        recovery.tail_last = offset;
      }
      offset += padded(layout::header_size(record.record_class) + record.payload_size);
    }
    recovery.tail_end = offset;
  }
  skip_damage_in_tail(recovery, report);
  if (facts.checkpoint_begin == 0) {
    note_lost_beginning(live_[first], report);
  }
}

/// Without a checkpoint all records from the first are needed: the sectors before, or the checkpoint that made them
/// obsolete, are gone.
void Journal::note_lost_beginning(const LiveSector& first, MountReport& report) {
  if (first.first_order == 1) {
    return;
  }
  ++report.damaged;
  if (first.first_seq > 1) {
    report.events_lost_from = 1;
    report.events_lost_to = std::max(report.events_lost_to, first.first_seq - 1);
  }
}

void Journal::note_lost(std::uint64_t from, std::uint64_t to, MountReport& report) {
  report.events_lost_from = report.events_lost_from == 0 ? from : report.events_lost_from;
  report.events_lost_to = to;
}

// A power cut leaves nothing good behind what it tore. Where something good follows in the newest sector,
// its middle went bad: the numbers given there are not given again, and the events are reported as lost.
void Journal::skip_damage_in_tail(Recovery& recovery, MountReport& report) {
  Recovery::Facts& facts = recovery.facts;
  const LiveSector& tail = live_[live_count_ - 1];
  const std::uint64_t lost_from = facts.seq;
  std::uint32_t hole = recovery.tail_end;
  std::uint32_t offset = hole + unit();  // What was torn may read well now; it is not behind itself.
  RecordHeader record;
  Bytes payload;
  while (find_record(tail, offset, record, payload)) {
    recovery.tail_damaged = true;
    if (record.record_class == 1 && record.seq >= facts.seq) {
      facts.seq = record.seq + 1;
      facts.chain = record.chain;
    } else if (offset != hole) {
      facts.seq += (offset - hole) / padded(layout::kEventHeaderSize + 1);  // As many as may have stood there.
    }
    if (!is_copy_done(record)) {
      facts.order = std::max(facts.order, record.order + 1);
    } else {
      facts.order += (offset - hole) / padded(layout::kInternalHeaderSize);
    }
    offset += padded(layout::header_size(record.record_class) + record.payload_size);
    hole = offset;
  }
  if (recovery.tail_damaged) {
    ++report.damaged;
    if (facts.seq > lost_from) {
      note_lost(lost_from, facts.seq - 1, report);
    }
    recovery.settled = facts;
  }
}

// Sectors that a later one begins before: one that was superseded by a sector that was superseded itself and
// erased, and one that was opened in vain and whose header reads well now and then.
void Journal::drop_repeated_sectors() {
  std::array<bool, limits::kSectorsMax> drop{};
  std::uint64_t begins = UINT64_MAX;
  for (std::size_t i = live_count_; i-- > 0;) {
    drop[i] = i + 1 < live_count_ && live_[i].first_order >= begins;  // The newest one stays, whatever it says.
    begins = std::min(begins, live_[i].first_order);
  }
  keep_live_but(drop);
}

void Journal::keep_live_but(const std::array<bool, limits::kSectorsMax>& drop) {
  std::size_t kept = 0;
  for (std::size_t i = 0; i < live_count_; ++i) {
    if (!drop[i]) {
      live_[kept++] = live_[i];
    }
  }
  live_count_ = kept;
}

}  // namespace cubby::store
