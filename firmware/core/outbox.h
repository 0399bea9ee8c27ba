#pragma once

#include "firmware/store/journal.h"
#include "firmware/wire/session/uplink.h"

namespace cubby::core {

/// The journal as the uplink's queue: what is durable here is what may be sent.
class Outbox final : public wire::EventSource {
 public:
  explicit Outbox(store::Journal& journal) : journal_(journal) {}

  JournalUid uid() const override { return journal_.uid(); }
  std::uint32_t boot() const override { return journal_.boot(); }
  std::uint64_t oldest_seq(std::uint64_t held) const override { return journal_.oldest_seq(held); }
  std::uint64_t next_seq() const override { return journal_.next_seq(); }
  Result<std::size_t> read_event(std::uint64_t seq, MutableBytes into, Chain& chain) const override {
    return journal_.read_event(seq, into, chain);
  }
  std::optional<Chain> chain_at(std::uint64_t seq) const override { return journal_.chain_at(seq); }
  Status give_up_from(std::uint64_t seq) override { return journal_.give_up_from(seq); }
  std::optional<wire::UplinkMark> last_ack() const override {
    const auto mark = journal_.last_ack();
    if (!mark.has_value()) {
      return std::nullopt;
    }
    return wire::UplinkMark{mark->seq, mark->chain, mark->store_uid, mark->generation};
  }
  Status acknowledge(const wire::UplinkMark& mark) override {
    return journal_.acknowledge({mark.seq, mark.chain, mark.store_uid, mark.generation});
  }

 private:
  store::Journal& journal_;
};

}  // namespace cubby::core
