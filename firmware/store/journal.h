#pragma once

#include <cstdint>
#include <optional>

#include "firmware/base/bytes.h"
#include "firmware/base/chain.h"
#include "firmware/base/limits.h"
#include "firmware/base/result.h"
#include "firmware/hal/nor_flash.h"

/// The append-only journal on NOR flash; every bit is in docs/spec/flash.md.
namespace cubby::store {

/// Events are numbered without gaps, chained and sent to the centre. Internal records (intents,
/// outcomes, throttle counts, acknowledgement marks, checkpoints) never leave the station.
enum class RecordClass : std::uint8_t { kEvent = 1, kInternal = 2 };

/// Internal kinds below this are the journal's own; the rest belong to core, opaque to the journal.
inline constexpr std::uint8_t kFirstForeignKind = 64;

struct Record {
  RecordClass record_class = RecordClass::kInternal;
  std::uint8_t kind = 0;        // Of an internal record.
  std::uint64_t order = 0;      // Over both classes, from 1.
  std::uint64_t seq = 0;        // Of an event, from 1; else 0.
  Chain chain = 0;              // After that event; else 0.
  Bytes payload;                // Valid for the call only.
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
  std::uint32_t records = 0;          // Handed to the visitor.
  std::uint32_t damaged = 0;          // Places that did not verify.
  std::uint64_t events_lost_from = 0; // First and last seq that is missing in mid-journal; 0: none.
  std::uint64_t events_lost_to = 0;
};

class Journal {
 public:
  explicit Journal(hal::NorFlash& flash);

  /// Finds the newest history and opens a fresh sector for this boot. kNotFound: no journal here (blank
  /// or foreign: nothing was changed; call format()). kVersion: newer format. kCorrupt, kIo: unusable.
  Status mount(RecordVisitor& visitor, MountReport& report);
  /// Erases what it needs and starts a journal of that identity. Never called by mount().
  Status format(const JournalUid& uid);

  const JournalUid& uid() const { return uid_; }
  std::uint32_t boot() const { return boot_; }        // Number of this boot, from 1.

  /// Durable when it returns kOk; on kIo nobody knows, and the journal takes no more until remounted.
  /// kNoSpace: every sector is needed. An event's seq is next_seq() of before the call.
  Status append_event(Bytes payload);
  Status append_internal(std::uint8_t kind, Bytes payload);

  /// True when recovery would fold more than its share; the owner then calls write_checkpoint().
  bool checkpoint_due() const;
  Status write_checkpoint(CheckpointSource& source);

  std::uint64_t oldest_seq() const;                    // Oldest event still readable; next_seq() if none.
  std::uint64_t next_seq() const { return next_seq_; }
  Chain last_chain() const { return chain_; }          // After event next_seq() - 1.
  /// Reads event `seq` into `into`; returns its size and, in `chain`, the chain after it. Reading in
  /// order is cheap.
  Result<std::size_t> read_event(std::uint64_t seq, MutableBytes into, Chain& chain) const;
  /// Chain after event `seq` (0: the start); nullopt if it is no longer known.
  std::optional<Chain> chain_at(std::uint64_t seq) const;

  /// Remembers durably that everything up to `mark` may be discarded (lazily, when space is needed).
  /// kBadInput: not the chain of our own record there.
  Status acknowledge(const AckMark& mark);
  std::optional<AckMark> last_ack() const { return last_ack_; }

  /// False when only the reserve for pickups and security events is left.
  bool room_for_deposits() const;
  std::uint32_t sectors_free() const;

 private:
  // BEGIN members (owned by the implementation)
  hal::NorFlash& flash_;
  JournalUid uid_{};
  std::uint32_t boot_ = 0;
  std::uint64_t next_seq_ = 1;
  Chain chain_ = 0;
  std::optional<AckMark> last_ack_;
  // END members
};

}  // namespace cubby::store
