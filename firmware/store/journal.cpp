#include "firmware/store/journal.h"

#include <algorithm>
#include <utility>

namespace cubby::store {

using layout::OwnKind;
using layout::RecordHeader;

static_assert(limits::kEventBytesMax >= limits::kInternalBytesMax);

Journal::Journal(hal::NorFlash& flash) : flash_(flash) {
  const hal::FlashGeometry& geometry = flash.geometry();
  CUBBY_ASSERT(geometry.sector_count >= kSectorsLeast && geometry.sector_count <= limits::kSectorsMax);
  CUBBY_ASSERT(geometry.sector_size >= 4096 && geometry.sector_size <= 65536);
  CUBBY_ASSERT(geometry.program_size <= geometry.page_size && geometry.page_size <= 256);
}

std::uint32_t Journal::unit() const {
  return std::max<std::uint32_t>(4, flash_.geometry().program_size);
}

std::uint32_t Journal::padded(std::size_t size) const {
  const std::uint32_t u = unit();
  return (static_cast<std::uint32_t>(size) + u - 1) / u * u;
}

std::uint32_t Journal::data_offset() const {
  return padded(layout::kSectorHeaderSize);
}

std::uint32_t Journal::address_of(const LiveSector& live, std::uint32_t offset) const {
  return live.sector * flash_.geometry().sector_size + offset;
}

// Programs head and payload as one run of bytes, page by page, padded with FF to the unit, and reads each page back.
Status Journal::program(std::uint32_t address, Bytes head, Bytes payload) {
  constexpr std::size_t kPageMax = 256;
  std::array<std::byte, kPageMax> page;
  const std::size_t size = padded(head.size() + payload.size());
  std::size_t done = 0;
  while (done < size) {
    const std::uint32_t page_size = flash_.geometry().page_size;
    const std::size_t room = page_size - (address + done) % page_size;
    const std::size_t count = std::min(room, size - done);
    for (std::size_t i = 0; i < count;) {
      const std::size_t at = done + i;
      Bytes from;
      if (at < head.size()) {
        from = head.subspan(at);
      } else if (at < head.size() + payload.size()) {
        from = payload.subspan(at - head.size());
      } else {
        std::fill_n(page.begin() + static_cast<std::ptrdiff_t>(i), count - i, std::byte{0xFF});
        break;
      }
      const std::size_t take = std::min(from.size(), count - i);
      std::copy_n(from.begin(), take, page.begin() + static_cast<std::ptrdiff_t>(i));
      i += take;
    }
    const auto at = static_cast<std::uint32_t>(address + done);
    const Bytes bytes = Bytes(page).first(count);
    if (flash_.program(at, bytes) != Status::kOk || !reads_as(at, bytes)) {
      return Status::kIo;
    }
    done += count;
  }
  return Status::kOk;
}

std::uint16_t Journal::pick_free_sector(const std::array<bool, limits::kSectorsMax>* avoided) const {
  // Round-robin from the newest sector on, so that wear spreads over all of them.
  const std::uint32_t count = flash_.geometry().sector_count;
  const std::uint32_t start = live_count_ == 0 ? 0 : live_[live_count_ - 1].sector + 1U;
  for (std::uint32_t i = 0; i < count; ++i) {
    const std::uint32_t sector = (start + i) % count;
    const auto candidate = static_cast<std::uint16_t>(sector);
    if (!in_use_[sector] && !retired(candidate) && (avoided == nullptr || !(*avoided)[sector])) {
      return candidate;
    }
  }
  return kNoSector;
}

bool Journal::reclaimable(std::size_t live, std::uint64_t acked_seq) const {
  if (live + 1 >= live_count_) {
    return false;  // The newest sector is being written.
  }
  const LiveSector& next = live_[live + 1];
  const std::uint64_t last_seq = next.first_seq - 1;
  return last_seq <= acked_seq && checkpoint_order_ != 0 && next.first_order <= checkpoint_order_;
}

bool Journal::frees(std::uint64_t acked_seq) const {
  for (std::size_t i = 0; reclaimable(i, acked_seq); ++i) {
    if (!retired(live_[i].sector)) {
      return true;
    }
  }
  return false;
}

void Journal::reclaim_oldest() {
  in_use_[live_[0].sector] = false;
  std::copy(live_.begin() + 1, live_.begin() + static_cast<std::ptrdiff_t>(live_count_), live_.begin());
  --live_count_;
  if (cursor_.live == 0) {
    cursor_ = {};
  } else {
    --cursor_.live;
  }
}

// kIo: that sector is retired.
Status Journal::open_sector(layout::SectorRole role, std::uint64_t supersedes, std::uint64_t first_order,
                            std::uint64_t first_seq, Chain chain, std::uint16_t wanted) {
  const std::uint16_t sector = wanted != kNoSector ? wanted : pick_free_sector(nullptr);
  if (sector == kNoSector || live_count_ == live_.size()) {
    return Status::kNoSpace;
  }
  const std::uint64_t serial = next_serial_++;  // Also of one that fails: its header may read well one day.
  const std::size_t before = supersedes != 0 ? live_count_ - 1 : live_count_;
  const layout::SectorHeader header{.role = role,
                                    .uid = uid_,
                                    .serial = serial,
                                    .supersedes = supersedes,
                                    .first_order = first_order,
                                    .first_seq = first_seq,
                                    .chain = chain,
                                    .boot = boot_,
                                    .before = before == 0 ? 0 : live_[before - 1].serial,
                                    .boots_in_a_row = boots_in_a_row_};
  const layout::SectorHeaderBytes bytes = layout::encode(header, flash_.geometry().sector_size);
  if (erase(sector) != Status::kOk || program(sector * flash_.geometry().sector_size, bytes, {}) != Status::kOk) {
    retire(sector);
    return Status::kIo;
  }
  in_use_[sector] = true;
  live_[live_count_++] = {
      .sector = sector, .serial = serial, .first_order = first_order, .first_seq = first_seq, .chain = chain};
  ++sectors_since_checkpoint_;
  write_offset_ = data_offset();
  copy_done_ = false;
  return Status::kOk;
}

Status Journal::write_record(std::uint8_t record_class, std::uint8_t kind, std::uint64_t order, std::uint64_t seq,
                             Chain chain, Bytes payload) {
  std::array<std::byte, layout::kEventHeaderSize> head{};
  const std::size_t head_size = layout::header_size(record_class);
  if (write_offset_ + head_size + payload.size() > flash_.geometry().sector_size) {
    return Status::kCorrupt;  // A copy of a sector that no firmware filled so: fits() leaves room for it.
  }
  const MutableBytes head_bytes = MutableBytes(head).first(head_size);
  layout::encode(RecordHeader{.record_class = record_class,
                              .kind = kind,
                              .payload_size = static_cast<std::uint16_t>(payload.size()),
                              .crc = 0,
                              .order = order,
                              .seq = seq,
                              .chain = chain},
                 head_bytes);
  const LiveSector& current = live_[live_count_ - 1];
  layout::seal(head_bytes, layout::record_crc(head_bytes, payload, current.serial));
  CUBBY_TRY(program(address_of(current, write_offset_), head_bytes, payload));
  write_offset_ += padded(head_size + payload.size());
  return Status::kOk;
}

// Each sector keeps room for one kCopyDone, so that a full one can still be copied whole at a boot, and
// before that for one kAckMark, so that a full journal learns durably what it may discard. A boot's sector
// has its kCopyDone already, and copying it needs no second one.
bool Journal::fits(std::uint32_t size, bool ack_mark) const {
  const std::uint32_t ack_room = ack_mark ? 0 : padded(layout::kInternalHeaderSize + kAckBytes);
  const std::uint32_t done_room = copy_done_ ? 0 : padded(layout::kInternalHeaderSize);
  return write_offset_ + size + ack_room + done_room <= flash_.geometry().sector_size;
}

Status Journal::append(RecordClass record_class, std::uint8_t kind, Bytes payload) {
  CUBBY_ASSERT(mounted_);
  if (failed_) {
    return Status::kIo;
  }
  const auto class_number = static_cast<std::uint8_t>(record_class);
  const std::uint32_t size = padded(layout::header_size(class_number) + payload.size());
  const bool ack_mark = record_class == RecordClass::kInternal && kind == static_cast<std::uint8_t>(OwnKind::kAckMark);
  if (!fits(size, ack_mark)) {
    CUBBY_TRY(open_next());
  }
  const bool event = record_class == RecordClass::kEvent;
  const Chain chain = event ? chain_next(chain_, next_seq_, payload) : 0;
  std::uint32_t worn = 0;
  while (write_record(class_number, kind, next_order_, event ? next_seq_ : 0, chain, payload) != Status::kOk) {
    if (++worn > kWornInARow || leave_worn_sector() != Status::kOk) {
      failed_ = true;  // What is on flash of the record may read well, so nothing else may take its place.
      return Status::kIo;
    }
  }
  ++next_order_;
  if (event) {
    ++next_seq_;
    chain_ = chain;
  }
  return retired_untold_ ? append_retired() : Status::kOk;
}

Status Journal::append_event(Bytes payload) {
  CUBBY_ASSERT(!payload.empty() && payload.size() <= limits::kEventBytesMax);
  return append(RecordClass::kEvent, 0, payload);
}

Status Journal::append_internal(std::uint8_t kind, Bytes payload) {
  CUBBY_ASSERT(kind >= kFirstForeignKind && payload.size() <= limits::kInternalBytesMax);
  return append(RecordClass::kInternal, kind, payload);
}

bool Journal::checkpoint_due() const {
  const std::uint32_t count = flash_.geometry().sector_count;
  if (sectors_since_checkpoint_ > count / 4 || (fold_has_hole_ && room_for_deposits())) {
    return true;
  }
  // Short of space, and all that keeps old sectors is that the fold still needs them.
  return sectors_since_checkpoint_ >= 2 && !has_free(kSectorsShort);
}

Status Journal::write_checkpoint(CheckpointSource& source) {
  const std::uint64_t begin_order = next_order_;
  std::array<std::byte, 8> begin;
  store_le<std::uint64_t>(begin, begin_order);
  const auto kind = [](OwnKind own) { return static_cast<std::uint8_t>(own); };
  CUBBY_TRY(append(RecordClass::kInternal, kind(OwnKind::kCheckpointBegin), begin));
  if (retired_count_ != 0) {
    CUBBY_TRY(append_retired());
  }
  const std::uint32_t sectors_before = sectors_since_checkpoint_;
  for (std::size_t index = 0;; ++index) {
    const std::size_t size = source.checkpoint_part(index, MutableBytes(scratch_).first(limits::kInternalBytesMax));
    if (size == 0) {
      break;
    }
    CUBBY_TRY(append(RecordClass::kInternal, kind(OwnKind::kCheckpointPart), Bytes(scratch_).first(size)));
  }
  std::array<std::byte, kAckBytes> end;
  write_ack(end);
  CUBBY_TRY(append(RecordClass::kInternal, kind(OwnKind::kCheckpointEnd), end));
  checkpoint_order_ = begin_order;
  written_ack_seq_ = last_ack_.has_value() ? last_ack_->seq : 0;
  sectors_since_checkpoint_ -= sectors_before;
  fold_has_hole_ = false;
  return Status::kOk;
}

void Journal::write_ack(MutableBytes into) const {
  const AckMark mark = last_ack_.value_or(AckMark{});
  store_le<std::uint64_t>(into.subspan(0, 8), mark.seq);
  store_le<std::uint64_t>(into.subspan(8, 8), mark.chain);
  std::copy(mark.store_uid.begin(), mark.store_uid.end(), into.begin() + 16);
  store_le<std::uint64_t>(into.subspan(32, 8), mark.generation);
}

// Generation 0 stands for "never acknowledged": generations of a store count from 1.
void Journal::read_ack(Bytes from, std::optional<AckMark>& mark) {
  if (from.size() != kAckBytes || load_le<std::uint64_t>(from.subspan(32, 8)) == 0) {
    return;
  }
  AckMark read;
  read.seq = load_le<std::uint64_t>(from.subspan(0, 8));
  read.chain = load_le<std::uint64_t>(from.subspan(8, 8));
  std::copy_n(from.begin() + 16, read.store_uid.size(), read.store_uid.begin());
  read.generation = load_le<std::uint64_t>(from.subspan(32, 8));
  mark = read;
}

Status Journal::acknowledge(const AckMark& mark) {
  CUBBY_ASSERT(mark.generation != 0);
  Chain own = 0;
  const Status found = find_chain(mark.seq, own);
  if (found == Status::kCorrupt) {
    return found;
  }
  if (found != Status::kOk || own != mark.chain || mark.seq >= next_seq_) {
    return Status::kBadInput;
  }
  const std::optional<AckMark> before = last_ack_;
  last_ack_ = mark;  // First: what a mark takes back may not be discarded to make room for that mark.
  const std::uint32_t size = padded(layout::kInternalHeaderSize + kAckBytes);
  const bool full = sectors_unused() <= kSectorsForBoot && !frees(discardable_seq()) && !fits(size, false);
  if (full && !frees(mark.seq)) {
    // The last room for a mark is for one that frees a sector. Losing this one only makes the centre say it again.
    return Status::kOk;
  }
  std::array<std::byte, kAckBytes> payload;
  write_ack(payload);
  const auto write = [&] {
    return append(RecordClass::kInternal, static_cast<std::uint8_t>(OwnKind::kAckMark), payload);
  };
  Status status = write();
  if (status == Status::kNoSpace && frees(mark.seq)) {
    // The last room is gone, to a mark whose sectors have worn out since. One of the boots' sectors is lent: the next
    // record gives up what this mark frees.
    status = open_next(kSectorsForBoot - 1);
    status = status == Status::kOk ? write() : status;
  }
  if (status == Status::kOk) {
    written_ack_seq_ = mark.seq;
  } else if (status != Status::kNoSpace) {
    last_ack_ = before;
    return status;
  }
  return Status::kOk;
}

// A mark that went back in memory only leaves a higher one on the flash; nothing above either is given up.
std::uint64_t Journal::discardable_seq() const {
  return last_ack_.has_value() ? std::min(written_ack_seq_, last_ack_->seq) : 0;
}

std::uint32_t Journal::sectors_unused() const {
  std::uint32_t taken = static_cast<std::uint32_t>(live_count_) + retired_count_;
  for (std::size_t i = 0; retired_count_ != 0 && i < live_count_; ++i) {
    taken -= retired(live_[i].sector) ? 1 : 0;
  }
  return flash_.geometry().sector_count - taken;
}

std::uint32_t Journal::count_free(std::uint32_t enough) const {
  std::uint32_t free = sectors_unused();
  const std::uint64_t discardable = discardable_seq();
  for (std::size_t i = 0; free < enough && i < live_count_ && reclaimable(i, discardable); ++i) {
    free += retired(live_[i].sector) ? 0 : 1;
  }
  return free;
}

bool Journal::room_for_deposits() const {
  return mounted_ && !failed_ && has_free(kSectorsForBoot + limits::kSectorsReserve + 1);
}

std::uint64_t Journal::oldest_seq(std::uint64_t held) const {
  if (live_count_ == 0) {
    return next_seq_;
  }
  const std::uint64_t wanted = std::max(live_[0].first_seq, held + 1);
  return wanted >= lost_from_ && wanted <= lost_to_ ? lost_to_ + 1 : live_[0].first_seq;
}

bool Journal::read_header(const LiveSector& live, std::uint32_t offset, RecordHeader& header) const {
  const std::uint32_t sector_size = flash_.geometry().sector_size;
  std::array<std::byte, layout::kEventHeaderSize> bytes;
  const std::size_t available = std::min<std::size_t>(bytes.size(), sector_size - std::min(offset, sector_size));
  if (available < layout::kInternalHeaderSize) {
    return false;
  }
  if (flash_.read(address_of(live, offset), MutableBytes(bytes).first(available)) != Status::kOk ||
      !layout::decode(bytes, header)) {
    return false;
  }
  const std::size_t size = layout::header_size(header.record_class) + header.payload_size;
  return size <= scratch_.size() && offset + padded(size) <= sector_size;
}

bool Journal::read_record(const LiveSector& live, std::uint32_t offset, RecordHeader& header, Bytes& payload) const {
  if (!read_header(live, offset, header)) {
    return false;
  }
  const std::size_t head_size = layout::header_size(header.record_class);
  const MutableBytes bytes = MutableBytes(scratch_).first(head_size + header.payload_size);
  if (flash_.read(address_of(live, offset), bytes) != Status::kOk || !layout::decode(bytes, header) ||
      head_size + header.payload_size != bytes.size()) {
    return false;
  }
  payload = Bytes(bytes).subspan(head_size);
  return layout::record_crc(Bytes(bytes).first(head_size), payload, live.serial) == header.crc;
}

// The sector that event `seq` stands in, as long as it is kept.
std::size_t Journal::live_of_event(std::uint64_t seq) const {
  std::size_t live = live_count_ - 1;
  while (live > 0 && live_[live].first_seq > seq) {
    --live;
  }
  return live;
}

// Leaves the cursor at event `seq`, whose header it returns. kNotFound, kCorrupt: as read_event().
Status Journal::seek_event(std::uint64_t seq, RecordHeader& header) const {
  if (live_count_ == 0 || seq < live_[0].first_seq || seq >= next_seq_ || (seq >= lost_from_ && seq <= lost_to_)) {
    return Status::kNotFound;
  }
  if (cursor_.seq == 0 || cursor_.seq > seq || live_[cursor_.live].first_seq > seq ||
      (cursor_.live + 1 < live_count_ && live_[cursor_.live + 1].first_seq <= seq)) {
    const std::size_t live = live_of_event(seq);
    cursor_ = {.live = live, .offset = data_offset(), .seq = live_[live].first_seq};
  }
  for (;;) {
    if (!read_header(live_[cursor_.live], cursor_.offset, header)) {
      cursor_ = {};
      return Status::kCorrupt;
    }
    if (header.record_class == 1 && header.seq >= seq) {
      cursor_.seq = header.seq;
      return header.seq == seq ? Status::kOk : Status::kCorrupt;
    }
    cursor_.offset += padded(layout::header_size(header.record_class) + header.payload_size);
  }
}

Result<std::size_t> Journal::read_event(std::uint64_t seq, MutableBytes into, Chain& chain) const {
  RecordHeader header;
  if (const Status status = seek_event(seq, header); status != Status::kOk) {
    return status;
  }
  if (into.size() < header.payload_size) {
    return Status::kNoSpace;
  }
  Bytes payload;
  if (!read_record(live_[cursor_.live], cursor_.offset, header, payload)) {
    return Status::kCorrupt;
  }
  std::copy(payload.begin(), payload.end(), into.begin());
  chain = header.chain;
  cursor_.offset += padded(layout::kEventHeaderSize + header.payload_size);
  cursor_.seq = seq + 1;
  if (cursor_.live + 1 < live_count_ && live_[cursor_.live + 1].first_seq == seq + 1) {
    cursor_ = {.live = cursor_.live + 1, .offset = data_offset(), .seq = seq + 1};
  }
  return std::size_t{header.payload_size};
}

// Of an event that stands on flash: it reads well from the beginning of its sector on. Leaves the cursor alone.
Status Journal::check_event(std::uint64_t seq, RecordHeader& header) const {
  const Cursor before = std::exchange(cursor_, {});
  Bytes payload;
  Status status = seek_event(seq, header);
  if (status == Status::kOk && !read_record(live_[cursor_.live], cursor_.offset, header, payload)) {
    status = Status::kCorrupt;
  }
  cursor_ = before;
  return status;
}

Status Journal::find_chain(std::uint64_t seq, Chain& chain) const {
  if (seq + 1 == next_seq_) {
    chain = chain_;
    return Status::kOk;
  }
  if (last_ack_.has_value() && seq == last_ack_->seq) {
    chain = last_ack_->chain;
    return Status::kOk;
  }
  for (std::size_t i = 0; i < live_count_; ++i) {
    if (live_[i].first_seq == seq + 1) {
      chain = live_[i].chain;
      return Status::kOk;
    }
  }
  RecordHeader header;
  const Status status = check_event(seq, header);
  chain = header.chain;
  return status;
}

std::optional<Chain> Journal::chain_at(std::uint64_t seq) const {
  Chain chain = 0;
  return find_chain(seq, chain) == Status::kOk ? std::optional(chain) : std::nullopt;
}

Status Journal::give_up_from(std::uint64_t seq) {
  CUBBY_ASSERT(mounted_);
  RecordHeader header;
  if (check_event(seq, header) != Status::kCorrupt) {
    return Status::kNotFound;
  }
  // A part that answers late is no rot: the event is asked for once more behind an answer.
  if (failed_ || !answers() || check_event(seq, header) != Status::kCorrupt) {
    return Status::kIo;
  }
  cursor_ = {};
  if (live_of_event(seq) + 1 == live_count_) {
    CUBBY_TRY(open_next());
  }
  const LiveSector& next = live_[live_of_event(seq) + 1];
  const std::uint64_t to = next.first_seq - 1;
  // A hole elsewhere is forgotten, and found again when its turn comes: what is good between the two is sent.
  const bool touches = lost_from_ != 0 && seq <= lost_to_ + 1 && lost_from_ <= to + 1;
  lost_from_ = touches ? std::min(lost_from_, seq) : seq;
  lost_to_ = touches ? std::max(lost_to_, to) : to;
  fold_has_hole_ |= next.first_order > checkpoint_order_;
  return Status::kOk;
}

}  // namespace cubby::store
