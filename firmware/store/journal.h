#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "firmware/base/bytes.h"
#include "firmware/base/chain.h"
#include "firmware/base/limits.h"
#include "firmware/base/result.h"
#include "firmware/hal/nor_flash.h"
#include "firmware/store/layout.h"

/// The append-only journal on NOR flash; every bit is in docs/spec/flash.md.
namespace cubby::store {

/// Events are numbered without gaps, chained and sent to the centre. Internal records (intents,
/// outcomes, throttle counts, acknowledgement marks, checkpoints) never leave the station.
enum class RecordClass : std::uint8_t { kEvent = 1, kInternal = 2 };

/// Internal kinds below this are the journal's own; the rest belong to core, opaque to the journal.
inline constexpr std::uint8_t kFirstForeignKind = 64;

struct Record {
  RecordClass record_class = RecordClass::kInternal;
  std::uint8_t kind = 0;    // Of an internal record.
  std::uint64_t order = 0;  // Over both classes, from 1.
  std::uint64_t seq = 0;    // Of an event, from 1; else 0.
  Chain chain = 0;          // After that event; else 0.
  Bytes payload;            // Valid for the call only.
};

/// What the store of the centre has confirmed.
struct AckMark {
  std::uint64_t seq = 0;
  Chain chain = 0;
  StoreUid store_uid{};
  std::uint64_t generation = 0;
};

/// Receives, at mount, the last complete checkpoint and then every later record, in order.
class RecordVisitor {
 public:
  /// At this place at most so many records are missing, of either class: damage has taken them, or the checkpoint that
  /// made them needless. The same at each mount until a checkpoint is written.
  virtual void on_records_lost(std::uint64_t count) = 0;
  virtual void on_checkpoint_begin() = 0;
  virtual void on_checkpoint_part(Bytes part) = 0;
  virtual void on_record(const Record& record) = 0;

 protected:
  ~RecordVisitor() = default;
};

/// Gives the parts of a checkpoint: the whole state that the fold would have.
class CheckpointSource {
 public:
  /// Writes part `index` (0, 1, ...) into `into` and returns its size; 0: there are no more.
  virtual std::size_t checkpoint_part(std::size_t index, MutableBytes into) = 0;

 protected:
  ~CheckpointSource() = default;
};

struct MountReport {
  std::uint32_t records = 0;           // Handed to the visitor.
  std::uint64_t records_lost = 0;      // At most so many were missing from that.
  std::uint32_t damaged = 0;           // Places that did not verify.
  std::uint64_t events_lost_from = 0;  // First and last seq that is missing in mid-journal; 0: none.
  std::uint64_t events_lost_to = 0;
};

class Journal {
 public:
  explicit Journal(hal::NorFlash& flash);

  /// Before mount(), and without a write: how many boots in a row, the last one among them, have ended without
  /// settle(). A supply that comes and goes is to be waited for, because each boot erases a sector.
  std::uint32_t unsettled_boots();
  /// Finds the newest history and opens a fresh sector for this boot. kNotFound: blank; call format().
  /// kVersion: newer format. kCorrupt: something else is here, or a journal of another geometry, or one
  /// that is beyond recovery. kNoSpace: every sector is needed. kIo: the chip does not answer. After
  /// kNotFound, kVersion, kCorrupt at the headers nothing was changed.
  Status mount(RecordVisitor& visitor, MountReport& report);
  /// Starts a journal of that identity, whatever is on the flash; an older journal counts no more.
  /// Erases what it needs. Never called by mount().
  Status format(const JournalUid& uid);

  const JournalUid& uid() const { return uid_; }
  std::uint32_t boot() const { return boot_; }  // Number of this boot, from 1.

  /// Durable, and read back, when it returns kOk; a sector that does not take it is retired and another one
  /// opened. kIo: nobody knows, and the journal takes no more until remounted. kNoSpace: every sector is
  /// needed. An event's seq is next_seq() of before the call.
  Status append_event(Bytes payload);
  Status append_internal(std::uint8_t kind, Bytes payload);

  /// True when recovery would fold more than its share, or come upon a hole; the owner then calls write_checkpoint().
  bool checkpoint_due() const;
  /// A hole that give_up_from() left where a mount would fold; the owner's state is the only one.
  bool fold_has_hole() const { return fold_has_hole_; }
  Status write_checkpoint(CheckpointSource& source);

  /// Oldest event that can be sent to a centre that holds all up to event `held`; next_seq() if none. When that is all
  /// before a hole which damage has left, the first one behind the hole.
  std::uint64_t oldest_seq(std::uint64_t held) const;
  std::uint64_t oldest_seq() const { return oldest_seq(last_ack_.has_value() ? last_ack_->seq : 0); }
  std::uint64_t next_seq() const { return next_seq_; }
  Chain last_chain() const { return chain_; }  // After event next_seq() - 1.
  /// Reads event `seq` into `into`; returns its size and, in `chain`, the chain after it. Reading in
  /// order is cheap. kNotFound: not kept any more, in a hole, or not there yet; kNoSpace: `into` is too small;
  /// kCorrupt: it does not read well.
  Result<std::size_t> read_event(std::uint64_t seq, MutableBytes into, Chain& chain) const;
  /// Event `seq` does not read well: from it on to the end of its sector is a hole now, as the next mount would find,
  /// and with room for it a checkpoint is due if a mount would miss what the sector held. No later event is written
  /// there. kNotFound: it reads well, or is not kept. kNoSpace, kIo: as append_event(), and kIo if the part answers
  /// late; no hole yet.
  Status give_up_from(std::uint64_t seq);
  /// Chain after event `seq` (0: the start); nullopt if it is no longer known.
  std::optional<Chain> chain_at(std::uint64_t seq) const;

