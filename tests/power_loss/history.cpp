#include "power_loss/history.h"

#include "firmware/base/crc.h"

namespace cubby::power_loss {
namespace {

std::uint64_t mix(std::uint64_t value) {
  value += 0x9E3779B97F4A7C15U;
  value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9U;
  value = (value ^ (value >> 27)) * 0x94D049BB133111EBU;
  return value ^ (value >> 31);
}

}  // namespace

std::vector<std::byte> payload_of(std::uint64_t number, std::size_t size) {
  std::vector<std::byte> bytes(size);
  std::uint64_t word = 0;
  for (std::size_t i = 0; i < size; ++i) {
    if (i % 8 == 0) {
      word = mix(number * 1000 + i);
    }
    bytes[i] = static_cast<std::byte>(word >> (8 * (i % 8)));
  }
  return bytes;
}

void Folded::add(store::RecordClass record_class, std::uint8_t kind, std::uint64_t seq, Bytes payload) {
  ++count;
  hash = mix(hash ^ (static_cast<std::uint64_t>(record_class) << 8 | kind));
  hash = mix(hash ^ seq);
  hash = mix(hash ^ (static_cast<std::uint64_t>(crc32c(payload)) << 32 | payload.size()));
}

std::size_t FoldedCheckpoint::checkpoint_part(std::size_t index, MutableBytes into) {
  if (index >= kParts) {
    return 0;
  }
  const auto filler = payload_of(state_.hash + index, kPartSize);
  std::copy(filler.begin(), filler.end(), into.begin());
  if (index == 0) {
    store_le<std::uint64_t>(into.subspan(0, 8), state_.count);
    store_le<std::uint64_t>(into.subspan(8, 8), state_.hash);
  }
  return kPartSize;
}

void Folder::on_checkpoint_begin() {
  if (seen_ != 0 || in_checkpoint_) {
    complaint_ = "a checkpoint begins after records or twice";
  }
  state_ = {};
  in_checkpoint_ = true;
}

void Folder::on_checkpoint_part(Bytes part) {
  if (!in_checkpoint_ || seen_ != 0 || part.size() != FoldedCheckpoint::kPartSize) {
    complaint_ = "a part of a checkpoint out of place";
    return;
  }
  if (parts_ == 0) {
    state_.count = load_le<std::uint64_t>(part.subspan(0, 8));
    state_.hash = load_le<std::uint64_t>(part.subspan(8, 8));
  }
  std::array<std::byte, FoldedCheckpoint::kPartSize> expected;
  (void)FoldedCheckpoint(state_).checkpoint_part(parts_, expected);
  if (!std::equal(part.begin(), part.end(), expected.begin())) {
    complaint_ = "a part of a checkpoint is not what was written";
  }
  ++parts_;
}

void Folder::on_record(const store::Record& record) {
  if (in_checkpoint_ && parts_ != FoldedCheckpoint::kParts) {
    complaint_ = "a checkpoint without all of its parts";
  }
  if (record.order <= last_order_) {
    complaint_ = "records out of order";
  }
  last_order_ = record.order;
  if (seen_++ != lose_) {
    state_.add(record.record_class, record.kind, record.seq, record.payload);
  }
}

void History::begin_event(std::size_t size) {
  const auto payload = payload_of(next_number_, size);
  Pending pending;
  pending.event = {.number = next_number_, .size = size, .chain = chain_next(chain(), next_seq(), payload)};
  pending.after = state_;
  pending.after.add(store::RecordClass::kEvent, 0, next_seq(), payload);
  pending_ = pending;
}

void History::begin_internal(std::uint8_t kind, std::size_t size) {
  Pending pending;
  pending.record_class = store::RecordClass::kInternal;
  pending.kind = kind;
  pending.event = {.number = next_number_, .size = size, .chain = 0};
  pending.after = state_;
  pending.after.add(store::RecordClass::kInternal, kind, 0, payload_of(next_number_, size));
  pending_ = pending;
}

void History::settle(bool happened) {
  if (happened && pending_.has_value()) {
    if (pending_->record_class == store::RecordClass::kEvent) {
      events_.push_back(pending_->event);
    }
    state_ = pending_->after;
  }
  if (happened && pending_ack_.has_value()) {
    acked_ = *pending_ack_;
    discardable_ = std::max(discardable_, acked_);
  }
  ++next_number_;
  pending_.reset();
  pending_ack_.reset();
}

void History::settle_volatile_ack() {
  discardable_ = std::max(discardable_, *pending_ack_);
  pending_ack_.reset();
}

std::string History::compare(const store::Journal& journal, const Folder& folder, const store::MountReport& report) {
  if (!folder.complaint().empty()) {
    return folder.complaint();
  }
  if (report.damaged != 0 || report.events_lost_from != 0) {
    return "a power cut was taken for damage: " + std::to_string(report.damaged) + " places, events " +
           std::to_string(report.events_lost_from) + ".." + std::to_string(report.events_lost_to);
  }
  const bool without = folder.state() == state_;
  const bool with = pending_.has_value() && folder.state() == pending_->after;
  if (!without && !with) {
    return "the fold has " + std::to_string(folder.state().count) + " records, " + std::to_string(state_.count) +
           " were completed" + (pending_.has_value() ? " and one is in flight" : "") + ", or their bytes differ";
  }
  const std::optional<store::AckMark> ack = journal.last_ack();
  const std::uint64_t mark = ack.has_value() ? ack->seq : 0;
  // A mark that was only taken in memory may have become durable with a checkpoint.
  if (mark != pending_ack_ && (mark < acked_ || mark > std::max(acked_, discardable_))) {
    return "acknowledged up to " + std::to_string(mark) + ", was told " + std::to_string(acked_);
  }
  if (pending_ack_.has_value()) {
    // Whether or not it became durable, the centre had confirmed it.
    discardable_ = std::max(discardable_, *pending_ack_);
    pending_ack_.reset();
  }
  acked_ = mark;
  if (with && pending_->record_class == store::RecordClass::kEvent) {
    events_.push_back(pending_->event);
  }
  state_ = folder.state();
  pending_.reset();
  return compare_events(journal);
}

std::string History::compare_events(const store::Journal& journal) const {
  if (journal.next_seq() != next_seq() || journal.last_chain() != chain()) {
    return "next seq is " + std::to_string(journal.next_seq()) + ", should be " + std::to_string(next_seq()) +
           ", or the chain differs";
  }
  if (journal.oldest_seq() > discardable_ + 1) {
    return "events from " + std::to_string(discardable_ + 1) + " to " + std::to_string(journal.oldest_seq() - 1) +
           " were discarded, nobody had confirmed them";
  }
  std::array<std::byte, limits::kEventBytesMax> bytes;
  for (std::uint64_t seq = journal.oldest_seq(); seq < next_seq(); ++seq) {
    Chain chain = 0;
    const Result<std::size_t> size = journal.read_event(seq, bytes, chain);
    const Event& event = events_[seq - 1];
    const auto expected = payload_of(event.number, event.size);
    if (!size.ok() || size.value() != event.size || chain != event.chain ||
        !std::equal(expected.begin(), expected.end(), bytes.begin())) {
      return "event " + std::to_string(seq) + " cannot be read as it was written";
    }
    if (seq % 7 == 0 && journal.chain_at(seq) != event.chain) {
      return "the chain after event " + std::to_string(seq) + " is not known";
    }
  }
  return {};
}

}  // namespace cubby::power_loss
