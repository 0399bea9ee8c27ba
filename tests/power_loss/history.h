#pragma once

#include <optional>
#include <string>
#include <vector>

#include "firmware/store/journal.h"

/// What a journal was told, and whether what it gives back is that.
namespace cubby::power_loss {

/// A record's bytes are a function of its number and size, so that histories are cheap to copy.
std::vector<std::byte> payload_of(std::uint64_t number, std::size_t size);

/// The state that a fold of all records has: how many, and a hash over each in order.
struct Folded {
  std::uint64_t count = 0;
  std::uint64_t hash = 0;
  void add(store::RecordClass record_class, std::uint8_t kind, std::uint64_t seq, Bytes payload);
  friend bool operator==(const Folded&, const Folded&) = default;
};

/// A checkpoint of such a state, as large as the geometry can bear, all of it checked when it is read.
class FoldedCheckpoint final : public store::CheckpointSource {
 public:
  static constexpr std::size_t kParts = 3;
  static constexpr std::size_t kPartSize = 160;
  explicit FoldedCheckpoint(const Folded& state) : state_(state) {}
  std::size_t checkpoint_part(std::size_t index, MutableBytes into) override;

 private:
  Folded state_;
};

/// Folds what a mount hands over.
class Folder final : public store::RecordVisitor {
 public:
  void on_records_lost(std::uint64_t) override { complaint_ = "a power cut is taken for damage"; }
  void on_checkpoint_begin() override;
  void on_checkpoint_part(Bytes part) override;
  void on_record(const store::Record& record) override;
  const Folded& state() const { return state_; }
  /// Empty: the calls came in a legal order.
  const std::string& complaint() const { return complaint_; }
  /// A reader that loses the `number`-th record that it gets; for a canary.
  void lose(std::uint64_t number) { lose_ = number; }

 private:
  Folded state_;
  std::size_t parts_ = 0;
  bool in_checkpoint_ = false;
  std::uint64_t last_order_ = 0;
  std::uint64_t seen_ = 0;
  std::optional<std::uint64_t> lose_;
  std::string complaint_;
};

/// All records that were completed, what may be in flight, and what was acknowledged.
class History {
 public:
  struct Event {
    std::uint64_t number = 0;
    std::size_t size = 0;
    Chain chain = 0;
  };

  explicit History(const JournalUid& uid) : start_(chain_start(uid)) {}

  std::uint64_t next_number() const { return next_number_; }
  std::uint64_t next_seq() const { return events_.size() + 1; }
  Chain chain() const { return events_.empty() ? start_ : events_.back().chain; }
  Chain chain_after(std::uint64_t seq) const { return seq == 0 ? start_ : events_[seq - 1].chain; }
  const Folded& state() const { return state_; }
  std::uint64_t acked() const { return acked_; }

  void begin_event(std::size_t size);
  void begin_internal(std::uint8_t kind, std::size_t size);
  void begin_ack(std::uint64_t seq) { pending_ack_ = seq; }
  /// The call returned: what was begun happened, or did not.
  void settle(bool happened);
  /// The mark was taken, but nothing was written: it holds until the power goes.
  void settle_volatile_ack();
  /// The call never returned: what was begun may have happened.
  void power_lost() { next_number_ += 1; }

  /// Compares a journal that has just mounted and decides what became of the record in flight. Empty: all is well.
  std::string compare(const store::Journal& journal, const Folder& folder, const store::MountReport& report);

 private:
  struct Pending {
    store::RecordClass record_class = store::RecordClass::kEvent;
    std::uint8_t kind = 0;
    Event event;
    Folded after;
  };
  std::string compare_events(const store::Journal& journal) const;

  Chain start_;
  std::vector<Event> events_;
  Folded state_;
  std::uint64_t next_number_ = 1;
  std::uint64_t acked_ = 0;        // Durably.
  std::uint64_t discardable_ = 0;  // Up to there the centre has confirmed.
  std::optional<Pending> pending_;
  std::optional<std::uint64_t> pending_ack_;
};

}  // namespace cubby::power_loss
