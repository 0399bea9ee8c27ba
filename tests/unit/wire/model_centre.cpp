#include "unit/wire/model_centre.h"

#include "firmware/base/digest.h"

namespace cubby::wire::test {

void ModelCentre::connected() {
  input_.clear();
  output.clear();
  stage_ = Stage::kHello;
}

void ModelCentre::receive(std::string_view bytes) {
  input_ += bytes;
  for (const cubby::v1::Up& up : take_frames(input_)) {
    handle(up);
  }
}

void ModelCentre::handle(const cubby::v1::Up& up) {
  switch (up.body_case()) {
    case cubby::v1::Up::kHello: {
      EXPECT_EQ(stage_, Stage::kHello);
      EXPECT_EQ(up.hello().journal_uid(), bytes_to_string(uid_));
      hello_ = up.hello();
      cubby::v1::Down down;
      down.mutable_challenge()->set_nonce(std::string(16, static_cast<char>(++session_)));
      down.mutable_challenge()->set_key_version(1);
      say(down);
      stage_ = Stage::kProof;
      return;
    }
    case cubby::v1::Up::kProof:
      EXPECT_EQ(stage_, Stage::kProof);
      on_proof(up.proof());
      return;
    case cubby::v1::Up::kBatch:
      EXPECT_EQ(stage_, Stage::kStream);
      on_batch(up.batch());
      return;
    case cubby::v1::Up::kGap:
      EXPECT_EQ(stage_, Stage::kStream);
      on_gap(up.gap());
      return;
    case cubby::v1::Up::kPing:
      EXPECT_EQ(stage_, Stage::kStream);
      ack();
      return;
    default:
      ADD_FAILURE() << "A station does not send " << up.ShortDebugString();
  }
}

void ModelCentre::on_proof(const cubby::v1::Proof& proof) {
  const std::string text = "cubby uplink v1" + std::string(16, static_cast<char>(session_)) + hello_.nonce() +
                           hello_.journal_uid() + hello_.station();
  const std::array<Bytes, 1> parts{as_bytes(text)};
  EXPECT_EQ(proof.mac(), bytes_to_string(hmac_sha256(key_, parts)));
  stored_.resize(durable_);  // An older session's events that were not committed are void.
  cubby::v1::Down down;
  cubby::v1::Welcome& welcome = *down.mutable_welcome();
  welcome.set_session(session_);
  welcome.set_store_uid(std::string(16, 's'));
  welcome.set_generation(generation_);
  welcome.set_high_water(durable_);
  welcome.set_high_water_chain(chain_at(durable_));
  welcome.set_window(window);
  welcome.set_utc_ms(1);
  welcome.set_frame_size_max(limits::kFrameUpMax);
  welcome.set_batch_events_max(limits::kBatchEventsMax);
  say(down);
  stage_ = Stage::kStream;
}

void ModelCentre::on_batch(const cubby::v1::Batch& batch) {
  std::uint64_t seq = batch.first_seq();
  if (seq == 0 || seq > stored_.size() + 1 || batch.previous_chain() != chain_at(seq - 1)) {
    quarrel = true;
    ADD_FAILURE() << "Batch from " << seq << " after " << stored_.size();
    return;
  }
  EXPECT_GT(batch.events_size(), 0);
  Chain chain = batch.previous_chain();
  for (const std::string& payload : batch.events()) {
    chain = chain_next(chain, seq, as_bytes(payload));
    if (seq > stored_.size()) {
      stored_.push_back({.payload = payload, .chain = chain});
    }
    EXPECT_EQ(chain_at(seq), chain);
    ++seq;
  }
  EXPECT_LE(stored_.size() - durable_, window) << "More unacknowledged events than allowed.";
}

void ModelCentre::on_gap(const cubby::v1::Gap& gap) {
  EXPECT_EQ(gap.from_seq(), stored_.size() + 1);
  EXPECT_GE(gap.to_seq(), gap.from_seq());
  while (stored_.size() < gap.to_seq()) {
    stored_.push_back({.payload = std::nullopt, .chain = gap.new_chain()});
  }
}

void ModelCentre::commit() {
  const bool news = durable_ != stored_.size();
  durable_ = stored_.size();
  if (news && stage_ == Stage::kStream) {
    ack();
  }
}

void ModelCentre::ack() {
  cubby::v1::Down down;
  cubby::v1::Ack& ack = *down.mutable_ack();
  ack.set_journal_uid(bytes_to_string(uid_));
  ack.set_durable_seq(durable_);
  ack.set_chain(chain_at(durable_));
  ack.set_window(window);
  say(down);
}

void ModelCentre::pause(std::uint32_t retry_after_s) {
  if (stage_ == Stage::kStream) {
    cubby::v1::Down down;
    down.mutable_pause()->set_retry_after_s(retry_after_s);
    say(down);
  }
}

void ModelCentre::crash() {
  stored_.resize(durable_);
  connected();
}

void ModelCentre::restore(std::uint64_t high_water) {
  crash();
  durable_ = high_water;
  stored_.resize(durable_);
  ++generation_;
}

std::uint64_t ModelCentre::gap_events() const {
  std::uint64_t count = 0;
  for (const Stored& stored : stored_) {
    count += stored.payload.has_value() ? 0 : 1;
  }
  return count;
}

void ModelCentre::expect_equal_to(const FakeEvents& events) const {
  ASSERT_EQ(durable_, events.next_seq() - 1);
  for (std::uint64_t seq = 1; seq <= durable_; ++seq) {
    const Stored& stored = stored_[seq - 1];
    if (stored.payload.has_value()) {
      ASSERT_EQ(*stored.payload, events.payload(seq)) << seq;
      ASSERT_EQ(stored.chain, events.chain(seq)) << seq;
    }
  }
}

}  // namespace cubby::wire::test