  /// Remembers durably that everything up to `mark` may be discarded (lazily, when space is needed).
  /// kBadInput: not the chain of our own record there. kCorrupt: that one does not read well. In a full journal a mark
  /// that frees nothing is only kept in memory.
  Status acknowledge(const AckMark& mark);
  std::optional<AckMark> last_ack() const { return last_ack_; }

  /// Says durably, once a boot, that this boot has lasted.
  Status settle();
  bool settled() const { return boots_in_a_row_ == 0; }

  /// Sectors that are worn out: an erase or a program failed there. They are never erased again.
  std::uint32_t sectors_retired() const { return retired_count_; }
  /// Of the sectors beyond the eight that a journal cannot do without, in percent of a new part's: 100 is new, at
  /// kSpareLow the part is to be replaced.
  std::uint32_t spare_percent() const;
  static constexpr std::uint32_t kSpareLow = 10;

  /// False when only the reserve for pickups and security events is left.
  bool room_for_deposits() const;
  std::uint32_t sectors_free() const { return count_free(UINT32_MAX); }

  /// See firmware/base/image.h.
  template <typename Image>
  void image(Image& image) {
    image(uid_, boot_, mounted_, failed_, next_serial_, next_order_, next_seq_, chain_, last_ack_, written_ack_seq_,
          checkpoint_order_, sectors_since_checkpoint_, fold_has_hole_, write_offset_, copy_done_, boots_in_a_row_,
          lost_from_, lost_to_, live_, live_count_, in_use_, retired_, retired_count_, retired_untold_, cursor_,
          scratch_);
  }

 private:
  static constexpr std::uint16_t kNoSector = UINT16_MAX;
  // Never written by append(): the next boot's, and the one after's if that boot is cut at its very end.
  static constexpr std::uint32_t kSectorsForBoot = 2;
  static constexpr std::uint32_t kSectorsShort = 6;  // With fewer free ones a checkpoint pays.
  static constexpr std::size_t kAckBytes = 40;
  static constexpr std::uint32_t kStrayBytesMax = 4;  // Of an erase that was cut.
  static constexpr std::uint32_t kSectorsLeast = 8;
  // As many sectors in a row do not fail of wear: it is the part that does not answer.
  static constexpr std::uint32_t kWornInARow = 4;
  using SectorBits = std::array<std::byte, limits::kSectorsMax / 8>;

  /// A sector that holds history.
  struct LiveSector {
    std::uint16_t sector = 0;
    std::uint64_t serial = 0;
    std::uint64_t first_order = 0;
    std::uint64_t first_seq = 0;
    Chain chain = 0;  // After event first_seq - 1.
  };
  /// A place in the record stream: the next record to read.
  struct Cursor {
    std::size_t live = 0;      // Index into live_.
    std::uint32_t offset = 0;  // In that sector.
    std::uint64_t seq = 0;     // Of the next event at or after it; 0: the cursor points nowhere.
  };
  /// Of a boot's sector: a power cut left it unfinished; finished; and something was written after that, so
  /// that it cannot read differently the next time.
  enum class Copy : std::uint8_t { kIncomplete, kDone, kConfirmed };
  struct Recovery;  // Mount's findings before they become the state (recovery.h).

  std::uint32_t unit() const;         // Records are padded to it.
  std::uint32_t data_offset() const;  // Of the first record in a sector.
  std::uint32_t padded(std::size_t size) const;
  std::uint32_t address_of(const LiveSector& live, std::uint32_t offset) const;

  Status append(RecordClass record_class, std::uint8_t kind, Bytes payload);
  Status write_record(std::uint8_t record_class, std::uint8_t kind, std::uint64_t order, std::uint64_t seq, Chain chain,
                      Bytes payload);
  Status program(std::uint32_t address, Bytes head, Bytes payload);
  bool reads_as(std::uint32_t address, Bytes data) const;
  static bool is_erased(Bytes bytes);
  Status erase(std::uint16_t sector);
  bool answers() const;
  /// Leaves so many sectors unused; kNoSpace: it would be fewer.
  Status open_next(std::uint32_t leave = kSectorsForBoot);
  Status leave_worn_sector();
  void retire(std::uint16_t sector);
  bool retired(std::uint16_t sector) const;
  void take_retired(const SectorBits& bits);
  Status append_retired();
  Status open_sector(layout::SectorRole role, std::uint64_t supersedes, std::uint64_t first_order,
                     std::uint64_t first_seq, Chain chain, std::uint16_t wanted = kNoSector);
  /// Not one of `avoided` (by physical sector, may be null); kNoSector: there is none.
  std::uint16_t pick_free_sector(const std::array<bool, limits::kSectorsMax>* avoided) const;
  std::uint32_t sectors_unused() const;
  /// Up to `enough`: a journal that has run for long would look at all its sectors.
  std::uint32_t count_free(std::uint32_t enough) const;
  bool has_free(std::uint32_t wanted) const { return count_free(wanted) >= wanted; }
  bool fits(std::uint32_t size, bool ack_mark) const;
  /// The last event that may be discarded: the centre holds it, and the flash says so.
  std::uint64_t discardable_seq() const;
  bool reclaimable(std::size_t live, std::uint64_t acked_seq) const;
  /// True: one that can be written again is discarded when all up to there may be.
  bool frees(std::uint64_t acked_seq) const;
  void reclaim_oldest();
  void write_ack(MutableBytes into) const;
  static void read_ack(Bytes from, std::optional<AckMark>& mark);

