#include "tools/cubby/flash_history.h"

#include <algorithm>
#include <cstdio>

namespace cubby::tools {
namespace {

namespace layout = store::layout;
using layout::HeaderCheck;
using layout::OwnKind;
using layout::SectorRole;

constexpr std::size_t kAckBytes = 40;

std::string counted(std::uint64_t count, const char* one, const char* many) {
  return std::to_string(count) + " " + (count == 1 ? one : many);
}

/// "event 4 is", "events 4 to 9 are".
std::string range_text(const char* one, std::uint64_t from, std::uint64_t to) {
  return from == to ? std::string(one) + " " + std::to_string(from) + " is"
                    : std::string(one) + "s " + std::to_string(from) + " to " + std::to_string(to) + " are";
}

/// The steps of docs/spec/flash.md, 5.
class Reader {
 public:
  explicit Reader(const FlashImage& image) : image_(image) { history_.sectors.resize(image.sector_count()); }

  FlashHistory read() {
    read_headers();
    choose_journal();
    read_sectors();
    if (newer_) {
      return std::move(history_);  // What a later version means by the rest is not known here.
    }
    drop_unfinished_boots();
    put_in_order();
    if (!live_.empty()) {
      read_records();
      look_at_tail();
      look_behind_the_others();
      history_.in_order = live_;
    }
    return std::move(history_);
  }

 private:
  FlashSector& at(std::size_t live) { return history_.sectors[live_[live]]; }
  std::string where(std::uint32_t sector, std::uint32_t offset) const {
    return "sector " + std::to_string(sector) + ", " + address_text(std::size_t{sector} * image_.sector_size + offset);
  }
  void note(const std::string& words) { history_.findings.push_back({.harmless = true, .words = words}); }
  void fault(const std::string& words) { history_.findings.push_back({.harmless = false, .words = words}); }
  void damage(const std::string& words) {
    ++history_.damaged;
    fault(words);
  }

  void read_headers();
  void read_header(std::uint32_t index);
  void choose_journal();
  void read_sectors();
  bool holds_copy_done(std::uint32_t index) const;
  bool was_before(std::uint32_t index, std::uint64_t order) const;
  void drop_unfinished_boots();
  void put_in_order();
  void read_records();
  void read_from(std::size_t first);
  void enter(std::size_t live, std::size_t first);
  bool follow(const FlashRecord& record);
  void take_ack(Bytes payload);
  void take_retired(Bytes payload);
  bool reclaimable(std::size_t live);
  void look_at_tail();
  void look_behind_the_others();
  void look_behind(std::uint32_t index);
  void look_for_room(const FlashSector& tail);

