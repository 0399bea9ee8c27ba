// Where the centre's mark and the journal meet, or do not.
#include "firmware/wire/session/uplink.h"
#include "firmware/wire/session/uplink_parts.h"

namespace cubby::wire {

// What an earlier Ack allowed to discard, the centre has lost: from event `oldest` on nothing more may go until it has
// them again. The mark stays the word of the store that gave it, for this one has not taken the Gap yet.
void Uplink::keep_from(std::uint64_t oldest, Chain chain_before) {
  std::optional<UplinkMark> mark = events_.last_ack();
  if (mark.has_value() && mark->seq >= oldest) {
    mark->seq = oldest - 1;
    mark->chain = chain_before;
    static_cast<void>(events_.acknowledge(*mark));  // Not durable: the next Welcome says it again.
  }
}

// Brings both sides to the same place. False: the session is over.
bool Uplink::sync(const cubby_v1_Welcome& welcome, Instant now) {
  if (welcome.high_water >= events_.next_seq()) {
    contradict(events_.next_seq() - 1, now);  // It holds events that this journal never wrote: an image from the past.
    return false;
  }
  const std::optional<Chain> own = events_.chain_at(welcome.high_water);
  if (own.has_value() && *own != welcome.high_water_chain) {
    contradict(welcome.high_water, now);  // A clone: same journal, other events.
    return false;
  }
  acked_seq_ = welcome.high_water;
  const std::uint64_t oldest = events_.oldest_seq(welcome.high_water);
  if (welcome.high_water + 1 >= oldest) {
    if (!own.has_value()) {
      pass_missing(welcome.high_water, Status::kCorrupt, now);
      return false;
    }
    sent_seq_ = welcome.high_water;
    sent_chain_ = welcome.high_water_chain;
    // The mark may also have gone back: then the centre was restored from a backup, and what it lost
    // must not be discarded.
    const UplinkMark mark{.seq = sent_seq_, .chain = sent_chain_, .store_uid = store_uid_, .generation = generation_};
    const std::optional<UplinkMark> known = events_.last_ack();
    const bool news = known.has_value() ? known->seq != mark.seq || known->store_uid != mark.store_uid ||
                                              known->generation != mark.generation
                                        : mark.seq > 0;
    if (news) {
      static_cast<void>(events_.acknowledge(mark));  // Not durable: the next Welcome says it again.
    }
    return true;
  }
  const std::optional<Chain> chain = events_.chain_at(oldest - 1);
  if (!chain.has_value()) {
    fail(now, kSlowRetry);
    return false;
  }
  keep_from(oldest, *chain);
  cubby_v1_Up up = cubby_v1_Up_init_zero;
  up.which_body = cubby_v1_Up_gap_tag;
  copy_to(up.body.gap.journal_uid, events_.uid());
  up.body.gap.from_seq = welcome.high_water + 1;
  up.body.gap.to_seq = oldest - 1;
  up.body.gap.cause = cubby_v1_GapCause_GAP_CAUSE_TRIMMED;
  up.body.gap.new_chain = *chain;
  sent_seq_ = oldest - 1;
  sent_chain_ = *chain;
  await_answer(now);
  send(up, now);
  if (!in_session()) {
    return false;
  }
  if (sent_seq_ > gap_told_) {
    gap_told_ = sent_seq_;
    listener_.on_gap();
  }
  return true;
}

// In a hole, or trimmed while we were talking: the next SYNC books it. One that does not read well is tried once more,
// since a part may have been disturbed; then it is a hole, too.
void Uplink::pass_missing(std::uint64_t seq, Status why, Instant now) {
  if (why == Status::kNotFound) {
    fail(now);
    return;
  }
  const bool again = unreadable_ == seq;
  unreadable_ = seq;
  const bool passed = again && events_.give_up_from(seq) == Status::kOk;
  fail(now, passed ? Duration{} : kSlowRetry);
}

// The centre has to hear of it: it took our Welcome for a session, and whoever else speaks for this station lost
// theirs.
void Uplink::contradict(std::uint64_t seq, Instant now) {
  const std::optional<Chain> own = events_.chain_at(seq);
  if (unsent_.empty() && own.has_value()) {
    cubby_v1_Up up = cubby_v1_Up_init_zero;
    up.which_body = cubby_v1_Up_diverged_tag;
    copy_to(up.body.diverged.journal_uid, events_.uid());
    up.body.diverged.seq = seq;
    up.body.diverged.chain = *own;
    send(up, now);
  }
  const bool told = in_session() && unsent_.empty() && own.has_value();
  if (!told) {
    stop(now);
    return;
  }
  schedule_look(now);
  answer_by_ = now + policy_.response_deadline;
  ping_answer_by_ = Instant::max();
  enter(UplinkState::kConflict);
}

// The link stays until the centre has taken what was told, whatever it answers.
void Uplink::await_farewell(Instant now) {
  if (link_.state() != hal::LinkState::kUp || now >= answer_by_ || link_.receive(parser_.space()) > 0) {
    disconnect();
  }
}

}  // namespace cubby::wire