  /// Reads and verifies the record at `offset` into scratch_; false: none there that verifies.
  bool read_record(const LiveSector& live, std::uint32_t offset, layout::RecordHeader& header, Bytes& payload) const;
  bool read_header(const LiveSector& live, std::uint32_t offset, layout::RecordHeader& header) const;
  Status seek_event(std::uint64_t seq, layout::RecordHeader& header) const;
  Status check_event(std::uint64_t seq, layout::RecordHeader& header) const;
  Status find_chain(std::uint64_t seq, Chain& chain) const;
  std::size_t live_of_event(std::uint64_t seq) const;

  Status scan_headers(Recovery& recovery);
  bool holds_nothing() const;
  bool holds_copy_done(const LiveSector& live) const;
  Copy copy_state(const LiveSector& live) const;
  bool find_record(const LiveSector& live, std::uint32_t& offset, layout::RecordHeader& header, Bytes& payload) const;
  void drop_incomplete_boot_sectors(Recovery& recovery);
  void drop_repeated_sectors();
  void keep_live_but(const std::array<bool, limits::kSectorsMax>& drop);
  static bool follow(Recovery& recovery, const layout::RecordHeader& record, Bytes payload, std::uint64_t& open_begin);
  static void note_settled(Recovery& recovery, const layout::RecordHeader& record, Bytes payload);
  void scan_records(Recovery& recovery, std::size_t first, MountReport& report);
  void skip_damage_in_tail(Recovery& recovery, MountReport& report);
  static void note_lost(std::uint64_t from, std::uint64_t to, MountReport& report);
  static void note_lost_beginning(const LiveSector& first, MountReport& report);
  void give_up_tail(Recovery& recovery, MountReport& report);
  void take(const Recovery& recovery);
  std::uint16_t pick_boot_sector(const Recovery& recovery);
  Status open_boot_sector(Recovery& recovery, MountReport& report);
  Status try_boot_sector(Recovery& recovery, MountReport& report);
  Status copy_tail(Recovery& recovery, const LiveSector& tail, std::uint32_t offset, std::uint64_t order);
  std::size_t live_of_order(std::uint64_t order) const;
  void fold(const Recovery& recovery, RecordVisitor& visitor, MountReport& report);
  static void tell_lost(std::uint64_t count, RecordVisitor& visitor, MountReport& report);
  void drop_obsolete_sectors(const Recovery& recovery);

  hal::NorFlash& flash_;
  JournalUid uid_{};
  std::uint32_t boot_ = 0;
  bool mounted_ = false;
  bool failed_ = false;  // A write failed; nothing more is written until mounted again.
  std::uint64_t next_serial_ = 1;
  std::uint64_t next_order_ = 1;
  std::uint64_t next_seq_ = 1;
  Chain chain_ = 0;
  std::optional<AckMark> last_ack_;
  std::uint64_t written_ack_seq_ = 0;   // Of the newest mark on the flash.
  std::uint64_t checkpoint_order_ = 0;  // Order of the last complete checkpoint's begin; 0: none.
  std::uint32_t sectors_since_checkpoint_ = 0;
  bool fold_has_hole_ = false;      // Found since the mount, behind the last checkpoint's begin.
  std::uint32_t write_offset_ = 0;  // In the newest sector.
  bool copy_done_ = false;          // The newest sector has its kCopyDone.
  std::uint16_t boots_in_a_row_ = 0;
  std::uint64_t lost_from_ = 0;  // First and last event that damage has taken; 0: none.
  std::uint64_t lost_to_ = 0;

  std::array<LiveSector, limits::kSectorsMax> live_{};  // Oldest first.
  std::size_t live_count_ = 0;
  std::array<bool, limits::kSectorsMax> in_use_{};  // By physical sector.
  SectorBits retired_{};                            // One that holds history still is in use, too.
  std::uint32_t retired_count_ = 0;
  bool retired_untold_ = false;  // The newest kRetired does not name them all.
  mutable Cursor cursor_;
  mutable std::array<std::byte, limits::kEventBytesMax + layout::kEventHeaderSize> scratch_{};
};

}  // namespace cubby::store