  const FlashImage& image_;
  FlashHistory history_;
  bool newer_ = false;               // A sector is of a later version of the format.
  std::vector<std::uint32_t> live_;  // Sectors that count, oldest first.
  std::uint64_t open_begin_ = 0;     // Order of a checkpoint's begin whose end has not come.
  std::size_t last_hole_ = 0;        // The last of live_ that does not go on from the one before; 0: none.
};

void Reader::read_header(std::uint32_t index) {
  FlashSector& sector = history_.sectors[index];
  const Bytes bytes = image_.sector(index);
  layout::SectorHeaderBytes header;
  std::copy_n(bytes.begin(), header.size(), header.begin());
  const HeaderCheck check = layout::decode_repaired(header, image_.sector_size, sector.header);
  sector.version = check == HeaderCheck::kForeign ? 0 : std::to_integer<std::uint8_t>(header[4]);
  sector.header_repaired = check != HeaderCheck::kForeign && !std::equal(header.begin(), header.end(), bytes.begin());
  switch (check) {
    case HeaderCheck::kOk:
      sector.standing = SectorStanding::kOtherJournal;
      break;
    case HeaderCheck::kForeign:
      sector.standing = is_blank(bytes) ? SectorStanding::kBlank : SectorStanding::kNoHeader;
      break;
    case HeaderCheck::kOtherGeometry:
      sector.standing = SectorStanding::kOtherSize;
      break;
    case HeaderCheck::kNewer:
      sector.standing = SectorStanding::kNewerVersion;
      break;
  }
}

void Reader::read_headers() {
  bool other_size = false;
  for (std::uint32_t i = 0; i < image_.sector_count(); ++i) {
    read_header(i);
    const FlashSector& sector = history_.sectors[i];
    if (sector.header_repaired) {
      note(where(i, 0) + ": one bit of the header has gone bad; a mount puts it right");
    }
    if (sector.standing == SectorStanding::kNoHeader) {
      note(where(i, 0) +
           ": no header verifies, and it is not blank: a header or an erase that was cut, or a header of which more "
           "than a bit went bad");
    } else if (sector.standing == SectorStanding::kNewerVersion && !newer_) {
      newer_ = true;
      fault(where(i, 0) + ": format version " + std::to_string(sector.version) +
            "; this program knows versions 1 and " + std::to_string(layout::kVersion) + ": a newer firmware wrote it");
    } else if (sector.standing == SectorStanding::kOtherSize && !other_size) {
      other_size = true;
      note(where(i, 0) + ": a header of a flash with other sectors than " + std::to_string(image_.sector_size) +
           " bytes");
    }
  }
}

void Reader::choose_journal() {
  std::uint64_t newest = 0;
  for (const FlashSector& sector : history_.sectors) {
    if (sector.standing == SectorStanding::kOtherJournal && sector.header.serial > newest) {
      newest = sector.header.serial;
      history_.uid = sector.header.uid;
    }
  }
  for (std::uint32_t i = 0; i < image_.sector_count(); ++i) {
    FlashSector& sector = history_.sectors[i];
    if (sector.standing != SectorStanding::kOtherJournal || sector.header.uid != history_.uid) {
      continue;
    }
    sector.standing = SectorStanding::kHistory;
    history_.boot = std::max(history_.boot, sector.header.boot);
    live_.push_back(i);
    if (const auto role = number_in(sector.header.role); role != 1 && role != 2) {
      fault(where(i, 6) + ": role " + std::to_string(role) + " is none");
    }
  }
}

void Reader::read_sectors() {
  for (std::uint32_t i = 0; i < image_.sector_count(); ++i) {
    FlashSector& sector = history_.sectors[i];
    if (!sector.has_header()) {
      continue;
    }
    sector.counted_end = image_.data_offset();
    while (const auto record = record_at(image_, i, sector.counted_end, sector.header.serial)) {
      sector.records.push_back(*record);
      sector.copy_done |= record->is(OwnKind::kCopyDone);
      sector.counted_end += record->stored;
    }
  }
}

// The sector that a boot copied, and all between a sector and the one that it says it goes on from.
bool replaces(const layout::SectorHeader& header, std::uint64_t serial) {
  return (header.role == SectorRole::kBoot && header.supersedes != 0 && serial == header.supersedes) ||
         (header.before.has_value() && serial > *header.before && serial < header.serial);
}

bool Reader::holds_copy_done(std::uint32_t index) const {
  std::uint32_t offset = image_.data_offset();
  while (const auto record = find_record(image_, index, offset, history_.sectors[index].header.serial)) {
    if (record->is(OwnKind::kCopyDone)) {
      return true;
    }
    offset = record->offset + record->stored;
  }
  return false;
}

/// A record in a sector of a lower serial has that order or a higher one, or a later sector begins where this one does.
bool Reader::was_before(std::uint32_t index, std::uint64_t order) const {
  const std::uint64_t serial = history_.sectors[index].header.serial;
  const std::uint64_t first_order = history_.sectors[index].header.first_order;
  for (const std::uint32_t i : live_) {
    const FlashSector& sector = history_.sectors[i];
    if (i != index && sector.header.serial >= serial && sector.header.first_order <= first_order &&
        holds_copy_done(i)) {
      return true;  // Copied again.
    }
    std::uint32_t offset = image_.data_offset();
    while (sector.header.serial < serial) {
      const auto record = find_record(image_, i, offset, sector.header.serial);
      if (!record.has_value()) {
        break;
      }
      if (record->header.order >= order) {
        return true;
      }
      offset = record->offset + record->stored;
    }
  }
  return false;
}

// A kCopyDone may stand behind records that went bad, or be bad itself: then what was written since has an order of its
// own.
void Reader::drop_unfinished_boots() {
  for (const std::uint32_t i : live_) {
    FlashSector& sector = history_.sectors[i];
    if (sector.header.role != SectorRole::kBoot) {
      continue;
    }
    std::uint32_t offset = sector.counted_end;
    std::uint64_t newest = 0;
    while (!sector.copy_done) {
      const auto record = find_record(image_, i, offset, sector.header.serial);
      if (!record.has_value()) {
        break;
      }
      sector.copy_done = record->is(OwnKind::kCopyDone);
      newest = std::max(newest, record->header.order);
      offset = record->offset + record->stored;
    }
    sector.copy_done = sector.copy_done || (newest != 0 && !was_before(i, newest));
  }
  for (const std::uint32_t i : live_) {
    FlashSector& boot = history_.sectors[i];
    if (boot.header.role == SectorRole::kBoot && !boot.copy_done) {
      boot.standing = SectorStanding::kUnfinishedBoot;
      note(where(i, 0) + ": boot " + std::to_string(boot.header.boot) +
           " was cut before its sector was complete; what it copied from is still there");
      continue;
    }
    for (const std::uint32_t j : live_) {
      FlashSector& other = history_.sectors[j];
      if (other.standing == SectorStanding::kHistory && replaces(boot.header, other.header.serial)) {
        other.standing = SectorStanding::kSuperseded;
      }
    }
  }
  std::erase_if(live_, [this](std::uint32_t i) { return history_.sectors[i].standing != SectorStanding::kHistory; });
}

void Reader::put_in_order() {
  std::sort(live_.begin(), live_.end(), [this](std::uint32_t a, std::uint32_t b) {
    return history_.sectors[a].header.serial < history_.sectors[b].header.serial;
  });
  std::uint64_t begins = UINT64_MAX;
  for (std::size_t i = live_.size(); i-- > 0;) {
    if (at(i).header.first_order >= begins) {
      at(i).standing = SectorStanding::kRepeated;
    }
    begins = std::min(begins, at(i).header.first_order);
  }
  if (!live_.empty() && at(live_.size() - 1).standing == SectorStanding::kRepeated) {
    history_.fit_for_mount = false;  // The newest one is never left out but for this; a mount counts on that.
    fault(where(live_.back(), 40) + ": begins with order " + std::to_string(UINT64_MAX) + ", which none can have");
  }
  std::erase_if(live_, [this](std::uint32_t i) { return history_.sectors[i].standing != SectorStanding::kHistory; });
}

bool Reader::reclaimable(std::size_t live) {
  if (live + 1 >= live_.size()) {
    return false;
  }
  const layout::SectorHeader& next = at(live + 1).header;
  const std::uint64_t acked = history_.ack.has_value() ? history_.ack->seq : 0;
  return next.first_seq - 1 <= acked && history_.checkpoint_begin != 0 && next.first_order <= history_.checkpoint_begin;
}

void Reader::read_records() {
  const std::vector<FlashFinding> before = history_.findings;
  read_from(0);
  std::size_t first = 0;
  while (reclaimable(first)) {
    at(first++).standing = SectorStanding::kObsolete;
  }
  if (first > 0 && last_hole_ > 0) {
    // What is obsolete may have been erased by halves: holes there do not count. What lies behind them is kept.
    const std::size_t kept = std::min(first, last_hole_);
    history_.findings = before;
    history_.damaged = 0;
    read_from(kept);
    note("the obsolete sectors have holes, which do not count");
  }
  history_.sectors[live_.back()].standing = SectorStanding::kTail;
  if (history_.checkpoint_begin == 0 && history_.first_order != 1) {
    damage("the history begins with order " + std::to_string(history_.first_order) +
           " and there is no complete checkpoint: the sectors before, or the checkpoint, are gone");
  }
}

// What must be true where one sector goes on from the one before.
void Reader::enter(std::size_t live, std::size_t first) {
  const layout::SectorHeader& header = at(live).header;
  if (live == first) {
    history_.first_order = header.first_order;
    history_.first_seq = header.first_seq;
  } else if (header.first_order != history_.next_order) {
    const FlashSector& before = at(live - 1);
    const bool more = before.counted_end < image_.sector_size &&
                      !is_blank(image_.sector(live_[live - 1]).subspan(before.counted_end));
    const std::string place = where(live_[live - 1], before.counted_end);
    const std::string what =
        more ? ": what stands here does not verify or does not go on from the record before" : ": nothing stands here";
    damage(header.first_order > history_.next_order
               ? place + what + "; " + range_text("record", history_.next_order, header.first_order - 1) + " lost"
               : place + ": the records go on beyond the beginning of sector " + std::to_string(live_[live]));
    open_begin_ = 0;
  }
  if (live != first && (header.first_order != history_.next_order || header.first_seq != history_.next_seq ||
                        header.chain != history_.chain)) {
    last_hole_ = live;
  }
  if (live != first && header.first_seq > history_.next_seq) {
    fault(where(live_[live], 0) + ": " + range_text("event", history_.next_seq, header.first_seq - 1) +
          " lost before this sector");
  }
  history_.next_order = header.first_order;
  history_.next_seq = header.first_seq;
  history_.chain = header.chain;
}

void Reader::read_from(std::size_t first) {
  history_.records.clear();
  open_begin_ = 0;
  for (std::size_t i = first; i < live_.size(); ++i) {
    FlashSector& sector = at(i);
    enter(i, first);
    const std::uint64_t order_end = i + 1 < live_.size() ? at(i + 1).header.first_order : UINT64_MAX;
    sector.counted_end = image_.data_offset();
    for (const FlashRecord& record : sector.records) {
      if (!record.is(OwnKind::kCopyDone)) {
        if (record.header.order >= order_end || !follow(record)) {
          break;
        }
        history_.records.push_back({.sector = live_[i], .record = record});
      }
      sector.counted_end = record.offset + record.stored;
    }
  }
}

void Reader::take_ack(Bytes payload) {
  if (payload.size() != kAckBytes || load_le<std::uint64_t>(payload.subspan(32, 8)) == 0) {
    return;
  }
  store::AckMark mark{.seq = load_le<std::uint64_t>(payload.first(8)),
                      .chain = load_le<std::uint64_t>(payload.subspan(8, 8)),
                      .store_uid = {},
                      .generation = load_le<std::uint64_t>(payload.subspan(32, 8))};
  std::copy_n(payload.begin() + 16, mark.store_uid.size(), mark.store_uid.begin());
  history_.ack = mark;
}

// Once retired, a sector stays so.
void Reader::take_retired(Bytes payload) {
  for (std::size_t i = 0; i < image_.sector_count() && i / 8 < payload.size(); ++i) {
    history_.sectors[i].retired |= (std::to_integer<unsigned>(payload[i / 8]) >> (i % 8) & 1U) != 0;
  }
}

// True: the record goes on from the one before.
bool Reader::follow(const FlashRecord& record) {
  if (record.header.order != history_.next_order) {
    return false;
  }
  if (record.is_event()) {
    if (record.header.seq != history_.next_seq ||
        record.header.chain != chain_next(history_.chain, record.header.seq, record.payload)) {
      return false;
    }
    ++history_.next_seq;
    history_.chain = record.header.chain;
  } else if (record.is(OwnKind::kCheckpointBegin)) {
    open_begin_ = record.header.order;
  } else if (record.is(OwnKind::kCheckpointEnd) && open_begin_ != 0) {
    history_.checkpoint_begin = open_begin_;
    history_.checkpoint_end = record.header.order;
    open_begin_ = 0;
    take_ack(record.payload);
  } else if (record.is(OwnKind::kAckMark)) {
    take_ack(record.payload);
  } else if (record.is(OwnKind::kRetired)) {
    take_retired(record.payload);
  }
  ++history_.next_order;
  return true;
}

// In the newest sector the end of the history is where the power went, unless something good stands behind it.
void Reader::look_at_tail() {
  const std::uint32_t index = live_.back();
  FlashSector& tail = history_.sectors[index];
  for (std::uint32_t offset = tail.counted_end + image_.unit;;) {
    const auto record = find_record(image_, index, offset, tail.header.serial);
    if (!record.has_value()) {
      break;
    }
    tail.strays.push_back(*record);
    offset = record->offset + record->stored;
  }
  if (!tail.strays.empty()) {
    history_.tail_damaged = true;
    const FlashRecord& stray = tail.strays.front();
    damage(where(index, tail.counted_end) + ": what stands here does not verify, but " +
           counted(tail.strays.size(), "record does", "records do") + " behind it, from " +
           address_text(std::size_t{index} * image_.sector_size + stray.offset) +
           " on: that was no power cut. The history ends before it; order " + std::to_string(history_.next_order) +
           " and what follows are lost");
  } else if (!is_blank(image_.sector(index).subspan(tail.counted_end))) {
    note(where(index, tail.counted_end) +
         ": the history ends here; what follows was in flight when the power went, or it was the last record and went "
         "bad");
  }
  if (open_begin_ != 0) {
    note("the checkpoint that begins with order " + std::to_string(open_begin_) +
         " was never completed; it does not count");
  }
  look_for_room(tail);
}

// Room for a kCopyDone is what lets a boot copy the tail whole.
void Reader::look_for_room(const FlashSector& tail) {
  std::uint32_t size = image_.data_offset() + image_.padded(layout::kInternalHeaderSize);
  for (const FlashRecord& record : tail.records) {
    if (record.offset < tail.counted_end && !record.is(OwnKind::kCopyDone)) {
      size += record.stored;
    }
  }
  if (!history_.tail_damaged && size > image_.sector_size) {
    history_.fit_for_mount = false;  // It would write beyond the sector.
    fault(where(live_.back(), tail.counted_end) +
          ": the newest sector has no room left for a kCopyDone, so no boot can copy it");
  }
}

void Reader::look_behind_the_others() {
  for (std::size_t i = 0; i + 1 < live_.size(); ++i) {
    look_behind(live_[i]);
  }
}

// In an older sector what was torn is where the next boot went on; what verifies behind a hole is lost all the same.
void Reader::look_behind(std::uint32_t index) {
  FlashSector& sector = history_.sectors[index];
  if (sector.standing == SectorStanding::kObsolete) {
    return;
  }
  std::uint32_t end = sector.counted_end;
  for (const FlashRecord& record : sector.records) {
    end = std::max(end, record.offset + record.stored);
  }
  for (std::uint32_t offset = end;;) {
    const auto record = find_record(image_, index, offset, sector.header.serial);
    if (!record.has_value()) {
      break;
    }
    sector.strays.push_back(*record);
    offset = record->offset + record->stored;
  }
  if (!sector.strays.empty()) {
    note(where(index, sector.strays.front().offset) + ": " +
         counted(sector.strays.size(), "record verifies", "records verify") +
         " behind what does not; nothing relies on them");
  } else if (!is_blank(image_.sector(index).subspan(end))) {
    note(where(index, end) + ": something was in flight here when the power went; the next boot left it out");
  }
}

}  // namespace

FlashHistory read_history(const FlashImage& image) {
  return Reader(image).read();
}

std::string_view to_string(SectorStanding standing) {
  switch (standing) {
    case SectorStanding::kBlank:
      return "blank";
    case SectorStanding::kNoHeader:
      return "no header";
    case SectorStanding::kNewerVersion:
      return "newer version";
    case SectorStanding::kOtherSize:
      return "other size";
    case SectorStanding::kOtherJournal:
      return "other journal";
    case SectorStanding::kUnfinishedBoot:
      return "unfinished boot";
    case SectorStanding::kSuperseded:
      return "superseded";
    case SectorStanding::kRepeated:
      return "repeated";
    case SectorStanding::kObsolete:
      return "obsolete";
    case SectorStanding::kHistory:
      return "history";
    case SectorStanding::kTail:
      return "tail";
  }
  return "?";
}

std::string address_text(std::size_t address) {
  char text[24];
  std::snprintf(text, sizeof(text), "0x%06zx", address);
  return text;
}

std::string hex_text(Bytes bytes) {
  constexpr std::string_view kHex = "0123456789abcdef";
  std::string text;
  for (const std::byte byte : bytes) {
    text += kHex[std::to_integer<std::size_t>(byte >> 4)];
    text += kHex[std::to_integer<std::size_t>(byte & std::byte{15})];
  }
  return text;
}

std::string chain_text(Chain chain) {
  char text[24];
  std::snprintf(text, sizeof(text), "%016llx", static_cast<unsigned long long>(chain));
  return text;
}

}  // namespace cubby::tools
